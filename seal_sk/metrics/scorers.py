"""Scorers: what ``scoring=`` of scikit-learn's searches takes."""

import inspect
from functools import partial

from .._validation import check_annotations, check_pairs
from .boundary import boundary_f_score, boundary_recall_score
from .overlap import (
    asa_score,
    corrected_undersegmentation_error,
    min_undersegmentation_error,
    undersegmentation_error,
)

__all__ = [
    "asa_scorer",
    "boundary_recall_scorer",
    "boundary_f_scorer",
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
    **parameters
        Those of `{score}`. To set one inside a search, pass
        ``functools.partial({name}, ignore_label=255)``.

    Returns
    -------
    float
        The mean over all (image, annotation) pairs{sign}.

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
    >>> search.fit(images, truths).best_params_
    {{'n_segments': 50}}
    """


def mean_over_pairs(score, y, label_maps):
    """Mean of a score over all (image, annotation) pairs.

    ``score(annotations, labels)`` averages over the annotations of one image.
    """
    total, n_pairs = 0.0, 0
    for i, labels in enumerate(label_maps):
        annotations = check_annotations(y[i], labels.shape, name=f"y[{i}]")
        total += len(annotations) * score(annotations, labels)
        n_pairs += len(annotations)
    return total / n_pairs


def _scorer(name, score, title):
    sign = -1.0 if name.startswith("neg_") else 1.0

    def scorer(estimator, X, y, **parameters):
        check_pairs(X, y)
        label_maps = estimator.transform(X)
        return sign * mean_over_pairs(partial(score, **parameters), y, label_maps)

    # As if written out: pickle finds it by its name, and help shows its parameters.
    scorer.__name__ = scorer.__qualname__ = name
    scorer.__doc__ = _DOC.format(
        name=name,
        score=score.__name__,
        title=title,
        sign=", negated: higher is better" if sign < 0 else "",
    )
    own = list(inspect.signature(scorer).parameters.values())[:3]
    options = list(inspect.signature(score).parameters.values())[2:]
    scorer.__signature__ = inspect.Signature([*own, *options])
    return scorer


asa_scorer = _scorer("asa_scorer", asa_score, "Mean ASA")
boundary_recall_scorer = _scorer(
    "boundary_recall_scorer", boundary_recall_score, "Mean boundary recall"
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
