"""Superpixels in other programs: label maps, polygons, tables, graphs.

`write_label_map`, `write_polygons` and `write_table` make files that other programs
read, whole or not at all; `polygons`, `superpixel_table` and `to_networkx` are what is
in them, as objects. `Georeference` says where an image lies, so that the results lie
there too.
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
