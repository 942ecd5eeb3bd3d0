"""Estimators that cut affinity maps."""

from numbers import Integral, Real

from .._compat import Interval, Options
from ..affinity import rgb_affinity
from ..segmentation import ers
from .base import SuperpixelTransformer

__all__ = ["ERSSuperpixels"]


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

    def _segment(self, image, n_segments, mask):
        affinity = rgb_affinity(image, sigma=self.sigma, connectivity=self.connectivity)
        return ers(affinity, n_segments, balance=self.balance, mask=mask)
