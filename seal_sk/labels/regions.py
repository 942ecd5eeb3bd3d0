"""Operations on label maps: components, merging, splitting, boundaries.

The returned labels are int32, consecutive from 0 in scan order of their first pixels.
Negative labels are masked pixels and become -1.
"""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._labels import color_sums, components, merge, relabel
from .._metrics import boundary_map
from .._split import split
from .._typing import Connectivity
from .._validation import (
    MAX_PIXELS,
    check_areas,
    check_colors,
    check_connectivity,
    check_int,
    check_label_map,
)

__all__ = [
    "boundaries",
    "force_n_segments",
    "merge_small",
    "relabel_consecutive",
    "split_components",
]


def relabel_consecutive(labels: ArrayLike) -> NDArray[np.int32]:
    """Renumber labels 0..n-1 in scan order of their first pixels.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype and any values; negative ones are masked pixels.

    Returns
    -------
    ndarray of shape (H, W), int32
        -1 where `labels` is negative.

    Raises
    ------
    ValueError, TypeError
        If `labels` is not a label map.

    Examples
    --------
    >>> from seal_sk.labels import relabel_consecutive
    >>> relabel_consecutive([[7, 7, -9], [10**12, 7, 0]])
    array([[ 0,  0, -1],
           [ 1,  0,  2]], dtype=int32)
    """
    return relabel(_check_labels(labels))[0]


def split_components(
    labels: ArrayLike, *, connectivity: Connectivity = 4
) -> NDArray[np.int32]:
    """Give every connected component its own label.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype and any values; negative ones are masked pixels.
    connectivity : {4, 8}, default=4
        Whether pixels that share only a corner are neighbours (8) or not (4).

    Returns
    -------
    ndarray of shape (H, W), int32
        0..n-1 in scan order of the components' first pixels; -1 where `labels` is
        negative.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    Time is linear in the number of pixels. Memory is 4 bytes per pixel for the result,
    and up to 4 more if components are tiny.

    Examples
    --------
    >>> from seal_sk.labels import split_components
    >>> split_components([[5, 5, 2, 5], [5, 2, 2, 5]])
    array([[0, 0, 1, 2],
           [0, 1, 1, 2]], dtype=int32)
    """
    connectivity = check_connectivity(connectivity)
    return components(_check_labels(labels), connectivity)[0]


def merge_small(
    labels: ArrayLike,
    min_size: int,
    *,
    image: ArrayLike | None = None,
    connectivity: Connectivity = 4,
) -> NDArray[np.int32]:
    """Merge regions of fewer than `min_size` pixels with their neighbours.

    The smallest region is merged with its most similar neighbour. This is repeated
    until every region with a neighbour has at least `min_size` pixels.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype and any values; negative ones are masked pixels. Every
        connected component counts as a region.
    min_size : int
        Minimum number of pixels per region, at least 0.
    image : array-like of shape (H, W) or (H, W, C), optional
        uint8, uint16, float32 or float64, floats of any range (CIELAB separates colours
        better than RGB). The most similar neighbour is the one nearest in mean colour;
        without an image, the one with the longest common border.
    connectivity : {4, 8}, default=4
        Whether pixels that share only a corner are neighbours (8) or not (4).

    Returns
    -------
    ndarray of shape (H, W), int32
        0..n-1 in scan order of the regions' first pixels; -1 where `labels` is
        negative. Regions without a neighbour (islands in a mask) are kept.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    Mean colours and borders are updated after each merge. Of equally small regions, the
    one whose first pixel comes first in scan order is merged first. Of neighbours
    equally near in colour, the one with the longer border is chosen, then the one whose
    first pixel comes first. The length of a border is the number of pairs of
    neighbouring pixels across it. Time and memory are those of merging in
    `force_n_segments`.

    Examples
    --------
    >>> from seal_sk.labels import merge_small
    >>> merge_small([[0, 0, 1, 2, 2], [0, 0, 2, 2, 2]], 2)
    array([[0, 0, 1, 1, 1],
           [0, 0, 1, 1, 1]], dtype=int32)
    """
    connectivity = check_connectivity(connectivity)
    min_size = check_int(min_size, 0, name="min_size")
    labels = _check_labels(labels)
    image = _colors(image, labels)
    labels, n = components(labels, connectivity)
    sums = color_sums(labels, n, image)
    merge(labels, n, sums, min(min_size, MAX_PIXELS), 0, connectivity)
    return labels


