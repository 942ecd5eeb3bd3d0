"""Label maps from files."""

from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import PathLike
from .images import TIFF_SUFFIXES, check_format, read_tiff, reading

__all__ = ["LABEL_SUFFIXES", "import_h5py", "may_be_label_map", "read_label_map"]

#: What the files that `read_label_map` reads end in.
LABEL_SUFFIXES = (".png", *TIFF_SUFFIXES, ".npy", ".mat", ".csv")


def may_be_label_map(path: Path) -> bool:
    """Whether a file is one by its name, and no table of superpixels beside one."""
    suffix = path.suffix.lower()
    if suffix not in LABEL_SUFFIXES or not path.is_file():
        return False
    if suffix != ".csv":
        return True
    with path.open("rb") as file:
        # A table has a line of names.
        return not file.read(1).isalpha()


def read_label_map(path: PathLike) -> NDArray[Any]:
    r"""One label map, with the numbers that its file stores.

    Parameters
    ----------
    path : path-like
        - ``.png``: grey of 1 to 16 bits, or indices of a palette
        - ``.tif``, ``.tiff``: one page of integers
        - ``.npy``: integers, booleans, or whole numbers of another type
        - ``.mat``: of any version, with one 2-D array of whole numbers of any type;
          version 7.3 needs h5py
        - ``.csv``: a line a row of pixels, integers between commas, no header

    Returns
    -------
    ndarray of shape (H, W)
        Of int32, or int64 where that is too small; C-contiguous. Labels are not
        renumbered, and may be negative.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is empty or damaged.
    ValueError
        If it has another ending, or holds something other than one label map: colours,
        several pages, fractions.
    ImportError
        If it needs h5py, which is not installed.

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
    if suffix not in LABEL_SUFFIXES:
        raise ValueError(
            f"{path} is of no format that is read: give a label map that ends in "
            f"{', '.join(LABEL_SUFFIXES)}."
        )
    if suffix == ".png":
        labels = _read_png(path)
    elif suffix in TIFF_SUFFIXES:
        labels = _read_tiff(path)
    elif suffix == ".npy":
        labels = _read_npy(path)
    elif suffix == ".mat":
        labels = _read_mat(path)
    else:
        labels = _read_csv(path)
    return _as_label_map(labels, path)


def _as_label_map(labels, path):
    if labels.ndim != 2 or labels.size == 0:
        raise ValueError(
            f"{path} holds an array of shape {labels.shape}; a label map is (H, W) "
            "with at least one pixel."
        )
    if labels.dtype.kind not in "iub":
        raise ValueError(f"{path} holds {labels.dtype} values; save integers.")
    low, high = int(labels.min()), int(labels.max())
    for dtype in (np.int32, np.int64):
        if np.iinfo(dtype).min <= low and high <= np.iinfo(dtype).max:
            return labels.astype(dtype, order="C")
    raise ValueError(f"{path} holds labels up to {high}; they must fit into int64.")


def _coloured(path):
    return ValueError(
        f"{path} holds colours; convert them to indices, and save these as grey or as "
        "a palette."
    )


def _read_png(path):
    from PIL import Image

    with reading(path):
        content = path.read_bytes()
        check_format(content, path)
        # Compares checksums, which decoding does not.
        Image.open(BytesIO(content), formats=["PNG"]).verify()
        image = Image.open(BytesIO(content), formats=["PNG"])
        labels = np.array(image)
    if image.mode in ("RGB", "RGBA", "LA", "PA"):
        raise _coloured(path)
    if getattr(image, "n_frames", 1) > 1:
        raise ValueError(f"{path} is animated; save one image.")
    depth, colour_type = content[24], content[25]
    if colour_type == 0 and depth in (2, 4):
        # The decoder stretches grey to 8 bits: 3 or 15 becomes 255.
        labels = labels // (255 // (2**depth - 1))
    return labels


def _read_tiff(path):
    with reading(path):
        labels, _, photometric, _, n_series = read_tiff(path)
    if photometric in ("RGB", "YCBCR"):
        raise _coloured(path)
    if n_series > 1:
        raise ValueError(f"{path} holds {n_series} images; save one.")
    return labels


def _read_npy(path):
    with reading(path), path.open("rb") as file:
        labels = np.lib.format.read_array(file, allow_pickle=False)
    if labels.dtype.kind == "f" and labels.ndim == 2:
        labels = _whole(labels)
        if labels is None:
            raise _fractions(path, "it")
    return labels


def _read_csv(path):
    with reading(path):
        lines = path.read_text(encoding="utf-8-sig").strip().splitlines()
    try:
        rows = [[int(cell) for cell in line.split(",")] for line in lines]
    except ValueError as error:
        raise ValueError(
            f"{path} must hold integers with commas between them and nothing else "
            f"({error})."
        ) from error
    if len({len(row) for row in rows}) > 1:
        raise ValueError(f"{path} has lines of different lengths.")
    try:
        return np.array(rows, dtype=np.int64)
    except OverflowError as error:
        raise ValueError(f"{path} holds labels that do not fit into int64.") from error


def _read_mat(path):
    with reading(path):
        with path.open("rb") as file:
            is_hdf5 = b"MATLAB 7.3" in file.read(128)
        arrays = _arrays_of_hdf5(path) if is_hdf5 else _arrays_of_mat(path)
    # Numbers, such as how many labels there are, may lie beside the label map.
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


def _arrays_of_mat(path):
    from scipy.io import loadmat

    # From memory, since a file that it can't decode would be left open.
    variables = loadmat(BytesIO(path.read_bytes()))
    return {
        name: value
        for name, value in variables.items()
        if isinstance(value, np.ndarray)
        and value.ndim == 2
        and value.dtype.kind in "iubf"
    }


def _arrays_of_hdf5(path):
    h5py = import_h5py(path)
    with h5py.File(path, "r") as file:
        return {
            name: value[()].T  # MATLAB counts columns first
            for name, value in file.items()
            if isinstance(value, h5py.Dataset)
            and value.ndim == 2
            and value.dtype.kind in "iubf"
            and value.attrs.get("MATLAB_class") != b"char"
            and "MATLAB_empty" not in value.attrs
        }


def _whole(array):
    """An array of integers from one of whole numbers; None from others."""
    if array.dtype.kind != "f":
        return array
    # Beyond 2**53 not every whole number is a double. NaN is not below it either.
    if not (np.abs(array) <= 2**53).all() or (array != np.floor(array)).any():
        return None
    return array.astype(np.int64)


def _fractions(path, where):
    return ValueError(
        f"{path} holds fractions, NaN or infinite values in {where}; a label map holds "
        "whole numbers."
    )


def import_h5py(path):
    """The module, or an ImportError that says what it is needed for."""
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            f"Reading {path} needs h5py; install it with: pip install h5py"
        ) from error
    return h5py
