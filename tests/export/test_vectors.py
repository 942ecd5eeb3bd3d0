"""Polygons as files: what a GIS reads is what lies in the image."""

import json
import os
import sys

import numpy as np
import pytest
import rasterio
from hypothesis import given, settings
from hypothesis import strategies as st
from rasterio import features

from seal_sk.export import Georeference, polygons, write_label_map, write_polygons
from seal_sk.export.outlines import trace
from seal_sk.labels import relabel_consecutive


@pytest.fixture
def table():
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(
        {
            "label": range(6),
            "mean": np.array([0.1, 0.25, np.nan, 1, 1e-9, 3], dtype=np.float32),
            "name": ["a", "b", None, "d", 'ä"\n', ""],
            "urban": [True, False, True, False, True, False],
            "count": np.arange(6, dtype=np.uint16),
        }
    )


def read(path):
    return json.loads(path.read_text(encoding="utf-8"))


def signed_area(ring):
    x, y = (np.array(ring) - ring[0]).T
    return (x[:-1] @ y[1:] - x[1:] @ y[:-1]) / 2


def assert_oriented(geometry):
    parts = geometry["coordinates"]
    for outer, *holes in parts if geometry["type"] == "MultiPolygon" else [parts]:
        assert outer[0] == outer[-1]
        assert signed_area(outer) > 0
        assert all(signed_area(hole) < 0 for hole in holes)


def test_geojson_in_pixels_needs_nothing_else(tmp_path, labels, monkeypatch):
    for name in ("shapely", "pyproj", "rasterio", "geopandas", "pyogrio"):
        monkeypatch.setitem(sys.modules, name, None)
    path = tmp_path / "superpixels.geojson"
    write_polygons(path, labels)
    content = read(path)
    assert set(content) == {"type", "features"}
    assert content["type"] == "FeatureCollection"
    assert [f["geometry"] for f in content["features"]] == polygons(labels)
    assert [f["properties"] for f in content["features"]] == [
        {"label": i} for i in range(6)
    ]
    assert {f["type"] for f in content["features"]} == {"Feature"}


def test_attributes_of_geojson(tmp_path, labels, table):
    path = tmp_path / "superpixels.geojson"
    write_polygons(path, labels, table=table)
    found = [feature["properties"] for feature in read(path)["features"]]
    assert found[0] == {
        "label": 0,
        "mean": pytest.approx(0.1),
        "name": "a",
        "urban": True,
        "count": 0,
    }
    assert found[2]["mean"] is None
    assert found[2]["name"] is None
    assert found[4]["name"] == 'ä"\n'


def test_attributes_of_geopackage(tmp_path, labels, table):
    geopandas = pytest.importorskip("geopandas")
    path = tmp_path / "superpixels.gpkg"
    write_polygons(path, labels, table=table.rename(columns={"mean": "Mean"}))
    found = geopandas.read_file(path)
    assert list(found) == ["label", "Mean", "name", "urban", "count", "geometry"]
    assert found["label"].tolist() == list(range(6))
    np.testing.assert_array_equal(found["Mean"], table["mean"])
    assert found["name"].isna().tolist() == [False, False, True, False, False, False]
    assert found["urban"].tolist() == table["urban"].tolist()


@pytest.mark.parametrize("georeferenced", [False, True])
def test_geopackage_lies_where_the_raster_does(tmp_path, labels, place, georeferenced):
    geopandas = pytest.importorskip("geopandas")
    import pyogrio

    place = place if georeferenced else None
    path = tmp_path / "here.gpkg"
    write_polygons(path, labels, georeference=place)
    info = pyogrio.read_info(path)
    assert pyogrio.list_layers(path).tolist() == [["here", "MultiPolygon"]]
    frame = geopandas.read_file(path)
    assert info["features"] == len(frame) == 6
    assert frame.is_valid.all()
    assert frame.is_valid_coverage()
    if place is None:
        assert info["crs"] is None
        transform = rasterio.Affine.identity()
    else:
        # The label map as a raster, by another way to the same place.
        write_label_map(tmp_path / "labels.tif", labels, georeference=place)
        with rasterio.open(tmp_path / "labels.tif") as raster:
            assert frame.crs == raster.crs
            transform = raster.transform
            corners = np.array(
                [
                    transform @ c if hasattr(transform, "__matmul__") else transform * c
                    for c in ((0, 0), (6, 0), (0, 5), (6, 5))
                ]
            )
            lowest, highest = corners.min(axis=0), corners.max(axis=0)
            # The image's corners are covered by superpixels but one.
            bounds = frame.total_bounds
            np.testing.assert_allclose(bounds, [*lowest, *highest], rtol=1e-12)
    # GDAL burns the polygons back into the label map.
    burnt = features.rasterize(
        zip(frame.geometry, frame["label"], strict=True),
        labels.shape,
        fill=-1,
        transform=transform,
        dtype="int32",
    )
    np.testing.assert_array_equal(burnt, labels)


