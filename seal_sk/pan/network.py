"""PAN, the Pixel Affinity Net."""

from __future__ import annotations

from copy import deepcopy
from typing import Any, Literal

import torch
from torch import Tensor, nn
from torch.nn import functional

from .._validation import check_int
from ..affinity.edges import EDGES
from .base import AffinityNet

__all__ = ["PAN"]


class _Residual(nn.Module):
    def __init__(self, width: int) -> None:
        super().__init__()
        self.conv1 = _conv(width, width, 3)
        self.in1 = _norm(width)
        self.conv2 = _conv(width, width, 3)
        self.in2 = _norm(width)

    def forward(self, x: Tensor) -> Tensor:
        y = functional.relu(self.in1(self.conv1(x)))
        return functional.relu(x + self.in2(self.conv2(y)))


class PAN(AffinityNet):
    """Pixel Affinity Net: the affinity of each pixel with its neighbours.

    A convolution of 1 x 7 and three residual blocks predict an intermediate affinity,
    which is combined with Canny's edges into the final one. The net predicts affinities
    to the right; those downwards are predicted from the transposed image with the same
    weights.

    Parameters
    ----------
    width : int, default=128
        Channels of the residual blocks; the paper uses 128.
    in_channels : int, default=3
        Channels of the images.
    edges : {"skimage", "opencv"} or None, default="skimage"
        Library whose Canny gives the edge channel; None for a net without one.
        OpenCV's needs three channels.
    seed : int, default=0
        Seed of the initial weights (Kaiming normal, fan out).

    References
    ----------
    Tu et al., "Learning Superpixels with Segmentation-Aware Affinity Loss",
    CVPR 2018, section 4.2.

    Examples
    --------
    >>> import torch
    >>> from seal_sk.pan import PAN
    >>> net = PAN(width=8)
    >>> net(torch.rand(1, 3, 20, 30), torch.ones(1, 1, 20, 30)).shape
    torch.Size([1, 2, 20, 30])
    """

    margin = 16  # it sees 9 pixels along the direction, 6 across

    def __init__(
        self,
        width: int = 128,
        in_channels: int = 3,
        edges: Literal["skimage", "opencv"] | None = "skimage",
        seed: int = 0,
    ) -> None:
        super().__init__()
        self.width = check_int(width, 1, name="width")
        self.in_channels = check_int(in_channels, 1, name="in_channels")
        if edges is not None and edges not in EDGES:
            raise ValueError(f"edges={edges!r} must be None or one of {EDGES}.")
        if edges == "opencv" and in_channels != 3:
            raise ValueError(
                f"edges='opencv' needs 3 channels, not {in_channels}; use 'skimage'."
            )
        self.edges = edges
        # Otherwise, the layers' initialisation would use the global generator.
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(seed)
            self.conv1 = _conv(in_channels, width, (1, 7))
            self.in1 = _norm(width)
            self.res2 = _Residual(width)
            self.res3 = _Residual(width)
            self.res4 = _Residual(width)
            self.conv5 = _conv(width, 1, 1)
            self.in5 = _norm(1)
            self.conv6 = _conv(1 if edges is None else 2, 8, 1)
            self.in6 = _norm(8)
            self.conv7 = _conv(8, 1, 1)
            self.in7 = _norm(1)
            for module in self.modules():
                if isinstance(module, nn.Conv2d):
                    nn.init.kaiming_normal_(
                        module.weight, mode="fan_out", nonlinearity="relu"
                    )
                    assert module.bias is not None
                    nn.init.zeros_(module.bias)

    @property
    def architecture(self) -> dict[str, Any]:
        """The architecture; networks share weights only if it is the same."""
        return {
            "network": "pan",
            "width": self.width,
            "in_channels": self.in_channels,
            "edges": self.edges,
        }

    def logits(self, images: Tensor, edges: Tensor | None = None) -> Tensor:
        """Compute the log-odds that neighbours belong together, uncalibrated.

        Parameters
        ----------
        images : Tensor of shape (N, in_channels, H, W)
            In 0..1; three channels are blue, green, red.
        edges : Tensor of shape (N, 1, H, W), optional
            0 on Canny's edges and 1 elsewhere; needed by a network with an edge
            channel.

        Returns
        -------
        Tensor of shape (N, 2, H, W)
            Logits to the right and down.

        Raises
        ------
        ValueError
            If the edges are missing.
        """
        if self.edges is not None and edges is None:
            raise ValueError(
                "This network reads edges beside the images: give a tensor "
                "(N, 1, H, W), 0 on edges and 1 elsewhere, or build PAN(edges=None)."
            )
        inputs = [images] if edges is None or self.edges is None else [images, edges]
        across = [part.transpose(2, 3) for part in inputs]
        if images.shape[2] == images.shape[3]:
            both = [torch.cat(pair) for pair in zip(inputs, across, strict=True)]
            right, down = self._right(*both).chunk(2)
        else:
            right, down = self._right(*inputs), self._right(*across)
        return torch.cat([right, down.transpose(2, 3)], dim=1)

    def fused(self) -> PAN:
        """Return a copy for prediction; it keeps its normalisation layers.

        Returns
        -------
        PAN
            A network in evaluation mode.
        """
        return deepcopy(self).eval()

    def _right(self, images: Tensor, edges: Tensor | None = None) -> Tensor:
        x = functional.relu(self.in1(self.conv1(images)))
        x = self.res4(self.res3(self.res2(x)))
        x = torch.sigmoid(self.in5(self.conv5(x)))
        if edges is not None:
            x = torch.cat([x, edges.to(x.dtype)], dim=1)
        x = functional.relu(self.in6(self.conv6(x)))
        return self.in7(self.conv7(x))


def _conv(inputs: int, outputs: int, kernel: int | tuple[int, int]) -> nn.Conv2d:
    height, width = kernel if isinstance(kernel, tuple) else (kernel, kernel)
    return nn.Conv2d(
        inputs,
        outputs,
        (height, width),
        padding=(height // 2, width // 2),
        padding_mode="replicate" if max(height, width) > 1 else "zeros",
    )


def _norm(width: int) -> nn.InstanceNorm2d:
    # In training, it normalises by the statistics of the image; afterwards by their
    # running mean, which is a fixed scaling.
    return nn.InstanceNorm2d(width, affine=False, track_running_stats=True)
