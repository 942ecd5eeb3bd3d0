"""Where an image lies, as GDAL reads it."""

import os
import sys
import warnings

import imageio.v3 as iio
import numpy as np
import pytest
import rasterio
import rasterio.shutil
import tifffile

from seal_sk.export import Georeference, read_georeference
from seal_sk.io import read_image


def write_tiff(path, place, **options):
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
def test_geotiff(tmp_path, place, pixel_is):
    path = tmp_path / "image.tif"
    write_tiff(path, place, AREA_OR_POINT=pixel_is)
    found = read_georeference(path)
    assert found.crs == place.crs
    assert found.transform == pytest.approx(place.transform)


def test_system_without_a_code_stays_as_it_is(tmp_path):
    crs = rasterio.crs.CRS.from_string("+proj=laea +lat_0=50 +lon_0=8 +ellps=GRS80")
    path = tmp_path / "image.tif"
    write_tiff(path, Georeference(crs.to_wkt(), (1, 0, 0, 0, -1, 5)))
    found = read_georeference(str(path))
    assert "EPSG:" not in found.crs
    assert rasterio.crs.CRS.from_wkt(found.crs) == crs


def test_transform_without_system(tmp_path):
    path = tmp_path / "image.tif"
    place = Georeference(None, (1, 0, 100, 0, -1, 5))
    write_tiff(path, place)
    assert read_georeference(path) == place


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_images_without(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    iio.imwrite(path, np.zeros((4, 5), dtype=np.uint8))
    assert read_georeference(path) is None


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
def test_world_files_as_gdal_reads_them(tmp_path, image, world):
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
    (tmp_path / "A.TFW").write_text("1\n0\n0\n-1\n0.5\n-0.5\n")
    assert read_georeference(path) == Georeference(None, (1, 0, 0, 0, -1, 0))


WORLD = "0.5\n0\n0\n-0.5\n1000.25\n1999.75\n"


@pytest.mark.parametrize("text", [WORLD.replace(".", ","), WORLD + "by a camera\n"])
def test_world_files_of_other_programs(tmp_path, text):
    path = tmp_path / "image.jpg"
    iio.imwrite(path, np.zeros((4, 5), dtype=np.uint8))
    path.with_suffix(".jgw").write_text(text)
    assert read_georeference(path) == Georeference(None, (0.5, 0, 1000, 0, -0.5, 2000))


def test_system_in_the_file_and_place_beside_it(tmp_path):
    path = tmp_path / "image.tif"
    options = {"height": 4, "width": 5, "count": 1, "dtype": "uint8"}
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        with rasterio.open(path, "w", driver="GTiff", crs="EPSG:25833", **options):
            pass
    path.with_suffix(".tfw").write_text(WORLD)
    expected = Georeference("EPSG:25833", (0.5, 0, 1000, 0, -0.5, 2000))
    assert read_georeference(path) == expected


@pytest.mark.parametrize("options", [{}, {"TFW": "YES"}])
def test_place_in_aux_xml(tmp_path, place, options):
    write_tiff(tmp_path / "whole.tif", place)
    path = tmp_path / "image.tif"
    rasterio.shutil.copy(
        tmp_path / "whole.tif", path, driver="GTiff", PROFILE="BASELINE", **options
    )
    found = read_georeference(path)
    assert rasterio.CRS.from_user_input(found.crs) == rasterio.CRS.from_user_input(
        place.crs
    )
    assert found.transform == pytest.approx(place.transform)


@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_system_in_a_prj(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    iio.imwrite(path, np.zeros((4, 5), dtype=np.uint8))
    path.with_suffix(".wld").write_text(WORLD)
    crs = rasterio.CRS.from_epsg(25832)
    path.with_suffix(".prj").write_text(crs.to_wkt(version="WKT1_ESRI"))
    assert rasterio.CRS.from_user_input(read_georeference(path).crs) == crs
    path.with_suffix(".prj").write_text(f"\ufeff{crs.to_wkt()}", "utf-8")
    assert rasterio.CRS.from_user_input(read_georeference(path).crs) == crs
    path.with_suffix(".prj").write_text("nothing")
    with pytest.raises(OSError, match=r"image\.prj does not hold a reference system"):
        read_georeference(path)


@pytest.mark.skipif(sys.platform != "linux", reason="names are Unicode there")
@pytest.mark.parametrize("suffix", [".png", ".tif"])
def test_names_that_are_not_utf8(tmp_path, suffix):
    path = tmp_path / os.fsdecode(b"caf\xe9" + suffix.encode())
    image = np.arange(20, dtype=np.uint8).reshape(4, 5)
    path.write_bytes(iio.imwrite("<bytes>", image, extension=suffix))
    path.with_suffix(".wld").write_text(WORLD)
    assert read_georeference(path).transform[2] == 1000
    assert np.array_equal(read_image(path)[..., 0], image)


def test_a_system_that_is_given(tmp_path):
    path = tmp_path / "image.png"
    iio.imwrite(path, np.zeros((4, 5), dtype=np.uint8))
    with pytest.raises(ValueError, match="has no place to which crs='EPSG:25833'"):
        read_georeference(path, crs="EPSG:25833")
    path.with_suffix(".pgw").write_text(WORLD)
    assert read_georeference(path, crs="EPSG:25833").crs == "EPSG:25833"
    with pytest.raises(ValueError, match="crs='EPSG:1' is not a coordinate reference"):
        read_georeference(path, crs="EPSG:1")
    write_tiff(tmp_path / "image.tif", Georeference("EPSG:25833", (1, 0, 9, 0, -1, 9)))
    found = read_georeference(tmp_path / "image.tif", crs="epsg:25833")
    assert found.crs == "EPSG:25833"
    with pytest.raises(ValueError, match="has the reference system EPSG:25833, not"):
        read_georeference(tmp_path / "image.tif", crs="EPSG:25832")


@pytest.mark.parametrize("suffix", [".ppm", ".bmp", ".png", ".tif"])
def test_images_without_a_place(tmp_path, suffix):
    path = tmp_path / f"image{suffix}"
    iio.imwrite(path, np.zeros((4, 5, 3), dtype=np.uint8))
    assert read_georeference(path) is None
    # The identity is no place.
    path.with_suffix(".wld").write_text("1,0\n0\n0\n1\n0.5\n0.5\n")
    assert read_georeference(path) is None


@pytest.mark.parametrize(
    "content",
    ["", "1\n0\n0\n-1\n0", "1 0 0 -1 0 0", "0\n" * 6, "nan\n0\n0\n-1\n0\n0\n"],
)
def test_damaged_world_files(tmp_path, content):
    path = tmp_path / "image.png"
    iio.imwrite(path, np.zeros((4, 5), dtype=np.uint8))
    path.with_suffix(".pgw").write_text(content)
    with pytest.raises(OSError, match=r"image\.pgw is not a world file"):
        read_georeference(path)


@pytest.mark.filterwarnings("ignore:Dataset has no geotransform")  # as it is made
def test_ground_control_points(tmp_path):
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


def test_rational_polynomials(tmp_path):
    names = ("LINE", "SAMP", "LAT", "LONG", "HEIGHT")
    tags = {f"{name}_{end}": "1" for name in names for end in ("OFF", "SCALE")}
    for name in ("LINE_NUM", "LINE_DEN", "SAMP_NUM", "SAMP_DEN"):
        tags[f"{name}_COEFF"] = " ".join(["1"] * 20)
    path = tmp_path / "image.tif"
    options = {"height": 4, "width": 5, "count": 1, "dtype": "uint8"}
    rpcs = rasterio.rpc.RPC.from_gdal(tags)
    with rasterio.open(path, "w", driver="GTiff", rpcs=rpcs, **options):
        pass
    with pytest.raises(ValueError, match=r"\(RPC\); warp it first"):
        read_georeference(path)


@pytest.mark.parametrize("placed", [False, True])
def test_compressions_that_gdal_lacks(tmp_path, placed):
    # The key of a raster type is enough of a place.
    tags = [(34735, "H", 4, (1, 1, 0, 0), True)] if placed else []
    path = tmp_path / "image.tif"
    image = np.zeros((20, 30), dtype=np.uint8)
    tifffile.imwrite(path, image, compression="png", extratags=tags)
    if not placed:
        assert read_georeference(path) is None
        return
    with pytest.raises(ValueError, match=r"compression PNG, which GDAL can't decode"):
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


def test_affine_of_rasterio():
    transform = rasterio.Affine(2, 1, 3, -1, -2, 4)
    place = Georeference(None, transform)
    assert place.transform == (2, 1, 3, -1, -2, 4)
    assert place.pixel_area == abs(transform.determinant)
    for column, row in ((0, 0), (3, 5)):
        expected = np.reshape(transform, (3, 3)) @ (column, row, 1)
        assert place.points([[column, row]]).tolist() == [expected[:2].tolist()]
