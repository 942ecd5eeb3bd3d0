"""A common interface to read affinities from any source.

The source may belong to this package or be any other transformer. There is none if the
items are affinity maps already.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import Any

import numpy as np
from numpy.typing import NDArray
from sklearn.frozen import FrozenEstimator

from .._validation import check_affinity
from .base import AffinitySource, filled

__all__ = ["SourceReader", "reader_of", "unfrozen"]


def unfrozen(source: Any) -> Any:
    """The source itself, taken out of a FrozenEstimator if it is in one."""
    return source.estimator if isinstance(source, FrozenEstimator) else source


def reader_of(source: Any) -> SourceReader:
    """The reader of a source; None means that the items are affinity maps."""
    if source is None:
        return SourceReader()
    inner = unfrozen(source)
    if isinstance(inner, AffinitySource):
        return _OwnReader(inner)
    return _ForeignReader(source)


class SourceReader:
    """Reads items that are affinity maps; the base class of other readers."""

    #: Whether the items are images.
    reads_images = False
    #: Whether `affinity_of` may run in several threads at once.
    thread_safe = True
    #: The source of affinities; None if nothing is computed.
    source: Any = None

    def check(self, item: Any, *, mask: Any = None, name: str = "image") -> Any:
        """Check an item, and return it as `affinity_of` takes it."""
        return check_affinity(item, mask=mask, name=name)

    def shape_of(self, item: Any) -> tuple[int, ...] | None:
        """Height and width of an item; None if they are unknown."""
        return np.shape(item)[:2]

    def filled(self, item: Any, mask: NDArray[np.bool_] | None) -> Any:
        """A checked item whose map does not depend on what is outside the mask."""
        return item

    def affinity_of(self, item: Any) -> NDArray[np.float32]:
        """The affinity map of one checked item."""
        return item

    def affinities_of(self, items: Iterable[Any]) -> Iterator[NDArray[np.float32]]:
        """The affinity maps of several items, one by one; it may read ahead."""
        return map(self.affinity_of, items)


class _OwnReader(SourceReader):
    """Reads a source of this package."""

    def __init__(self, source: AffinitySource) -> None:
        self.source = source = source._prepared()
        self.reads_images = source._reads_images
        self.thread_safe = source._thread_safe

    def check(self, item: Any, *, mask: Any = None, name: str = "image") -> Any:
        return self.source._check_input(item, mask=mask, name=name)

    def shape_of(self, item: Any) -> tuple[int, ...]:
        return self.source._shape(item)

    def filled(self, item: Any, mask: NDArray[np.bool_] | None) -> Any:
        return item if mask is None else self.source._filled(item, mask)

    def affinity_of(self, item: Any) -> NDArray[np.float32]:
        return self.source._affinity(item)

    def affinities_of(self, items: Iterable[Any]) -> Iterator[NDArray[np.float32]]:
        return self.source._affinities(items)


class _ForeignReader(SourceReader):
    """Reads any other transformer, which checks its items itself."""

    reads_images = True
    thread_safe = False

    def __init__(self, source: Any) -> None:
        self.source = source

    def check(self, item: Any, *, mask: Any = None, name: str = "image") -> Any:
        return item

    def shape_of(self, item: Any) -> None:
        return None

    def filled(self, item: Any, mask: NDArray[np.bool_] | None) -> Any:
        if mask is None or np.shape(item)[:2] != mask.shape:
            return item  # not an image
        return filled(np.asarray(item), mask)

    def affinity_of(self, item: Any) -> NDArray[np.float32]:
        affinities = self.source.transform([item])
        if not hasattr(affinities, "__len__") or len(affinities) != 1:
            raise ValueError(
                f"{self.source} did not return one affinity map for one image; its "
                "transform(X) must return a list of them."
            )
        return affinities[0]
