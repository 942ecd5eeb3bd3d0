"""Sources of affinities: transformers from a sequence of images to affinity maps.

Each is a shell around a function of `seal_sk.affinity`, or learns. `vgg`, which needs
torch, is imported on its own.
"""

from .features import FeatureAffinity
from .handmade import EdgeAffinity, OracleAffinity, RGBAffinity
from .learned import LearnedAffinity

__all__ = [
    "EdgeAffinity",
    "FeatureAffinity",
    "LearnedAffinity",
    "OracleAffinity",
    "RGBAffinity",
]
