"""Boundaries of a label map, painted over its image or as lines."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation import check_int
from ..labels import boundaries, relabel_consecutive
from .colors import check_color, shown

__all__ = ["COLOR", "boundary_segments", "draw_boundaries"]

#: Colour of boundaries over a photograph.
COLOR = "#ffe100"


def draw_boundaries(
    image: ArrayLike, labels: ArrayLike, *, color: Any = COLOR, scale: int = 1
) -> NDArray[np.uint8]:
    """Draw the boundaries of a label map over its image.

    The line runs over the pixels whose right or lower neighbour has another label, like
    the boundaries of `seal_sk.metrics.boundary_recall_score`. Its width is one pixel of
    the result, so a larger `scale` makes it thinner.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, 3)
        uint8, uint16, or floating point in 0..1. Masked pixels may have any value.
    labels : array-like of shape (H, W)
        Any integer dtype; negative labels are masked pixels.
    color : color, default="#ffe100"
        An opaque colour of the line, in any form that matplotlib accepts.
    scale : int, default=1
        Each pixel becomes a square with sides of this many pixels.

    Returns
    -------
    ndarray of shape (scale * H, scale * W, 3), uint8
        The drawing.

    Raises
    ------
    ValueError, TypeError
        If the arrays do not match, or a parameter is not as described.

    See Also
    --------
    SuperpixelDisplay : Draw lines between the pixels on axes, sharp at any size.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk.plotting import draw_boundaries
    >>> image = np.zeros((1, 4), dtype=np.uint8)
    >>> draw_boundaries(image, [[0, 0, 1, 1]], color="white")[..., 0]
    array([[  0, 255,   0,   0]], dtype=uint8)
    """
    from matplotlib.colors import to_rgba

    check_color(color)
    *rgb, opacity = to_rgba(color)
    if opacity < 1:
        raise ValueError(f"color={color!r} is transparent; give an opaque one.")
    scale = check_int(scale, 1, name="scale")
    picture, labels = shown(image, labels)
    drawing = picture.repeat(scale, axis=0).repeat(scale, axis=1)
    boundary = boundaries(labels.repeat(scale, axis=0).repeat(scale, axis=1))
    drawing[boundary] = np.rint(255 * np.array(rgb))
    return drawing


def boundary_segments(labels: ArrayLike) -> NDArray[np.float64]:
    """Straight lines between pixels with different labels.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Any integer dtype; negative labels are masked pixels, which are one more region.

    Returns
    -------
    ndarray of shape (n, 2, 2), float64
        Start and end (x, y) of each line, in pixels, whose centres are whole numbers:
        first the vertical lines, then the horizontal ones, each as long as possible.
    """
    labels = relabel_consecutive(labels)
    vertical = _runs(labels[:, 1:] != labels[:, :-1])
    horizontal = _runs((labels[1:] != labels[:-1]).T)
    return np.concatenate([vertical, horizontal[..., ::-1]])


def _runs(across: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Vertical lines between neighbours in a row with different labels."""
    padded = np.pad(across.T.astype(np.int8), [(0, 0), (1, 1)])
    steps = np.diff(padded, axis=1)
    column, start = np.nonzero(steps == 1)
    _, end = np.nonzero(steps == -1)
    x = column + 0.5
    return np.stack([np.stack([x, start - 0.5], 1), np.stack([x, end - 0.5], 1)], 1)
