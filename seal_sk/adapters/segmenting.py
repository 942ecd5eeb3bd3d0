"""Estimators as functions from an image to its label map."""

from __future__ import annotations

from dataclasses import dataclass
from numbers import Real

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._typing import Transformer

__all__ = ["SegmentationFunction", "segmentation_fn"]


@dataclass(frozen=True)
class SegmentationFunction:
    """A function from an image to its label map, as `segmentation_fn` returns it.

    Parameters
    ----------
    estimator : estimator
        As for `segmentation_fn`.
    value_range : tuple of two float, optional
        As for `segmentation_fn`.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import SNICSuperpixels
    >>> from seal_sk.adapters import SegmentationFunction
    >>> cut = SegmentationFunction(SNICSuperpixels(6, exact=True))
    >>> int(cut(np.zeros((8, 9), dtype=np.uint8)).max())
    5
    """

    estimator: Transformer
    value_range: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        if isinstance(self.estimator, type) or not hasattr(self.estimator, "transform"):
            raise TypeError(
                f"estimator={self.estimator!r} has no transform(X) that returns label "
                "maps; give an estimator such as SNICSuperpixels(100)."
            )
        if self.value_range is None:
            return
        if (
            not isinstance(self.value_range, (tuple, list))
            or len(self.value_range) != 2
            or not all(isinstance(value, Real) for value in self.value_range)
        ):
            raise TypeError(
                f"value_range={self.value_range!r} must be two numbers, black and "
                "white."
            )
        black, white = map(float, self.value_range)
        if not (np.isfinite([black, white]).all() and black < white):
            raise ValueError(
                f"value_range={self.value_range!r} must be two finite numbers, the "
                "lower one first."
            )
        object.__setattr__(self, "value_range", (black, white))

    def __call__(self, image: ArrayLike) -> NDArray[np.int32]:
        """Return the label map (H, W), int32, of an image (H, W) or (H, W, C)."""
        image = np.asarray(image)
        if image.size == 0 or image.dtype.kind not in "uif":
            raise ValueError(
                f"image has shape {image.shape} and dtype {image.dtype}; give an array "
                "of numbers (H, W) or (H, W, C)."
            )
        low, high = image.min(), image.max()
        known = True
        if self.value_range is not None:
            black, white = self.value_range
            if not (black <= low and high <= white):
                raise ValueError(
                    f"image has values in {low:g}..{high:g}, outside "
                    f"value_range={self.value_range}; give its actual range."
                )
            image = (image.astype(np.float64) - black) / (white - black)
        elif image.dtype.kind == "f":
            known = low >= 0 and high <= 1
        else:
            known = image.dtype.name in ("uint8", "uint16")
        if not known:
            raise ValueError(
                f"image has dtype {image.dtype} and values in {low:g}..{high:g}, so "
                "black and white are not known; give them, for example: "
                "segmentation_fn(estimator, value_range=(0, 255))."
            )
        return self.estimator.transform([image])[0]


def segmentation_fn(
    estimator: Transformer, *, value_range: tuple[float, float] | None = None
) -> SegmentationFunction:
    """Turn an estimator into a function from one image to its label map.

    Parameters
    ----------
    estimator : estimator
        Any estimator of this package that returns label maps, or a pipeline with one;
        fitted, if it needs fitting.
    value_range : (float, float), optional
        Values of black and white in the images, if these are not uint8, uint16 or
        floats in 0..1: ``(0, 255)`` for bytes converted to floats, ``(-1, 1)`` for the
        input of many networks. Images are never rescaled by their contents.

    Returns
    -------
    SegmentationFunction
        Called with an image (H, W) or (H, W, C), it returns the label map, int32
        (H, W). It can be pickled if the estimator can.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described. When the function is called: if the range of
        an image is not known, or the estimator refuses it.

    Notes
    -----
    LIME passes the image as it was given to ``explain_instance``, with grey images
    repeated to three channels. Its default, quickshift, accepts floats up to 255 as
    colours brighter than white; here they are an error without a `value_range`.

    References
    ----------
    Ribeiro, Singh, Guestrin, "'Why Should I Trust You?': Explaining the Predictions of
    Any Classifier", KDD 2016.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import SNICSuperpixels
    >>> from seal_sk.adapters import segmentation_fn
    >>> segment = segmentation_fn(SNICSuperpixels(6), value_range=(0, 255))
    >>> image = np.zeros((20, 30, 3))
    >>> image[:, 15:] = 200.0
    >>> segment(image).shape
    (20, 30)

    In LIME::

        LimeImageExplainer().explain_instance(image, predict, segmentation_fn=segment)
    """
    return SegmentationFunction(estimator, value_range)
