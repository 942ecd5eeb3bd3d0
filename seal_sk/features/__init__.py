"""Features and classification of superpixels.

`superpixel_features` computes a row of features per superpixel, `SuperpixelFeatures`
does so for many images, as an estimator, and `SuperpixelClassifier` classifies
superpixels with any classifier of scikit-learn.
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
