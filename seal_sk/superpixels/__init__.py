"""Estimators: a list of images in, a list of label maps out."""

from .graph import ERSSuperpixels, GraphSuperpixels
from .image import FHSuperpixels, SNICSuperpixels
from .seal import SEALSuperpixels

__all__ = [
    "ERSSuperpixels",
    "FHSuperpixels",
    "GraphSuperpixels",
    "SEALSuperpixels",
    "SNICSuperpixels",
]