def force_n_segments(
    labels: ArrayLike,
    n_segments: int,
    *,
    image: ArrayLike | None = None,
    connectivity: Connectivity = 4,
) -> NDArray[np.int32]:
    """Turn any label map into one of exactly `n_segments` connected regions.

    If there are too many connected regions, those that matter least (small ones, and
    ones similar to a neighbour) are merged with their most similar neighbour. If there
    are too few, the largest regions are split into compact parts of similar size.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype and any values; negative ones are masked pixels. Every
        connected component counts as a region.
    n_segments : int
        From the number of connected components of the unmasked area to the number of
        unmasked pixels.
    image : array-like of shape (H, W) or (H, W, C), optional
        uint8, uint16, float32 or float64, floats of any range (CIELAB separates colours
        better than RGB). Without an image, the smallest regions are merged with the
        neighbour with the longest common border, and splits use positions only.
    connectivity : {4, 8}, default=4
        Whether pixels that share only a corner are neighbours (8) or not (4).

    Returns
    -------
    ndarray of shape (H, W), int32
        0..n_segments-1 in scan order of the regions' first pixels; -1 where `labels`
        is negative. A map that has exactly this many connected regions is only
        renumbered.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    Merging: regions are kept in a queue, ordered by cost. The cost of a region is its
    size times ``1 + d / v``, where ``d`` is the squared distance between its mean
    colour and that of the nearest neighbour, and ``v`` is the variance of the mean
    colours over the map; without an image, the cost is the size. The cost of the first
    region in the queue is computed again. If it has risen, the region returns to the
    queue; otherwise the region is merged with that neighbour. The merged region has its
    size as cost or, if the neighbour comes first in scan order, the cost that the
    neighbour had. Of regions with equal cost, the one whose first pixel comes first in
    scan order is first; neighbours are chosen as in `merge_small`.

    Splitting: the region with the most pixels per part (the first in scan order, if
    there are several) gets one more part, until there are enough. The pixels of a
    region are divided into equal cells, repeatedly across the longer side (the height,
    if the sides are equal). The centre of a cell is the mean of its positions and
    colours, and the pixel nearest to the centre is a seed. The parts grow from the
    seeds through neighbouring pixels, always by the pixel nearest to the centre of its
    part in ``|position|^2 / area + |colour|^2 / variance``, with the mean area of a
    part and the variance of the colours in the region. Ties are resolved in favour of
    the pixel, then the part, that comes first.

    Time is linear in the number of pixels: for merging, up to a logarithm of the number
    of regions; for splitting, up to a logarithm of the length of the front. Memory is 4
    bytes per pixel for the result and 4 for finding components; at most about 100 bytes
    per border between two regions for merging; and 8 bytes per pixel, plus 16 per pixel
    on the fronts of the growing parts, for splitting.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk.labels import force_n_segments
    >>> force_n_segments(np.zeros((2, 6), dtype=int), 3)
    array([[0, 0, 1, 1, 2, 2],
           [0, 0, 1, 1, 2, 2]], dtype=int32)
    """
    connectivity = check_connectivity(connectivity)
    n_segments = check_int(n_segments, 1, name="n_segments")
    labels = _check_labels(labels)
    image = _colors(image, labels)
    _check_feasible(labels, n_segments, connectivity)
    labels, n = components(labels, connectivity)
    if n > n_segments:
        sums = color_sums(labels, n, image)
        merge(labels, n, sums, MAX_PIXELS + 1, n_segments, connectivity)
    elif n < n_segments:
        split(labels, n, image, n_segments, connectivity)
        labels, _ = relabel(labels)
    return labels


def boundaries(
    labels: ArrayLike, *, mode: Literal["thin", "thick", "subpixel"] = "thin"
) -> NDArray[np.bool_]:
    """Find the boundaries between the regions of a label map.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype and any values. Masked pixels (negative labels) count as one
        more region, so the outline of the mask is a boundary.
    mode : {"thin", "thick", "subpixel"}, default="thin"
        "thin": pixels whose right or lower neighbour has another label. "thick": pixels
        with another label at any of the four neighbours. "subpixel": the positions
        between pixels have their own entries, and only these are boundaries.

    Returns
    -------
    ndarray of shape (H, W), bool
        (2 * H - 1, 2 * W - 1) for "subpixel".

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    "thin" is the mode that `seal_sk.metrics.boundary_recall_score` uses; the others are
    those of ``skimage.segmentation.find_boundaries``.

    Examples
    --------
    >>> from seal_sk.labels import boundaries
    >>> boundaries([[0, 0, 1, 1]])
    array([[False,  True, False, False]])
    >>> boundaries([[0, 0, 1, 1]], mode="thick")
    array([[False,  True,  True, False]])
    """
    if mode not in ("thin", "thick", "subpixel"):
        raise ValueError(f"mode={mode!r} must be 'thin', 'thick' or 'subpixel'.")
    labels = relabel_consecutive(labels)
    if mode == "thin":
        return boundary_map(labels, None).view(bool)
    from skimage.segmentation import find_boundaries

    return find_boundaries(labels, mode=mode).astype(bool, copy=False)


def _check_labels(labels: ArrayLike) -> NDArray[Any]:
    """Return a label map of one of the kernels' dtypes, C-contiguous."""
    labels = check_label_map(labels)
    if labels.size > MAX_PIXELS:
        raise ValueError(
            f"labels has {labels.size} pixels; at most {MAX_PIXELS} fit: divide the "
            "image into tiles."
        )
    if labels.dtype != np.uint64:
        small = labels.dtype.itemsize < 4 or labels.dtype == np.int32
        labels = labels.astype(np.int32 if small else np.int64, copy=False)
    return np.ascontiguousarray(labels)


def _colors(image: ArrayLike | None, labels: NDArray[Any]) -> NDArray[Any]:
    """Return a checked image; without an image, one without channels."""
    if image is None:
        return np.empty((*labels.shape, 0), dtype=np.uint8)
    return check_colors(image, labels)


def _check_feasible(labels: NDArray[Any], n_segments: int, connectivity: int) -> None:
    """Refuse a number of segments that is impossible for the unmasked area."""
    n_pixels = int(np.count_nonzero(labels >= 0))
    if n_pixels == 0:
        raise ValueError("labels masks every pixel; there is nothing to segment.")
    if n_segments > n_pixels:
        raise ValueError(
            f"n_segments={n_segments} is more than the {n_pixels} unmasked pixels; "
            "give at most one segment per pixel."
        )
    if n_pixels < labels.size:
        check_areas(n_segments, labels >= 0, connectivity)
