"""All scores of one label map, for a table with one row per annotation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._metrics import near
from .._validation import check_label_map
from ..labels import split_components
from .maps import counts_somewhere
from .report import evaluate

__all__ = [
    "diagonal_tolerance",
    "evaluate_label_map",
    "score_label_map",
    "thick_boundary_recalls",
]


def evaluate_label_map(
    labels: NDArray[Any],
    image: NDArray[Any],
    annotations: Sequence[NDArray[Any]],
    *,
    tolerance: int = 1,
    ignore_label: int | None = None,
) -> tuple[dict[str, Any], list[int]]:
    """`evaluate` for each annotation in which not all pixels are ignored.

    A label map may leave out pixels (labels below 0) that all of these annotations
    ignore. To leave out others would be an advantage over methods that don't.

    Returns
    -------
    scores : dict
        As ``evaluate(..., average=False)`` returns them.
    kept : list of int
        The indices of these annotations.
    """
    labels = check_label_map(labels, np.shape(image)[:2], name="the label map")
    kept = [
        i
        for i, truth in enumerate(annotations)
        if counts_somewhere(truth, None, ignore_label)
    ]
    if not kept:
        raise ValueError("every pixel of every annotation is ignored.")
    left_out = labels < 0
    if left_out.any():
        for i in kept:
            counted = (
                left_out if ignore_label is None else annotations[i] != ignore_label
            )
            if n_left := int(np.count_nonzero(left_out & counted)):
                raise ValueError(
                    f"the label map leaves out {n_left} pixels (labels below 0) that "
                    "the ground truth does not ignore: put them into superpixels, or "
                    "ignore them there as well, by a mask or the ignore label."
                )
    scores = evaluate(
        [annotations[i] for i in kept],
        labels,
        image=image,
        tolerance=tolerance,
        ignore_label=ignore_label,
        average=False,
    )
    return scores, kept


def score_label_map(
    labels: NDArray[Any],
    image: NDArray[Any],
    annotations: Sequence[NDArray[Any]],
    *,
    tolerance: int = 1,
    ignore_label: int | None = None,
) -> dict[str, Any]:
    """Compute all scores of one label map.

    Parameters
    ----------
    labels : ndarray of shape (H, W)
        Superpixels, which cover every pixel that an annotation does not ignore.
    image : ndarray of shape (H, W) or (H, W, C)
    annotations : list of ndarray of shape (H, W)
    tolerance : int, default=1
        Tolerance of the boundary scores.
    ignore_label : int, optional
        Ground-truth label of unknown pixels.

    Returns
    -------
    dict
        The scores of `seal_sk.metrics.evaluate`, where those against ground truth are
        lists with one entry per annotation; ``thick_boundary_recall``, also a list;
        ``annotation``, the indices of these annotations, without those in which every
        pixel is ignored; and ``n_regions``, the number of connected regions (8
        neighbours) of the superpixels.

    Raises
    ------
    ValueError, TypeError
        If `labels` is not a label map of the image, or leaves out pixels that count.
    """
    scores, kept = evaluate_label_map(
        labels, image, annotations, tolerance=tolerance, ignore_label=ignore_label
    )
    annotations = [annotations[i] for i in kept]
    scores = {
        name: value.tolist() if isinstance(value, np.ndarray) else value
        for name, value in scores.items()
    }
    scores["thick_boundary_recall"] = thick_boundary_recalls(
        annotations, labels, ignore_label=ignore_label
    )
    scores["annotation"] = kept
    scores["n_regions"] = int(split_components(labels, connectivity=8).max()) + 1
    return scores


def diagonal_tolerance(shape: tuple[int, int]) -> int:
    """0.25 % of the diagonal, in whole pixels: the tolerance of Stutz et al."""
    # Halves are rounded away from zero, as in C.
    return math.floor(0.0025 * math.hypot(*shape) + 0.5)


def thick_boundary_recalls(
    annotations: Sequence[NDArray[Any]],
    labels: NDArray[Any],
    *,
    ignore_label: int | None = None,
) -> list[float]:
    """Boundary recall with boundaries two pixels thick, as in Stutz et al. (2018).

    A pixel is a boundary pixel if any of its four neighbours has another label; the
    tolerance is `diagonal_tolerance`.

    Parameters
    ----------
    annotations : list of ndarray of int of shape (H, W)
    labels : ndarray of int of shape (H, W)
        Superpixels, which cover every pixel that an annotation does not ignore.
    ignore_label : int, optional
        Ground-truth label of unknown pixels, whose outline is not a boundary.

    Returns
    -------
    list of float
        In 0..1, one per annotation; 0.0 if it has no boundary, as in their program.
    """
    everywhere = np.ones(labels.shape, dtype=bool)
    found = near(_thick(labels, labels >= 0), diagonal_tolerance(labels.shape))
    found = np.asarray(found).view(bool)
    recalls = []
    for truth in map(np.asarray, annotations):
        inside = everywhere if ignore_label is None else truth != ignore_label
        wanted = _thick(truth, inside).view(bool)
        n_wanted = np.count_nonzero(wanted)
        recalls.append(np.count_nonzero(found & wanted) / n_wanted if n_wanted else 0.0)
    return recalls


def _thick(labels, known):
    """1 where any of the four neighbours has another label and both are known."""
    boundary = np.zeros(labels.shape, dtype=np.uint8)
    right = (labels[:, 1:] != labels[:, :-1]) & known[:, 1:] & known[:, :-1]
    down = (labels[1:] != labels[:-1]) & known[1:] & known[:-1]
    boundary[:, 1:] |= right
    boundary[:, :-1] |= right
    boundary[1:] |= down
    boundary[:-1] |= down
    return boundary
