"""Estimators: a list of images in, a list of label maps out."""

from functools import partial
from numbers import Integral, Real

import numpy as np
from joblib import Parallel, delayed
from sklearn.base import BaseEstimator, TransformerMixin

from ._compat import Interval, Options
from ._validation import check_image, check_images, check_n_segments, check_pairs
from .affinity import rgb_affinity
from .metrics import asa_score, mean_over_pairs
from .segmentation import ers, fh_image, snic

__all__ = ["ERSSuperpixels", "FHSuperpixels", "SNICSuperpixels"]


class SuperpixelTransformer(
    TransformerMixin, BaseEstimator, auto_wrap_output_keys=None
):
    """What all the estimators of label maps have in common.

    A subclass implements ``_segment_once(image, n_segments)``; or, where several counts
    share work, it overrides ``_segment`` or ``_segment_all``.
    """

    _check_image = staticmethod(check_image)

    _parameter_constraints: dict = {
        "n_segments": [Interval(Integral, 1, None, closed="left")],
        "n_jobs": [None, Integral],
    }

    def fit(self, X, y=None):
        """Check the parameters and `X`; there is nothing to learn.

        Parameters
        ----------
        X : sequence of images
            What `transform` takes.
        y : ignored
            Present for pipelines.

        Returns
        -------
        self
        """
        self._validate_params()
        check_images(X, self._check_image)
        return self

    def transform(self, X):
        """Cut each image into superpixels.

        Parameters
        ----------
        X : sequence of array-like of shape (H, W), (H, W, 1) or (H, W, C)
            Images, which may differ in size; uint8, uint16, or floating point in
            0..1. A lazy sequence is loaded image by image.

        Returns
        -------
        list of ndarray of shape (H, W), int32
            Labels from 0, consecutive, each one connected region. `n_segments_`
            holds how many there are in each.

        Raises
        ------
        ValueError, TypeError
            If `X` is not a sequence of images, or an image has fewer pixels than
            `n_segments`.
        """
        self._validate_params()
        self._check_counts(X, [self.n_segments])
        label_maps = self._segment_all(X, self.n_segments)
        self.n_segments_ = [int(labels.max()) + 1 for labels in label_maps]
        return label_maps

    def transform_counts(self, X, n_segments):
        """Cut each image into several numbers of superpixels.

        As `transform` for each number in turn, but what does not depend on the number
        (affinities, above all those of a network) is computed once.

        Parameters
        ----------
        X : sequence of images
            As for `transform`.
        n_segments : sequence of int
            What to take in place of the parameter of this name.

        Returns
        -------
        list of list of ndarray of shape (H, W), int32
            For each image a label map for each number.

        Raises
        ------
        ValueError, TypeError
            As from `transform`, and if there is no number.

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
        counts = [n_segments] if np.ndim(n_segments) == 0 else list(n_segments)
        if not counts:
            raise ValueError("n_segments is empty; give at least one number.")
        self._check_counts(X, counts)
        return self._segment_all(X, counts)

    def _check_counts(self, X, counts):
        check_images(X, self._check_image)
        # Images in memory are compared with the counts before any is segmented.
        if isinstance(X, (list, tuple, np.ndarray)):
            for image in X:
                for count in counts:
                    check_n_segments(count, np.shape(image))

    def score(self, X, y):
        """Mean achievable segmentation accuracy over all (image, annotation) pairs.

        Parameters
        ----------
        X : sequence of images
            As for `transform`.
        y : sequence of label maps, or of lists of them
            Ground truth: one item an image, each one map (H, W) or a list of
            annotations.

        Returns
        -------
        float
            In 0..1, higher is better.
        """
        check_pairs(X, y)
        return self._mean_asa(y, self.transform(X))

    def _mean_asa(self, y, label_maps):
        score = partial(asa_score, ignore_label=getattr(self, "ignore_label", None))
        return mean_over_pairs(score, y, label_maps)

    def _segment_all(self, X, n_segments):
        # Threads: the kernels release the GIL, and images need not be copied.
        return Parallel(n_jobs=self.n_jobs, prefer="threads")(
            delayed(self._segment)(image, n_segments) for image in self._loaded(X)
        )

    def _segment(self, image, n_segments):
        """One label map; a list of them where `n_segments` is a list."""
        if isinstance(n_segments, list):
            return [self._segment_once(image, count) for count in n_segments]
        return self._segment_once(image, n_segments)

    def _loaded(self, X):
        """Images one by one; those of a lazy sequence are checked only here."""
        for i in range(len(X)):
            yield self._check_image(X[i], name=f"X[{i}]")

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.input_tags.two_d_array = False
        tags.input_tags.three_d_array = True
        tags.requires_fit = False
        tags.no_validation = True
        return tags


class ERSSuperpixels(SuperpixelTransformer):
    """Entropy rate superpixels on colour differences.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; exactly so many come out.
    balance : float, default=0.5
        Weight of equal sizes, at least 0; see `seal_sk.ers`.
    sigma : float, default=5.0
        Scale of colour differences; see `seal_sk.rgb_affinity`.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph.
    n_jobs : int, optional
        Images segmented at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors.

    Attributes
    ----------
    n_segments_ : list of int
        Superpixels in each image of the last `transform`.

    See Also
    --------
    SEALSuperpixels : the same segmentation of learned affinities.

    References
    ----------
    Liu, Tuzel, Ramalingam, Chellappa, "Entropy Rate Superpixel Segmentation",
    CVPR 2011.

    Examples
    --------
    >>> from seal_sk import ERSSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> images, truths = make_scenes(2, shape=(64, 64), random_state=0)
    >>> superpixels = ERSSuperpixels(n_segments=40)
    >>> [labels.shape for labels in superpixels.transform(images)]
    [(64, 64), (64, 64)]
    >>> superpixels.n_segments_
    [40, 40]
    """

    _parameter_constraints: dict = {
        **SuperpixelTransformer._parameter_constraints,
        "balance": [Interval(Real, 0, None, closed="left")],
        "sigma": [Interval(Real, 0, None, closed="neither")],
        "connectivity": [Options(Integral, {4, 8})],
    }

    def __init__(
        self, n_segments=300, *, balance=0.5, sigma=5.0, connectivity=8, n_jobs=None
    ):
        self.n_segments = n_segments
        self.balance = balance
        self.sigma = sigma
        self.connectivity = connectivity
        self.n_jobs = n_jobs

    def _segment(self, image, n_segments):
        affinity = rgb_affinity(image, sigma=self.sigma, connectivity=self.connectivity)
        return ers(affinity, n_segments, balance=self.balance)


class FHSuperpixels(SuperpixelTransformer):
    """Felzenszwalb and Huttenlocher's segmentation, in the number asked for.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; exactly so many come out.
    sigma : float, default=0.8
        Standard deviation of the Gaussian that smooths the image, in pixels; 0 for
        none.
    min_size : int, optional
        Least number of pixels in a superpixel, kept as `seal_sk.fh_image` says. By
        default an eighth of the mean size.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph.
    n_jobs : int, optional
        Images segmented at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors.

    Attributes
    ----------
    n_segments_ : list of int
        Superpixels in each image of the last `transform`.

    See Also
    --------
    seal_sk.fh_image : the same for one image, also by `scale` as in scikit-image.

    References
    ----------
    Felzenszwalb and Huttenlocher, "Efficient Graph-Based Image Segmentation",
    IJCV 2004.

    Examples
    --------
    >>> from seal_sk import FHSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> images, truths = make_scenes(2, shape=(64, 64), random_state=0)
    >>> superpixels = FHSuperpixels(n_segments=40)
    >>> [labels.shape for labels in superpixels.transform(images)]
    [(64, 64), (64, 64)]
    >>> superpixels.n_segments_
    [40, 40]
    """

    _parameter_constraints: dict = {
        **SuperpixelTransformer._parameter_constraints,
        "sigma": [Interval(Real, 0, None, closed="left")],
        "min_size": [None, Interval(Integral, 0, None, closed="left")],
        "connectivity": [Options(Integral, {4, 8})],
    }

    def __init__(
        self, n_segments=300, *, sigma=0.8, min_size=None, connectivity=8, n_jobs=None
    ):
        self.n_segments = n_segments
        self.sigma = sigma
        self.min_size = min_size
        self.connectivity = connectivity
        self.n_jobs = n_jobs

    def _segment_once(self, image, n_segments):
        return fh_image(
            image,
            sigma=self.sigma,
            min_size=self.min_size,
            connectivity=self.connectivity,
            n_segments=n_segments,
        )


class SNICSuperpixels(SuperpixelTransformer):
    """Simple non-iterative clustering.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; about so many come out, as the grid of seeds allows.
    compactness : float, default=10.0
        Weight of position against colour, at least 0, in units of CIELAB.
    exact : bool, default=False
        Choose the seeds so that exactly `n_segments` come out.
    n_jobs : int, optional
        Images segmented at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors.

    Attributes
    ----------
    n_segments_ : list of int
        Superpixels in each image of the last `transform`.

    See Also
    --------
    seal_sk.snic : the same for one image, inside a mask if given.

    References
    ----------
    Achanta and Süsstrunk, "Superpixels and Polygons Using Simple Non-Iterative
    Clustering", CVPR 2017.

    Examples
    --------
    >>> from seal_sk import SNICSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> images, truths = make_scenes(2, shape=(64, 64), random_state=0)
    >>> superpixels = SNICSuperpixels(n_segments=40, exact=True)
    >>> [labels.shape for labels in superpixels.transform(images)]
    [(64, 64), (64, 64)]
    >>> superpixels.n_segments_
    [40, 40]
    """

    _parameter_constraints: dict = {
        **SuperpixelTransformer._parameter_constraints,
        "compactness": [Interval(Real, 0, None, closed="left")],
        "exact": ["boolean"],
    }

    def __init__(self, n_segments=300, *, compactness=10.0, exact=False, n_jobs=None):
        self.n_segments = n_segments
        self.compactness = compactness
        self.exact = exact
        self.n_jobs = n_jobs

    def _segment_once(self, image, n_segments):
        return snic(image, n_segments, compactness=self.compactness, exact=self.exact)
