"""Label maps drawn over their images."""

import numpy as np

from ._metrics import boundary_map
from ._validation import check_image, check_int, check_label_map, unit_scale
from .metrics import compact

__all__ = ["SuperpixelDisplay", "draw_boundaries"]

_COLOR = "#ffe100"


def draw_boundaries(image, labels, *, color=_COLOR, scale=1):
    """Draw the boundaries of a label map over its image.

    The line runs over the pixels whose right or lower neighbour has another label,
    as `seal_sk.metrics.boundary_recall_score` sees boundaries. It is one pixel of
    the result wide, so a larger `scale` makes it thinner.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, 3)
        uint8, uint16, or floating point in 0..1.
    labels : array-like of shape (H, W)
        Any integer dtype.
    color : color, default="#ffe100"
        Of the line, as matplotlib understands it.
    scale : int, default=1
        Side of the square that each pixel becomes.

    Returns
    -------
    ndarray of shape (scale * H, scale * W, 3), uint8
        The drawing.

    Raises
    ------
    ValueError, TypeError
        If the arrays do not fit together, or a parameter is not as described.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk.plotting import draw_boundaries
    >>> image = np.zeros((1, 4), dtype=np.uint8)
    >>> draw_boundaries(image, [[0, 0, 1, 1]], color="white")[..., 0]
    array([[  0, 255,   0,   0]], dtype=uint8)
    """
    from matplotlib.colors import to_rgb

    scale = check_int(scale, 1, name="scale")
    image = check_image(image)
    if image.shape[2] not in (1, 3):
        raise ValueError(
            f"image has {image.shape[2]} channels; one (grey) or three (RGB) can be "
            "drawn: choose three bands."
        )
    labels, _ = compact(check_label_map(labels, image.shape[:2]), None)
    if image.dtype != np.uint8:
        image = np.rint(unit_scale(image, np.float32) * 255).astype(np.uint8)
    if image.shape[2] == 1:
        image = np.repeat(image, 3, axis=2)
    drawing = image.repeat(scale, axis=0).repeat(scale, axis=1)
    boundary = boundary_map(labels.repeat(scale, axis=0).repeat(scale, axis=1), None)
    drawing[np.asarray(boundary, dtype=bool)] = np.rint(255 * np.array(to_rgb(color)))
    return drawing


class SuperpixelDisplay:
    """Superpixels drawn over an image.

    Make one with `from_estimator` or `from_predictions`, which draw it as well.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, 3)
        As for `draw_boundaries`.
    labels : array-like of shape (H, W)
        Any integer dtype.
    name : str, optional
        Title of the drawing.

    Attributes
    ----------
    ax_ : matplotlib Axes
        What the last `plot` drew on.
    figure_ : matplotlib Figure
        The figure of `ax_`.

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

    def __init__(self, image, labels, *, name=None):
        self.image = image
        self.labels = labels
        self.name = name

    @classmethod
    def from_estimator(
        cls, estimator, image, *, name=None, ax=None, color=_COLOR, scale=3
    ):
        """Segment an image and draw the label map.

        Parameters
        ----------
        estimator : transformer
            Anything whose ``transform([image])`` gives a list of one label map.
        image : array-like of shape (H, W), (H, W, 1) or (H, W, 3)
            One image.
        name : str, optional
            Title; the name of the class and the number of superpixels by default.
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.
        color, scale
            As for `draw_boundaries`.

        Returns
        -------
        SuperpixelDisplay
        """
        (labels,) = estimator.transform([image])
        if name is None:
            n_segments = len(np.unique(labels[labels >= 0]))
            name = f"{type(estimator).__name__}, {n_segments} superpixels"
        return cls.from_predictions(
            image, labels, name=name, ax=ax, color=color, scale=scale
        )

    @classmethod
    def from_predictions(
        cls, image, labels, *, name=None, ax=None, color=_COLOR, scale=3
    ):
        """Draw a label map that is there already.

        Parameters
        ----------
        image : array-like of shape (H, W), (H, W, 1) or (H, W, 3)
            One image.
        labels : array-like of shape (H, W)
            Its label map.
        name : str, optional
            Title.
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.
        color, scale
            As for `draw_boundaries`.

        Returns
        -------
        SuperpixelDisplay
        """
        return cls(image, labels, name=name).plot(ax, color=color, scale=scale)

    def plot(self, ax=None, *, color=_COLOR, scale=3):
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, optional
            Where to draw; a new figure by default.
        color, scale
            As for `draw_boundaries`.

        Returns
        -------
        SuperpixelDisplay
            Itself, with `ax_` and `figure_` set.
        """
        drawing = draw_boundaries(self.image, self.labels, color=color, scale=scale)
        if ax is None:
            from matplotlib import pyplot

            _, ax = pyplot.subplots()
        height, width = np.shape(self.labels)
        # In the image's own pixels, whatever the scale of the drawing.
        ax.imshow(drawing, extent=(-0.5, width - 0.5, height - 0.5, -0.5))
        ax.set_axis_off()
        if self.name is not None:
            ax.set_title(self.name)
        self.ax_ = ax
        self.figure_ = ax.figure
        return self
