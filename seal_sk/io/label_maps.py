"""Reading and writing of label maps."""

from __future__ import annotations

from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._files import check_suffix, replace_file
from .._typing import PathLike
from .._validation import check_label_map, check_option
from .decoding import (
    TIFF_SUFFIXES,
    axes_of,
    is_gis_tiff,
    only_series,
    reading,
    tiff_file,
)
from .georeference import Georeference, check_georeference
from .mat import read_mat
from .rasters import (
    RefusedError,
    UnknownFormatError,
    holds_data,
    no_warning_of_identity,
    opened,
    refuse_subdatasets,
)

__all__ = [
    "LABEL_SUFFIXES",
    "WRITTEN_SUFFIXES",
    "find_label_map",
    "find_label_maps",
    "may_be_label_map",
    "read_label_map",
    "write_label_map",
]

#: Endings of the label maps in a folder. `read_label_map` reads others as well.
LABEL_SUFFIXES = (".png", *TIFF_SUFFIXES, ".npy", ".mat", ".csv")
# What GDAL reads of these is no label map, since they are compressed with losses.
_LOSSY = (".jpg", ".jpeg", ".webp")
#: Endings of the files that `write_label_map` writes.
WRITTEN_SUFFIXES = (".png", ".tif", ".tiff", ".npy")

_MASKED = -1
_TIFF_DTYPES = ("uint16", "uint32", "int32")


def may_be_label_map(path: Path) -> bool:
    """Whether a file may be a label map, and is not a table of superpixels."""
    suffix = path.suffix.lower()
    if suffix not in LABEL_SUFFIXES or not path.is_file():
        return False
    if suffix != ".csv":
        return True
    with path.open("rb") as file:
        # A table starts with a line of names.
        return not file.read(1).isalpha()


def find_label_map(folder: Path, name: str) -> Path | None:
    """Path of the label map of the image `name` in a folder, or None."""
    found = [
        file
        for suffix in LABEL_SUFFIXES
        if may_be_label_map(file := folder / f"{name}{suffix}")
    ]
    if len(found) > 1:
        raise ValueError(
            f"{str(found[0])!r} and {str(found[1])!r} belong to the same image; remove "
            "one."
        )
    return found[0] if found else None


def find_label_maps(folder: Path, names: Sequence[str]) -> list[Path]:
    """Paths of the label maps of all images in a folder; none may be missing."""
    if folder.is_file():
        raise NotADirectoryError(
            f"{str(folder)!r} is a file; give the folder of the label maps."
        )
    if not folder.is_dir():
        raise FileNotFoundError(f"There is no folder {str(folder)!r}.")
    files = [find_label_map(folder, name) for name in names]
    if missing := [name for name, file in zip(names, files, strict=True) if not file]:
        raise FileNotFoundError(
            f"{len(missing)} of {len(names)} images have no label map in "
            f"{str(folder)!r}, for example {missing[0]!r}, with any of the endings "
            f"{', '.join(LABEL_SUFFIXES)}."
        )
    return [file for file in files if file is not None]


def read_label_map(path: PathLike) -> NDArray[Any]:
    r"""Read a label map, with the labels that its file stores.

    Parameters
    ----------
    path : path-like
        - ``.png``: grey with 1 to 16 bits, or indices of a palette
        - ``.tif``, ``.tiff``, and other rasters of whole numbers that GDAL reads, such
          as ``.vrt`` and ``.img``: one page, one band. Pixels that the file declares to
          be no data, or masks, become -1.
        - ``.npy``: integers, booleans, or whole numbers of any other dtype
        - ``.mat``: any version, with one 2-D array of whole numbers of any dtype;
          version 7.3 needs h5py
        - ``.csv``: one line per row of pixels, integers separated by commas, no header

    Returns
    -------
    ndarray of shape (H, W)
        C-contiguous, of int32, or int64 if the labels do not fit. Labels are not
        renumbered, and may be negative. They are the numbers that are stored, not the
        colours of a palette.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    OSError
        If the file is empty or damaged.
    ValueError
        If the file has the ending of another format, or holds something other than one
        label map, such as colours, several pages, complex numbers, fractions or NaN.
    ImportError
        If the file needs h5py, which is not installed.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from seal_sk.datasets import read_label_map
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "labels.csv")
    ...     _ = path.write_text("0,0,1\n2,2,1\n")
    ...     read_label_map(path)
    array([[0, 0, 1],
           [2, 2, 1]], dtype=int32)
    """
    path = Path(path)
    suffix = path.suffix.lower()
    if suffix in _LOSSY:
        raise _unsupported(path)
    if suffix == ".png":
        labels = _read_png(path)
    elif suffix in TIFF_SUFFIXES:
        labels = _read_tiff(path)
    elif suffix == ".npy":
        labels = _read_npy(path)
    elif suffix == ".mat":
        labels = _read_mat(path)
    elif suffix == ".csv":
        labels = _read_csv(path)
    else:
        labels = _read_raster(path)
    return _as_label_map(labels, path)


