"""Label maps and their graph.

Components, small regions merged, an exact number of segments, boundaries; which regions
touch, and values painted back to the pixels.
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
