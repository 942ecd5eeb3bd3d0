"""A multi-scale affinity network, many times cheaper than PAN, with a wider view."""

from __future__ import annotations

from collections.abc import Sequence
from copy import deepcopy
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional
from torch.nn.utils.fusion import fuse_conv_bn_eval

from .._validation import check_int
from .base import AffinityNet

__all__ = ["UNet"]

_MULTIPLES = (1, 2, 3, 4, 4)

# Initial bias of the logits, since most neighbours belong together.
_BIAS = 3.0


class UNet(AffinityNet):
    """Affinity network with an encoder and a decoder of five scales.

    There are residual blocks at each scale. The encoder uses strided convolutions; the
    decoder interpolates bilinearly and adds the encoder's features. One pass predicts
    both affinities, for which it sees about 140 pixels in each direction.

    Parameters
    ----------
    width : int, default=24
        Channels at full resolution.
    in_channels : int, default=3
        Channels of the images.
    seed : int, default=0
        Seed of the initial weights.
    multiples : sequence of int, default=(1, 2, 3, 4, 4)
        Channels of the scales 1, 1/2, 1/4, 1/8 and 1/16, in units of `width`; the first
        is 1. On CPUs, numbers of channels that are multiples of 16 are fastest.

    References
    ----------
    Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", MICCAI 2015.

    Examples
    --------
    >>> import torch
    >>> from seal_sk.pan import UNet
    >>> net = UNet(width=4)
    >>> net(torch.rand(1, 3, 20, 30)).shape
    torch.Size([1, 2, 20, 30])
    """

    edges = None  # there is no edge channel
    stride = 16
    margin = 9 * stride
    memory_format = torch.channels_last
    normalizes_batch = True

    def __init__(
        self,
        width: int = 24,
        in_channels: int = 3,
        seed: int = 0,
        multiples: Sequence[int] = _MULTIPLES,
    ) -> None:
        super().__init__()
        self.width = check_int(width, 1, name="width")
        self.in_channels = check_int(in_channels, 1, name="in_channels")
        self.multiples = tuple(check_int(n, 1, name="multiples") for n in multiples)
        if len(self.multiples) != len(_MULTIPLES) or self.multiples[0] != 1:
            raise ValueError(
                f"multiples={list(multiples)} must be five integers, the first 1."
            )
        widths = [width * multiple for multiple in self.multiples]
        # Otherwise, the layers' initialisation would use the global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.stem = _Convolution(in_channels, widths[0])
            self.down = nn.ModuleList(
                nn.Sequential(_Convolution(i, o, stride=2), _Residual(o))
                for i, o in pairwise(widths)
            )
            self.lateral = nn.ModuleList(
                _Convolution(i, o, kernel=1, active=False) for o, i in pairwise(widths)
            )
            # The finest scale costs most, so it has only a single convolution.
            self.up = nn.ModuleList(
                [_Convolution(width, width), *map(_Residual, widths[1:-1])]
            )
            self.head = nn.Conv2d(widths[0], 2, 3, padding=1)
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(
                        module.weight, mode="fan_out", nonlinearity="relu"
                    )
            nn.init.normal_(self.head.weight, std=0.01)
            assert self.head.bias is not None
            nn.init.constant_(self.head.bias, _BIAS)

    @property
    def architecture(self) -> dict[str, Any]:
        """The architecture; networks share weights only if it is the same."""
        return {
            "network": "unet",
            "width": self.width,
            "in_channels": self.in_channels,
            "multiples": list(self.multiples),
        }

    def logits(self, images: Tensor) -> Tensor:
        """Compute the log-odds that neighbours belong together, uncalibrated.

        Parameters
        ----------
        images : Tensor of shape (N, in_channels, H, W)
            In 0..1; three channels are blue, green, red.

        Returns
        -------
        Tensor of shape (N, 2, H, W)
            Logits to the right and down.
        """
        height, width = images.shape[-2:]
        if self.training and len(images) == 1 and max(height, width) <= self.stride:
            raise ValueError(
                f"One image of {height} x {width} is too small for batch "
                f"normalisation; train with a crop_size over {self.stride} and larger "
                "images, or with a larger batch_size."
            )
        bottom, right = -height % self.stride, -width % self.stride
        x = functional.pad(images, (0, right, 0, bottom), mode="replicate")
        features = [self.stem(x)]
        for down in self.down:
            features.append(down(features[-1]))
        x = features.pop()
        for lateral, up in zip(reversed(self.lateral), reversed(self.up), strict=True):
            x = functional.interpolate(lateral(x), scale_factor=2, mode="bilinear")
            x = up(_relu(x + features.pop()))
        return self.head(x)[..., :height, :width]

    def fused(self) -> UNet:
        """Return a copy for prediction, with normalisations merged into convolutions.

        Returns
        -------
        UNet
            A network in evaluation mode; it can't be trained.
        """
        net = deepcopy(self).eval()
        for module in net.modules():
            if isinstance(module, _Convolution):
                module.conv = fuse_conv_bn_eval(module.conv, module.norm)
                module.norm = nn.Identity()  # type: ignore[assignment]  # it is merged
        return net


class _Convolution(nn.Module):
    """Convolution, batch normalisation and, if `active`, ReLU."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int = 3,
        stride: int = 1,
        active: bool = True,
    ) -> None:
        super().__init__()
        self.conv = nn.Conv2d(
            inputs, outputs, kernel, stride, padding=kernel // 2, bias=False
        )
        self.norm = nn.BatchNorm2d(outputs)
        self.active = active

    def forward(self, x: Tensor) -> Tensor:
        x = self.norm(self.conv(x))
        return _relu(x) if self.active else x


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = _Convolution(width, width)
        self.second = _Convolution(width, width, active=False)
        # A block begins as the identity.
        nn.init.zeros_(self.second.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        return _relu(x + self.second(self.first(x)))


def _relu(x: Tensor) -> Tensor:
    # Nothing else reads the argument, and in place it is faster.
    return functional.relu(x, inplace=True)
