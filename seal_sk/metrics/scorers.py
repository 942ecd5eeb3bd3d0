"""Scorers: what ``scoring=`` of scikit-learn's searches takes."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Images, Indexed, Truths
from .._validation import (
    check_annotations,
    check_label_maps,
    check_pairs,
    check_sequence,
    check_weights,
)
from .boundary import (
    boundary_f_score,
    boundary_precision_score,
    boundary_recall_score,
    contour_density,
)
from .overlap import (
    asa_score,
    corrected_undersegmentation_error,
    min_undersegmentation_error,
    undersegmentation_error,
)
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
        Anything whose ``transform(X)`` gives one label map per image.
    X : sequence of images
        As the estimator takes them.
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
        If `X` and `y` do not pair up, or what came out does not fit `y`.

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

_OPTIONS = {
    "tolerance": """    tolerance : int, default=1
        In pixels, as for `{score}`.""",
    "ignore_label": """    ignore_label : int, optional
        Ground-truth label of pixels that do not count.""",
}


def mean_over_pairs(
    score: Callable[..., float],
    y: Truths,
    label_maps: Sequence[NDArray[Any]],
    sample_weight: ArrayLike | None = None,
) -> float:
    """Mean of a score over all (image, annotation) pairs.

    ``score(annotations, labels)`` averages over the annotations of one image; those of
    image i have the weight ``sample_weight[i]`` each.
    """
    weights = check_weights(sample_weight, len(label_maps))
    total, sum_of_weights = 0.0, 0.0
    for i, labels in enumerate(label_maps):
        annotations = check_annotations(y[i], labels.shape, name=f"y[{i}]")
        weight = len(annotations) * weights[i]
        total += weight * score(annotations, labels)
        sum_of_weights += weight
    return float(total / sum_of_weights)


def _label_maps(estimator: Any, X: Indexed[Any]) -> Sequence[NDArray[Any]]:
    """What the estimator makes of images: one label map for each."""
    check_sequence(X, name="X")
    label_maps = estimator.transform(X)
    check_label_maps(label_maps, X)
    return label_maps


def _scorer(name: str, score: Callable[..., float], title: str) -> Callable[..., float]:
    sign = -1.0 if name.startswith("neg_") else 1.0

    def scorer(estimator: Any, X: Images, y: Truths, **parameters: Any) -> float:
        check_pairs(X, y)
        label_maps = _label_maps(estimator, X)
        return sign * mean_over_pairs(partial(score, **parameters), y, label_maps)

    # As if written out: pickle finds it by its name, and help shows its parameters.
    scorer.__name__ = scorer.__qualname__ = name
    options = list(inspect.signature(score).parameters.values())[2:]
    scorer.__doc__ = _DOC.format(
        name=name,
        options="\n".join(_OPTIONS[one.name] for one in options).format(
            score=score.__name__
        ),
        title=title,
        sign=", negated: higher is better" if sign < 0 else "",
    )
    own = list(inspect.signature(scorer).parameters.values())[:3]
    signature = inspect.Signature([*own, *options], return_annotation=float)
    scorer.__signature__ = signature  # type: ignore[attr-defined]  # read by inspect
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

    The images are segmented once, whereas a dict of scorers segments them for each.

    Parameters
    ----------
    estimator : transformer
        Anything whose ``transform(X)`` gives one label map per image.
    X : sequence of images
        As the estimator takes them.
    y : sequence of label maps, or of lists of them
        Ground truth, one item per image.
    tolerance : int, default=1
        Of the boundary scores, as for `boundary_recall_score`.
    ignore_label : int, optional
        Ground-truth label of pixels that do not count.

    Returns
    -------
    dict of str to float
        The means of `evaluate`: of scores against ground truth over all (image,
        annotation) pairs, of ``contour_density``, ``compactness`` and ``n_segments``
        over the images. Where lower is better they are negated, and their names begin
        with ``neg_``.

    Raises
    ------
    ValueError, TypeError
        If `X` and `y` do not pair up, or what came out does not fit `y`.

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
    rows: dict[str, list[NDArray[Any]]] = {}
    for i, labels in enumerate(_label_maps(estimator, X)):
        scores = evaluate(
            check_annotations(y[i], labels.shape, name=f"y[{i}]"),
            labels,
            tolerance=tolerance,
            ignore_label=ignore_label,
            average=False,
        )
        for name, values in scores.items():
            rows.setdefault(name, []).append(np.atleast_1d(values))
    means = {name: float(np.concatenate(rows[name]).mean()) for name in rows}
    # Sizes of superpixels are no scores.
    for name in ("mean_size", "std_size", "min_size", "max_size"):
        del means[name]
    for name in list(means):
        if name.endswith(("density", "error")):
            means[f"neg_{name}"] = -means.pop(name)
    return means


def compactness_scorer(estimator: Any, X: Images, y: Any = None) -> float:
    """Mean compactness of an estimator's label maps, for ``scoring=``.

    Parameters
    ----------
    estimator : transformer
        Anything whose ``transform(X)`` gives one label map per image.
    X : sequence of images
        As the estimator takes them.
    y : ignored
        Present for searches.

    Returns
    -------
    float
        The mean of `compactness_score` over the images; higher is better.

    Raises
    ------
    ValueError, TypeError
        If the estimator does not give one label map for each image.

    Examples
    --------
    >>> from seal_sk import ERSSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.metrics import compactness_scorer
    >>> images, _ = make_scenes(2, shape=(48, 48), random_state=0)
    >>> 0 < compactness_scorer(ERSSuperpixels(20), images) < 1
    True
    """
    return float(np.mean([compactness_score(m) for m in _label_maps(estimator, X)]))


def neg_contour_density_scorer(estimator: Any, X: Images, y: Any = None) -> float:
    """Minus the mean contour density of an estimator's label maps, for ``scoring=``.

    Parameters
    ----------
    estimator : transformer
        Anything whose ``transform(X)`` gives one label map per image.
    X : sequence of images
        As the estimator takes them.
    y : ignored
        Present for searches.

    Returns
    -------
    float
        Minus the mean of `contour_density` over the images; higher is better.

    Raises
    ------
    ValueError, TypeError
        If the estimator does not give one label map for each image.

    Examples
    --------
    >>> from seal_sk import ERSSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.metrics import neg_contour_density_scorer
    >>> images, _ = make_scenes(2, shape=(48, 48), random_state=0)
    >>> -1 < neg_contour_density_scorer(ERSSuperpixels(20), images) < 0
    True
    """
    return -float(np.mean([contour_density(m) for m in _label_maps(estimator, X)]))


def explained_variation_scorer(estimator: Any, X: Images, y: Any = None) -> float:
    """Mean explained variation of an estimator's label maps, for ``scoring=``.

    Parameters
    ----------
    estimator : transformer
        Anything whose ``transform(X)`` gives one label map per image.
    X : sequence of images
        As the estimator takes them.
    y : ignored
        Present for searches.

    Returns
    -------
    float
        The mean of `explained_variation_score` over the images; higher is better.

    Raises
    ------
    ValueError, TypeError
        If the estimator does not give one label map for each image.

    Examples
    --------
    >>> from seal_sk import ERSSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.metrics import explained_variation_scorer
    >>> images, _ = make_scenes(2, shape=(48, 48), random_state=0)
    >>> 0 < explained_variation_scorer(ERSSuperpixels(20), images) < 1
    True
    """
    scores = [
        explained_variation_score(X[i], labels)
        for i, labels in enumerate(_label_maps(estimator, X))
    ]
    return float(np.mean(scores))


asa_scorer = _scorer("asa_scorer", asa_score, "Mean ASA")
boundary_recall_scorer = _scorer(
    "boundary_recall_scorer", boundary_recall_score, "Mean boundary recall"
)
boundary_precision_scorer = _scorer(
    "boundary_precision_scorer", boundary_precision_score, "Mean boundary precision"
)
boundary_f_scorer = _scorer(
    "boundary_f_scorer", boundary_f_score, "Mean boundary F-score"
)
neg_undersegmentation_error_scorer = _scorer(
    "neg_undersegmentation_error_scorer",
    undersegmentation_error,
    "Minus the mean under-segmentation error",
)
neg_min_undersegmentation_error_scorer = _scorer(
    "neg_min_undersegmentation_error_scorer",
    min_undersegmentation_error,
    "Minus the mean under-segmentation error (least parts)",
)
neg_corrected_undersegmentation_error_scorer = _scorer(
    "neg_corrected_undersegmentation_error_scorer",
    corrected_undersegmentation_error,
    "Minus the mean corrected under-segmentation error",
)
