"""Checks of label maps, annotations, and superpixels with their images."""

from collections.abc import Mapping, Sequence, Set
from numbers import Integral, Number, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Indexed, Truth
from .images import as_image, check_image, refuse_mask


def check_annotations(
    truth: Any, shape: Sequence[int] | None = None, *, name: str = "y_true"
) -> list[NDArray[Any]]:
    """Return one or several label maps as a list of integer (H, W) arrays.

    Parameters
    ----------
    truth : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Any integer (or boolean) dtype.
    shape : tuple of int, optional
        The required (H, W).
    name : str
        Name in error messages.
    """
    if not hasattr(truth, "__len__") or isinstance(truth, (str, bytes, Mapping, Set)):
        raise TypeError(
            f"{name} is {type(truth).__name__}; give a label map (H, W) or a list of "
            "them."
        )
    if getattr(truth, "ndim", None) == 2:
        maps = [truth]
    else:
        for m in (truth, *truth):
            refuse_mask(m, name)
        maps = [np.asarray(m) for m in truth]
        # A label map given as nested lists arrives here as its rows.
        if maps and all(m.ndim == 1 for m in maps):
            maps = [np.asarray(truth)]
    if not maps:
        raise ValueError(f"{name} holds no label map; give at least one.")
    return [check_label_map(m, shape, name=name) for m in maps]


def check_label_map(
    labels: ArrayLike, shape: Sequence[int] | None = None, *, name: str = "labels"
) -> NDArray[Any]:
    """Return an aligned (H, W) array of integer labels in native byte order."""
    refuse_mask(labels, name)
    labels = np.asarray(labels)
    if labels.ndim != 2 or labels.size == 0:
        raise ValueError(
            f"{name} has shape {labels.shape}; a label map is (H, W) with at least "
            "one pixel."
        )
    if labels.dtype == bool:
        labels = labels.astype(np.uint8)
    if labels.dtype.kind not in "iu":
        raise TypeError(
            f"{name} has dtype {labels.dtype}; a label map holds integers. If the "
            "values are whole numbers, use .astype(int)."
        )
    if shape is not None and labels.shape != tuple(shape):
        raise ValueError(
            f"{name} has shape {labels.shape}, but its image (or the other label "
            f"map) is {tuple(shape)}; they must be of the same size."
        )
    return np.require(labels, labels.dtype.newbyteorder("="), ["ALIGNED"])


def check_ground_truth(truth: Truth, *, name: str = "y_true") -> list[NDArray[Any]]:
    """`check_annotations` for the maps of one image, which must have the same size."""
    maps = check_annotations(truth, name=name)
    return check_annotations(maps, maps[0].shape, name=name)


def check_superpixels(
    labels: ArrayLike, shape: Sequence[int] | None = None, *, name: str = "labels"
) -> tuple[NDArray[np.int32], int]:
    """Return a label map as C-contiguous int32, -1 where masked, and the number n.

    Each label in 0..n-1 must occur. It is not checked that each is one region.
    """
    labels = check_label_map(labels, shape, name=name)
    high = int(labels.max())
    if high < 0:
        raise ValueError(f"{name} masks every pixel; there is no superpixel.")
    # There can't be more labels than pixels, so the counts stay small.
    if high < labels.size:
        labels = np.maximum(labels, -1) if labels.dtype.kind == "i" else labels
        labels = np.ascontiguousarray(labels, dtype=np.int32)
        if np.bincount(labels.ravel() + 1, minlength=high + 2)[1:].all():
            return labels, high + 1
    raise ValueError(
        f"{name} goes up to {high}, but some smaller label is missing; number the "
        "superpixels 0, 1, 2, ... with seal_sk.labels.relabel_consecutive."
    )


def check_labelled(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    name: str = "image",
    labels_name: str = "labels",
) -> tuple[NDArray[Any], NDArray[np.int32], int]:
    """Return a checked image, its checked superpixels, and their number.

    Masked pixels of the image may hold anything.
    """
    image = as_image(image, name)
    labels, n = check_superpixels(labels, image.shape[:2], name=labels_name)
    mask = None if labels.min() >= 0 else labels >= 0
    return check_image(image, mask=mask, name=name), labels, n


def check_label_maps(label_maps: Any, X: Indexed[Any]) -> None:
    """Refuse a segmenter's result for `X` unless it has one item per image."""
    if not hasattr(label_maps, "__len__") or len(label_maps) != len(X):
        raise ValueError(
            f"the segmenter did not return one label map for each of the {len(X)} "
            "images; its transform(X) must return a list of them."
        )


def check_labelled_pair(
    pair: object, *, name: str
) -> tuple[NDArray[Any], NDArray[np.int32], int]:
    """`check_labelled` for a tuple or list (image, labels)."""
    if not isinstance(pair, (tuple, list)) or len(pair) != 2:
        raise TypeError(
            f"{name} is {type(pair).__name__}; with segmenter='precomputed' each item "
            "is a pair (image, labels)."
        )
    return check_labelled(
        *pair, name=f"the image of {name}", labels_name=f"the label map of {name}"
    )


def check_values(values: ArrayLike, n: int) -> NDArray[Any]:
    """Return the values of `n` superpixels as an array (n,) or (n, c)."""
    refuse_mask(values, "values")
    values = np.asarray(values)
    if values.dtype.kind not in "biufc":
        raise TypeError(
            f"values has dtype {values.dtype}; numbers or booleans can be painted."
        )
    if values.ndim not in (1, 2) or len(values) != n:
        raise ValueError(
            f"values has shape {values.shape}, but labels has {n} superpixels; give "
            f"({n},) or ({n}, c)."
        )
    return values


def check_fill(fill: Any, dtype: np.dtype[Any]) -> Any:
    """Refuse a `fill` that is not a number or does not fit an array of `dtype`."""
    if not isinstance(fill, (Number, np.bool_)):
        raise TypeError(f"fill={fill!r} must be a number.")
    if dtype.kind in "iu":
        limits = np.iinfo(dtype)
        if not isinstance(fill, Integral) or not limits.min <= int(fill) <= limits.max:
            raise ValueError(f"fill={fill!r} must be an integer that fits {dtype}.")
    elif dtype.kind == "b" and fill not in (0, 1):
        raise ValueError(f"fill={fill!r} must be True or False, as values are.")
    elif dtype.kind == "f" and not isinstance(fill, (Real, np.bool_)):
        raise ValueError(f"fill={fill!r} must be a real number, as values are.")
    return fill
