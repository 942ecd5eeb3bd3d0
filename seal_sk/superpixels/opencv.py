"""Estimators that segment images with OpenCV's contributed modules."""

from numbers import Integral, Real

from .._compat import Interval
from .._validation import check_rgb
from ..segmentation import lsc, seeds
from .base import ImageReader, SuperpixelTransformer

__all__ = ["LSCSuperpixels", "SEEDSSuperpixels"]


class LSCSuperpixels(SuperpixelTransformer):
    """Linear spectral clustering, needs ``pip install "seal_sk[opencv]"``.

    Images must have one or three channels.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; you get about this many, depending on the grid.
    ratio : float, default=0.075
        Weight of position against colour.
    max_iter : int, default=10
        Rounds of k-means.
    exact : bool, default=False
        Join or split the pieces of the clusters to get exactly `n_segments`.
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
    seal_sk.lsc : The same for one image.

    References
    ----------
    Li and Chen, "Superpixel Segmentation Using Linear Spectral Clustering",
    CVPR 2015.

    Examples
    --------
    >>> from seal_sk import LSCSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> images, truths = make_scenes(2, shape=(64, 64), random_state=0)
    >>> superpixels = LSCSuperpixels(n_segments=40, exact=True)
    >>> [labels.shape for labels in superpixels.transform(images)]
    [(64, 64), (64, 64)]
    >>> superpixels.n_segments_
    [40, 40]
    """

    _parameter_constraints: dict = {
        **SuperpixelTransformer._parameter_constraints,
        "ratio": [Interval(Real, 0, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "exact": ["boolean"],
    }

    def _reader(self) -> ImageReader:
        return ImageReader(check_rgb)

    _takes_mask = False

    def __init__(
        self,
        n_segments: int = 300,
        *,
        ratio: float = 0.075,
        max_iter: int = 10,
        exact: bool = False,
        boundary_cost: float | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.ratio = ratio
        self.max_iter = max_iter
        self.exact = exact
        self.boundary_cost = boundary_cost
        self.n_jobs = n_jobs

    def _segment_once(self, image, n_segments, mask):
        return lsc(
            image,
            n_segments,
            ratio=self.ratio,
            max_iter=self.max_iter,
            exact=self.exact,
        )


class SEEDSSuperpixels(SuperpixelTransformer):
    """Energy-driven sampling, needs ``pip install "seal_sk[opencv]"``.

    Images must have one or three channels.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image. You usually get fewer; see `seal_sk.seeds` for typical
        numbers.
    n_levels : int, default=4
        Number of sizes of the blocks that move between superpixels, in 2..16.
    prior : int, default=2
        Smoothness of the boundaries, in 0..5.
    n_bins : int, default=5
        Bins of the colour histograms for each channel.
    max_iter : int, default=10
        Rounds of moving single pixels.
    exact : bool, default=False
        Use a finer grid, and join its superpixels to get exactly `n_segments`.
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
    seal_sk.seeds : The same for one image.

    References
    ----------
    Van den Bergh, Boix, Roig and Van Gool, "SEEDS: Superpixels Extracted via
    Energy-Driven Sampling", IJCV 2015.

    Examples
    --------
    >>> from seal_sk import SEEDSSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> images, truths = make_scenes(2, shape=(64, 64), random_state=0)
    >>> superpixels = SEEDSSuperpixels(n_segments=40, exact=True)
    >>> [labels.shape for labels in superpixels.transform(images)]
    [(64, 64), (64, 64)]
    >>> superpixels.n_segments_
    [40, 40]
    """

    _parameter_constraints: dict = {
        **SuperpixelTransformer._parameter_constraints,
        "n_levels": [Interval(Integral, 2, 16, closed="both")],
        "prior": [Interval(Integral, 0, 5, closed="both")],
        "n_bins": [Interval(Integral, 1, None, closed="left")],
        "max_iter": [Interval(Integral, 1, None, closed="left")],
        "exact": ["boolean"],
    }

    def _reader(self) -> ImageReader:
        return ImageReader(check_rgb)

    _takes_mask = False

    def __init__(
        self,
        n_segments: int = 300,
        *,
        n_levels: int = 4,
        prior: int = 2,
        n_bins: int = 5,
        max_iter: int = 10,
        exact: bool = False,
        boundary_cost: float | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.n_levels = n_levels
        self.prior = prior
        self.n_bins = n_bins
        self.max_iter = max_iter
        self.exact = exact
        self.boundary_cost = boundary_cost
        self.n_jobs = n_jobs

    def _segment_once(self, image, n_segments, mask):
        return seeds(
            image,
            n_segments,
            n_levels=self.n_levels,
            prior=self.prior,
            n_bins=self.n_bins,
            max_iter=self.max_iter,
            exact=self.exact,
        )
