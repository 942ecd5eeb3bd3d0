"""Segment image files, with reading, segmentation and writing in parallel.

``seal-sk segment`` runs `segment_files`. While one batch of images is segmented, the
next one is read and the previous one is written; no other images are in memory.
"""

from .planning import LABEL_FORMATS, Outputs
from .planning import check_outputs as check_outputs
from .running import Record, segment_files
from .segmenting import segment_each as segment_each
from .segmenting import segment_images

__all__ = [
    "LABEL_FORMATS",
    "Outputs",
    "Record",
    "segment_files",
    "segment_images",
]
