"""Estimators that segment images without an affinity map."""

from numbers import Integral, Real

from .._compat import Interval, Options
from .._typing import Connectivity
from ..segmentation import fh_image, slic, snic
from .base import SuperpixelTransformer

__all__ = ["FHSuperpixels", "SLICSuperpixels", "SNICSuperpixels"]


class FHSuperpixels(SuperpixelTransformer):
    """Felzenszwalb and Huttenlocher's segmentation into a requested number.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; you get exactly this many.
    sigma : float, default=0.8
        Standard deviation of the Gaussian that smooths the image, in pixels; 0 for
        none.
    min_size : int, optional
        Smallest number of pixels in a superpixel; `seal_sk.fh_image` describes the
        exceptions. By default an eighth of the mean size.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph.
    boundary_cost : float or None, default=None
        If not None, boundaries are refined with this cost; see
        `seal_sk.refine_boundaries`.
    n_jobs : int, optional
        Images segmented at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors.

    Attributes
    ----------
    n_segments_ : list of int
        Superpixels in each image of the last `transform`.

    See Also
    --------
    seal_sk.fh_image : The same for one image, also by `scale` as in scikit-image.

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
        self,
        n_segments: int = 300,
        *,
        sigma: float = 0.8,
        min_size: int | None = None,
        connectivity: Connectivity = 8,
        boundary_cost: float | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.sigma = sigma
        self.min_size = min_size
        self.connectivity = connectivity
        self.boundary_cost = boundary_cost
        self.n_jobs = n_jobs

    def _segment_once(self, image, n_segments, mask):
        return fh_image(
            image,
            sigma=self.sigma,
            min_size=self.min_size,
            connectivity=self.connectivity,
            n_segments=n_segments,
            mask=mask,
        )


class SLICSuperpixels(SuperpixelTransformer):
    """Simple linear iterative clustering.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image. You usually get fewer; see `seal_sk.slic` for typical
        numbers.
    compactness : float, default=10.0
        Weight of position against colour, above 0, in units of CIELAB. Try values on a
        logarithmic scale, such as 3, 10, 30 and 100.
    max_iter : int, default=10
        Rounds of k-means.
    sigma : float, default=0.0
        Standard deviation of the Gaussian that smooths the colours, in pixels; 0 for
        none.
    slic_zero : bool, default=False
        Let each superpixel adapt its compactness to its colours.
    exact : bool, default=False
        Join the pieces of the clusters to get exactly `n_segments`.
    boundary_cost : float or None, default=None
        If not None, boundaries are refined with this cost; see
        `seal_sk.refine_boundaries`.
    n_jobs : int, optional
        Images segmented at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors. Images with a
        mask are segmented one at a time.

    Attributes
    ----------
    n_segments_ : list of int
        Superpixels in each image of the last `transform`.

    See Also
    --------
    seal_sk.slic : The same for one image, inside a mask if given.

    References
    ----------
    Achanta, Shaji, Smith, Lucchi, Fua and Süsstrunk, "SLIC Superpixels Compared to
    State-of-the-Art Superpixel Methods", IEEE TPAMI 2012.

    Examples
    --------
    >>> from seal_sk import SLICSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> images, truths = make_scenes(2, shape=(64, 64), random_state=0)
    >>> superpixels = SLICSuperpixels(n_segments=40, exact=True)
    >>> [labels.shape for labels in superpixels.transform(images)]
    [(64, 64), (64, 64)]
    >>> superpixels.n_segments_
    [40, 40]
    """

    _parameter_constraints: dict = {
        **SuperpixelTransformer._parameter_constraints,
        "compactness": [Interval(Real, 0, None, closed="neither")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "sigma": [Interval(Real, 0, None, closed="left")],
        "slic_zero": ["boolean"],
        "exact": ["boolean"],
    }

    def __init__(
        self,
        n_segments: int = 300,
        *,
        compactness: float = 10.0,
        max_iter: int = 10,
        sigma: float = 0.0,
        slic_zero: bool = False,
        exact: bool = False,
        boundary_cost: float | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.compactness = compactness
        self.max_iter = max_iter
        self.sigma = sigma
        self.slic_zero = slic_zero
        self.exact = exact
        self.boundary_cost = boundary_cost
        self.n_jobs = n_jobs

    def _segment_once(self, image, n_segments, mask):
        return slic(
            image,
            n_segments,
            compactness=self.compactness,
            max_iter=self.max_iter,
            sigma=self.sigma,
            slic_zero=self.slic_zero,
            mask=mask,
            exact=self.exact,
        )


class SNICSuperpixels(SuperpixelTransformer):
    """Simple non-iterative clustering.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; you get about this many, depending on the grid of seeds.
    compactness : float, default=10.0
        Weight of position against colour, at least 0, in units of CIELAB. Try values on
        a logarithmic scale, such as 3, 10, 30 and 100.
    exact : bool, default=False
        Choose the seeds so that you get exactly `n_segments`.
    boundary_cost : float or None, default=None
        If not None, boundaries are refined with this cost; see
        `seal_sk.refine_boundaries`.
    n_jobs : int, optional
        Images segmented at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors.

    Attributes
    ----------
    n_segments_ : list of int
        Superpixels in each image of the last `transform`.

    See Also
    --------
    seal_sk.snic : The same for one image, inside a mask if given.

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

    def __init__(
        self,
        n_segments: int = 300,
        *,
        compactness: float = 10.0,
        exact: bool = False,
        boundary_cost: float | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.compactness = compactness
        self.exact = exact
        self.boundary_cost = boundary_cost
        self.n_jobs = n_jobs

    def _segment_once(self, image, n_segments, mask):
        return snic(
            image,
            n_segments,
            compactness=self.compactness,
            mask=mask,
            exact=self.exact,
        )
