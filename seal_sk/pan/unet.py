"""A multi-scale affinity network, many times cheaper than PAN, with a wider view."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn

from .._validation import check_int
from .multiscale import Convolution, MultiScaleNet, Residual, check_multiples

__all__ = ["UNet"]

_MULTIPLES = (1, 2, 3, 4, 4)


class UNet(MultiScaleNet):
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

    margin = 9 * MultiScaleNet.stride

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
        self.multiples = check_multiples(multiples)
        widths = [width * multiple for multiple in self.multiples]
        # Otherwise, the layers' initialisation would use the global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.stem = Convolution(in_channels, widths[0])
            self.down = nn.ModuleList(
                nn.Sequential(Convolution(i, o, stride=2), Residual(o))
                for i, o in pairwise(widths)
            )
            self._add_decoder(widths)
            self._initialize()

    @property
    def architecture(self) -> dict[str, Any]:
        """The architecture; networks share weights only if it is the same."""
        return {
            "network": "unet",
            "width": self.width,
            "in_channels": self.in_channels,
            "multiples": list(self.multiples),
        }

    def _encode(self, x: Tensor) -> list[Tensor]:
        features = [self.stem(x)]
        for down in self.down:
            features.append(down(features[-1]))
        return features
