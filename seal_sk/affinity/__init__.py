"""Affinity maps.

An affinity map is a float32 array (H, W, 2). For each pixel, it holds how likely the
pixel belongs together with its right and its lower neighbour. An array (H, W, 4) also
holds the down-right and up-right neighbours, in this order. Values lie in 0..1. Entries
of edges that lead out of the image (such as the last column of `right`) are undefined;
the functions here set them to 0.

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
