"""The scores by name: what each is called, which way it runs, and what it needs."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

__all__ = ["METRICS", "Metric"]


@dataclass(frozen=True)
class Metric:
    """A score of label maps.

    Parameters
    ----------
    column : str
        Its name in what `evaluate` returns and in the table of a benchmark.
    title : str
        Its name in figures.
    higher_is_better : bool, default=True
        False for errors.
    abbreviation : str, default=""
        Its name in narrow tables; "" if it has none.
    needs : {"truth", "labels", "image"}, default="truth"
        What it compares label maps with: ground truth, nothing, or the image. A score
        that needs ground truth is averaged over all (image, annotation) pairs, the
        others over the images.
    range : tuple of float, default=(0.0, 1.0)
        The least and the greatest value that it can have.

    Examples
    --------
    >>> from seal_sk.benchmark import PROTOCOLS
    >>> recall = PROTOCOLS["tu2018"].metrics["BR"]
    >>> recall.column, recall.title, recall.higher_is_better
    ('boundary_recall', 'Boundary recall', True)
    """

    column: str
    title: str
    higher_is_better: bool = True
    abbreviation: str = ""
    needs: Literal["truth", "labels", "image"] = "truth"
    range: tuple[float, float] = (0.0, 1.0)


#: All of them by name.
METRICS = {
    metric.column: metric
    for metric in (
        Metric("asa", "ASA", abbreviation="ASA"),
        Metric("boundary_recall", "Boundary recall", abbreviation="BR"),
        Metric("boundary_precision", "Boundary precision", abbreviation="BP"),
        Metric("boundary_f", "Boundary F-measure"),
        Metric("thick_boundary_recall", "Boundary recall (Stutz)"),
        Metric(
            "undersegmentation_error",
            "Undersegmentation error (Levinshtein)",
            higher_is_better=False,
            range=(0.0, float("inf")),
        ),
        Metric(
            "corrected_undersegmentation_error",
            "Undersegmentation error (van den Bergh)",
            higher_is_better=False,
            abbreviation="UE",
        ),
        Metric(
            "min_undersegmentation_error",
            "Undersegmentation error (Neubert)",
            higher_is_better=False,
        ),
        Metric(
            "explained_variation",
            "Explained variation",
            abbreviation="EV",
            needs="image",
        ),
        Metric("compactness", "Compactness", abbreviation="CO", needs="labels"),
        Metric(
            "contour_density",
            "Contour density",
            higher_is_better=False,
            needs="labels",
        ),
    )
}
