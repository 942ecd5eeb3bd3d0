"""All scores of a label map at once."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Truth
from .._validation import as_image, check_int
from .boundary import density, f_score, near_boundary, precision, recall
from .maps import Pair, pair_up
from .overlap import asa, corrected_error, levinshtein_error, min_error
from .shape import explained_variation, shape_figures

__all__ = ["evaluate"]


def evaluate(
    y_true: Truth,
    y_pred: ArrayLike,
    *,
    image: ArrayLike | None = None,
    tolerance: int = 1,
    ignore_label: int | None = None,
    average: bool = True,
) -> dict[str, Any]:
    """Compute all scores of a label map, in little more time than a single one.

    Parameters
    ----------
    y_true : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Ground truth: one label map, or several annotations of the same image. Any
        integer dtype.
    y_pred : array-like of shape (H, W)
        Superpixels, any integer dtype. Negative labels are masked pixels, which do
        not count.
    image : array-like of shape (H, W), (H, W, 1) or (H, W, C), optional
        The image, for the explained variation; see `explained_variation_score`.
    tolerance : int, default=1
        Tolerance of the boundary scores; see `boundary_recall_score`.
    ignore_label : int, optional
        Ground-truth label of pixels that do not count. Annotations in which no pixel
        counts are left out, unless this leaves none.
    average : bool, default=True
        With False, each score against ground truth is an array with an entry for each
        annotation that counts, from which a mean over the pairs of a data set can be
        taken.

    Returns
    -------
    dict
        Means over the annotations: ``asa``, ``corrected_undersegmentation_error``,
        ``undersegmentation_error``, ``min_undersegmentation_error``,
        ``boundary_recall``, ``boundary_precision`` and ``boundary_f``. Scores of the
        superpixels alone: ``contour_density``, ``compactness``, the entries of
        `size_statistics`, and with an image ``explained_variation``.

    Raises
    ------
    ValueError, TypeError
        If a map is not an integer array of the other's shape, the image does not fit
        them, or the tolerance is negative.

    Examples
    --------
    >>> from seal_sk.metrics import evaluate
    >>> scores = evaluate([[[0, 0, 1, 1]], [[0, 0, 0, 1]]], [[5, 5, 5, 7]])
    >>> scores["asa"], scores["boundary_recall"], scores["n_segments"]
    (0.875, 1.0, 2)
    >>> evaluate([[[0, 0, 1, 1]], [[0, 0, 0, 1]]], [[5, 5, 5, 7]], average=False)["asa"]
    array([0.75, 1.  ])
    """
    tolerance = check_int(tolerance, 0, name="tolerance")
    shape = None if image is None else as_image(image, "image").shape[:2]
    superpixels, pairs = pair_up(y_true, y_pred, ignore_label, shape)
    of_image = {}
    if image is not None:
        of_image["explained_variation"] = explained_variation(image, superpixels)
    found = near_boundary(superpixels, tolerance)
    rows = [_against_truth(pair, found, tolerance) for pair in pairs]
    scores: dict[str, Any] = {
        name: np.array([row[name] for row in rows]) for name in rows[0]
    }
    if average:
        scores = {name: float(values.mean()) for name, values in scores.items()}
    scores["contour_density"] = density(superpixels)
    return scores | shape_figures(superpixels) | of_image


def _against_truth(
    pair: Pair, found: NDArray[np.uint8], tolerance: int
) -> dict[str, float]:
    found_share, right_share = recall(pair, found), precision(pair, tolerance)
    return {
        "asa": asa(pair.overlaps),
        "corrected_undersegmentation_error": corrected_error(pair.overlaps),
        "undersegmentation_error": levinshtein_error(pair.overlaps),
        "min_undersegmentation_error": min_error(pair.overlaps),
        "boundary_recall": found_share,
        "boundary_precision": right_share,
        "boundary_f": f_score(found_share, right_share),
    }
