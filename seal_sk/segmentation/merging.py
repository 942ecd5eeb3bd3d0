"""From a label map and an affinity map to a label map of fewer regions."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._labels import relabel
from .._merge import merge
from .._typing import Connectivity
from .._validation import (
    as_image,
    check_affinity,
    check_areas,
    check_image,
    check_label_map,
    check_n_segments,
    check_same_size,
)
from ..affinity.maps import color_affinity
from ..labels import split_components
from .colors import color_sums, fixed_colors
from .refining import MAX_ITER, sweep
from .rows import share_rows

__all__ = ["cut_and_merge", "merge_regions"]

# Small superpixels are refined before they are merged, along the learned affinities.
_FINE_COST = 10.0
_FINE_SWEEPS = 2

# Smaller ones have no statistics to merge or refine them by.
_FINE_SIZE = 16

# Added to the variances of regions, in CIELAB: less is noise.
_SLIGHT_VARIANCE = 10.0


def merge_regions(
    labels: ArrayLike,
    affinity: ArrayLike,
    n_segments: int,
    *,
    image: ArrayLike | None = None,
) -> NDArray[np.int32]:
    """Merge the regions of a label map along an affinity map.

    The two neighbours whose border has the least worth are merged, again and again,
    until `n_segments` are left. The worth of a border is the number of pixels that
    would leak if it were an object's boundary, times the evidence that it is one::

        h * ((1 - a + t) / (a + t))^(3/8) * (0.7 + d)^(3/4) * (sqrt(h) / n)^(1/4)

    Here h is half the harmonic mean of the two sizes in pixels, ``p * q / (p + q)``; n
    is the number of pairs of neighbouring pixels across the border, and a their mean
    affinity; t = 0.0001; d is the distance of the two mean colours in CIELAB, in
    standard deviations: its square is the sum over the channels of the squared
    difference over (v + 10), with v the mean variance inside the two regions, weighted
    by their sizes. ERS weighs edges one by one; a mean over a whole border is more
    robust. The exponents of a and d were fitted to annotated images, and the last
    factor keeps regions compact. A border with a = 0 is worth 32 times as much as one
    with a = 0.5, and one with a = 1 a thirtieth of it. Sizes and colours count there,
    too, and regions merge across a = 0 if `n_segments` requires it.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Superpixels, ideally two to four times `n_segments`. Any integer dtype and any
        values; negative labels are masked pixels. Every connected component is a
        region.
    affinity : array-like of shape (H, W, 2) or (H, W, 4)
        float32 or float64 in 0..1: right, down (and down-right, up-right). With four
        channels, pixels that share a corner are neighbours too. The affinities between
        them count only for regions that no other edges connect.
    n_segments : int
        Number of regions to keep, from the number of connected components of the
        unmasked area to the number of unmasked pixels.
    image : array-like of shape (H, W), (H, W, 1) or (H, W, C), optional
        uint8, uint16, or floating point in 0..1; three channels are RGB. Without an
        image, d is 0.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels from 0, numbered in scan order of their first pixels. Each label is one
        region, connected as the affinity map is. -1 where `labels` is negative. There
        are exactly `n_segments`, or all regions if there are no more than that.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    See Also
    --------
    ers : Makes superpixels to start from, for example.
    seal_sk.labels.force_n_segments : Merges by colours alone, or splits.

    Notes
    -----
    For one channel, only the lightness is compared; for more than three, the values
    times 100. Floats are rounded to multiples of 1 / 65535, so that images of any dtype
    give the same labels if they hold the same values. Borders of equal worth are merged
    in a fixed order.

    Time is linear in the number of pixels, up to a logarithm in the number of borders,
    if no region has many neighbours. Each merge visits all neighbours of the new
    region: a region around 10,000 specks takes seconds, and one around 100,000 takes
    minutes. Memory grows with the number of borders: it is small for superpixels, and
    about 400 bytes per pixel if every pixel is a region.

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
    affinity = check_affinity(affinity, mask=mask, labels=labels)
    connectivity = 2 * affinity.shape[2]
    n_segments = check_n_segments(n_segments, labels.shape, mask)
    if mask is not None:
        check_areas(n_segments, mask, connectivity)
    if image is not None:
        image = as_image(image, "image")
        check_same_size(image, labels, name="image")
        image = check_image(image, mask=mask)
    labels = split_components(labels, connectivity=connectivity)
    return _merged(
        labels, affinity, n_segments, None if image is None else fixed_colors(image)
    )


