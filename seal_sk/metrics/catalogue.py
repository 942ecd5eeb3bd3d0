"""The scores by name, with their titles, directions and inputs."""

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
        Name in the result of `evaluate` and in the table of a benchmark.
    title : str
        Name in figures.
    higher_is_better : bool, default=True
        False for errors.
    abbreviation : str, default=""
        Name in narrow tables; "" if there is none.
    needs : {"truth", "labels", "image"}, default="truth"
        Whether label maps are compared with ground truth, with nothing, or with the
        image. Scores against ground truth are averaged over all (image, annotation)
        pairs, the others over the images.
    range : tuple of float, default=(0.0, 1.0)
        Smallest and largest possible value.
    at_equal : tuple of str, default=()
        Columns of the scores at equal values of which this one is better or worse. It
        is reported beside them, and methods are not ranked by it.

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
    at_equal: tuple[str, ...] = ()


#: All scores by name.
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
            abbreviation="CD",
            needs="labels",
            at_equal=("boundary_recall", "thick_boundary_recall"),
        ),
    )
}