def test_geojson_in_degrees(tmp_path, labels, place):
    geopandas = pytest.importorskip("geopandas")
    shapely = pytest.importorskip("shapely")
    write_polygons(tmp_path / "a.geojson", labels, georeference=place)
    write_polygons(tmp_path / "a.gpkg", labels, georeference=place)
    for feature in read(tmp_path / "a.geojson")["features"]:
        assert_oriented(feature["geometry"])
    # Where GDAL and geopandas bring the GeoPackage.
    expected = geopandas.read_file(tmp_path / "a.gpkg").to_crs("EPSG:4326")
    found = geopandas.read_file(tmp_path / "a.geojson")
    assert found.crs == "EPSG:4326"
    assert found.is_valid_coverage()
    assert found.is_valid.all()
    # A part of a billionth of a degree is lost to rounding.
    distance = shapely.hausdorff_distance(found.geometry, expected.geometry)
    assert distance.max() < 2e-9


@settings(max_examples=100, deadline=None)
@given(
    st.tuples(*[st.integers(-5, 5)] * 4).filter(lambda m: m[0] * m[3] != m[1] * m[2]),
    st.integers(0, 10**6),
)
def test_any_transform_keeps_a_valid_coverage(matrix, seed):
    shapely = pytest.importorskip("shapely")
    labels = np.random.default_rng(seed).integers(-1, 3, (6, 7))
    labels = relabel_consecutive(np.where(labels.max() < 0, 0, labels))
    a, b, d, e = matrix
    place = Georeference(None, (a / 3, b / 3, 1e6, d / 3, e / 3, 5e6))
    coverage = trace(labels)
    coverage = coverage.moved(place.points(coverage.points))
    for geometry in coverage.geometries():
        assert_oriented(geometry)
    shapes = coverage.to_shapely()
    assert shapely.is_valid(shapes).all()
    assert shapely.coverage_is_valid(shapes)
    assert shapely.area(shapes).sum() == pytest.approx(
        np.count_nonzero(labels >= 0) * place.pixel_area
    )


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg"])
def test_simplified(tmp_path, labels, suffix):
    geopandas = pytest.importorskip("geopandas")
    shapely = pytest.importorskip("shapely", minversion="2.1")
    path = tmp_path / f"a{suffix}"
    write_polygons(path, labels, simplify=1.5)
    simple = geopandas.read_file(path)
    write_polygons(path, labels)
    exact = geopandas.read_file(path)
    assert simple.count_coordinates().sum() < exact.count_coordinates().sum()
    assert simple.is_valid_coverage()
    area = shapely.area(exact.geometry).sum()
    assert shapely.area(simple.geometry).sum() == pytest.approx(area)


@pytest.mark.parametrize("simplify", [-1, np.nan, "a"])
def test_bad_tolerance(labels, simplify):
    with pytest.raises((ValueError, TypeError), match="simplify"):
        polygons(labels, simplify=simplify)


def test_system_that_is_not_known(tmp_path, labels):
    pytest.importorskip("pyproj")
    for crs, message in ((None, "names no reference system"), ("EPSG:1", "crs=")):
        place = Georeference(crs, (1, 0, 0, 0, -1, 0))
        with pytest.raises(ValueError, match=message):
            write_polygons(tmp_path / "a.geojson", labels, georeference=place)
    with pytest.raises(ValueError, match="crs='EPSG:1'"):
        write_polygons(tmp_path / "a.gpkg", labels, georeference=place)
    assert list(tmp_path.iterdir()) == []


