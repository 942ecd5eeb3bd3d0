"""Base class of the transformers from images to affinity maps."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from numbers import Integral
from typing import TYPE_CHECKING, Any

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.utils import get_tags

from .._compat import Options, tags_of_images
from .._results import PerImage
from .._typing import Indexed
from .._validation import check_image, check_images
from ..affinity.maps import filled

if TYPE_CHECKING:
    from typing_extensions import Self


__all__ = ["AffinitySource", "filled"]


# mypy does not know scikit-learn's base classes, nor the arguments they take.
class AffinitySource(  # type: ignore[call-arg]
    TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """Base class of the transformers from images to affinity maps.

    A subclass implements ``_affinity(image)`` for one checked image. It also overrides
    ``_affinities(images)`` if several images can share work.
    """

    n_jobs: int | None

    _parameter_constraints: dict = {
        "connectivity": [Options(Integral, {4, 8})],
        "n_jobs": [None, Integral],
    }

    def fit(self, X: Indexed[Any], y: Any = None) -> Self:
        """Check the parameters and `X`; there is nothing to learn.

        Parameters
        ----------
        X : sequence
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
        check_images(X, self._check_input)
        return self

    def transform(self, X: Indexed[Any]) -> list[NDArray[np.float32]]:
        """Compute the affinity maps of images.

        Parameters
        ----------
        X : sequence
            Images, or the items that the class takes instead; they may differ in size.
            A lazy sequence is loaded item by item.

        Returns
        -------
        list of ndarray of shape (H, W, 2) or (H, W, 4), float32
            Affinities in 0..1 to the right and down, with 8 neighbours also down-right
            and up-right.

        Raises
        ------
        ValueError, TypeError
            If `X` or a parameter is not as described.
        """
        self._validate_params()
        self._check_ready()
        X = check_images(X, self._check_input)
        images = self._loaded(X)
        if not self._thread_safe:
            return PerImage(self._affinities(images))
        # Threads: NumPy releases the GIL, and images need not be copied.
        return PerImage(
            Parallel(n_jobs=self.n_jobs, prefer="threads")(
                delayed(self._affinity)(image) for image in images
            )
        )

    def _learns(self, y: Any) -> bool:
        """Whether `fit` with this ground truth learns anything."""
        return get_tags(self).requires_fit

    def _check_input(
        self, item: Any, *, mask: ArrayLike | None = None, name: str = "image"
    ) -> Any:
        """Check an item of `X`, and return it as `_affinity` takes it."""
        return check_image(item, mask=mask, name=name)

    @property
    def _reads_images(self) -> bool:
        """Whether the items of `X` are images."""
        return True

    @property
    def _sees_beyond(self) -> bool:
        """Whether the affinity of two pixels depends on others."""
        return True

    def _filled(self, item: Any, mask: NDArray[np.bool_]) -> Any:
        """A checked item that holds nothing from outside the mask."""
        return filled(item, mask) if self._sees_beyond else item

    @property
    def _thread_safe(self) -> bool:
        """Whether `_affinity` may run in several threads at once."""
        return True

    def _check_ready(self) -> None:
        """Raise an error if something is missing, before any image is checked."""

    def _prepared(self) -> AffinitySource:
        """Itself, with whatever takes time to find already found."""
        return self

    def _affinity(self, image: Any) -> NDArray[np.float32]:
        """The affinity map of one checked item."""
        raise NotImplementedError

    def _shape(self, item: Any) -> tuple[int, ...]:
        """Height and width of an item of `X` that passed the check."""
        return np.shape(item)[:2]

    def _affinities(self, images: Iterable[Any]) -> Iterator[NDArray[np.float32]]:
        for image in images:
            yield self._affinity(image)

    def _loaded(self, X: Indexed[Any]) -> Iterator[Any]:
        """Checked items one by one; lazy ones are checked only here."""
        for i in range(len(X)):
            yield self._check_input(X[i], name=f"X[{i}]")

    def __sklearn_tags__(self):
        tags = tags_of_images(super().__sklearn_tags__())
        tags.requires_fit = False
        return tags
