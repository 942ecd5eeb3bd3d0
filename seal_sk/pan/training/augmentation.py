"""Random changes of the orientation, scale and colours of training samples."""

from io import BytesIO
from typing import Any

import imageio.v3 as iio
import numpy as np
import torch
from numpy.typing import NDArray
from scipy.ndimage import gaussian_filter
from torch.nn import functional

__all__ = [
    "disturb",
    "jitter",
    "resize_image",
    "resize_labels",
    "turn",
    "turn_affinity",
    "zoom",
]

_ZOOM = 1.4  # at most this many times larger or smaller
_ZOOMED = 0.7  # share of samples at another scale

_COLOURED = 0.8  # share of samples with changed colours
_SATURATION = (0.5, 1.4)
_CONTRAST = (0.7, 1.3)
_BRIGHTNESS = 0.1
_BALANCE = 0.1
_GAMMA = 1.4
_GREY = 0.05
_NOISY = 0.2
_NOISE = 0.04

_DISTURBED = 0.5  # share of samples to which the following is done
_HAZY = 0.15
_HAZE = (0.2, 0.6)  # of the contrast is left
_DARK = 0.15
_DARKNESS = (0.25, 0.7)
_BLURRED = 0.25
_BLUR = 2.0
_GRAINY = 0.35
_GRAIN = 0.12
_PEPPERED = 0.1
_PEPPER = 0.08
_COMPRESSED = 0.35
_QUALITY = (6, 50)


# A turn is three flags: whether rows and columns are swapped, and then whether the rows
# and the columns are reversed.


def turn(array: NDArray[Any], flags: Any) -> NDArray[Any]:
    """An array (..., H, W) in one of the eight orientations."""
    transposed, upside, mirrored = flags
    array = array.swapaxes(-2, -1) if transposed else array
    array = array[..., ::-1, :] if upside else array
    return array[..., ::-1] if mirrored else array


def turn_affinity(affinity: NDArray[Any], flags: Any) -> NDArray[Any]:
    """The affinity map (2, H, W) of an image in one of the eight orientations.

    A reversed edge starts at its other end, so its entry moves by one pixel.
    """
    right, down = affinity[::-1] if flags[0] else affinity
    right, down = turn(right, flags), turn(down, flags)
    if flags[1]:
        down = np.concatenate([down[1:], np.full_like(down[:1], np.nan)])
    if flags[2]:
        right = np.concatenate(
            [right[:, 1:], np.full_like(right[:, :1], np.nan)], axis=1
        )
    return np.stack([right, down])


def zoom(height, width, most_height, most_width, rng):
    """Random size of the part of an image to resize to `height` x `width` pixels."""
    if rng.random() >= _ZOOMED:
        return height, width
    scale = _ZOOM ** rng.uniform(-1, 1)
    scale = max(scale, height / most_height, width / most_width)
    return round(height / scale), round(width / scale)


def resize_image(values, shape):
    """Floats (H, W, C) at another size, with an antialiasing filter."""
    if values.shape[:2] == tuple(shape):
        return values
    tensor = torch.from_numpy(np.ascontiguousarray(values.transpose(2, 0, 1)))[None]
    resized = functional.interpolate(tensor, shape, mode="bilinear", antialias=True)
    return resized[0].numpy().transpose(1, 2, 0)


def resize_labels(maps, shape):
    """Label maps (n, H, W) at another size, by nearest neighbours."""
    for axis, (size, new) in enumerate(zip(maps.shape[1:], shape, strict=True), 1):
        if new != size:
            maps = maps.take(((np.arange(new) + 0.5) * size / new).astype(int), axis)
    return maps


def jitter(values, rng):
    """An image, float32 (H, W, C) in 0..1, with random changes of its colours."""
    coloured = values.shape[2] == 3
    if rng.random() < _COLOURED:
        if coloured:
            grey = values.mean(axis=2, keepdims=True)
            values = grey + (values - grey) * np.float32(rng.uniform(*_SATURATION))
        mean, shift = values.mean(), rng.uniform(-_BRIGHTNESS, _BRIGHTNESS)
        values = (values - mean) * np.float32(rng.uniform(*_CONTRAST))
        values += mean + np.float32(shift)
        balance = rng.uniform(1 - _BALANCE, 1 + _BALANCE, values.shape[2])
        values = np.clip(values * balance.astype(np.float32), 0, 1)
        values **= np.float32(_GAMMA ** rng.uniform(-1, 1))
    if coloured and rng.random() < _GREY:
        values = np.repeat(values.mean(axis=2, keepdims=True), 3, axis=2)
    if rng.random() < _NOISY:
        noise = rng.normal(0, rng.uniform(0, _NOISE), values.shape)
        values = np.clip(values + noise.astype(np.float32), 0, 1)
    return values


def disturb(values, rng):
    """An image, float32 (H, W, C) in 0..1, as bad light, lenses or compression do it.

    In the order in which they would happen: haze, darkness, blur, noise, salt and
    pepper, JPEG compression.
    """
    if rng.random() >= _DISTURBED:
        return values
    if rng.random() < _HAZY:
        contrast = rng.uniform(*_HAZE)
        values = contrast * values + (1 - contrast) * rng.uniform(0.5, 0.9)
    if rng.random() < _DARK:
        values = rng.uniform(*_DARKNESS) * values ** rng.uniform(1, 2)
    if rng.random() < _BLURRED:
        sigma = rng.uniform(0.3, _BLUR)
        values = gaussian_filter(values, (sigma, sigma, 0), mode="nearest")
    if rng.random() < _GRAINY:
        values = values + rng.normal(0, rng.uniform(0.01, _GRAIN), values.shape)
    if rng.random() < _PEPPERED:
        struck = rng.random(values.shape[:2]) < rng.uniform(0, _PEPPER)
        values = np.where(
            struck[..., None], rng.integers(2, size=(*struck.shape, 1)), values
        )
    values = np.clip(values, 0, 1).astype(np.float32)
    if rng.random() < _COMPRESSED and values.shape[2] == 3:
        values = _compressed(values, int(rng.integers(*_QUALITY)))
    return values


def _compressed(values, quality):
    """RGB as JPEG of a quality from 1 to 95 leaves it."""
    file = BytesIO()
    image = np.rint(255 * values).astype(np.uint8)
    iio.imwrite(file, image, extension=".jpg", quality=quality)
    return iio.imread(file.getvalue()).astype(np.float32) / 255
