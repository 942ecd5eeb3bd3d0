"""Writing the results of one image."""

from __future__ import annotations

from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._files import replace_file
from ..io.georeference import Georeference
from ..io.label_maps import write_label_map
from .planning import LABEL_FORMATS, Outputs

__all__ = ["keeps_place", "try_writers", "write_results"]


def keeps_place(path: Path) -> bool:
    """Whether a label map can say where it lies."""
    return path.suffix == LABEL_FORMATS["tiff"]


def write_results(
    outputs: Outputs,
    image: NDArray[Any],
    labels: NDArray[Any],
    *,
    place: Georeference | None,
    dtype: Literal["uint16", "uint32", "int32"] | None,
    first_label: int,
) -> None:
    """Write the results of an image, whose first superpixel is `first_label`."""
    outputs.labels.parent.mkdir(parents=True, exist_ok=True)
    # The label map is written last: if it exists, so do the others.
    if outputs.overlay is not None:
        _write_overlay(outputs.overlay, image, labels)
    _write_shapes(outputs.table, outputs.polygons, image, labels, place, first_label)
    if first_label:
        labels = np.where(labels >= 0, labels + np.int32(first_label), labels)
    write_label_map(
        outputs.labels,
        labels,
        georeference=place if keeps_place(outputs.labels) else None,
        dtype=dtype,
    )


def _write_overlay(path, image, labels):
    import imageio.v3 as iio

    from ..plotting import draw_boundaries

    if labels.max() < 0:
        drawing = np.zeros((*labels.shape, 3), dtype=np.uint8)
    else:
        # Of more bands, the first three are shown as red, green and blue.
        drawing = draw_boundaries(image[..., :3], labels)
    replace_file(path, iio.imwrite("<bytes>", drawing, extension=".png"))


def _write_shapes(table_file, polygon_file, image, labels, place, first_label):
    if table_file is None and polygon_file is None:
        return
    from ..export import superpixel_table, write_polygons, write_table

    # Of an image without superpixels, the table has the usual columns.
    any_labels = labels if labels.max() >= 0 else np.zeros_like(labels)
    table = superpixel_table(image, any_labels, georeference=place)
    table["label"] += first_label
    table = table[: int(labels.max()) + 1]
    if table_file is not None:
        write_table(table_file, table)
    if polygon_file is not None:
        write_polygons(polygon_file, labels, table=table, georeference=place)


def try_writers(table: str | None, polygons: str | None) -> None:
    """Write a small table and polygons, to see whether their packages are there."""
    labels = np.zeros((2, 2), dtype=np.int32)
    with TemporaryDirectory() as folder:
        _write_shapes(
            Path(folder, f"try.{table}") if table else None,
            Path(folder, f"try.{polygons}") if polygons else None,
            np.zeros((2, 2, 3), dtype=np.uint8),
            labels,
            None,
            0,
        )
