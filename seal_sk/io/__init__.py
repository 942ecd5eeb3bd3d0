"""Reading and writing of images, label maps and georeferences.

`seal_sk.datasets.read_label_map`, `seal_sk.export.write_label_map` and
`seal_sk.export.read_georeference` are defined here, too.
"""

from .images import read_image, read_masked_image

__all__ = ["read_image", "read_masked_image"]