def _unsupported(path):
    return ValueError(
        f"The format of {path} is not supported: give a label map that ends in "
        f"{', '.join(LABEL_SUFFIXES)}."
    )


def _as_label_map(labels, path):
    if labels.ndim != 2 or labels.size == 0:
        raise ValueError(
            f"{path} holds an array of shape {labels.shape}; a label map is (H, W) "
            "with at least one pixel."
        )
    if labels.dtype.kind not in "iubf":
        raise ValueError(f"{path} holds {labels.dtype} values; save integers.")
    whole = _whole(labels)
    if whole is None:
        raise _fractions(path, "it")
    low, high = int(whole.min()), int(whole.max())
    for dtype in (np.int32, np.int64):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return whole.astype(dtype, order="C")
    raise ValueError(f"{path} holds labels up to {high}; they must fit into int64.")


def _coloured(path):
    return ValueError(
        f"{path} holds colours; convert them to indices, and save these as grey or "
        "with a palette."
    )


def _read_png(path):
    from PIL import Image, UnidentifiedImageError

    with reading(path):
        content = path.read_bytes()
        try:
            # This compares checksums; decoding does not.
            Image.open(BytesIO(content), formats=["PNG"]).verify()
        except UnidentifiedImageError as error:
            raise UnknownFormatError(
                f"{path} can't be read: despite its name, it does not hold an image."
            ) from error
        image = Image.open(BytesIO(content), formats=["PNG"])
        labels = np.array(image)
    if image.mode in ("RGB", "RGBA", "LA", "PA"):
        raise _coloured(path)
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError(f"{path} is animated; save one image.")
    depth, colour_type = content[24], content[25]
    if colour_type == 0 and depth in (2, 4):
        # The decoder stretches grey to 8 bits: 3 or 15 would become 255.
        labels = labels // (255 // (2**depth - 1))
    return labels


def _read_tiff(path):
    with reading(path):
        with tiff_file(path) as file:
            series = only_series(file, path)
            if series.keyframe.photometric.name in ("RGB", "YCBCR"):
                raise RefusedError(str(_coloured(path)))
            if len(series.pages) > 1 or not is_gis_tiff(path):
                return series.asarray().reshape(axes_of(series)[1])
        return _data_of(path)


def _read_raster(path):
    try:
        with reading(path):
            return _data_of(path)
    except UnknownFormatError as error:
        raise _unsupported(path) from error


def _data_of(path):
    """What GDAL reads of a raster of one band, -1 where it says that there is none."""
    with opened(path) as raster:
        refuse_subdatasets(raster, path)
        if raster.count != 1:
            raise RefusedError(
                f"{path} has {raster.count} bands; a label map has one: save it alone."
            )
        labels = raster.read(1)
    valid = holds_data(path, [1])
    if valid is None or valid.all():
        return labels
    inside = _whole(np.where(valid, labels, 0))
    if inside is None or inside.max() > np.iinfo(np.int64).max:
        return labels  # refused below
    return np.where(valid, inside.astype(np.int64), _MASKED)


def _read_npy(path):
    with reading(path):
        # This refuses a file that is smaller than it says; reading takes memory first.
        np.lib.format.open_memmap(path, mode="r")
        with path.open("rb") as file:
            return np.lib.format.read_array(file, allow_pickle=False)


def _read_csv(path):
    with reading(path):
        lines = path.read_text(encoding="utf-8-sig").strip().splitlines()
    try:
        rows = [[int(cell) for cell in line.split(",")] for line in lines]
    except ValueError as error:
        raise ValueError(
            f"{path} must hold integers separated by commas, and nothing else "
            f"({error})."
        ) from error
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"{path} has lines of different lengths.")
    try:
        return np.array(rows, dtype=np.int64)
    except OverflowError as error:
        raise ValueError(f"{path} holds labels that do not fit into int64.") from error


def _read_mat(path):
    arrays = {
        name: array
        for name, array in read_mat(path).items()
        if array.ndim == 2 and array.dtype.kind in "iubf"
    }
    # Scalars, such as the number of labels, may be stored beside the label map.
    arrays = {name: a for name, a in arrays.items() if a.size > 1} or arrays
    if not arrays:
        raise ValueError(f"{path} holds no 2-D array of numbers; save one label map.")
    whole = {name: _whole(array) for name, array in arrays.items()}
    whole = {name: array for name, array in whole.items() if array is not None}
    if not whole:
        raise _fractions(path, ", ".join(arrays))
    if len(whole) > 1:
        raise ValueError(
            f"{path} holds several arrays of whole numbers ({', '.join(whole)}); save "
            "one."
        )
    return next(iter(whole.values()))


