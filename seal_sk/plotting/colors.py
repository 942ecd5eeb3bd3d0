"""Colours of pictures: images for display, and filled superpixels."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation import as_image, as_uint8, check_image, check_label_map, check_real
from ..labels import paint, relabel_consecutive
from ..labels.graph import borders

__all__ = ["check_color", "faded", "label_colors", "mean_colors", "shown"]

# Steps of a sequence that fills the unit cube evenly: powers of 1 / 1.2207, the root
# of x**4 = x + 1 (Roberts, "The Unreasonable Effectiveness of Quasirandom Sequences").
_STEPS = (0.8191725134, 0.6710436067, 0.5497004779)
_CANDIDATES = 24


def check_color(color: Any) -> None:
    """Refuse a colour that matplotlib does not accept."""
    from matplotlib.colors import is_color_like

    if not is_color_like(color):
        raise ValueError(
            f"color={color!r} is not a colour of matplotlib; give a name, "
            '"#rrggbb" or (r, g, b) in 0..1.'
        )


def shown(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    bands: int | Sequence[int] | None = None,
    stretch: tuple[float, float] | None = None,
) -> tuple[NDArray[np.uint8], NDArray[np.int32]]:
    """An image for display, (H, W, 3), and its label map, -1 at masked pixels.

    The parameters are those of `SuperpixelDisplay`.
    """
    values = image if bands is None else _select(image, bands)
    shape = as_image(values, "image").shape[:2]
    labels = relabel_consecutive(check_label_map(labels, shape))
    inside = labels >= 0
    if not inside.any():
        raise ValueError("labels masks every pixel; there is no superpixel to draw.")
    picture = check_image(values, mask=None if inside.all() else inside)
    if picture.shape[2] not in (1, 3):
        raise ValueError(
            f"image has {picture.shape[2]} channels; one (grey) or three (RGB) can be "
            "drawn: choose some, such as image[..., [3, 2, 1]] or (in a display) "
            "bands=(3, 2, 1)."
        )
    if stretch is not None:
        picture = _stretched(picture, inside, stretch)
    picture = as_uint8(picture)
    return np.repeat(picture, 3 // picture.shape[2], axis=2), labels


def faded(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """An image for display in pale grey, for masked pixels."""
    grey = image.mean(axis=2, keepdims=True)
    return np.repeat(np.rint(255 - 0.3 * (255 - grey)), 3, axis=2).astype(np.uint8)


def mean_colors(
    image: NDArray[np.uint8], labels: NDArray[np.int32]
) -> NDArray[np.uint8]:
    """An image for display in which each superpixel has its mean colour."""
    inside = labels >= 0
    at = labels[inside]
    sums = [np.bincount(at, weights=image[..., c][inside]) for c in range(3)]
    means = np.stack(sums, axis=1) / np.bincount(at)[:, None]
    return paint(np.rint(means).astype(np.uint8), labels)


def label_colors(labels: NDArray[np.int32]) -> NDArray[np.uint8]:
    """Each superpixel in its own colour, (H, W, 3).

    Superpixels get their colours in turn. Of a few colours from an even sequence, each
    gets the one farthest from the colours that its neighbours have already.
    """
    from matplotlib.colors import hsv_to_rgb
    from skimage.color import rgb2lab

    n = int(labels.max()) + 1
    place = np.outer(np.arange(1, n * _CANDIDATES + 1), _STEPS) % 1
    low, high = np.array([0, 0.3, 0.4]), np.array([1, 0.8, 1.0])
    colors = np.rint(255 * hsv_to_rgb(low + (high - low) * place)).astype(np.uint8)
    # Lightness has the largest weight, and red against green the smallest, because
    # everybody sees the former and many people do not see the latter.
    lab = rgb2lab(colors[None])[0] * [3, 1, 2]
    lab = lab.reshape(n, _CANDIDATES, 3)
    touching = borders(labels, n)
    chosen = np.zeros(n, dtype=int)
    for label in range(n):
        row = slice(touching.indptr[label], touching.indptr[label + 1])
        neighbors = touching.indices[row]
        neighbors = neighbors[neighbors < label]
        if len(neighbors):
            taken = lab[neighbors, chosen[neighbors]]
            apart = np.square(lab[label][:, None] - taken).sum(axis=2).min(axis=1)
            # Rounded, because the last bits differ between machines.
            chosen[label] = apart.round(3).argmax()
    colors = colors.reshape(n, _CANDIDATES, 3)[np.arange(n), chosen]
    return paint(colors, labels)


def _select(image: ArrayLike, bands: int | Sequence[int]) -> NDArray:
    image = np.asarray(image)
    if image.ndim != 3:
        raise ValueError(
            f"bands={bands!r} needs an image with channels, (H, W, C); this one "
            f"has shape {image.shape}."
        )
    n = image.shape[2]
    try:
        wanted = np.atleast_1d(np.asarray(bands))
    except ValueError:  # rows of different lengths
        wanted = np.empty(0)
    whole = wanted.dtype.kind in "iu" and wanted.shape in ((1,), (3,))
    if not whole or wanted.min() < 0 or wanted.max() >= n:
        raise ValueError(
            f"bands={bands!r} must be one channel (grey) or three (red, green, blue) "
            f"of the image's {n}, counted from 0."
        )
    return image[..., wanted]


def _stretched(
    image: NDArray[Any], inside: NDArray[Any], stretch: tuple[float, float]
) -> NDArray[Any]:
    if not isinstance(stretch, (tuple, list)) or len(stretch) != 2:
        raise ValueError(f"stretch={stretch!r} must be two percentiles, as in (2, 98).")
    low, high = (check_real(one, 0, name="stretch") for one in stretch)
    if not low < high <= 100:
        raise ValueError(
            f"stretch={stretch!r} must be two percentiles, the lower first, at most "
            "100."
        )
    values = image.astype(np.float64)
    black, white = np.percentile(values[inside], [low, high], axis=0)
    span = np.where(white > black, white - black, 1)
    return np.clip((values - black) / span, 0, 1)
