"""From the table to figures of methods: means, averages over counts, differences."""

from itertools import combinations

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid

from .protocols import find_protocol
from .results import Results

__all__ = [
    "average_over_counts",
    "averaged_counts",
    "common_images",
    "compare",
    "summarize",
]

_RESAMPLES = 10_000


def summarize(results, protocol="tu2018", *, confidence=0.95):
    """Figures of each method at each requested count.

    Parameters
    ----------
    results : Results or DataFrame
        What `read_results` returns, or its table.
    protocol : str or Protocol, default="tu2018"
        One of `PROTOCOLS`.
    confidence : float, default=0.95
        Of the intervals, in 0..1.

    Returns
    -------
    DataFrame
        A row for each method and requested count: ``method``, ``requested``,
        ``n_images``; ``n_segments`` and ``n_regions``, means over the images; for each
        metric of the protocol its mean, and the ends of its bootstrap interval over
        images in ``METRIC_low`` and ``METRIC_high``; ``seconds``, median over the
        images; ``peak_memory`` (MiB), the largest.

    Raises
    ------
    ValueError
        If there is no such protocol, or no image that all methods have.

    Notes
    -----
    Means are over those images that every method has at each of its counts.
    """
    protocol = find_protocol(protocol)
    table = common_images(results)
    rows = protocol.per_image(table)
    regions = table.groupby(["method", "requested"], sort=False, observed=True)
    summary = []
    for (method, requested), found in rows.groupby(
        ["method", "requested"], sort=False, observed=True
    ):
        row = {
            "method": method,
            "requested": requested,
            "n_images": len(found),
            "n_segments": found["n_segments"].mean(),
            "n_regions": regions.get_group((method, requested))
            .groupby("image", observed=True)["n_regions"]
            .first()
            .mean(),
        }
        low, high = _interval(found, list(protocol.metrics), confidence)
        for i, name in enumerate(protocol.metrics):
            row[name] = protocol.mean(found, name)
            row[f"{name}_low"], row[f"{name}_high"] = low[i], high[i]
        row["seconds"] = found["seconds"].median()
        row["peak_memory"] = found["peak_memory"].max()
        summary.append(row)
    return pd.DataFrame(summary)


def average_over_counts(results, protocol="tu2018", *, counts=None):
    """One figure a method: the mean of each metric over a range of counts.

    A metric against the number of superpixels that came out is taken as a broken line,
    and this is its mean height. Beyond the counts that a method gives, the nearest
    figure is kept: ``reached_low`` and ``reached_high`` tell.

    Parameters
    ----------
    results : Results or DataFrame
        What `read_results` returns, or its table.
    protocol : str or Protocol, default="tu2018"
        One of `PROTOCOLS`.
    counts : tuple of two float, optional
        From and to which number of superpixels; `averaged_counts` by default.

    Returns
    -------
    DataFrame
        A row a method, in the order of the table: ``method``, a column a metric, and
        the least and greatest mean number of superpixels that came out.
    """
    protocol = find_protocol(protocol)
    rows = protocol.per_image(common_images(results))
    averages = _image_averages(rows, protocol, counts or averaged_counts(results))
    out = []
    for method, found in averages.groupby("method", sort=False, observed=True):
        sizes = rows[rows["method"] == method].groupby("requested")["n_segments"].mean()
        out.append(
            {
                "method": method,
                **{name: protocol.mean(found, name) for name in protocol.metrics},
                "reached_low": sizes.min(),
                "reached_high": sizes.max(),
            }
        )
    return pd.DataFrame(out)


