"""Affinity maps: how likely each pixel belongs together with its neighbours."""

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
    """An affinity map: how likely neighbouring pixels belong together.

    Such a map holds, for each pixel, the affinity to its right and its lower
    neighbour, and to the lower and upper right ones where it has four channels. It is
    drawn as one picture, from all the neighbours of each pixel, or as one for each
    direction. Dark is where a cut is cheap.

    Make one with `from_estimator` or `from_affinity`, which draw it as well.

    Parameters
    ----------
    affinity : array-like of shape (H, W, 2) or (H, W, 4)
        float32 or float64 in 0..1. What leads out of the image may hold anything, and
        is left blank.
    name : str, optional
        Where it comes from, for the title.

    Attributes
    ----------
    ax_ : matplotlib Axes, or ndarray of them where there are several directions
        What the last `plot` drew on.
    figure_ : matplotlib Figure
        Their figure.
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
        """Draw the affinities that an estimator has for an image.

        Parameters
        ----------
        estimator : transformer
            A source of affinities (`RGBAffinity`, `LearnedAffinity`, ...), or what
            cuts along them and has a ``predict_affinity`` (`SEALSuperpixels`,
            `GraphSuperpixels`, ...).
        image : array-like
            One image, or what the source reads in its place.
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
        """Draw an affinity map that is there already.

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
        """Draw it.

        Parameters
        ----------
        ax : matplotlib Axes, or array of them, optional
            Where to draw: one, for "directions" as many as there are; a new figure by
            default.
        kind : {"min", "mean", "directions"}, default="min"
            The least of each pixel's affinities to its neighbours on all sides, their
            mean, or a picture for each direction.
        directions : sequence of str, optional
            Some of "right", "down", "down-right", "up-right", all that the map has by
            default. For "min" and "mean" neighbours on the opposite sides belong to
            them.
        cmap : str or Colormap, default="gray"
            Colours from 0 to 1.
        colorbar : bool, default=True
            Whether to put their scale beside (the last of) the axes.

        Returns
        -------
        AffinityDisplay
            Itself, with the attributes set.

        Raises
        ------
        ValueError, TypeError
            If the map or a parameter is not as described. No figure has been made
            then.
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
            # As high as the picture, whatever becomes of the axes.
            scale = axes[-1].inset_axes((1.03, 0, 0.04, 1))
            self.colorbar_ = axes[-1].figure.colorbar(
                self.images_[-1], cax=scale, ticks=[0, 0.5, 1]
            )
            self.colorbar_.set_ticklabels(["0 parted", "0.5", "1 together"])
        self.ax_ = squeezed(axes)
        self.figure_ = axes[0].figure
        return self


def _check_look(kind: str, cmap: Any) -> tuple[str, Any]:
    import matplotlib

    kind = check_option(kind, _KINDS, name="kind")
    if isinstance(cmap, str):
        if cmap not in matplotlib.colormaps:
            raise ValueError(
                f"cmap={cmap!r} is no colormap that matplotlib knows; give a name out "
                "of matplotlib.colormaps, such as 'gray' or 'viridis'."
            )
        cmap = matplotlib.colormaps[cmap]
    return kind, cmap


def _within(affinity: NDArray, channel: int) -> NDArray:
    """One channel, NaN where it leads out of the image."""
    start, _ = FROM_TO[channel]
    picture = np.full(affinity.shape[:2], np.nan, dtype=affinity.dtype)
    picture[start] = affinity[(*start, channel)]
    return picture


def _joined(affinity: NDArray, channels: list[int], kind: str) -> NDArray:
    """Over the edges of each pixel, on either side; NaN where it has none."""
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
