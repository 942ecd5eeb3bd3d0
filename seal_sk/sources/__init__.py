"""Sources of affinities: transformers from a sequence of images to affinity maps.

Each applies a function of `seal_sk.affinity`, except for `LearnedAffinity`, which
trains a network. `vgg`, which needs torch, is imported separately.
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
