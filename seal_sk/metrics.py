"""Scores of label maps against ground truth, and scorers for model selection.

A data set's figure is the mean over all (image, annotation) pairs.
"""

import numpy as np

from ._metrics import boundary_map, largest_overlaps, near
from ._validation import (
    check_annotations,
    check_int,
    check_label_map,
    check_pairs,
)

__all__ = [
    "asa_score",
    "asa_scorer",
    "boundary_recall_score",
    "boundary_recall_scorer",
]


def asa_score(y_true, y_pred, *, ignore_label=None):
    """Achievable segmentation accuracy.

    The share of pixels labelled rightly if every superpixel were given to the
    ground-truth segment that it overlaps most. ``1 - ASA`` is the corrected
    under-segmentation error.

    Parameters
    ----------
    y_true : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Ground truth: one label map, or several annotations of the same image, over
        which the score is averaged. Any integer dtype.
    y_pred : array-like of shape (H, W)
        Superpixels, any integer dtype. Negative labels are masked pixels, which do
        not count.
    ignore_label : int, optional
        Ground-truth label of pixels that do not count.

    Returns
    -------
    float
        In 0..1, higher is better; 1.0 if no pixel counts.

    Raises
    ------
    ValueError, TypeError
        If a map is not an integer array of the other's shape.

    References
    ----------
    Liu, Tuzel, Ramalingam, Chellappa, "Entropy Rate Superpixel Segmentation",
    CVPR 2011.

    Examples
    --------
    >>> from seal_sk.metrics import asa_score
    >>> asa_score([[0, 0, 1, 1]], [[5, 5, 5, 7]])
    0.75
    """
    y_pred = check_label_map(y_pred, name="y_pred")
    annotations = check_annotations(y_true, y_pred.shape)
    labels, n_labels = compact(y_pred, y_pred < 0)
    scores = []
    for annotation in annotations:
        truth, n_truth = compact(annotation, _ignored(annotation, ignore_label))
        size, largest = largest_overlaps(
            labels.ravel(), truth.ravel(), n_labels, n_truth
        )
        counted = int(size.sum())
        scores.append(int(largest.sum()) / counted if counted else 1.0)
    return float(np.mean(scores))


def boundary_recall_score(y_true, y_pred, *, tolerance=1, ignore_label=None):
    """Share of ground-truth boundary pixels that a superpixel boundary lies near.

    A pixel is a boundary pixel where its right or lower neighbour has another
    label.

    Parameters
    ----------
    y_true : array-like of shape (H, W) or (n_annotations, H, W), or a list of maps
        Ground truth: one label map, or several annotations of the same image, over
        which the score is averaged. Any integer dtype.
    y_pred : array-like of shape (H, W)
        Superpixels, any integer dtype.
    tolerance : int, default=1
        A boundary is near if it lies inside the square of ``2 * tolerance + 1``
        pixels: 1 is customary on BSDS500, 3 on Cityscapes.
    ignore_label : int, optional
        Ground-truth label of unknown pixels: their outline is no boundary.

    Returns
    -------
    float
        In 0..1, higher is better; 1.0 where there is no boundary to find.

    Raises
    ------
    ValueError, TypeError
        If a map is not an integer array of the other's shape, or the tolerance is
        negative.

    Notes
    -----
    Figures of other definitions (boundaries two pixels thick, a tolerance relative
    to the diagonal, the best annotation instead of the mean) differ by 0.05 to 0.1
    and can't be compared with these.

    Examples
    --------
    >>> from seal_sk.metrics import boundary_recall_score
    >>> truth = [[0, 0, 0, 1, 1, 2]]
    >>> boundary_recall_score(truth, [[0, 0, 1, 1, 1, 1]], tolerance=1)
    0.5
    """
    tolerance = check_int(tolerance, 0, name="tolerance")
    y_pred = check_label_map(y_pred, name="y_pred")
    annotations = check_annotations(y_true, y_pred.shape)
    labels, _ = compact(y_pred)
    # Beyond the size of the map nothing changes any more.
    tolerance = min(tolerance, max(y_pred.shape))
    found = near(boundary_map(labels, False), tolerance)
    scores = []
    for annotation in annotations:
        truth, _ = compact(annotation, _ignored(annotation, ignore_label))
        boundary = boundary_map(truth, ignore_label is not None)
        total = int(np.count_nonzero(boundary))
        hit = int(np.count_nonzero(boundary & found))
        scores.append(hit / total if total else 1.0)
    return float(np.mean(scores))


