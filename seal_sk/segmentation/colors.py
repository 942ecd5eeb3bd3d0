"""Colours as the regions of a label map are compared by them."""

from __future__ import annotations

from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._colors import lab_of, linear_values, sum_colors
from .rows import Rows, all_rows

__all__ = ["color_sums", "fixed_colors"]

# Steps of fixed point to a unit of CIELAB; the values of bands count 100 units.
_STEPS_OF_LAB = 256.0
_STEPS_OF_BANDS = 655.35


def fixed_colors(
    image: NDArray[Any], rows: Rows | None = None
) -> tuple[NDArray[Any], float]:
    """Colours of a checked image in fixed point, equal for equal values of any dtype.

    Parameters
    ----------
    image : ndarray of shape (H, W, C)
        Checked.
    rows : Rows, optional
        From `share_rows`; by default, there is one band.

    Returns
    -------
    colors : ndarray of shape (H, W, C)
        CIELAB of an image of three channels, its lightness of one of one channel. Other
        images are returned as they are, since the kernels read them in fixed point.
    steps : float
        Steps of the fixed point to a unit.
    """
    if image.shape[2] not in (1, 3):
        return np.ascontiguousarray(image), _STEPS_OF_BANDS
    table = linear_values(256 if image.dtype == np.uint8 else 65536)
    lab = np.empty(image.shape, np.int16)
    each, tops, ends = rows or all_rows(len(image))
    list(each(partial(lab_of, image, table, lab), tops, ends))
    return lab, _STEPS_OF_LAB


def color_sums(
    labels: NDArray[np.int32], n: int, colors: NDArray[Any]
) -> NDArray[np.int64]:
    """What is known of the colours of each region, in fixed point.

    Parameters
    ----------
    labels : ndarray of shape (H, W), int32
        Labels in 0..n-1; negative ones are masked.
    n : int
        Number of regions.
    colors : ndarray of shape (H, W, C)
        From `fixed_colors`.

    Returns
    -------
    ndarray of shape (n, 1 + 2 * C)
        Pixels of each region, then the sum of each channel, then of its squares.
    """
    sums = np.zeros((n, 1 + 2 * colors.shape[2]), np.int64)
    sum_colors(labels, colors, sums)
    return sums