def test_antimeridian(tmp_path, labels):
    pytest.importorskip("pyproj")
    # Zone 60 ends there.
    place = Georeference("EPSG:32660", (1000, 0, 832_000, 0, -1000, 6e5))
    with pytest.raises(ValueError, match=r"antimeridian.*write a \.gpkg"):
        write_polygons(tmp_path / "a.geojson", labels, georeference=place)


@pytest.mark.parametrize(
    "place",
    [
        Georeference("EPSG:32633", (1e12, 0, 0, 0, -1e12, 0)),
        Georeference("EPSG:4326", (1, 0, 175, 0, -1, 0)),
        Georeference("EPSG:4326", (10, 0, 500_000, 0, -10, 5_000_000)),
    ],
    ids=["no longitude", "more than 180", "metres"],
)
def test_beyond_the_earth(tmp_path, labels, place):
    pytest.importorskip("pyproj")
    with pytest.raises(ValueError, match="beyond 180 degrees"):
        write_polygons(tmp_path / "a.geojson", labels, georeference=place)


def test_the_whole_earth(tmp_path, labels):
    pytest.importorskip("pyproj")
    place = Georeference("EPSG:4326", (60, 0, -180, 0, -36, 90))
    write_polygons(tmp_path / "a.geojson", labels, georeference=place)
    first = read(tmp_path / "a.geojson")["features"][0]["geometry"]
    assert [-180, 90] in first["coordinates"][0]


@pytest.mark.parametrize(
    ("module", "suffix", "georeferenced"),
    [
        ("pyproj", ".geojson", True),
        ("pyproj", ".gpkg", True),
        ("geopandas", ".gpkg", False),
        ("pyogrio", ".gpkg", False),
        ("shapely", ".gpkg", False),
    ],
)
def test_missing_packages(
    tmp_path, labels, monkeypatch, place, module, suffix, georeferenced
):
    pytest.importorskip(module)
    monkeypatch.setitem(sys.modules, module, None)
    with pytest.raises(ImportError, match=rf'{module}.*pip install "seal_sk\[geo\]"'):
        write_polygons(
            tmp_path / f"a{suffix}",
            labels,
            georeference=place if georeferenced else None,
        )
    assert list(tmp_path.iterdir()) == []


def test_broken_package(labels, monkeypatch):
    pytest.importorskip("shapely")
    error = ImportError("libgeos.so: no such file", name="shapely.lib")

    def fail(_):
        raise error

    monkeypatch.setattr("seal_sk._extras.import_module", fail)
    with pytest.raises(
        ImportError, match=r"shapely, which can't be imported \(libgeos"
    ):
        polygons(labels, simplify=1)


def test_simplify_without_shapely(labels, monkeypatch):
    monkeypatch.setitem(sys.modules, "shapely", None)
    with pytest.raises(ImportError, match=r"shapely.*seal_sk\[geo\]"):
        polygons(labels, simplify=1)


def test_simplify_with_an_old_shapely(labels, monkeypatch):
    shapely = pytest.importorskip("shapely")
    monkeypatch.delattr(shapely, "coverage_simplify")
    with pytest.raises(ImportError, match=r"shapely 2\.1 or later"):
        polygons(labels, simplify=1)


@pytest.mark.parametrize("name", ["fid", "Geometry", "geom", "COUNT"])
def test_names_that_a_geopackage_has(tmp_path, labels, table, name):
    pytest.importorskip("geopandas")
    table[name] = 1
    with pytest.raises(ValueError, match=f"column '{name}', a name that a GeoPackage"):
        write_polygons(tmp_path / "a.gpkg", labels, table=table)


@pytest.mark.parametrize("value", [np.inf, {1, 2}, 1j])
def test_values_that_geojson_has_not(tmp_path, labels, table, value):
    table["odd"] = [value] * 6
    with pytest.raises(ValueError, match="GeoJSON can't hold the table"):
        write_polygons(tmp_path / "a.geojson", labels, table=table)
    assert list(tmp_path.iterdir()) == []


