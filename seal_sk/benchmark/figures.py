"""The figures of a report, each on axes that are given."""

from itertools import cycle

import numpy as np
from matplotlib.ticker import FuncFormatter, LogLocator, NullLocator

__all__ = ["draw_combined", "draw_curves", "draw_quality_time", "styles"]

# Okabe and Ito's colours, which people with any colour vision can tell apart, the
# yellow left out on white; then by line style.
_COLORS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#56b4e9", "#e69f00", "#000000")
_MARKERS = "osD^vP*X<>"

# With more methods bands would hide each other, and the legend the curves.
_CROWDED = 9


def styles(methods):
    """Colour, marker and line style for each method, the same in all figures.

    Parameters
    ----------
    methods : sequence of str

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


def draw_curves(ax, summary, name, metric):
    """A metric against the number of superpixels that came out, with its interval.

    Parameters
    ----------
    ax : matplotlib Axes
    summary : DataFrame
        Of `summarize`.
    name : str
        Of the metric.
    metric : Metric
    """
    look = styles(summary["method"].unique())
    for method, rows in summary.groupby("method", sort=False, observed=True):
        rows = rows.sort_values("n_segments")
        ax.plot(rows["n_segments"], rows[name], label=method, **look[method])
        if len(look) > _CROWDED:
            continue
        ax.fill_between(
            rows["n_segments"],
            rows[f"{name}_low"],
            rows[f"{name}_high"],
            color=look[method]["color"],
            alpha=0.13,
            linewidth=0,
        )
    ax.set_xlabel("superpixels (mean of what came out)")
    better = "higher" if metric.higher_is_better else "lower"
    ax.set_ylabel(f"{metric.title} ({better} is better)")
    _finish(ax)


def draw_combined(ax, averages, x, y, metrics):
    """Two metrics, each averaged over the counts, against each other.

    Parameters
    ----------
    ax : matplotlib Axes
    averages : DataFrame
        Of `average_over_counts`.
    x, y : str
        Names of the metrics.
    metrics : dict of str to Metric
    """
    look = styles(averages["method"])
    for _, row in averages.iterrows():
        style = {**look[row["method"]], "linestyle": "none", "markersize": 8}
        ax.plot(row[x], row[y], **style)
        # To the left where another method is close on the right.
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
    _finish(ax, legend=False)


def draw_quality_time(ax, summary, name, metric):
    """A metric against the time for an image, a line a method through its counts.

    Parameters
    ----------
    ax : matplotlib Axes
    summary : DataFrame
        Of `summarize`.
    name : str
        Of the metric.
    metric : Metric
    """
    look = styles(summary["method"].unique())
    for method, rows in summary.groupby("method", sort=False, observed=True):
        if not rows["seconds"].isna().all():
            ax.plot(rows["seconds"], rows[name], label=method, **look[method])
    ax.set_xscale("log")
    ax.xaxis.set_major_locator(LogLocator(subs=(1, 2, 5)))
    ax.xaxis.set_major_formatter(FuncFormatter(lambda seconds, _: f"{seconds:g}"))
    ax.xaxis.set_minor_locator(NullLocator())
    ax.set_xlabel("seconds an image (median, one thread)")
    ax.set_ylabel(metric.title)
    _finish(ax)


def _finish(ax, *, legend=True):
    ax.grid(color="#dddddd", linewidth=0.6)
    ax.set_axisbelow(True)
    for side in ("top", "right"):
        ax.spines[side].set_visible(False)
    n = len(ax.get_legend_handles_labels()[0])
    if legend and n > _CROWDED:
        ax.legend(fontsize=6, frameon=False, loc="center left", bbox_to_anchor=(1, 0.5))
    elif legend and n:
        ax.legend(fontsize=7, frameon=False)
