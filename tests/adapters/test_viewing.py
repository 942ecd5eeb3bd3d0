"""Superpixels as layers of napari."""

import importlib
import sys
import warnings

import numpy as np
import pytest

from seal_sk import SNICSuperpixels
from seal_sk.adapters import add_to_napari, napari_layers
from seal_sk.export import polygons, superpixel_table

LABELS = np.array([[0, 0, 0, -1], [0, 1, 0, 2], [0, 0, 0, 2]])


@pytest.fixture(scope="module")
def napari():
    """The viewer without its window.

    Where it is installed, run pytest with PYTEST_DISABLE_PLUGIN_AUTOLOAD=1: its plugins
    for pytest warn when they are imported, before any filter can be set here.
    """
    pytest.importorskip("napari")
    with warnings.catch_warnings():
        # Of pydantic, as the classes of napari are made.
        warnings.simplefilter("ignore", DeprecationWarning)
        return importlib.import_module("napari.components")


@pytest.mark.parametrize("channels", [None, 1, 3, 5])
def test_layer_data(rng, channels):
    shape = LABELS.shape if channels is None else (*LABELS.shape, channels)
    image = rng.integers(0, 256, shape, dtype=np.uint8)
    layers = napari_layers(image, LABELS, name="cells")
    assert [kind for _, _, kind in layers] == ["image", "labels"]
    (shown, image_options, _), (labels, options, _) = layers
    # The last two axes, or those before the colours, are rows and columns.
    if channels == 3:
        assert image_options["rgb"]
        np.testing.assert_array_equal(shown, image)
    else:
        assert "rgb" not in image_options
        assert shown.shape[-2:] == LABELS.shape
    if channels == 5:
        np.testing.assert_array_equal(shown[4], image[..., 4])
    np.testing.assert_array_equal(labels, LABELS + 1)
    assert labels.dtype == np.int32
    assert options["name"] == "cells"
    assert options["features"]["index"].tolist() == [1, 2, 3]
    assert options["features"]["label"].tolist() == [0, 1, 2]


def test_outlines_are_the_polygons():
    *_, (rings, options, kind) = napari_layers(
        np.zeros(LABELS.shape), LABELS, outlines=True
    )
    assert kind == "shapes"
    expected = [
        (label, place > 0, ring)
        for label, geometry in enumerate(polygons(LABELS))
        for place, ring in enumerate(geometry["coordinates"])
    ]
    assert options["features"]["label"].tolist() == [label for label, _, _ in expected]
    assert options["features"]["hole"].tolist() == [hole for _, hole, _ in expected]
    assert options["features"]["hole"].sum() == 1
    for ring, (_, _, points) in zip(rings, expected, strict=True):
        np.testing.assert_array_equal(ring, np.array(points)[:-1, ::-1] - 0.5)


def test_in_napari(napari, scenes):
    image = scenes[0][0]
    labels = SNICSuperpixels(20).transform([image])[0]
    labels[labels == labels.max()] = -1
    table = superpixel_table(image, labels)
    viewer = napari.ViewerModel()
    layers = add_to_napari(viewer, image, labels, table=table, outlines=True)
    assert list(viewer.layers) == layers
    assert [type(layer).__name__ for layer in layers] == ["Image", "Labels", "Shapes"]
    shown, cells, outlines = layers
    assert shown.rgb
    assert shown.extent.world.tolist() == cells.extent.world.tolist()
    # Each superpixel is seen, masked pixels are not.
    assert cells.get_value((0, 0)) == labels[0, 0] + 1
    masked = tuple(np.argwhere(labels < 0)[0])
    assert cells.get_value(masked) == 0
    assert cells.colormap.map(np.array(0))[-1] == 0
    assert cells.colormap.map(np.array(1))[-1] == 1
    # What is said under the pointer is the row of that superpixel.
    place = tuple(np.argwhere(labels == 5)[0])
    status = cells.get_status(place, world=True)["coordinates"]
    assert "label: 5" in status
    assert f"area: {table['area'][5]}" in status
    rows, columns = np.concatenate(outlines.data).T
    assert (rows.min(), columns.min()) == (-0.5, -0.5)
    assert outlines.nshapes >= labels.max() + 1


def test_stack_in_napari(napari, rng):
    viewer = napari.ViewerModel()
    image = rng.random((*LABELS.shape, 5)).astype(np.float32)
    stack, cells = add_to_napari(viewer, image, LABELS)
    assert stack.ndim == 3
    assert cells.ndim == 2


def test_without_napari(monkeypatch):
    monkeypatch.setitem(sys.modules, "napari", None)
    monkeypatch.setitem(sys.modules, "napari.layers", None)
    with pytest.raises(ImportError, match=r"needs napari.*seal_sk\[napari\]"):
        add_to_napari(None, np.zeros(LABELS.shape), LABELS)


def test_bad_table():
    pandas = pytest.importorskip("pandas")
    with pytest.raises(ValueError, match="2 rows, but labels has 3"):
        napari_layers(
            np.zeros(LABELS.shape), LABELS, table=pandas.DataFrame({"a": [1, 2]})
        )
