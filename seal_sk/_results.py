"""Lists of results, one per image, that scikit-learn's tools can join."""

from collections.abc import Callable
from typing import Any, TypeVar

import numpy as np

__all__ = ["PerImage"]

_Item = TypeVar("_Item")


class PerImage(list[_Item]):
    """A list with one array or table per image, of any size.

    `cross_val_predict` and `FeatureUnion` join the results of folds and of transformers
    by NumPy, as if they were arrays. These lists are joined one after the other, also
    if images differ in size, and can't be put side by side.
    """

    def __array_function__(
        self,
        function: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...],
        kwargs: dict[str, Any],
    ) -> Any:
        args = tuple(_plain(one) for one in args)
        kwargs = {name: _plain(one) for name, one in kwargs.items()}
        if function is np.hstack or (function is np.concatenate and kwargs.get("axis")):
            raise TypeError(
                "results of images can't be put side by side, as FeatureUnion does; "
                "one SuperpixelFeatures computes several groups: "
                "SuperpixelFeatures(features=('mean', 'std'))."
            )
        if function is np.concatenate:
            items = [item for part in args[0] for item in part]
            if len({np.shape(item) for item in items}) > 1:
                joined = np.empty(len(items), dtype=object)
                for i, item in enumerate(items):
                    joined[i] = item
                return joined
        return function(*args, **kwargs)


def _plain(value: Any) -> Any:
    """Ordinary lists, so that NumPy does not ask again."""
    return [_plain(one) for one in value] if isinstance(value, (list, tuple)) else value
