"""From an affinity map to a label map."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Literal, overload

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._ers import ers as _ers
from .._fh import fh as _fh
from .._labels import of_tree, relabel
from .._validation import (
    check_affinity,
    check_areas,
    check_int,
    check_mask,
    check_n_segments,
    check_real,
    check_shape,
    check_tree,
)

__all__ = ["cut_tree", "ers", "fh"]


@overload
def ers(
    affinity: ArrayLike,
    n_segments: int,
    *,
    balance: float = ...,
    mask: ArrayLike | None = ...,
    nested: bool = ...,
    return_tree: Literal[False] = ...,
) -> NDArray[np.int32]: ...
@overload
def ers(
    affinity: ArrayLike,
    n_segments: int,
    *,
    balance: float = ...,
    mask: ArrayLike | None = ...,
    nested: bool = ...,
    return_tree: Literal[True],
) -> tuple[NDArray[np.int32], NDArray[np.int32]]: ...
@overload
def ers(
    affinity: ArrayLike,
    n_segments: Sequence[int] | NDArray[np.integer],
    *,
    balance: float = ...,
    mask: ArrayLike | None = ...,
    nested: bool = ...,
    return_tree: Literal[False] = ...,
) -> list[NDArray[np.int32]]: ...
@overload
def ers(
    affinity: ArrayLike,
    n_segments: Sequence[int] | NDArray[np.integer],
    *,
    balance: float = ...,
    mask: ArrayLike | None = ...,
    nested: bool = ...,
    return_tree: Literal[True],
) -> tuple[list[NDArray[np.int32]], NDArray[np.int32]]: ...
def ers(
    affinity: ArrayLike,
    n_segments: Any,
    *,
    balance: float = 0.5,
    mask: ArrayLike | None = None,
    nested: bool = False,
    return_tree: bool = False,
) -> Any:
    """Entropy rate superpixels on an affinity map.

    Joins pixels along the edges that most increase the entropy rate of a random walk
    over the graph and the balance of the segments' sizes, until `n_segments` remain.
    This is the greedy maximisation of Liu et al., exact, with lazy evaluation.

    Parameters
    ----------
    affinity : array-like of shape (H, W, 2) or (H, W, 4)
        float32 or float64 in 0..1: right, down (and down-right, up-right).
    n_segments : int or sequence of int
        Number of segments, from 1 (or the number of areas of `mask`) to the number of
        pixels. You get exactly this many. With several counts, the work that does not
        depend on the count is done once.
    balance : float, default=0.5
        Weight of the balance term, at least 0. It is multiplied by `n_segments`
        and by the ratio of the two terms' largest first gains. Higher values make the
        segments more equal in size.
    mask : array-like of bool of shape (H, W), optional
        True where to segment the image; the graph has these pixels only. Edges that
        lead out of the mask may have any affinity, NaN included.
    nested : bool, default=False
        Take all counts from one run, with the balance weight of the largest count. The
        label maps then form a hierarchy: each refines those with fewer segments. All
        counts together take as long as one. For the smaller counts, the segments
        differ from those of a run with that count alone: they are less equal in size.
    return_tree : bool, default=False
        Also return the joins of a nested run; `cut_tree` makes a label map of any count
        from them.

    Returns
    -------
    labels : ndarray of shape (H, W), int32, or a list of them
        Labels 0..n_segments-1, numbered in scan order of their first pixels. Each
        label is one region, connected as the affinity map is (4 or 8 neighbours).
        -1 outside the mask. If `n_segments` is a sequence, a list in its order.
    tree : ndarray of shape (n_pixels - min(n_segments), 2), int32
        Only with `return_tree`: the joins, in their order. Row i holds the two nodes
        that are joined into node H * W + i. Nodes below H * W are the pixels in scan
        order; `n_pixels` of them are in the mask. The format is that of ``children_``
        of scikit-learn's AgglomerativeClustering.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    Edges of equal gain are taken in a fixed scattered order (by
    ``id * 2654435769 % 2**32``, where ``id`` counts the entries of the affinity map).
    So the result is deterministic, and flat areas are segmented into compact pieces.

    Time is close to linear in the number of pixels. Memory beyond the input is at most
    40 bytes per pixel for two channels and 56 for four (32 and 40 more for several
    counts that are not nested), plus the label maps of the further counts.

    References
    ----------
    Liu, Tuzel, Ramalingam, Chellappa, "Entropy Rate Superpixel Segmentation",
    CVPR 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import ers, rgb_affinity
    >>> image = np.zeros((4, 6), dtype=np.uint8)
    >>> image[:, 3:] = 200
    >>> affinity = rgb_affinity(image)
    >>> ers(affinity, 2)
    array([[0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1]], dtype=int32)
    >>> coarse, fine = ers(affinity, [2, 8], nested=True)
    >>> all(len(np.unique(coarse[fine == label])) == 1 for label in range(8))
    True
    """
    affinity = check_affinity(affinity, mask=mask)
    if mask is not None:
        mask = check_mask(mask, affinity.shape)
    several = isinstance(n_segments, (list, tuple, range, np.ndarray)) and (
        getattr(n_segments, "ndim", 1) > 0
    )
    counts = [
        check_n_segments(count, affinity.shape, mask)
        for count in (n_segments if several else [n_segments])
    ]
    if not counts:
        raise ValueError("n_segments is empty; give at least one count.")
    balance = check_real(balance, 0, name="balance")
    if mask is not None:
        check_areas(min(counts), mask, 2 * affinity.shape[2])
    if return_tree and not nested:
        raise ValueError(
            "return_tree needs nested=True: only then do the counts share one tree."
        )
    # Each count once, in decreasing order, as a run reaches them. A single segment
    # needs no run, unless its tree is requested.
    falling = np.unique(np.array(counts, dtype=np.intp))[::-1].copy()
    whole = not return_tree and falling[-1] == 1
    run = falling[: len(falling) - whole]
    maps, tree = [], None
    if len(run):
        maps, tree = _ers(affinity, run, balance, nested, return_tree, as_bytes(mask))
    if whole:
        one = np.zeros(affinity.shape[:2], dtype=np.int32)
        if mask is not None:
            one[~mask] = -1
        maps.append(one)
    by_count = dict(zip(falling.tolist(), maps, strict=True))
    # Repeated counts get arrays of their own, since callers may write to them.
    every = [
        by_count[count].copy() if count in counts[:i] else by_count[count]
        for i, count in enumerate(counts)
    ]
    labels = every if several else every[0]
    return (labels, tree) if return_tree else labels


def cut_tree(
    tree: ArrayLike,
    n_segments: int,
    *,
    shape: tuple[int, int],
    mask: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Make a label map of any count from the joins of a nested `ers`.

    Parameters
    ----------
    tree : array-like of shape (n_joins, 2), integers
        The tree that ``ers(..., nested=True, return_tree=True)`` returns.
    n_segments : int
        Number of segments, from ``n_pixels - n_joins`` to ``n_pixels``, the number of
        pixels in the image, or in the mask.
    shape : tuple of int
        Height and width of the image.
    mask : array-like of bool of shape (H, W), optional
        The mask with which the tree was made.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels 0..n_segments-1, numbered in scan order of their first pixels; -1
        outside the mask.

    Raises
    ------
    ValueError, TypeError
        If the tree is not a merge tree of this many pixels, or does not reach the
        count.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import ers
    >>> from seal_sk.segmentation import cut_tree
    >>> affinity = np.random.default_rng(0).random((20, 30, 2))
    >>> labels, tree = ers(affinity, 10, nested=True, return_tree=True)
    >>> tree.shape
    (590, 2)
    >>> np.array_equal(cut_tree(tree, 10, shape=(20, 30)), labels)
    True
    """
    shape = check_shape(shape)
    if mask is not None:
        mask = check_mask(mask, shape)
    n_segments = check_n_segments(n_segments, shape, mask)
    n = shape[0] * shape[1]
    tree = check_tree(tree, n, mask=mask)
    n_outside = 0 if mask is None else n - int(np.count_nonzero(mask))
    n_last = n - n_outside - len(tree)
    if n_segments < n_last:
        raise ValueError(
            f"n_segments={n_segments} is less than the {n_last} that the tree ends "
            "with; make it with a smaller count, or give the mask it was made with."
        )
    # Each pixel outside is a segment of its own until its label is removed.
    labels = of_tree(tree, n, n_segments + n_outside).reshape(shape)
    if mask is not None and n_outside:
        labels[~mask] = -1
        labels, _ = relabel(labels)
    return labels


