"""Displays: superpixels, affinity maps, curves of scores and of trainings.

Each display is made by one of its ``from_...`` methods, which draw it as well, and
``plot`` draws it again, on other axes or in another way. They draw on the axes that
they are given, or else on a new figure of pyplot, and never show it.
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
