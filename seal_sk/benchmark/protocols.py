"""Protocols: the scores that are reported, and how they are averaged."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Literal

import numpy as np
from numpy.typing import NDArray

from ..metrics.catalogue import METRICS, Metric

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["PROTOCOLS", "Protocol", "find_protocol", "measured_in"]


@dataclass(frozen=True)
class Protocol:
    """Scores to report, and how to combine those of several annotations.

    Parameters
    ----------
    name : str
        Name of the protocol.
    annotations : {"mean", "best", "worst"}
        "mean": the score of a data set is the mean over all (image, annotation) pairs.
        "best" and "worst": for each score and image, the best or worst annotation, then
        the mean over the images. Metrics that need no ground truth are always averaged
        over the images.
    metrics : dict of str to Metric
        Metrics, by their names in tables and figures.
    description : str
        Description, with the source.

    Examples
    --------
    A custom protocol, which `summarize` and the other functions accept in place of a
    name:

    >>> from seal_sk.benchmark import Metric, Protocol
    >>> recall = Metric("boundary_recall", "Boundary recall")
    >>> worst = Protocol("worst", "worst", {"BR": recall}, "Recall, at its worst.")
    >>> list(worst.metrics)
    ['BR']
    """

    name: str
    annotations: Literal["mean", "best", "worst"]
    metrics: dict[str, Metric] = field(hash=False)
    description: str

    def per_image(self, table: pd.DataFrame) -> pd.DataFrame:
        """Return one row per method, requested count and image.

        Parameters
        ----------
        table : DataFrame
            Table of `Results.table`.

        Returns
        -------
        DataFrame
            ``method``, ``requested``, ``image``, ``weight``, ``n_segments``,
            ``seconds``, ``peak_memory``, and one column per metric with the score of
            the image. `mean` gives the score of the data set.
        """
        key = ["method", "requested", "image"]
        groups = table.groupby(key, sort=False, observed=True)
        rows = groups[["n_segments", "seconds", "peak_memory"]].first()
        rows["weight"] = groups.size() if self.annotations == "mean" else 1
        for name, metric in self.metrics.items():
            # Better may be higher or lower, depending on the metric.
            how = "max" if metric.higher_is_better else "min"
            if self.annotations == "worst":
                how = {"max": "min", "min": "max"}[how]
            if self.annotations == "mean":
                how = "mean"
            rows[name] = groups[metric.column].agg(how)
        return rows.reset_index()

    def mean(self, rows: pd.DataFrame, column: str) -> float:
        """Return the score of a data set, from the rows of `per_image`.

        Parameters
        ----------
        rows : DataFrame
            Rows, for example of one method at one count.
        column : str
            Name of a metric.

        Returns
        -------
        float
            The mean over the images, weighted by ``weight`` if the metric needs ground
            truth.
        """
        return float(np.average(rows[column], weights=self.weights(rows, column)))

    def weights(self, rows: pd.DataFrame, column: str) -> NDArray[np.float64]:
        """Return the weight of each image in the mean of a metric.

        Parameters
        ----------
        rows : DataFrame
            Rows of `per_image`.
        column : str
            Name of a metric.

        Returns
        -------
        ndarray of float of shape (n_images,)
            ``weight`` if the metric needs ground truth, otherwise 1.
        """
        if self.metrics[column].needs != "truth":
            return np.ones(len(rows))
        return rows["weight"].to_numpy(dtype=float)


_ASA_AND_RECALL = {
    "ASA": METRICS["asa"],
    "BR": METRICS["boundary_recall"],
    "CD": METRICS["contour_density"],
}

#: Protocols by name.
PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "tu2018",
            "mean",
            _ASA_AND_RECALL,
            "Tu et al., CVPR 2018: ASA and boundary recall (boundaries one pixel "
            "thick, the data set's tolerance), means over all (image, annotation) "
            "pairs; beside them the contour density.",
        ),
        Protocol(
            "stutz2018",
            "worst",
            {
                "Rec": METRICS["thick_boundary_recall"],
                "CD": METRICS["contour_density"],
                "UE": METRICS["min_undersegmentation_error"],
                "EV": METRICS["explained_variation"],
                "CO": METRICS["compactness"],
            },
            "Stutz et al., CVIU 2018: boundary recall with boundaries two pixels thick "
            "and a tolerance of 0.25 % of the diagonal, undersegmentation error by "
            "Neubert and Protzel, explained variation, compactness; per image, the "
            "annotation with the worst score, then the mean over images; beside them "
            "the contour density.",
        ),
        Protocol(
            "best-annotation",
            "best",
            _ASA_AND_RECALL,
            "ASA and boundary recall as in tu2018, but per image the annotation with "
            "the best score, then the mean over images; common, but too optimistic.",
        ),
    )
}


def find_protocol(protocol: str | Protocol) -> Protocol:
    """Find a protocol by its name; return protocols unchanged."""
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise ValueError(
            f"There is no protocol {protocol!r}; give one of {', '.join(PROTOCOLS)}."
        )
    return PROTOCOLS[protocol]


def measured_in(protocol: Protocol, columns: Collection[str]) -> Protocol:
    """Return the protocol without accompanying metrics that a table does not hold.

    Tables that were published before contour density stood beside recall lack it.

    Parameters
    ----------
    protocol : Protocol
    columns : collection of str
        Columns of the table of a benchmark.

    Returns
    -------
    Protocol

    Raises
    ------
    ValueError
        If no metric is left.
    """
    kept = {
        name: metric
        for name, metric in protocol.metrics.items()
        if metric.column in columns or not metric.at_equal
    }
    if not kept:
        raise ValueError(
            f"the table has no score of the protocol {protocol.name!r}; run the "
            "benchmark again."
        )
    return replace(protocol, metrics=kept)