def _whole(array):
    """Convert an array of whole numbers to integers; None for other arrays."""
    if array.dtype.kind != "f":
        return array
    if array.dtype == np.float16:
        array = array.astype(np.float32)  # which holds the bound below
    # Beyond 2**53, doubles can't hold every whole number. NaN fails the test too.
    limit = np.float64(2**53)
    if not (np.abs(array) <= limit).all() or (array != np.floor(array)).any():
        return None
    return array.astype(np.int64)


def _fractions(path, where):
    return ValueError(
        f"{path} holds fractions, NaN or infinite values in {where}; a label map holds "
        "whole numbers."
    )


def write_label_map(
    path: PathLike,
    labels: ArrayLike,
    *,
    georeference: Georeference | None = None,
    dtype: Literal["uint16", "uint32", "int32"] | None = None,
) -> None:
    """Write a label map, in the format of the suffix.

    The file is written completely or not at all.

    Parameters
    ----------
    path : path-like
        - ``.png``: grey with 16 bits; labels up to 65535, no masked pixels
        - ``.tif``, ``.tiff``: lossless compression; uint16, uint32 for larger labels,
          or int32 with masked pixels
        - ``.npy``: int32, for NumPy

        An existing file is replaced.
    labels : array-like of shape (H, W)
        Any integer dtype, values up to 2**31 - 1. Negative labels are masked pixels and
        become -1, which a TIFF declares to be no data, so that a GIS leaves them out.
    georeference : Georeference, optional
        Position of the image, stored in a TIFF.
    dtype : {"uint16", "uint32", "int32"}, optional
        The dtype of a TIFF, by default the smallest that holds the labels. Give it for
        label maps that belong together, such as those of tiles. With int32, -1 is
        always declared to be no data.

    Raises
    ------
    ValueError
        If the format or the dtype can't hold the labels or the georeference; the
        message names one that can.
    TypeError
        If an argument is not as described.
    OSError
        If the file can't be written.

    See Also
    --------
    seal_sk.datasets.read_label_map : Read all these formats, masked pixels as -1.

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
    path = check_suffix(path, WRITTEN_SUFFIXES, "a label map")
    labels = _as_int32(labels)
    georeference = check_georeference(georeference)
    suffix = path.suffix.lower()
    if dtype is not None:
        check_option(dtype, _TIFF_DTYPES, name="dtype")
        if suffix not in TIFF_SUFFIXES:
            raise ValueError(
                f"dtype={dtype!r} is for TIFFs; PNG has uint16 and npy int32: leave it "
                "out."
            )
        low = min(int(labels.min()), 0)
        if not np.iinfo(dtype).min <= low <= labels.max() <= np.iinfo(dtype).max:
            raise ValueError(
                f"dtype={dtype!r} can't hold labels in {low}..{labels.max()}; give "
                "dtype='int32'."
            )
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
    else:
        content = _tiff(_stored(labels, dtype), georeference)
    replace_file(path, content)


def _as_int32(labels: ArrayLike) -> NDArray[np.int32]:
    checked = check_label_map(labels)
    if checked.dtype.kind == "i":
        checked = np.maximum(checked, _MASKED)
    high = int(checked.max())
    if high > np.iinfo(np.int32).max:
        raise ValueError(
            f"labels goes up to {high}, beyond 2**31 - 1; renumber them with "
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


def _stored(labels: NDArray[np.int32], dtype: str | None) -> NDArray[Any]:
    """Labels in the dtype of a TIFF, by default the smallest."""
    if dtype is None and labels.min() < 0:
        dtype = "int32"
    elif dtype is None:
        dtype = "uint16" if labels.max() < 2**16 else "uint32"
    return labels.astype(dtype)


def _tiff(labels: NDArray[Any], georeference: Georeference | None) -> bytes:
    import rasterio

    place = {}
    if georeference is not None:
        with rasterio.Env():  # what PROJ says of a wrong system is not printed
            place["crs"] = georeference.parsed_by(rasterio.CRS.from_user_input)
        place["transform"] = rasterio.Affine(*georeference.transform)
    with no_warning_of_identity(rasterio), rasterio.MemoryFile() as memory:
        with memory.open(
            driver="GTiff",
            height=labels.shape[0],
            width=labels.shape[1],
            count=1,
            dtype=labels.dtype.name,
            nodata=_MASKED if labels.dtype.kind == "i" else None,
            compress="deflate",
            predictor=2,
            **place,
        ) as raster:
            raster.write(labels, 1)
        return memory.read()
