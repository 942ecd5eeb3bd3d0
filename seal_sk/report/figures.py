"""Further figures of a report, each on given axes."""

from collections.abc import Mapping

import numpy as np
import pandas as pd
from matplotlib.axes import Axes
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

from ..metrics.catalogue import Metric
from ..plotting.axes import draw_legend, quiet, styles

__all__ = ["draw_combined", "draw_quality_time"]


def draw_combined(
    ax: Axes, averages: pd.DataFrame, x: str, y: str, metrics: Mapping[str, Metric]
) -> None:
    """Draw two metrics against each other, both averaged over the counts.

    Parameters
    ----------
    ax : matplotlib Axes
    averages : DataFrame
        Result of `average_over_counts`.
    x, y : str
        Names of the metrics.
    metrics : dict of str to Metric
    """
    look = styles(averages["method"])
    for _, row in averages.iterrows():
        style = {**look[row["method"]], "linestyle": "none", "markersize": 8}
        ax.plot(row[x], row[y], **style)
        # To the left if another method is close on the right.
        right = (averages[x] - row[x]) / max(np.ptp(averages[x]), 1e-12)
        above = (averages[y] - row[y]) / max(np.ptp(averages[y]), 1e-12)
        crowded = ((right > 0) & (right < 0.2) & (above.abs() < 0.08)).any()
        ax.annotate(
            row["method"],
            (row[x], row[y]),
            textcoords="offset points",
            xytext=(-6, 5) if crowded else (6, 5),
            ha="right" if crowded else "left",
            fontsize=8,
        )
    ax.set_xlabel(f"average {metrics[x].title}")
    ax.set_ylabel(f"average {metrics[y].title}")
    ax.margins(0.18)
    quiet(ax)


def draw_quality_time(
    ax: Axes, summary: pd.DataFrame, name: str, metric: Metric
) -> None:
    """Draw a metric against the time per image, with one line per method.

    Parameters
    ----------
    ax : matplotlib Axes
    summary : DataFrame
        Result of `summarize`.
    name : str
        Name of the metric.
    metric : Metric
    """
    look = styles(summary["method"].unique())
    for method, rows in summary.groupby("method", sort=False, observed=True):
        if not rows["seconds"].isna().all():
            ax.plot(rows["seconds"], rows[name], label=method, **look[str(method)])
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("seconds per image (median, one thread)")
    ax.set_ylabel(metric.title)
    quiet(ax)
    draw_legend(ax)
