"""Disturbances of photographs, each a function of an image and a generator."""

from io import BytesIO

import imageio.v3 as iio
import numpy as np
from scipy.ndimage import gaussian_filter
from skimage.color import rgb2gray
from skimage.transform import resize


def noise(image, rng, sigma):
    return np.clip(image + rng.normal(0, sigma, image.shape), 0, 255).astype(np.uint8)


def _salt_and_pepper(image, rng, share):
    struck = rng.random(image.shape[:2]) < share
    return np.where(
        struck[..., None], 255 * rng.integers(2, size=(*struck.shape, 1)), image
    ).astype(np.uint8)


def _grey(image, rng):
    grey = np.rint(255 * rgb2gray(image)).astype(np.uint8)
    return np.repeat(grey[..., None], 3, axis=2)


def _night(image, rng):
    return noise(100 * (image / 255.0) ** 1.8, rng, 6)


def _fog(image, rng):
    return noise(170 + 0.25 * (image - 128.0), rng, 2)


def _blurred(image, rng):
    return gaussian_filter(image, (1.5, 1.5, 0))


def jpeg(image, quality):
    buffer = BytesIO()
    iio.imwrite(buffer, image, extension=".jpg", quality=quality)
    return iio.imread(buffer.getvalue())


def scaled(factor):
    def scale(values, order):
        shape = [round(factor * n) for n in values.shape[:2]] + list(values.shape[2:])
        scaled = resize(
            values, shape, order, preserve_range=True, anti_aliasing=order > 0
        )
        return np.rint(scaled).astype(values.dtype)

    return scale


DISTURBANCES = {
    "grey": _grey,
    "noise, sigma 20": lambda image, rng: noise(image, rng, 20),
    "salt and pepper, 5 %": lambda image, rng: _salt_and_pepper(image, rng, 0.05),
    "night (gamma 1.8, dark, noise)": _night,
    "fog (a quarter of the contrast)": _fog,
    "blur, sigma 1.5": _blurred,
    "JPEG, quality 10": lambda image, rng: jpeg(image, 10),
}
