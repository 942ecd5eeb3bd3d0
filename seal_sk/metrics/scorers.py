"""Scorers, for ``scoring=`` of scikit-learn's searches."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import Images, Indexed, Truths
from .._validation import (
    check_annotations,
    check_label_maps,
    check_pairs,
    check_sequence,
)
from .boundary import (
    boundary_f_score,
    boundary_precision_score,
    boundary_recall_score,
    contour_density,
)
from .catalogue import METRICS, Metric
from .overlap import (
    asa_score,
    corrected_undersegmentation_error,
    min_undersegmentation_error,
    undersegmentation_error,
)
from .pairs import mean_of_rows, mean_over_pairs
from .report import evaluate
from .shape import compactness_score, explained_variation_score

__all__ = [
    "evaluate_scorer",
    "asa_scorer",
    "boundary_recall_scorer",
    "boundary_precision_scorer",
    "boundary_f_scorer",
    "compactness_scorer",
    "explained_variation_scorer",
    "neg_contour_density_scorer",
    "neg_undersegmentation_error_scorer",
    "neg_min_undersegmentation_error_scorer",
    "neg_corrected_undersegmentation_error_scorer",
]

_DOC = """{title} of an estimator's label maps, for ``scoring=``.

    Parameters
    ----------
    estimator : transformer
        Any transformer whose ``transform(X)`` returns one label map per image.
    X : sequence of images
        Images, as the estimator takes them.
    y : sequence of label maps, or of lists of them
        Ground truth, one item per image.
{options}

    Returns
    -------
    float
        The mean over all (image, annotation) pairs{sign}.

    Raises
    ------
    ValueError, TypeError
        If `X` and `y` differ in length, or the label maps do not fit `y`.

    Notes
    -----
    To set a parameter inside a search, pass
    ``functools.partial({name}, ignore_label=255)``.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from seal_sk import ERSSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.metrics import {name}
    >>> images, truths = make_scenes(4, shape=(48, 48), random_state=0)
    >>> search = GridSearchCV(
    ...     ERSSuperpixels(), {{"n_segments": [5, 50]}}, scoring={name}, cv=2
    ... )
    >>> search.fit(images, truths).best_params_["n_segments"] in (5, 50)
    True
    """

_DOC_OF_IMAGES = """{title} of an estimator's label maps, for ``scoring=``.

    Parameters
    ----------
    estimator : transformer
        Any transformer whose ``transform(X)`` returns one label map per image.
    X : sequence of images
        Images, as the estimator takes them.
    y : ignored
        Present for searches.

    Returns
    -------
    float
        The mean of `{score}` over the images{sign}.

    Raises
    ------
    ValueError, TypeError
        If the estimator does not return one label map per image.

    Examples
    --------
    >>> from seal_sk import ERSSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.metrics import {name}
    >>> images, _ = make_scenes(2, shape=(48, 48), random_state=0)
    >>> 0 < abs({name}(ERSSuperpixels(20), images)) < 1
    True
    """

_OPTIONS = {
    "tolerance": """    tolerance : int, default=1
        Tolerance in pixels; see `{score}`.""",
    "ignore_label": """    ignore_label : int, optional
        Ground-truth label of pixels that do not count.""",
}

_SCORES: dict[str, Callable[..., float]] = {
    "asa": asa_score,
    "boundary_recall": boundary_recall_score,
    "boundary_precision": boundary_precision_score,
    "boundary_f": boundary_f_score,
    "undersegmentation_error": undersegmentation_error,
    "corrected_undersegmentation_error": corrected_undersegmentation_error,
    "min_undersegmentation_error": min_undersegmentation_error,
    "explained_variation": explained_variation_score,
    "compactness": compactness_score,
    "contour_density": contour_density,
}


def _label_maps(estimator: Any, X: Indexed[Any]) -> Sequence[NDArray[Any]]:
    """The label maps that the estimator makes, one per image."""
    check_sequence(X, name="X")
    label_maps = estimator.transform(X)
    check_label_maps(label_maps, X)
    return label_maps


def _scorer(metric: Metric) -> Callable[..., float]:
    """The scorer of a metric of the catalogue, as if written out by hand."""
    score: Callable[..., float] = _SCORES[metric.column]
    sign = 1.0 if metric.higher_is_better else -1.0

    def of_pairs(estimator: Any, X: Images, y: Truths, **parameters: Any) -> float:
        check_pairs(X, y)
        label_maps = _label_maps(estimator, X)
        return sign * mean_over_pairs(partial(score, **parameters), y, label_maps)

    def of_images(estimator: Any, X: Images, y: Any = None) -> float:
        label_maps = _label_maps(estimator, X)
        if metric.needs == "labels":
            scores = [score(labels) for labels in label_maps]
        else:
            scores = [score(X[i], labels) for i, labels in enumerate(label_maps)]
        return sign * float(np.mean(scores))

    scorer: Any = of_pairs if metric.needs == "truth" else of_images
    # Pickle finds it by its name, and help shows its parameters.
    name = f"{'' if sign > 0 else 'neg_'}{metric.column}_scorer"
    scorer.__name__ = scorer.__qualname__ = name
    options = []
    if metric.needs == "truth":
        options = list(inspect.signature(score).parameters.values())[2:]
    form = _DOC if metric.needs == "truth" else _DOC_OF_IMAGES
    scorer.__doc__ = form.format(
        name=name,
        score=score.__name__,
        options="\n".join(_OPTIONS[one.name] for one in options).format(
            score=score.__name__
        ),
        title=f"{'Mean' if sign > 0 else 'Minus the mean'} {metric.title}",
        sign="" if sign > 0 else ", negated: higher is better",
    )
    own = list(inspect.signature(scorer).parameters.values())[:3]
    signature = inspect.Signature([*own, *options], return_annotation=float)
    scorer.__signature__ = signature
    return scorer


def evaluate_scorer(
    estimator: Any,
    X: Images,
    y: Truths,
    *,
    tolerance: int = 1,
    ignore_label: int | None = None,
) -> dict[str, float]:
    """All scores of an estimator's label maps at once, for ``scoring=``.

    The images are segmented once, whereas a dict of scorers segments them once per
    scorer.

    Parameters
    ----------
    estimator : transformer
        Any transformer whose ``transform(X)`` returns one label map per image.
    X : sequence of images
        Images, as the estimator takes them.
    y : sequence of label maps, or of lists of them
        Ground truth, one item per image.
    tolerance : int, default=1
        Tolerance of the boundary scores; see `boundary_recall_score`.
    ignore_label : int, optional
        Ground-truth label of pixels that do not count.

    Returns
    -------
    dict of str to float
        Means of the scores of `evaluate`. Scores against ground truth are averaged over
        all (image, annotation) pairs; ``contour_density``, ``compactness`` and
        ``n_segments`` over the images. If lower is better, a score is negated, and its
        name begins with ``neg_``.

    Raises
    ------
    ValueError, TypeError
        If `X` and `y` differ in length, or the label maps do not fit `y`.

    Examples
    --------
    >>> from sklearn.model_selection import cross_validate
    >>> from seal_sk import ERSSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.metrics import evaluate_scorer
    >>> images, truths = make_scenes(4, shape=(48, 48), random_state=0)
    >>> scores = cross_validate(
    ...     ERSSuperpixels(20), images, truths, scoring=evaluate_scorer, cv=2
    ... )
    >>> scores["test_n_segments"], scores["test_asa"].shape
    (array([20., 20.]), (2,))
    """
    check_pairs(X, y)
    rows = [
        evaluate(
            check_annotations(y[i], labels.shape, name=f"y[{i}]"),
            labels,
            tolerance=tolerance,
            ignore_label=ignore_label,
            average=False,
        )
        for i, labels in enumerate(_label_maps(estimator, X))
    ]
    # Statistics of sizes are not scores.
    names = [name for name in rows[0] if name in METRICS or name == "n_segments"]
    means = mean_of_rows(rows, names)
    for name in names:
        if name in METRICS and not METRICS[name].higher_is_better:
            means[f"neg_{name}"] = -means.pop(name)
    return means


asa_scorer = _scorer(METRICS["asa"])
boundary_recall_scorer = _scorer(METRICS["boundary_recall"])
boundary_precision_scorer = _scorer(METRICS["boundary_precision"])
boundary_f_scorer = _scorer(METRICS["boundary_f"])
explained_variation_scorer = _scorer(METRICS["explained_variation"])
compactness_scorer = _scorer(METRICS["compactness"])
neg_contour_density_scorer = _scorer(METRICS["contour_density"])
neg_undersegmentation_error_scorer = _scorer(METRICS["undersegmentation_error"])
neg_min_undersegmentation_error_scorer = _scorer(METRICS["min_undersegmentation_error"])
neg_corrected_undersegmentation_error_scorer = _scorer(
    METRICS["corrected_undersegmentation_error"]
)
