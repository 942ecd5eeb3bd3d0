"""Base class of the estimators that segment images."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin

from .._compat import Interval, tags_of_images
from .._results import PerImage
from .._typing import Connectivity, Images, Masks, Truths
from .._validation import (
    check_image,
    check_images,
    check_masks,
    check_n_segments,
    check_pairs,
    check_same_size,
)
from ..metrics import asa_score, mean_over_pairs
from ..segmentation.refining import refine

if TYPE_CHECKING:
    from typing_extensions import Self


__all__ = ["ImageReader", "SuperpixelTransformer"]


class ImageReader:
    """Images, checked before they are segmented."""

    def __init__(self, check: Callable[..., NDArray[Any]] = check_image) -> None:
        self.check = check

    def shape_of(self, image: Any) -> tuple[int, ...]:
        """Height and width of an item of `X`."""
        return np.shape(image)[:2]


# mypy does not know scikit-learn's base classes, nor the arguments they take.
class SuperpixelTransformer(  # type: ignore[call-arg]
    TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Base class of the estimators that segment images.

    A subclass implements ``_segment_once(image, n_segments, mask)``; or, where several
    counts share work, it overrides ``_labels``.
    """

    n_segments: int
    n_jobs: int | None
    n_segments_: list[int]

    boundary_cost: float | Literal["auto"] | None = None
    # Of the regions of a label map; a parameter where it can be chosen.
    connectivity: Connectivity = 4

    _takes_mask = True

    _parameter_constraints: dict = {
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "boundary_cost": [None, Interval(Real, 0, None, closed="left")],
        "n_jobs": [None, Integral],
    }

    def fit(self, X: Images, y: Any = None) -> Self:
        """Check the parameters and `X`; there is nothing to learn.

        Parameters
        ----------
        X : sequence of images
            As for `transform`.
        y : ignored
            Present for pipelines.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter or `X` is not as described.
        """
        self._validate_params()
        check_images(X, self._reader().check)
        return self

    def transform(
        self, X: Images, mask: Masks | None = None
    ) -> list[NDArray[np.int32]]:
        """Segment each image into superpixels.

        Parameters
        ----------
        X : sequence of array-like of shape (H, W), (H, W, 1) or (H, W, C)
            Images, which may differ in size; uint8, uint16, or floating point in
            0..1. A lazy sequence is loaded image by image.
        mask : sequence of array-like of bool of shape (H, W), or of None, optional
            Where to segment each image; None means everywhere. Outside the mask, an
            image may hold anything, NaN included.

        Returns
        -------
        list of ndarray of shape (H, W), int32
            Consecutive labels from 0, each one connected region; -1 outside the mask.
            `n_segments_` holds the number of superpixels in each image.

        Raises
        ------
        ValueError, TypeError
            If `X` is not a sequence of images, or an image has fewer pixels than
            `n_segments`.
        """
        self._validate_params()
        reader = self._reader()
        X, mask = self._checked(reader, X, mask, [self.n_segments])
        label_maps = self._segment_all(reader, X, mask, self.n_segments)
        self.n_segments_ = [int(labels.max()) + 1 for labels in label_maps]
        return PerImage(label_maps)

    def fit_transform(
        self, X: Images, y: Any = None, mask: Masks | None = None
    ) -> list[NDArray[np.int32]]:
        """Fit to images, and segment them.

        Parameters
        ----------
        X : sequence of images
            As for `fit` and `transform`.
        y : sequence, optional
            As for `fit`.
        mask : sequence, optional
            As for `transform`.

        Returns
        -------
        list of ndarray of shape (H, W), int32
            As from `transform`.

        Raises
        ------
        ValueError, TypeError
            As from `fit` and `transform`.
        """
        # An estimator that learns nothing need not see the masked pixels.
        if mask is None or self._learns(y):
            self.fit(X, y)
        return self.transform(X, mask)

    def _learns(self, y: Any) -> bool:
        """Whether `fit` with this ground truth learns anything."""
        return False

    def transform_counts(
        self,
        X: Images,
        n_segments: int | Sequence[int] | NDArray[np.integer],
        mask: Masks | None = None,
    ) -> list[list[NDArray[np.int32]]]:
        """Segment each image into several numbers of superpixels.

        Like `transform` for each number in turn, except that everything independent of
        the number (above all, the affinities of a network) is computed only once.

        Parameters
        ----------
        X : sequence of images
            As for `transform`.
        n_segments : sequence of int, or int
            Numbers to use instead of the parameter of this name. A single number also
            gives a list of label maps per image.
        mask : sequence, optional
            As for `transform`.

        Returns
        -------
        list of list of ndarray of shape (H, W), int32
            For each image, one label map per number.

        Raises
        ------
        ValueError, TypeError
            As from `transform`, and if `n_segments` is empty.

        Examples
        --------
        >>> from seal_sk import ERSSuperpixels
        >>> from seal_sk.datasets import make_scenes
        >>> images, _ = make_scenes(2, shape=(64, 64), random_state=0)
        >>> few, many = ERSSuperpixels().transform_counts(images, [10, 50])[0]
        >>> int(few.max()), int(many.max())
        (9, 49)
        """
        self._validate_params()
        asked: Any = n_segments
        counts = [asked] if np.ndim(asked) == 0 else list(asked)
        if not counts:
            raise ValueError("n_segments is empty; give at least one number.")
        reader = self._reader()
        X, mask = self._checked(reader, X, mask, counts)
        return self._segment_all(reader, X, mask, counts)

    def _checked(
        self, reader: Any, X: Images, mask: Masks | None, counts: Sequence[int]
    ) -> tuple[Images, Masks | None]:
        mask = check_masks(mask, X)
        if mask is not None and not self._takes_mask:
            raise ValueError(
                f"{type(self).__name__} can't be confined to a mask; SNICSuperpixels "
                "can, for example."
            )
        X = check_images(X, reader.check, mask=mask)
        # Images in memory are compared with the counts before any is segmented.
        if isinstance(X, (list, tuple, np.ndarray)):
            for i, image in enumerate(X):
                inside: Any = None if mask is None else mask[i]
                shape = reader.shape_of(image)
                if not shape:
                    continue
                for count in counts:
                    check_n_segments(count, shape, inside)
        return X, mask

    def score(
        self,
        X: Images,
        y: Truths,
        mask: Masks | None = None,
        sample_weight: ArrayLike | None = None,
    ) -> float:
        """Mean achievable segmentation accuracy over all (image, annotation) pairs.

        Annotations of which all pixels are unknown or masked are left out.

        Parameters
        ----------
        X : sequence of images
            As for `transform`.
        y : sequence of label maps, or of lists of them
            Ground truth: one item per image, each a map (H, W) or a list of
            annotations.
        mask : sequence, optional
            As for `transform`; pixels outside do not count.
        sample_weight : array-like of shape (n_images,), optional
            Weight of each image in the mean.

        Returns
        -------
        float
            In 0..1, higher is better.

        Raises
        ------
        ValueError, TypeError
            As from `transform`, and if `X` and `y` differ in length, a label map
            differs in size from its image, or no pixel counts.
        """
        X, y = check_pairs(X, y)
        label_maps = self.transform(X, mask)
        return mean_over_pairs(
            asa_score, y, label_maps, sample_weight, ignore_label=self._ignored_label()
        )

    def _reader(self) -> Any:
        """The object that checks items of `X` and reads their size; one per call."""
        return ImageReader()

    def _ignored_label(self) -> int | None:
        """Ground-truth label that `score` leaves out."""
        return None

    def _segment_all(
        self, reader: Any, X: Images, mask: Masks | None, n_segments: int | list[int]
    ) -> Any:
        # Threads: the kernels release the GIL, and images need not be copied.
        parallel, n_threads = self._parallel(len(X))
        return parallel(
            delayed(self._segment)(image, n_segments, inside, n_threads=n_threads)
            for image, inside in self._loaded(reader, X, mask)
        )

    def _parallel(self, n_images: int) -> tuple[Parallel, int]:
        """What segments images at a time, and how many threads there are for each."""
        n_threads = max(1, effective_n_jobs(self.n_jobs) // max(1, n_images))
        # joblib takes up to 10 ms to notice that a single image is done.
        n_jobs = self.n_jobs if n_images > 1 else 1
        return Parallel(n_jobs=n_jobs, prefer="threads"), n_threads

    def _segment(self, image, n_segments, mask, affinity=None, n_threads=1):
        """One label map; a list of them where `n_segments` is a list."""
        labels = self._labels(image, n_segments, mask, affinity)
        if isinstance(n_segments, list):
            return [
                self._refined(one, count, image, mask, affinity, n_threads)
                for one, count in zip(labels, n_segments, strict=True)
            ]
        return self._refined(labels, n_segments, image, mask, affinity, n_threads)

    def _labels(self, image, n_segments, mask, affinity):
        """What `_segment` gives, before boundaries are refined."""
        if isinstance(n_segments, list):
            return [self._segment_once(image, count, mask) for count in n_segments]
        return self._segment_once(image, n_segments, mask)

    def _refined(self, labels, n_segments, image, mask, affinity, n_threads):
        """A label map with its boundaries refined, if they are to be."""
        cost = self._cost(n_segments, labels)
        if cost is None:
            return labels
        # Some sources of affinities leave the items of X unchecked.
        name = "the image to refine by"
        image = check_image(image, mask=mask, name=name)
        check_same_size(image, labels, name=name)
        return refine(
            labels,
            image,
            affinity,
            float(cost),
            connectivity=self.connectivity,
            n_threads=n_threads,
        )

    def _cost(self, n_segments, labels):
        """The cost to refine the boundaries of a label map with; None for none."""
        return self.boundary_cost

    def _loaded(
        self, reader: Any, X: Images, mask: Masks | None
    ) -> Iterator[tuple[NDArray[Any], NDArray[Any] | None]]:
        """Images and masks one by one; lazy images are checked only here."""
        for i in range(len(X)):
            inside = None if mask is None or mask[i] is None else np.asarray(mask[i])
            yield reader.check(X[i], mask=inside, name=f"X[{i}]"), inside

    def __sklearn_tags__(self):
        tags = tags_of_images(super().__sklearn_tags__())
        tags.requires_fit = False
        return tags