def fh(
    affinity: ArrayLike,
    *,
    scale: float = 3.0,
    min_size: int | None = None,
    n_segments: int | None = None,
    mask: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Felzenszwalb and Huttenlocher's segmentation of an affinity map.

    Takes the edges in order of increasing dissimilarity (1 - affinity). An edge joins
    two segments if its dissimilarity exceeds neither segment's bound: the largest
    dissimilarity inside the segment, plus `scale` divided by its number of pixels.
    Segments smaller than `min_size` then join the least dissimilar neighbour.

    Parameters
    ----------
    affinity : array-like of shape (H, W, 2) or (H, W, 4)
        float32 or float64 in 0..1: right, down (and down-right, up-right).
    scale : float, default=3.0
        Dissimilarity times pixels, at least 0: a segment of n pixels joins across an
        edge whose dissimilarity exceeds the largest inside by up to scale / n. From 1
        on, any two pixels join. Higher values give fewer, larger segments. Ignored if
        `n_segments` is given.
    min_size : int, optional
        Smallest number of pixels in a segment. By default 20; with `n_segments`,
        ``n_pixels // (8 * n_segments)``, where `n_pixels` is the number of pixels in
        the image, or in the mask. Areas of a mask that are smaller stay as they are.
    n_segments : int, optional
        Number of segments, from 1 (or the number of areas of `mask`) to the number of
        pixels. You get exactly this many. First, segments smaller than `min_size` join
        a neighbour. Then segments of up to n pixels join across edges of up to
        scale / n, whatever is inside them. The scale rises from 0, at least doubling,
        until this many segments are left. If there are too few segments of `min_size`
        to begin with, `min_size` is halved until there are enough; this is rare if
        ``n_segments * min_size`` is at most half the pixels. Results of the same
        `min_size` are nested.
    mask : array-like of bool of shape (H, W), optional
        True where to segment the image; the graph has these pixels only. Edges that
        lead out of the mask may have any affinity, NaN included.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels from 0, numbered in scan order of their first pixels. Each label is
        one region, connected as the affinity map is (4 or 8 neighbours). -1 outside
        the mask.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    See Also
    --------
    fh_image : The same with colour distances, equal to scikit-image's.

    Notes
    -----
    Edges of equal dissimilarity are taken in a fixed scattered order (by
    ``id * 2654435769 % 2**32``, where ``id`` counts the entries of the affinity map).
    Without `n_segments`, bounds are rounded to single precision, but never below the
    largest dissimilarity inside.

    Time is close to linear in the number of pixels. Memory beyond the input is 32
    bytes per pixel for two channels and 48 for four.

    References
    ----------
    Felzenszwalb, Huttenlocher, "Efficient Graph-Based Image Segmentation",
    International Journal of Computer Vision 59, 2004.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import fh, rgb_affinity
    >>> image = np.zeros((4, 6), dtype=np.uint8)
    >>> image[:, 3:] = 200
    >>> fh(rgb_affinity(image), min_size=5)
    array([[0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1]], dtype=int32)
    """
    affinity = check_affinity(affinity, mask=mask)
    if mask is not None:
        mask = check_mask(mask, affinity.shape)
    scale = check_real(scale, 0, name="scale")
    n_segments, min_size = check_sizes(
        n_segments, min_size, affinity.shape, mask, 2 * affinity.shape[2]
    )
    return _fh(affinity, True, scale, min_size, n_segments, as_bytes(mask))


def check_sizes(
    n_segments: int | None,
    min_size: int | None,
    shape: Sequence[int],
    mask: NDArray[np.bool_] | None,
    connectivity: int,
) -> tuple[int, int]:
    """`n_segments` (0 if it is not given) and `min_size`, both as ints."""
    n_pixels = shape[0] * shape[1] if mask is None else int(np.count_nonzero(mask))
    default = 20
    if n_segments is None:
        n_segments = 0
    else:
        n_segments = check_n_segments(n_segments, shape, mask)
        default = n_pixels // (8 * n_segments)
        if mask is not None:
            check_areas(n_segments, mask, connectivity)
    if min_size is None:
        return n_segments, default
    # No segment has more than all pixels.
    min_size = check_int(min_size, 0, name="min_size")
    return n_segments, min(min_size, n_pixels)


def as_bytes(mask: NDArray[np.bool_] | None) -> NDArray[np.uint8] | None:
    """A checked mask in the form that the kernels read."""
    return None if mask is None else mask.view(np.uint8)
