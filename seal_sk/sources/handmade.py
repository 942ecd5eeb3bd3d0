"""Transformers from images, edge maps or ground truths to affinity maps."""

from __future__ import annotations

from collections.abc import Callable
from numbers import Integral, Real
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._compat import Interval, StrOptions
from .._typing import Connectivity
from .._validation import (
    as_8bit_scale,
    check_edges,
    check_ground_truth,
    warn_of_volume,
)
from ..affinity.edges import LUMA, canny
from ..affinity.maps import edge_affinity, oracle_affinity, rgb_affinity
from .base import AffinitySource, filled

__all__ = ["EdgeAffinity", "OracleAffinity", "RGBAffinity"]

_FILTERS = ("farid", "prewitt", "roberts", "scharr", "sobel")
# Gradient of the lightness, as scikit-image scales it, at which the edge is 0.39.
# Chosen on training images: docs/decisions/affinity-sources.md.
_GRADIENT = 0.03


class RGBAffinity(AffinitySource):
    """Affinities from the colour differences of neighbouring pixels.

    Parameters
    ----------
    sigma : float, default=5.0
        Scale of colour differences, in steps of 8-bit intensity.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel: 4 gives two channels, 8 gives four.
    n_jobs : int, optional
        Images processed at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors.

    See Also
    --------
    seal_sk.rgb_affinity : The same for one image, with the formula.

    Examples
    --------
    >>> from seal_sk import RGBAffinity
    >>> from seal_sk.datasets import make_scenes
    >>> images, _ = make_scenes(2, shape=(64, 64), random_state=0)
    >>> [affinity.shape for affinity in RGBAffinity().transform(images)]
    [(64, 64, 4), (64, 64, 4)]
    """

    _parameter_constraints: dict = {
        **AffinitySource._parameter_constraints,
        "sigma": [Interval(Real, 0, None, closed="neither")],
    }

    def __init__(
        self,
        *,
        sigma: float = 5.0,
        connectivity: Connectivity = 8,
        n_jobs: int | None = None,
    ) -> None:
        self.sigma = sigma
        self.connectivity = connectivity
        self.n_jobs = n_jobs

    @property
    def _sees_beyond(self) -> bool:
        return False

    def _affinity(self, image: NDArray[Any]) -> NDArray[np.float32]:
        return rgb_affinity(image, sigma=self.sigma, connectivity=self.connectivity)


class EdgeAffinity(AffinitySource):
    """Affinities from edges, found in the images or given.

    Parameters
    ----------
    edges : str or callable, default="canny"
        Where the edges come from:

        - "canny": scikit-image's Canny on the lightness, with sigma 0.7 and thresholds
          0.1 and 0.2;
        - "sobel", "scharr", "prewitt", "roberts" or "farid": ``1 - exp(-g**2 / (2 *
          0.03**2))``, where g is the gradient that scikit-image's filter of this name
          finds in the lightness (in 0..1);
        - a callable that takes an image (H, W, C), with its dtype in `X`, and returns
          its edge map (H, W): bool, uint8, uint16 or floating point in 0..1;
        - "precomputed": `X` holds edge maps (H, W) instead of images.

        The lightness of three channels is ``0.2125 R + 0.7154 G + 0.0721 B``; that of
        any other number is their mean.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel: 4 gives two channels, 8 gives four.
    n_jobs : int, optional
        Images processed at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors. A callable is
        called from one thread.

    See Also
    --------
    seal_sk.edge_affinity : The same for one edge map, with the formula.

    References
    ----------
    Tu et al., "Learning Superpixels with Segmentation-Aware Affinity Loss",
    CVPR 2018, section 5.1.

    Examples
    --------
    >>> from seal_sk import EdgeAffinity
    >>> from seal_sk.datasets import make_scenes
    >>> images, _ = make_scenes(2, shape=(64, 64), random_state=0)
    >>> [affinity.shape for affinity in EdgeAffinity("sobel").transform(images)]
    [(64, 64, 4), (64, 64, 4)]

    Edge maps of any detector can be used directly:

    >>> import numpy as np
    >>> edge_maps = [np.zeros((20, 30)), np.zeros((30, 20))]
    >>> source = EdgeAffinity("precomputed", connectivity=4)
    >>> [affinity.shape for affinity in source.transform(edge_maps)]
    [(20, 30, 2), (30, 20, 2)]
    """

    _parameter_constraints: dict = {
        **AffinitySource._parameter_constraints,
        "edges": [StrOptions({"canny", "precomputed", *_FILTERS}), callable],
    }

    def __init__(
        self,
        edges: str | Callable[[NDArray[Any]], ArrayLike] = "canny",
        *,
        connectivity: Connectivity = 8,
        n_jobs: int | None = None,
    ) -> None:
        self.edges = edges
        self.connectivity = connectivity
        self.n_jobs = n_jobs

    def _check_input(
        self, item: Any, *, mask: ArrayLike | None = None, name: str = "image"
    ) -> NDArray[Any]:
        if self.edges == "precomputed":
            return check_edges(item, mask=mask, name=name)
        return super()._check_input(item, mask=mask, name=name)

    @property
    def _reads_images(self) -> bool:
        return self.edges != "precomputed"

    @property
    def _thread_safe(self) -> bool:
        return not callable(self.edges)

    def _affinity(self, image: NDArray[Any]) -> NDArray[np.float32]:
        return edge_affinity(self._edge_map(image), connectivity=self.connectivity)

    def _edge_map(self, image: NDArray[Any]) -> NDArray[Any]:
        if callable(self.edges):
            found = self.edges(image)
            return check_edges(
                found, image.shape[:2], name="the result of edges(image)"
            )
        if self.edges == "precomputed":
            return image
        warn_of_volume(image)
        image = as_8bit_scale(image) / 255.0
        if image.shape[2] != 3:
            image = np.repeat(image.mean(axis=2, keepdims=True), 3, axis=2)
        if self.edges == "canny":
            return canny(image, "skimage")
        from skimage import filters

        gradient = getattr(filters, self.edges)(image @ LUMA)
        return -np.expm1(-((gradient / _GRADIENT) ** 2) / 2)


