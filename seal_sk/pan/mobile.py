"""An affinity network whose encoder can begin with the features of ImageNet."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._validation import check_int
from .multiscale import (
    Convolution,
    MultiScaleNet,
    Normalized,
    Residual,
    check_multiples,
    relu,
)

__all__ = ["MobileUNet"]

# Multiples of the width at each scale, of the large and of the small network.
_LARGE = (1, 2, 4, 4, 6)
_SMALL = (1, 1, 2, 2, 4)

# The stages of EfficientNet-lite0: number of blocks, channels, kernel, stride, and by
# how much a block expands the channels. The first follows 32 channels at scale 1/2.
_FIRST = 32
_STAGES = (
    (1, 16, 3, 1, 1),
    (2, 24, 3, 2, 6),
    (2, 40, 5, 2, 6),
    (3, 80, 3, 2, 6),
    (3, 112, 5, 1, 6),
)


class MobileUNet(MultiScaleNet):
    """Affinity network with a mobile encoder: depthwise convolutions in wide blocks.

    The encoder has the first stages of EfficientNet-lite0, so it can begin with weights
    that were trained on ImageNet (``benchmarks/imagenet_features.py``). Two
    convolutions beside it keep the detail of the scales 1 and 1/2. The decoder is that
    of `UNet`. It needs less than half the work of the default `UNet`, and sees 230
    pixels in each direction, or 125 if it is small.

    Parameters
    ----------
    width : int, default=16
        Channels at full resolution.
    in_channels : int, default=3
        Channels of the images.
    seed : int, default=0
        Seed of the initial weights, which are random.
    multiples : sequence of int, optional
        Channels of the decoder at the scales 1, 1/2, 1/4, 1/8 and 1/16, in units of
        `width`; the first is 1. On CPUs, numbers of channels that are multiples of 16
        are fastest. By default (1, 2, 4, 4, 6), or (1, 1, 2, 2, 4) if it is small.
    small : bool, default=False
        Three stages of the encoder instead of five, then a residual block at scale
        1/16, no convolution between the sum of the finest features and the logits, and
        by default fewer channels: a quarter of the weights and half the time.

    References
    ----------
    Tan, Le, "EfficientNet: Rethinking Model Scaling for Convolutional Neural Networks",
    ICML 2019; its "lite" variants have no squeeze-and-excitation, and ReLU6.

    Ronneberger, Fischer, Brox, "U-Net: Convolutional Networks for Biomedical Image
    Segmentation", MICCAI 2015.

    Examples
    --------
    >>> import torch
    >>> from seal_sk.pan import MobileUNet
    >>> net = MobileUNet(width=4, small=True)
    >>> net(torch.rand(1, 3, 20, 30)).shape
    torch.Size([1, 2, 20, 30])
    """

    def __init__(
        self,
        width: int = 16,
        in_channels: int = 3,
        seed: int = 0,
        multiples: Sequence[int] | None = None,
        small: bool = False,
    ) -> None:
        super().__init__()
        self.width = check_int(width, 1, name="width")
        self.in_channels = check_int(in_channels, 1, name="in_channels")
        if not isinstance(small, bool):
            raise TypeError(f"small={small!r} must be True or False.")
        self.small = small
        if multiples is None:
            multiples = _SMALL if small else _LARGE
        self.multiples = check_multiples(multiples)
        self.margin = (9 if small else 15) * self.stride
        widths = [width * multiple for multiple in self.multiples]
        # Otherwise, the layers' initialisation would use the global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.stem = Convolution(in_channels, widths[0])
            self.second = Convolution(widths[0], widths[1], stride=2)
            self.encoder = _Encoder(in_channels, 3 if small else 5)
            channels = self.encoder.channels.copy()
            if small:
                self.last = nn.Sequential(
                    Convolution(channels[-1], widths[4], stride=2), Residual(widths[4])
                )
                channels.append(widths[4])
            self.skip = nn.ModuleList(
                Convolution(i, o, kernel=1, active=False)
                for i, o in zip(channels, widths[1:], strict=True)
            )
            self._add_decoder(widths)
            if small:
                self.up[0] = nn.Identity()
            self._initialize()

    @property
    def architecture(self) -> dict[str, Any]:
        """The architecture; networks share weights only if it is the same."""
        return {
            "network": "mobile",
            "width": self.width,
            "in_channels": self.in_channels,
            "multiples": list(self.multiples),
            "small": self.small,
        }

    def _encode(self, x: Tensor) -> list[Tensor]:
        encoded = self.encoder(x)
        if self.small:
            encoded.append(self.last(encoded[-1]))
        half, quarter, eighth, coarsest = (
            skip(features) for skip, features in zip(self.skip, encoded, strict=True)
        )
        finest = self.stem(x)
        return [finest, self.second(finest) + half, quarter, eighth, relu(coarsest)]


class _Encoder(nn.Module):
    """The first stages of EfficientNet-lite0."""

    def __init__(self, in_channels: int, n_stages: int) -> None:
        super().__init__()
        self.stem = _Same(in_channels, _FIRST, 3, stride=2)
        self.stages = nn.ModuleList()
        #: Channels of the features at the scales 1/2, 1/4, 1/8 and, if there, 1/16.
        self.channels: list[int] = []
        inputs = _FIRST
        for n_blocks, outputs, kernel, stride, expansion in _STAGES[:n_stages]:
            blocks = []
            for i in range(n_blocks):
                blocks.append(
                    _Inverted(inputs, outputs, kernel, 1 if i else stride, expansion)
                )
                inputs = outputs
            self.stages.append(nn.Sequential(*blocks))
            if stride == 1 and self.channels:  # the last stage of a scale decides
                self.channels.pop()
            self.channels.append(outputs)

    def forward(self, x: Tensor) -> list[Tensor]:
        # The range that EfficientNet-lite0 reads.
        x = self.stem((255 * x - 127) / 128)
        features: list[Tensor] = []
        for stage in self.stages:
            x = stage(x)
            if features and features[-1].shape[-1] == x.shape[-1]:
                features.pop()
            features.append(x)
        return features


class _Same(Normalized):
    """Convolution and batch normalisation, padded as TensorFlow does, and ReLU6."""

    def __init__(
        self,
        inputs: int,
        outputs: int,
        kernel: int,
        stride: int = 1,
        groups: int = 1,
        active: bool = True,
    ) -> None:
        super().__init__()
        # Images have even sizes. So with a stride of 2, there is one row of padding
        # less, and it is missing above.
        self.padding = (kernel - 2) // 2 if stride == 2 else None
        self.conv = nn.Conv2d(
            inputs,
            outputs,
            kernel,
            stride,
            padding=kernel // 2 if self.padding is None else 0,
            groups=groups,
            bias=False,
        )
        self.norm = nn.BatchNorm2d(outputs, eps=1e-3, momentum=0.01)
        self.active = active

    def fuse(self) -> None:
        super().fuse()
        if self.padding is not None and self.conv.groups > 1:
            # A row and a column of zeros before the kernel do the same as those after
            # the image, which would have to be copied.
            conv = self.conv
            conv.weight = nn.Parameter(
                functional.pad(conv.weight, (1, 0, 1, 0)), requires_grad=False
            )
            conv.padding = 2 * (self.padding + 1,)
            self.padding = None

    def forward(self, x: Tensor) -> Tensor:
        if self.padding is not None:
            x = functional.pad(x, 2 * (self.padding, self.padding + 1))
        x = self.norm(self.conv(x))
        return functional.relu6(x, inplace=True) if self.active else x


class _Inverted(nn.Module):
    """Block that expands the channels, filters each of them, and projects them."""

    def __init__(
        self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int
    ) -> None:
        super().__init__()
        inner = expansion * inputs
        self.expand = _Same(inputs, inner, 1) if expansion > 1 else nn.Identity()
        self.depth = _Same(inner, inner, kernel, stride, groups=inner)
        self.project = _Same(inner, outputs, 1, active=False)
        self.residual = inputs == outputs and stride == 1

    def forward(self, x: Tensor) -> Tensor:
        y = self.project(self.depth(self.expand(x)))
        return x + y if self.residual else y
