"""Learned superpixels with a scikit-learn interface.

Image -> affinity map -> graph segmentation -> label map -> scores, or features and
classes. Names are loaded when they are first used, so that importing the package costs
next to nothing.
"""

from importlib import import_module

from ._version import __version__

_HOME = {
    "ERSSuperpixels": "superpixels",
    "EdgeAffinity": "affinity",
    "FHSuperpixels": "superpixels",
    "FeatureAffinity": "affinity",
    "GraphSuperpixels": "superpixels",
    "LSCSuperpixels": "superpixels",
    "LearnedAffinity": "affinity",
    "OracleAffinity": "affinity",
    "RGBAffinity": "affinity",
    "SEALSuperpixels": "superpixels",
    "SEEDSSuperpixels": "superpixels",
    "SLICSuperpixels": "superpixels",
    "SNICSuperpixels": "superpixels",
    "SuperpixelClassifier": "classifier",
    "SuperpixelFeatures": "features",
    "adjacency": "features",
    "binary_affinity": "affinity",
    "edge_affinity": "affinity",
    "ers": "segmentation",
    "feature_affinity": "affinity",
    "fh": "segmentation",
    "fh_image": "segmentation",
    "lsc": "segmentation",
    "merge_regions": "segmentation",
    "oracle_affinity": "affinity",
    "paint": "features",
    "rgb_affinity": "affinity",
    "seeds": "segmentation",
    "slic": "segmentation",
    "snic": "segmentation",
    "superpixel_features": "features",
    "to_eight_connected": "affinity",
}
_MODULES = (
    "affinity",
    "benchmark",
    "classifier",
    "datasets",
    "features",
    "labels",
    "metrics",
    "pan",
    "plotting",
    "segmentation",
    "superpixels",
)

__all__ = ["__version__", *_HOME, *_MODULES]


def __getattr__(name):
    if name in _HOME:
        return getattr(import_module(f".{_HOME[name]}", __name__), name)
    if name in _MODULES:
        return import_module(f".{name}", __name__)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(__all__)
