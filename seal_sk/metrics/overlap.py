"""Scores from the overlaps of superpixels and ground-truth segments.

In the formulas, S stands for superpixels, G for ground-truth segments, N for the number
of pixels that count, and ``|A|`` for the number of pixels of A.
"""

from __future__ import annotations

from collections.abc import Callable

import numpy as np
from numpy.typing import ArrayLike

from .._typing import Truth
from .maps import Overlaps, pair_up

__all__ = [
    "asa_score",
    "corrected_undersegmentation_error",
    "undersegmentation_error",
    "min_undersegmentation_error",
]


def asa_score(
    y_true: Truth, y_pred: ArrayLike, *, ignore_label: int | None = None
) -> float:
    """Achievable segmentation accuracy.

    The share of correctly labelled pixels if every superpixel is assigned to the
    ground-truth segment that it overlaps most: ``sum_S max_G |S & G| / N``.

    Parameters
    ----------
    y_true : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Ground truth: one label map, or several annotations of the same image, over
        which the score is averaged. Any integer dtype.
    y_pred : array-like of shape (H, W)
        Superpixels, any integer dtype. Negative labels are masked pixels, which do
        not count.
    ignore_label : int, optional
        Ground-truth label of pixels that do not count.

    Returns
    -------
    float
        In 0..1, higher is better; 1.0 if no pixel counts.

    Raises
    ------
    ValueError, TypeError
        If a map is not an integer array of the other's shape.

    References
    ----------
    Liu, Tuzel, Ramalingam, Chellappa, "Entropy Rate Superpixel Segmentation",
    CVPR 2011.

    Examples
    --------
    >>> from seal_sk.metrics import asa_score
    >>> asa_score([[0, 0, 1, 1]], [[5, 5, 5, 7]])
    0.75
    """
    return _mean(asa, y_true, y_pred, ignore_label)


def corrected_undersegmentation_error(
    y_true: Truth, y_pred: ArrayLike, *, ignore_label: int | None = None
) -> float:
    """Share of pixels outside the segment that their superpixel overlaps most.

    ``sum_S (|S| - max_G |S & G|) / N``, which is 1 - ASA.

    Parameters
    ----------
    y_true : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Ground truth, as for `asa_score`.
    y_pred : array-like of shape (H, W)
        Superpixels, as for `asa_score`.
    ignore_label : int, optional
        Ground-truth label of pixels that do not count.

    Returns
    -------
    float
        In 0..1, lower is better; 0.0 if no pixel counts.

    Raises
    ------
    ValueError, TypeError
        If a map is not an integer array of the other's shape.

    References
    ----------
    Van den Bergh, Boix, Roig, de Capitani, Van Gool, "SEEDS: Superpixels Extracted
    via Energy-Driven Sampling", ECCV 2012.

    Examples
    --------
    >>> from seal_sk.metrics import corrected_undersegmentation_error
    >>> corrected_undersegmentation_error([[0, 0, 1, 1]], [[5, 5, 5, 7]])
    0.25
    """
    return _mean(corrected_error, y_true, y_pred, ignore_label)


def undersegmentation_error(
    y_true: Truth, y_pred: ArrayLike, *, ignore_label: int | None = None
) -> float:
    """Relative excess size of the superpixels that touch a segment.

    This is the original definition, a mean over the segments:
    ``mean_G (sum_{S & G not empty} |S| - |G|) / |G|``. With one pixel of overlap, a
    whole superpixel counts as leaking, so large superpixels and thin segments dominate;
    `min_undersegmentation_error` is milder.

    Parameters
    ----------
    y_true : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Ground truth, as for `asa_score`.
    y_pred : array-like of shape (H, W)
        Superpixels, as for `asa_score`.
    ignore_label : int, optional
        Ground-truth label of pixels that do not count.

    Returns
    -------
    float
        At least 0, lower is better; 0.0 if no pixel counts.

    Raises
    ------
    ValueError, TypeError
        If a map is not an integer array of the other's shape.

    References
    ----------
    Levinshtein, Stere, Kutulakos, Fleet, Dickinson, Siddiqi, "TurboPixels: Fast
    Superpixels Using Geometric Flows", PAMI 2009; UE_Levin in Stutz, Hermans, Leibe,
    "Superpixels: An Evaluation of the State-of-the-Art", CVIU 2018.

    Examples
    --------
    The superpixels that touch the first segment have 3 pixels, those of the second 4:

    >>> from seal_sk.metrics import undersegmentation_error
    >>> undersegmentation_error([[0, 0, 1, 1]], [[5, 5, 5, 7]])
    0.75
    """
    return _mean(levinshtein_error, y_true, y_pred, ignore_label)


def min_undersegmentation_error(
    y_true: Truth, y_pred: ArrayLike, *, ignore_label: int | None = None
) -> float:
    """Under-segmentation error that counts the smaller part of each split superpixel.

    ``sum_G sum_{S & G not empty} min(|S & G|, |S - G|) / N``. If a superpixel lies in
    two segments, its smaller part is counted once for each of them, so the error is
    about twice `corrected_undersegmentation_error`.

    Parameters
    ----------
    y_true : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Ground truth, as for `asa_score`.
    y_pred : array-like of shape (H, W)
        Superpixels, as for `asa_score`.
    ignore_label : int, optional
        Ground-truth label of pixels that do not count.

    Returns
    -------
    float
        In 0..1, lower is better; 0.0 if no pixel counts.

    Raises
    ------
    ValueError, TypeError
        If a map is not an integer array of the other's shape.

    References
    ----------
    Neubert, Protzel, "Superpixel Benchmark and Comparison", Forum Bildverarbeitung
    2012; UE_NP in Stutz, Hermans, Leibe, "Superpixels: An Evaluation of the
    State-of-the-Art", CVIU 2018.

    Examples
    --------
    >>> from seal_sk.metrics import min_undersegmentation_error
    >>> min_undersegmentation_error([[0, 0, 1, 1]], [[5, 5, 5, 7]])
    0.5
    """
    return _mean(min_error, y_true, y_pred, ignore_label)


def _mean(
    score: Callable[[Overlaps], float],
    y_true: Truth,
    y_pred: ArrayLike,
    ignore_label: int | None,
) -> float:
    _, pairs = pair_up(y_true, y_pred, ignore_label)
    return float(np.mean([score(pair.overlaps) for pair in pairs]))


def asa(overlaps: Overlaps) -> float:
    """`asa_score` of one table."""
    n = overlaps.n_pixels
    return int(overlaps.largest.sum()) / n if n else 1.0


def corrected_error(overlaps: Overlaps) -> float:
    """`corrected_undersegmentation_error` of one table."""
    n = overlaps.n_pixels
    return (n - int(overlaps.largest.sum())) / n if n else 0.0


def levinshtein_error(overlaps: Overlaps) -> float:
    """`undersegmentation_error` of one table."""
    if not overlaps.n_pixels:
        return 0.0
    area = np.bincount(overlaps.segment, overlaps.count)
    touching = np.bincount(overlaps.segment, overlaps.size_of_superpixel)
    seen = area > 0
    return float(np.mean((touching[seen] - area[seen]) / area[seen]))


def min_error(overlaps: Overlaps) -> float:
    """`min_undersegmentation_error` of one table."""
    inside = overlaps.count
    outside = overlaps.size_of_superpixel - inside
    n = overlaps.n_pixels
    return int(np.minimum(inside, outside).sum()) / n if n else 0.0
