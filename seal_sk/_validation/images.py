"""Checks of images and masks.

An image is converted by its dtype and never rescaled by its content, so that
neighbouring crops of one photograph always get the same values.
"""

import warnings
from collections.abc import Mapping, Sequence, Set
from os import PathLike
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

#: The divisor that brings an image of this dtype to 0..1.
_FULL_SCALE = {"uint8": 255.0, "uint16": 65535.0, "float32": 1.0, "float64": 1.0}

#: What an image of floats, or of affinities, may exceed 0..1 by: the rounding of
#: filters in single precision.
ROUNDING = 1e-6

#: Few bands where they come first; more than this may be the rows of a volume.
_FEW_BANDS = 16


def check_image(
    image: ArrayLike, *, mask: ArrayLike | None = None, name: str = "image"
) -> NDArray[Any]:
    """Return `image` as an (H, W, C) array of a supported dtype.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
        uint8, uint16, float32 or float64; floats in 0..1.
    mask : array-like of bool of shape (H, W), optional
        Pixels where it is False may hold anything.
    name : str
        Name in error messages.

    Returns
    -------
    ndarray of shape (H, W, C)
        Aligned and in native byte order; the dtype is kept. Floats that rounding took
        beyond 0..1 are clipped; outside the mask, all floats beyond it are replaced by
        0.

    Raises
    ------
    ValueError, TypeError
        If the image is not as described; the message says how to mend it.
    """
    image = as_image(image, name)
    if mask is not None:
        mask_name = "mask" if name == "image" else f"mask of {name}"
        mask = check_mask(mask, image.shape, name=mask_name)
    if image.dtype.kind == "f":
        values = image if mask is None else image[mask]
        low, high = values.min(), values.max()
        refuse_infinite(low, high, name)
        if low < -ROUNDING or high > 1 + ROUNDING:
            raise ValueError(
                f"{name} is floating point with values in {low:.8g}..{high:.8g}; "
                "floats must lie in 0..1: divide by the largest value of its sensor "
                "(255 for 8 bits), or pass the integer array."
            )
        if mask is not None:
            image = _without_outside(image, mask)
        if low < 0 or high > 1:
            image = image.clip(0, 1)
    return image


def warn_of_volume(image: NDArray[Any]) -> None:
    """Warn that a checked image of many bands is not taken as a volume."""
    height, width, n = image.shape
    if n > _FEW_BANDS:
        warnings.warn(
            f"The array is taken as an image of {height} x {width} pixels with {n} "
            "bands; volumes are not supported.",
            UserWarning,
            stacklevel=3,
        )


def _without_outside(image: NDArray[Any], mask: NDArray[np.bool_]) -> NDArray[Any]:
    """A float image where pixels outside the mask are 0 if they are not in 0..1."""
    wrong = ~((image >= 0) & (image <= 1)).all(axis=2) & ~mask
    if not wrong.any():
        return image
    image = image.copy()
    image[wrong] = 0
    return image


def check_colors(
    image: ArrayLike, labels: NDArray[Any], *, name: str = "image"
) -> NDArray[Any]:
    """Return `image` as an (H, W, C) array of the size of a checked label map.

    It is for functions that only compare colours with each other: floats may have any
    range, as in CIELAB. Where `labels` is negative, they may hold anything.
    """
    image = as_image(image, name)
    check_same_size(image, labels, name=name)
    if image.dtype.kind == "f":
        used = image if labels.min() >= 0 else image[labels >= 0]
        if used.size:
            refuse_infinite(used.min(), used.max(), name)
    return image


def check_same_size(array: NDArray[Any], labels: NDArray[Any], *, name: str) -> None:
    """Refuse an array of another height or width than a label map."""
    if array.shape[:2] != labels.shape:
        raise ValueError(
            f"{name} is {array.shape[:2]}, but labels has shape {labels.shape}; they "
            "must have the same height and width."
        )


