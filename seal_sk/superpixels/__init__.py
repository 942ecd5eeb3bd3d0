"""Estimators: a list of images in, a list of label maps out."""

from .graph import ERSSuperpixels, GraphSuperpixels
from .image import FHSuperpixels, SLICSuperpixels, SNICSuperpixels
from .opencv import LSCSuperpixels, SEEDSSuperpixels
from .seal import SEALSuperpixels

__all__ = [
    "ERSSuperpixels",
    "FHSuperpixels",
    "GraphSuperpixels",
    "LSCSuperpixels",
    "SEALSuperpixels",
    "SEEDSSuperpixels",
    "SLICSuperpixels",
    "SNICSuperpixels",
]
