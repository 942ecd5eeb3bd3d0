"""Operations on label maps: components, merging, splitting, boundaries.

Labels come out as int32, consecutive from 0 in scan order of their first pixels.
Negative labels are masked pixels, which come out as -1.
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
    """Labels renumbered 0..n-1 in scan order of their first pixels.

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
    """Label map in which every connected component has a label of its own.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype and any values; negative ones are masked pixels.
    connectivity : {4, 8}, default=4
        Whether pixels that share a corner are neighbours.

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
    Time is linear in the number of pixels; memory is 4 bytes a pixel for the result
    and up to 4 more where components are tiny.

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
    """Connected regions of at least `min_size` pixels, by joining the smaller ones.

    The smallest region joins the most similar of its neighbours, and so on, until no
    region that has a neighbour is too small.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype and any values; negative ones are masked pixels. Every
        connected component counts as a region.
    min_size : int
        Number of pixels, at least 0.
    image : array-like of shape (H, W) or (H, W, C), optional
        uint8, uint16, float32 or float64, floats of any range: CIELAB tells colours
        apart better than RGB. The most similar neighbour is the one nearest in mean
        colour. Without an image it is the one with the longest common border.
    connectivity : {4, 8}, default=4
        Whether pixels that share a corner are neighbours.

    Returns
    -------
    ndarray of shape (H, W), int32
        0..n-1 in scan order of the regions' first pixels; -1 where `labels` is
        negative. Regions that have no neighbour, islands in a mask, stay as they are.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    Mean colours and borders are those of the regions as they have grown. Of regions
    equally small, the one whose first pixel comes first in scan order goes first; of
    neighbours equally near in colour, the one with the longer border, then the one
    whose first pixel comes first, is taken. The length of a border is the number of
    pairs of neighbouring pixels across it. Time and memory are those of joining in
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
    """Label map of exactly `n_segments` connected regions, from any label map.

    Where there are too many connected regions, those that are missed least, small or
    like a neighbour, are joined to the most similar one. Where there are too few, the
    largest are split into compact parts of similar size.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype and any values; negative ones are masked pixels. Every
        connected component counts as a region.
    n_segments : int
        From the number of connected components of the unmasked area to the number of
        unmasked pixels.
    image : array-like of shape (H, W) or (H, W, C), optional
        uint8, uint16, float32 or float64, floats of any range: CIELAB tells colours
        apart better than RGB. Without an image the smallest regions join the neighbour
        with the longest common border, and splits are made by position alone.
    connectivity : {4, 8}, default=4
        Whether pixels that share a corner are neighbours.

    Returns
    -------
    ndarray of shape (H, W), int32
        0..n_segments-1 in scan order of the regions' first pixels; -1 where `labels`
        is negative. A map of exactly so many connected regions is only renumbered.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    Joining: each region waits at a cost, its size times ``1 + d / v``, with ``d`` the
    squared distance of its mean colour to that of the nearest neighbour, and ``v`` the
    variance of the mean colours over the map (without colours, its size alone). The
    one of least cost is looked at anew; it joins that neighbour, or goes back to wait
    if its cost has risen. A union waits at its size or, where the neighbour comes first
    in scan order, as the neighbour did. Of regions of equal cost, the one whose first
    pixel comes first in scan order goes first; neighbours are chosen as in
    `merge_small`.

    Splitting: the region with most pixels a part gets one part more (the first in scan
    order, of several), until there are enough. Its pixels are cut into equal cells,
    across the longer side (the height, of equal ones) again and again; each cell's
    centre is the mean of positions and colours, and the pixel nearest to it a seed. The
    parts grow from the seeds through neighbouring pixels, always by the pixel nearest
    to its part's centre in ``|position|^2 / area + |colour|^2 / variance``: the mean
    area of a part and the variance of the colours in the region. Ties go to the pixel,
    then to the part, that comes first.

    Time is linear in the number of pixels for joining, up to a logarithm of the number
    of regions, and for splitting up to one of the front's length. Memory is 4 bytes a
    pixel for the result and as many for finding components, at most about 100 for each
    border between two regions where they are joined, and 8 a pixel and 16 for each
    pixel on the growing parts' fronts where they are split.

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
    """Where the regions of a label map meet.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype and any values. Masked pixels, those of any negative label,
        count as one more region: the outline of the mask is a boundary.
    mode : {"thin", "thick", "subpixel"}, default="thin"
        "thin": pixels whose right or lower neighbour has another label. "thick":
        pixels of which any of the four neighbours has. "subpixel": the positions
        between pixels have entries of their own, and only those are boundaries.

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
    "thin" is what `seal_sk.metrics.boundary_recall_score` compares; the others are
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
            f"labels has {labels.size} pixels; at most {MAX_PIXELS} fit: cut the "
            "image into tiles."
        )
    if labels.dtype != np.uint64:
        small = labels.dtype.itemsize < 4 or labels.dtype == np.int32
        labels = labels.astype(np.int32 if small else np.int64, copy=False)
    return np.ascontiguousarray(labels)


def _colors(image: ArrayLike | None, labels: NDArray[Any]) -> NDArray[Any]:
    """Return a checked image; one without channels where there is none."""
    if image is None:
        return np.empty((*labels.shape, 0), dtype=np.uint8)
    return check_colors(image, labels)


def _check_feasible(labels: NDArray[Any], n_segments: int, connectivity: int) -> None:
    """Refuse a number of segments that no label map of the unmasked area has."""
    n_pixels = int(np.count_nonzero(labels >= 0))
    if n_pixels == 0:
        raise ValueError("labels masks every pixel; there is nothing to segment.")
    if n_segments > n_pixels:
        raise ValueError(
            f"n_segments={n_segments} is more than the {n_pixels} unmasked pixels; ask "
            "for at most one segment per pixel."
        )
    if n_pixels < labels.size:
        check_areas(n_segments, labels >= 0, connectivity)
