"""What the networks of several scales share: their decoder, and their layers."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._validation import check_int
from .base import AffinityNet

__all__ = ["Convolution", "MultiScaleNet", "Normalized", "Residual", "check_multiples"]

# Initial bias of the logits, since most neighbours belong together.
_BIAS = 3.0


def check_multiples(multiples: Sequence[int]) -> tuple[int, ...]:
    """Check the channels of five scales in units of the first."""
    checked = tuple(check_int(n, 1, name="multiples") for n in multiples)
    if len(checked) != 5 or checked[0] != 1:
        raise ValueError(
            f"multiples={list(multiples)} must be five integers, the first 1."
        )
    return checked


class MultiScaleNet(AffinityNet):
    """Base class of networks with an encoder and a decoder of five scales.

    The decoder interpolates bilinearly and adds the encoder's features. One pass
    predicts both affinities. A subclass builds its encoder, calls `_add_decoder`, and
    computes the features of the scales 1, 1/2, 1/4, 1/8 and 1/16 in `_encode`.
    """

    edges = None  # there is no edge channel
    stride = 16
    memory_format = torch.channels_last
    normalizes_batch = True

    def _add_decoder(self, widths: Sequence[int]) -> None:
        """Build the decoder for features of `widths` channels."""
        self.lateral = nn.ModuleList(
            Convolution(i, o, kernel=1, active=False) for o, i in pairwise(widths)
        )
        # The finest scale costs most, so it has only a single convolution.
        self.up = nn.ModuleList(
            [Convolution(widths[0], widths[0]), *map(Residual, widths[1:-1])]
        )
        self.head = nn.Conv2d(widths[0], 2, 3, padding=1)

    def _initialize(self) -> None:
        for module in self.modules():
            if isinstance(module, nn.Conv2d):
                nn.init.kaiming_normal_(
                    module.weight, mode="fan_out", nonlinearity="relu"
                )
        nn.init.normal_(self.head.weight, std=0.01)
        assert self.head.bias is not None
        nn.init.constant_(self.head.bias, _BIAS)

    def _encode(self, x: Tensor) -> list[Tensor]:
        raise NotImplementedError

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
        features = self._encode(
            functional.pad(images, (0, right, 0, bottom), mode="replicate")
        )
        x = features.pop()
        for lateral, up in zip(reversed(self.lateral), reversed(self.up), strict=True):
            x = functional.interpolate(
                lateral(x), scale_factor=2, mode="bilinear", align_corners=False
            )
            x += features.pop()
            x = up(relu(x))
        return self.head(x)[..., :height, :width]

    def fused(self) -> MultiScaleNet:
        """Return a copy for prediction, with normalisations merged into convolutions.

        Returns
        -------
        MultiScaleNet
            A network in evaluation mode; it can't be trained.
        """
        net = _fused(self)
        net.head = _Packed(net.head)
        return net


def _fused(module: nn.Module, copied: bool = True) -> Any:
    """A fused copy of a module, several times faster than by deepcopy."""
    # Without the checks of nn.Module, which would take most of the time.
    new: Any = object.__new__(type(module))
    normalized = isinstance(module, Normalized)
    vars(new).update(
        vars(module),
        training=False,
        _parameters={
            name: nn.Parameter(tensor.detach().clone(), requires_grad=False)
            if copied and tensor is not None
            else tensor
            for name, tensor in module._parameters.items()
        },
        _buffers={
            name: tensor.clone() if copied and tensor is not None else tensor
            for name, tensor in module._buffers.items()
        },
        _modules={
            name: child if child is None else _fused(child, not normalized)
            for name, child in module._modules.items()
        },
    )
    if normalized:
        new.fuse()  # which makes new tensors
    return new


class _Packed(nn.Module):
    """A convolution of 3 x 3 to few channels, of eight pixels of a row at a time.

    Libraries compute 16 channels where there are two. So this takes half the time.
    """

    n = 8

    def __init__(self, conv: nn.Conv2d) -> None:
        super().__init__()
        self.outputs, inputs = conv.weight.shape[:2]
        weight = conv.weight.new_zeros(self.n, self.outputs, inputs, 3, self.n + 2)
        for i in range(self.n):
            weight[i, ..., i : i + 3] = conv.weight
        assert conv.bias is not None
        self.weight = nn.Parameter(weight.flatten(0, 1), requires_grad=False)
        self.bias = nn.Parameter(conv.bias.repeat(self.n), requires_grad=False)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the layer to features whose width is a multiple of eight."""
        x = functional.conv2d(x, self.weight, self.bias, (1, self.n), 1)
        n, _, height, width = x.shape
        x = x.permute(0, 2, 3, 1).reshape(n, height, width * self.n, self.outputs)
        return x.permute(0, 3, 1, 2)


# In the place of a normalisation.
_MERGED = nn.Identity().eval()


class Normalized(nn.Module):
    """Base class of layers with a convolution and its batch normalisation."""

    conv: nn.Conv2d
    norm: nn.BatchNorm2d

    def fuse(self) -> None:
        """Merge the normalisation into the convolution; the layer can't be trained."""
        conv, norm = self.conv, self.norm
        assert conv.bias is None
        assert norm.running_mean is not None
        assert norm.running_var is not None
        with torch.no_grad():
            per_deviation = torch.rsqrt(norm.running_var + norm.eps)
            weight = conv.weight * (norm.weight * per_deviation)[:, None, None, None]
            bias = norm.bias - norm.running_mean * per_deviation * norm.weight
        conv._parameters.update(
            weight=nn.Parameter(weight, requires_grad=False),
            bias=nn.Parameter(bias, requires_grad=False),
        )
        self._modules["norm"] = _MERGED


class Convolution(Normalized):
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
        """Apply the layer to features (N, inputs, H, W)."""
        x = self.norm(self.conv(x))
        return relu(x) if self.active else x


class Residual(nn.Module):
    """A block of two convolutions that is added to its input."""

    def __init__(self, width: int) -> None:
        super().__init__()
        self.first = Convolution(width, width)
        self.second = Convolution(width, width, active=False)
        # A block begins as the identity.
        nn.init.zeros_(self.second.norm.weight)

    def forward(self, x: Tensor) -> Tensor:
        """Apply the block to features (N, width, H, W)."""
        return relu(x + self.second(self.first(x)))


def relu(x: Tensor) -> Tensor:
    """ReLU in place, which is faster: nothing else reads the argument."""
    return functional.relu(x, inplace=True)
