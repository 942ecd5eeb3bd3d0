"""What all the transformers from images to affinity maps have in common."""

from numbers import Integral

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, TransformerMixin

from .._compat import Options
from .._validation import check_image, check_images

__all__ = ["AffinitySource"]


class AffinitySource(TransformerMixin, BaseEstimator, auto_wrap_output_keys=None):
    """What all the transformers from images to affinity maps have in common.

    A subclass implements ``_affinity(image)`` for one checked image, and where work
    for one image serves the next, overrides ``_affinities(images)`` too.
    """

    #: ``check(image, *, mask=None, name)``: an item of X as `_affinity` takes it.
    _check_input = staticmethod(check_image)
    #: Whether `_affinity` may run in several threads at once.
    _thread_safe = True

    _parameter_constraints: dict = {
        "connectivity": [Options(Integral, {4, 8})],
        "n_jobs": [None, Integral],
    }

    def fit(self, X, y=None):
        """Check the parameters and `X`; there is nothing to learn.

        Parameters
        ----------
        X : sequence
            What `transform` takes.
        y : ignored
            Present for pipelines.

        Returns
        -------
        self
        """
        self._validate_params()
        check_images(X, self._check_input)
        return self

    def transform(self, X):
        """Affinity maps of images.

        Parameters
        ----------
        X : sequence
            Images, or what the class says stands for them; they may differ in size.
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
        check_images(X, self._check_input)
        images = self._loaded(X)
        if not self._thread_safe:
            return list(self._affinities(images))
        # Threads: NumPy releases the GIL, and images need not be copied.
        return Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self._affinity)(image) for image in images
        )

    def _check_ready(self):
        """Raise what is missing before the first image is looked at."""

    def _shape(self, item):
        """Height and width of an item of `X` that passed the check."""
        return np.shape(item)[:2]

    def _affinities(self, images):
        for image in images:
            yield self._affinity(image)

    def _loaded(self, X):
        """Items one by one; lazy ones are checked only here."""
        for i in range(len(X)):
            yield self._check_input(X[i], name=f"X[{i}]")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.requires_fit = False
        tags.no_validation = True
        return tags
