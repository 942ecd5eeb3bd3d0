"""Label maps as files."""

from __future__ import annotations

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._files import replace_file
from .._typing import PathLike
from .._validation import check_label_map
from .georeference import (
    Georeference,
    check_georeference,
    no_warning_of_identity,
)
from .packages import import_extra

__all__ = ["SUFFIXES", "check_suffix", "write_label_map"]

#: What the files that `write_label_map` writes end in.
SUFFIXES = (".png", ".tif", ".tiff", ".npy")

_MASKED = -1
_NODATA_TAG = 42113  # GDAL's, an ASCII number


def write_label_map(
    path: PathLike,
    labels: ArrayLike,
    *,
    georeference: Georeference | None = None,
) -> None:
    """Write a label map, whole or not at all; the suffix says in which format.

    Parameters
    ----------
    path : path-like
        - ``.png``: grey of 16 bits, so labels up to 65535, and no masked pixels
        - ``.tif``, ``.tiff``: compressed without loss; uint16, or uint32 where labels
          exceed it, or int32 with masked pixels
        - ``.npy``: int32, for NumPy

        A file that is there already is replaced.
    labels : array-like of shape (H, W)
        Any integer dtype, up to 2**31 - 1. Negative labels are masked pixels, which
        become -1; in TIFF this is marked as no data, so that a GIS leaves them out.
    georeference : Georeference, optional
        Where the image lies, kept in a TIFF (needs rasterio: ``pip install
        "seal_sk[geo]"``).

    Raises
    ------
    ValueError
        If the format can't hold the labels or the georeference; the message says which
        one does.
    TypeError
        If an argument is not as described.
    OSError
        If the file can't be written.
    ImportError
        If a georeference is given without rasterio.

    See Also
    --------
    seal_sk.datasets.read_label_map : Reads each of them, masked pixels as -1.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from seal_sk.datasets import read_label_map
    >>> from seal_sk.export import write_label_map
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.tif")
    ...     write_label_map(path, [[0, 0, 1], [-1, 2, 1]])
    ...     read_label_map(path)
    array([[ 0,  0,  1],
           [-1,  2,  1]], dtype=int32)
    """
    path = check_suffix(path, SUFFIXES, "a label map")
    labels = _as_int32(labels)
    georeference = check_georeference(georeference)
    suffix = path.suffix.lower()
    if georeference is not None and suffix not in (".tif", ".tiff"):
        raise ValueError(
            f"{str(path)!r} can't hold a georeference; write a .tif, or leave it out."
        )
    if suffix == ".png":
        content = _png(path, labels)
    elif suffix == ".npy":
        buffer = BytesIO()
        np.save(buffer, labels)
        content = buffer.getvalue()
    elif georeference is None:
        content = _tiff(labels)
    else:
        content = _geotiff(labels, georeference)
    replace_file(path, content)


def check_suffix(path: PathLike, suffixes: tuple[str, ...], what: str) -> Path:
    """The path of a file that ends in one of the suffixes."""
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise ValueError(
            f"{str(path)!r} is of no format that {what} is written in: give a name "
            f"that ends in {', '.join(suffixes)}."
        )
    return path


def _as_int32(labels: ArrayLike) -> NDArray[np.int32]:
    checked = check_label_map(labels)
    if checked.dtype.kind == "i":
        checked = np.maximum(checked, _MASKED)
    high = int(checked.max())
    if high > np.iinfo(np.int32).max:
        raise ValueError(
            f"labels goes up to {high}, beyond 2**31 - 1; number them anew with "
            "seal_sk.labels.relabel_consecutive."
        )
    return np.ascontiguousarray(checked, dtype=np.int32)


def _png(path: Path, labels: NDArray[np.int32]) -> bytes:
    import imageio.v3 as iio

    if labels.min() < 0:
        raise ValueError(
            f"{str(path)!r} can't hold masked pixels, since PNG has no negative "
            "numbers; write a .tif or .npy."
        )
    if labels.max() >= 2**16:
        raise ValueError(
            f"{str(path)!r} can't hold labels up to {labels.max()}, since PNG has 16 "
            "bits (65536 labels); write a .tif or .npy."
        )
    return iio.imwrite("<bytes>", labels.astype(np.uint16), extension=".png")


def _smallest(labels: NDArray[np.int32]) -> NDArray[Any]:
    """Labels in the dtype that a TIFF has them in."""
    if labels.min() < 0:
        return labels
    return labels.astype(np.uint16 if labels.max() < 2**16 else np.uint32)


def _tiff(labels: NDArray[np.int32]) -> bytes:
    import tifffile

    tags = []
    if labels.min() < 0:
        tags = [(_NODATA_TAG, "s", 0, str(_MASKED), True)]
    buffer = BytesIO()
    tifffile.imwrite(buffer, _smallest(labels), compression="zlib", extratags=tags)
    return buffer.getvalue()


def _geotiff(labels: NDArray[np.int32], georeference: Georeference) -> bytes:
    rasterio = import_extra("rasterio", "geo", "A TIFF with a georeference")
    array = _smallest(labels)
    with no_warning_of_identity(rasterio), rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=array.shape[0],
            width=array.shape[1],
            count=1,
            dtype=array.dtype.name,
            crs=georeference.parsed_by(rasterio.crs.CRS.from_user_input),
            transform=rasterio.Affine(*georeference.transform),
            nodata=_MASKED if labels.min() < 0 else None,
            compress="deflate",
            predictor=2,
        ) as raster:
            raster.write(array, 1)
        return memory.read()