def asa_scorer(estimator, X, y, *, ignore_label=None):
    """Mean ASA of an estimator's label maps, for ``scoring=``.

    Parameters
    ----------
    estimator : transformer
        Anything whose ``transform(X)`` gives one label map per image.
    X : sequence of images
        As the estimator takes them.
    y : sequence of label maps, or of lists of them
        Ground truth, one item per image.
    ignore_label : int, optional
        Ground-truth label of pixels that do not count. To set it inside a search,
        pass ``functools.partial(asa_scorer, ignore_label=255)``.

    Returns
    -------
    float
        The mean over all (image, annotation) pairs.

    Examples
    --------
    >>> from sklearn.model_selection import GridSearchCV
    >>> from seal_sk import ERSSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.metrics import asa_scorer
    >>> images, truths = make_scenes(4, shape=(48, 48), random_state=0)
    >>> search = GridSearchCV(
    ...     ERSSuperpixels(), {"n_segments": [5, 50]}, scoring=asa_scorer, cv=2
    ... )
    >>> search.fit(images, truths).best_params_
    {'n_segments': 50}
    """
    return _score_transformed(
        estimator,
        X,
        y,
        lambda truth, labels: asa_score(truth, labels, ignore_label=ignore_label),
    )


def boundary_recall_scorer(estimator, X, y, *, tolerance=1, ignore_label=None):
    """Mean boundary recall of an estimator's label maps, for ``scoring=``.

    Parameters
    ----------
    estimator : transformer
        Anything whose ``transform(X)`` gives one label map per image.
    X : sequence of images
        As the estimator takes them.
    y : sequence of label maps, or of lists of them
        Ground truth, one item per image.
    tolerance : int, default=1
        As in `boundary_recall_score`; set it with ``functools.partial``.
    ignore_label : int, optional
        Ground-truth label of unknown pixels.

    Returns
    -------
    float
        The mean over all (image, annotation) pairs.

    Examples
    --------
    >>> from seal_sk import ERSSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.metrics import boundary_recall_scorer
    >>> images, truths = make_scenes(2, shape=(48, 48), random_state=0)
    >>> 0 < boundary_recall_scorer(ERSSuperpixels(n_segments=50), images, truths) < 1
    True
    """
    return _score_transformed(
        estimator,
        X,
        y,
        lambda truth, labels: boundary_recall_score(
            truth, labels, tolerance=tolerance, ignore_label=ignore_label
        ),
    )


def mean_over_pairs(score, y, label_maps):
    """Mean of ``score(annotation, labels)`` over all (image, annotation) pairs."""
    scores = [
        score(annotation, labels)
        for i, labels in enumerate(label_maps)
        for annotation in check_annotations(y[i], labels.shape, name=f"y[{i}]")
    ]
    return float(np.mean(scores))


def compact(labels, ignored=None):
    """Labels as C-contiguous int32 in 0..n-1, -1 where `ignored` is True; and n.

    A range not much larger than the map is only shifted, which is many times
    faster than sorting.
    """
    low, high = int(labels.min()), int(labels.max())
    if high - low < 4 * labels.size + 1024:
        # Signed labels are subtracted in 64 bits: two int8 can differ by 255.
        wide = labels if labels.dtype.kind == "u" else labels.astype(np.int64)
        small = (wide - wide.dtype.type(low)).astype(np.int32)
        n = high - low + 1
    else:
        values, small = np.unique(labels, return_inverse=True)
        small = small.reshape(labels.shape).astype(np.int32)
        n = len(values)
    if ignored is not None:
        small[ignored] = -1
    return np.ascontiguousarray(small), n


def _ignored(annotation, ignore_label):
    return None if ignore_label is None else annotation == ignore_label


def _score_transformed(estimator, X, y, score):
    check_pairs(X, y)
    return mean_over_pairs(score, y, estimator.transform(X))
