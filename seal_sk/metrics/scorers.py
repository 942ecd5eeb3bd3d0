"""Scorers, for ``scoring=`` of scikit-learn's searches."""

from __future__ import annotations

import inspect
from collections.abc import Callable, Sequence
from functools import partial
from typing import Any, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.metadata_routing import MetadataRequest

from .._typing import Images, Indexed, Masks, Truths
from .._validation import (
    check_label_maps,
    check_masks,
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
from .catalogue import METRICS, Metric
from .overlap import (
    asa_score,
    corrected_undersegmentation_error,
    min_undersegmentation_error,
    undersegmentation_error,
)
from .pairs import (
    NOTHING_COUNTS,
    annotations_that_count,
    mean_of_rows,
    mean_over_pairs,
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
        Any transformer whose ``transform(X)`` returns one label map per image.
    X : sequence of images
        Images, as the estimator takes them.
    y : sequence of label maps, or of lists of them
        Ground truth, one item per image.
{masks}
{options}

    Returns
    -------
    float
        The mean over all (image, annotation) pairs in which a pixel counts{sign}.

    Raises
    ------
    ValueError, TypeError
        If `X` and `y` differ in length, the label maps do not fit `y`, or no pixel
        counts.

    Notes
    -----
    To set a parameter inside a search, pass
    ``functools.partial({name}, ignore_label=255)``. With scikit-learn's metadata
    routing, searches pass `mask` and `sample_weight` to this function, but not to a
    partial one, unless you set its ``get_metadata_routing`` to that of this function.

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
{masks}

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

_MASKS = """    mask : sequence of masks, or of None, optional
        Where each image is segmented and scored, as the estimator's `transform` takes
        it.
    sample_weight : array-like of shape (n_images,), optional
        Weight of each image in the mean."""

_Scorer = TypeVar("_Scorer", bound=Callable[..., Any])

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


def _label_maps(
    estimator: Any, X: Indexed[Any], mask: Masks | None
) -> Sequence[NDArray[Any]]:
    """The label maps that the estimator makes, one per image."""
    mask = check_masks(mask, X)
    given = {} if mask is None else {"mask": mask}
    label_maps = estimator.transform(X, **given)
    check_label_maps(label_maps, X)
    return label_maps


def _requests() -> MetadataRequest:
    request = MetadataRequest(owner="a scorer of seal_sk")
    for name in ("mask", "sample_weight"):
        request.score.add_request(param=name, alias=True)
    return request


def _requesting(scorer: _Scorer) -> _Scorer:
    """A scorer to which searches pass masks and weights, if they are given any."""
    requesting: Any = scorer
    requesting.get_metadata_routing = _requests
    return scorer


def _scorer(metric: Metric) -> Callable[..., float]:
    """The scorer of a metric of the catalogue, as if written out by hand."""
    score: Callable[..., float] = _SCORES[metric.column]
    sign = 1.0 if metric.higher_is_better else -1.0

    def of_pairs(
        estimator: Any,
        X: Images,
        y: Truths,
        *,
        mask: Masks | None = None,
        sample_weight: ArrayLike | None = None,
        ignore_label: int | None = None,
        **parameters: Any,
    ) -> float:
        X, y = check_pairs(X, y)
        return sign * mean_over_pairs(
            partial(score, **parameters),
            y,
            _label_maps(estimator, X, mask),
            sample_weight,
            ignore_label=ignore_label,
        )

    def of_images(
        estimator: Any,
        X: Images,
        y: Any = None,
        *,
        mask: Masks | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        X = check_sequence(X, name="X")
        label_maps = _label_maps(estimator, X, mask)
        if metric.needs == "labels":
            scores = [score(labels) for labels in label_maps]
        else:
            scores = [score(X[i], labels) for i, labels in enumerate(label_maps)]
        weights = check_weights(sample_weight, len(scores))
        return sign * float(np.average(scores, weights=weights))

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
        masks=_MASKS,
        options="\n".join(_OPTIONS[one.name] for one in options).format(
            score=score.__name__
        ),
        title=f"{'Mean' if sign > 0 else 'Minus the mean'} {metric.title}",
        sign="" if sign > 0 else ", negated: higher is better",
    )
    own = list(inspect.signature(scorer).parameters.values())[:5]
    signature = inspect.Signature([*own, *options], return_annotation=float)
    scorer.__signature__ = signature
    return _requesting(scorer)


@_requesting
def evaluate_scorer(
    estimator: Any,
    X: Images,
    y: Truths,
    *,
    mask: Masks | None = None,
    sample_weight: ArrayLike | None = None,
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
        Ground truth, one item per image. Images of which no pixel counts are left out.
    mask : sequence of masks, or of None, optional
        Where each image is segmented and scored, as the estimator's `transform` takes
        it.
    sample_weight : array-like of shape (n_images,), optional
        Weight of each image in the means.
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
        If `X` and `y` differ in length, the label maps do not fit `y`, or no pixel
        counts.

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
    X, y = check_pairs(X, y)
    weights = check_weights(sample_weight, len(X))
    rows, counted = [], []
    for i, labels in enumerate(_label_maps(estimator, X, mask)):
        annotations = annotations_that_count(y[i], labels, ignore_label, f"y[{i}]")
        if annotations and weights[i] > 0:
            counted.append(weights[i])
            rows.append(
                evaluate(
                    annotations,
                    labels,
                    tolerance=tolerance,
                    ignore_label=ignore_label,
                    average=False,
                )
            )
    if not rows:
        raise ValueError(NOTHING_COUNTS)
    # Statistics of sizes are not scores.
    names = [name for name in rows[0] if name in METRICS or name == "n_segments"]
    means = mean_of_rows(rows, names, counted)
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
