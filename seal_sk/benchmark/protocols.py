"""Protocols: which figures of the table are meant, and how they become one number."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Literal

import numpy as np

from ..metrics.catalogue import METRICS, Metric

if TYPE_CHECKING:
    import pandas as pd


__all__ = ["PROTOCOLS", "Protocol", "find_protocol"]


@dataclass(frozen=True)
class Protocol:
    """Which figures are reported, and how those of several annotations are joined.

    Parameters
    ----------
    name : str
        What it is called by.
    annotations : {"mean", "best", "worst"}
        "mean": a data set's figure is the mean over all (image, annotation) pairs.
        "best" and "worst": of each image the best or worst annotation for each figure,
        then the mean over the images.
    metrics : dict of str to Metric
        By the name that tables and figures have for it.
    description : str
        With the source.

    Examples
    --------
    One of your own, which `summarize` and the others take in place of a name:

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
        """One row for each method, requested count and image.

        Parameters
        ----------
        table : DataFrame
            As `Results.table`.

        Returns
        -------
        DataFrame
            ``method``, ``requested``, ``image``, ``weight``, ``n_segments``,
            ``seconds``, ``peak_memory``, and a column a metric with the image's
            figure. The data set's is the mean of these, weighed by ``weight``.
        """
        key = ["method", "requested", "image"]
        groups = table.groupby(key, sort=False, observed=True)
        rows = groups[["n_segments", "seconds", "peak_memory"]].first()
        rows["weight"] = groups.size() if self.annotations == "mean" else 1
        for name, metric in self.metrics.items():
            # To the better or the worse, whichever way the figure runs.
            how = "max" if metric.higher_is_better else "min"
            if self.annotations == "worst":
                how = {"max": "min", "min": "max"}[how]
            if self.annotations == "mean":
                how = "mean"
            rows[name] = groups[metric.column].agg(how)
        return rows.reset_index()

    def mean(self, rows: pd.DataFrame, column: str) -> float:
        """A data set's figure from `per_image`'s rows.

        Parameters
        ----------
        rows : DataFrame
            Of one method at one count, for example.
        column : str
            Name of a metric.

        Returns
        -------
        float
            The mean over the images, by their weight.
        """
        return float(np.average(rows[column], weights=rows["weight"]))


#: Protocols by name.
PROTOCOLS = {
    protocol.name: protocol
    for protocol in (
        Protocol(
            "tu2018",
            "mean",
            {"ASA": METRICS["asa"], "BR": METRICS["boundary_recall"]},
            "Tu et al., CVPR 2018: ASA and boundary recall (boundaries one pixel "
            "thick, the data set's tolerance), means over all (image, annotation) "
            "pairs.",
        ),
        Protocol(
            "stutz2018",
            "worst",
            {
                "Rec": METRICS["thick_boundary_recall"],
                "UE": METRICS["min_undersegmentation_error"],
                "EV": METRICS["explained_variation"],
                "CO": METRICS["compactness"],
            },
            "Stutz et al., CVIU 2018: boundary recall with boundaries two pixels thick "
            "and a tolerance of 0.25 % of the diagonal, undersegmentation error by "
            "Neubert and Protzel, explained variation, compactness; of each image the "
            "annotation with the worst score, then the mean over images.",
        ),
        Protocol(
            "best-annotation",
            "best",
            {"ASA": METRICS["asa"], "BR": METRICS["boundary_recall"]},
            "ASA and boundary recall as in tu2018, but of each image the annotation "
            "with the best score, then the mean over images; flattering, and common.",
        ),
    )
}


def find_protocol(protocol: str | Protocol) -> Protocol:
    """A protocol from its name, or as it is."""
    if isinstance(protocol, Protocol):
        return protocol
    if protocol not in PROTOCOLS:
        raise ValueError(
            f"There is no protocol {protocol!r}; there are {', '.join(PROTOCOLS)}."
        )
    return PROTOCOLS[protocol]
