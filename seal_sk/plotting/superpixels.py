"""Displays of superpixels over their image."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation import check_int, check_option, check_real
from .axes import find_axes
from .boundaries import COLOR, boundary_segments
from .colors import check_color, faded, label_colors, mean_colors, shown

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["SuperpixelDisplay"]

_KINDS = ("boundaries", "mean", "labels")
_CORNERS = ("upper left", "upper right", "lower left", "lower right")


class SuperpixelDisplay:
    """Superpixels drawn over an image.

    Create one with `from_estimator` or `from_labels`, which also draw it.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
        uint8, uint16, or floating point in 0..1, shown without rescaling unless
        `stretch` is given. Masked pixels may have any value.
    labels : array-like of shape (H, W)
        Any integer dtype. Negative labels are masked pixels, shown in pale grey.
    bands : int or sequence of three int, optional
        Channels of the image to show: one in grey, or three as red, green and blue.
    stretch : tuple of two float, optional
        Percentiles of each shown channel, over the unmasked pixels, that become black
        and white. (2, 98) suits satellite images, which use only a small part of their
        16 bits.
    name : str, optional
        Title of the drawing.

    Attributes
    ----------
    ax_ : matplotlib Axes
        The axes of the last `plot`.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    image_ : matplotlib AxesImage
        The picture under the lines.
    lines_ : matplotlib LineCollection or None
        The boundaries.
    zoom_ax_ : matplotlib Axes or None
        The enlarged part.

    See Also
    --------
    draw_boundaries : Draw boundaries into an array, without axes.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from seal_sk import ERSSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.plotting import SuperpixelDisplay
    >>> images, _ = make_scenes(1, shape=(48, 64), random_state=0)
    >>> display = SuperpixelDisplay.from_estimator(
    ...     ERSSuperpixels(n_segments=30), images[0], ax=Figure().subplots()
    ... )
    >>> display.ax_.get_title()
    'ERSSuperpixels, 30 superpixels'
    """

    ax_: Axes

    def __init__(
        self,
        image: ArrayLike,
        labels: ArrayLike,
        *,
        bands: int | Sequence[int] | None = None,
        stretch: tuple[float, float] | None = None,
        name: str | None = None,
    ) -> None:
        self.image = image
        self.labels = labels
        self.bands = bands
        self.stretch = stretch
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        image: ArrayLike,
        *,
        mask: ArrayLike | None = None,
        bands: int | Sequence[int] | None = None,
        stretch: tuple[float, float] | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        kind: str = "boundaries",
        color: Any = None,
        linewidth: float = 0.8,
        alpha: float | None = None,
        zoom: tuple[int, int, int, int] | None = None,
        zoom_at: str | tuple[float, float, float, float] = "lower right",
    ) -> SuperpixelDisplay:
        """Segment an image and draw the label map.

        Parameters
        ----------
        estimator : transformer
            Any object whose ``transform([image])`` returns a list of one label map.
        image : array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
            One image.
        mask : array-like of bool of shape (H, W), optional
            True for the pixels to segment, for an estimator with
            ``transform([image], [mask])``.
        bands, stretch : optional
            As for the class; the estimator gets all channels, unchanged.
        name : str, optional
            Title; the name of the class and the number of superpixels by default.
        ax, kind, color, linewidth, alpha, zoom, zoom_at : optional
            As for `plot`.

        Returns
        -------
        SuperpixelDisplay

        Raises
        ------
        ValueError, TypeError
            If a parameter is not as described. Parameters of the drawing are checked
            before the image is segmented.
        """
        _check_look(kind, color, linewidth, alpha)
        if ax is not None:
            find_axes(ax, 1, what="the images", size=(6.4, 4.8))
        if zoom is not None and np.ndim(image) > 1:
            _inset_bounds(zoom_at, _check_zoom(zoom, np.shape(image)), np.shape(image))
        more = () if mask is None else ([mask],)
        (labels,) = estimator.transform([image], *more)
        if name is None:
            n_segments = len(np.unique(labels[labels >= 0]))
            name = f"{type(estimator).__name__}, {n_segments} superpixels"
        return cls.from_labels(
            image,
            labels,
            bands=bands,
            stretch=stretch,
            name=name,
            ax=ax,
            kind=kind,
            color=color,
            linewidth=linewidth,
            alpha=alpha,
            zoom=zoom,
            zoom_at=zoom_at,
        )

    @classmethod
    def from_labels(
        cls,
        image: ArrayLike,
        labels: ArrayLike,
        *,
        bands: int | Sequence[int] | None = None,
        stretch: tuple[float, float] | None = None,
        name: str | None = None,
        ax: Axes | None = None,
        kind: str = "boundaries",
        color: Any = None,
        linewidth: float = 0.8,
        alpha: float | None = None,
        zoom: tuple[int, int, int, int] | None = None,
        zoom_at: str | tuple[float, float, float, float] = "lower right",
    ) -> SuperpixelDisplay:
        """Draw an existing label map.

        Parameters
        ----------
        image, labels : array-like
            As for the class.
        bands, stretch, name : optional
            As for the class.
        ax, kind, color, linewidth, alpha, zoom, zoom_at : optional
            As for `plot`.

        Returns
        -------
        SuperpixelDisplay
        """
        display = cls(image, labels, bands=bands, stretch=stretch, name=name)
        return display.plot(
            ax,
            kind=kind,
            color=color,
            linewidth=linewidth,
            alpha=alpha,
            zoom=zoom,
            zoom_at=zoom_at,
        )

    def plot(
        self,
        ax: Axes | None = None,
        *,
        kind: str = "boundaries",
        color: Any = None,
        linewidth: float = 0.8,
        alpha: float | None = None,
        zoom: tuple[int, int, int, int] | None = None,
        zoom_at: str | tuple[float, float, float, float] = "lower right",
    ) -> SuperpixelDisplay:
        """Draw the superpixels.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Axes to draw on; by default a new figure.
        kind : {"boundaries", "mean", "labels"}, default="boundaries"
            Picture under the boundaries: the image, superpixels filled with their mean
            colours, or superpixels filled with colours that differ from those of their
            neighbours.
        color : color, optional
            Colour of the boundaries, in any form that matplotlib accepts; "none" draws
            none. By default they are yellow over an image, and not drawn over filled
            superpixels. Boundaries run between the pixels.
        linewidth : float, default=0.8
            Width of the boundaries in points (1/72 inch), at any zoom.
        alpha : float, optional
            Opacity of filled superpixels, in 0..1: by default 1.0 for "mean" and 0.7
            for "labels". Not used for "boundaries".
        zoom : tuple of four int, optional
            Part of the image to enlarge: (top, left, height, width), in pixels.
        zoom_at : str or tuple of four float, default="lower right"
            Position of the enlarged part: "upper left", "upper right", "lower left",
            "lower right", or (left, bottom, width, height) as fractions of the axes:
            (1.02, 0, 0.5, 1) is beside the image.

        Returns
        -------
        SuperpixelDisplay
            The display itself, with its attributes set.

        Raises
        ------
        ValueError, TypeError
            If image and labels do not match, or a parameter is not as described; before
            a figure is created.
        """
        kind, color, linewidth, alpha = _check_look(kind, color, linewidth, alpha)
        picture, labels = shown(
            self.image, self.labels, bands=self.bands, stretch=self.stretch
        )
        if zoom is not None:
            zoom = _check_zoom(zoom, labels.shape)
            bounds = _inset_bounds(zoom_at, zoom, labels.shape)
        picture = _filled(picture, labels, kind, alpha)
        segments = boundary_segments(labels)

        (ax,) = find_axes(ax, 1, what="the images", size=(6.4, 4.8))
        self.image_, self.lines_ = _draw(ax, picture, segments, color, linewidth)
        self.zoom_ax_ = None
        if zoom is not None:
            self.zoom_ax_ = ax.inset_axes(bounds)
            _draw_zoom(self.zoom_ax_, ax, zoom, picture, segments, color, linewidth)
        ax.set_axis_off()
        if self.name is not None:
            ax.set_title(self.name)
        self.ax_ = ax
        self.figure_ = ax.figure
        return self


def _check_look(
    kind: str, color: Any, linewidth: float, alpha: float | None
) -> tuple[str, Any, float, float]:
    """Check the parameters, and fill in the defaults of the kind."""
    kind = check_option(kind, _KINDS, name="kind")
    if alpha is None:
        alpha = 0.7 if kind == "labels" else 1.0
    alpha = check_real(alpha, 0, name="alpha")
    if alpha > 1:
        raise ValueError(f"alpha={alpha} must be at most 1.")
    linewidth = check_real(linewidth, 0, name="linewidth")
    if color is None:
        color = COLOR if kind == "boundaries" else "none"
    check_color(color)
    return kind, color, linewidth, alpha


def _check_zoom(zoom: Any, shape: tuple[int, ...]) -> tuple[int, int, int, int]:
    if not isinstance(zoom, (tuple, list)) or len(zoom) != 4:
        raise ValueError(
            f"zoom={zoom!r} must be (top, left, height, width), in pixels."
        )
    least = (0, 0, 1, 1)
    top, left, height, width = (
        check_int(value, low, name="zoom")
        for value, low in zip(zoom, least, strict=True)
    )
    if top + height > shape[0] or left + width > shape[1]:
        raise ValueError(
            f"zoom={zoom!r} is not inside the image, which is {shape[0]} x {shape[1]}; "
            "it is (top, left, height, width)."
        )
    return top, left, height, width


def _inset_bounds(zoom_at: Any, zoom: tuple, shape: tuple) -> tuple:
    """Left, bottom, width and height as fractions of the axes."""
    if not isinstance(zoom_at, str):
        if not isinstance(zoom_at, (tuple, list)) or len(zoom_at) != 4:
            raise ValueError(
                f"zoom_at={zoom_at!r} must be one of {', '.join(map(repr, _CORNERS))}, "
                "or (left, bottom, width, height) as fractions of the axes."
            )
        left, bottom, width, height = (
            check_real(value, -np.inf, name="zoom_at") for value in zoom_at
        )
        if min(width, height) <= 0:
            raise ValueError(f"zoom_at={zoom_at!r} must have a width and a height.")
        return left, bottom, width, height
    check_option(zoom_at, _CORNERS, name="zoom_at")
    # With the proportions of the part, and not beyond the middle.
    scale = 0.46 * min(shape[0] / zoom[2], shape[1] / zoom[3])
    height, width = scale * zoom[2] / shape[0], scale * zoom[3] / shape[1]
    bottom = 0.98 - height if "upper" in zoom_at else 0.02
    left = 0.98 - width if "right" in zoom_at else 0.02
    return left, bottom, width, height


def _filled(
    picture: NDArray[np.uint8], labels: NDArray[np.int32], kind: str, alpha: float
) -> NDArray[np.uint8]:
    masked = labels < 0
    out = picture
    if kind != "boundaries":
        fill = mean_colors(picture, labels) if kind == "mean" else label_colors(labels)
        out = np.rint(alpha * fill + (1 - alpha) * picture).astype(np.uint8)
    return np.where(masked[..., None], faded(picture), out)


def _draw(ax: Axes, picture: Any, segments: Any, color: Any, linewidth: float) -> tuple:
    from matplotlib.collections import LineCollection

    image = ax.imshow(picture)
    if isinstance(color, str) and color == "none":
        return image, None
    # Square ends close the corners.
    lines = LineCollection(
        segments, colors=[color], linewidths=linewidth, capstyle="projecting"
    )
    ax.add_collection(lines, autolim=False)
    return image, lines


def _draw_zoom(
    inset: Axes, ax: Axes, zoom: tuple, picture: Any, segments: Any, *look: Any
) -> None:
    from matplotlib.patches import Rectangle
    from matplotlib.patheffects import withStroke

    top, left, height, width = zoom
    right, bottom = left + width - 0.5, top + height - 0.5
    left, top = left - 0.5, top - 0.5
    # Only the lines that are visible there are drawn again.
    low, high = segments.min(axis=1), segments.max(axis=1)
    seen = (
        (high[:, 0] >= left)
        & (low[:, 0] <= right)
        & (high[:, 1] >= top)
        & (low[:, 1] <= bottom)
    )
    image, _ = _draw(inset, picture, segments[seen], *look)
    image.set_interpolation("nearest")
    inset.set(xlim=(left, right), ylim=(bottom, top), xticks=[], yticks=[])
    inset.set_frame_on(False)
    # White with a dark outline, visible on any image and on paper.
    frame: dict[str, Any] = {
        "fill": False,
        "edgecolor": "white",
        "linewidth": 1.5,
        "path_effects": [withStroke(linewidth=3, foreground="black")],
    }
    around: dict[str, Any] = {"transform": inset.transAxes, "clip_on": False}
    inset.add_patch(Rectangle((0, 0), 1, 1, **around, **frame))
    ax.add_patch(Rectangle((left, top), width, height, **frame))
