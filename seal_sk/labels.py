"""Operations on label maps: components, merging, splitting, boundaries.

Labels come out as int32, consecutive from 0 in scan order of their first pixels.
Negative labels are masked pixels, which come out as -1.
"""

import numpy as np

from . import _labels
from ._metrics import boundary_map
from ._validation import (
    check_connectivity,
    check_image,
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

# Eight half-edges a pixel are counted in 32 bits.
_MAX_PIXELS = 2**28


def relabel_consecutive(labels):
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
    return _labels.relabel(_check_labels(labels))[0]


def split_components(labels, *, connectivity=4):
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
    return _labels.components(_check_labels(labels), connectivity)[0]


def merge_small(labels, min_size, *, image=None, connectivity=4):
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
        The most similar neighbour is the one nearest in mean colour. Without an image
        it is the one with the longest common border.
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
    pairs of neighbouring pixels across it.

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
    image = _check_colors(image, labels)
    labels, n = _labels.components(labels, connectivity)
    sums = _labels.color_sums(labels, n, image)
    _labels.merge(labels, n, sums, min(min_size, _MAX_PIXELS), 0, connectivity)
    return labels


def force_n_segments(labels, n_segments, *, image=None, connectivity=4):
    """Label map of exactly `n_segments` connected regions, from any label map.

    Where there are too many connected regions, the smallest joins the most similar of
    its neighbours, and so on. Where there are too few, the largest are split into
    parts of similar size.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype and any values; negative ones are masked pixels. Every
        connected component counts as a region.
    n_segments : int
        From the number of connected components of the unmasked area to the number of
        unmasked pixels.
    image : array-like of shape (H, W) or (H, W, C), optional
        The most similar neighbour is the one nearest in mean colour, and splits
        follow the colours. Without an image it is the one with the longest common
        border, and splits are made by position alone.
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
    Ties between regions or neighbours are broken as in `merge_small`.

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
    image = _check_colors(image, labels)
    _check_feasible(labels, n_segments, connectivity)
    labels, n = _labels.components(labels, connectivity)
    if n > n_segments:
        sums = _labels.color_sums(labels, n, image)
        _labels.merge(labels, n, sums, _MAX_PIXELS + 1, n_segments, connectivity)
    elif n < n_segments:
        _labels.split(labels, n, image, n_segments, connectivity)
        labels, _ = _labels.relabel(labels)
    return labels


def boundaries(labels, *, mode="thin"):
    """Where the regions of a label map meet, as a boolean array."""
    if mode not in ("thin", "thick", "subpixel"):
        raise ValueError(f"mode={mode!r} must be 'thin', 'thick' or 'subpixel'.")
    labels = relabel_consecutive(labels)
    if mode == "thin":
        return boundary_map(labels, False).view(bool)
    from skimage.segmentation import find_boundaries

    return find_boundaries(labels, mode=mode).astype(bool, copy=False)


def _check_labels(labels):
    """Return a label map of one of the kernels' dtypes, C-contiguous."""
    labels = check_label_map(labels)
    if labels.size > _MAX_PIXELS:
        raise ValueError(
            f"labels has {labels.size} pixels; at most {_MAX_PIXELS} fit: cut the "
            "image into tiles."
        )
    if labels.dtype != np.uint64:
        small = labels.dtype.itemsize < 4 or labels.dtype == np.int32
        labels = labels.astype(np.int32 if small else np.int64, copy=False)
    return np.ascontiguousarray(labels)


def _check_colors(image, labels):
    """Return an image of the label map's size; one without channels for None."""
    if image is None:
        return np.empty((*labels.shape, 0), dtype=np.uint8)
    image = check_image(image)
    if image.shape[:2] != labels.shape:
        raise ValueError(
            f"image is {image.shape[:2]}, but labels has shape {labels.shape}; they "
            "must be of the same size."
        )
    return image


def _check_feasible(labels, n_segments, connectivity):
    """Refuse a number of segments that no label map of the unmasked area has."""
    n_pixels = int(np.count_nonzero(labels >= 0))
    if n_pixels == 0:
        raise ValueError("labels masks every pixel; there is nothing to segment.")
    if n_segments > n_pixels:
        raise ValueError(
            f"n_segments={n_segments} is more than the {n_pixels} unmasked pixels; ask "
            "for at most one segment per pixel."
        )
    area = np.where(labels < 0, np.int32(-1), np.int32(0))
    n_areas = _labels.components(area, connectivity)[1] if n_pixels < area.size else 1
    if n_segments < n_areas:
        raise ValueError(
            f"n_segments={n_segments} is less than the {n_areas} separate areas that "
            "the mask leaves; ask for at least one segment in each."
        )