def compare(results, protocol="tu2018", *, at=None, confidence=0.95):
    """Differences between methods, with intervals over the images.

    Two methods are compared image by image at equal numbers of superpixels, those that
    came out: each image's figures are a broken line over them, of which the mean over
    `averaged_counts` is taken, or the height at one count.

    Parameters
    ----------
    results : Results or DataFrame
        What `read_results` returns, or its table.
    protocol : str or Protocol, default="tu2018"
        One of `PROTOCOLS`.
    at : float, optional
        Number of superpixels; by default the mean over `averaged_counts`.
    confidence : float, default=0.95
        That all intervals of one metric hold together (Bonferroni).

    Returns
    -------
    DataFrame
        A row for each metric and two methods: ``metric``, ``first``, ``second``,
        ``difference`` (first minus second), ``low`` and ``high``, the ends of its
        bootstrap interval (10,000 resamples of the images), and ``real``, whether it
        excludes 0.
    """
    protocol = find_protocol(protocol)
    rows = protocol.per_image(common_images(results))
    span = averaged_counts(results) if at is None else (at, at)
    figures = _image_averages(rows, protocol, span)
    by_method = {
        method: found.set_index("image")
        for method, found in figures.groupby("method", sort=False, observed=True)
    }
    pairs = list(combinations(by_method, 2))
    out = []
    for first, second in pairs:
        one, other = by_method[first], by_method[second]
        names = list(protocol.metrics)
        difference = one[names] - other.loc[one.index, names]
        difference["weight"] = one["weight"]
        level = 1 - (1 - confidence) / len(pairs)
        low, high = _interval(difference, names, level)
        for i, name in enumerate(names):
            out.append(
                {
                    "metric": name,
                    "first": first,
                    "second": second,
                    "difference": protocol.mean(difference, name),
                    "low": low[i],
                    "high": high[i],
                    "real": bool(low[i] > 0 or high[i] < 0),
                }
            )
    columns = ["metric", "first", "second", "difference", "low", "high", "real"]
    table = pd.DataFrame(out, columns=columns)
    return table.sort_values("metric", key=_order(protocol), kind="stable")


def averaged_counts(results):
    """From and to which count averages run: the range that all methods were asked for.

    Parameters
    ----------
    results : Results or DataFrame
        What `read_results` returns, or its table.

    Returns
    -------
    tuple of two int
    """
    table = results.table if isinstance(results, Results) else results
    asked = table.groupby("method", observed=True)["requested"].agg(["min", "max"])
    low, high = int(asked["min"].max()), int(asked["max"].min())
    return min(low, high), max(low, high)


def common_images(results):
    """The table, confined to images that every method has at each of its counts."""
    table = results.table if isinstance(results, Results) else results
    keys = table[["method", "requested", "image"]].drop_duplicates()
    n_wanted = len(keys[["method", "requested"]].drop_duplicates())
    found = keys.groupby("image", observed=True).size()
    common = found.index[found == n_wanted]
    if len(common) == 0:
        raise ValueError("There is no image that all methods have at all counts.")
    return table[table["image"].isin(common)]


def _image_averages(rows, protocol, span):
    """One row for each method and image: the means over a span of counts."""
    low, high = span
    out = []
    for (method, image), found in rows.groupby(
        ["method", "image"], sort=False, observed=True
    ):
        sizes, first = np.unique(found["n_segments"], return_index=True)
        # Where a line bends, it is exact.
        at = np.unique(np.r_[low, high, sizes[(sizes > low) & (sizes < high)]])
        row = {"method": method, "image": image, "weight": found["weight"].iloc[0]}
        for name in protocol.metrics:
            values = np.interp(at, sizes, found[name].to_numpy()[first])
            if low < high:
                row[name] = trapezoid(values, at) / (high - low)
            else:
                row[name] = values[0]
        out.append(row)
    return pd.DataFrame(out)


def _interval(rows, columns, confidence):
    """Ends of the bootstrap intervals of weighted means over images."""
    n = len(rows)
    # The same resamples for all, so that results don't depend on what else is asked.
    times = np.random.default_rng(0).multinomial(n, np.full(n, 1 / n), size=_RESAMPLES)
    weight = rows["weight"].to_numpy(dtype=float)
    sums = times @ (rows[columns].to_numpy(dtype=float) * weight[:, None])
    means = sums / (times @ weight)[:, None]
    tail = (1 - confidence) / 2
    return np.quantile(means, [tail, 1 - tail], axis=0)


def _order(protocol):
    """Sorting key that keeps the protocol's order of metrics."""
    order = {name: i for i, name in enumerate(protocol.metrics)}
    return lambda names: names.map(order)
