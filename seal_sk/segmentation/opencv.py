"""From an image to a label map with OpenCV's contributed modules."""

from __future__ import annotations

from contextlib import contextmanager
from math import sqrt
from threading import Lock
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._extras import import_extra
from .._validation import (
    as_uint8,
    check_int,
    check_n_pixels,
    check_n_segments,
    check_real,
    check_rgb,
)
from ..labels import force_n_segments, merge_small

__all__ = ["lsc", "seeds"]

# OpenCV replaces smaller numbers of superpixels by this one.
_LEAST = 10

# OpenCV numbers the entries of its histograms in 32 bits, and pads each histogram.
_MAX_ENTRIES = 2**30

_threads_lock = Lock()
_threads_before: list[int] = []


def lsc(
    image: ArrayLike,
    n_segments: int,
    *,
    ratio: float = 0.075,
    max_iter: int = 10,
    exact: bool = False,
) -> NDArray[np.int32]:
    """Linear spectral clustering (LSC) of an image, by OpenCV.

    k-means clustering of colours and positions, mapped to a space in which it
    approximates normalized cuts.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, 3)
        uint8, uint16, float32 or float64; floats in 0..1. Three channels are sRGB; one
        is grey, and is repeated to three. Colours are rounded to 8 bits.
    n_segments : int
        Number of segments, in 1..H*W. You get a few more or fewer, depending on the
        grid: on BSDS500's photographs, on average 99 for 100, 287 for 300 and 1054 for
        1000. You get up to twice as many if each has only a few pixels, since the step
        of the grid is a whole number of pixels.
    ratio : float, default=0.075
        Weight of the position relative to the colour, at least 0.
    max_iter : int, default=10
        Rounds of k-means, at least 1.
    exact : bool, default=False
        Return exactly `n_segments`: :func:`seal_sk.labels.force_n_segments` joins or
        splits the connected pieces of the clusters.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels from 0, numbered in scan order of their first pixels. Each label is one
        region, connected by its pixels' sides.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.
    ImportError
        If OpenCV with its contributed modules is not installed.

    Notes
    -----
    The image is smoothed with a 3 x 3 Gaussian and converted to 8-bit CIELAB, as
    OpenCV's documentation recommends. OpenCV's own rule for small pieces can leave a
    label in several pieces. Instead, pieces below a quarter of the mean size, ``H * W
    // (4 * n_segments)`` pixels, join the neighbour of the most similar colour.

    In thin images, a grid of clusters of the required size may not fit, and OpenCV
    can't start. The clusters are then made smaller until it fits, and you get exactly
    `n_segments`. In images one pixel wide no grid fits, and a single region is split.

    With several threads, OpenCV's result is not deterministic. While this function
    runs, OpenCV uses one thread in the whole process; several images can still be
    segmented at a time.

    References
    ----------
    Li, Chen, "Superpixel Segmentation Using Linear Spectral Clustering", CVPR 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import lsc
    >>> image = np.zeros((8, 12), dtype=np.uint8)
    >>> image[:, 6:] = 200
    >>> labels = lsc(image, 2, exact=True)
    >>> np.array_equal(labels > 0, image > 0)
    True
    """
    cv2 = _opencv()
    image, n_segments = _check(image, n_segments)
    ratio = check_real(ratio, 0, name="ratio")
    max_iter = check_int(max_iter, 1, name="max_iter")
    height, width = image.shape[:2]
    side = max(round((height * width / n_segments) ** 0.5), 1)
    fitting = side
    while fitting > 0 and not _has_grid(height, width, fitting):
        fitting -= 1
    lab = _lab(cv2, image, smooth=True)
    if fitting == 0:
        whole = np.zeros((height, width), dtype=np.int32)
        return _connected(whole, n_segments, lab, exact=True)
    with _one_thread(cv2):
        clusters = cv2.ximgproc.createSuperpixelLSC(lab, fitting, ratio)
        clusters.iterate(max_iter)
        labels = clusters.getLabels()
    return _connected(labels, n_segments, lab, exact or fitting < side)


