"""Operations on label maps, and their graphs.

Connected components, merging of small regions, exact numbers of segments, boundaries,
adjacency of regions, and painting of values back to the pixels.
"""

from .graph import adjacency, paint
from .regions import (
    boundaries,
    force_n_segments,
    merge_small,
    relabel_consecutive,
    split_components,
)

__all__ = [
    "adjacency",
    "boundaries",
    "force_n_segments",
    "merge_small",
    "paint",
    "relabel_consecutive",
    "split_components",
]
