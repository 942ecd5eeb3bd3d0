"""From the table to figures of methods: means, averages over counts, differences."""

from functools import lru_cache
from itertools import combinations

import numpy as np
import pandas as pd
from scipy.integrate import trapezoid
from scipy.stats import norm, t

from .._validation import check_real
from .protocols import Protocol, find_protocol
from .results import Results

__all__ = [
    "average_over_counts",
    "averaged_counts",
    "common_images",
    "compare",
    "summarize",
]

_RESAMPLES = 20_000

# With fewer, no interval can be trusted.
_FEWEST_IMAGES = 10


def summarize(
    results: Results | pd.DataFrame,
    protocol: str | Protocol = "tu2018",
    *,
    confidence: float = 0.95,
) -> pd.DataFrame:
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
        images in ``METRIC_low`` and ``METRIC_high`` (NaN below 10 images);
        ``seconds``, median over the images; ``peak_memory`` (MiB), the largest.

    Raises
    ------
    ValueError
        If there is no such protocol, or no image that all methods have.

    Notes
    -----
    Means are over those images that every method has at each of its counts.

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
    protocol = find_protocol(protocol)
    confidence = _check_confidence(confidence)
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


def average_over_counts(
    results: Results | pd.DataFrame,
    protocol: str | Protocol = "tu2018",
    *,
    counts: tuple[float, float] | None = None,
) -> pd.DataFrame:
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

    Raises
    ------
    ValueError
        If there is no such protocol, no image that all methods have, or `counts` falls.

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
    protocol = find_protocol(protocol)
    rows = protocol.per_image(common_images(results))
    low, high = averaged_counts(results) if counts is None else counts
    if low > high:
        raise ValueError(f"counts={counts!r} must be from the lesser to the greater.")
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
    """Differences between methods, with intervals over the images.

    Two methods are compared image by image at equal numbers of superpixels, those that
    came out: each image's figures are a broken line over them, of which the mean over
    the range that both methods reach is taken, or the height at one number.

    Parameters
    ----------
    results : Results or DataFrame
        What `read_results` returns, or its table.
    protocol : str or Protocol, default="tu2018"
        One of `PROTOCOLS`.
    at : float, optional
        Number of superpixels; by default the mean over the range of each pair.
    confidence : float, default=0.95
        That all intervals of one metric hold together (Bonferroni), above 0 and below
        1.

    Returns
    -------
    DataFrame
        A row for each metric and two methods: ``metric``, ``first``, ``second``;
        ``from`` and ``to``, the numbers of superpixels that both reach; ``difference``
        (first minus second), ``low`` and ``high``, the ends of its bootstrap interval
        (20,000 resamples of the images), and ``real``, whether it excludes 0. Where
        two methods have no number of superpixels in common (or not `at`), the
        difference is NaN; so is the interval where there are fewer than 10 images.

    Raises
    ------
    ValueError
        If there is no such protocol, or no image that all methods have.

    Notes
    -----
    The percentiles are widened for few images, by the t distribution.

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
    """
    protocol = find_protocol(protocol)
    confidence = _check_confidence(confidence)
    rows = protocol.per_image(common_images(results))
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
            # All pairs together, whether they can be compared or not.
            level = 1 - (1 - confidence) / len(pairs)
            ends = _interval(differences, names, level)
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
    table = pd.DataFrame(out, columns=[*columns, "difference", "low", "high", "real"])
    return table.sort_values("metric", key=_order(protocol), kind="stable")


def averaged_counts(results: Results | pd.DataFrame) -> tuple[int, int]:
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


def common_images(results: Results | pd.DataFrame) -> pd.DataFrame:
    """The table, confined to images that every method has at each of its counts."""
    table = results.table if isinstance(results, Results) else results
    if not isinstance(table, pd.DataFrame):
        raise TypeError(
            f"results is {type(table).__name__}; give what read_results returns, or "
            "its table."
        )
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
    """Ends of the bootstrap intervals of weighted means over images.

    NaN where there are too few images for any to be trusted.
    """
    n = len(rows)
    if n < _FEWEST_IMAGES:
        return np.full((2, len(columns)), np.nan)
    weight = rows["weight"].to_numpy(dtype=float)
    values = rows[columns].to_numpy(dtype=float) * weight[:, None]
    times = _resamples(n)
    means = (times @ values) / (times @ weight)[:, None]
    # Percentiles alone are too narrow for few images.
    quantile = np.sqrt(n / (n - 1)) * t.ppf((1 - confidence) / 2, n - 1)
    tail = norm.cdf(quantile)
    return np.quantile(means, [tail, 1 - tail], axis=0)


@lru_cache(maxsize=2)
def _resamples(n):
    """How often each of n images is in each resample; the same in every call."""
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
