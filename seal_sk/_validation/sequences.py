"""Checks of sequences of images, masks and ground truths."""

from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Indexed
from .images import check_image


def check_images(
    X: Indexed[Any],
    check: Callable[..., Any] = check_image,
    *,
    mask: Indexed[Any] | None = None,
    name: str = "X",
) -> Indexed[Any]:
    """Check that `X` is a sequence of images, and return it as `by_position` does.

    Images in memory are checked one by one with `check`; those of a lazy sequence are
    checked when they are loaded. `mask` must come from `check_masks`.
    """
    X = check_sequence(X, name=name)
    if isinstance(X, (list, tuple, np.ndarray)):
        for i, image in enumerate(X):
            inside = None if mask is None else mask[i]
            check(image, mask=inside, name=f"{name}[{i}]")
    return X


def check_masks(mask: Indexed[Any] | None, X: Indexed[Any]) -> Indexed[Any] | None:
    """Check that `mask` is None, or a sequence of masks and None, as long as `X`.

    Returns it as `by_position` does.
    """
    if mask is None:
        return None
    mask = by_position(mask)
    if not _is_sequence(mask):
        raise TypeError(f"mask is {type(mask).__name__}; give a list of masks.")
    if _n_dimensions(mask) in (0, 1, 2):
        raise ValueError(
            f"mask is one array of shape {tuple(mask.shape)}; give a sequence with one "
            "mask per image: for one image pass [mask]."
        )
    X = check_sequence(X, name="X")
    if len(mask) != len(X):
        raise ValueError(
            f"X has {len(X)} images and mask has {len(mask)} masks; they must pair up "
            "one to one (None for a whole image)."
        )
    return mask


def check_sequence(X: Indexed[Any], *, name: str) -> Indexed[Any]:
    """Refuse a single array, a string, an empty sequence, and non-sequences.

    Returns `X` as `by_position` does.
    """
    X = by_position(X)
    if isinstance(X, np.ndarray) and X.dtype == object and X.ndim != 1:
        raise ValueError(
            f"{name} is an object array of shape {X.shape}; use a list of images."
        )
    if _n_dimensions(X) not in (None, 4):
        raise ValueError(
            f"{name} is one array of shape {tuple(X.shape)}; a sequence of images is "
            f"expected, since (H, W, 3) and (n, H, W) can't be told apart. For one "
            "image pass [image]; for a stack of grey images pass list(stack)."
        )
    if not _is_sequence(X):
        raise TypeError(
            f"{name} is {type(X).__name__}; give a list of arrays (or any sequence "
            "with __len__ and __getitem__)."
        )
    if len(X) == 0:
        raise ValueError(f"{name} is empty; give at least one item.")
    return X


def check_pairs(X: Indexed[Any], y: Indexed[Any] | None) -> tuple[Any, Any]:
    """Check that `X` and `y` are sequences of the same length.

    Returns both as `by_position` does.
    """
    X = check_sequence(X, name="X")
    if y is None:
        raise ValueError("y is None; ground truth is needed: a label map per image.")
    y = by_position(y)
    if _n_dimensions(y) in (0, 1, 2):
        raise ValueError(
            f"y is one array of shape {tuple(y.shape)}; give a sequence with one label "
            "map (or a list of them) per image: for one image pass [label_map]."
        )
    if not _is_sequence(y):
        raise TypeError(f"y is {type(y).__name__}; give a list of label maps.")
    if len(X) != len(y):
        raise ValueError(
            f"X has {len(X)} images and y has {len(y)} ground truths; they must "
            "pair up one to one."
        )
    return X, y


def check_weights(sample_weight: ArrayLike | None, n: int) -> NDArray[np.float64]:
    """Return a weight for each of `n` images, all 1 by default."""
    if sample_weight is None:
        return np.ones(n)
    try:
        weights = np.asarray(sample_weight, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"sample_weight must hold numbers ({error}).") from error
    if weights.shape != (n,):
        raise ValueError(
            f"sample_weight has shape {weights.shape}; give one weight for each of the "
            f"{n} images."
        )
    if not (np.isfinite(weights).all() and (weights >= 0).all() and weights.any()):
        raise ValueError(
            "sample_weight must hold finite numbers of at least 0, not all 0."
        )
    return weights


def by_position(sequence: Any) -> Any:
    """The values of a pandas Series, whose items go by its index; others unchanged."""
    if hasattr(sequence, "iloc") and getattr(sequence, "ndim", None) == 1:
        return sequence.to_numpy()
    return sequence


def _is_sequence(X: Any) -> bool:
    """Whether items can be taken by their position: tables go by names."""
    return (
        hasattr(X, "__len__")
        and hasattr(X, "__getitem__")
        and not isinstance(X, (str, bytes, Mapping))
        and not hasattr(X, "iloc")
        and not hasattr(X, "columns")
    )


def _n_dimensions(X: Any) -> int | None:
    """Dimensions of an array of numbers, such as a tensor; None for other sequences."""
    shape = getattr(X, "shape", None)
    if not isinstance(shape, tuple) or not hasattr(X, "dtype"):
        return None
    if isinstance(X, np.ndarray):
        return None if X.dtype == object else X.ndim
    # A lazy sequence and a column of a table may have a length as their shape.
    return None if len(shape) == 1 else len(shape)
