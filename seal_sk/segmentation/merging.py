"""From a label map of many regions, and an affinity map, to one of fewer."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._labels import color_sums
from .._merge import merge
from .._typing import Connectivity
from .._validation import (
    check_affinity,
    check_areas,
    check_image,
    check_label_map,
    check_n_segments,
    unit_scale,
)
from ..affinity import rgb_affinity
from ..labels import split_components

__all__ = ["cut_and_merge", "merge_regions"]


def merge_regions(
    labels: ArrayLike,
    affinity: ArrayLike,
    n_segments: int,
    *,
    image: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Merge the regions of a label map along an affinity map.

    The two neighbours whose border is worth least become one, again and again, until
    `n_segments` are left. A border is worth the pixels that would leak if an object's
    boundary ran there, times how much speaks for one::

        h * sqrt((1 - a + t) / (a + t) * (5 + d) * sqrt(sqrt(h) / n))

    with h half the harmonic mean of the two sizes in pixels, ``p * q / (p + q)``; the n
    pairs of neighbouring pixels across the border; their mean affinity a; t = 0.0001;
    and d, how far apart the two mean colours are in CIELAB. ERS weighs edges one by
    one; a mean over all of a border is harder to mislead. The last factor keeps
    regions compact. A border of a = 0 is worth 100 times one of a = 0.5 that is like
    it otherwise, and one of a = 1 a hundredth: sizes and colours count there, too, and
    regions join across a = 0 where `n_segments` asks for it.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Superpixels, two to four times as many as wanted: any integer dtype and any
        values; negative ones are masked pixels. Every connected component is a region.
    affinity : array-like of shape (H, W, 2) or (H, W, 4)
        float32 or float64 in 0..1: right, down (and down-right, up-right). Four
        channels make pixels that share a corner neighbours; the affinities between
        them count for regions that no others connect.
    n_segments : int
        From the number of connected components of the unmasked area to that of
        unmasked pixels.
    image : array-like of shape (H, W), (H, W, 1) or (H, W, C), optional
        uint8, uint16, or floating point in 0..1; three channels are RGB. Without an
        image, d is 0.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels from 0 in scan order of the regions' first pixels, each one region,
        connected as the affinity map is; -1 where `labels` is negative. Exactly
        `n_segments` of them, or all regions if there are no more than that.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    See Also
    --------
    ers : Superpixels to start from, for example.
    seal_sk.labels.force_n_segments : Merging by colours alone, and splitting.

    Notes
    -----
    The colour of a region is the mean of its regions in CIELAB, of which the first have
    that of their mean RGB; for one channel only the lightness is compared, for more
    than three the values times 100. Borders of equal worth go in a fixed order. Time is
    linear in the number of pixels, up to a logarithm in the number of borders, where no
    region has many neighbours: each merger looks at all that the new one has, so that
    one region around 10,000 specks takes seconds, and around 100,000 minutes. Memory
    goes with the number of borders: little for superpixels, about 400 bytes a pixel
    where every pixel is a region.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import ers, merge_regions, rgb_affinity
    >>> image = np.zeros((4, 6), dtype=np.uint8)
    >>> image[:, 4:] = 200
    >>> affinity = rgb_affinity(image)
    >>> merge_regions(ers(affinity, 6), affinity, 2, image=image)
    array([[0, 0, 0, 0, 1, 1],
           [0, 0, 0, 0, 1, 1],
           [0, 0, 0, 0, 1, 1],
           [0, 0, 0, 0, 1, 1]], dtype=int32)
    """
    labels = check_label_map(labels)
    if labels.max() < 0:
        raise ValueError("labels masks every pixel; there is nothing to merge.")
    mask = None if labels.min() >= 0 else labels >= 0
    affinity = check_affinity(affinity, mask=mask)
    _check_size(affinity, labels, "affinity")
    connectivity = 2 * affinity.shape[2]
    n_segments = check_n_segments(n_segments, labels.shape, mask)
    if mask is not None:
        check_areas(n_segments, mask, connectivity)
    if image is not None:
        image = check_image(image, mask=mask)
        _check_size(image, labels, "image")
    labels = split_components(labels, connectivity=connectivity)
    n = int(labels.max()) + 1
    if n > n_segments:
        size = np.bincount(labels[labels >= 0], minlength=n)
        sums = np.empty((n, 0)) if image is None else _colors(labels, size, image)
        merge(labels, affinity, size, sums, n_segments)
    return labels


def cut_and_merge(
    affinity: NDArray[np.floating[Any]],
    image: NDArray[Any],
    n_segments: int | list[int],
    *,
    cut: Callable[..., Any],
    oversegmentation: float = 3,
    connectivity: Connectivity = 8,
    mask: NDArray[np.bool_] | None = None,
) -> Any:
    """Cut more superpixels than are asked for, and merge them.

    A third of the affinities that are cut are those of colours, which place the borders
    of small superpixels better; the merging follows the affinities alone.

    Parameters
    ----------
    affinity : ndarray of shape (H, W, 2) or (H, W, 4), floating point
        Checked, with 0 outside of the mask; two channels for `connectivity` 4.
    image : ndarray of shape (H, W, C)
        Checked.
    n_segments : int, or list of int
        How many superpixels remain.
    cut : callable
        ``cut(affinity, [n_segments, ...], mask)`` returns a list of label maps.
    oversegmentation : float, default=3
        How many times as many superpixels are cut.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel.
    mask : ndarray of bool of shape (H, W), optional
        Where to segment.

    Returns
    -------
    ndarray of shape (H, W), int32; a list of them where `n_segments` is a list
    """
    asked = n_segments if isinstance(n_segments, list) else [n_segments]
    # Python's own numbers: NumPy's small integers would overflow.
    counts = [int(n) for n in asked]
    if mask is not None:
        check_areas(min(counts), mask, connectivity)
    colors = rgb_affinity(image, connectivity=connectivity)
    n_pixels = affinity[..., 0].size if mask is None else np.count_nonzero(mask)
    fine = [round(min(float(oversegmentation) * n, n_pixels)) for n in counts]
    maps = [
        merge_regions(labels, affinity, count, image=image)
        for labels, count in zip(
            cut((2 * affinity + colors) / 3, fine, mask), counts, strict=True
        )
    ]
    return maps if isinstance(n_segments, list) else maps[0]


def _check_size(array, labels, name):
    if array.shape[:2] != labels.shape:
        raise ValueError(
            f"{name} is {array.shape[:2]}, but labels has shape {labels.shape}; they "
            "must be of the same height and width."
        )


def _colors(labels, size, image):
    """Sums of each region's colours in CIELAB, (n, channels)."""
    from skimage.color import rgb2lab

    size = size[:, None]
    full_scale = unit_scale(np.ones(1, dtype=image.dtype))
    # Rounded, so that 8-bit colours are the same numbers in every dtype.
    means = color_sums(labels, len(size), image) / size * full_scale
    colors = np.round(means * 255.0, 4) / 255.0
    if colors.shape[1] == 1:
        colors = rgb2lab(np.repeat(colors, 3, axis=1))[:, :1]
    elif colors.shape[1] == 3:
        colors = rgb2lab(colors)
    else:
        colors = 100.0 * colors
    return np.ascontiguousarray(colors * size)
