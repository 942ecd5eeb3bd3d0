"""What superpixels are good for: features, the graph of neighbours, painting back.

`superpixel_features` describes each superpixel by a row of numbers, `adjacency` says
which ones touch, `paint` brings results back to the pixels, and `SuperpixelFeatures`
does the first for many images, as an estimator.
"""

from .description import FEATURES, superpixel_features
from .estimator import SuperpixelFeatures
from .maps import adjacency, paint

__all__ = [
    "FEATURES",
    "SuperpixelFeatures",
    "adjacency",
    "paint",
    "superpixel_features",
]
