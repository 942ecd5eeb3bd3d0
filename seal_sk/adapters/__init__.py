"""Superpixels in the forms that other packages expect.

Explanations of image classifiers by superpixels: `segmentation_fn` for LIME,
`superpixel_masker` for SHAP, `captum_feature_mask` for Captum. Viewers:
`napari_layers`, and `add_to_napari`, which shows them.
"""

from .explanation import SuperpixelMasker, captum_feature_mask, superpixel_masker
from .segmenting import SegmentationFunction, segmentation_fn
from .viewing import add_to_napari, napari_layers

__all__ = [
    "SegmentationFunction",
    "SuperpixelMasker",
    "add_to_napari",
    "captum_feature_mask",
    "napari_layers",
    "segmentation_fn",
    "superpixel_masker",
]
