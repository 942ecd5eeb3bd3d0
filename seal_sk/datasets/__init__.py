"""Photographs with human segmentations, and generated scenes."""

from .bsds500 import fetch_bsds500
from .scenes import make_scenes

__all__ = ["fetch_bsds500", "make_scenes"]
