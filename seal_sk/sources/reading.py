"""One way to read affinities from any source.

A source may be one of this package, any other transformer, or none at all where the
items are affinity maps already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from .._validation import check_affinity
from .base import AffinitySource

__all__ = ["SourceReader", "reader_of", "unfrozen"]


def unfrozen(source: Any) -> Any:
    """The source itself, where FrozenEstimator holds it."""
    return source.estimator if isinstance(source, FrozenEstimator) else source


def reader_of(source: Any) -> SourceReader:
    """The reader of a source; None stands for items that are affinity maps."""
    if source is None:
        return SourceReader()
    inner = unfrozen(source)
    if isinstance(inner, AffinitySource):
        return _OwnReader(inner)
    return _ForeignReader(source)


class SourceReader:
    """Reads items that are affinity maps; other readers override it."""

    #: Whether `affinity_of` may run in several threads at once.
    thread_safe = True
    #: What tells the source apart from others; None where nothing is computed.
    source: Any = None

    def check(self, item: Any, *, mask: Any = None, name: str = "image") -> Any:
        """An item as `affinity_of` takes it."""
        return check_affinity(item, mask=mask, name=name)

    def shape_of(self, item: Any) -> tuple[int, ...] | None:
        """Height and width of an item; None where it doesn't say."""
        return np.shape(item)[:2]

    def affinity_of(self, item: Any) -> NDArray[np.float32]:
        """The affinity map of one checked item."""
        return item

    def affinities_of(self, items: Iterable[Any]) -> Iterator[NDArray[np.float32]]:
        """Those of several, one after the other; it may read ahead."""
        return map(self.affinity_of, items)


class _OwnReader(SourceReader):
    """Reads a source of this package."""

    def __init__(self, source: AffinitySource) -> None:
        self.source = source = source._prepared()
        self.thread_safe = source._thread_safe

    def check(self, item: Any, *, mask: Any = None, name: str = "image") -> Any:
        return self.source._check_input(item, mask=mask, name=name)

    def shape_of(self, item: Any) -> tuple[int, ...]:
        return self.source._shape(item)

    def affinity_of(self, item: Any) -> NDArray[np.float32]:
        return self.source._affinity(item)

    def affinities_of(self, items: Iterable[Any]) -> Iterator[NDArray[np.float32]]:
        return self.source._affinities(items)


class _ForeignReader(SourceReader):
    """Reads a transformer from elsewhere, which checks for itself."""

    thread_safe = False

    def __init__(self, source: Any) -> None:
        self.source = source

    def check(self, item: Any, *, mask: Any = None, name: str = "image") -> Any:
        return item

    def shape_of(self, item: Any) -> None:
        return None

    def affinity_of(self, item: Any) -> NDArray[np.float32]:
        (affinity,) = self.source.transform([item])
        return affinity
