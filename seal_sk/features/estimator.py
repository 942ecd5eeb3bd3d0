"""SuperpixelFeatures: features of the superpixels of images."""

from __future__ import annotations

from collections.abc import Sequence
from numbers import Integral
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import NDArray
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.utils.validation import check_is_fitted

from .._compat import HasMethods, Interval, StrOptions, tags_of_images
from .._results import PerImage
from .._typing import Indexed, Transformer
from .._validation import (
    check_image,
    check_images,
    check_label_maps,
    check_labelled,
    check_labelled_pair,
    check_n_channels,
    check_sequence,
)
from ..superpixels import SNICSuperpixels
from .description import (
    FEATURES,
    MAX_BINS,
    as_table,
    check_choice,
    column_names,
    describe,
    frame_type,
)

if TYPE_CHECKING:
    from typing_extensions import Self


__all__ = ["SuperpixelFeatures"]


# mypy does not know the base classes of scikit-learn, nor their arguments.
class SuperpixelFeatures(  # type: ignore[call-arg]
    TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Segment images into superpixels and compute features of each.

    Parameters
    ----------
    segmenter : transformer or "precomputed", optional
        Any object whose ``transform(X)`` returns one label map per image. `fit` fits a
        clone of it. `SEALSuperpixels` with ``max_iter=0`` keeps the network of its
        `weights`; wrap one that is trained in ``sklearn.frozen.FrozenEstimator``. By
        default ``SNICSuperpixels()``, the fastest one; pass one to search over its
        parameters. With "precomputed", `X` is a sequence of pairs (image, labels).
    features : tuple of str
        Groups of columns, as for `seal_sk.superpixel_features`; all by default.
    bins : int, default=8
        Number of ranges per channel in the group "histogram", from 1 to 256.
    as_frame : bool, default=False
        Return pandas DataFrames instead of arrays.
    n_jobs : int, optional
        Number of images described at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors. Threads are used,
        with little gain, because most of the work holds the interpreter's lock. For
        many large images, use processes: ``joblib.parallel_config(backend="loky")``.
        `segmenter` has its own `n_jobs`.

    Attributes
    ----------
    segmenter_ : transformer or None
        The fitted clone; None with "precomputed".
    n_channels_ : int
        Number of channels of the images.
    label_maps_ : list of ndarray of shape (H, W), int32
        Label maps of the last `transform`, for painting results with `seal_sk.paint`.

    See Also
    --------
    seal_sk.superpixel_features : The same for one image and its label map.
    SuperpixelClassifier : Semantic segmentation by classifying superpixels.

    Notes
    -----
    `transform` loads a lazy sequence twice: once to segment the images, and once to
    compute the features.

    Examples
    --------
    >>> from seal_sk import SNICSuperpixels, SuperpixelFeatures
    >>> from seal_sk.datasets import make_scenes
    >>> images, _ = make_scenes(2, shape=(64, 64), random_state=0)
    >>> features = SuperpixelFeatures(
    ...     SNICSuperpixels(n_segments=40, exact=True), features=("mean", "position")
    ... )
    >>> [table.shape for table in features.fit_transform(images)]
    [(40, 9), (40, 9)]
    >>> features.get_feature_names_out()[:4].tolist()
    ['mean_0', 'mean_1', 'mean_2', 'centroid_row']
    """

    segmenter_: Any
    n_channels_: int
    label_maps_: list[NDArray[np.int32]]

    _parameter_constraints: dict = {
        "segmenter": [
            HasMethods(["fit", "transform"]),
            StrOptions({"precomputed"}),
            None,
        ],
        "features": [tuple, list],
        "bins": [Interval(Integral, 1, MAX_BINS, closed="both")],
        "as_frame": ["boolean"],
        "n_jobs": [None, Integral],
    }

    def __init__(
        self,
        segmenter: Transformer | Literal["precomputed"] | None = None,
        *,
        features: Sequence[str] = FEATURES,
        bins: int = 8,
        as_frame: bool = False,
        n_jobs: int | None = None,
    ) -> None:
        self.segmenter = segmenter
        self.features = features
        self.bins = bins
        self.as_frame = as_frame
        self.n_jobs = n_jobs

    def fit(self, X: Indexed[Any], y: Any = None) -> Self:
        """Fit the segmenter.

        Parameters
        ----------
        X : sequence of images, or of pairs (image, labels)
            As for `transform`.
        y : sequence, optional
            Passed to the segmenter; only a learned one needs it.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If `X` is not as described, or a parameter is wrong.
        ImportError
            If `as_frame` is set and pandas is not installed.
        """
        self._validate_params()
        check_choice(self.features, self.bins)
        if self.as_frame:
            frame_type()
        X = check_sequence(X, name="X")
        # Set first, because the other images are compared with it.
        self.n_channels_ = self._check_item(X[0], name="X[0]", first=True).shape[2]
        check_images(X, self._check_item)
        if self.segmenter == "precomputed":
            self.segmenter_ = None
        elif self.segmenter is None:
            self.segmenter_ = SNICSuperpixels().fit(X, y)
        else:
            self.segmenter_ = clone(self.segmenter).fit(X, y)
        return self

    def transform(self, X: Indexed[Any]) -> list[Any]:
        """Describe the superpixels of each image.

        Parameters
        ----------
        X : sequence of array-like of shape (H, W), (H, W, 1) or (H, W, C)
            Images, which may differ in size, but not in their number of channels;
            uint8, uint16, or floating point in 0..1. With "precomputed", pairs of an
            image and its label map, with superpixels 0..n-1 and negative masked pixels.
            A lazy sequence is loaded image by image.

        Returns
        -------
        list of ndarray of shape (n, n_features), float64, or of DataFrame
            One table per image, with one row per superpixel: row i is that of label i
            in `label_maps_`.

        Raises
        ------
        ValueError, TypeError
            If `X` is not as described.
        """
        tables, self.label_maps_ = self.describe(X)
        return tables

    def describe(self, X: Indexed[Any]) -> tuple[list[Any], list[NDArray[np.int32]]]:
        """Compute features as `transform` does, without changing the estimator.

        Parameters
        ----------
        X : sequence
            As for `transform`.

        Returns
        -------
        tables : list
            As returned by `transform`.
        label_maps : list of ndarray of shape (H, W), int32
            The superpixels; -1 at masked pixels.

        Raises
        ------
        ValueError, TypeError
            As from `transform`.
        NotFittedError
            Before `fit`.
        """
        check_is_fitted(self)
        self._validate_params()
        features, bins = check_choice(self.features, self.bins)
        frame = frame_type() if self.as_frame else None
        X = check_images(X, self._check_item)
        if self.segmenter_ is None:
            label_maps = [None] * len(X)
        else:
            label_maps = self.segmenter_.transform(X)
            check_label_maps(label_maps, X)
        described = Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(_describe)(*self._labelled(item, labels, i), features, bins, frame)
            for i, (item, labels) in enumerate(zip(_items(X), label_maps, strict=True))
        )
        tables, label_maps = zip(*described, strict=True)
        return PerImage(tables), PerImage(label_maps)

    def get_feature_names_out(self, input_features: Any = None) -> NDArray[np.object_]:
        """Return the names of the columns.

        Parameters
        ----------
        input_features : ignored
            Present for pipelines.

        Returns
        -------
        ndarray of str
            One per column of a table, in order.

        Raises
        ------
        NotFittedError
            Before `fit`, because names depend on the channels of the images.
        """
        check_is_fitted(self)
        features, bins = check_choice(self.features, self.bins)
        return np.array(column_names(self.n_channels_, features, bins), dtype=object)

    def _check_item(self, item, *, mask=None, name, first=False):
        if self.segmenter == "precomputed":
            image, _, _ = check_labelled_pair(item, name=name)
        else:
            image = check_image(item, name=name)
        if not first:
            check_n_channels(image, self.n_channels_, name=name)
        return image

    def _labelled(self, item, labels, i):
        """Check an image and its superpixels; return them and their number."""
        name = f"X[{i}]"
        if self.segmenter_ is None:
            image, labels, n = check_labelled_pair(item, name=name)
        else:
            image, labels, n = check_labelled(
                item, labels, name=name, labels_name=f"the segmenter's map of {name}"
            )
        check_n_channels(image, self.n_channels_, name=name)
        return image, labels, n

    def __sklearn_tags__(self):
        return tags_of_images(super().__sklearn_tags__())


def _items(X):
    # Not iter(X), because a lazy sequence needs only __len__ and __getitem__.
    return (X[i] for i in range(len(X)))


def _describe(image, labels, n, features, bins, frame):
    return as_table(describe(image, labels, n, features, bins), frame), labels
