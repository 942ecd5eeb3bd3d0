"""Axes to draw on, given or new, and the look that figures of numbers share."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["find_axes", "quiet", "squeezed"]


def find_axes(
    ax: Axes | NDArray[Any] | list[Axes] | None,
    n: int,
    *,
    what: str,
    size: tuple[float, float],
    stacked: bool = False,
) -> list[Axes]:
    """The `n` axes given, or those of a new figure.

    Parameters
    ----------
    ax : Axes, array or sequence of Axes, or None
        What the user gave.
    n : int
        How many are needed.
    what : str
        What goes on each, for the error message.
    size : tuple of float
        Width and height of each new one, in inches.
    stacked : bool
        Whether new ones lie below each other, over one horizontal axis.
    """
    from matplotlib.axes import Axes

    if ax is None:
        from matplotlib import pyplot

        rows, columns = (n, 1) if stacked else (1, n)
        _, axes = pyplot.subplots(
            rows,
            columns,
            squeeze=False,
            sharex=stacked,
            figsize=(columns * size[0], rows * size[1]),
            layout="constrained",
        )
        return list(axes.flat)
    given = [ax] if isinstance(ax, Axes) else list(np.ravel(np.asarray(ax, object)))
    if not all(isinstance(one, Axes) for one in given):
        raise TypeError(
            f"ax={ax!r} must be matplotlib Axes, or an array or list of them."
        )
    if len(given) != n:
        raise ValueError(
            f"ax holds {len(given)} axes, but {n} are needed, one for each of {what}."
        )
    return given


def squeezed(axes: list[Axes]) -> Any:
    """The only one, or all of them as an array."""
    return axes[0] if len(axes) == 1 else np.array(axes, dtype=object)


def quiet(ax: Axes) -> None:
    """A light grid behind, and no frame above and to the right."""
    ax.grid(color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
