"""Displays of scores against the number of superpixels."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from copy import deepcopy
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._validation import by_position, check_int, check_names, check_pairs
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
# Images segmented at a time: the label maps of a data set need not fit in memory.
_AT_A_TIME = 16


class CurveDisplay:
    """Scores against the number of superpixels returned, one curve per method.

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
    ...     ax=Figure().subplots(1, 2),
    ... )
    >>> display.curves["ERS"]["n_segments"]
    array([20., 40.])
    """

    ax_: Any

    def __init__(
        self,
        curves: Mapping[str, Mapping[str, ArrayLike]],
        metrics: Mapping[str, str],
    ) -> None:
        self.curves = curves
        self.metrics = metrics

    @classmethod
    def from_estimators(
        cls,
        estimators: Mapping[str, Any],
        X: Sequence[ArrayLike],
        y: Sequence[Any],
        counts: Sequence[int],
        *,
        metrics: Sequence[str] = ("asa", "boundary_recall"),
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
        metrics, tolerance, ignore_label : optional
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
        metrics: Sequence[str] = ("asa", "boundary_recall"),
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
        metrics : sequence of str, default=("asa", "boundary_recall")
            Names of scores of `seal_sk.metrics.evaluate`, except statistics of sizes.
            Scores against ground truth are means over all (image, annotation) pairs,
            the others over the images.
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
        _check_methods(label_maps)
        if "explained_variation" not in metrics:
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
            name: _scores(name, maps, y, images, metrics, scored)
            for name, maps in label_maps.items()
        }
        titles = {name: _title(METRICS[name]) for name in metrics}
        return cls(curves, titles).plot(ax, legend=legend)

    @classmethod
    def from_results(
        cls,
        results: Results | DataFrame,
        *,
        metrics: Sequence[str] | None = None,
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
        metrics = check_names(
            list(known) if metrics is None else metrics, list(known), name="metrics"
        )
        summary: Any = results
        # Only the table with one row per image has images.
        if isinstance(results, Results) or "image" in results.columns:
            summary = summarize(results, found)
        missing = {"method", "n_segments", *metrics} - set(summary.columns)
        if missing:
            raise ValueError(
                f"results has no column {', '.join(sorted(missing))}; give the result "
                f"of summarize(results, {found.name!r})."
            )
        curves = {}
        for method, rows in summary.groupby("method", sort=False, observed=True):
            wanted = ["n_segments"]
            for name in metrics:
                ends = (f"{name}_low", f"{name}_high")
                wanted += [name, *(end for end in ends if end in summary.columns)]
            curves[str(method)] = {name: rows[name].to_numpy() for name in wanted}
        titles = {name: _title(known[name]) for name in metrics}
        return cls(curves, titles).plot(ax, legend=legend)

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
        _check_curves(self.curves, self.metrics)
        axes = _find_axes(ax, len(self.metrics))
        look = styles(list(self.curves))
        for one, (name, title) in zip(axes, self.metrics.items(), strict=True):
            for method, columns in self.curves.items():
                _draw(one, columns, name, method, look[method], len(look) <= CROWDED)
            one.set_xlabel("mean number of superpixels")
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
    curves: Mapping[str, Mapping[str, ArrayLike]], metrics: Mapping[str, str]
) -> None:
    """Refuse curves that lack values of a metric."""
    if not metrics:
        raise ValueError("metrics is empty; give at least one.")
    for method, columns in curves.items():
        for name in ("n_segments", *metrics):
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
    better = "higher" if metric.higher_is_better else "lower"
    return f"{metric.title} ({better} is better)"


def _draw(
    ax: Axes,
    columns: Mapping[str, ArrayLike],
    name: str,
    method: str,
    look: dict[str, Any],
    band: bool,
) -> None:
    sizes = np.asarray(columns["n_segments"], dtype=float)
    order = np.argsort(sizes, kind="stable")
    ax.plot(sizes[order], np.asarray(columns[name])[order], label=method, **look)
    low, high = f"{name}_low", f"{name}_high"
    if band and low in columns and high in columns:
        ax.fill_between(
            sizes[order],
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
