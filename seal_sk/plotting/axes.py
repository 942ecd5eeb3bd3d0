"""Axes to draw on, given or new, and the common style of figures."""

from __future__ import annotations

from collections.abc import Iterable
from itertools import cycle
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["CROWDED", "draw_legend", "find_axes", "quiet", "squeezed", "styles"]

# Colours of Okabe and Ito, which people with any colour vision can distinguish, without
# the yellow, which is hard to see on white; then line styles.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_MARKERS = "osD^vP*X<>"

#: With more methods, bands would hide each other, and the legend the curves.
CROWDED = 9


def find_axes(
    ax: Axes | NDArray[Any] | list[Axes] | None,
    n: int,
    *,
    what: str,
    size: tuple[float, float],
    stacked: bool = False,
) -> list[Axes]:
    """Return the `n` given axes, or those of a new figure.

    Parameters
    ----------
    ax : Axes, array or sequence of Axes, or None
        The argument of the user.
    n : int
        Number of axes.
    what : str
        Contents of the axes, for the error message.
    size : tuple of float
        Width and height of each new one, in inches.
    stacked : bool
        Whether new axes are below each other, with a common horizontal axis.
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
    """The only axes, or all of them as an array."""
    return axes[0] if len(axes) == 1 else np.array(axes, dtype=object)


def quiet(ax: Axes) -> None:
    """Draw a light grid in the background, and no frame on the top and right."""
    ax.grid(color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)


def styles(methods: Iterable[str]) -> dict[str, dict[str, Any]]:
    """Colour, marker and line style of each method, the same in all figures.

    Parameters
    ----------
    methods : iterable of str

    Returns
    -------
    dict of str to dict
        Keyword arguments of matplotlib's ``plot``.
    """
    markers = cycle(_MARKERS)
    return {
        method: {
            "color": _COLORS[i % len(_COLORS)],
            "marker": next(markers),
            "linestyle": ("-", "--", ":")[i // len(_COLORS) % 3],
            "markersize": 4,
            "linewidth": 1.4,
        }
        for i, method in enumerate(methods)
    }


def draw_legend(ax: Axes) -> None:
    """Draw a legend of the methods, beside the axes if there are many."""
    n = len(ax.get_legend_handles_labels()[0])
    if n > CROWDED:
        ax.legend(fontsize=6, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    elif n:
        ax.legend(fontsize=7, frameon=False)
