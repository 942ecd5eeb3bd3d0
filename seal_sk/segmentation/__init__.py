"""One function an algorithm: from an affinity map or an image to a label map."""

from .graph import cut_tree, ers, fh
from .image import fh_image, snic

__all__ = ["cut_tree", "ers", "fh", "fh_image", "snic"]
