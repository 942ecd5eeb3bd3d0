"""Displays of affinity maps."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation import FROM_TO, check_affinity, check_names, check_option
from .axes import find_axes, squeezed

__all__ = ["AffinityDisplay"]

_ARROWS = {"right": "→", "down": "↓", "down-right": "↘", "up-right": "↗"}
_KINDS = ("min", "mean", "directions")
_TITLES = {"min": "lowest affinity", "mean": "mean affinity"}


class AffinityDisplay:
    """Display of an affinity map.

    For each pixel, the map holds the affinity (how likely both belong together) to its
    right and its lower neighbour and, if it has four channels, to the lower right and
    the upper right one. It is drawn as one picture, from all neighbours of each pixel,
    or as one picture per direction. Cuts are cheap where it is dark.

    Create one with `from_estimator` or `from_affinity`, which also draw it.

    Parameters
    ----------
    affinity : array-like of shape (H, W, 2) or (H, W, 4)
        float32 or float64 in 0..1. Affinities across the edge of the image may have any
        value, and are left blank.
    name : str, optional
        Source of the map, for the title.

    Attributes
    ----------
    ax_ : matplotlib Axes, or ndarray of them for several directions
        The axes of the last `plot`.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    images_ : list of matplotlib AxesImage
        The pictures.
    colorbar_ : matplotlib Colorbar or None

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from seal_sk import RGBAffinity
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.plotting import AffinityDisplay
    >>> images, _ = make_scenes(1, shape=(48, 64), random_state=0)
    >>> display = AffinityDisplay.from_estimator(
    ...     RGBAffinity(), images[0], ax=Figure().subplots()
    ... )
    >>> display.affinity.shape
    (48, 64, 4)
    """

    ax_: Any

    def __init__(self, affinity: ArrayLike, *, name: str | None = None) -> None:
        self.affinity = affinity
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        image: ArrayLike,
        *,
        name: str | None = None,
        ax: Any = None,
        kind: str = "min",
        directions: Sequence[str] | None = None,
        cmap: Any = "gray",
        colorbar: bool = True,
    ) -> AffinityDisplay:
        """Draw the affinities of an image from an estimator.

        Parameters
        ----------
        estimator : transformer
            A source of affinities (`RGBAffinity`, `LearnedAffinity`, ...), or an
            estimator with a ``predict_affinity`` (`SEALSuperpixels`,
            `GraphSuperpixels`, ...).
        image : array-like
            One image, or any other input of the source.
        name : str, optional
            As for the class; the name of the estimator's class by default.
        ax, kind, directions, cmap, colorbar : optional
            As for `plot`.

        Returns
        -------
        AffinityDisplay

        Raises
        ------
        ValueError, TypeError
            If a parameter is not as described.
        """
        _check_look(kind, cmap)
        predict = getattr(estimator, "predict_affinity", None) or estimator.transform
        (affinity,) = predict([image])
        return cls.from_affinity(
            affinity,
            name=type(estimator).__name__ if name is None else name,
            ax=ax,
            kind=kind,
            directions=directions,
            cmap=cmap,
            colorbar=colorbar,
        )

    @classmethod
    def from_affinity(
        cls,
        affinity: ArrayLike,
        *,
        name: str | None = None,
        ax: Any = None,
        kind: str = "min",
        directions: Sequence[str] | None = None,
        cmap: Any = "gray",
        colorbar: bool = True,
    ) -> AffinityDisplay:
        """Draw an existing affinity map.

        Parameters
        ----------
        affinity : array-like of shape (H, W, 2) or (H, W, 4)
            As for the class.
        name : str, optional
            As for the class.
        ax, kind, directions, cmap, colorbar : optional
            As for `plot`.

        Returns
        -------
        AffinityDisplay
        """
        return cls(affinity, name=name).plot(
            ax, kind=kind, directions=directions, cmap=cmap, colorbar=colorbar
        )

    def plot(
        self,
        ax: Any = None,
        *,
        kind: str = "min",
        directions: Sequence[str] | None = None,
        cmap: Any = "gray",
        colorbar: bool = True,
    ) -> AffinityDisplay:
        """Draw the affinity map.

        Parameters
        ----------
        ax : matplotlib Axes, or array of them, optional
            Axes to draw on: one, or for "directions" one per direction. By default a
            new figure.
        kind : {"min", "mean", "directions"}, default="min"
            The lowest affinity of each pixel to its neighbours on all sides, the mean
            of these affinities, or one picture per direction.
        directions : sequence of str, optional
            Some of "right", "down", "down-right" and "up-right"; by default all that
            the map has. For "min" and "mean", the neighbours on the opposite sides are
            included.
        cmap : str or Colormap, default="gray"
            Colours of the affinities from 0 to 1.
        colorbar : bool, default=True
            Whether to draw a colour bar beside the (last) axes.

        Returns
        -------
        AffinityDisplay
            The display itself, with its attributes set.

        Raises
        ------
        ValueError, TypeError
            If the map or a parameter is not as described; before a figure is created.
        """
        affinity = check_affinity(self.affinity)
        kind, cmap = _check_look(kind, cmap)
        known = list(_ARROWS)[: affinity.shape[2]]
        if directions is None:
            directions = known
        directions = check_names(directions, known, name="directions")
        channels = {name: known.index(name) for name in directions}

        if kind == "directions":
            pictures = {
                f"{_ARROWS[name]} {name}": _within(affinity, channel)
                for name, channel in channels.items()
            }
        else:
            picture = _joined(affinity, list(channels.values()), kind)
            pictures = {_TITLES[kind]: picture}
        axes = find_axes(ax, len(pictures), what="the directions", size=(5.2, 3.7))
        self.images_ = []
        for one, (title, picture) in zip(axes, pictures.items(), strict=True):
            self.images_.append(one.imshow(picture, cmap=cmap, vmin=0, vmax=1))
            one.set_axis_off()
            one.set_title(title if self.name is None else f"{self.name}: {title}")
        self.colorbar_ = None
        if colorbar:
            # As high as the picture, for any size of the axes.
            scale = axes[-1].inset_axes((1.03, 0, 0.04, 1))
            self.colorbar_ = axes[-1].figure.colorbar(
                self.images_[-1], cax=scale, ticks=[0, 0.5, 1]
            )
            self.colorbar_.set_ticklabels(["0 apart", "0.5", "1 together"])
        self.ax_ = squeezed(axes)
        self.figure_ = axes[0].figure
        return self


def _check_look(kind: str, cmap: Any) -> tuple[str, Any]:
    import matplotlib

    kind = check_option(kind, _KINDS, name="kind")
    if isinstance(cmap, str):
        if cmap not in matplotlib.colormaps:
            raise ValueError(
                f"cmap={cmap!r} is not a colormap of matplotlib; give a name from "
                "matplotlib.colormaps, such as 'gray' or 'viridis'."
            )
        cmap = matplotlib.colormaps[cmap]
    return kind, cmap


def _within(affinity: NDArray, channel: int) -> NDArray:
    """One channel, NaN for neighbours outside the image."""
    start, _ = FROM_TO[channel]
    picture = np.full(affinity.shape[:2], np.nan, dtype=affinity.dtype)
    picture[start] = affinity[(*start, channel)]
    return picture


def _joined(affinity: NDArray, channels: list[int], kind: str) -> NDArray:
    """Reduce the edges of each pixel, on both sides; NaN where it has none."""
    shape = affinity.shape[:2]
    least, total, n = np.ones(shape), np.zeros(shape), np.zeros(shape, dtype=int)
    for channel in channels:
        start, end = FROM_TO[channel]
        values = affinity[(*start, channel)]
        for side in (start, end):
            least[side] = np.minimum(least[side], values)
            total[side] += values
            n[side] += 1
    joined = least if kind == "min" else total / np.maximum(n, 1)
    joined[n == 0] = np.nan
    return joined
