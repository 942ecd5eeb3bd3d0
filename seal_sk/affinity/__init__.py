"""Affinity maps.

An affinity map is a float32 array (H, W, 2) holding, for each pixel, how likely it
belongs together with its right and its lower neighbour, or (H, W, 4) with the
down-right and up-right neighbours after them. Values lie in 0..1. Entries that
would lead out of the image (the last column of `right`, say) mean nothing; the
functions here set them to 0.

Transformers of sequences of images are in `seal_sk.sources`.
"""

from .maps import (
    binary_affinity,
    edge_affinity,
    feature_affinity,
    oracle_affinity,
    rgb_affinity,
    to_eight_connected,
)

__all__ = [
    "binary_affinity",
    "edge_affinity",
    "feature_affinity",
    "oracle_affinity",
    "rgb_affinity",
    "to_eight_connected",
]
