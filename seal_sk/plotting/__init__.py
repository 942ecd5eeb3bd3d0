"""Displays of superpixels, affinity maps, curves of scores and training curves.

Create a display with one of its ``from_...`` methods, which also draw it; ``plot``
draws it again, on other axes or with other settings. Displays draw on the given axes,
or on a new pyplot figure, and never show it.
"""

from .affinity import AffinityDisplay
from .boundaries import draw_boundaries
from .curves import CurveDisplay
from .learning import LearningCurveDisplay
from .superpixels import SuperpixelDisplay

__all__ = [
    "AffinityDisplay",
    "CurveDisplay",
    "LearningCurveDisplay",
    "SuperpixelDisplay",
    "draw_boundaries",
]
