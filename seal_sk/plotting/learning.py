"""Displays of the history of a training."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from .._validation import check_names
from .axes import find_axes, quiet, squeezed

if TYPE_CHECKING:
    from matplotlib.axes import Axes

__all__ = ["LearningCurveDisplay"]

_PANELS = {
    "loss": ("training loss", "#d55e00"),
    "asa": ("validation ASA", "#0072b2"),
    "lr": ("learning rate", "#555555"),
}


class LearningCurveDisplay:
    """Loss, validation ASA and learning rate over the iterations of a training.

    The iteration with the best ASA, whose weights `fit` keeps, is marked. Create a
    display with `from_estimator` or `from_history`, which also draw it.

    Parameters
    ----------
    history : list of dict
        As `SEALSuperpixels.history_`: one dict per validation with ``iteration``,
        ``loss``, ``lr`` and, if images were held out, ``asa``.
    name : str, optional
        Title of the first axes.

    Attributes
    ----------
    ax_ : matplotlib Axes, or ndarray of them for several panels
        The axes of the last `plot`.
    figure_ : matplotlib Figure
        The figure of `ax_`.
    best_iteration_ : int or None
        The marked iteration; None without validation.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from seal_sk.plotting import LearningCurveDisplay
    >>> history = [
    ...     {"iteration": 100, "loss": 1.7, "lr": 1e-3, "asa": 0.93},
    ...     {"iteration": 200, "loss": 1.4, "lr": 5e-4, "asa": 0.95},
    ...     {"iteration": 300, "loss": 1.3, "lr": 1e-6, "asa": 0.94},
    ... ]
    >>> display = LearningCurveDisplay.from_history(history, ax=Figure().subplots(3))
    >>> display.best_iteration_
    200
    """

    ax_: Any

    def __init__(
        self, history: Sequence[Mapping[str, float]], *, name: str | None = None
    ) -> None:
        self.history = history
        self.name = name

    @classmethod
    def from_estimator(
        cls,
        estimator: Any,
        *,
        name: str | None = None,
        ax: Any = None,
        panels: Sequence[str] | None = None,
    ) -> LearningCurveDisplay:
        """Draw the training of a fitted estimator.

        Parameters
        ----------
        estimator : SEALSuperpixels, LearnedAffinity or GraphSuperpixels
            A fitted estimator; a GraphSuperpixels needs a source with a ``history_``.
        name : str, optional
            As for the class; the name of the estimator's class by default.
        ax, panels : optional
            As for `plot`.

        Returns
        -------
        LearningCurveDisplay

        Raises
        ------
        ValueError
            If the estimator has no history: it is not fitted, or was read from a file.
        """
        source = getattr(estimator, "affinity_", None)
        history = getattr(estimator, "history_", getattr(source, "history_", None))
        title = type(estimator).__name__
        if history is None:
            raise ValueError(
                f"this {title} has no history_: fit it first. Estimators read from a "
                "file have none."
            )
        return cls.from_history(
            history, name=title if name is None else name, ax=ax, panels=panels
        )

    @classmethod
    def from_history(
        cls,
        history: Sequence[Mapping[str, float]],
        *,
        name: str | None = None,
        ax: Any = None,
        panels: Sequence[str] | None = None,
    ) -> LearningCurveDisplay:
        """Draw a history.

        Parameters
        ----------
        history : list of dict
            As for the class.
        name : str, optional
            As for the class.
        ax, panels : optional
            As for `plot`.

        Returns
        -------
        LearningCurveDisplay
        """
        return cls(history, name=name).plot(ax, panels=panels)

    def plot(
        self, ax: Any = None, *, panels: Sequence[str] | None = None
    ) -> LearningCurveDisplay:
        """Draw the history.

        Parameters
        ----------
        ax : matplotlib Axes, or array of them, optional
            Axes to draw on, one per panel; by default a new figure with the panels
            below each other.
        panels : sequence of str, optional
            Some of "loss", "asa" and "lr"; by default all that the history has.

        Returns
        -------
        LearningCurveDisplay
            The display itself, with its attributes set.

        Raises
        ------
        ValueError, TypeError
            If the history is empty or lacks a panel, or `ax` does not match; before a
            figure is created.
        """
        if not isinstance(self.history, Sequence) or not all(
            isinstance(line, Mapping) and "iteration" in line for line in self.history
        ):
            raise TypeError(
                f"history is {type(self.history).__name__}; give a list of dicts with "
                "an 'iteration' each, such as history_ (for a DataFrame its "
                "to_dict('records'))."
            )
        if not self.history:
            raise ValueError(
                "history is empty: nothing was trained, or the training ended before "
                "its first validation; set a smaller validate_every."
            )
        # Steps of `partial_fit` have no validation.
        columns = {
            name: np.array(
                [line.get(name, np.nan) for line in self.history], dtype=float
            )
            for name in ("iteration", *_PANELS)
        }
        known = [name for name in _PANELS if not np.isnan(columns[name]).all()]
        if not known:
            raise ValueError(
                f"history has none of {', '.join(map(repr, _PANELS))}; give the "
                "history_ of an estimator."
            )
        panels = check_names(known if panels is None else panels, known, name="panels")
        iterations = columns["iteration"]
        # The first of equal ones, as in training.
        best = int(np.nanargmax(columns["asa"])) if "asa" in known else None
        axes = find_axes(
            ax, len(panels), what="the panels", size=(5.6, 2.1), stacked=True
        )
        for one, name in zip(axes, panels, strict=True):
            _draw(one, iterations, columns[name], name, best)
        axes[-1].set_xlabel("iteration")
        if self.name is not None:
            axes[0].set_title(self.name)
        self.best_iteration_ = None if best is None else int(iterations[best])
        self.ax_ = squeezed(axes)
        self.figure_ = axes[0].figure
        return self


def _draw(ax: Axes, x: Any, values: Any, name: str, best: int | None) -> None:
    title, color = _PANELS[name]
    ax.plot(x, values, color=color, linewidth=1.4, marker="o", markersize=2.5)
    ax.set_ylabel(title)
    quiet(ax)
    if name == "lr":
        # Steps are factors of ten.
        ax.set_yscale("log")
    if best is None:
        return
    ax.axvline(x[best], color="#999999", linewidth=1, linestyle="--", zorder=1)
    if name == "asa":
        ax.plot(x[best], values[best], "o", color=color, markersize=7)
        left = best < len(x) / 2
        ax.annotate(
            f"best: {values[best]:.4f} at {int(x[best])}",
            (x[best], 0.06),
            xycoords=("data", "axes fraction"),
            xytext=(4 if left else -4, 0),
            textcoords="offset points",
            ha="left" if left else "right",
            fontsize=8,
        )
