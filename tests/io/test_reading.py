import struct
import sys
import zlib
from pathlib import Path

import h5py
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import tifffile
from PIL import Image
from scipy.io import savemat

from seal_sk.datasets import LABEL_SUFFIXES, read_label_map
from seal_sk.io.label_maps import may_be_label_map

LABELS = np.array([[0, 1, 2, 3], [3, 3, 0, 1], [2, 2, 2, 0]])


def write_png(path, labels, depth, colour_type=0, extra=b""):
    """Write a PNG of any depth, by the book rather than by a library."""
    bits = [
        "".join(f"{value:0{depth}b}" for value in row).ljust(
            -(-len(row) * depth // 8) * 8, "0"
        )
        for row in labels.tolist()
    ]
    rows = b"".join(b"\0" + int(row, 2).to_bytes(len(row) // 8, "big") for row in bits)

    def chunk(kind, content):
        check = struct.pack(">I", zlib.crc32(kind + content))
        return struct.pack(">I", len(content)) + kind + content + check

    height, width = labels.shape
    header = struct.pack(">IIBBBBB", width, height, depth, colour_type, 0, 0, 0)
    path.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + chunk(b"IHDR", header)
        + extra
        + chunk(b"IDAT", zlib.compress(rows))
        + chunk(b"IEND", b"")
    )


def palette(n):
    content = bytes(range(3 * n))
    check = struct.pack(">I", zlib.crc32(b"PLTE" + content))
    return struct.pack(">I", len(content)) + b"PLTE" + content + check


def save_hdf5(path, **arrays):
    """Write a MAT file of version 7.3, as MATLAB does."""
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            dataset = file.create_dataset(name, data=np.asarray(array).T)
            kind = b"char" if name == "text" else b"double"
            dataset.attrs["MATLAB_class"] = np.bytes_(kind)
    with Path(path).open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file, Platform: GLNXA64".ljust(124))
        file.write(b"\0\2IM")


def check(path, expected, dtype=np.int32):
    labels = read_label_map(path)
    assert labels.dtype == dtype
    assert labels.flags.c_contiguous
    np.testing.assert_array_equal(labels, expected)


# What is stored is what is read


@pytest.mark.parametrize("depth", [1, 2, 4, 8, 16])
def test_grey_png_of_any_depth(tmp_path, depth):
    highest = 2**depth - 1
    labels = np.linspace(0, highest, 21).astype(int).reshape(3, 7)
    write_png(tmp_path / "a.png", labels, depth)
    check(tmp_path / "a.png", labels)
    check(str(tmp_path / "a.png"), labels)


@pytest.mark.parametrize("depth", [1, 2, 4, 8])
def test_palette_gives_indices(tmp_path, depth):
    labels = np.arange(21).reshape(3, 7) % 2**depth
    colours = palette(min(2**depth, 80))
    write_png(tmp_path / "a.PNG", labels, depth, 3, colours)
    check(tmp_path / "a.PNG", labels)


@pytest.mark.parametrize(
    "dtype", [np.uint8, np.int8, np.uint16, np.int32, np.uint32, np.int64]
)
def test_tiff(tmp_path, dtype):
    labels = LABELS.astype(dtype)
    labels[0, 0] = np.iinfo(dtype).max
    labels[0, 1] = np.iinfo(dtype).min
    tifffile.imwrite(tmp_path / "a.tif", labels, compression="zlib")
    wide = labels.max() > np.iinfo(np.int32).max
    check(tmp_path / "a.tif", labels, np.int64 if wide else np.int32)


@pytest.mark.parametrize("photometric", ["miniswhite", "palette"])
def test_tiff_is_not_translated(tmp_path, photometric):
    colours = {}
    if photometric == "palette":
        colours["colormap"] = np.arange(768, dtype=np.uint16).reshape(3, 256)
    tifffile.imwrite(
        tmp_path / "a.tiff", LABELS.astype(np.uint8), photometric=photometric, **colours
    )
    check(tmp_path / "a.tiff", LABELS)


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_whole_numbers_that_are_floats(tmp_path, dtype):
    tifffile.imwrite(tmp_path / "a.tif", (LABELS - 2).astype(dtype))
    check(tmp_path / "a.tif", LABELS - 2)
    np.save(tmp_path / "a.npy", (LABELS - 2).astype(dtype))
    check(tmp_path / "a.npy", LABELS - 2)


@pytest.mark.parametrize("shape", [(3, 4, 1), (1, 3, 4), (1, 1, 3, 4), (1, 3, 4, 1)])
def test_tiff_of_one_page_and_one_band(tmp_path, shape):
    labels = LABELS.astype(np.uint16).reshape(shape)
    tifffile.imwrite(tmp_path / "a.tif", labels, photometric="minisblack")
    check(tmp_path / "a.tif", LABELS)


def write_raster(path, labels, *, mask=None, driver="GTiff", **options):
    with rasterio.open(
        path,
        "w",
        driver=driver,
        height=labels.shape[0],
        width=labels.shape[1],
        count=1,
        dtype=labels.dtype,
        transform=rasterio.Affine(1, 0, 9, 0, -1, 9),
        **options,
    ) as file:
        file.write(labels, 1)
        if mask is not None:
            file.write_mask(mask)


@pytest.mark.parametrize(
    ("dtype", "nodata"),
    [
        (np.uint8, 255),
        (np.uint16, 65535),
        (np.uint32, 0),
        (np.int16, -9999),
        (np.float32, -3.4e38),
        (np.float64, np.nan),
    ],
)
@pytest.mark.parametrize("suffix", [".tif", ".img", ".vrt"])
def test_no_data_is_minus_one(tmp_path, dtype, nodata, suffix):
    labels = (LABELS + 1).astype(dtype)
    labels[0, 2:] = nodata
    expected = LABELS + 1
    expected[0, 2:] = -1
    driver = "HFA" if suffix == ".img" else "GTiff"
    path = tmp_path / f"a{suffix}"
    source = tmp_path / "source.tif" if suffix == ".vrt" else path
    write_raster(source, labels, driver=driver, nodata=nodata)
    if suffix == ".vrt":
        rasterio.shutil.copy(source, path, driver="VRT")
    check(path, expected)


def test_masks_of_label_maps(tmp_path):
    inside = np.where(LABELS == 2, 0, 255).astype(np.uint8)
    with rasterio.Env(GDAL_TIFF_INTERNAL_MASK=True):
        write_raster(tmp_path / "a.tif", LABELS.astype(np.uint8), mask=inside)
    check(tmp_path / "a.tif", np.where(LABELS == 2, -1, LABELS))


def test_placed_palettes_give_indices(tmp_path):
    path = tmp_path / "a.tif"
    write_raster(path, LABELS.astype(np.uint8), photometric="palette")
    with rasterio.open(path, "r+") as file:
        file.write_colormap(1, {i: (9 * i, 0, 7, 255) for i in range(256)})
    check(path, LABELS)


def test_overviews_are_no_label_maps(tmp_path):
    labels = np.arange(600 * 520).reshape(600, 520) // 999
    write_raster(tmp_path / "source.tif", labels.astype(np.int32))
    rasterio.shutil.copy(tmp_path / "source.tif", tmp_path / "a.tif", driver="COG")
    check(tmp_path / "a.tif", labels)


@pytest.mark.parametrize("suffix", [".jpg", ".webp", ".txt", ""])
def test_other_formats(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    if suffix in (".jpg", ".webp"):
        Image.fromarray(LABELS.astype(np.uint8)).save(path)
    else:
        path.write_text("0 1")
    with pytest.raises(ValueError, match=r"format of .* is not supported"):
        read_label_map(path)


@pytest.mark.parametrize(
    "dtype", ["?", "u1", ">i2", "i4", ">u4", "i8", "u8", "f4", "f8"]
)
def test_npy(tmp_path, dtype):
    labels = np.asfortranarray(LABELS.astype(dtype))
    np.save(tmp_path / "a.npy", labels)
    check(tmp_path / "a.npy", labels)


def test_wide_labels(tmp_path):
    np.save(tmp_path / "a.npy", [[2**31 - 1, -(2**31)]])
    check(tmp_path / "a.npy", [[2**31 - 1, -(2**31)]])
    np.save(tmp_path / "a.npy", [[2**31, -1]])
    check(tmp_path / "a.npy", [[2**31, -1]], np.int64)
    np.save(tmp_path / "a.npy", np.array([[2**63]], dtype=np.uint64))
    with pytest.raises(ValueError, match=r"a\.npy.*int64"):
        read_label_map(tmp_path / "a.npy")


@pytest.mark.parametrize("dtype", [bool, np.uint8, np.int16, np.uint32, float])
@pytest.mark.parametrize("save", ["4", "5", "7.3"])
def test_mat(tmp_path, save, dtype):
    labels = LABELS.astype(dtype)
    beside = {"n_labels": np.array([[4.0]]), "centres": np.array([[0.5, 1.5]])}
    if save == "7.3":
        save_hdf5(tmp_path / "a.mat", labels=labels, **beside, text=[[104, 105]])
    elif save == "4":
        if dtype not in (float, np.uint8):
            labels = labels.astype(np.uint8)
        savemat(tmp_path / "a.mat", {"labels": labels, **beside}, format="4")
    else:
        extra = {"text": "hi", "cell": np.array([["x", LABELS]], dtype=object)}
        savemat(tmp_path / "a.mat", {"labels": labels, **beside, **extra})
    check(tmp_path / "a.mat", labels)


@pytest.mark.parametrize(
    "text",
    ["0,1\n-2,3\n", "0, 1\r\n-2, 3", "\ufeff0,1\n-2,3\n\n"],
    ids=["plain", "windows", "excel"],
)
def test_csv(tmp_path, text):
    (tmp_path / "a.csv").write_bytes(text.encode())
    check(tmp_path / "a.csv", [[0, 1], [-2, 3]])


def test_one_pixel(tmp_path):
    (tmp_path / "a.csv").write_text("7")
    check(tmp_path / "a.csv", [[7]])
    savemat(tmp_path / "a.mat", {"labels": 7})
    check(tmp_path / "a.mat", [[7]])


# Files of other content


@pytest.mark.parametrize("mode", ["RGB", "RGBA", "LA"])
def test_coloured_png(tmp_path, mode):
    Image.new(mode, (4, 3)).save(tmp_path / "a.png")
    with pytest.raises(ValueError, match=r"a\.png holds colours; convert them to ind"):
        read_label_map(tmp_path / "a.png")


def test_animated_png(tmp_path):
    frames = [Image.new("L", (4, 3), value) for value in (0, 9)]
    frames[0].save(tmp_path / "a.png", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match=r"a\.png is animated"):
        read_label_map(tmp_path / "a.png")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((3, 4, 3), dtype=np.uint8), "holds colours"),
        (np.zeros((2, 3, 4), dtype=np.uint16), r"shape \(2, 3, 4\)"),
        (LABELS.astype(np.float32) + 0.5, "fractions"),
        (np.where(LABELS, LABELS, np.nan), "NaN"),
        (LABELS.astype(np.complex64), "complex64"),
    ],
)
def test_other_tiff(tmp_path, array, message):
    photometric = "rgb" if array.shape[-1] == 3 else "minisblack"
    tifffile.imwrite(tmp_path / "a.tif", array, photometric=photometric)
    with pytest.raises(ValueError, match=rf"a\.tif.*{message}"):
        read_label_map(tmp_path / "a.tif")


