"""Convolutions of a batch, sample by sample in threads."""

from __future__ import annotations

from concurrent.futures import Executor
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["Convolution"]


class Convolution(nn.Conv2d):
    """A convolution that can share the samples of a batch among threads.

    For networks that normalise over the batch, whose samples can't go through the whole
    network by themselves. Each sample is convolved by one thread, and gradients are
    added in the order of the samples, so that the number of threads changes no bit.
    """

    #: The threads; None computes as `torch.nn.Conv2d` does.
    pool: Executor | None = None

    def forward(self, x: Tensor) -> Tensor:
        """The convolved batch."""
        if self.pool is None:
            return super().forward(x)
        # Threads of a pool don't know that precision is lowered here.
        kind = x.device.type
        if torch.is_autocast_enabled(kind):
            dtype = torch.get_autocast_dtype(kind)
            x, weight = x.to(dtype), self.weight.to(dtype)
        else:
            weight = self.weight
        y = _BySample.apply(x, weight, self.stride, self.padding, self.pool)
        return y if self.bias is None else y + self.bias.to(y.dtype)[:, None, None]


class _BySample(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, stride: Any, padding: Any, pool: Executor
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.settings = stride, padding
        ctx.pool = pool

        def convolve(sample):
            with torch.no_grad():
                return functional.conv2d(sample, weight, None, stride, padding)

        return torch.cat(list(pool.map(convolve, x.split(1))))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        stride, padding = ctx.settings
        wanted = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False]

        def differentiate(sample, of_output):
            return torch.ops.aten.convolution_backward(
                of_output,
                sample,
                weight,
                None,
                stride,
                padding,
                (1, 1),
                False,
                (0, 0),
                1,
                wanted,
            )

        samples = ctx.pool.map(differentiate, x.split(1), gradient.split(1))
        of_x, of_weight, _ = zip(*samples, strict=True)
        return (
            torch.cat(of_x) if wanted[0] else None,
            sum(of_weight[1:], start=of_weight[0]) if wanted[1] else None,
            None,
            None,
            None,
        )
