"""Photographs with human segmentations, and generated scenes."""

from ..io.label_maps import LABEL_SUFFIXES, read_label_map
from .bsds500 import fetch_bsds500
from .camvid import load_camvid
from .cityscapes import load_cityscapes
from .dataset import Dataset
from .find import find_dataset
from .folder import load_image_folder
from .nyuv2 import load_nyuv2
from .scenes import make_scenes

__all__ = [
    "Dataset",
    "fetch_bsds500",
    "load_camvid",
    "load_cityscapes",
    "load_image_folder",
    "load_nyuv2",
    "make_scenes",
    "find_dataset",
    "read_label_map",
    "LABEL_SUFFIXES",
]
