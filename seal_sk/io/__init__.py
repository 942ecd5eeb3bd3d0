"""Files: images, label maps, and where they lie on the earth; a format has one home."""

from .georeference import Georeference, read_georeference
from .images import read_image, read_masked_image
from .label_maps import LABEL_SUFFIXES, read_label_map, write_label_map

__all__ = [
    "LABEL_SUFFIXES",
    "Georeference",
    "read_georeference",
    "read_image",
    "read_label_map",
    "read_masked_image",
    "write_label_map",
]