def as_image(image: ArrayLike, name: str) -> NDArray[Any]:
    """An aligned (H, W, C) array in native byte order, its dtype in `_FULL_SCALE`."""
    refuse_mask(image, name)
    if isinstance(image, (str, PathLike)):
        raise TypeError(
            f"{name} is the name {str(image)!r}; read the file first, for example with "
            "seal_sk.io.read_image."
        )
    if isinstance(image, (Mapping, Set)):
        raise TypeError(f"{name} is {type(image).__name__}; give an array (H, W, C).")
    image = np.asarray(image)
    if image.ndim not in (2, 3):
        stack = "; pass the images of a stack one by one" if image.ndim > 3 else ""
        raise ValueError(
            f"{name} has shape {image.shape}; an image is (H, W), (H, W, 1), "
            f"(H, W, 3) or (H, W, C){stack}."
        )
    if image.ndim == 3 and image.shape[0] <= _FEW_BANDS < min(image.shape[1:]):
        raise ValueError(
            f"{name} has shape {image.shape}, which looks like bands, rows and "
            "columns; put the bands last: numpy.moveaxis(image, 0, -1). If it has only "
            f"{image.shape[0]} rows of pixels, use image.transpose(1, 0, 2)."
        )
    if image.size == 0:
        raise ValueError(f"{name} has shape {image.shape}, which holds no pixel.")
    image = np.require(image, image.dtype.newbyteorder("="), ["ALIGNED"])
    if image.dtype.name not in _FULL_SCALE:
        raise TypeError(
            f"{name} has dtype {image.dtype}; give uint8, uint16, float32 or "
            "float64 (floats in 0..1)."
        )
    if image.ndim == 2:
        image = image[:, :, None]
    if image.shape[2] in (2, 4):
        n = image.shape[2]
        raise ValueError(
            f"{name} has {n} channels, the last of which looks like alpha; drop it "
            f"with image[..., :{n - 1}]. If it is a band like the others, repeat them "
            f"all: numpy.tile(image, {3 if n == 2 else 2})."
        )
    return image


def refuse_infinite(low: float, high: float, name: str) -> None:
    if not (np.isfinite(low) and np.isfinite(high)):
        raise ValueError(
            f"{name} holds NaN or infinite values; replace them first, for "
            "example with numpy.nan_to_num."
        )


def refuse_mask(array: object, name: str) -> None:
    if isinstance(array, np.ma.MaskedArray):
        raise TypeError(
            f"{name} is a masked array, and the mask would be lost; pass its .data, or "
            ".filled(value)."
        )


def check_mask(
    mask: ArrayLike, shape: Sequence[int], *, name: str = "mask"
) -> NDArray[np.bool_]:
    """Return `mask` as a C-contiguous bool array, True somewhere, of size (H, W)."""
    refuse_mask(mask, name)
    mask = np.asarray(mask)
    if mask.dtype != bool:
        raise TypeError(
            f"{name} has dtype {mask.dtype}; give booleans that are True where to "
            "segment the image, for example mask > 0."
        )
    if mask.shape != tuple(shape[:2]):
        raise ValueError(
            f"{name} has shape {mask.shape}, but the image is {tuple(shape[:2])}; they "
            "must have the same height and width."
        )
    if not mask.any():
        raise ValueError(f"{name} is False everywhere; nothing is left to segment.")
    return np.ascontiguousarray(mask)


def check_areas(n_segments: int, mask: NDArray[np.bool_], connectivity: int) -> None:
    """Refuse fewer segments than a checked mask has areas."""
    from scipy.ndimage import label

    _, n_areas = label(mask, np.ones((3, 3)) if connectivity == 8 else None)
    if n_segments < n_areas:
        raise ValueError(
            f"n_segments={n_segments} is less than the {n_areas} separate areas that "
            "the mask leaves; ask for at least one segment in each."
        )


def unit_scale(image: NDArray[Any], dtype: Any = np.float64) -> NDArray[Any]:
    """Values of a checked image in 0..1, as `dtype`."""
    return image.astype(dtype) / dtype(_FULL_SCALE[image.dtype.name])


def as_8bit_scale(image: NDArray[Any]) -> NDArray[np.float64]:
    """Values of a checked image on the scale of 0..255.

    They are rounded, so that 8-bit colours are the same whole numbers in every dtype,
    and equal differences stay equal.
    """
    return np.round(unit_scale(image) * 255.0, 4)


def as_uint8(image: NDArray[Any]) -> NDArray[np.uint8]:
    """A checked image as uint8."""
    if image.dtype == np.uint8:
        return image
    return np.rint(unit_scale(image) * 255.0).astype(np.uint8)


def check_rgb(
    image: ArrayLike, *, mask: ArrayLike | None = None, name: str = "image"
) -> NDArray[Any]:
    """A checked image with three channels; one channel is repeated."""
    return check_bands(image, 3, mask=mask, name=name)


def check_bands(
    image: ArrayLike,
    n_channels: int,
    *,
    mask: ArrayLike | None = None,
    name: str = "image",
) -> NDArray[Any]:
    """A checked image with `n_channels`; for three, one channel is repeated."""
    image = check_image(image, mask=mask, name=name)
    if image.shape[2] == 1 and n_channels == 3:
        return np.repeat(image, 3, axis=2)
    if image.shape[2] != n_channels:
        wanted = "one (grey) or three (RGB)" if n_channels == 3 else n_channels
        raise ValueError(
            f"{name} has {image.shape[2]} channels; only {wanted} can be read here: "
            "choose the bands."
        )
    return image


def check_n_channels(image: NDArray[Any], n_channels: int, *, name: str) -> None:
    """Refuse a checked image whose number of channels differs from the training."""
    if image.shape[2] != n_channels:
        raise ValueError(
            f"{name} has {image.shape[2]} channels, but the first image given to fit "
            f"has {n_channels}; all images must have the same number."
        )
