"""Reading of MATLAB's files.

Versions 4 to 7 are decoded here. SciPy's reader trusts the sizes and types that a file
states, so one damaged byte can end the process; here every size is compared with what
is there.
"""

from __future__ import annotations

import math
import zlib
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._extras import import_extra
from .decoding import reading

__all__ = ["read_mat"]

# Types of elements, and of what they hold.
_COMPRESSED, _MATRIX = 15, 14
_NUMBERS = {
    1: "i1",
    2: "u1",
    3: "i2",
    4: "u2",
    5: "i4",
    6: "u4",
    7: "f4",
    9: "f8",
    12: "i8",
    13: "u8",
}
# Classes of arrays: those from `_FIRST_NUMERIC` to `_LAST_NUMERIC` hold numbers.
_CELL, _STRUCT, _FIRST_NUMERIC, _LAST_NUMERIC = 1, 2, 6, 15
_COMPLEX = 0x0800

_NUMBERS_OF_4 = ("f8", "f4", "i4", "i2", "u2", "u1")


def read_mat(path: Path) -> dict[str, NDArray[Any]]:
    """Read the arrays of numbers, cells and structures of a MAT-file.

    Parameters
    ----------
    path : Path
        Of any version; 7.3 needs h5py, and gives 2-D arrays of numbers only.

    Returns
    -------
    dict
        Arrays by the names of the variables, without copies where possible: numbers in
        the dtype in which they are stored; cells as object arrays of arrays, and
        structures as object arrays of dicts. Whatever else a file holds (text, complex
        and sparse arrays, objects) is left out, and is None inside a cell or structure.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    OSError
        If the file is damaged.
    ImportError
        If the file needs h5py, which is not installed.
    """
    with reading(path):
        with path.open("rb") as file:
            start = file.read(128)
        if b"MATLAB 7.3" in start:
            return _arrays_of_hdf5(path)
        content = memoryview(path.read_bytes())
        variables = _of_version_4(content) if 0 in start[:4] else _of_version_5(content)
        return {
            name: value
            for name, value in variables.items()
            if isinstance(value, np.ndarray)
        }


def _arrays_of_hdf5(path: Path) -> dict[str, NDArray[Any]]:
    h5py = import_extra("h5py", None, f"Reading {path}")
    with h5py.File(path, "r") as file:
        return {
            name: value[()].T  # MATLAB stores columns first
            for name, value in file.items()
            if isinstance(value, h5py.Dataset)
            and value.ndim == 2
            and value.dtype.kind in "iubf"
            and value.attrs.get("MATLAB_class") != b"char"
            and "MATLAB_empty" not in value.attrs
        }


def _of_version_5(content: memoryview) -> dict[str, Any]:
    order = {b"IM": "<", b"MI": ">"}.get(bytes(content[126:128]))
    if order is None:
        raise ValueError("it is no MAT-file")
    elements, variables = _Elements(content[128:], order), {}
    while elements.left:
        kind, data = elements.next()
        if kind == _COMPRESSED:
            kind, data = _Elements(_inflated(data, order), order).next()
        if kind == _MATRIX:
            name, value = _array(data, order)
            variables[name] = value
    return variables


