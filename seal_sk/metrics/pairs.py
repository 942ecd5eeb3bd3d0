"""Means of scores over the (image, annotation) pairs of a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Truths
from .._validation import check_annotations, check_weights
from .maps import counts_somewhere

__all__ = [
    "NOTHING_COUNTS",
    "annotations_that_count",
    "mean_of_rows",
    "mean_over_pairs",
]

NOTHING_COUNTS = (
    "no pixel of the ground truth counts: all have the ignore_label, are masked, or "
    "belong to images of weight 0; there is nothing to score."
)


def mean_over_pairs(
    score: Callable[..., float],
    y: Truths,
    label_maps: Sequence[NDArray[Any]],
    sample_weight: ArrayLike | None = None,
    *,
    ignore_label: int | None = None,
) -> float:
    """Mean of a score over all (image, annotation) pairs in which a pixel counts.

    ``score(annotations, labels)`` averages over the annotations of one image; it is
    also passed `ignore_label` if there is one. Each annotation of image i has the
    weight ``sample_weight[i]``.
    """
    given = {} if ignore_label is None else {"ignore_label": ignore_label}
    weights = check_weights(sample_weight, len(label_maps))
    total, sum_of_weights = 0.0, 0.0
    for i, labels in enumerate(label_maps):
        annotations = annotations_that_count(y[i], labels, ignore_label, f"y[{i}]")
        weight = len(annotations) * weights[i]
        if weight > 0:
            total += weight * score(annotations, labels, **given)
            sum_of_weights += weight
    if not sum_of_weights:
        raise ValueError(NOTHING_COUNTS)
    return float(total / sum_of_weights)


def annotations_that_count(
    truth: Any, labels: NDArray[Any], ignore_label: int | None, name: str
) -> list[NDArray[Any]]:
    """The checked annotations in which a pixel of the image's superpixels counts."""
    labels = np.asarray(labels)
    annotations = check_annotations(truth, labels.shape, name=name)
    known = labels >= 0 if labels.min() < 0 else None
    counts = [counts_somewhere(one, known, ignore_label) for one in annotations]
    return list(compress(annotations, counts))


def mean_of_rows(
    rows: Sequence[Mapping[str, Any]],
    names: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
) -> dict[str, float]:
    """Means of the results of ``evaluate(..., average=False)`` for several images.

    Scores against ground truth, which are arrays, are averaged over all pairs; the
    others over the images.

    Parameters
    ----------
    rows : list of dict
        One per image, with the same keys.
    names : sequence of str, optional
        Which keys to average; all by default.
    weights : sequence of float, optional
        Weight of each image, or of each of its annotations; all 1 by default.

    Returns
    -------
    dict of str to float
    """
    names = list(rows[0]) if names is None else names
    weights = [1.0] * len(rows) if weights is None else weights
    means = {}
    for name in names:
        values = [np.atleast_1d(row[name]) for row in rows]
        repeated = np.repeat(weights, [len(one) for one in values])
        means[name] = float(np.average(np.concatenate(values), weights=repeated))
    return means
