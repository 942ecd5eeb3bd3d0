"""FeatureAffinity: affinities from features, of a network or any others."""

from __future__ import annotations

import sys
from collections.abc import Callable, Iterable, Iterator
from copy import deepcopy
from numbers import Real
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from joblib import Parallel, delayed
from numpy.typing import ArrayLike, NDArray
from sklearn.utils.validation import check_is_fitted

from .._compat import Interval, StrOptions
from .._typing import Connectivity, Indexed
from .._validation import by_position, check_features, check_rgb, unit_scale
from ..affinity.maps import METRICS, feature_affinity, scale_of, total_distance
from .base import AffinitySource

if TYPE_CHECKING:
    import torch
    from typing_extensions import Self


__all__ = ["FeatureAffinity"]


class FeatureAffinity(AffinitySource):
    """Affinities from the distances between features of neighbouring pixels.

    Parameters
    ----------
    features : torch.nn.Module, callable or "precomputed", default="precomputed"
        Where the features come from:

        - a Module that takes a float32 tensor (1, 3, H, W), RGB in 0..1, and returns
          features (1, F, H', W') or (F, H', W'). If their size differs from the
          image's, they are resized bilinearly. Grey images are repeated to three
          channels. The Module is copied, and runs in evaluation mode without gradients;
        - any other callable that takes an image (H, W, C), with its dtype in `X`, and
          returns features (F, H, W) of the same height and width;
        - "precomputed": `X` holds features (F, H, W) instead of images.
    metric : {"cosine", "l2"}, default="cosine"
        Distance between the features of two pixels; see `seal_sk.feature_affinity`.
    scale : float, optional
        Distance at which the affinity is 0.61. By default, `fit` estimates one scale
        for all images.
    connectivity : {4, 8}, default=8
        Neighbours of a pixel: 4 gives two channels, 8 gives four.
    device : str, default="auto"
        Where a Module computes; "auto" means CUDA, then MPS, then the CPU.
    n_jobs : int, optional
        Number of precomputed items processed at a time, as in joblib: None is 1 (unless
        a ``joblib.parallel_config`` says otherwise), -1 all processors. Modules and
        other callables are called from one thread.

    Attributes
    ----------
    scale_ : float
        The scale after `fit`: `scale` if it is given; otherwise the mean distance
        between neighbours to the right and below over all images of `X`, times 0.5 for
        the cosine and 0.75 for l2.

    See Also
    --------
    seal_sk.feature_affinity : The same for one array, with the formula.
    seal_sk.sources.vgg.vgg16_conv1_1 : The features that the paper compares with.

    Notes
    -----
    If `scale` is given, `transform` works without `fit`.

    References
    ----------
    Tu et al., "Learning Superpixels with Segmentation-Aware Affinity Loss",
    CVPR 2018, section 5.1.

    Examples
    --------
    Any function can compute the features; here they are colours in CIELAB.

    >>> from skimage.color import rgb2lab
    >>> from seal_sk import FeatureAffinity
    >>> from seal_sk.datasets import make_scenes
    >>> images, _ = make_scenes(2, shape=(64, 64), random_state=0)
    >>> lab = FeatureAffinity(lambda rgb: rgb2lab(rgb).transpose(2, 0, 1), metric="l2")
    >>> [affinity.shape for affinity in lab.fit_transform(images)]
    [(64, 64, 4), (64, 64, 4)]
    """

    scale_: float

    _parameter_constraints: dict = {
        **AffinitySource._parameter_constraints,
        "features": [StrOptions({"precomputed"}), callable],
        "metric": [StrOptions(set(METRICS))],
        "scale": [None, Interval(Real, 0, None, closed="neither")],
        "device": [str],
    }

    def __init__(
        self,
        features: Literal["precomputed"]
        | Callable[[NDArray[Any]], ArrayLike]
        | torch.nn.Module = "precomputed",
        *,
        metric: Literal["cosine", "l2"] = "cosine",
        scale: float | None = None,
        connectivity: Connectivity = 8,
        device: str = "auto",
        n_jobs: int | None = None,
    ) -> None:
        self.features = features
        self.metric = metric
        self.scale = scale
        self.connectivity = connectivity
        self.device = device
        self.n_jobs = n_jobs

    def fit(self, X: Indexed[Any], y: Any = None) -> Self:
        """Estimate the scale from all images, unless `scale` is given.

        Parameters
        ----------
        X : sequence
            As for `transform`; each item is read once.
        y : ignored
            Present for pipelines.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If `X` or a parameter is not as described, or if the features of neighbours
            are equal everywhere, so that no scale can be estimated.
        """
        X = by_position(X)
        super().fit(X)
        if self.scale is not None:
            self.scale_ = float(self.scale)
            return self
        maps = self._feature_maps(self._loaded(X))
        n_jobs = self.n_jobs if self._thread_safe else 1
        scale = scale_of(
            Parallel(n_jobs=n_jobs, prefer="threads")(
                delayed(total_distance)(features, self.metric) for features in maps
            ),
            self.metric,
        )
        if scale == 0:
            raise ValueError(
                "The features of neighbouring pixels are equal in all images, so no "
                "scale can be estimated; set scale, or give other images."
            )
        self.scale_ = scale
        return self

    def _check_input(
        self, item: Any, *, mask: ArrayLike | None = None, name: str = "image"
    ) -> NDArray[Any]:
        if isinstance(self.features, str):
            return check_features(item, mask=mask, name=name)
        if self._is_module():
            return check_rgb(item, mask=mask, name=name)
        return super()._check_input(item, mask=mask, name=name)

    @property
    def _reads_images(self) -> bool:
        return not isinstance(self.features, str)

    @property
    def _sees_beyond(self) -> bool:
        return callable(self.features)

    @property
    def _thread_safe(self) -> bool:
        return not callable(self.features)

    def _shape(self, item: Any) -> tuple[int, ...]:
        return (
            np.shape(item)[1:]
            if isinstance(self.features, str)
            else super()._shape(item)
        )

    def _check_ready(self) -> None:
        if self.scale is None:
            check_is_fitted(self, "scale_")

    def _affinity(self, image: NDArray[Any]) -> NDArray[np.float32]:
        return next(self._affinities([image]))

    def _affinities(self, images: Iterable[Any]) -> Iterator[NDArray[np.float32]]:
        self._check_ready()
        scale = self.scale_ if self.scale is None else self.scale
        for features in self._feature_maps(images):
            yield feature_affinity(
                features,
                metric=self.metric,
                scale=scale,
                connectivity=self.connectivity,
            )

    def _is_module(self) -> bool:
        # Anyone who has a Module has imported torch.
        torch = sys.modules.get("torch")
        return torch is not None and isinstance(self.features, torch.nn.Module)

    def _feature_maps(self, images: Iterable[Any]) -> Iterator[NDArray[np.float32]]:
        if isinstance(self.features, str):
            yield from images
            return
        extract: Any = self.features
        if self._is_module():
            extract = _Extractor(extract, self.device)
        for image in images:
            yield check_features(
                extract(image), image.shape[:2], name="the result of features(image)"
            )

    def __sklearn_tags__(self):
        tags = super().__sklearn_tags__()
        tags.requires_fit = self.scale is None
        return tags


