"""VGG16's first layer: the best pre-trained features among those the paper tried."""

from pathlib import Path

import torch
from torch import nn
from torch.nn import functional

from .._typing import PathLike
from ..pan.tensors import as_float32, read_tensors

__all__ = ["VGG16Conv1", "vgg16_conv1_1"]

_FIRST = ("features.0.weight", "features.0.bias")
_SHAPES = ((64, 3, 3, 3), (64,))
# Where torchvision's VGG16 has its convolutions; other VGGs begin with the same shapes.
_CONVOLUTIONS = (0, 2, 5, 7, 10, 12, 14, 17, 19, 21, 24, 26, 28)


class VGG16Conv1(nn.Module):
    """ImageNet normalisation, convolution conv1_1 and ReLU.

    Parameters
    ----------
    weight : Tensor of shape (64, 3, 3, 3)
        Weights of the convolution.
    bias : Tensor of shape (64,)
        Biases of the convolution.

    Examples
    --------
    >>> import torch
    >>> from seal_sk.sources.vgg import VGG16Conv1
    >>> net = VGG16Conv1(torch.zeros(64, 3, 3, 3), torch.zeros(64))
    >>> net(torch.rand(1, 3, 20, 30)).shape
    torch.Size([1, 64, 20, 30])
    """

    weight: torch.Tensor
    bias: torch.Tensor
    mean: torch.Tensor
    std: torch.Tensor

    def __init__(self, weight: torch.Tensor, bias: torch.Tensor) -> None:
        super().__init__()
        self.register_buffer("weight", weight.float())
        self.register_buffer("bias", bias.float())
        for name, values in (
            ("mean", (0.485, 0.456, 0.406)),
            ("std", (0.229, 0.224, 0.225)),
        ):
            self.register_buffer(name, torch.tensor(values).view(3, 1, 1))

    def forward(self, images: torch.Tensor) -> torch.Tensor:
        """Compute the features of images.

        Parameters
        ----------
        images : Tensor of shape (N, 3, H, W)
            RGB in 0..1.

        Returns
        -------
        Tensor of shape (N, 64, H, W)
            Features, at least 0.
        """
        images = (images - self.mean) / self.std
        return functional.relu(
            functional.conv2d(images, self.weight, self.bias, padding=1)
        )


def vgg16_conv1_1(path: PathLike) -> VGG16Conv1:
    """Read VGG16's layer conv1_1 from a file of its weights.

    The paper calls its output VGG16 features: the first convolution of the network
    trained on ImageNet, after the ReLU. (In the original, the ReLU works in place, so
    that "conv1_1" names its output.)

    Parameters
    ----------
    path : path-like
        State dict of torchvision's VGG16, as ``.pth`` or as safetensors with the same
        names. It is not downloaded for you; you find the file at
        https://download.pytorch.org/models/vgg16-397923af.pth (528 MB). The entries
        ``features.0.weight`` and ``features.0.bias`` are enough.

    Returns
    -------
    VGG16Conv1
        A Module for `FeatureAffinity`.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    ValueError
        If the file is truncated, has another format, or is for another network.

    References
    ----------
    Simonyan and Zisserman, "Very Deep Convolutional Networks for Large-Scale Image
    Recognition", ICLR 2015. Tu et al., "Learning Superpixels with Segmentation-Aware
    Affinity Loss", CVPR 2018, section 5.1.

    Examples
    --------
    >>> from seal_sk import FeatureAffinity
    >>> from seal_sk.sources.vgg import vgg16_conv1_1
    >>> source = FeatureAffinity(
    ...     vgg16_conv1_1("vgg16-397923af.pth")
    ... )  # doctest: +SKIP
    """
    path = Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"No weights at {str(path)!r}; download "
            "https://download.pytorch.org/models/vgg16-397923af.pth and give its path."
        )
    tensors, names, _ = read_tensors(path, _FIRST)
    found = {name for name in names if str(name).startswith("features.")}
    whole = {
        f"features.{i}.{part}" for i in _CONVOLUTIONS for part in ("weight", "bias")
    }
    shapes = tuple(tuple(getattr(tensors.get(name), "shape", ())) for name in _FIRST)
    if found not in (set(_FIRST), whole) or shapes != _SHAPES:
        raise ValueError(
            f"{str(path)!r} does not hold the weights of torchvision's VGG16; download "
            "https://download.pytorch.org/models/vgg16-397923af.pth."
        )
    tensors = as_float32(tensors, repr(str(path)))
    return VGG16Conv1(*(tensors[name] for name in _FIRST)).eval()