def test_tiff_of_several_images(tmp_path):
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(LABELS.astype(np.uint8))
        file.write(LABELS[:2].astype(np.uint8))
    with pytest.raises(ValueError, match=r"a\.tif holds 2 images"):
        read_label_map(tmp_path / "a.tif")


def test_several_variables(tmp_path):
    with h5py.File(tmp_path / "a.nc", "w") as file:
        file["first"] = file["second"] = LABELS
    with pytest.raises(ValueError, match=r"a\.nc holds 2 images; save one of them"):
        read_label_map(tmp_path / "a.nc")


@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros(3, dtype=int), r"shape \(3,\)"),
        (np.zeros((0, 3), dtype=int), r"shape \(0, 3\)"),
        (np.zeros((2, 3, 4), dtype=int), r"shape \(2, 3, 4\)"),
        (LABELS + 0.5, "fractions"),
        (np.where(LABELS, LABELS, np.nan), "NaN"),
        (np.where(LABELS, LABELS, np.inf), "infinite"),
        (LABELS.astype(complex), "complex128"),
        (LABELS.astype(str), "save integers"),
    ],
)
def test_other_npy(tmp_path, array, message):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(ValueError, match=rf"a\.npy.*{message}"):
        read_label_map(tmp_path / "a.npy")


