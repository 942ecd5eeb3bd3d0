"""Scores of label maps, and scorers for model selection.

Scores against ground truth are based on overlaps (`asa_score` and the
under-segmentation errors) or on boundaries (`boundary_recall_score` and related
scores). `compactness_score`, `contour_density`, `explained_variation_score` and
`size_statistics` need no ground truth. `evaluate` computes all of them. The score of a
data set is the mean over all (image, annotation) pairs.
"""

from .boundary import (
    boundary_f_score,
    boundary_precision_score,
    boundary_recall_score,
    contour_density,
)
from .maps import compact as compact
from .overlap import (
    asa_score,
    corrected_undersegmentation_error,
    min_undersegmentation_error,
    undersegmentation_error,
)
from .pairs import mean_over_pairs as mean_over_pairs
from .report import evaluate
from .scorers import (
    asa_scorer,
    boundary_f_scorer,
    boundary_precision_scorer,
    boundary_recall_scorer,
    compactness_scorer,
    evaluate_scorer,
    explained_variation_scorer,
    neg_contour_density_scorer,
    neg_corrected_undersegmentation_error_scorer,
    neg_min_undersegmentation_error_scorer,
    neg_undersegmentation_error_scorer,
)
from .shape import compactness_score, explained_variation_score, size_statistics

__all__ = [
    "asa_score",
    "corrected_undersegmentation_error",
    "undersegmentation_error",
    "min_undersegmentation_error",
    "boundary_recall_score",
    "boundary_precision_score",
    "boundary_f_score",
    "contour_density",
    "compactness_score",
    "explained_variation_score",
    "size_statistics",
    "evaluate",
    "evaluate_scorer",
    "asa_scorer",
    "boundary_recall_scorer",
    "boundary_precision_scorer",
    "boundary_f_scorer",
    "compactness_scorer",
    "explained_variation_scorer",
    "neg_contour_density_scorer",
    "neg_undersegmentation_error_scorer",
    "neg_min_undersegmentation_error_scorer",
    "neg_corrected_undersegmentation_error_scorer",
]
