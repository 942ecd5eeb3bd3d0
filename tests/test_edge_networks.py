"""Edge detectors, as the benchmarks read them, and the labels of photographs."""

import importlib
import pickle
import sys
from itertools import product
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest
import torch

from seal_sk import LearnedAffinity, SEALSuperpixels, edge_affinity
from seal_sk.datasets import Dataset
from seal_sk.pan import UNet, write_weights

PLACES = list(product((-1, 0, 1), repeat=2))
AROUND = [place for place in PLACES if place != (0, 0)]
CLOCKWISE = [(-1, -1), (-1, 0), (-1, 1), (0, 1), (1, 1), (1, 0), (1, -1), (0, -1)]

# (weight, place of one pixel, place of the pixel that is subtracted); None: of none
PAIRS = {
    "central": [(i, place, (0, 0)) for i, place in enumerate(PLACES)],
    "angular": [
        (PLACES.index(place), place, CLOCKWISE[(i + 1) % 8])
        for i, place in enumerate(CLOCKWISE)
    ],
    "radial": [(i, (2 * y, 2 * x), (y, x)) for i, (y, x) in enumerate(AROUND, start=1)],
    "plain": [(i, place, None) for i, place in enumerate(PLACES)],
}


@pytest.fixture
def module(monkeypatch):
    """Function from the name of a module of the benchmarks to the module."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    return importlib.import_module


@pytest.fixture
def networks(module):
    """The module benchmarks/edge_networks.py."""
    return module("edge_networks")


def random_weights(net, rng):
    """Weights as in a file: kernels of pixel differences have 3 x 3 weights."""
    weights = {}
    for name, tensor in net.state_dict().items():
        shape = list(tensor.shape)
        if shape[2:] == [5, 5] and "Ysurround" not in name:
            shape[2:] = [3, 3]
        spread = 0.85 / np.sqrt(np.prod(shape[1:])) if len(shape) > 1 else 0.3
        weights[name] = torch.from_numpy(rng.normal(0, spread, shape)).float()
    return weights


def shifted(x, place):
    """What each pixel (C, H, W) sees at a place beside it; 0 outside."""
    (dy, dx), (height, width) = place, x.shape[1:]
    pad = max(abs(dy), abs(dx))
    padded = np.pad(x, [(0, 0), (pad, pad), (pad, pad)])
    return padded[:, pad + dy : pad + dy + height, pad + dx : pad + dx + width]


def differences(kind, x, kernel):
    """Convolution of pixel differences, pair by pair."""
    n_out, per_group = kernel.shape[:2]
    out = np.zeros((n_out, *x.shape[1:]))
    for weight, plus, minus in PAIRS[kind]:
        seen = shifted(x, plus) - (0 if minus is None else shifted(x, minus))
        weights = kernel.reshape(n_out, per_group, 9)[..., weight]
        if per_group == 1:
            out += weights[:, :, None] * seen
        else:
            out += np.einsum("oi,ihw->ohw", weights, seen)
    return out


def convolve(x, kernel, bias=None, step=1):
    n_out, per_group, height, width = kernel.shape
    # Each output channel has its own inputs.
    first = np.arange(n_out) // (n_out * per_group // len(x)) * per_group
    out = np.zeros((n_out, *x.shape[1:]))
    for y, x_, i in product(range(height), range(width), range(per_group)):
        place = step * (y - height // 2), step * (x_ - width // 2)
        out += kernel[:, i, y, x_, None, None] * shifted(x, place)[first + i]
    return out if bias is None else out + bias[:, None, None]


def pool(x):
    height, width = (n // 2 * 2 for n in x.shape[1:])
    x = x[:, :height, :width]
    return x.reshape(len(x), height // 2, 2, width // 2, 2).max(axis=(2, 4))


def enlarge(x, shape):
    """Bilinear, where pixels are cells and the two rectangles coincide."""
    for axis, n_to in enumerate(shape, start=1):
        n_from = x.shape[axis]
        at = np.clip((np.arange(n_to) + 0.5) * n_from / n_to - 0.5, 0, n_from - 1)
        low = at.astype(int)
        part = np.expand_dims(at - low, [i for i in range(3) if i != axis])
        high = np.minimum(low + 1, n_from - 1)
        x = (1 - part) * x.take(low, axis) + part * x.take(high, axis)
    return x


def relu(x):
    return np.maximum(x, 0)


def sigmoid(x):
    return 1 / (1 + np.exp(-x))


def slow_pidinet(x, weights):
    """Edge map of a normalised image (3, H, W), step by step."""
    shape, sides = x.shape[1:], []

    def layer(name, x, step=1):
        return convolve(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"), step)

    x = differences("central", x, weights["init_block.weight"])
    kinds = 4 * ["central", "angular", "radial", "plain"]
    for number in range(1, 17):
        stage = (number - 1) // 4
        within = (number - 1) % 4 + (stage > 0)
        if within > 0 or number > 4:
            name = f"block{stage + 1}_{within}"
            if f"{name}.shortcut.weight" in weights:
                x = pool(x)
            y = differences(kinds[number - 1], x, weights[f"{name}.conv1.weight"])
            if f"{name}.shortcut.weight" in weights:
                x = layer(f"{name}.shortcut", x)
            x = x + layer(f"{name}.conv2", relu(y))
        if number % 4 == 0:
            y = layer(f"dilations.{stage}.conv1", relu(x))
            y = sum(
                layer(f"dilations.{stage}.conv2_{i}", y, step)
                for i, step in ((1, 5), (2, 7), (3, 9), (4, 11))
            )
            z = layer(f"attentions.{stage}.conv1", relu(y))
            y = y * sigmoid(layer(f"attentions.{stage}.conv2", z))
            sides.append(enlarge(layer(f"conv_reduces.{stage}.conv", y), shape))
    return sigmoid(layer("classifier", np.concatenate(sides)))[0]


def slow_xyw(x, weights):
    """Edge map of a normalised image (3, H, W), step by step."""

    def layer(name, x, step=1):
        return convolve(x, weights[f"{name}.weight"], weights.get(f"{name}.bias"), step)

    stages = []
    for i in range(1, 5):
        stage = f"encode.s{i}"
        if i == 1:
            x = out = relu(layer(f"{stage}.conv1", x, 2))
        else:
            x = pool(x)
            out = layer(f"{stage}.shortcut", x)
        x_cells = y_cells = w_cells = x
        for j in (1, 2, 3):
            name = f"{stage}.xyw{i}_{j}"
            centre = relu(layer(f"{name}.x_c.Xcenter", x_cells))
            surround = relu(layer(f"{name}.x_c.Xsurround", x_cells))
            x_cells = layer(f"{name}.x_c.conv1_1", surround) - centre
            centre = relu(layer(f"{name}.y_c.Ycenter", y_cells))
            surround = relu(layer(f"{name}.y_c.Ysurround", y_cells, 2))
            y_cells = layer(f"{name}.y_c.conv1_1", surround) - centre
            lines = layer(f"{name}.w.convh_1", relu(layer(f"{name}.w.h", w_cells)))
            w_cells = layer(f"{name}.w.convv_1", relu(layer(f"{name}.w.v", lines)))
        x = out + x_cells + y_cells + w_cells
        stages.append(x)
    coarse = stages.pop()
    for name in ("f43", "f32", "f21"):
        name, fine = f"decode.{name}", stages.pop()
        parts = []
        for which, part in (("pre_conv1", fine), ("pre_conv2", coarse)):
            kernel = second_differences(weights[f"{name}.{which}.conv.0.weight"])
            part = convolve(part, kernel)
            mean = part.mean(axis=(1, 2), keepdims=True)
            part = (part - mean) / np.sqrt(part.var(axis=(1, 2), keepdims=True) + 1e-5)
            parts.append(relu(part) * sigmoid(weights[f"{name}.{which}.weight"]))
        fine, coarse = parts
        height, width = fine.shape[1:]
        # Each pixel is spread over 4 x 4, two apart.
        spread = np.zeros((len(fine), height + 3, width + 3))
        for y, x in np.ndindex(coarse.shape[1:]):
            patch = np.einsum(
                "iohw,i->ohw", weights[f"{name}.deconv_weight"], coarse[:, y, x]
            )
            spread[:, 2 * y : 2 * y + 4, 2 * x : 2 * x + 4] += patch
        coarse = fine + spread[:, 1 : 1 + height, 1 : 1 + width]
    return sigmoid(layer("decode.f", coarse))[0]


def second_differences(kernel):
    out = np.zeros_like(kernel)
    for y, x in AROUND:
        # The next corner clockwise, or the opposite side.
        y2, x2 = (x, -y) if y and x else (-y, -x)
        between = kernel[..., 1 + (y + y2) // 2, 1 + (x + x2) // 2]
        other = kernel[..., 1 + y2, 1 + x2]
        out[..., 1 + y, 1 + x] = kernel[..., 1 + y, 1 + x] + other - 2 * between
    return out


NETS = {
    "PiDiNet": (lambda networks: networks.PiDiNet(3, 2), slow_pidinet),
    "XYWNet": (lambda networks: networks.XYWNet((2, 4, 8, 8), (3, 4, 2)), slow_xyw),
}


@pytest.fixture(params=NETS)
def narrow(request, networks, rng):
    """A narrow network of random weights, those weights, and its slow edge map."""
    build, slow = NETS[request.param]
    net = build(networks)
    return net, random_weights(net, rng), slow


@pytest.mark.parametrize("shape", [(32, 24), (33, 23), (1, 1), (2, 19)])
def test_networks_are_what_their_layers_say(networks, narrow, tmp_path, rng, shape):
    net, weights, slow = narrow
    path = tmp_path / "narrow.pth"
    torch.save(weights, path)
    image = rng.integers(0, 256, (*shape, 3), dtype=np.uint8)
    edges = networks.EdgeDetector(networks.read(path, net))(image)
    assert edges.shape == shape
    assert edges.dtype == np.float32
    x = (image / 255 - [0.485, 0.456, 0.406]) / [0.229, 0.224, 0.225]
    # Tiny images are repeated at the end.
    x = np.pad(x, [(0, max(0, 16 - n)) for n in shape] + [(0, 0)], "edge")
    arrays = {name: tensor.numpy().astype(float) for name, tensor in weights.items()}
    expected = slow(x.transpose(2, 0, 1), arrays)[: shape[0], : shape[1]]
    np.testing.assert_allclose(edges, expected, atol=1e-4)
    if shape[0] > 30:
        assert expected.std() > 0.02


def test_networks_take_grey_images_and_survive_pickling(networks, narrow, rng):
    edges = networks.EdgeDetector(narrow[0])
    grey = rng.random((20, 31))
    expected = edges(grey)
    assert np.array_equal(edges(np.stack([grey] * 3, axis=-1)), expected)
    assert np.array_equal(pickle.loads(pickle.dumps(edges))(grey), expected)
    with pytest.raises(ValueError, match=r"has 5 channels; only one \(grey\) or three"):
        edges(np.zeros((20, 31, 5)))


def test_wrapped_weights_are_the_same(networks, narrow, tmp_path, rng):
    net, weights, _ = narrow
    image = rng.random((20, 31, 3))
    maps = []
    for content in (
        weights,
        {"epoch": 3, "state_dict": {f"module.{k}": v for k, v in weights.items()}},
    ):
        torch.save(content, tmp_path / "narrow.pth")
        net = networks.read(tmp_path / "narrow.pth", net)
        maps.append(networks.EdgeDetector(net)(image))
    assert np.array_equal(*maps)


def test_other_files_are_refused(networks, narrow, tmp_path):
    net, weights, _ = narrow
    text = tmp_path / "text.pth"
    text.write_text("no state dict")
    with pytest.raises(ValueError, match=r"text.pth.*not a state dict of"):
        networks.read(text, net)
    name, kernel = next((k, v) for k, v in weights.items() if v.ndim == 4)
    lacking = {k: v for k, v in weights.items() if k != name}
    for file, content, message in (
        ("list", [kernel], "is not a state dict"),
        ("object", {name: 3.0}, "is not a state dict"),
        ("lacking", lacking, f"does not hold the weights.*Missing.*{name}"),
        ("surplus", {**weights, "more": kernel}, "Unexpected.*more"),
        ("flat", {**weights, name: kernel[0]}, "does not hold the weights"),
        ("nan", {**weights, name: kernel * np.nan}, "NaN"),
    ):
        path = tmp_path / f"{file}.pth"
        torch.save(content, path)
        with pytest.raises(ValueError, match=rf"{file}\.pth.*{message}"):
            networks.read(path, net)
    if isinstance(net, networks.PiDiNet):
        torch.save(net.state_dict(), tmp_path / "folded.pth")
        with pytest.raises(ValueError, match="does not hold the weights of PiDiNet"):
            networks.read(tmp_path / "folded.pth", net)


def test_what_is_missing_is_said(networks, tmp_path, monkeypatch):
    monkeypatch.delenv("SEAL_SK_EDGES", raising=False)
    with pytest.raises(FileNotFoundError, match=r"xyw_bsds\.pth.*no folder"):
        networks.edge_network("xyw")
    with pytest.raises(FileNotFoundError, match=r"none in .*; give its folder"):
        networks.edge_network("pidinet", tmp_path)
    with pytest.raises(ValueError, match="'canny' is unknown; give one of pidinet"):
        networks.edge_network("canny")


@pytest.mark.parametrize("name", ["pidinet", "pidinet-tiny", "xyw"])
@pytest.mark.parametrize("column", [60, 101])
def test_trained_networks_find_a_step_where_it_is(
    networks, reference, monkeypatch, name, column
):
    monkeypatch.setenv("SEAL_SK_EDGES", str(reference("weights/edges")))
    edges = networks.edge_network(name)
    image = np.full((101, 161, 3), 60, dtype=np.uint8)
    image[:, column:] = 200
    for step in (edges(image), edges(image.transpose(1, 0, 2)).T):
        profile = step[30:-30].mean(axis=0)
        assert profile[column - 1 : column + 1].min() > 0.7
        assert abs(profile.argmax() - (column - 0.5)) < 2
        assert profile[[20, -20]].max() < 0.2


def test_superpixels_follow_a_detector(networks):
    image = np.full((40, 60, 3), 128, dtype=np.uint8)
    edges = np.zeros((40, 60))
    edges[:, 29:31] = 0.9
    superpixels = networks.edge_superpixels(lambda _: edges, n_segments=2)
    (affinity,) = superpixels.predict_affinity([image])
    assert np.array_equal(affinity, edge_affinity(edges))
    for cost in (None, "auto"):
        (labels,) = superpixels.set_params(boundary_cost=cost).transform([image])
        assert len(np.unique(labels[:, :28])) == len(np.unique(labels[:, 32:])) == 1
        assert labels.max() == 1


@pytest.fixture
def labelling(module):
    """The module benchmarks/label_photographs.py."""
    return module("label_photographs")


@pytest.fixture
def teachers(labelling, tmp_path):
    """Two small networks in files."""
    paths = []
    for seed in (0, 1):
        net = UNet(width=4, seed=seed).set_calibration(1, 0, dither=0.5)
        # As it begins, its affinities hardly differ.
        with torch.no_grad():
            net.head.weight.normal_(generator=torch.Generator().manual_seed(seed))
        paths.append(str(tmp_path / f"{seed}.safetensors"))
        write_weights(paths[-1], net)
    return paths


@pytest.fixture
def folder(tmp_path, rng):
    """Five photographs; the second is grey, and the last has four channels."""
    folder = tmp_path / "photographs"
    folder.mkdir()
    for i, channels in enumerate(((3,), (), (3,), (3,))):
        shape = (20 + i, 30, *channels)
        iio.imwrite(folder / f"{i}.jpg", rng.integers(0, 256, shape, dtype=np.uint8))
    iio.imwrite(
        folder / "4.jpg", rng.integers(0, 256, (20, 30, 4), dtype=np.uint8), mode="CMYK"
    )
    return folder


def run(labelling, monkeypatch, *args):
    monkeypatch.setattr(sys, "argv", ["label_photographs.py", *map(str, args)])
    return labelling.main()


@pytest.fixture
def one_thread():
    n = torch.get_num_threads()
    yield
    torch.set_num_threads(n)


@pytest.mark.usefixtures("one_thread")
def test_photographs_are_labelled_once(
    labelling, module, teachers, folder, monkeypatch, capsys
):
    args = folder, "--threads", 1, "--teachers", *teachers
    assert run(labelling, monkeypatch, *args, "--shard", "2/2") == 0
    assert [file.stem for file in sorted(folder.glob("*.npy"))] == ["1", "3"]
    (folder / "1.npy").write_bytes(b"kept")
    # Only the photograph of four channels is left out.
    assert run(labelling, monkeypatch, *args) == 1
    assert "4.jpg is left out: the image has 4 channels" in capsys.readouterr().err
    assert (folder / "1.npy").read_bytes() == b"kept"
    (folder / "1.npy").unlink()
    assert run(labelling, monkeypatch, *args) == 1
    assert {file.suffix for file in folder.iterdir()} == {".jpg", ".npy"}

    sources = [LearnedAffinity.load(path) for path in teachers]
    for source in sources:
        source.net_.set_calibration(1, 0, dither=0)
    images, soft = module("train_bsds500")._photographs(folder)
    assert len(images) == 4
    for image, affinity in zip(images, soft, strict=True):
        expected = np.mean([s.transform([image])[0] for s in sources], axis=0)
        assert affinity.dtype == np.float32
        np.testing.assert_allclose(affinity, expected, atol=0.5 / 255 + 1e-6)
    assert np.ptp(soft[0]) > 0.1


@pytest.mark.usefixtures("one_thread")
def test_annotated_images_are_labelled_too(
    labelling, module, teachers, folder, rng, monkeypatch
):
    (folder / "4.jpg").unlink()
    images = [rng.integers(0, 256, (20, 30, 3), dtype=np.uint8) for _ in range(2)]
    data = Dataset("two", images, [[np.zeros((20, 30), int)]] * 2, names=["12", "7"])
    monkeypatch.setattr(labelling, "bsds500", lambda subset, home: data)
    args = folder, "--threads", 1, "--teachers", *teachers, "--subset", "train"
    assert run(labelling, monkeypatch, *args) == 0
    training = module("train_bsds500")
    assert len(training._photographs(folder)[0]) == 4
    sources = [labelling.teacher(path) for path in teachers]
    for image, name in zip(images, ("12", "7"), strict=True):
        expected = labelling.mean_affinity(image, sources)
        found = training._labels(folder / f"bsds500-{name}.npy")
        np.testing.assert_allclose(found, expected, atol=0.5 / 255 + 1e-6)

    # Half by the teachers, half by the annotators, who see two halves, or one segment.
    halves = np.arange(30) // 15 * np.ones((20, 1), int)
    annotations = [halves, 0 * halves]
    file = folder / "bsds500-12.npy"
    mixed, labels = training._with_teachers(annotations, file), training._labels(file)
    assert mixed.dtype == np.float32
    np.testing.assert_allclose(mixed[:, 14, 0], (0.5 + labels[:, 14, 0]) / 2)
    np.testing.assert_allclose(mixed[:-1, 3, 1], (1 + labels[:-1, 3, 1]) / 2)
    np.testing.assert_allclose(mixed[-1, :, 1], labels[-1, :, 1])  # leads out of it
    assert training._with_teachers(annotations, folder / "none.npy") is annotations


@pytest.mark.usefixtures("one_thread")
def test_bfloat16_changes_little(labelling, networks, folder, rng, monkeypatch):
    detector = networks.EdgeDetector(networks.PiDiNet(3, 2))
    monkeypatch.setattr(labelling, "edge_network", lambda name, folder: detector)
    args = folder, "--threads", 1, "--teachers", "pidinet"
    maps = []
    for more in ([], ["--bfloat16"]):
        run(labelling, monkeypatch, *args, *more)
        maps.append(np.load(folder / "0.npy"))
        (folder / "0.npy").unlink()
    exact, rough = maps
    assert exact.dtype == np.uint8
    image = iio.imread(folder / "0.jpg")
    expected = edge_affinity(detector(image), connectivity=4)
    assert np.array_equal(exact, np.rint(255 * expected))
    assert 0 < np.abs(exact.astype(int) - rough).max() < 10


def test_parts_of_the_work(labelling):
    items = list(range(7))
    parts = [labelling.shard(items, f"{i}/3") for i in (1, 2, 3)]
    assert sorted(item for part in parts for item in part) == items
    assert {len(part) for part in parts} == {2, 3}
    for wrong in ("0/3", "4/3", "1", "a/b", "1/2/3", "1/0"):
        with pytest.raises(ValueError, match=f"--shard {wrong} is no part"):
            labelling.shard(items, wrong)


def test_unknown_teachers_are_refused(labelling, folder, monkeypatch, capsys):
    for args, message in (
        (["--teachers", "nobody"], "nobody"),
        (["--teachers", "xyw", "--edges", folder], "needs the file xyw_bsds.pth"),
        (["--shard", "3/2"], "no part of a whole"),
    ):
        with pytest.raises(SystemExit):
            run(labelling, monkeypatch, folder, "--threads", 1, *args)
        assert message in capsys.readouterr().err


def test_teachers_are_shipped_networks_too(labelling, rng):
    image = rng.random((20, 31))
    source = labelling.teacher("bsds500-train")
    (affinity,) = source.transform([image])
    assert affinity.shape == (20, 31, 2)
    # The shipped network itself keeps its dither.
    shipped = SEALSuperpixels(weights="bsds500-train").predict_affinity([image])[0]
    assert 0 < np.abs(affinity - shipped).max() <= 0.03 + 1e-6
