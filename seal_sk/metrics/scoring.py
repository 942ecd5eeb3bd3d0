"""All the figures of one label map, for one row of the table per annotation."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._metrics import near
from .._validation import check_label_map
from ..labels import split_components
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

    Returns
    -------
    scores : dict
        As ``evaluate(..., average=False)`` returns them.
    kept : list of int
        The numbers of those annotations.
    """
    labels = check_label_map(labels, np.shape(image)[:2], name="the label map")
    if n_left := int(np.count_nonzero(labels < 0)):
        raise ValueError(
            f"the label map leaves out {n_left} pixels (labels below 0); every pixel "
            "has to be in a superpixel."
        )
    kept = [
        i
        for i, truth in enumerate(annotations)
        if ignore_label is None or np.any(truth != ignore_label)
    ]
    if not kept:
        raise ValueError("every pixel of every annotation is ignored.")
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
    """All the figures of one label map.

    Parameters
    ----------
    labels : ndarray of shape (H, W)
        Superpixels, of every pixel.
    image : ndarray of shape (H, W) or (H, W, C)
    annotations : list of ndarray of shape (H, W)
    tolerance : int, default=1
        Of boundary scores.
    ignore_label : int, optional
        Of pixels that nothing is known about.

    Returns
    -------
    dict
        Those of `seal_sk.metrics.evaluate`, the ones against ground truth as lists
        with an entry an annotation; ``thick_boundary_recall``, such a list as well;
        ``annotation``, the numbers of those annotations, without the ones in which
        every pixel is ignored; and ``n_regions``, the connected regions (8
        neighbours) in which the superpixels lie.

    Raises
    ------
    ValueError, TypeError
        If the labels are no label map of the image, or leave pixels out.
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
    # Halves away from zero, as C rounds.
    return math.floor(0.0025 * math.hypot(*shape) + 0.5)


def thick_boundary_recalls(
    annotations: Sequence[NDArray[Any]],
    labels: NDArray[Any],
    *,
    ignore_label: int | None = None,
) -> list[float]:
    """Boundary recall with boundaries two pixels thick, as in Stutz et al. (2018).

    A pixel is a boundary pixel where any of its four neighbours has another label; the
    tolerance is `diagonal_tolerance`.

    Parameters
    ----------
    annotations : list of ndarray of int of shape (H, W)
    labels : ndarray of int of shape (H, W)
        Superpixels, of every pixel.
    ignore_label : int, optional
        Ground-truth label of unknown pixels: their outline is no boundary.

    Returns
    -------
    list of float
        In 0..1, one an annotation; 0.0 where it has no boundary, as in their program.
    """
    everywhere = np.ones(labels.shape, dtype=bool)
    found = near(_thick(labels, everywhere), diagonal_tolerance(labels.shape))
    found = np.asarray(found).view(bool)
    recalls = []
    for truth in map(np.asarray, annotations):
        inside = everywhere if ignore_label is None else truth != ignore_label
        wanted = _thick(truth, inside).view(bool)
        n_wanted = np.count_nonzero(wanted)
        recalls.append(np.count_nonzero(found & wanted) / n_wanted if n_wanted else 0.0)
    return recalls


def _thick(labels, known):
    """1 where any of the four neighbours, both known, has another label."""
    boundary = np.zeros(labels.shape, dtype=np.uint8)
    right = (labels[:, 1:] != labels[:, :-1]) & known[:, 1:] & known[:, :-1]
    down = (labels[1:] != labels[:-1]) & known[1:] & known[:-1]
    boundary[:, 1:] |= right
    boundary[:, :-1] |= right
    boundary[1:] |= down
    boundary[:-1] |= down
    return boundary
