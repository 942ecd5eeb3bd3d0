"""Scores of superpixels without ground truth: shape, colour and size."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._metrics import areas_and_perimeters
from .._validation import as_image, check_image
from .maps import Superpixels

__all__ = ["compactness_score", "explained_variation_score", "size_statistics"]


def compactness_score(y_pred: ArrayLike) -> float:
    """Mean isoperimetric quotient of the superpixels, weighted by their size.

    ``sum_S |S| / N * 4 pi A_S / P_S**2``, with the area A in pixels and the perimeter P
    in pixel sides.

    Parameters
    ----------
    y_pred : array-like of shape (H, W)
        Superpixels, any integer dtype. Negative labels are masked pixels, which do
        not count.

    Returns
    -------
    float
        In 0..pi/4, higher is rounder; 0.0 if no pixel counts.

    Raises
    ------
    ValueError, TypeError
        If `y_pred` is not an integer array of shape (H, W).

    Notes
    -----
    The perimeter of a superpixel is the number of pixel sides between it and anything
    else: other superpixels, masked pixels, holes, and the outside of the image. With
    this measure, squares are the roundest shapes, with a score of pi/4; a disc has
    about pi**2/16. Scores based on other perimeters can't be compared with these.

    References
    ----------
    Schick, Fischer, Stiefelhagen, "Measuring and Evaluating the Compactness of
    Superpixels", ICPR 2012.

    Examples
    --------
    Two squares, then two bars of the same size:

    >>> from seal_sk.metrics import compactness_score
    >>> round(compactness_score([[0, 0, 1, 1], [0, 0, 1, 1]]), 3)
    0.785
    >>> round(compactness_score([[0, 0, 0, 0], [1, 1, 1, 1]]), 3)
    0.503
    """
    return compactness(*_outlines(Superpixels(y_pred)))


def explained_variation_score(image: ArrayLike, y_pred: ArrayLike) -> float:
    """Share of the image's variance that the superpixels' mean colours explain.

    ``sum_S |S| ||mean_S - mean||**2 / sum_p ||I_p - mean||**2`` over the channels.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, C)
        uint8, uint16, or floating point in 0..1. Masked pixels may have any value.
    y_pred : array-like of shape (H, W)
        Superpixels, any integer dtype. Negative labels are masked pixels, which do
        not count.

    Returns
    -------
    float
        In 0..1, higher is better; 1.0 if there is no variance to explain.

    Raises
    ------
    ValueError, TypeError
        If the arrays do not fit together, or are not as described.

    References
    ----------
    Moore, Prince, Warrell, Mohammed, Jones, "Superpixel Lattices", CVPR 2008.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk.metrics import explained_variation_score
    >>> image = np.array([[0, 2, 6, 8]], dtype=np.uint8)
    >>> explained_variation_score(image, [[0, 0, 1, 1]])
    0.9
    """
    superpixels = Superpixels(y_pred, as_image(image, "image").shape[:2])
    return explained_variation(image, superpixels)


def size_statistics(y_pred: ArrayLike) -> dict[str, Any]:
    """Number and sizes of the superpixels.

    Parameters
    ----------
    y_pred : array-like of shape (H, W)
        Superpixels, any integer dtype. Negative labels are masked pixels, which do
        not count.

    Returns
    -------
    dict
        ``n_segments`` (int), and in pixels ``mean_size``, ``std_size`` (floats),
        ``min_size`` and ``max_size`` (ints). All are 0 if no pixel counts.

    Raises
    ------
    ValueError, TypeError
        If `y_pred` is not an integer array of shape (H, W).

    Examples
    --------
    >>> from seal_sk.metrics import size_statistics
    >>> size_statistics([[0, 0, 0, 7]])
    {'n_segments': 2, 'mean_size': 2.0, 'std_size': 1.0, 'min_size': 1, 'max_size': 3}
    """
    return sizes(_outlines(Superpixels(y_pred))[0])


def shape_figures(superpixels: Superpixels) -> dict[str, Any]:
    """`compactness_score` and `size_statistics` of prepared superpixels."""
    area, perimeter = _outlines(superpixels)
    return {"compactness": compactness(area, perimeter), **sizes(area)}


def compactness(area: NDArray[np.int64], perimeter: NDArray[np.int64]) -> float:
    """`compactness_score` from areas and perimeters."""
    n = int(area.sum())
    return float(4 * np.pi * np.sum((area / perimeter) ** 2) / n) if n else 0.0


def sizes(area: NDArray[np.int64]) -> dict[str, Any]:
    """`size_statistics` from areas."""
    if not area.size:
        area = np.zeros(1, dtype=np.int64)
    return {
        "n_segments": int(np.count_nonzero(area)),
        "mean_size": float(area.mean()),
        "std_size": float(area.std()),
        "min_size": int(area.min()),
        "max_size": int(area.max()),
    }


def explained_variation(image: ArrayLike, superpixels: Superpixels) -> float:
    """`explained_variation_score` of an image and prepared superpixels of its size."""
    mask = None if superpixels.known is None else superpixels.known.view(bool)
    if mask is not None and not mask.any():
        return 1.0
    image = check_image(image, mask=mask)
    known = slice(None) if mask is None else mask
    labels = superpixels.labels[known].ravel()
    size = np.maximum(np.bincount(labels, minlength=1), 1)
    channels = [image[..., c][known].ravel() for c in range(image.shape[2])]
    spread = max(float(np.ptp(one)) for one in channels) if labels.size else 0.0
    if spread == 0:
        return 1.0
    total = explained = 0.0
    for channel in channels:
        # Relative to the minimum, so that a constant channel is exactly 0, and divided
        # by the largest spread, so that no square underflows.
        value = (channel.astype(np.float64) - float(channel.min())) / spread
        value -= value.mean()
        total += float(np.sum(value**2))
        explained += float(np.sum(np.bincount(labels, value) ** 2 / size))
    # Rounding may take the ratio past 1.
    return min(explained / total, 1.0)


def _outlines(superpixels: Superpixels) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    area, perimeter = areas_and_perimeters(superpixels.labels, superpixels.n_labels)
    return area[area > 0], perimeter[area > 0]
