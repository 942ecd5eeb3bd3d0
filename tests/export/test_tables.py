"""Tables and graphs of superpixels."""

import sys

import numpy as np
import pytest
from skimage.measure import regionprops

from seal_sk import SNICSuperpixels, adjacency, superpixel_features
from seal_sk.export import superpixel_table, to_networkx, write_table
from seal_sk.features import FEATURES

pandas = pytest.importorskip("pandas")


@pytest.fixture
def example(scenes):
    image = scenes[0][0]
    labels = SNICSuperpixels(20).transform([image])[0]
    labels[labels == labels.max()] = -1
    return image, labels


def test_sizes_and_places(example):
    image, labels = example
    table = superpixel_table(image, labels)
    assert table["label"].tolist() == list(range(labels.max() + 1))
    for region in regionprops(labels + 1):
        row = table.loc[region.label - 1]
        assert row["area"] == region.area
        assert tuple(row[["centroid_row", "centroid_col"]]) == pytest.approx(
            np.add(region.centroid, 0.5)
        )
        box = row[["bbox_top", "bbox_left", "bbox_bottom", "bbox_right"]]
        assert tuple(box) == region.bbox
    for name in ("label", "area", "bbox_top", "bbox_left", "bbox_bottom", "bbox_right"):
        assert table[name].dtype.kind == "i"
    assert list(table)[:5] == [
        "label",
        "area",
        "centroid_row",
        "centroid_col",
        "bbox_top",
    ]


def test_features(example):
    image, labels = example
    groups = tuple(name for name in FEATURES if name != "position")
    table = superpixel_table(image, labels, features=groups, bins=4)
    expected = superpixel_features(
        image, labels, features=groups, bins=4, as_frame=True
    )
    pandas.testing.assert_frame_equal(
        table[expected.columns], expected, check_dtype=False
    )
    assert set(table) - set(expected) == {
        "label",
        "centroid_row",
        "centroid_col",
        "bbox_top",
        "bbox_left",
        "bbox_bottom",
        "bbox_right",
    }
    default = superpixel_table(image, labels)
    assert not [name for name in default if name.startswith("histogram")]
    assert {"mean_0", "std_2", "lbp_9", "perimeter", "contrast"} <= set(default)
    assert list(superpixel_table(image, labels, features=())) == list(default)[:8]


def test_places_on_the_earth(example, place):
    image, labels = example
    table = superpixel_table(image, labels, features=("mean",), georeference=place)
    a, b, c, d, e, f = place.transform
    np.testing.assert_allclose(table["area_crs"], table["area"] * abs(a * e - b * d))
    column, row = table["centroid_col"], table["centroid_row"]
    np.testing.assert_allclose(table["x"], a * column + b * row + c)
    np.testing.assert_allclose(table["y"], d * column + e * row + f)


def test_places_are_those_of_the_polygons(example, place, tmp_path):
    geopandas = pytest.importorskip("geopandas")
    from seal_sk.export import write_polygons

    image, labels = example
    table = superpixel_table(image, labels, features=(), georeference=place)
    write_polygons(tmp_path / "a.gpkg", labels, table=table, georeference=place)
    frame = geopandas.read_file(tmp_path / "a.gpkg")
    geometry = frame.geometry.set_crs(None, allow_override=True)
    np.testing.assert_allclose(geometry.area, frame["area_crs"], rtol=1e-6)
    np.testing.assert_allclose(geometry.centroid.x, frame["x"], rtol=1e-9)
    np.testing.assert_allclose(geometry.centroid.y, frame["y"], rtol=1e-9)


@pytest.mark.parametrize(
    ("options", "error", "message"),
    [
        ({"features": ("position",)}, ValueError, "must name some of 'mean'"),
        ({"features": "mean"}, TypeError, "tuple or list"),
        ({"features": ("histogram",), "bins": 0}, ValueError, "bins"),
        ({"georeference": (1, 2)}, TypeError, "georeference is tuple"),
    ],
)
def test_bad_options(example, options, error, message):
    with pytest.raises(error, match=message):
        superpixel_table(*example, **options)


@pytest.mark.parametrize("suffix", [".csv", ".parquet", ".CSV"])
def test_round_trip(example, tmp_path, suffix):
    table = superpixel_table(*example)
    path = tmp_path / f"table{suffix}"
    if suffix == ".parquet":
        pytest.importorskip("pyarrow")
    write_table(path, table.set_index("area", drop=False))
    read = pandas.read_parquet if suffix == ".parquet" else pandas.read_csv
    pandas.testing.assert_frame_equal(read(path), table, check_exact=True)
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.parametrize("suffix", [".csv", ".parquet"])
def test_interrupted_writes_leave_what_was_there(tmp_path, interrupt, suffix):
    pytest.importorskip("pyarrow")
    path = tmp_path / f"table{suffix}"
    write_table(path, pandas.DataFrame({"a": [1]}))
    before = path.read_bytes()
    with interrupt():
        write_table(path, pandas.DataFrame({"a": [2]}))
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


def test_bad_tables(tmp_path):
    with pytest.raises(ValueError, match=r"ends in \.csv, \.parquet"):
        write_table(tmp_path / "table.xlsx", pandas.DataFrame({"a": [1]}))
    with pytest.raises(TypeError, match="give a pandas DataFrame"):
        write_table(tmp_path / "table.csv", np.zeros((2, 2)))


@pytest.mark.parametrize("values", [[1, "a"], [1j, 2j]])
def test_values_that_parquet_has_not(tmp_path, values):
    pytest.importorskip("pyarrow")
    with pytest.raises(ValueError, match="Parquet can't hold the table"):
        write_table(tmp_path / "table.parquet", pandas.DataFrame({"a": values}))
    assert list(tmp_path.iterdir()) == []


def test_missing_packages(example, tmp_path, monkeypatch):
    table = superpixel_table(*example)
    monkeypatch.setitem(sys.modules, "pyarrow", None)
    write_table(tmp_path / "table.csv", table)
    with pytest.raises(ImportError, match=r'pyarrow.*pip install "seal_sk\[tables\]"'):
        write_table(tmp_path / "table.parquet", table)
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match=r'pandas.*pip install "seal_sk\[tables\]"'):
        superpixel_table(*example)


def test_graph(example):
    networkx = pytest.importorskip("networkx")
    image, labels = example
    table = superpixel_table(image, labels)
    graph = to_networkx(labels, table)
    expected = adjacency(labels)
    assert list(graph) == list(range(labels.max() + 1))
    assert (networkx.to_scipy_sparse_array(graph) != expected).nnz == 0
    for node, values in graph.nodes(data=True):
        assert values == table.loc[node].to_dict()
    # Plain values, which files of graphs can hold.
    assert {type(weight) for _, _, weight in graph.edges(data="weight")} == {int}
    assert {type(v) for _, d in graph.nodes(data=True) for v in d.values()} == {
        int,
        float,
    }
    list(networkx.generate_graphml(graph))


def test_graph_without_neighbours_or_table():
    graph = to_networkx([[0, -1, 1]])
    assert list(graph.nodes(data=True)) == [(0, {}), (1, {})]
    assert graph.number_of_edges() == 0


def test_graph_with_another_table(example):
    image, labels = example
    table = superpixel_table(image, labels)
    with pytest.raises(ValueError, match="give one row per"):
        to_networkx(labels, table[1:])