class _Elements:
    """The elements in a piece of a file, one after the other."""

    def __init__(self, content: memoryview, order: str) -> None:
        self.left = content
        self.order = order

    def next(self) -> tuple[int, memoryview]:
        """The type and the content of the next element."""
        kind, size = (int(word) for word in self._words(2))
        start = 8
        if kind >> 16:
            # A small element: its size, type and content share these 8 bytes.
            kind, size, start = kind & 0xFFFF, kind >> 16, 4
        if size > (4 if start == 4 else len(self.left) - 8):
            raise ValueError(f"an element of {size} bytes is cut off")
        data = self.left[start : start + size]
        padded = size if kind == _COMPRESSED else -(-size // 8) * 8
        self.left = self.left[8 if start == 4 else 8 + padded :]
        return kind, data

    def numbers(self) -> NDArray[Any]:
        """The next element, which must hold numbers."""
        kind, data = self.next()
        if kind not in _NUMBERS:
            raise ValueError(f"numbers are stored as type {kind}, which does not exist")
        dtype = np.dtype(self.order + _NUMBERS[kind])
        if len(data) % dtype.itemsize:
            raise ValueError(f"{len(data)} bytes can't hold numbers of {dtype}")
        return np.frombuffer(data, dtype)

    def text(self) -> str:
        return self.next()[1].tobytes().decode("utf-8")

    def _words(self, n: int) -> NDArray[Any]:
        if len(self.left) < 4 * n:
            raise ValueError("the file ends too early")
        return np.frombuffer(self.left[: 4 * n], f"{self.order}u4")


def _inflated(data: memoryview, order: str) -> memoryview:
    """The element that a compressed one holds; no more is unpacked."""
    stream = zlib.decompressobj()
    start = stream.decompress(data, 8)
    if len(start) < 8:
        raise ValueError("a compressed element is cut off")
    size = int(np.frombuffer(start, f"{order}u4")[1])
    content = start + stream.decompress(stream.unconsumed_tail, max(size, 1))
    # The checksum comes last, and is compared when the end is reached.
    stream.decompress(stream.unconsumed_tail, 64)
    if not stream.eof:
        raise ValueError("a compressed element is cut off, or longer than it says")
    return memoryview(content)


def _array(data: memoryview, order: str) -> tuple[str, Any]:
    """The name and the value of an array."""
    if not len(data):
        return "", np.empty((0, 0))
    elements = _Elements(data, order)
    flags = elements.numbers()
    shape = [int(length) for length in elements.numbers()]
    if not len(flags) or len(shape) < 2 or min(shape) < 0:
        raise ValueError(f"an array has the shape {shape}")
    name = elements.text()
    kind, n = int(flags[0]) & 0xFF, math.prod(shape)
    if _FIRST_NUMERIC <= kind <= _LAST_NUMERIC:
        values = elements.numbers()
        if len(values) != n:
            raise ValueError(f"{name} has {len(values)} numbers for the shape {shape}")
        if int(flags[0]) & _COMPLEX:
            return name, None
        return name, values.reshape(shape, order="F")
    if kind not in (_CELL, _STRUCT):
        return name, None
    fields = _field_names(elements) if kind == _STRUCT else []
    # An element has 8 bytes at least, so this bounds the memory of the loop.
    if n * max(len(fields), 1) > len(elements.left) // 8:
        raise ValueError(f"{name} is too short for the shape {shape}")
    values = np.empty(n, dtype=object)
    for i in range(n):
        if kind == _CELL:
            values[i] = _value(elements)
        else:
            values[i] = {field: _value(elements) for field in fields}
    return name, values.reshape(shape, order="F")


def _value(elements: _Elements) -> Any:
    kind, data = elements.next()
    if kind != _MATRIX:
        raise ValueError(f"an element of type {kind} stands where an array must be")
    return _array(data, elements.order)[1]


def _field_names(elements: _Elements) -> list[str]:
    (length,) = elements.numbers().tolist()
    names = elements.next()[1].tobytes()
    if length < 1 or len(names) % length:
        raise ValueError("the names of a structure's fields are damaged")
    starts = range(0, len(names), length)
    return [names[i : i + length].split(b"\0")[0].decode("utf-8") for i in starts]


def _of_version_4(content: memoryview) -> dict[str, Any]:
    variables = {}
    while len(content):
        if len(content) < 20:
            raise ValueError("the file ends too early")
        # The order of bytes is that in which the first number is small.
        order = "<" if 0 <= np.frombuffer(content[:4], "<i4")[0] < 5000 else ">"
        header = np.frombuffer(content[:20], f"{order}i4").tolist()
        mopt, rows, columns, is_complex, length = header
        precision, kind = mopt // 10 % 10, mopt % 10
        if not (
            0 <= mopt < 5000
            and precision < len(_NUMBERS_OF_4)
            and min(rows, columns, length) >= 0
            and is_complex in (0, 1)
        ):
            raise ValueError("it is no MAT-file, or damaged")
        dtype = np.dtype(order + _NUMBERS_OF_4[precision])
        n_bytes = rows * columns * dtype.itemsize
        end = 20 + length + n_bytes * (1 + is_complex)
        if end > len(content):
            raise ValueError("the file ends too early")
        name = content[20 : 20 + length].tobytes().split(b"\0")[0].decode("latin-1")
        values = np.frombuffer(content[20 + length : 20 + length + n_bytes], dtype)
        # Kind 0 is a full array of numbers; 1 is text, and 2 sparse.
        plain = kind == 0 and not is_complex
        variables[name] = values.reshape((rows, columns), order="F") if plain else None
        content = content[end:]
    return variables