def test_pickles_are_not_run(tmp_path):
    np.save(tmp_path / "a.npy", np.array([[None]]), allow_pickle=True)
    with pytest.raises(OSError, match=r"a\.npy can't be read.*objects"):
        read_label_map(tmp_path / "a.npy")


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"a": LABELS, "b": LABELS}, r"several arrays of whole numbers \(a, b\)"),
        ({"a": LABELS + 0.5}, "fractions, NaN or infinite values in a"),
        ({"a": np.where(LABELS, LABELS, np.nan)}, "NaN"),
        ({"a": np.zeros((2, 3, 4))}, "no 2-D array"),
        ({}, "no 2-D array"),
    ],
)
@pytest.mark.parametrize("save", [savemat, save_hdf5])
def test_other_mat(tmp_path, save, arrays, message):
    if save is savemat:
        savemat(tmp_path / "a.mat", arrays)
    else:
        save_hdf5(tmp_path / "a.mat", **arrays)
    with pytest.raises(ValueError, match=rf"a\.mat.*{message}"):
        read_label_map(tmp_path / "a.mat")


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1,2\n3\n", "different lengths"),
        ("1,2.0\n", "must hold integers"),
        ("x,y\n1,2\n", "must hold integers"),
        ("1 2\n3 4\n", "must hold integers"),
        ("1,nan\n", "must hold integers"),
        ("1,\n2,\n", "must hold integers"),
        (" \n", "must hold integers|shape"),
        (f"1,{2**63}\n", "int64"),
    ],
)
def test_other_csv(tmp_path, text, message):
    (tmp_path / "a.csv").write_text(text)
    with pytest.raises(ValueError, match=rf"a\.csv.*({message})"):
        read_label_map(tmp_path / "a.csv")


