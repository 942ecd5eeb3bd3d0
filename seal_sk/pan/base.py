"""What affinity networks have in common."""

from __future__ import annotations

from collections.abc import Callable
from math import inf
from typing import TYPE_CHECKING, Any

import torch
from torch import Tensor, nn

from .._validation import check_real

if TYPE_CHECKING:
    from typing_extensions import Self

__all__ = ["AffinityNet"]


class AffinityNet(nn.Module):
    """A network from images to affinities, by way of logits and a calibration.

    The affinity is ``sigmoid(scale * logit + shift)``. The two numbers are part of the
    network and of its file. Training does not touch them: they are chosen afterwards by
    the superpixels that come out (`seal_sk.pan.calibrate`), since ERS wants sharper
    affinities than probabilities are. A new network has 1 and 0.

    A third number, the dither, is for prediction alone (`Predictor`; neither `forward`
    nor ONNX files have it): a fixed random pattern lowers the affinities by up to this
    share of themselves. Where all is certain, what is left of their order would have
    ERS cut flat areas into strips.

    Examples
    --------
    >>> from seal_sk.pan import AffinityNet, UNet
    >>> net = UNet(width=4).set_calibration(2.0, -1.0)
    >>> isinstance(net, AffinityNet), net.architecture["network"]
    (True, 'unet')
    """

    #: Shifts of the image by so many pixels shift the logits.
    stride = 1
    #: No affinity depends on pixels further away.
    margin = 0
    #: The layout of tensors that it computes fastest in.
    memory_format = torch.contiguous_format
    #: Whether images of a batch depend on each other in training.
    normalizes_batch = False

    calibration: Tensor
    width: int
    in_channels: int
    edges: str | None
    #: From tensors, as for `forward`, to the affinities' log-odds.
    logits: Callable[..., Tensor]

    @property
    def architecture(self) -> dict[str, Any]:
        """What tells networks apart that can't share weights; ``network`` is its name.

        The other items are arguments of the class.
        """
        raise NotImplementedError

    def fused(self) -> AffinityNet:
        """A copy for prediction, as fast as it can be made.

        Returns
        -------
        AffinityNet
            In evaluation mode.
        """
        raise NotImplementedError

    def __init__(self) -> None:
        super().__init__()
        self.register_buffer("calibration", torch.tensor([1.0, 0.0, 0.0]))

    def set_calibration(
        self, scale: float, shift: float, dither: float | None = None
    ) -> Self:
        """Set the numbers of the calibration.

        Parameters
        ----------
        scale : float
            Above 0.
        shift : float
            Finite.
        dither : float, optional
            In 0..1; by default it stays as it is.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If one is out of its range, or no number.
        """
        scale = check_real(scale, 0, name="scale", exclusive=True)
        shift = check_real(shift, -inf, name="shift")
        if dither is None:
            dither = self.calibration[2].item()
        dither = check_real(dither, 0, name="dither")
        if dither > 1:
            raise ValueError(f"dither={dither!r} must be in 0..1.")
        with torch.no_grad():
            self.calibration.copy_(torch.tensor([scale, shift, dither]))
        return self

    def calibrated(self, logits: Tensor) -> Tensor:
        """Affinities before their sigmoid.

        Parameters
        ----------
        logits : Tensor
            Of any shape, as `logits` gives them.

        Returns
        -------
        Tensor of the same shape
            ``scale * logits + shift``.
        """
        return self.calibration[0] * logits + self.calibration[1]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Affinities to the right and down.

        Parameters
        ----------
        *inputs : Tensor
            The images (N, in_channels, H, W), in 0..1, of which three channels are
            blue, green, red. For a network with an edge channel then the edges
            (N, 1, H, W), 0 on Canny's edges, else 1.

        Returns
        -------
        Tensor of shape (N, 2, H, W)
            In 0..1. The last column of the first channel and the last row of the
            second mean nothing.
        """
        return torch.sigmoid(self.calibrated(self.logits(*inputs)))
