"""Lists of results, one per image, that scikit-learn's tools can join."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

__all__ = ["PerImage"]

_Item = TypeVar("_Item")


class PerImage(list[_Item]):
    """A list with one array or table per image, of any size.

    `cross_val_predict` and `FeatureUnion` join the results of folds and of transformers
    by NumPy, as if they were arrays. The results of folds are joined one after the
    other, also if images differ in size; those of transformers can't be put side by
    side. To all other functions of NumPy this is a list like any other.
    """

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        if function is np.hstack or (
            function is np.concatenate and kwargs.get("axis") == 1
        ):
            raise TypeError(
                "results of images can't be put side by side, as FeatureUnion does; "
                "one SuperpixelFeatures computes several groups: "
                "SuperpixelFeatures(features=('mean', 'std'))."
            )
        args = _plain(args)
        if function is np.concatenate and len(args) == 1 and not kwargs:
            items = [item for part in args[0] for item in part]
            if len({np.shape(item) for item in items}) > 1:
                joined = np.empty(len(items), dtype=object)
                for i, item in enumerate(items):
                    joined[i] = item
                return joined
        return function(*args, **{name: _plain(one) for name, one in kwargs.items()})


def _plain(value: Any) -> Any:
    """Ordinary lists, so that NumPy does not ask again."""
    if isinstance(value, tuple):
        return tuple(map(_plain, value))
    return [_plain(one) for one in value] if isinstance(value, list) else value
