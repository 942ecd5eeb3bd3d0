"""Tables of superpixels, and writing of tables."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike

from .._extras import import_extra
from .._files import check_suffix, replace_file
from .._typing import PathLike
from .._validation import check_labelled, check_names
from ..features.description import FEATURES, check_choice, describe
from ..io.georeference import Georeference, check_georeference

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["check_table", "plain_columns", "superpixel_table", "write_table"]

# Positions are in the table in pixels, so not again as shares of the image.
_GROUPS = tuple(name for name in FEATURES if name != "position")
_SUFFIXES = (".csv", ".parquet")


def superpixel_table(
    image: ArrayLike,
    labels: ArrayLike,
    *,
    features: Sequence[str] = ("mean", "std", "texture", "shape", "contrast"),
    bins: int = 8,
    georeference: Georeference | None = None,
) -> DataFrame:
    """Make a table with one row per superpixel: size, position and features.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, C)
        uint8, uint16, or floating point in 0..1. Masked pixels may have any value.
    labels : array-like of shape (H, W)
        Superpixels 0..n-1, all of them present, of any integer dtype. Negative labels
        are masked pixels, which have no row.
    features : sequence of str
        Groups of `seal_sk.features.superpixel_features`, in this order: ``"mean"``,
        ``"std"``, ``"histogram"``, ``"texture"``, ``"shape"``, ``"contrast"``. All but
        the histogram by default; ``()`` for sizes and positions only.
    bins : int, default=8
        Number of ranges per channel in ``"histogram"``, from 1 to 256.
    georeference : Georeference, optional
        Position of the image on the earth.

    Returns
    -------
    DataFrame of n rows
        - ``label``; ``area``, the number of pixels
        - ``centroid_row``, ``centroid_col``, in pixels from the upper left corner, so
          that the centre of the first pixel is at 0.5
        - ``bbox_top``, ``bbox_left``, ``bbox_bottom``, ``bbox_right``: first row and
          column, and those after the last
        - with a georeference: ``area_crs``, and ``x`` and ``y`` of the centroid, in
          units of the reference system (areas in square degrees are not comparable: use
          a projected system)
        - the features: colours in 0..1 for all dtypes of the image, lengths in pixels

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.
    ImportError
        If pandas is not installed: ``pip install "seal_sk[tables]"``.

    See Also
    --------
    write_table : Write the table to a file.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk.export import superpixel_table
    >>> image = np.array([[0, 0, 255], [0, 0, 255]], dtype=np.uint8)
    >>> table = superpixel_table(image, [[0, 0, 1], [0, 0, 1]], features=("mean",))
    >>> table[["label", "area", "centroid_row", "centroid_col", "mean_0"]]
       label  area  centroid_row  centroid_col  mean_0
    0      0     4           1.0           1.0     0.0
    1      1     2           1.0           2.5     1.0
    """
    pandas = import_extra("pandas", "tables", "A table of superpixels")
    georeference = check_georeference(georeference)
    if features:
        features, bins = check_choice(
            check_names(features, _GROUPS, name="features"), bins
        )
    image, labels, n = check_labelled(image, labels)
    columns = {"label": np.arange(n)} | _places(labels, n)
    if georeference is not None:
        centroids = np.column_stack([columns["centroid_col"], columns["centroid_row"]])
        columns["area_crs"] = columns["area"] * georeference.pixel_area
        columns["x"], columns["y"] = georeference.points(centroids).T
    described = describe(image, labels, n, features, bins)
    # Of the columns of "shape", the area is in the table already, as an integer.
    return pandas.DataFrame(columns | described | {"area": columns["area"]})


def _places(labels: Any, n: int) -> dict[str, Any]:
    """Columns of sizes and positions, of checked superpixels."""
    row, column = np.nonzero(labels >= 0)
    label = labels[row, column]
    area = np.bincount(label, minlength=n)
    columns = {
        "area": area,
        "centroid_row": np.bincount(label, row, minlength=n) / area + 0.5,
        "centroid_col": np.bincount(label, column, minlength=n) / area + 0.5,
    }
    for at, length, low_name, high_name in (
        (row, labels.shape[0], "bbox_top", "bbox_bottom"),
        (column, labels.shape[1], "bbox_left", "bbox_right"),
    ):
        low, high = np.full(n, length), np.zeros(n, dtype=np.int64)
        np.minimum.at(low, label, at)
        np.maximum.at(high, label, at + 1)
        columns |= {low_name: low, high_name: high}
    order = ("bbox_top", "bbox_left", "bbox_bottom", "bbox_right")
    return columns | {name: columns.pop(name) for name in order}


def write_table(path: PathLike, table: DataFrame) -> None:
    """Write a table, in the format of the suffix.

    The file is written completely or not at all.

    Parameters
    ----------
    path : path-like
        - ``.csv``: a line with the names of the columns, then one line per row; numbers
          in full precision
        - ``.parquet``: typed and smaller (needs pyarrow)

        An existing file is replaced.
    table : DataFrame
        For example from `superpixel_table`. Its index is not written.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.
    OSError
        If the file can't be written.
    ImportError
        If pyarrow is missing: ``pip install "seal_sk[tables]"``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import pandas as pd
    >>> from seal_sk.export import write_table
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "superpixels.csv")
    ...     write_table(path, pd.DataFrame({"label": [0, 1], "area": [4, 2]}))
    ...     print(path.read_text())
    label,area
    0,4
    1,2
    """
    path = check_suffix(path, _SUFFIXES, "a table")
    check_table(table)
    if path.suffix.lower() == ".csv":
        text = table.to_csv(index=False, lineterminator="\n")
        try:
            content = text.encode()
        except UnicodeEncodeError as error:
            raise ValueError(
                f"CSV can't hold the table ({error}); its text must be Unicode, "
                "without surrogates."
            ) from error
    else:
        pyarrow = import_extra("pyarrow", "tables", "A Parquet file")
        buffer = BytesIO()
        try:
            table.to_parquet(buffer, index=False)
        except (pyarrow.ArrowException, OverflowError, UnicodeEncodeError) as error:
            raise ValueError(
                f"Parquet can't hold the table ({error}); give each column values of "
                "one type: numbers of at most 64 bits, strings, booleans or dates."
            ) from error
        content = buffer.getvalue()
    replace_file(path, content)


def check_table(table: Any, n: int | None = None) -> None:
    """Refuse anything but a table of n superpixels, one after the other."""
    if not (hasattr(table, "columns") and hasattr(table, "to_csv")):
        raise TypeError(
            f"table is {type(table).__name__}; give a pandas DataFrame, for example "
            "that of superpixel_table(image, labels)."
        )
    if len({str(name) for name in table.columns}) < len(table.columns):
        raise ValueError("table has several columns of the same name; rename them.")
    if n is None:
        return
    if len(table) != n:
        raise ValueError(
            f"table has {len(table)} rows, but labels has {n} superpixels; give one "
            "row per superpixel."
        )
    if "label" not in table or n == 0:
        return
    labels = table["label"].tolist()
    # They may go on where those of another image ended.
    if labels != list(range(labels[0], labels[0] + n)):
        raise ValueError(
            "table is not in the order of the superpixels; sort it: "
            "table.sort_values('label')."
        )


def plain_columns(table: DataFrame | None) -> dict[str, list[Any]]:
    """Columns as lists of Python numbers and strings, None for missing values."""
    if table is None:
        return {}
    return {
        str(name): table[name].astype(object).where(table[name].notna(), None).tolist()
        for name in table.columns
    }
