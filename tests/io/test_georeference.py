"""Where an image lies, as GDAL reads it."""

import sys

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from seal_sk.export import Georeference, read_georeference


@pytest.fixture(scope="module")
def rasterio():
    return pytest.importorskip("rasterio")


def write_tiff(rasterio, path, place, **options):
    image = np.zeros((4, 5, 3), dtype=np.uint8)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=4,
        width=5,
        count=3,
        dtype="uint8",
        crs=place.crs,
        transform=rasterio.Affine(*place.transform),
    ) as raster:
        raster.write(np.moveaxis(image, 2, 0))
        raster.update_tags(**options)


@pytest.mark.parametrize("pixel_is", ["Area", "Point"])
def test_geotiff(rasterio, tmp_path, place, pixel_is):
    path = tmp_path / "image.tif"
    write_tiff(rasterio, path, place, AREA_OR_POINT=pixel_is)
    found = read_georeference(path)
    assert found.crs == place.crs
    assert found.transform == pytest.approx(place.transform)


def test_system_without_a_code_stays_as_it_is(rasterio, tmp_path):
    crs = rasterio.crs.CRS.from_string("+proj=laea +lat_0=50 +lon_0=8 +ellps=GRS80")
    path = tmp_path / "image.tif"
    write_tiff(rasterio, path, Georeference(crs.to_wkt(), (1, 0, 0, 0, -1, 5)))
    found = read_georeference(str(path))
    assert "EPSG:" not in found.crs
    assert rasterio.crs.CRS.from_wkt(found.crs) == crs


def test_transform_without_system(rasterio, tmp_path):
    path = tmp_path / "image.tif"
    place = Georeference(None, (1, 0, 100, 0, -1, 5))
    write_tiff(rasterio, path, place)
    assert read_georeference(path) == place


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_images_without(tmp_path, suffix, monkeypatch):
    monkeypatch.setitem(sys.modules, "rasterio", None)
    path = tmp_path / f"image{suffix}"
    iio.imwrite(path, np.zeros((4, 5), dtype=np.uint8))
    assert read_georeference(path) is None


def test_geotiff_without_rasterio(rasterio, tmp_path, place, monkeypatch):
    path = tmp_path / "image.tif"
    write_tiff(rasterio, path, place)
    monkeypatch.setitem(sys.modules, "rasterio", None)
    with pytest.raises(ImportError, match=r'rasterio.*pip install "seal_sk\[geo\]"'):
        read_georeference(path)


@pytest.mark.parametrize(
    ("image", "world"),
    [
        ("a.tif", "a.tfw"),
        ("a.tif", "a.wld"),
        ("a.png", "a.pgw"),
        ("a.jpg", "a.jgw"),
        ("a.jpeg", "a.jgw"),
        ("a.b.png", "a.b.pngw"),
    ],
)
def test_world_files_as_gdal_reads_them(rasterio, tmp_path, image, world):
    path = tmp_path / image
    iio.imwrite(path, np.zeros((4, 5), dtype=np.uint8))
    (tmp_path / world).write_text("0.3\n0.4\n0.4\n-0.3\n2600000.5\n1200000.25\n")
    with rasterio.open(path) as raster:
        expected = tuple(raster.transform)[:6]
    found = read_georeference(path)
    assert found.crs is None
    assert found.transform == pytest.approx(expected)


def test_world_file_in_capitals(tmp_path):
    path = tmp_path / "A.TIF"
    tifffile.imwrite(path, np.zeros((4, 5), dtype=np.uint8))
    (tmp_path / "A.TFW").write_text("1 0 0 -1 0.5 -0.5")
    assert read_georeference(path) == Georeference(None, (1, 0, 0, 0, -1, 0))


def test_tags_go_before_a_world_file(rasterio, tmp_path, place):
    path = tmp_path / "image.tif"
    write_tiff(rasterio, path, place)
    path.with_suffix(".tfw").write_text("1 0 0 -1 0.5 -0.5")
    assert read_georeference(path).crs == place.crs


@pytest.mark.parametrize("content", ["", "1 0 0 -1 0", "1 0 0 x 0 0", "0 0 0 0 0 0"])
def test_damaged_world_files(tmp_path, content):
    path = tmp_path / "image.png"
    iio.imwrite(path, np.zeros((4, 5), dtype=np.uint8))
    path.with_suffix(".pgw").write_text(content)
    with pytest.raises(OSError, match=r"image\.pgw is not a world file"):
        read_georeference(path)


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")  # as it is made
def test_ground_control_points(rasterio, tmp_path):
    path = tmp_path / "image.tif"
    points = [
        rasterio.control.GroundControlPoint(row, column, 10 + column, 50 - row)
        for row, column in ((0, 0), (0, 5), (4, 0), (4, 4.5))
    ]
    with rasterio.open(
        path, "w", driver="GTiff", height=4, width=5, count=1, dtype="uint8"
    ) as raster:
        raster.gcps = points, rasterio.crs.CRS.from_epsg(4326)
        raster.write(np.zeros((1, 4, 5), dtype=np.uint8))
    with pytest.raises(ValueError, match="ground control points; warp it first"):
        read_georeference(path)


def test_files_that_are_not_there_or_damaged(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no file"):
        read_georeference(tmp_path / "image.tif")
    (tmp_path / "image.tif").write_bytes(b"II*\0 and no more")
    with pytest.raises(OSError, match="can't be read"):
        read_georeference(tmp_path / "image.tif")


@pytest.mark.parametrize(
    ("arguments", "error", "message"),
    [
        ((4326, (1, 0, 0, 0, 1, 0)), TypeError, "crs=4326"),
        ((None, "abcdef"), TypeError, "six numbers"),
        ((None, 3), TypeError, "six numbers"),
        ((None, (1, 0, 0, 0, 1)), ValueError, "six finite"),
        ((None, (1, 0, 0, 0, np.inf, 1)), ValueError, "six finite"),
        ((None, (1, 2, 0, 2, 4, 0)), ValueError, "no area"),
    ],
)
def test_bad_georeferences(arguments, error, message):
    with pytest.raises(error, match=message):
        Georeference(*arguments)


def test_affine_of_rasterio(rasterio):
    transform = rasterio.Affine(2, 1, 3, -1, -2, 4)
    place = Georeference(None, transform)
    assert place.transform == (2, 1, 3, -1, -2, 4)
    assert place.pixel_area == abs(transform.determinant)
    for column, row in ((0, 0), (3, 5)):
        expected = np.reshape(transform, (3, 3)) @ (column, row, 1)
        assert place.points([[column, row]]).tolist() == [expected[:2].tolist()]
