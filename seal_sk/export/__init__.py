"""Export of superpixels to other programs: label maps, polygons, tables, graphs.

`write_label_map`, `write_polygons` and `write_table` write files for other programs,
each completely or not at all. `polygons`, `superpixel_table` and `to_networkx` return
the same contents as objects. A `Georeference` is the position of an image on the earth,
which the results keep.
"""

from ..io.georeference import Georeference, read_georeference
from ..io.label_maps import write_label_map
from .graph import to_networkx
from .outlines import polygons
from .tables import superpixel_table, write_table
from .vectors import write_polygons

__all__ = [
    "Georeference",
    "polygons",
    "read_georeference",
    "superpixel_table",
    "to_networkx",
    "write_label_map",
    "write_polygons",
    "write_table",
]