class _Extractor:
    """A Module as a function from a checked RGB image to features of its size."""

    def __init__(self, module: torch.nn.Module, device: str) -> None:
        from ..pan.devices import resolve_device

        self.device = resolve_device(device)
        self.module = deepcopy(module).to(self.device).eval()

    def __call__(self, image: NDArray[Any]) -> NDArray[np.float32]:
        import torch
        from torch.nn.functional import interpolate

        planes = np.ascontiguousarray(unit_scale(image, np.float32).transpose(2, 0, 1))
        with torch.inference_mode():
            features = self.module(torch.from_numpy(planes)[None].to(self.device))
            if not isinstance(features, torch.Tensor):
                raise TypeError(
                    f"features(image) returned {type(features).__name__}; a Module "
                    "must return one tensor (1, F, H, W): wrap it in one that selects "
                    "that tensor."
                )
            if features.ndim == 3:
                features = features[None]
            if features.ndim != 4 or len(features) != 1 or 0 in features.shape:
                raise ValueError(
                    f"features(image) returned a tensor of shape "
                    f"{tuple(features.shape)}; a Module must return (1, F, H, W) or "
                    "(F, H, W)."
                )
            features = features.float()
            if features.shape[2:] != image.shape[:2]:
                features = interpolate(
                    features, image.shape[:2], mode="bilinear", align_corners=False
                )
            return features[0].cpu().numpy()
