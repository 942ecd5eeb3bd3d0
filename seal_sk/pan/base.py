"""What affinity networks have in common."""

from math import inf

import torch
from torch import nn

from .._validation import check_real

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
    """

    #: Shifts of the image by so many pixels shift the logits.
    stride = 1
    #: No affinity depends on pixels further away.
    margin = 0
    #: The layout of tensors that it computes fastest in.
    memory_format = torch.contiguous_format
    #: Whether images of a batch depend on each other in training.
    normalizes_batch = False

    def __init__(self):
        super().__init__()
        self.register_buffer("calibration", torch.tensor([1.0, 0.0, 0.0]))

    def set_calibration(self, scale, shift, dither=None):
        """Set the numbers; returns the network.

        `scale` is positive, `shift` finite, `dither` in 0..1, or None to keep it.
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

    def calibrated(self, logits):
        """Affinities before their sigmoid."""
        return self.calibration[0] * logits + self.calibration[1]

    def forward(self, *inputs):
        """Affinities to the right and down.

        Parameters
        ----------
        images : Tensor of shape (N, in_channels, H, W)
            In 0..1; three channels are blue, green, red.
        edges : Tensor of shape (N, 1, H, W), optional
            0 on Canny's edges, else 1; for a network with an edge channel.

        Returns
        -------
        Tensor of shape (N, 2, H, W)
            In 0..1. The last column of the first channel and the last row of the
            second mean nothing.
        """
        return torch.sigmoid(self.calibrated(self.logits(*inputs)))
