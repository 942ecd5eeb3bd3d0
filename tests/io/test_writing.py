"""Label maps as files: what is read back is what was written."""

import os

import imageio.v3 as iio
import numpy as np
import pytest
import rasterio
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seal_sk.datasets import read_label_map
from seal_sk.export import Georeference, read_georeference, write_label_map


@pytest.mark.parametrize("suffix", [".png", ".tif", ".tiff", ".npy", ".PNG", ".TIF"])
@pytest.mark.parametrize("high", [0, 1, 255, 256, 65535])
def test_round_trip(tmp_path, rng, suffix, high):
    labels = rng.integers(0, high + 1, (31, 17))
    labels[3, 5] = high
    path = tmp_path / f"labels{suffix}"
    write_label_map(path, labels)
    np.testing.assert_array_equal(read_label_map(path), labels)
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        st.sampled_from([np.int16, np.int32, np.int64]),
        array_shapes(min_dims=2, max_dims=2),
        elements=st.integers(-3, 32767),
    ),
    st.sampled_from([".tif", ".npy"]),
)
def test_masked_pixels_are_minus_one(tmp_path_factory, labels, suffix):
    path = tmp_path_factory.mktemp("labels") / f"labels{suffix}"
    write_label_map(path, labels)
    np.testing.assert_array_equal(read_label_map(path), np.maximum(labels, -1))


@pytest.mark.parametrize("georeferenced", [False, True])
@pytest.mark.parametrize(
    ("low", "high", "dtype"),
    [
        (0, 65535, np.uint16),
        (0, 65536, np.uint32),
        (0, 2**31 - 1, np.uint32),
        (-1, 5, np.int32),
        (-7, 2**31 - 1, np.int32),
    ],
)
def test_dtype_and_no_data_of_tiff(tmp_path, low, high, dtype, georeferenced):
    place = None
    if georeferenced:
        place = Georeference("EPSG:32633", (1, 0, 5e5, 0, -1, 5e6))
    path = tmp_path / "labels.tif"
    write_label_map(path, [[low, high], [0, 1]], georeference=place)
    with tifffile.TiffFile(path) as file:
        page = file.pages.first
        assert page.dtype == dtype
        assert page.compression.name in ("ADOBE_DEFLATE", "DEFLATE")
        assert ("GDAL_NODATA" in page.tags) == (low < 0)
        if low < 0:
            assert page.nodata == -1
    assert read_label_map(path).tolist() == [[max(low, -1), high], [0, 1]]


def test_a_gis_sees_no_data(tmp_path):
    path = tmp_path / "labels.tif"
    write_label_map(
        path, [[-1, 0]], georeference=Georeference(None, (1, 0, 0, 0, -1, 0))
    )
    with rasterio.open(path) as raster:
        assert raster.nodata == -1
        assert raster.read(1, masked=True).mask.tolist() == [[True, False]]


def test_georeference_is_kept(tmp_path, labels, place):
    path = tmp_path / "labels.tif"
    write_label_map(path, labels, georeference=place)
    with rasterio.open(path) as raster:
        assert raster.crs == rasterio.crs.CRS.from_user_input(place.crs)
        assert tuple(raster.transform)[:6] == pytest.approx(place.transform)
        np.testing.assert_array_equal(raster.read(1), labels)
    assert read_georeference(path).crs == place.crs
    np.testing.assert_array_equal(read_label_map(path), labels)


def test_png_has_16_bits(tmp_path):
    path = tmp_path / "labels.png"
    write_label_map(path, [[0, 1]])
    assert iio.imread(path).dtype == np.uint16


@pytest.mark.parametrize(
    ("name", "labels", "message"),
    [
        ("labels.png", [[0, 65536]], r"65536 labels\); write a \.tif or \.npy"),
        ("labels.png", [[0, -1]], r"masked pixels.*write a \.tif or \.npy"),
        ("labels.npy", [[0, 2**31]], "relabel_consecutive"),
        ("labels.tif", np.array([[2**63]], dtype=np.uint64), "relabel_consecutive"),
        ("labels.jpg", [[0]], r"ends in \.png, \.tif, \.tiff, \.npy"),
        ("labels", [[0]], "no suffix of a format"),
        ("labels.tif", [0], "shape"),
    ],
)
def test_refused_before_anything_is_written(tmp_path, name, labels, message):
    with pytest.raises(ValueError, match=message):
        write_label_map(tmp_path / name, labels)
    assert list(tmp_path.iterdir()) == []


def test_wrong_types(tmp_path):
    with pytest.raises(TypeError, match="holds integers"):
        write_label_map(tmp_path / "labels.tif", [[0.5]])
    with pytest.raises(TypeError, match="georeference is tuple"):
        write_label_map(tmp_path / "labels.tif", [[0]], georeference=(1, 2))


@pytest.mark.parametrize("suffix", [".png", ".npy"])
def test_only_tiff_holds_a_georeference(tmp_path, place, suffix):
    with pytest.raises(ValueError, match=r"write a \.tif, or leave it out"):
        write_label_map(tmp_path / f"labels{suffix}", [[0]], georeference=place)


def test_unknown_system(tmp_path):
    place = Georeference("EPSG:1", (1, 0, 0, 0, -1, 0))
    with pytest.raises(ValueError, match="crs='EPSG:1' is not a coordinate reference"):
        write_label_map(tmp_path / "labels.tif", [[0]], georeference=place)


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy"])
def test_interrupted_writes_leave_what_was_there(tmp_path, interrupt, suffix):
    path = tmp_path / f"labels{suffix}"
    write_label_map(path, [[0, 1]])
    before = path.read_bytes()
    with interrupt():
        write_label_map(path, [[1, 0]])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() == 0, reason="may write anywhere"
)
def test_read_only_folder(tmp_path):
    tmp_path.chmod(0o500)
    with pytest.raises(PermissionError, match="labels"):
        write_label_map(tmp_path / "labels.png", [[0]])
    assert list(tmp_path.iterdir()) == []


def test_no_folder(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        write_label_map(tmp_path / "nowhere" / "labels.png", [[0]])
