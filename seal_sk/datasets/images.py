"""Readers of images by their address of earlier versions; `seal_sk.io` has them now."""

from ..io import read_image, read_masked_image

__all__ = ["read_image", "read_masked_image"]
