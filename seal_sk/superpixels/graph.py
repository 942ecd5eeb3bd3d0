"""Estimators that cut affinity maps, those of any source."""

from __future__ import annotations

from collections.abc import Callable
from itertools import tee
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from joblib import Memory, Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils import get_tags

from .._compat import HasMethods, Interval, Options, StrOptions
from .._typing import Connectivity, Images, Indexed, Transformer
from .._validation import check_affinity, check_images, check_label_map
from ..affinity import RGBAffinity, to_eight_connected
from ..affinity.base import AffinitySource
from ..affinity.caching import (
    affinity_function,
    affinity_maps,
    fit_source,
    unfrozen,
)
from ..labels import split_components
from ..segmentation import ers, fh
from .base import SuperpixelTransformer

if TYPE_CHECKING:
    from typing_extensions import Self


__all__ = ["ERSSuperpixels", "GraphSuperpixels"]


class GraphSuperpixels(SuperpixelTransformer):
    """Any source of affinities, cut by any graph algorithm.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; exactly so many come out.
    affinity : transformer or "precomputed", optional
        From images to affinity maps: `RGBAffinity` (the default), `EdgeAffinity`,
        `FeatureAffinity`, `OracleAffinity`, `LearnedAffinity`, or any other whose
        ``transform(X)`` gives a list of float arrays (H, W, 2) or (H, W, 4). A fitted
        one in ``sklearn.frozen.FrozenEstimator`` is used as it is. With "precomputed",
        the items of `X` are affinity maps.
    segmenter : {"ers", "fh"} or callable, default="ers"
        Graph algorithm: entropy rate superpixels, or Felzenszwalb and Huttenlocher's;
        or any ``segmenter(affinity, n_segments=...)`` that returns a label map
        (``functools.partial(seal_sk.fh, min_size=50)``, for example), with ``mask=...``
        where there is one.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph. For 8, maps of two channels are given
        diagonals by `to_eight_connected`; for 4, maps of four lose theirs.
    balance : float, default=0.5
        Weight of equal sizes in "ers", at least 0; see `seal_sk.ers`.
    memory : str or joblib.Memory, optional
        Folder that fitted sources and affinity maps are kept in. What they don't
        depend on (all other parameters here) is then searched without a training or
        an affinity map computed twice. Read only what you wrote: it holds pickles.
    n_jobs : int, optional
        Images segmented at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors.

    Attributes
    ----------
    affinity_ : transformer
        The fitted source; there is none without `fit`, nor for "precomputed".
    n_segments_ : list of int
        Superpixels in each image of the last `transform`.

    See Also
    --------
    ERSSuperpixels : ERS on colour differences.
    SEALSuperpixels : ERS or FH on learned affinities, and merging.

    Notes
    -----
    `transform` and `score` need no `fit` where the source learns nothing. What the
    source can't read outside of a mask (NaN, say) is taken for 0.

    Examples
    --------
    >>> from seal_sk import EdgeAffinity, GraphSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> images, truths = make_scenes(2, shape=(64, 64), random_state=0)
    >>> superpixels = GraphSuperpixels(
    ...     40, affinity=EdgeAffinity("sobel"), segmenter="fh"
    ... )
    >>> [labels.shape for labels in superpixels.fit(images, truths).transform(images)]
    [(64, 64), (64, 64)]
    >>> superpixels.n_segments_
    [40, 40]
    """

    affinity_: Any

    _parameter_constraints: dict = {
        **SuperpixelTransformer._parameter_constraints,
        "affinity": [
            None,
            StrOptions({"precomputed"}),
            HasMethods(["fit", "transform"]),
        ],
        "segmenter": [StrOptions({"ers", "fh"}), callable],
        "connectivity": [Options(Integral, {4, 8})],
        "balance": [Interval(Real, 0, None, closed="left")],
        "memory": [None, str, Memory],
    }

    def __init__(
        self,
        n_segments: int = 300,
        *,
        affinity: Transformer | Literal["precomputed"] | None = None,
        segmenter: Literal["ers", "fh"] | Callable[..., ArrayLike] = "ers",
        connectivity: Connectivity = 8,
        balance: float = 0.5,
        memory: str | Memory | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.affinity = affinity
        self.segmenter = segmenter
        self.connectivity = connectivity
        self.balance = balance
        self.memory = memory
        self.n_jobs = n_jobs

    def fit(self, X: Indexed[Any], y: Any = None) -> Self:
        """Fit the source of affinities.

        Parameters
        ----------
        X : sequence of images
            What the source reads: for most, what `transform` takes.
        y : sequence of label maps, or of lists of them, optional
            Ground truth, for a source that learns from it.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If a parameter, `X` or `y` is not as described.
        """
        self._validate_params()
        source = self._source()
        check_images(
            X, lambda image, mask, name: _check_input(source, image, mask, name)
        )
        if source is not None:
            self._fit_source(source, X, y)
        return self

    def predict_affinity(self, X: Images) -> list[NDArray[np.float32]]:
        """Affinity maps of images, as the source gives them.

        Parameters
        ----------
        X : sequence of images
            As for `transform`.

        Returns
        -------
        list of ndarray of shape (H, W, 2) or (H, W, 4), float32
            Affinities in 0..1 to the right and down (and to the lower and the upper
            right). Entries that lead out of the image mean nothing.

        Raises
        ------
        NotFittedError
            If the source learns, and has not been fitted.
        """
        self._validate_params()
        check_images(X, self._check_image)
        images = (image for image, _ in self._loaded(X, None))
        return list(affinity_maps(self._ready_source(), self.memory, images))

    def _source(self) -> Any:
        """A new source of affinities; None if `X` holds them."""
        if isinstance(self.affinity, str):
            return None
        return RGBAffinity() if self.affinity is None else clone(self.affinity)

    def _fit_source(self, source, X, y):
        try:
            self.affinity_ = fit_source(source, X, y, self.memory)
        except KeyboardInterrupt:
            # An interrupted training leaves a network that can be used.
            if hasattr(source, "net_"):
                self.affinity_ = source
            raise

    def _ready_source(self) -> Any:
        """The source to compute affinities with: not to be changed."""
        if isinstance(self.affinity, str):
            return None
        if hasattr(self, "affinity_"):
            return self.affinity_
        if self.affinity is None:
            return RGBAffinity()
        source = unfrozen(self.affinity)
        if isinstance(source, AffinitySource):
            source._validate_params()
        return self.affinity

    def _check_image(self, image: Any, *, mask: Any = None, name: str = "image") -> Any:
        return _check_input(self._ready_source(), image, mask, name)

    def _shape(self, image: Any) -> tuple[int, ...] | None:
        source = unfrozen(self._ready_source())
        if source is None:
            return super()._shape(image)
        # A source from elsewhere may read anything.
        return source._shape(image) if hasattr(source, "_shape") else None

    def _segment_all(self, X, mask, n_segments):
        source = self._ready_source()
        loaded = self._loaded(X, mask)
        parallel = Parallel(n_jobs=self.n_jobs, prefer="threads")
        if source is None or getattr(unfrozen(source), "_thread_safe", False):
            affinity = affinity_function(source, self.memory)
            return parallel(
                delayed(self._segment_by)(affinity, image, n_segments, inside)
                for image, inside in loaded
            )
        # Threads cut one image while the network looks at the next.
        loaded, ahead = tee(loaded)
        affinities = affinity_maps(source, self.memory, (image for image, _ in ahead))
        return parallel(
            delayed(self._cut)(affinity, image, n_segments, inside)
            for affinity, (image, inside) in zip(affinities, loaded, strict=True)
        )

    def _segment_by(self, affinity, image, n_segments, mask):
        return self._cut(affinity(image), image, n_segments, mask)

    def _cut(self, affinity, image, n_segments, mask):
        """One label map; a list of them where `n_segments` is a list."""
        return self._cut_graph(self._connected(affinity, mask), n_segments, mask)

    def _connected(self, affinity, mask):
        """A checked affinity map of so many channels as `connectivity` has."""
        affinity = check_affinity(affinity, mask=mask)
        if mask is not None:
            # Edges to the outside may have any value, but not in sums.
            affinity = np.where((affinity >= 0) & (affinity <= 1), affinity, 0)
        if self.connectivity == 4:
            return affinity[..., :2]
        return affinity if affinity.shape[2] == 4 else to_eight_connected(affinity)

    def _cut_graph(self, affinity, n_segments, mask):
        if self.segmenter == "ers":
            return ers(affinity, n_segments, balance=self.balance, mask=mask)
        if isinstance(n_segments, list):
            return [self._cut_once(affinity, count, mask) for count in n_segments]
        return self._cut_once(affinity, n_segments, mask)

    def _cut_once(self, affinity, n_segments, mask):
        if isinstance(self.segmenter, str):
            return fh(affinity, n_segments=n_segments, mask=mask)
        where = {} if mask is None else {"mask": mask}
        labels = self.segmenter(affinity, n_segments=n_segments, **where)
        labels = check_label_map(labels, affinity.shape[:2], name="segmenter's result")
        if (labels if mask is None else labels[mask]).min() < 0:
            raise ValueError(
                "segmenter's result has negative labels, which are for what lies "
                "outside of a mask; number the segments from 0."
            )
        if mask is not None:
            labels = np.where(mask, labels, -1)
        return split_components(labels, connectivity=self.connectivity)

    def _ignored_label(self) -> int | None:
        return getattr(unfrozen(self._ready_source()), "ignore_label", None)

    def __sklearn_is_fitted__(self) -> bool:
        return hasattr(self, "affinity_") or not get_tags(self).requires_fit

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        source = self._ready_source()
        if hasattr(source, "__sklearn_tags__"):
            of_source = get_tags(source)
            tags.requires_fit = of_source.requires_fit
            tags.target_tags.required = of_source.target_tags.required
        return tags


class ERSSuperpixels(GraphSuperpixels):
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
    GraphSuperpixels : The same segmentation of any affinities.
    SEALSuperpixels : Learned affinities, with merging after it.

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

    segmenter: Literal["ers"] = "ers"
    memory: None = None

    def __init__(
        self,
        n_segments: int = 300,
        *,
        balance: float = 0.5,
        sigma: float = 5.0,
        connectivity: Connectivity = 8,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.balance = balance
        self.sigma = sigma
        self.connectivity = connectivity
        self.n_jobs = n_jobs

    def fit(self, X: Images, y: Any = None) -> Self:
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

        Raises
        ------
        ValueError, TypeError
            If a parameter or `X` is not as described.
        """
        return SuperpixelTransformer.fit(self, X, y)

    def _source(self) -> RGBAffinity:
        return RGBAffinity(sigma=self.sigma, connectivity=self.connectivity)

    def _ready_source(self) -> RGBAffinity:
        return self._source()


def _check_input(source, image, mask, name):
    """What the source will read, checked; one from elsewhere checks for itself."""
    if source is None:
        return check_affinity(image, mask=mask, name=name)
    source = unfrozen(source)
    if not hasattr(source, "_check_input"):
        return image
    return source._check_input(image, mask=mask, name=name)