class OracleAffinity(AffinitySource):
    """Affinities of the ground truth, passed in place of the images.

    Their segmentation is the upper bound for learned superpixels: the result of a
    network that predicts exactly the mean of the annotators.

    Parameters
    ----------
    connectivity : {4, 8}, default=8
        Neighbours of a pixel: 4 gives two channels, 8 gives four.
    ignore_label : int, optional
        Label of unknown pixels.
    n_jobs : int, optional
        Items processed at a time, as in joblib: None is 1 (unless a
        ``joblib.parallel_config`` says otherwise), -1 all processors.

    See Also
    --------
    seal_sk.oracle_affinity : The same for one item, with the formula.

    Notes
    -----
    `X` is what other estimators take as `y`: each item is one label map (H, W) or a
    list of annotations. So the upper bound is
    ``GraphSuperpixels(affinity=OracleAffinity()).score(truths, truths)``.

    References
    ----------
    Tu et al., "Learning Superpixels with Segmentation-Aware Affinity Loss",
    CVPR 2018, section 3.

    Examples
    --------
    >>> from seal_sk import OracleAffinity
    >>> from seal_sk.datasets import make_scenes
    >>> _, truths = make_scenes(2, shape=(64, 64), random_state=0)
    >>> [affinity.shape for affinity in OracleAffinity().transform(truths)]
    [(64, 64, 4), (64, 64, 4)]
    """

    _parameter_constraints: dict = {
        **AffinitySource._parameter_constraints,
        "ignore_label": [None, Integral],
    }

    def __init__(
        self,
        *,
        connectivity: Connectivity = 8,
        ignore_label: int | None = None,
        n_jobs: int | None = None,
    ) -> None:
        self.connectivity = connectivity
        self.ignore_label = ignore_label
        self.n_jobs = n_jobs

    def _check_input(
        self, item: Any, *, mask: ArrayLike | None = None, name: str = "image"
    ) -> list[NDArray[Any]]:
        return check_ground_truth(item, name=name)

    @property
    def _reads_images(self) -> bool:
        return False

    def _filled(self, item: Any, mask: NDArray[np.bool_]) -> list[NDArray[Any]]:
        return [filled(labels, mask) for labels in item]

    def _shape(self, item: Any) -> tuple[int, ...]:
        return np.shape(item)[-2:]

    def _affinity(self, image: Any) -> NDArray[np.float32]:
        return oracle_affinity(
            image, connectivity=self.connectivity, ignore_label=self.ignore_label
        )
