"""Means of scores over the (image, annotation) pairs of a data set."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Truths
from .._validation import check_annotations, check_weights

__all__ = ["mean_of_rows", "mean_over_pairs"]


def mean_over_pairs(
    score: Callable[..., float],
    y: Truths,
    label_maps: Sequence[NDArray[Any]],
    sample_weight: ArrayLike | None = None,
) -> float:
    """Mean of a score over all (image, annotation) pairs.

    ``score(annotations, labels)`` averages over the annotations of one image. Each
    annotation of image i has the weight ``sample_weight[i]``.
    """
    weights = check_weights(sample_weight, len(label_maps))
    total, sum_of_weights = 0.0, 0.0
    for i, labels in enumerate(label_maps):
        annotations = check_annotations(y[i], labels.shape, name=f"y[{i}]")
        weight = len(annotations) * weights[i]
        total += weight * score(annotations, labels)
        sum_of_weights += weight
    return float(total / sum_of_weights)


def mean_of_rows(
    rows: Sequence[Mapping[str, Any]], names: Sequence[str] | None = None
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

    Returns
    -------
    dict of str to float
    """
    names = list(rows[0]) if names is None else names
    return {
        name: float(np.concatenate([np.atleast_1d(row[name]) for row in rows]).mean())
        for name in names
    }
