"""Base class of the affinity networks."""

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
    """Base class of networks that turn images into logits, and these into affinities.

    The affinity is ``sigmoid(scale * logit + shift)``. The two numbers of this
    calibration belong to the network and its file; a new network has 1 and 0. Training
    does not change them. Since ERS works better with affinities that are sharper than
    probabilities, `seal_sk.pan.calibrate` chooses them afterwards by the quality of the
    superpixels.

    A third number, the dither, is used only in prediction (`Predictor`), neither in
    `forward` nor in ONNX files. A fixed random pattern lowers each affinity by up to
    this share. Without it, ERS would divide areas in which all affinities are nearly
    equal into strips.

    Examples
    --------
    >>> from seal_sk.pan import AffinityNet, UNet
    >>> net = UNet(width=4).set_calibration(2.0, -1.0)
    >>> isinstance(net, AffinityNet), net.architecture["network"]
    (True, 'unet')
    """

    #: Shifting the image by this many pixels shifts the logits by as many.
    stride = 1
    #: No affinity depends on pixels further away than this.
    margin = 0
    #: The layout of tensors in which it computes fastest.
    memory_format = torch.contiguous_format
    #: Whether the images of a batch affect each other in training.
    normalizes_batch = False

    calibration: Tensor
    width: int
    in_channels: int
    edges: str | None
    #: Turns tensors, as for `forward`, into the log-odds of the affinities.
    logits: Callable[..., Tensor]

    @property
    def architecture(self) -> dict[str, Any]:
        """The architecture; networks share weights only if it is the same.

        ``network`` is its name; the other items are arguments of the class.
        """
        raise NotImplementedError

    def fused(self) -> AffinityNet:
        """Return a copy that predicts as fast as possible.

        Returns
        -------
        AffinityNet
            A network in evaluation mode.
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
            In 0..1; by default it is not changed.

        Returns
        -------
        self

        Raises
        ------
        ValueError, TypeError
            If one is out of range or not a number.
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
        """Compute the affinities before their sigmoid.

        Parameters
        ----------
        logits : Tensor
            Tensor of any shape, as `logits` returns it.

        Returns
        -------
        Tensor of the same shape
            ``scale * logits + shift``.
        """
        return self.calibration[0] * logits + self.calibration[1]

    def forward(self, *inputs: Tensor) -> Tensor:
        """Compute the affinities to the right and down.

        Parameters
        ----------
        *inputs : Tensor
            The images (N, in_channels, H, W), in 0..1; three channels are blue, green,
            red. For a network with an edge channel, also the edges (N, 1, H, W), 0 on
            Canny's edges and 1 elsewhere.

        Returns
        -------
        Tensor of shape (N, 2, H, W)
            Affinities in 0..1. The last column of the first channel and the last row of
            the second are undefined.
        """
        return torch.sigmoid(self.calibrated(self.logits(*inputs)))
