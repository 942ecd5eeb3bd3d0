"""Estimators that segment images by their affinity maps."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import contextmanager
from itertools import tee
from numbers import Integral, Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from joblib import Memory, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.base import clone
from sklearn.utils import get_tags

from .._compat import HasMethods, Interval, Options, StrOptions
from .._results import PerImage
from .._typing import Connectivity, Images, Indexed, Masks, Transformer
from .._validation import check_affinity, check_images, check_label_map, check_masks
from ..affinity import to_eight_connected
from ..affinity.maps import edges_inside
from ..labels import relabel_consecutive, split_components
from ..segmentation import ers, fh
from ..sources import RGBAffinity
from ..sources.base import AffinitySource
from ..sources.caching import affinity_function, affinity_maps, fit_source, learns
from ..sources.reading import SourceReader, reader_of, unfrozen
from .base import SuperpixelTransformer

if TYPE_CHECKING:
    from typing_extensions import Self


__all__ = ["ERSSuperpixels", "GraphSuperpixels"]


class AffinitySuperpixels(SuperpixelTransformer):
    """Base class of estimators that segment affinity maps, by ERS.

    A subclass implements ``_ready_source()``. It overrides ``_cut`` to use another
    algorithm, and ``_labels`` to do more than a single segmentation.
    """

    balance: float
    memory: str | Memory | None = None

    _parameter_constraints: dict = {
        **SuperpixelTransformer._parameter_constraints,
        "connectivity": [Options(Integral, {4, 8})],
        "balance": [Interval(Real, 0, None, closed="left")],
    }

    def predict_affinity(
        self, X: Images, mask: Masks | None = None
    ) -> list[NDArray[np.float32]]:
        """Compute the affinity maps of images.

        Parameters
        ----------
        X : sequence of images
            As for `transform`.
        mask : sequence, optional
            As for `transform`; affinities inside depend only on what is inside.

        Returns
        -------
        list of ndarray of shape (H, W, 2) or (H, W, 4), float32
            Affinities in 0..1, as the source gives them: right and down, or right,
            down, down-right and up-right. Entries of edges that lead out of the image
            or of the mask are undefined.

        Raises
        ------
        ValueError, TypeError
            If `X` or `mask` is not as described.
        NotFittedError
            If the source learns, and has not been fitted.
        """
        self._validate_params()
        reader = self._reader()
        mask = check_masks(mask, X)
        X = check_images(X, reader.check, mask=mask)
        loaded = self._loaded(reader, X, mask)
        images = (reader.filled(image, inside) for image, inside in loaded)
        return PerImage(affinity_maps(reader, self.memory, images))

    def _ready_source(self) -> Any:
        """The source to compute affinities with; it must not be changed."""
        raise NotImplementedError

    def _reader(self) -> SourceReader:
        return self._reader_of(self._ready_source())

    def _reader_of(self, source: Any) -> SourceReader:
        """The reader of a source, refused if it lacks the images that are needed."""
        reader = reader_of(source)
        if self.boundary_cost is not None and not reader.reads_images:
            raise ValueError(
                f"boundary_cost={self.boundary_cost!r} needs images, but this affinity "
                "is not computed from images: use boundary_cost=None, and then "
                "refine_boundaries."
            )
        return reader

    def _segment_all(self, reader, X, mask, n_segments):
        loaded = self._loaded(reader, X, mask)
        parallel, n_threads = self._parallel(len(X))
        if reader.thread_safe:
            affinity_of = affinity_function(reader, self.memory)
            return parallel(
                delayed(self._of_image)(
                    reader, affinity_of, image, n_segments, inside, n_threads
                )
                for image, inside in loaded
            )
        # Threads segment one image while the network processes the next.
        loaded, ahead = tee(loaded)
        filled = (reader.filled(image, inside) for image, inside in ahead)
        affinities = affinity_maps(reader, self.memory, filled)
        return parallel(
            delayed(self._segment)(image, n_segments, inside, affinity, n_threads)
            for affinity, (image, inside) in zip(affinities, loaded, strict=True)
        )

    def _of_image(self, reader, affinity_of, image, n_segments, mask, n_threads):
        """The label map of an image, as `_segment` gives it."""
        affinity = affinity_of(reader.filled(image, mask))
        return self._segment(image, n_segments, mask, affinity, n_threads)

    def _segment(self, image, n_segments, mask, affinity=None, n_threads=1):
        affinity = connected(affinity, self.connectivity, mask)
        return super()._segment(image, n_segments, mask, affinity, n_threads)

    def _labels(self, image, n_segments, mask, affinity):
        return self._cut(affinity, n_segments, mask)

    def _cut(self, affinity, n_segments, mask):
        """One segmentation of a checked map; a list where `n_segments` is a list."""
        return ers(affinity, n_segments, balance=self.balance, mask=mask)

    def _ignored_label(self) -> int | None:
        return getattr(unfrozen(self._ready_source()), "ignore_label", None)


class GraphSuperpixels(AffinitySuperpixels):
    """Superpixels from any source of affinities and any graph algorithm.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; you get exactly this many.
    affinity : transformer or "precomputed", optional
        Turns images into affinity maps: `RGBAffinity` (the default), `EdgeAffinity`,
        `FeatureAffinity`, `OracleAffinity`, `LearnedAffinity`, or any transformer whose
        ``transform(X)`` returns a list of float arrays (H, W, 2) or (H, W, 4). A fitted
        one in ``sklearn.frozen.FrozenEstimator`` is used without fitting it again. With
        "precomputed", the items of `X` are affinity maps.
    segmenter : {"ers", "fh"} or callable, default="ers"
        Graph algorithm: entropy rate superpixels (ERS), Felzenszwalb and
        Huttenlocher's (FH), or any ``segmenter(affinity, n_segments=...)`` that returns
        a label map (for example ``functools.partial(seal_sk.fh, min_size=50)``). With a
        mask, it is also passed ``mask=...``.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph. With 8, `to_eight_connected` adds diagonals
        to maps of two channels; with 4, maps of four channels lose theirs.
    balance : float, default=0.5
        Weight of equal sizes in "ers", at least 0; see `seal_sk.ers`.
    boundary_cost : float or None, default=None
        If not None, boundaries are refined with this cost, along the affinities; see
        `seal_sk.refine_boundaries`. The items of `X` must then be images.
    memory : str or joblib.Memory, optional
        Folder in which to cache fitted sources and affinity maps. Among the parameters,
        they depend only on `affinity`, so a search over the others computes each only
        once. The folder holds pickles: use only one that you wrote yourself.
    n_jobs : int, optional
        Images segmented at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors.

    Attributes
    ----------
    affinity_ : transformer
        The fitted source. It does not exist before `fit`, nor with "precomputed".
    n_segments_ : list of int
        Superpixels in each image of the last `transform`.

    See Also
    --------
    ERSSuperpixels : ERS on colour differences.
    SEALSuperpixels : ERS or FH on learned affinities, and merging.

    Notes
    -----
    `transform` and `score` work without `fit` if the source learns nothing.

    A source that looks beyond single edges, such as a network, sees an image whose
    pixels outside the mask are replaced by the nearest ones inside. So no superpixel
    depends on what is outside.

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

    segmenter: str | Callable[..., ArrayLike]
    affinity_: Any

    _parameter_constraints: dict = {
        **AffinitySuperpixels._parameter_constraints,
        "affinity": [
            None,
            StrOptions({"precomputed"}),
            HasMethods(["fit", "transform"]),
        ],
        "segmenter": [StrOptions({"ers", "fh"}), callable],
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
        boundary_cost: float | None = None,
        memory: str | Memory | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.affinity = affinity
        self.segmenter = segmenter
        self.connectivity = connectivity
        self.balance = balance
        self.boundary_cost = boundary_cost
        self.memory = memory
        self.n_jobs = n_jobs

    def fit(self, X: Indexed[Any], y: Any = None) -> Self:
        """Fit the source of affinities.

        Parameters
        ----------
        X : sequence of images
            Items that the source reads: for most sources, images as for `transform`.
        y : sequence of label maps, or of lists of them, optional
            Ground truth, for sources that learn from it.

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
        X = check_images(X, self._reader_of(source).check)
        if source is not None:
            self._fit_source(source, X, y)
        return self

    def _source(self) -> Any:
        """A new source of affinities; None if `X` holds them."""
        if isinstance(self.affinity, str):
            return None
        return RGBAffinity() if self.affinity is None else clone(self.affinity)

    def _learns(self, y: Any) -> bool:
        source = self._source()
        return source is not None and learns(source, y)

    def _fit_source(self, source, X, y, **fit_params):
        with self._taking_over(source):
            self.affinity_ = fit_source(source, X, y, self.memory, **fit_params)

    @contextmanager
    def _taking_over(self, source):
        """Take over a source that learns, even if its training ends early."""
        try:
            yield
        except (KeyboardInterrupt, FloatingPointError):
            # What was best until then is still a usable network.
            if hasattr(source, "net_"):
                self.affinity_ = source
            raise

    def _ready_source(self) -> Any:
        """The source to compute affinities with; it must not be changed."""
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

    def _cut(self, affinity, n_segments, mask):
        segmenter = self._segmenter()
        if segmenter == "ers":
            return super()._cut(affinity, n_segments, mask)
        if isinstance(n_segments, list):
            return [self._cut(affinity, count, mask) for count in n_segments]
        if segmenter == "fh":
            return fh(affinity, n_segments=n_segments, mask=mask)
        return _cut_by(segmenter, affinity, n_segments, mask, self.connectivity)

    def _segmenter(self):
        """The graph algorithm."""
        return self.segmenter

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


class ERSSuperpixels(AffinitySuperpixels):
    """Entropy rate superpixels on colour differences.

    Parameters
    ----------
    n_segments : int, default=300
        Superpixels per image; you get exactly this many.
    balance : float, default=0.5
        Weight of equal sizes, at least 0; see `seal_sk.ers`.
    sigma : float, default=5.0
        Scale of colour differences; see `seal_sk.rgb_affinity`.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel in the graph.
    boundary_cost : float or None, default=None
        If not None, boundaries are refined with this cost, without affinities, since
        colours count by themselves; see `seal_sk.refine_boundaries`.
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
    SEALSuperpixels : Learned affinities, followed by merging.

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
        **AffinitySuperpixels._parameter_constraints,
        "sigma": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        n_segments: int = 300,
        *,
        balance: float = 0.5,
        sigma: float = 5.0,
        connectivity: Connectivity = 8,
        boundary_cost: float | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.n_segments = n_segments
        self.balance = balance
        self.sigma = sigma
        self.connectivity = connectivity
        self.boundary_cost = boundary_cost
        self.n_jobs = n_jobs

    def _refined(self, labels, n_segments, image, mask, affinity, n_threads):
        # Affinities of colours would only count the colours twice.
        return super()._refined(labels, n_segments, image, mask, None, n_threads)

    def _ready_source(self) -> RGBAffinity:
        return RGBAffinity(sigma=self.sigma, connectivity=self.connectivity)


def connected(
    affinity: ArrayLike, connectivity: Connectivity, mask: ArrayLike | None
) -> NDArray[np.floating[Any]]:
    """A checked affinity map with the number of channels of the connectivity.

    It is C-contiguous, and holds no NaN outside the mask.
    """
    checked = check_affinity(affinity, mask=mask)
    if connectivity == 8 and checked.shape[2] == 2:
        return to_eight_connected(checked, mask=mask)
    if mask is not None:
        # Edges to the outside may have any value.
        inside = edges_inside(np.asarray(mask), checked.shape[2])
        checked = np.where(inside, checked, checked.dtype.type(0))
    return np.ascontiguousarray(checked[..., :2]) if connectivity == 4 else checked


def _cut_by(segmenter, affinity, n_segments, mask, connectivity):
    """The label map of a user's function, checked, in connected pieces."""
    where = {} if mask is None else {"mask": mask}
    labels = segmenter(affinity, n_segments=n_segments, **where)
    labels = check_label_map(labels, affinity.shape[:2], name="segmenter's result")
    if (labels if mask is None else labels[mask]).min() < 0:
        raise ValueError(
            "segmenter's result has negative labels, which are reserved for pixels "
            "outside the mask; number the segments from 0."
        )
    if mask is not None:
        # As int32, since labels of unsigned dtypes can't become -1.
        labels = np.where(mask, relabel_consecutive(labels), -1)
    return split_components(labels, connectivity=connectivity)
