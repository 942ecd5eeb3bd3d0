"""Superpixels as the features of explanations of classifiers."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.cluster.hierarchy import linkage

from .._validation import check_colors, check_superpixels

if TYPE_CHECKING:
    from torch import Tensor

__all__ = ["SuperpixelMasker", "captum_feature_mask", "superpixel_masker"]


class SuperpixelMasker:
    """A masker for SHAP that hides superpixels of an image.

    Parameters
    ----------
    image : ndarray of shape (H, W) or (H, W, C)
        The image to explain.
    labels : ndarray of shape (H, W), int32
        The superpixels 0..n-1.
    background : ndarray of the shape of the image
        Image that shows at hidden superpixels.

    Attributes
    ----------
    shape : (1, n)
        Number of images per mask, and number of superpixels, for SHAP.
    clustering : ndarray of shape (n - 1, 4)
        A tree of the superpixels by position, in SciPy's format.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk.adapters import SuperpixelMasker
    >>> image = np.array([[10, 10, 200]], dtype=np.uint8)
    >>> labels = np.array([[0, 0, 1]], dtype=np.int32)
    >>> masker = SuperpixelMasker(image, labels, np.zeros_like(image))
    >>> masker.images([[True, False]])
    array([[[10, 10,  0]]], dtype=uint8)
    """

    # These tell SHAP that the features are a partition of an image, and that returned
    # images are not changed later.
    image_data = True
    immutable_outputs = True

    def __init__(
        self, image: NDArray[Any], labels: NDArray[np.int32], background: Any
    ) -> None:
        self.image = image
        self.labels = labels
        self.background = background
        n = int(labels.max()) + 1
        self.shape = (1, n)
        self.clustering = _tree(labels, n)

    def __call__(self, mask: ArrayLike, image: Any) -> tuple[NDArray[Any]]:
        """A batch of one: the image with only the superpixels of `mask` shown."""
        image = np.asarray(image)
        if image.shape != self.image.shape:
            raise ValueError(
                f"the image to explain has shape {image.shape}, but the masker is for "
                f"{self.image.shape}; make one masker per image."
            )
        return (self._hidden(np.asarray(mask, dtype=bool), image)[None],)

    def mask_shapes(self, image: Any) -> list[tuple[int]]:
        """Return the shape of the mask of each input of the model.

        Parameters
        ----------
        image : ignored
            Present for SHAP.

        Returns
        -------
        list of tuple of int
            ``[(n,)]``.
        """
        return [self.shape[1:]]

    def images(self, masks: ArrayLike) -> NDArray[Any]:
        """Return the image once per mask, with superpixels hidden.

        Parameters
        ----------
        masks : array-like of shape (m, n)
            Superpixels to show: True or 1.

        Returns
        -------
        ndarray of shape (m, H, W) or (m, H, W, C)
        """
        masks = np.atleast_2d(np.asarray(masks)).astype(bool)
        if masks.shape[1] != self.shape[1]:
            raise ValueError(
                f"masks has shape {masks.shape}, but there are {self.shape[1]} "
                "superpixels; give (m, n)."
            )
        return np.stack([self._hidden(mask, self.image) for mask in masks])

    def _hidden(self, mask: NDArray[np.bool_], image: NDArray[Any]) -> NDArray[Any]:
        # Masked pixels are -1, the index of the value appended last: always shown.
        seen = np.append(mask, True)[self.labels]
        seen = seen.reshape(seen.shape + (1,) * (image.ndim - 2))
        return np.where(seen, image, self.background.astype(image.dtype, copy=False))


def superpixel_masker(
    image: ArrayLike, labels: ArrayLike, background: str | ArrayLike = "mean"
) -> SuperpixelMasker:
    """Make a masker for SHAP whose features are the superpixels of an image.

    Parameters
    ----------
    image : array-like of shape (H, W) or (H, W, C)
        An image as for a batch of the model: uint8, uint16, float32 or float64 of any
        range. Wrap a network with channels first in a function that moves them.
    labels : array-like of shape (H, W)
        Superpixels 0..n-1, two or more, all of them present, of any integer dtype.
        Negative labels are masked pixels, which are always shown.
    background : "mean" or array-like, default="mean"
        Replacement of hidden superpixels: the mean colour of the image; a colour (C,);
        or an image of the same shape, such as a blurred one. It is in the units of the
        image, and rounded if the image has integers. For the mean colour of each
        superpixel, as in LIME, use ``paint(superpixel_features(image, labels,
        features=("mean",)), labels)`` for an image in 0..1.

    Returns
    -------
    SuperpixelMasker
        For ``shap.Explainer`` (which chooses its PartitionExplainer, with superpixels
        clustered by position), ``shap.PermutationExplainer`` and, with the method
        `images`, ``shap.KernelExplainer``.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    See Also
    --------
    seal_sk.paint : Draw the values of the explanation, one per superpixel, as an image.

    References
    ----------
    Lundberg, Lee, "A Unified Approach to Interpreting Model Predictions", NeurIPS 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk.adapters import superpixel_masker
    >>> image = np.array([[0.0, 0.0, 1.0, 1.0]])
    >>> masker = superpixel_masker(image, [[0, 0, 1, 1]])
    >>> masker.images([[1, 0], [0, 0]])
    array([[[0. , 0. , 0.5, 0.5]],
    <BLANKLINE>
           [[0.5, 0.5, 0.5, 0.5]]])

    In SHAP, for a model from a batch of images to scores (m, classes)::

        values = shap.Explainer(model, masker)(image[None], max_evals=500).values[0]
        as_image = seal_sk.paint(values, labels)
        kernel = shap.KernelExplainer(
            lambda masks: model(masker.images(masks)), np.zeros((1, n))
        )
        values = kernel.shap_values(np.ones((1, n)))[0]
    """
    labels, n = check_superpixels(labels)
    if n < 2:
        raise ValueError("labels has one superpixel; an explanation needs two or more.")
    bands = check_colors(image, labels)
    image = bands.reshape(np.shape(image))
    background = _background(background, bands, labels).reshape(image.shape)
    return SuperpixelMasker(image, labels, background)


def _background(
    background: Any, bands: NDArray[Any], labels: NDArray[np.int32]
) -> NDArray[Any]:
    """The background, of shape (H, W, C) and of the dtype of the image."""
    if isinstance(background, str):
        if background != "mean":
            raise ValueError(
                f"background={background!r} must be 'mean', a colour or an image."
            )
        colour = bands[labels >= 0].mean(axis=0, dtype=np.float64)
        if bands.dtype.kind == "u":
            colour = colour.round()
    else:
        colour = np.asarray(background)
        if colour.dtype.kind not in "uif" or not np.isfinite(colour).all():
            raise ValueError("background must hold finite numbers only.")
        if colour.shape == labels.shape:
            colour = colour[:, :, None]
        if colour.shape not in ((), bands.shape[2:], bands.shape):
            raise ValueError(
                f"background has shape {colour.shape}; give a colour of "
                f"{bands.shape[2]} bands, or an image of shape {bands.shape}."
            )
    if bands.dtype.kind == "u":
        limit = np.iinfo(bands.dtype).max
        if colour.min() < 0 or colour.max() > limit:
            raise ValueError(
                f"background has values outside 0..{limit}, the range of the image's "
                f"{bands.dtype}; give it in the units of the image."
            )
        rounded = np.rint(colour)
        # Such as blurred images or means, which rounding would turn black.
        if colour.max() <= 1 and (rounded != colour).any():
            raise ValueError(
                f"background holds fractions in 0..1, but the image is {bands.dtype}; "
                f"give it in the units of the image: background * {limit}."
            )
        colour = rounded
    return np.broadcast_to(colour, bands.shape).astype(bands.dtype)


def _tree(labels: NDArray[np.int32], n: int) -> NDArray[np.float64]:
    """Cluster superpixels by their centroids."""
    inside = labels >= 0
    size = np.bincount(labels[inside], minlength=n)
    centroids = [
        np.bincount(labels[inside], at, minlength=n) / size for at in np.nonzero(inside)
    ]
    return linkage(np.column_stack(centroids), method="ward")


def captum_feature_mask(labels: ArrayLike | Sequence[ArrayLike]) -> Tensor:
    """Convert superpixels to the ``feature_mask`` of Captum's perturbation methods.

    Parameters
    ----------
    labels : array-like of shape (H, W) or (N, H, W), or a list of N label maps
        Superpixels 0..n-1, all of them present, of any integer dtype. All maps of a
        batch have the same size. The masked pixels of an image (negative labels) become
        one more feature, the last one, because Captum has no masks.

    Returns
    -------
    torch.Tensor of shape (N, 1, H, W), int64
        On the CPU. It fits inputs (N, C, H, W): the channels of a pixel are one
        feature.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    ``FeatureAblation`` hides superpixel i of all images of a batch at the same time.
    This is correct if the model treats images separately. ``KernelShap`` and ``Lime``
    process the images of a batch one by one.

    References
    ----------
    Kokhlikyan et al., "Captum: A unified and generic model interpretability library for
    PyTorch", 2020.

    Examples
    --------
    >>> from seal_sk.adapters import captum_feature_mask
    >>> mask = captum_feature_mask([[0, 0, 1], [0, 2, -1]])
    >>> mask.shape, mask.tolist()
    (torch.Size([1, 1, 2, 3]), [[[[0, 0, 1], [0, 2, 3]]]])

    In Captum::

        FeatureAblation(model).attribute(images, target=3, feature_mask=mask)
    """
    import torch

    maps = _maps(labels)
    checked = []
    for i, item in enumerate(maps):
        name = "labels" if len(maps) == 1 else f"labels[{i}]"
        found, n = check_superpixels(item, np.shape(maps[0]), name=name)
        checked.append(np.where(found < 0, n, found).astype(np.int64))
    return torch.from_numpy(np.stack(checked)[:, None])


def _maps(labels: Any) -> list[Any]:
    """Return one or several label maps as a list."""
    # A list of rows of numbers is one label map; a list of maps is several.
    first = labels
    for _ in range(2):
        if not hasattr(first, "__len__") or len(first) == 0:
            return [labels]
        first = first[0]
    return list(labels) if np.ndim(first) > 0 else [labels]