def test_dates_are_strings_in_geojson(tmp_path, labels, table):
    table["day"] = np.datetime64("2020-02-03")
    with pytest.raises(ValueError, match=r"astype\(str\) for dates"):
        write_polygons(tmp_path / "a.geojson", labels, table=table)
    table["day"] = table["day"].astype(str)
    write_polygons(tmp_path / "a.geojson", labels, table=table)
    assert '"day": "2020-02-03"' in (tmp_path / "a.geojson").read_text()


@pytest.mark.parametrize(
    ("value", "dtype"),
    [(2**64 - 1, "uint64"), (1, "float16"), (1j, "complex"), ("\ud800", "object")],
)
def test_values_that_a_geopackage_has_not(tmp_path, labels, table, value, dtype):
    pytest.importorskip("geopandas")
    pandas = pytest.importorskip("pandas")
    table["odd"] = pandas.Series([value] * 6, dtype=dtype)
    with pytest.raises(ValueError, match="a GeoPackage can't hold the table"):
        write_polygons(tmp_path / "a.gpkg", labels, table=table)
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize(
    ("stem", "layer"),
    [
        ("-46_169", "_-46_169"),
        ("+10m_rgb", "_+10m_rgb"),
        ("(1) ortho", "_(1) ortho"),
        ("[final]", "_[final]"),
        ("#12", "_#12"),
        ("gpkg_export", "_gpkg_export"),
        ("SQLite_1", "_SQLite_1"),
        ("ogr_empty_table", "_ogr_empty_table"),
        ("GPKG", "GPKG"),
        ("été (2)", "été (2)"),
        ("3-4", "3-4"),
    ],
)
def test_layers_are_named_like_files(tmp_path, stem, layer):
    pyogrio = pytest.importorskip("pyogrio")
    path = tmp_path / f"{stem}.gpkg"
    write_polygons(path, [[0, 1]], georeference=Georeference(None, (1, 0, 0, 0, -1, 0)))
    assert pyogrio.list_layers(path)[:, 0].tolist() == [layer]


def test_what_gdal_says_is_not_about_the_table(tmp_path, monkeypatch):
    geopandas = pytest.importorskip("geopandas")

    def fail(*args, **kwargs):
        raise RuntimeError("disk quota")

    monkeypatch.setattr(geopandas.GeoDataFrame, "to_file", fail)
    with pytest.raises(OSError, match=r"GDAL can't write the GeoPackage \(disk quota"):
        write_polygons(tmp_path / "a.gpkg", [[0, 1]])


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg"])
def test_bad_arguments(tmp_path, labels, table, suffix):
    path = tmp_path / f"a{suffix}"
    for bad, message in (
        (table[:5], "5 rows, but labels has 6"),
        (table[::-1], "sort_values"),
        (
            table.assign(x=0).rename(columns={"x": "mean"}),
            "several columns of the same name",
        ),
    ):
        with pytest.raises(ValueError, match=message):
            write_polygons(path, labels, table=bad)
    with pytest.raises(TypeError, match="give a pandas DataFrame"):
        write_polygons(path, labels, table={"label": range(6)})
    with pytest.raises(ValueError, match="some smaller label"):
        write_polygons(path, labels + 2)
    with pytest.raises(ValueError, match=r"ends in \.geojson, \.gpkg"):
        write_polygons(tmp_path / "a.shp", labels)
    with pytest.raises(TypeError, match="georeference is str"):
        write_polygons(path, labels, georeference="EPSG:4326")
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("suffix", [".geojson", ".gpkg"])
def test_interrupted_writes_leave_what_was_there(tmp_path, labels, interrupt, suffix):
    pytest.importorskip("geopandas")
    path = tmp_path / f"a{suffix}"
    write_polygons(path, labels)
    before = path.read_bytes()
    with interrupt():
        write_polygons(path, labels[:2])
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform != "linux", reason="names of other bytes")
def test_a_name_that_is_no_utf_8(tmp_path):
    geopandas = pytest.importorskip("geopandas")
    path = tmp_path / os.fsdecode(b"M\xfcnchen.gpkg")
    write_polygons(path, [[0, 1]])
    path.rename(tmp_path / "a.gpkg")
    assert len(geopandas.read_file(tmp_path / "a.gpkg")) == 2
