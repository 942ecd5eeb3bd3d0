"""A sequence that loads its items on access."""

from collections.abc import Callable, Iterable, Iterator, Sequence
from functools import partial
from numbers import Integral
from typing import Any, TypeVar, overload

import numpy as np
from numpy.typing import NDArray

_Item = TypeVar("_Item", covariant=True)


class LazySequence(Sequence[_Item]):
    """A read-only sequence that loads each item anew on access.

    It stores the arguments for loading the items, such as file names, but not the
    items. A data set larger than memory can thus be indexed, split and sent to other
    processes at the cost of its file names.

    Parameters
    ----------
    load : callable
        Called with one element of `items`; returns the loaded item. If it is a
        function of a module, or a :func:`functools.partial` of one, the sequence can
        be pickled.
    items : iterable
        Arguments of `load`, one for each item of the sequence.

    Attributes
    ----------
    load : callable
        As given.
    items : tuple
        As given.

    Notes
    -----
    An integer index returns an item; a slice, or an array or list of integers or of
    booleans, returns another `LazySequence`. Nothing is cached.

    Examples
    --------
    >>> from seal_sk.datasets.lazy import LazySequence
    >>> squares = LazySequence(lambda number: number**2, [1, 2, 3, 4])
    >>> squares[-1]
    16
    >>> list(squares[[0, 2]])
    [1, 9]
    """

    def __init__(self, load: Callable[[Any], _Item], items: Iterable[Any]) -> None:
        self.load = load
        self.items = tuple(items)

    @property
    def shape(self) -> tuple[int]:
        """Number of items, as a tuple like the shape of an array.

        scikit-learn splits objects with a shape through ``X[indices, ...]``, which
        stays lazy here. It would turn other objects into lists of loaded items.
        """
        return (len(self.items),)

    def __len__(self) -> int:
        """Return the number of items."""
        return len(self.items)

    def __iter__(self) -> Iterator[_Item]:
        """Load the items one after another."""
        # The inherited loop over integers would take an IndexError raised inside
        # `load` for the end of the sequence.
        return map(self.load, self.items)

    @overload
    def __getitem__(self, key: int) -> _Item: ...
    @overload
    def __getitem__(
        self, key: slice | Sequence[int] | NDArray[Any]
    ) -> "LazySequence[_Item]": ...
    def __getitem__(self, key: Any) -> Any:
        """Load one item, or select several without loading them."""
        if isinstance(key, tuple) and len(key) == 2 and key[1] is Ellipsis:
            key = key[0]
        if isinstance(key, Integral) and not isinstance(key, (bool, np.bool_)):
            return self.load(self.items[key])
        if isinstance(key, slice):
            return type(self)(self.load, self.items[key])
        return type(self)(self.load, [self.items[i] for i in self._positions(key)])

    def _positions(self, key: Any) -> NDArray[np.intp]:
        indices = np.asarray(key)
        if indices.ndim != 1 or (indices.size and indices.dtype.kind not in "iub"):
            raise TypeError(
                f"{type(self).__name__} takes an integer, a slice, or a 1-D array of "
                f"integers or booleans as index, got {key!r}."
            )
        if indices.dtype.kind == "b":
            if len(indices) != len(self):
                raise IndexError(
                    f"A boolean index needs one entry for each of the {len(self)} "
                    f"items, got {len(indices)}."
                )
            return np.flatnonzero(indices)
        return indices.astype(np.intp)

    def __repr__(self) -> str:
        """Return the name of `load`, and the number of items."""
        load = self.load.func if isinstance(self.load, partial) else self.load
        name = getattr(load, "__name__", None) or repr(load)
        return f"{type(self).__name__}({name}, n_items={len(self)})"
