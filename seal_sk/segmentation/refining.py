"""From a label map to one whose boundaries follow the image."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike, NDArray

from .._colors import move_colors
from .._labels import relabel
from .._refine import describe, visit
from .._typing import Connectivity
from .._validation import (
    as_image,
    check_affinity,
    check_connectivity,
    check_image,
    check_int,
    check_label_map,
    check_mask,
    check_real,
    check_same_size,
    warn_of_volume,
)
from ..labels import relabel_consecutive, split_components
from .colors import color_sums, fixed_colors
from .rows import Rows, share_rows

__all__ = ["MAX_ITER", "refine", "refine_boundaries", "sweep"]

#: Sweeps at most, by default.
MAX_ITER = 10

# Added to the variance of a region, in CIELAB: less is noise.
_SLIGHT_VARIANCE = 12.0


def refine_boundaries(
    labels: ArrayLike,
    image: ArrayLike,
    affinity: ArrayLike | None = None,
    *,
    boundary_cost: float = 5.0,
    max_iter: int = 10,
    connectivity: Connectivity = 8,
    mask: ArrayLike | None = None,
    n_jobs: int | None = None,
) -> NDArray[np.int32]:
    """Move the boundaries of a label map to where they fit the image best.

    Pixels at boundaries move to the neighbouring region of least cost, in up to
    `max_iter` sweeps over the image. The cost of a pixel in a region is::

        sum((x - m)^2 / (v + 12) + log(v + 12)) + boundary_cost * cut

    The sum is over the channels of CIELAB: x is the colour of the pixel, m the mean of
    the region, and v its variance. cut is the sum of the affinities between the pixel
    and those of its four neighbours that would lie in other regions.

    A pixel may leave its region only if the others in its 3 x 3 window stay connected
    without it. So the number of regions does not change, and each stays connected.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype and any values; negative labels are masked pixels. Every
        connected component is a region.
    image : array-like of shape (H, W), (H, W, 1) or (H, W, C)
        uint8, uint16, or floating point in 0..1; three channels are RGB.
    affinity : array-like of shape (H, W, 2) or (H, W, 4), optional
        float32 or float64 in 0..1: right, down (and two diagonals, which do not count).
        By default, all affinities are 1.
    boundary_cost : float, default=5.0
        Price of a boundary between two pixels of affinity 1, at least 0. With 0, only
        colours count: more boundaries of objects are found, by longer contours. With 10
        and more, contours are short, and the superpixels leak less.
    max_iter : int, default=10
        Maximum number of sweeps, at least 0. Refinement ends earlier if no pixel moves.
    connectivity : {4, 8}, default=8
        Whether pixels of a region that share only a corner are connected (8) or not
        (4).
    mask : array-like of bool of shape (H, W), optional
        True where to segment the image. Outside, `image` and `affinity` may hold
        anything.
    n_jobs : int, optional
        Number of threads, as in joblib: None is 1 (unless a ``joblib.parallel_config``
        says otherwise), -1 all processors. It affects only the time.

    Returns
    -------
    ndarray of shape (H, W), int32
        As many regions as before, numbered from 0 in scan order of their first pixels;
        -1 where masked.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or the sizes differ.

    See Also
    --------
    merge_regions : Fewer regions.
    SEALSuperpixels, GraphSuperpixels : Refine with `boundary_cost`.

    Notes
    -----
    Means and variances are those at the start of a sweep. A sweep visits the pixels in
    four classes, by the parities of their rows and columns. No two pixels of a class
    are in each other's window, so the order within a class does not matter. A pixel
    moves only if this lowers its cost; of several best regions it takes that of its
    neighbour above, left, right or below, in this order.

    One channel is compared by lightness; other numbers of channels than three are
    compared by their values times 100. Floats are rounded to multiples of 1 / 65535, so
    that images of any dtype give the same labels if they hold the same values.

    Time is linear in the number of pixels. Memory beyond the inputs is at most 16 bytes
    per pixel, and 16 (2 C + 1) bytes per region. There are copies besides of `affinity`
    and of an image of many bands if they are not C-contiguous, and two of an image of
    floats inside a mask.

    References
    ----------
    Moving boundary pixels is the idea of Yao et al., "Real-Time Coarse-to-fine
    Topologically Preserving Segmentation", CVPR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import refine_boundaries
    >>> image = np.zeros((4, 6), dtype=np.uint8)
    >>> image[:, 4:] = 200
    >>> labels = np.zeros((4, 6), dtype=int)
    >>> labels[:, 3:] = 1
    >>> refine_boundaries(labels, image)
    array([[0, 0, 0, 0, 1, 1],
           [0, 0, 0, 0, 1, 1],
           [0, 0, 0, 0, 1, 1],
           [0, 0, 0, 0, 1, 1]], dtype=int32)
    """
    boundary_cost = check_real(boundary_cost, 0, name="boundary_cost")
    max_iter = check_int(max_iter, 0, name="max_iter")
    check_connectivity(connectivity)
    labels = check_label_map(labels)
    image = as_image(image, "image")
    check_same_size(image, labels, name="image")
    if mask is not None:
        # As int32, since labels of unsigned dtypes can't become -1.
        labels = relabel_consecutive(labels)
        labels = np.where(check_mask(mask, labels.shape), labels, -1)
    if labels.max() < 0:
        raise ValueError("labels masks every pixel; there is nothing to refine.")
    inside = None if labels.min() >= 0 else labels >= 0
    image = check_image(image, mask=inside)
    warn_of_volume(image)
    if affinity is not None:
        affinity = check_affinity(affinity, mask=inside, labels=labels)
    labels = split_components(labels, connectivity=connectivity)
    return refine(
        labels,
        image,
        affinity,
        boundary_cost,
        max_iter=max_iter,
        connectivity=connectivity,
        n_threads=effective_n_jobs(n_jobs),
    )


def refine(
    labels: NDArray[np.int32],
    image: NDArray[Any],
    affinity: NDArray[np.floating[Any]] | None,
    boundary_cost: float,
    *,
    max_iter: int = MAX_ITER,
    connectivity: Connectivity = 8,
    n_threads: int = 1,
) -> NDArray[np.int32]:
    """`refine_boundaries` of checked input; `labels` is overwritten."""
    if affinity is None:
        affinity = np.empty((0, 0, 2), np.float32)
    with share_rows(len(labels), n_threads) as rows:
        # The colours are freed before the regions are numbered.
        sweep(
            labels,
            fixed_colors(image, rows),
            affinity,
            boundary_cost,
            max_iter=max_iter,
            connectivity=connectivity,
            rows=rows,
        )
    return relabel(labels)[0]


def sweep(
    labels: NDArray[np.int32],
    colors: tuple[NDArray[Any], float],
    affinity: NDArray[np.floating[Any]],
    boundary_cost: float,
    *,
    max_iter: int,
    connectivity: Connectivity,
    rows: Rows,
) -> None:
    """Move pixels until none moves; in place. `colors` are from `fixed_colors`."""
    values, steps = colors
    each, *bands = rows
    n = int(labels.max()) + 1
    visit_rows = partial(visit, affinity, boundary_cost, connectivity, labels, values)
    # Each band has sums of its own, where these take little memory.
    parts = bands if n * len(bands[0]) < labels.size // 8 else ([0], [len(labels)])
    sums = sum(
        each(
            lambda top, end: color_sums(labels[top:end], n, values[top:end]),
            *parts,
        )
    )
    regions = np.empty(sums.shape)
    for _ in range(max_iter):
        describe(sums, _SLIGHT_VARIANCE * steps**2, regions)
        moves = [*each(partial(visit_rows, regions, False), *bands)]
        moves += map(partial(visit_rows, regions, True), *bands)
        for moved in moves:
            move_colors(labels, values, moved, sums)
        if not any(map(len, moves)):
            break
