"""Checks of affinity maps, edge maps, features and merge trees."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .images import (
    ROUNDING,
    check_image,
    check_mask,
    check_same_size,
    refuse_infinite,
    refuse_mask,
    unit_scale,
)

# For each channel, the pixels that edges start from, and those they lead to.
_ALL = slice(None)
FROM_TO = (
    ((_ALL, slice(None, -1)), (_ALL, slice(1, None))),
    ((slice(None, -1), _ALL), (slice(1, None), _ALL)),
    ((slice(None, -1), slice(None, -1)), (slice(1, None), slice(1, None))),
    ((slice(1, None), slice(None, -1)), (slice(None, -1), slice(1, None))),
)

# Edge ids are 32-bit inside the kernels.
MAX_EDGES = 2**31 - 1


def check_affinity(
    affinity: ArrayLike,
    *,
    mask: ArrayLike | None = None,
    labels: NDArray[Any] | None = None,
    name: str = "affinity",
) -> NDArray[np.float32] | NDArray[np.float64]:
    """Return an affinity map as an aligned, C-contiguous float32 or float64 array.

    Edges that lead out of the image or the mask may have any affinity. With `labels`,
    a checked label map, it must have its height and width.
    """
    refuse_mask(affinity, name)
    affinity = np.asarray(affinity)
    if affinity.ndim != 3 or affinity.shape[2] not in (2, 4) or affinity.size == 0:
        raise ValueError(
            f"{name} has shape {affinity.shape}; an affinity map is (H, W, 2) "
            "[right, down] or (H, W, 4) [right, down, down-right, up-right]."
        )
    if labels is not None:
        check_same_size(affinity, labels, name=name)
    if affinity.dtype.kind != "f":
        raise TypeError(
            f"{name} has dtype {affinity.dtype}; give float32 or float64 in 0..1."
        )
    if affinity.size > MAX_EDGES:
        raise ValueError(
            f"{name} has {affinity.size} entries; at most {MAX_EDGES} are supported: "
            "split the image into tiles."
        )
    dtype = np.float64 if affinity.dtype.itemsize > 4 else np.float32
    affinity = np.require(affinity, dtype, ["C", "ALIGNED"])
    if mask is not None:
        mask_name = "mask" if name == "affinity" else f"mask of {name}"
        mask = check_mask(mask, affinity.shape, name=mask_name)
    # The comparisons are False for NaN as well.
    if not (affinity.min() >= 0 and affinity.max() <= 1):
        rounded = False
        # Entries of edges that don't exist are never read, so they may hold anything.
        for channel in range(affinity.shape[2]):
            start, end = FROM_TO[channel]
            values = affinity[(*start, channel)]
            if mask is not None:
                values = values[mask[start] & mask[end]]
            if not values.size:
                continue
            low, high = values.min(), values.max()
            if not (low >= -ROUNDING and high <= 1 + ROUNDING):
                raise ValueError(
                    f"{name} holds NaN or values outside 0..1 ({low:.8g}..{high:.8g}); "
                    "an affinity is the likelihood that two neighbours belong together."
                )
            rounded |= bool(low < 0 or high > 1)
        if rounded:
            affinity = affinity.clip(0, 1)
    return affinity


def check_edges(
    edges: ArrayLike,
    shape: Sequence[int] | None = None,
    *,
    mask: ArrayLike | None = None,
    name: str = "edges",
) -> NDArray[np.float64]:
    """Return an edge map as a float64 (H, W) array in 0..1.

    Parameters
    ----------
    edges : array-like of shape (H, W)
        bool, uint8, uint16, float32 or float64; floats in 0..1.
    shape : tuple of int, optional
        The required (H, W).
    mask : array-like of bool of shape (H, W), optional
        Pixels where it is False may hold anything.
    name : str
        Name in error messages.
    """
    refuse_mask(edges, name)
    edges = np.asarray(edges)
    if edges.ndim != 2 or edges.size == 0:
        raise ValueError(
            f"{name} has shape {edges.shape}; an edge map is (H, W) with at least one "
            "pixel."
        )
    _check_size(edges.shape, shape, name)
    if edges.dtype == bool:
        return edges.astype(np.float64)
    return unit_scale(check_image(edges, mask=mask, name=name))[..., 0]


def check_features(
    features: ArrayLike,
    shape: Sequence[int] | None = None,
    *,
    mask: ArrayLike | None = None,
    name: str = "features",
) -> NDArray[np.float32]:
    """Return features as a float32 (C, H, W) array.

    Parameters
    ----------
    features : array-like of shape (C, H, W)
        Finite real numbers.
    shape : tuple of int, optional
        The required (H, W).
    mask : array-like of bool of shape (H, W), optional
        Pixels where it is False may hold anything.
    name : str
        Name in error messages.
    """
    refuse_mask(features, name)
    features = np.asarray(features)
    if features.ndim != 3 or features.size == 0:
        raise ValueError(
            f"{name} has shape {features.shape}; features are (C, H, W), with at least "
            "one channel and one pixel."
        )
    _check_size(features.shape[1:], shape, name)
    if features.dtype.kind not in "fiu":
        raise TypeError(
            f"{name} has dtype {features.dtype}; features are real numbers: floats or "
            "integers."
        )
    if mask is not None:
        mask = check_mask(mask, features.shape[1:], name=f"mask of {name}")
    used = features if mask is None else features[:, mask]
    low, high = float(used.min()), float(used.max())
    refuse_infinite(low, high, name)
    if max(-low, high) > float(np.finfo(np.float32).max):
        raise ValueError(
            f"{name} holds values in {low:g}..{high:g}, beyond the range of float32; "
            "divide them by a constant."
        )
    with np.errstate(over="ignore", invalid="ignore"):
        return features.astype(np.float32, copy=False)


def _check_size(size: Sequence[int], shape: Sequence[int] | None, name: str) -> None:
    if shape is not None and size != tuple(shape):
        raise ValueError(
            f"{name} is {size[0]} x {size[1]}, but its image is {shape[0]} x "
            f"{shape[1]}; they must have the same height and width."
        )


def check_tree(
    tree: ArrayLike, n_pixels: int, *, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.int32]:
    """Return a merge tree of `n_pixels` as a C-contiguous int32 array (joins, 2)."""
    tree = np.asarray(tree)
    if tree.ndim != 2 or tree.shape[1] != 2 or tree.dtype.kind not in "iu":
        raise ValueError(
            f"tree has shape {tree.shape} and dtype {tree.dtype}; a tree is an integer "
            "array (joins, 2), as ers(..., nested=True, return_tree=True) returns."
        )
    if 2 * n_pixels > MAX_EDGES:
        raise ValueError(
            f"shape has {n_pixels} pixels, more than the {MAX_EDGES // 2} of the "
            "largest tree; give the shape of the image that the tree was made from."
        )
    own = n_pixels + np.arange(len(tree))[:, None]
    exists = ((tree >= 0) & (tree < own)).all()
    tree = np.ascontiguousarray(tree, dtype=np.int32)
    # Only nodes that exist are counted, since the memory grows with the largest.
    if not exists or (tree.size and np.bincount(tree.ravel()).max() > 1):
        raise ValueError(
            f"tree is not a merge tree of {n_pixels} pixels: joins may name each pixel "
            "and each earlier join once."
        )
    if mask is not None and not mask.ravel()[tree[tree < n_pixels]].all():
        raise ValueError(
            "tree joins pixels outside the mask; give the mask that it was made with."
        )
    return tree