def seeds(
    image: ArrayLike,
    n_segments: int,
    *,
    n_levels: int = 4,
    prior: int = 2,
    n_bins: int = 5,
    max_iter: int = 10,
    exact: bool = False,
) -> NDArray[np.int32]:
    """Superpixels extracted via energy-driven sampling (SEEDS), by OpenCV.

    Starts from a grid of rectangles and moves their boundaries block by block, from
    large blocks to single pixels, while the colour histograms inside get more uniform.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, 3)
        uint8, uint16, float32 or float64; floats in 0..1. Three channels are sRGB; one
        is grey, and is repeated to three. Colours are rounded to 8 bits.
    n_segments : int
        Number of segments, in 1..H*W. You usually get fewer, since their sides are
        whole numbers of the largest blocks: on BSDS500's photographs, on average 60 for
        100, 216 for 300, 261 for 600 and 599 for 1000, and even fewer on small images.
        OpenCV uses 10 for any smaller number.
    n_levels : int, default=4
        Number of block sizes, each twice the one before, in 2..16; fewer are used if
        the image is too small for them. With more levels, fewer different numbers of
        segments are possible.
    prior : int, default=2
        Smoothness of the boundaries, in 0..5; 0 means none.
    n_bins : int, default=5
        Bins of the histograms for each channel, at least 1.
    max_iter : int, default=10
        Rounds of moving single pixels, at least 1.
    exact : bool, default=False
        Return exactly `n_segments`: OpenCV makes about twice as many, which
        :func:`seal_sk.labels.force_n_segments` joins (or splits).

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels from 0, numbered in scan order of their first pixels. Each label is one
        region, connected by its pixels' sides.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.
    ImportError
        If OpenCV with its contributed modules is not installed.

    Notes
    -----
    Colours are 8-bit CIELAB. If a label is in several pieces, those below a quarter of
    the mean size, ``H * W // (4 * n_segments)`` pixels, join the neighbour of the most
    similar colour, and larger ones get new labels.

    OpenCV needs at least two by two pixels in each superpixel, and a grid whose cells
    are nearly square. If they do not fit, the requested number is halved until they
    do; if the image is too thin for any grid, a single region is used. In these cases,
    the result is split into exactly `n_segments`.

    Memory is 4 bytes for each bin of each block's histogram: up to ``4 * n_bins**3 *
    n_segments * 4**(n_levels - 1)``.

    References
    ----------
    Van den Bergh, Boix, Roig, Van Gool, "SEEDS: Superpixels Extracted via
    Energy-Driven Sampling", International Journal of Computer Vision 111, 2015.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import seeds
    >>> image = np.zeros((16, 16), dtype=np.uint8)
    >>> image[:, 8:] = 200
    >>> labels = seeds(image, 2, exact=True)
    >>> np.array_equal(labels > 0, image > 0)
    True
    """
    cv2 = _opencv()
    image, n_segments = _check(image, n_segments)
    n_levels = check_int(n_levels, 2, 16, name="n_levels")
    prior = check_int(prior, 0, 5, name="prior")
    n_bins = check_int(n_bins, 1, name="n_bins")
    max_iter = check_int(max_iter, 1, name="max_iter")
    height, width = image.shape[:2]
    lab = _lab(cv2, image, smooth=False)
    n_asked = 2 * n_segments if exact else n_segments
    n_asked = min(n_asked, height * width // 4)
    levels = _fitting_levels(height, width, n_asked, n_levels)
    while levels == 0 and n_asked > 1:
        n_asked //= 2
        levels = _fitting_levels(height, width, n_asked, n_levels)
    if levels == 0:
        whole = np.zeros((height, width), dtype=np.int32)
        return _connected(whole, n_segments, lab, exact=True)
    n_entries = n_bins**3 * max(n_asked, _LEAST) * 4 ** (levels - 1)
    if n_entries >= _MAX_ENTRIES:
        raise ValueError(
            f"n_bins={n_bins}, n_segments={n_segments} and n_levels={n_levels} make "
            f"histograms with up to {n_entries:.1e} entries, more than OpenCV can "
            f"number ({_MAX_ENTRIES}); lower one of them."
        )
    blocks = cv2.ximgproc.createSuperpixelSEEDS(
        width, height, 3, n_asked, levels, prior, n_bins, True
    )
    blocks.iterate(lab, max_iter)
    return _connected(
        blocks.getLabels(), n_segments, lab, exact or n_asked < n_segments
    )


def _opencv():
    cv2 = import_extra("cv2", "opencv", "LSC and SEEDS")
    if not hasattr(cv2, "ximgproc"):
        raise ImportError(
            "LSC and SEEDS are in OpenCV's contributed modules (cv2.ximgproc), which "
            'are not installed: pip install "seal_sk[opencv]".'
        )
    return cv2


def _check(image: ArrayLike, n_segments: int) -> tuple[NDArray[Any], int]:
    image = check_rgb(image)
    check_n_pixels(image)
    return image, check_n_segments(n_segments, image.shape)


def _lab(cv2, image, *, smooth):
    """8-bit CIELAB of a checked RGB image."""
    image = np.ascontiguousarray(as_uint8(image))
    if smooth:
        image = cv2.GaussianBlur(image, (3, 3), 0)
    return cv2.cvtColor(image, cv2.COLOR_RGB2LAB)


def _connected(labels, n_segments, lab, exact):
    colors = lab.astype(np.float32)
    # OpenCV stretches L* from 0..100 to 0..255.
    colors[:, :, 0] *= 100 / 255
    if exact:
        return force_n_segments(labels, n_segments, image=colors)
    return merge_small(labels, labels.size // (4 * n_segments), image=colors)


def _has_grid(height, width, side):
    """Whether OpenCV can start LSC: it divides by these numbers."""
    n_clusters = height * width // (side * side)
    # It is not known how OpenCV rounds: the grid must fit either way.
    least, most = (
        int(sqrt(width * n_clusters / height * nearly))
        for nearly in (1 - 1e-6, 1 + 1e-6)
    )
    return least > 0 and most <= n_clusters


def _fitting_levels(height, width, n_superpixels, n_levels):
    """Levels of blocks with which OpenCV can start, at most `n_levels`; 0 for none.

    OpenCV computes the same. If there are none, it would hang, or read invalid memory.
    """
    n = np.float32(max(n_superpixels, _LEAST))
    n_rows = int(np.sqrt(n * np.float32(height) / np.float32(width)))
    n_columns = n_rows * width // height
    if n_rows == 0 or n_columns == 0:
        return 0
    for levels in range(n_levels, 1, -1):
        n_parts = 2 ** (levels - 1)
        block_height = np.float32(height) / np.float32(n_rows) / np.float32(n_parts)
        block_width = np.float32(width) / np.float32(n_columns) / np.float32(n_parts)
        if (
            min(block_height, block_width) >= 1
            and np.ceil(block_height) * n_parts <= height
            and np.ceil(block_width) * n_parts <= width
        ):
            return levels
    return 0


@contextmanager
def _one_thread(cv2):
    """Let OpenCV use one thread until the last caller has left."""
    with _threads_lock:
        _threads_before.append(cv2.getNumThreads())
        cv2.setNumThreads(1)
    try:
        yield
    finally:
        with _threads_lock:
            # The first caller has saved the original number.
            before = _threads_before.pop()
            if not _threads_before:
                cv2.setNumThreads(before)