def test_other_endings(tmp_path):
    (tmp_path / "a.jpg").write_bytes(b"")
    with pytest.raises(ValueError, match=r"a\.jpg is not supported.*\.png, .*\.csv"):
        read_label_map(tmp_path / "a.jpg")


# Files that can't be read


def write(path):
    suffix = path.suffix
    if suffix == ".png":
        Image.fromarray(LABELS.astype(np.uint8)).save(path)
    elif suffix in (".tif", ".tiff"):
        tifffile.imwrite(path, LABELS.astype(np.int32))
    elif suffix == ".npy":
        np.save(path, LABELS)
    elif suffix == ".mat":
        savemat(path, {"labels": LABELS}, do_compression=True)
    else:
        path.write_text("1,2\n")


@pytest.mark.parametrize("suffix", LABEL_SUFFIXES)
def test_missing_empty_or_a_folder(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    with pytest.raises(FileNotFoundError, match=rf"no file .*a\{suffix}"):
        read_label_map(path)
    path.write_bytes(b"")
    with pytest.raises(OSError, match=rf"a\{suffix} is an empty file"):
        read_label_map(path)
    path.unlink()
    path.mkdir()
    with pytest.raises(IsADirectoryError, match=rf"a\{suffix} is a folder"):
        read_label_map(path)


@pytest.mark.parametrize("suffix", [s for s in LABEL_SUFFIXES if s != ".csv"])
def test_truncated_or_something_else(tmp_path, suffix):
    path = tmp_path / f"a{suffix}"
    write(path)
    whole = path.read_bytes()
    for content in (whole[: len(whole) // 2], whole[:3], b"no label map at all"):
        path.write_bytes(content)
        with pytest.raises(OSError, match=rf"a\{suffix} can't be read"):
            read_label_map(path)


def test_truncated_mat_of_version_7_3(tmp_path):
    path = tmp_path / "a.mat"
    save_hdf5(path, labels=LABELS)
    path.write_bytes(path.read_bytes()[:900])
    with pytest.raises(OSError, match=r"a\.mat can't be read"):
        read_label_map(path)


def test_one_wrong_bit_in_a_png(tmp_path):
    path = tmp_path / "a.png"
    write(path)
    content = bytearray(path.read_bytes())
    content[content.index(b"IDAT") + 8] ^= 1
    path.write_bytes(content)
    with pytest.raises(OSError, match=r"a\.png can't be read"):
        read_label_map(path)


def test_jpeg_called_png(tmp_path):
    Image.fromarray(LABELS.astype(np.uint8)).save(tmp_path / "a.png", format="JPEG")
    with pytest.raises(OSError, match=r"a\.png can't be read"):
        read_label_map(tmp_path / "a.png")


def test_csv_of_bytes(tmp_path):
    (tmp_path / "a.csv").write_bytes(b"\xff\xfe1,2")
    with pytest.raises(OSError, match=r"a\.csv can't be read"):
        read_label_map(tmp_path / "a.csv")


def test_h5py_is_asked_for_when_it_is_needed(tmp_path, monkeypatch):
    savemat(tmp_path / "old.mat", {"labels": LABELS})
    save_hdf5(tmp_path / "new.mat", labels=LABELS)
    monkeypatch.setitem(sys.modules, "h5py", None)
    check(tmp_path / "old.mat", LABELS)
    with pytest.raises(ImportError, match=r"new\.mat needs h5py.*pip install h5py"):
        read_label_map(tmp_path / "new.mat")


def test_text_that_is_called_png(tmp_path):
    (tmp_path / "a.png").write_text("no picture")
    with pytest.raises(OSError, match=r"a\.png can't be read: .* not hold an image"):
        read_label_map(tmp_path / "a.png")


def test_a_table_beside_label_maps_is_none(tmp_path):
    (tmp_path / "a.csv").write_text("label,area\n0,12\n")
    (tmp_path / "b.csv").write_text("0,0,1\n")
    (tmp_path / "c.csv").mkdir()
    assert [may_be_label_map(tmp_path / f"{name}.csv") for name in "abc"] == [
        False,
        True,
        False,
    ]


@pytest.mark.parametrize("shape", ["(4, 5)", "(10**6, 10**6)", "(10**9, 10**9)"])
def test_npy_that_states_a_larger_shape(tmp_path, shape):
    path = tmp_path / "a.npy"
    with path.open("wb") as file:
        header = {"descr": "|u1", "fortran_order": False, "shape": eval(shape)}
        np.lib.format.write_array_header_1_0(file, header)
        file.write(bytes(16))
    with pytest.raises(OSError, match=r"a\.npy can't be read"):
        read_label_map(path)


def test_sizes_beyond_memory_are_told_with_the_file(tmp_path):
    h5py = pytest.importorskip("h5py")
    path = tmp_path / "a.mat"
    with h5py.File(path, "w", userblock_size=512) as file:
        file.create_dataset("a", shape=(10**7, 10**7), dtype="u2", chunks=(99, 99))
    with path.open("r+b") as file:
        file.write(b"MATLAB 7.3 MAT-file")
    with pytest.raises(OSError, match=r"a\.mat does not fit into memory"):
        read_label_map(path)
