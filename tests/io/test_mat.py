"""MATLAB's files, compared with SciPy's reader; damaged ones end in an OSError."""

from io import BytesIO

import numpy as np
import pytest
from scipy.io import loadmat, savemat

from seal_sk.io.mat import read_mat

NUMBERS = ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", "f4", "f8"]


def content_of(variables, **options):
    buffer = BytesIO()
    savemat(buffer, variables, **options)
    return buffer.getvalue()


@pytest.fixture
def read(tmp_path):
    def read(content):
        path = tmp_path / "file.mat"
        path.write_bytes(content)
        return read_mat(path)

    return read


def assert_same(got, want):
    """Compare a value with SciPy's, in which a structure is a structured array."""
    assert got.shape == want.shape
    if want.dtype.names:
        for one, other in zip(got.ravel(), want.ravel(), strict=True):
            assert list(one) == list(want.dtype.names)
            for field, value in one.items():
                assert_same(value, other[field])
    elif want.dtype == object:
        for one, other in zip(got.ravel(), want.ravel(), strict=True):
            assert_same(one, other)
    else:
        assert got.dtype == want.dtype
        np.testing.assert_array_equal(got, want)


@pytest.mark.parametrize("compressed", [False, True])
def test_arrays_cells_and_structures_are_those_of_scipy(read, compressed):
    rng = np.random.default_rng(0)
    variables = {
        f"of_{dtype}": (100 * rng.random((3, 4))).astype(dtype) for dtype in NUMBERS
    }
    cells = np.empty((2, 3), dtype=object)
    for i in range(6):
        # As in BSDS500: structures in cells.
        cells.flat[i] = {"Segmentation": np.full((2, 3), i), "Boundaries": np.eye(2)}
    variables |= {
        "cells": cells,
        "volume": rng.random((2, 3, 4)),
        "logical": np.eye(3, dtype=bool),
        "empty": np.empty((0, 2)),
        "structure": {"a": np.arange(3), "b": {"c": np.ones((1, 1))}},
    }
    content = content_of(variables, do_compression=compressed)
    got, want = read(content), loadmat(BytesIO(content))
    assert set(got) == set(variables)
    for name, value in got.items():
        assert_same(value, want[name])


@pytest.mark.parametrize("dtype", ["f8", "f4", "i4", "i2", "u2", "u1"])
def test_version_4(read, dtype):
    labels = np.arange(12, dtype=dtype).reshape(3, 4)
    content = content_of({"labels": labels, "text": "abc"}, format="4")
    got = read(content)
    assert list(got) == ["labels"]
    assert got["labels"].dtype == loadmat(BytesIO(content))["labels"].dtype
    np.testing.assert_array_equal(got["labels"], labels)


def test_big_endian_files(read):
    def element(kind, data):
        padding = b"\0" * (-len(data) % 8)
        return np.array([kind, len(data)], ">u4").tobytes() + data + padding

    array = (
        element(6, np.array([12, 0], ">u4").tobytes())
        + element(5, np.array([2, 3], ">i4").tobytes())
        + element(1, b"labels")
        + element(5, np.arange(6, dtype=">i4").tobytes())
    )
    header = b"MATLAB 5.0 MAT-file".ljust(124) + b"\x01\0MI"
    got = read(header + element(14, array))["labels"]
    np.testing.assert_array_equal(got, [[0, 2, 4], [1, 3, 5]])


def test_other_variables_are_left_out(read):
    from scipy.sparse import csc_array

    others = {"text": "abc", "complex": np.ones(2) * 1j, "sparse": csc_array(np.eye(2))}
    cells = np.array(["abc", np.eye(2)], dtype=object)
    got = read(content_of({**others, "kept": np.eye(2), "cells": cells}))
    assert sorted(got) == ["cells", "kept"]
    assert got["cells"][0, 0] is None


@pytest.mark.parametrize(
    "options", [{}, {"do_compression": True}, {"format": "4"}], ids=str
)
def test_damage_is_an_os_error_or_changes_values_only(read, options):
    labels = (np.indices((9, 7)).sum(0) // 3).astype(np.int32)
    variables = {"labels": labels}
    if "format" not in options:
        cells = np.empty(2, dtype=object)
        cells[0], cells[1] = {"Segmentation": labels}, labels
        variables["cells"] = cells
    content = content_of(variables, **options)
    rng = np.random.default_rng(0)
    n_damaged = 0
    for at in [*range(min(len(content), 400)), *rng.integers(0, len(content), 200)]:
        damaged = bytearray(content)
        damaged[at] ^= rng.choice([1, 2, 4, 8, 16, 32, 64, 128, 255])
        try:
            read(damaged)
        except OSError:
            n_damaged += 1
    assert n_damaged > 10
    n_read = 0
    for length in range(1, len(content)):
        try:
            n_read += set(read(content[:length])) < set(variables)
        except OSError:
            continue
    # A file that ends where a variable does is whole.
    assert n_read <= 2
