"""Displays of scores against the number of superpixels, or against another score."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation import (
    by_position,
    check_int,
    check_names,
    check_option,
    check_pairs,
)
from ..metrics import evaluate
from ..metrics.catalogue import METRICS, Metric
from ..metrics.pairs import NOTHING_COUNTS, annotations_that_count, mean_of_rows
from .axes import CROWDED, draw_legend, find_axes, quiet, squeezed, styles

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from pandas import DataFrame

    from ..benchmark import Protocol, Results

__all__ = ["CurveDisplay"]


# Scores that `evaluate` returns, without the statistics of sizes.
_METRICS = [name for name in METRICS if name != "thick_boundary_recall"]
_DEFAULT = ("asa", "boundary_recall", "contour_density")
_COUNT = ("n_segments", "mean number of superpixels")
# Images segmented at a time: the label maps of a data set need not fit in memory.
_AT_A_TIME = 16


class CurveDisplay:
    """Scores against the number of superpixels returned, one curve per method.

    Boundary recall can also be drawn against contour density: of two methods that find
    as many boundaries, the one with the shorter contours is better.

    Create one with `from_estimators`, `from_labels` or `from_results`, which also draw
    it.

    Parameters
    ----------
    curves : dict of str to dict of str to array-like of shape (n_counts,)
        For each method, ``"n_segments"``, the mean numbers of superpixels, and the
        scores under the name of each metric; ``"METRIC_low"`` and ``"METRIC_high"`` are
        the ends of their intervals, if there are any.
    metrics : dict of str to str
        The metrics to draw, each on its own axes, and their labels.
    against : tuple of two str, default=("n_segments", "mean number of superpixels")
        Name in the curves of what the horizontal axis shows, and its label.

    Attributes
    ----------
    ax_ : matplotlib Axes, or ndarray of them for several metrics
        The axes of the last `plot`.
    figure_ : matplotlib Figure
        The figure of `ax_`.

    Examples
    --------
    >>> from matplotlib.figure import Figure
    >>> from seal_sk import ERSSuperpixels, SLICSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.plotting import CurveDisplay
    >>> X, y = make_scenes(2, shape=(64, 64), random_state=0)
    >>> display = CurveDisplay.from_estimators(
    ...     {"ERS": ERSSuperpixels(), "SLIC": SLICSuperpixels()},
    ...     X,
    ...     y,
    ...     counts=[20, 40],
    ...     ax=Figure().subplots(1, 3),
    ... )
    >>> display.curves["ERS"]["n_segments"]
    array([20., 40.])
    >>> list(display.metrics)
    ['asa', 'boundary_recall', 'contour_density']
    """

    ax_: Any

    def __init__(
        self,
        curves: Mapping[str, Mapping[str, ArrayLike]],
        metrics: Mapping[str, str],
        *,
        against: tuple[str, str] = _COUNT,
    ) -> None:
        self.curves = curves
        self.metrics = metrics
        self.against = against

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        X: Sequence[ArrayLike],
        y: Sequence[Any],
        counts: Sequence[int],
        *,
        metrics: Sequence[str] = _DEFAULT,
        against: str = "n_segments",
        tolerance: int = 1,
        ignore_label: int | None = None,
        ax: Any = None,
        legend: bool = True,
    ) -> CurveDisplay:
        """Segment images into several numbers of superpixels, and draw the scores.

        Parameters
        ----------
        estimators : dict of str to transformer
            Estimators by the names of the curves; learned ones have to be fitted. Each
            has a ``transform_counts``, like all those of this package, or a parameter
            `n_segments` and a ``transform``.
        X : sequence of images
            Images as for the estimators.
        y : sequence of label maps, or of lists of them
            Ground truth, one item per image.
        counts : sequence of int
            Requested numbers of superpixels.
        metrics, against, tolerance, ignore_label : optional
            As for `from_labels`.
        ax, legend : optional
            As for `plot`.

        Returns
        -------
        CurveDisplay

        Raises
        ------
        ValueError, TypeError
            If a parameter is not as described; before any image is segmented.
        """
        _check_methods(estimators)
        X, y = check_pairs(X, y)
        counts = [check_int(count, 1, name="counts") for count in counts]
        if not counts:
            raise ValueError("counts is empty; give at least one number.")
        for name, estimator in estimators.items():
            if isinstance(estimator, type):
                raise TypeError(
                    f"{name!r} is the class {estimator.__name__}; give an estimator: "
                    f"{estimator.__name__}()."
                )
            parameters: dict[str, Any] = getattr(estimator, "get_params", dict)()
            if not (
                hasattr(estimator, "transform_counts") or "n_segments" in parameters
            ):
                raise TypeError(
                    f"{name!r}, a {type(estimator).__name__}, has neither a "
                    "transform_counts nor a parameter n_segments; score its label maps "
                    "with CurveDisplay.from_labels."
                )
        return cls.from_labels(
            {name: _cut(one, X, counts) for name, one in estimators.items()},
            y,
            images=X,
            metrics=metrics,
            against=against,
            tolerance=tolerance,
            ignore_label=ignore_label,
            ax=ax,
            legend=legend,
        )

    @classmethod
    def from_labels(
        cls,
        label_maps: Mapping[str, Any],
        y: Sequence[Any],
        *,
        images: Sequence[ArrayLike] | None = None,
        metrics: Sequence[str] = _DEFAULT,
        against: str = "n_segments",
        tolerance: int = 1,
        ignore_label: int | None = None,
        ax: Any = None,
        legend: bool = True,
    ) -> CurveDisplay:
        """Score existing label maps, and draw the scores.

        Parameters
        ----------
        label_maps : dict of str to iterable of lists of label maps
            By the names of the curves: for each image, a list with one label map per
            number of superpixels, as ``transform_counts`` returns them.
        y : sequence of label maps, or of lists of them
            Ground truth, one item per image.
        images : sequence of images, optional
            For "explained_variation".
        metrics : sequence of str
            Names of scores of `seal_sk.metrics.evaluate`, except statistics of sizes;
            by default "asa", "boundary_recall" and "contour_density". Scores against
            ground truth are means over all (image, annotation) pairs, the others over
            the images.
        against : str, default="n_segments"
            What the horizontal axis shows: "n_segments" or one of these scores, such as
            "contour_density" for ``metrics=["boundary_recall"]``.
        tolerance, ignore_label : int, optional
            As for `seal_sk.metrics.evaluate`.
        ax, legend : optional
            As for `plot`.

        Returns
        -------
        CurveDisplay

        Raises
        ------
        ValueError, TypeError
            If a parameter is not as described.
        """
        metrics = check_names(metrics, _METRICS, name="metrics")
        against = check_option(against, ["n_segments", *_METRICS], name="against")
        _check_methods(label_maps)
        scores = [name for name in _METRICS if name in (*metrics, against)]
        if "explained_variation" not in scores:
            images = None
        elif images is None:
            raise ValueError("the metric 'explained_variation' needs images.")
        else:
            images, y = check_pairs(images, y)
        y = by_position(y)
        if len(y) == 0:
            raise ValueError("y is empty; there is nothing to score.")
        _check_axes(ax, len(metrics))
        tolerance = check_int(tolerance, 0, name="tolerance")
        scored = {"tolerance": tolerance, "ignore_label": ignore_label}
        curves = {
            name: _scores(name, maps, y, images, scores, scored)
            for name, maps in label_maps.items()
        }
        return cls._titled(curves, METRICS, metrics, against).plot(ax, legend=legend)

    @classmethod
    def from_results(
        cls,
        results: Results | DataFrame,
        *,
        metrics: Sequence[str] | None = None,
        against: str = "n_segments",
        protocol: str | Protocol = "tu2018",
        ax: Any = None,
        legend: bool = True,
    ) -> CurveDisplay:
        """Draw the results of a benchmark.

        Parameters
        ----------
        results : Results or DataFrame
            The return value of `seal_sk.benchmark.read_results`, its table, or the
            return value of `seal_sk.benchmark.summarize` for the same protocol.
        metrics : sequence of str, optional
            Some of the metrics of the protocol; by default all.
        against : str, default="n_segments"
            What the horizontal axis shows: "n_segments" or a metric of the protocol,
            such as "CD", the contour density, for ``metrics=["BR"]``.
        protocol : str or Protocol, default="tu2018"
            One of `seal_sk.benchmark.PROTOCOLS`.
        ax, legend : optional
            As for `plot`.

        Returns
        -------
        CurveDisplay

        Raises
        ------
        ValueError, TypeError
            If a parameter is not as described.
        ImportError
            If packages of ``pip install "seal_sk[bench]"`` are missing.
        """
        from ..benchmark.protocols import find_protocol
        from ..benchmark.results import Results
        from ..benchmark.summary import summarize

        found = find_protocol(protocol)
        known = found.metrics
        if metrics is not None:
            metrics = check_names(metrics, list(known), name="metrics")
        against = check_option(against, ["n_segments", *known], name="against")
        summary: Any = results
        # Only the table with one row per image has images.
        if isinstance(results, Results) or "image" in results.columns:
            summary = summarize(results, found)
        if metrics is None:
            columns = set(summary.columns)
            metrics = [n for n in known if n in columns or not known[n].at_equal]
        missing = {"method", "n_segments", *metrics, against} - set(summary.columns)
        if missing and summary is not results:
            raise ValueError(
                "results is of an earlier version, without "
                f"{', '.join(sorted(missing))}; run the benchmark again."
            )
        if missing:
            raise ValueError(
                f"results has no column {', '.join(sorted(missing))}; give the result "
                f"of summarize(results, {found.name!r})."
            )
        curves = {}
        for method, rows in summary.groupby("method", sort=False, observed=True):
            wanted = ["n_segments", against]
            for name in metrics:
                ends = (f"{name}_low", f"{name}_high")
                wanted += [name, *(end for end in ends if end in summary.columns)]
            curves[str(method)] = {name: rows[name].to_numpy() for name in wanted}
        return cls._titled(curves, known, metrics, against).plot(ax, legend=legend)

    @classmethod
    def _titled(
        cls,
        curves: Mapping[str, Mapping[str, ArrayLike]],
        known: Mapping[str, Metric],
        metrics: Sequence[str],
        against: str,
    ) -> CurveDisplay:
        """A display with the titles of known metrics."""
        titles = {name: _title(known[name]) for name in metrics}
        across = _COUNT if against == _COUNT[0] else (against, _title(known[against]))
        return cls(curves, titles, against=across)

    def plot(self, ax: Any = None, *, legend: bool = True) -> CurveDisplay:
        """Draw the curves.

        Parameters
        ----------
        ax : matplotlib Axes, or array of them, optional
            Axes to draw on, one per metric; by default a new figure.
        legend : bool, default=True
            Whether to draw a legend, on one of the axes.

        Returns
        -------
        CurveDisplay
            The display itself, with its attributes set.

        Raises
        ------
        ValueError, TypeError
            If the curves lack a metric, or `ax` does not match; before a figure is
            created.
        """
        across, label = self.against
        if not self.metrics:
            raise ValueError("metrics is empty; give at least one.")
        _check_curves(self.curves, [across, *self.metrics])
        axes = _find_axes(ax, len(self.metrics))
        look = styles(list(self.curves))
        bands = len(look) <= CROWDED
        for one, (name, title) in zip(axes, self.metrics.items(), strict=True):
            for method, columns in self.curves.items():
                _draw(one, columns, across, name, method, look[method], bands)
            one.set_xlabel(label)
            one.set_ylabel(title)
            quiet(one)
        if legend:
            draw_legend(axes[-1] if len(look) > CROWDED else axes[0])
        self.ax_ = squeezed(axes)
        self.figure_ = axes[0].figure
        return self


def _find_axes(ax: Any, n: int) -> list[Axes]:
    return find_axes(ax, n, what="the metrics", size=(5.2, 3.7))


def _check_axes(ax: Any, n: int) -> None:
    """Check given axes before any work; a new figure is created later."""
    if ax is not None:
        _find_axes(ax, n)


def _check_curves(
    curves: Mapping[str, Mapping[str, ArrayLike]], names: Sequence[str]
) -> None:
    """Refuse curves that lack values of a metric."""
    for method, columns in curves.items():
        for name in ("n_segments", *names):
            if name not in columns:
                raise ValueError(
                    f"the curve {method!r} has no {name!r}; it has "
                    f"{', '.join(map(repr, columns))}."
                )
            if np.shape(columns[name]) != np.shape(columns["n_segments"]):
                raise ValueError(
                    f"the curve {method!r} has {np.size(columns[name])} values of "
                    f"{name!r}, but {np.size(columns['n_segments'])} of 'n_segments'."
                )


def _check_methods(methods: Any) -> None:
    if not isinstance(methods, Mapping) or not methods:
        raise TypeError(
            f"{type(methods).__name__} given for the methods; give a dict of at least "
            "one, by the names of the curves."
        )


def _title(metric: Metric) -> str:
    if metric.at_equal:
        return metric.title
    better = "higher" if metric.higher_is_better else "lower"
    return f"{metric.title} ({better} is better)"


def _draw(
    ax: Axes,
    columns: Mapping[str, ArrayLike],
    across: str,
    name: str,
    method: str,
    look: dict[str, Any],
    band: bool,
) -> None:
    # From few superpixels to many, whatever the horizontal axis shows.
    order = np.argsort(np.asarray(columns["n_segments"], dtype=float), kind="stable")
    x = np.asarray(columns[across], dtype=float)[order]
    ax.plot(x, np.asarray(columns[name])[order], label=method, **look)
    low, high = f"{name}_low", f"{name}_high"
    if band and low in columns and high in columns:
        ax.fill_between(
            x,
            np.asarray(columns[low])[order],
            np.asarray(columns[high])[order],
            color=look["color"],
            alpha=0.13,
            linewidth=0,
        )


def _cut(
    estimator: Any, X: Sequence[ArrayLike], counts: list[int]
) -> Iterator[list[NDArray]]:
    """For each image, one label map per number of superpixels."""
    for first in range(0, len(X), _AT_A_TIME):
        some = [X[i] for i in range(first, min(first + _AT_A_TIME, len(X)))]
        if hasattr(estimator, "transform_counts"):
            yield from estimator.transform_counts(some, counts)
            continue
        # A copy stays fitted, and the user's estimator is not changed.
        by_count = [
            deepcopy(estimator).set_params(n_segments=count).transform(some)
            for count in counts
        ]
        yield from map(list, zip(*by_count, strict=True))


def _scores(
    name: str,
    label_maps: Any,
    y: Sequence[Any],
    images: Sequence[ArrayLike] | None,
    metrics: Sequence[str],
    scored: dict[str, Any],
) -> dict[str, NDArray[np.float64]]:
    """A curve: mean number of superpixels and scores, for each requested number."""
    # One list per number of superpixels, with the scores of the images.
    found: list[list[dict[str, Any]]] = []
    n_images = 0
    for i, maps in enumerate(label_maps):
        if i == len(y):
            raise ValueError(
                f"{name!r} has label maps of more images than the {len(y)} of y; they "
                "must be of the same images."
            )
        if i == 0:
            if len(maps) == 0:
                raise ValueError(
                    f"{name!r} has no label map of image 0; give one per number of "
                    "superpixels."
                )
            found = [[] for _ in maps]
        if len(maps) != len(found):
            raise ValueError(
                f"{name!r} has {len(maps)} label maps of image {i}, but {len(found)} "
                "of the first; give one per number of superpixels."
            )
        image: Any = None if images is None else images[i]
        for rows, labels in zip(found, maps, strict=True):
            truth = annotations_that_count(
                y[i], labels, scored["ignore_label"], f"y[{i}]"
            )
            if not truth:
                continue
            rows.append(evaluate(truth, labels, image=image, average=False, **scored))
        n_images += 1
    if n_images != len(y):
        raise ValueError(
            f"{name!r} has label maps of {n_images} images, but y of {len(y)}; they "
            "must be of the same images."
        )
    if not all(found):
        raise ValueError(NOTHING_COUNTS)
    names = ("n_segments", *metrics)
    means = [mean_of_rows(rows, names) for rows in found]
    return {name: np.array([mean[name] for mean in means]) for name in names}
