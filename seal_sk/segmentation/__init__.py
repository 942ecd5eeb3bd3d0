"""One function per algorithm: from an affinity map or an image to a label map."""

from .graph import cut_tree, ers, fh
from .image import fh_image, slic, snic
from .merging import merge_regions
from .opencv import lsc, seeds
from .refining import refine_boundaries

__all__ = [
    "cut_tree",
    "ers",
    "fh",
    "fh_image",
    "lsc",
    "merge_regions",
    "refine_boundaries",
    "seeds",
    "slic",
    "snic",
]
