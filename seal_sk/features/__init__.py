"""Superpixels described and classified.

`superpixel_features` describes each superpixel by a row of numbers,
`SuperpixelFeatures` does so for many images, as an estimator, and
`SuperpixelClassifier` classifies superpixels by any classifier of scikit-learn.
"""

from .classifier import SuperpixelClassifier
from .description import FEATURES, superpixel_features
from .estimator import SuperpixelFeatures

__all__ = [
    "FEATURES",
    "SuperpixelClassifier",
    "SuperpixelFeatures",
    "superpixel_features",
]
