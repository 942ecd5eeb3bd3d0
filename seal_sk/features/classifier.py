"""SuperpixelClassifier: semantic segmentation by classifying superpixels."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal, TypeVar

import numpy as np
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, clone
from sklearn.ensemble import RandomForestClassifier
from sklearn.utils.metaestimators import available_if
from sklearn.utils.validation import check_is_fitted

from .._compat import HasMethods, tags_of_images
from .._results import PerImage
from .._typing import Indexed, Transformer, Truths
from .._validation import (
    check_annotations,
    check_image,
    check_labelled_pair,
    check_pairs,
    check_weights,
)
from ..labels import paint
from .description import FEATURES
from .estimator import SuperpixelFeatures

if TYPE_CHECKING:
    from typing_extensions import Self


__all__ = ["SuperpixelClassifier"]

_Method = TypeVar("_Method", bound=Callable[..., Any])


def _has_probabilities(estimator):
    classifier = getattr(estimator, "classifier_", estimator.classifier)
    return classifier is None or hasattr(classifier, "predict_proba")


# As scikit-learn's, but typed like the method.
_if_probabilities: Callable[[_Method], _Method] = available_if(_has_probabilities)


class SuperpixelClassifier(BaseEstimator):
    """Semantic segmentation by classifying superpixels.

    In `fit`, each image is segmented into superpixels. Each superpixel is described by
    a row of features and gets the class of most of its pixels, and a classifier is
    trained on the rows of all images. In `predict`, images are segmented in the same
    way, and each pixel gets the predicted class of its superpixel.

    Parameters
    ----------
    classifier : classifier, optional
        Any classifier with scikit-learn's interface, or a pipeline. By default
        ``RandomForestClassifier(random_state=0)``; pass one to search over its
        parameters.
    segmenter : transformer or "precomputed", optional
        As for `SuperpixelFeatures`. A learned segmenter is also trained on `X` and `y`,
        unless it has ``max_iter=0`` or is wrapped in
        ``sklearn.frozen.FrozenEstimator``.
    features : tuple of str
        Groups of features, as for `seal_sk.superpixel_features`; all by default.
    bins : int, default=8
        Number of ranges per channel in the group "histogram", from 1 to 256.
    ignore_label : int, optional
        Value of `y` where the class is unknown. `predict` gives it to pixels that the
        segmenter masks.
    n_jobs : int, optional
        Number of images described at a time, as for `SuperpixelFeatures`. `classifier`
        and `segmenter` have their own `n_jobs`.

    Attributes
    ----------
    classifier_ : classifier
        The fitted clone.
    extractor_ : SuperpixelFeatures
        The fitted segmentation and features; ``extractor_.get_feature_names_out()``
        names the columns that `classifier_` gets.
    segmenter_ : transformer or None
        The fitted clone; None with "precomputed".
    classes_ : ndarray of shape (n_classes,)
        Sorted classes that are the most frequent ones in some superpixel, of the dtype
        of `y`.

    See Also
    --------
    SuperpixelFeatures : The features alone, for example for clustering.

    Notes
    -----
    If an image has several annotations, each one is a vote at each pixel. If several
    classes have the most votes in a superpixel, it gets the smallest one. Superpixels
    without votes are left out of training; all others have the same weight, whatever
    their size.

    For scikit-learn this is not a classifier, because its `y` are maps: searches and
    ``cross_validate`` split images with KFold, not by class, and use `score`.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import SNICSuperpixels, SuperpixelClassifier
    >>> image = np.zeros((32, 48), dtype=np.uint8)
    >>> image[:, 24:] = 200
    >>> truth = np.where(image > 100, 7, 3)
    >>> pixels = SuperpixelClassifier(segmenter=SNICSuperpixels(24))
    >>> pixels.fit([image], [truth]).classes_
    array([3, 7])
    >>> pixels.predict([image[::-1]])[0][0, [0, -1]]
    array([3, 7])
    >>> pixels.score([image[::-1]], [truth])
    1.0
    """

    classifier_: Any
    extractor_: SuperpixelFeatures
    segmenter_: Any
    classes_: NDArray[Any]

    _parameter_constraints: dict = {
        "classifier": [HasMethods(["fit", "predict"]), None],
        "segmenter": SuperpixelFeatures._parameter_constraints["segmenter"],
        "features": SuperpixelFeatures._parameter_constraints["features"],
        "bins": SuperpixelFeatures._parameter_constraints["bins"],
        "ignore_label": [None, Integral],
        "n_jobs": [None, Integral],
    }

    def __init__(
        self,
        classifier: Any = None,
        *,
        segmenter: Transformer | Literal["precomputed"] | None = None,
        features: Sequence[str] = FEATURES,
        bins: int = 8,
        ignore_label: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.classifier = classifier
        self.segmenter = segmenter
        self.features = features
        self.bins = bins
        self.ignore_label = ignore_label
        self.n_jobs = n_jobs

    def fit(self, X: Indexed[Any], y: Truths) -> Self:
        """Train the classifier on the superpixels of images.

        Parameters
        ----------
        X : sequence of array-like of shape (H, W), (H, W, 1) or (H, W, C)
            Images, as for `SuperpixelFeatures.transform`; pairs (image, labels) with
            "precomputed".
        y : sequence of label maps, or of lists of them
            The class of each pixel: one item per image, a map (H, W) of any integer
            dtype, or a list of the maps of several annotators.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If `X` and `y` do not match or are not as described, or `y` has no label but
            `ignore_label`.
        """
        self._validate_params()
        X, y = check_pairs(X, y)
        extractor = SuperpixelFeatures(
            self.segmenter, features=self.features, bins=self.bins, n_jobs=self.n_jobs
        )
        self._check_sizes(X, y)
        tables, label_maps = extractor.fit(X, y).describe(X)
        rows, classes = [], []
        for i, (table, labels) in enumerate(zip(tables, label_maps, strict=True)):
            annotations = check_annotations(y[i], labels.shape, name=f"y[{i}]")
            majority, voted = _majority(
                labels, len(table), annotations, self.ignore_label
            )
            rows.append(table[voted])
            classes.append(majority[voted])
        classes = np.concatenate(classes)
        if not classes.size:
            raise ValueError(
                f"y holds nothing but ignore_label={self.ignore_label} inside the "
                "superpixels; give the class of some pixels."
            )
        if classes.dtype.kind not in "iu":
            raise TypeError("y mixes uint64 with signed integers; use one dtype.")
        classifier = self.classifier
        if classifier is None:
            classifier = RandomForestClassifier(random_state=0)
        self.classifier_ = clone(classifier).fit(np.concatenate(rows), classes)
        self.classes_ = np.unique(classes)
        self.extractor_ = extractor
        self.segmenter_ = extractor.segmenter_
        return self

    def predict(self, X: Indexed[Any]) -> list[NDArray[Any]]:
        """Predict the class of each pixel.

        Parameters
        ----------
        X : sequence
            As for `fit`.

        Returns
        -------
        list of ndarray of shape (H, W)
            Of the dtype of `classes_`; `ignore_label` at masked pixels.

        Raises
        ------
        ValueError, TypeError
            If `X` is not as described, or a pixel is masked and there is no
            `ignore_label` that fits the dtype.
        """
        rows, label_maps = self._described(X)
        fill = self.classes_[0]
        masked = [i for i, labels in enumerate(label_maps) if labels.min() < 0]
        if masked:
            fill, limits = self.ignore_label, np.iinfo(self.classes_.dtype)
            if fill is None or not limits.min <= fill <= limits.max:
                raise ValueError(
                    f"the superpixels of X[{masked[0]}] leave pixels masked, which "
                    "have no class; set ignore_label to the class that these get, in "
                    f"{limits.min}..{limits.max}."
                )
        classes = np.asarray(self.classifier_.predict(rows), dtype=self.classes_.dtype)
        return _painted(classes, label_maps, fill)

    @_if_probabilities
    def predict_proba(self, X: Indexed[Any]) -> list[NDArray[np.float32]]:
        """Predict the probabilities of the classes at each pixel.

        Available if `classifier` has this method.

        Parameters
        ----------
        X : sequence
            As for `fit`.

        Returns
        -------
        list of ndarray of shape (H, W, n_classes), float32
            In the order of `classes_`; all 0 at masked pixels.

        Raises
        ------
        ValueError, TypeError
            If `X` is not as described.
        """
        rows, label_maps = self._described(X)
        probabilities = self.classifier_.predict_proba(rows).astype(np.float32)
        return _painted(probabilities, label_maps, 0)

    def score(
        self, X: Indexed[Any], y: Truths, sample_weight: ArrayLike | None = None
    ) -> float:
        """Mean accuracy per image: the share of pixels with the correct class.

        Parameters
        ----------
        X : sequence
            As for `fit`.
        y : sequence of label maps, or of lists of them
            As for `fit`. Pixels with `ignore_label` and masked pixels are ignored. The
            score of an image with several annotations is the mean over them. Images
            without any other pixel are left out.
        sample_weight : array-like of shape (n_images,), optional
            Weight of each image in the mean.

        Returns
        -------
        float
            In 0..1, higher is better.

        Raises
        ------
        ValueError, TypeError
            If `X` and `y` do not match or are not as described, or all pixels are
            ignored.
        """
        check_is_fitted(self)
        X, y = check_pairs(X, y)
        self._check_sizes(X, y)
        weights = check_weights(sample_weight, len(X))
        accuracies, counted = [], []
        for i, predicted in enumerate(self.predict(X)):
            annotations = check_annotations(y[i], predicted.shape, name=f"y[{i}]")
            ones = list(_accuracies(annotations, predicted, self.ignore_label))
            if ones:
                accuracies.append(np.mean(ones))
                counted.append(weights[i])
        if not np.any(counted):
            raise ValueError(
                f"y holds nothing but ignore_label={self.ignore_label} in the images "
                "of a weight above 0; there is no pixel to score."
            )
        return float(np.average(accuracies, weights=counted))

    def _described(self, X):
        check_is_fitted(self)
        tables, label_maps = self.extractor_.describe(X)
        return np.concatenate(tables), label_maps

    def _check_sizes(self, X, y):
        """Compare ground truth in memory with its images, before segmenting any."""
        if isinstance(X, (list, tuple, np.ndarray)) and isinstance(
            y, (list, tuple, np.ndarray)
        ):
            for i, (item, truth) in enumerate(zip(X, y, strict=True)):
                if self.segmenter == "precomputed":
                    image, _, _ = check_labelled_pair(item, name=f"X[{i}]")
                else:
                    image = check_image(item, name=f"X[{i}]")
                check_annotations(truth, image.shape[:2], name=f"y[{i}]")

    def __sklearn_tags__(self):
        tags = tags_of_images(super().__sklearn_tags__())
        tags.target_tags.required = True
        return tags


def _majority(labels, n, annotations, ignore_label):
    """The class with the most votes in each superpixel, and whether it has votes."""
    label, vote = [], []
    for annotation in annotations:
        known = labels >= 0
        if ignore_label is not None:
            known &= annotation != ignore_label
        label.append(labels[known])
        vote.append(annotation[known])
    values, code = np.unique(np.concatenate(vote), return_inverse=True)
    if not values.size:
        return np.zeros(n, dtype=values.dtype), np.zeros(n, dtype=bool)
    code = code.astype(np.int64) + len(values) * np.concatenate(label).astype(np.int64)
    votes = np.bincount(code, minlength=n * len(values)).reshape(n, len(values))
    return values[votes.argmax(axis=1)], votes.any(axis=1)


def _accuracies(annotations, predicted, ignore_label):
    """Share of correct pixels, for each annotation with known pixels."""
    for annotation in annotations:
        known = np.ones(predicted.shape, dtype=bool)
        if ignore_label is not None:
            known = (annotation != ignore_label) & (predicted != ignore_label)
        if known.any():
            yield np.mean(annotation[known] == predicted[known])


def _painted(values, label_maps, fill):
    """Paint the rows of all images, concatenated, to the pixels of each."""
    ends = np.cumsum([labels.max() + 1 for labels in label_maps])[:-1]
    parts = np.split(values, ends)
    return PerImage(
        paint(part, labels, fill=fill)
        for part, labels in zip(parts, label_maps, strict=True)
    )
