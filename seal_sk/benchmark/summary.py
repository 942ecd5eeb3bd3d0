"""Summaries of the table: means, averages over counts, differences of methods."""

from functools import lru_cache
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid
from scipy.stats import norm, t

from .._validation import check_real
from .protocols import Protocol, find_protocol, measured_in
from .results import Results

__all__ = [
    "average_over_counts",
    "averaged_counts",
    "common_images",
    "compare",
    "summarize",
]

_RESAMPLES = 20_000

# Intervals over fewer images are not reliable.
_FEWEST_IMAGES = 10


def summarize(
    results: Results | pd.DataFrame,
    protocol: str | Protocol = "tu2018",
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compute the scores of each method at each requested count.

    Parameters
    ----------
    results : Results or DataFrame
        Return value of `read_results`, or its table.
    protocol : str or Protocol, default="tu2018"
        One of `PROTOCOLS`.
    confidence : float, default=0.95
        Confidence level of the intervals, in 0..1.

    Returns
    -------
    DataFrame
        One row per method and requested count: ``method``, ``requested``, ``n_images``;
        ``n_segments`` and ``n_regions``, means over the images; for each metric of the
        protocol its mean, and the ends of its bootstrap interval over images in
        ``METRIC_low`` and ``METRIC_high`` (NaN for fewer than 10 images); ``seconds``,
        the median over the images; ``peak_memory`` in MiB, the maximum.

    Raises
    ------
    ValueError
        If the protocol does not exist, or no image has results of all methods.

    Notes
    -----
    Means are over the images that have results of every method at each of its counts.

    Examples
    --------
    >>> import tempfile
    >>> from seal_sk.benchmark import run_benchmark, summarize
    >>> from seal_sk.datasets import Dataset, make_scenes
    >>> scenes = Dataset("scenes", *make_scenes(2, shape=(48, 48), random_state=0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = run_benchmark(scenes, ["ers", "fh"], [10, 20], folder)
    >>> summarize(results)[["method", "requested", "n_images", "n_segments"]]
      method  requested  n_images  n_segments
    0    ers         10         2        10.0
    1    ers         20         2        20.0
    2     fh         10         2        10.0
    3     fh         20         2        20.0
    """
    confidence = _check_confidence(confidence)
    table = common_images(results)
    protocol = measured_in(find_protocol(protocol), table.columns)
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
        low, high = _interval(found, protocol, confidence)
        for i, name in enumerate(protocol.metrics):
            row[name] = protocol.mean(found, name)
            row[f"{name}_low"], row[f"{name}_high"] = low[i], high[i]
        row["seconds"] = found["seconds"].median()
        row["peak_memory"] = found["peak_memory"].max()
        summary.append(row)
    return pd.DataFrame(summary)


def average_over_counts(
    results: Results | pd.DataFrame,
    protocol: str | Protocol = "tu2018",
    *,
    counts: tuple[float, float] | None = None,
) -> pd.DataFrame:
    """Average each metric over a range of counts, for one score per method.

    The metric is interpolated linearly over the returned number of superpixels, and the
    result is its mean over the range. Outside the numbers that a method reaches
    (``reached_low`` to ``reached_high``), its nearest score is used.

    Parameters
    ----------
    results : Results or DataFrame
        Return value of `read_results`, or its table.
    protocol : str or Protocol, default="tu2018"
        One of `PROTOCOLS`.
    counts : tuple of two float, optional
        Lowest and highest number of superpixels; by default `averaged_counts`.

    Returns
    -------
    DataFrame
        One row per method, in the order of the table: ``method``, one column per
        metric, and the lowest and highest mean number of superpixels returned.

    Raises
    ------
    ValueError
        If the protocol does not exist, no image has results of all methods, or `counts`
        is not ascending.

    Examples
    --------
    >>> import tempfile
    >>> from seal_sk.benchmark import average_over_counts, run_benchmark
    >>> from seal_sk.datasets import Dataset, make_scenes
    >>> scenes = Dataset("scenes", *make_scenes(2, shape=(48, 48), random_state=0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = run_benchmark(scenes, ["ers", "fh"], [10, 20], folder)
    >>> averages = average_over_counts(results)
    >>> averages[["method", "reached_low", "reached_high"]]
      method  reached_low  reached_high
    0    ers         10.0          20.0
    1     fh         10.0          20.0
    >>> bool(averages["ASA"].between(0, 1).all())
    True
    """
    table = common_images(results)
    protocol = measured_in(find_protocol(protocol), table.columns)
    rows = protocol.per_image(table)
    low, high = averaged_counts(results) if counts is None else counts
    if low > high:
        raise ValueError(f"counts={counts!r} must be ascending.")
    averages = _image_averages(rows, protocol, (low, high))
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


def compare(
    results: Results | pd.DataFrame,
    protocol: str | Protocol = "tu2018",
    *,
    at: float | None = None,
    confidence: float = 0.95,
) -> pd.DataFrame:
    """Compute differences between methods, with intervals over the images.

    Two methods are compared image by image at equal numbers of returned superpixels.
    The scores of each image are interpolated linearly over these numbers; they are then
    averaged over the range that both methods reach, or taken at one number.

    Parameters
    ----------
    results : Results or DataFrame
        Return value of `read_results`, or its table.
    protocol : str or Protocol, default="tu2018"
        One of `PROTOCOLS`.
    at : float, optional
        Number of superpixels; by default the scores are averaged over the range of each
        pair.
    confidence : float, default=0.95
        Joint confidence level of all intervals of one metric (Bonferroni), above 0 and
        below 1.

    Returns
    -------
    DataFrame
        One row per metric and pair of methods: ``metric``, ``first``, ``second``;
        ``from`` and ``to``, the range of superpixels that both reach; ``difference``
        (first minus second); ``low`` and ``high``, the ends of its bootstrap interval
        (20,000 resamples of the images); and ``real``, whether the interval excludes 0.
        If two methods have no number of superpixels in common (or do not both reach
        `at`), the difference is NaN. With fewer than 10 images, the interval is NaN.

    Raises
    ------
    ValueError
        If the protocol does not exist, or no image has results of all methods.

    Notes
    -----
    For few images, the percentiles are widened by the t distribution.

    References
    ----------
    Hesterberg, "What Teachers Should Know About the Bootstrap", The American
    Statistician 69, 2015.

    Examples
    --------
    >>> import tempfile
    >>> from seal_sk.benchmark import compare, run_benchmark
    >>> from seal_sk.datasets import Dataset, make_scenes
    >>> scenes = Dataset("scenes", *make_scenes(2, shape=(48, 48), random_state=0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = run_benchmark(scenes, ["ers", "fh"], [10, 20], folder)
    >>> compare(results)[["metric", "first", "second", "from", "to"]]
      metric first second  from    to
    0    ASA   ers     fh  10.0  20.0
    1     BR   ers     fh  10.0  20.0
    2     CD   ers     fh  10.0  20.0
    """
    confidence = _check_confidence(confidence)
    table = common_images(results)
    protocol = measured_in(find_protocol(protocol), table.columns)
    rows = protocol.per_image(table)
    sizes = rows.groupby(["method", "requested"], sort=False, observed=True)
    reached = sizes["n_segments"].mean().groupby("method", observed=True)
    least, greatest = reached.min(), reached.max()
    methods = list(rows["method"].unique())
    pairs = list(combinations(methods, 2))
    names = list(protocol.metrics)
    out = []
    for first, second in pairs:
        low = max(least[first], least[second])
        high = min(greatest[first], greatest[second])
        if at is not None:
            low, high = (at, at) if low <= at <= high else (1, 0)
        differences = None
        if low <= high:
            one, other = (
                _image_averages(
                    rows[rows["method"] == method], protocol, (low, high)
                ).set_index("image")
                for method in (first, second)
            )
            differences = one[names] - other.loc[one.index, names]
            differences["weight"] = one["weight"]
            # All pairs count, whether they can be compared or not.
            level = 1 - (1 - confidence) / len(pairs)
            ends = _interval(differences, protocol, level)
        for i, name in enumerate(names):
            row = {"metric": name, "first": first, "second": second}
            if differences is None:
                out.append({**row, "real": False})
                continue
            out.append(
                {
                    **row,
                    "from": low,
                    "to": high,
                    "difference": protocol.mean(differences, name),
                    "low": ends[0][i],
                    "high": ends[1][i],
                    "real": bool(ends[0][i] > 0 or ends[1][i] < 0),
                }
            )
    columns = ["metric", "first", "second", "from", "to"]
    found = pd.DataFrame(out, columns=[*columns, "difference", "low", "high", "real"])
    return found.sort_values("metric", key=_order(protocol), kind="stable")


def averaged_counts(results: Results | pd.DataFrame) -> tuple[int, int]:
    """Range of the averages over counts: counts requested from all methods.

    Parameters
    ----------
    results : Results or DataFrame
        Return value of `read_results`, or its table.

    Returns
    -------
    tuple of two int
    """
    table = results.table if isinstance(results, Results) else results
    asked = table.groupby("method", observed=True)["requested"].agg(["min", "max"])
    low, high = int(asked["min"].max()), int(asked["max"].min())
    return min(low, high), max(low, high)


def common_images(results: Results | pd.DataFrame) -> pd.DataFrame:
    """The table, without images that lack results of a method at a count."""
    table = results.table if isinstance(results, Results) else results
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"results is {type(table).__name__}; give the results of read_results, or "
            "their table."
        )
    keys = table[["method", "requested", "image"]].drop_duplicates()
    n_wanted = len(keys[["method", "requested"]].drop_duplicates())
    found = keys.groupby("image", observed=True).size()
    common = found.index[found == n_wanted]
    if len(common) == 0:
        raise ValueError("No image has results of all methods at all counts.")
    return table[table["image"].isin(common)]


def _image_averages(rows, protocol, span):
    """One row per method and image: the means over a span of counts."""
    low, high = span
    out = []
    for (method, image), found in rows.groupby(
        ["method", "image"], sort=False, observed=True
    ):
        sizes, first = np.unique(found["n_segments"], return_index=True)
        # Exact at the points where the line bends.
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


def _interval(rows, protocol, confidence):
    """Ends of the bootstrap intervals of the means of each metric.

    NaN if there are too few images for a reliable interval.
    """
    n, columns = len(rows), list(protocol.metrics)
    if n < _FEWEST_IMAGES:
        return np.full((2, len(columns)), np.nan)
    weight = np.stack([protocol.weights(rows, name) for name in columns], axis=1)
    values = rows[columns].to_numpy(dtype=float) * weight
    times = _resamples(n)
    means = (times @ values) / (times @ weight)
    # For few images, the percentiles alone are too narrow.
    quantile = np.sqrt(n / (n - 1)) * t.ppf((1 - confidence) / 2, n - 1)
    tail = norm.cdf(quantile)
    return np.quantile(means, [tail, 1 - tail], axis=0)


@lru_cache(maxsize=2)
def _resamples(n):
    """Number of times each of n images is in each resample; always the same."""
    random = np.random.default_rng(0)
    times = random.multinomial(n, np.full(n, 1 / n), size=_RESAMPLES)
    return times.astype(np.float64)


def _check_confidence(confidence):
    confidence = check_real(confidence, 0, name="confidence", exclusive=True)
    if confidence >= 1:
        raise ValueError(f"confidence={confidence} must be below 1, as in 0.95.")
    return confidence


def _order(protocol):
    """Sorting key that keeps the protocol's order of metrics."""
    order = {name: i for i, name in enumerate(protocol.metrics)}
    return lambda names: names.map(order)
