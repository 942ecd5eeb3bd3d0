"""Scores from the boundaries of superpixels and ground truth.

A pixel is a boundary pixel if its right or lower neighbour has another label. The
outline of masked or ignored pixels is not a boundary.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._metrics import boundary_hits, boundary_map, near
from .._typing import Truth
from .._validation import check_int
from .maps import Pair, Superpixels, pair_up

__all__ = [
    "boundary_recall_score",
    "boundary_precision_score",
    "boundary_f_score",
    "contour_density",
]


def boundary_recall_score(
    y_true: Truth,
    y_pred: ArrayLike,
    *,
    tolerance: int = 1,
    ignore_label: int | None = None,
) -> float:
    """Share of ground-truth boundary pixels near a superpixel boundary.

    A pixel is a boundary pixel if its right or lower neighbour has another label.

    Parameters
    ----------
    y_true : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Ground truth: one label map, or several annotations of the same image, over
        which the score is averaged. Any integer dtype.
    y_pred : array-like of shape (H, W)
        Superpixels, any integer dtype. Negative labels are masked pixels: they and
        their outline are not boundaries of either map.
    tolerance : int, default=1
        A boundary is near if it lies inside a square with sides of ``2 * tolerance +
        1`` pixels. 1 is customary on BSDS500, 3 on Cityscapes. Time grows with the
        logarithm of the tolerance.
    ignore_label : int, optional
        Ground-truth label of unknown pixels, whose outline is not a boundary.

    Returns
    -------
    float
        In 0..1, higher is better; 1.0 if there is no boundary to find.

    Raises
    ------
    ValueError, TypeError
        If a map is not an integer array of the other's shape, or the tolerance is
        negative.

    Notes
    -----
    Scores by other definitions (boundaries two pixels thick, a tolerance relative to
    the diagonal, the best annotation instead of the mean) differ by 0.05 to 0.1 and
    can't be compared with these.

    References
    ----------
    Martin, Fowlkes, Malik, "Learning to Detect Natural Image Boundaries Using Local
    Brightness, Color, and Texture Cues", PAMI 2004.

    Examples
    --------
    >>> from seal_sk.metrics import boundary_recall_score
    >>> truth = [[0, 0, 0, 1, 1, 2]]
    >>> boundary_recall_score(truth, [[0, 0, 1, 1, 1, 1]], tolerance=1)
    0.5
    """
    tolerance = check_int(tolerance, 0, name="tolerance")
    superpixels, pairs = pair_up(y_true, y_pred, ignore_label)
    found = near_boundary(superpixels, tolerance)
    return float(np.mean([recall(pair, found) for pair in pairs]))


def boundary_precision_score(
    y_true: Truth,
    y_pred: ArrayLike,
    *,
    tolerance: int = 1,
    ignore_label: int | None = None,
) -> float:
    """Share of superpixel boundary pixels near a ground-truth boundary.

    This is `boundary_recall_score` with the two maps swapped. Superpixels have
    boundaries inside segments too, so the score falls with their number; compare it
    only at the same number.

    Parameters
    ----------
    y_true : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Ground truth, as for `boundary_recall_score`.
    y_pred : array-like of shape (H, W)
        Superpixels, as for `boundary_recall_score`.
    tolerance : int, default=1
        As for `boundary_recall_score`.
    ignore_label : int, optional
        Ground-truth label of unknown pixels: superpixel boundaries inside them or
        along their outline do not count.

    Returns
    -------
    float
        In 0..1, higher is better; 1.0 if the superpixels have no boundary.

    Raises
    ------
    ValueError, TypeError
        If a map is not an integer array of the other's shape, or the tolerance is
        negative.

    References
    ----------
    Martin, Fowlkes, Malik, "Learning to Detect Natural Image Boundaries Using Local
    Brightness, Color, and Texture Cues", PAMI 2004.

    Examples
    --------
    >>> from seal_sk.metrics import boundary_precision_score
    >>> truth = [[0, 0, 0, 1, 1, 2]]
    >>> boundary_precision_score(truth, [[0, 0, 1, 1, 1, 1]], tolerance=1)
    1.0
    """
    tolerance = check_int(tolerance, 0, name="tolerance")
    _, pairs = pair_up(y_true, y_pred, ignore_label)
    return float(np.mean([precision(pair, tolerance) for pair in pairs]))


def boundary_f_score(
    y_true: Truth,
    y_pred: ArrayLike,
    *,
    tolerance: int = 1,
    ignore_label: int | None = None,
) -> float:
    """Harmonic mean of boundary recall and boundary precision, ``2 R P / (R + P)``.

    Parameters
    ----------
    y_true : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Ground truth, as for `boundary_recall_score`. With several annotations, the
        result is the mean of their F-scores, not the F-score of the mean recall and
        precision.
    y_pred : array-like of shape (H, W)
        Superpixels, as for `boundary_recall_score`.
    tolerance : int, default=1
        As for `boundary_recall_score`.
    ignore_label : int, optional
        As for `boundary_precision_score`.

    Returns
    -------
    float
        In 0..1, higher is better; 0.0 if recall and precision are both 0.

    Raises
    ------
    ValueError, TypeError
        If a map is not an integer array of the other's shape, or the tolerance is
        negative.

    References
    ----------
    Martin, Fowlkes, Malik, "Learning to Detect Natural Image Boundaries Using Local
    Brightness, Color, and Texture Cues", PAMI 2004.

    Examples
    --------
    >>> from seal_sk.metrics import boundary_f_score
    >>> truth = [[0, 0, 0, 1, 1, 2]]
    >>> boundary_f_score(truth, [[0, 0, 1, 1, 1, 2]], tolerance=0)
    0.5
    """
    tolerance = check_int(tolerance, 0, name="tolerance")
    superpixels, pairs = pair_up(y_true, y_pred, ignore_label)
    found = near_boundary(superpixels, tolerance)
    scores = [
        f_score(recall(pair, found), precision(pair, tolerance)) for pair in pairs
    ]
    return float(np.mean(scores))


def contour_density(y_pred: ArrayLike) -> float:
    """Share of pixels that lie on superpixel boundaries.

    Parameters
    ----------
    y_pred : array-like of shape (H, W)
        Superpixels, any integer dtype. Negative labels are masked pixels, which do
        not count.

    Returns
    -------
    float
        In 0..1; lower means smoother or fewer superpixels. 0.0 if no pixel counts.

    Raises
    ------
    ValueError, TypeError
        If `y_pred` is not an integer array of shape (H, W).

    Notes
    -----
    Boundaries are one pixel thick here, as for `boundary_recall_score`. Definitions
    that count both sides give values about twice as high.

    References
    ----------
    Machairas, Faessel, Cárdenas-Peña, Chabardes, Walter, Decencière, "Waterpixels",
    TIP 2015.

    Examples
    --------
    >>> from seal_sk.metrics import contour_density
    >>> contour_density([[0, 0, 1, 1]])
    0.25
    """
    return density(Superpixels(y_pred))


def near_boundary(superpixels: Superpixels, tolerance: int) -> NDArray[np.uint8]:
    """Map that is 1 near a boundary of the superpixels."""
    return _near(superpixels.boundary, tolerance)


def recall(pair: Pair, found: NDArray[np.uint8]) -> float:
    """`boundary_recall_score` of one pair, given `near_boundary`."""
    total, hits = boundary_hits(pair.truth, pair.known, found)
    return hits / total if total else 1.0


def precision(pair: Pair, tolerance: int) -> float:
    """`boundary_precision_score` of one pair."""
    found = _near(boundary_map(pair.truth, pair.known), tolerance)
    total, hits = boundary_hits(pair.superpixels.labels, pair.known, found)
    return hits / total if total else 1.0


def f_score(recall: float, precision: float) -> float:
    """Harmonic mean of the two."""
    both = recall + precision
    return 2 * recall * precision / both if both else 0.0


def density(superpixels: Superpixels) -> float:
    """`contour_density` of prepared superpixels."""
    n = superpixels.n_known
    return int(np.count_nonzero(superpixels.boundary)) / n if n else 0.0


def _near(boundary: NDArray[np.uint8], tolerance: int) -> NDArray[np.uint8]:
    # A tolerance beyond the size of the map changes nothing.
    tolerance = min(tolerance, max(boundary.shape))
    return near(boundary, tolerance)