def _merged(labels, affinity, n_segments, colors):
    """`merge_regions` of connected regions, numbered from 0; in place."""
    n = int(labels.max()) + 1
    if n > n_segments:
        if colors is None:
            size, sums, steps = np.bincount(labels[labels >= 0]), np.empty((n, 0)), 1.0
        else:
            known, steps = color_sums(labels, n, colors[0]), colors[1]
            size, sums = known[:, 0].copy(), known[:, 1:].astype(float)
        merge(labels, affinity, size, sums, _SLIGHT_VARIANCE * steps**2, n_segments)
    return labels


def cut_and_merge(
    affinity: NDArray[np.floating[Any]],
    image: NDArray[Any],
    n_segments: int | list[int],
    *,
    cut: Callable[..., Any],
    oversegmentation: float = 12,
    boundary_cost: Callable[..., float] | None = None,
    connectivity: Connectivity = 8,
    mask: NDArray[np.bool_] | None = None,
    n_threads: int = 1,
) -> Any:
    """Make more superpixels than requested, merge them, and refine the boundaries.

    The superpixels are made from affinities that are two thirds the given ones and one
    third based on colours, which place the borders of small superpixels better. For the
    merging, the given affinities are used as they are.

    Parameters
    ----------
    affinity : ndarray of shape (H, W, 2) or (H, W, 4), floating point
        Checked, 0 outside the mask; two channels for `connectivity` 4.
    image : ndarray of shape (H, W, C)
        Checked.
    n_segments : int, or list of int
        Number of superpixels after the merging.
    cut : callable
        ``cut(affinity, [n_segments, ...], mask)`` returns a list of label maps.
    oversegmentation : float, default=12
        How many times more superpixels to make first. At more than 2, only as many as
        leave 16 pixels to each on average, but never less than twice as many.
    boundary_cost : callable, optional
        ``boundary_cost(n_segments, labels)`` returns the cost to refine boundaries
        with. If it is given, superpixels are refined before they are merged, too.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel.
    mask : ndarray of bool of shape (H, W), optional
        True where to segment the image.
    n_threads : int, default=1
        Threads that refine; they affect only the time.

    Returns
    -------
    ndarray of shape (H, W), int32; a list of them if `n_segments` is a list
    """
    asked = n_segments if isinstance(n_segments, list) else [n_segments]
    # Python's integers, since small integers of NumPy would overflow.
    counts = [int(n) for n in asked]
    if mask is not None:
        check_areas(min(counts), mask, connectivity)
    colors = color_affinity(image, connectivity=connectivity)
    n_pixels = affinity[..., 0].size if mask is None else np.count_nonzero(mask)
    most, least = float(oversegmentation), min(float(oversegmentation), 2.0)
    fine = [max(min(most * n, n_pixels / _FINE_SIZE), least * n) for n in counts]
    fine = [round(min(n, n_pixels)) for n in fine]
    # In place, since it is the largest array of all.
    colors += 2 * affinity
    colors /= 3
    maps = cut(colors, fine, mask)
    del colors
    with share_rows(len(image), n_threads) as rows:
        known = fixed_colors(image, rows)

        def refined(labels, cost, max_iter=MAX_ITER):
            sweep(
                labels,
                known,
                affinity,
                float(cost),
                max_iter=max_iter,
                connectivity=connectivity,
                rows=rows,
            )
            return relabel(labels)[0]

        for i, count in enumerate(counts):
            maps[i] = split_components(maps[i], connectivity=connectivity)
            if boundary_cost is not None:
                maps[i] = refined(maps[i], _FINE_COST, _FINE_SWEEPS)
            maps[i] = _merged(maps[i], affinity, count, known)
            if boundary_cost is not None:
                maps[i] = refined(maps[i], boundary_cost(count, maps[i]))
    return maps if isinstance(n_segments, list) else maps[0]
