"""Convolutions of a batch, sample by sample in threads."""

from __future__ import annotations

from concurrent.futures import Executor
from functools import partial
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

__all__ = ["share_samples"]


def share_samples(net: nn.Module, pool: Executor) -> None:
    """Let the convolutions of a network share the samples of a batch among threads.

    This is for networks that normalise over the batch, whose samples can't go through
    the network separately. Each sample is convolved by one thread, and gradients are
    added in the order of the samples, so the number of threads does not change a bit.

    Parameters
    ----------
    net : Module
        Changed in place.
    pool : Executor
        The threads.
    """
    for module in net.modules():
        if isinstance(module, nn.Conv2d) and module.padding_mode == "zeros":
            module.forward = partial(_convolved, module, pool)  # type: ignore[method-assign]


def _convolved(module: nn.Conv2d, pool: Executor, x: Tensor) -> Tensor:
    weight = module.weight
    # The threads of a pool do not know that precision is lowered here.
    kind = x.device.type
    if torch.is_autocast_enabled(kind):
        dtype = torch.get_autocast_dtype(kind)
        x, weight = x.to(dtype), weight.to(dtype)
    settings = module.stride, module.padding, module.dilation, module.groups
    y = _BySample.apply(x, weight, settings, pool)
    return y if module.bias is None else y + module.bias.to(y.dtype)[:, None, None]


class _BySample(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, x: Tensor, weight: Tensor, settings: Any, pool: Executor
    ) -> Tensor:
        ctx.save_for_backward(x, weight)
        ctx.settings = settings
        ctx.pool = pool

        def convolve(sample):
            with torch.no_grad():
                return functional.conv2d(sample, weight, None, *settings)

        return torch.cat(list(pool.map(convolve, x.split(1))))

    @staticmethod
    def backward(ctx: Any, gradient: Tensor) -> Any:
        x, weight = ctx.saved_tensors
        stride, padding, dilation, groups = ctx.settings
        wanted = [ctx.needs_input_grad[0], ctx.needs_input_grad[1], False]

        def differentiate(sample, of_output):
            return torch.ops.aten.convolution_backward(
                of_output,
                sample,
                weight,
                None,
                stride,
                padding,
                dilation,
                False,
                (0, 0),
                groups,
                wanted,
            )

        samples = ctx.pool.map(differentiate, x.split(1), gradient.split(1))
        of_x, of_weight, _ = zip(*samples, strict=True)
        return (
            torch.cat(of_x) if wanted[0] else None,
            sum(of_weight[1:], start=of_weight[0]) if wanted[1] else None,
            None,
            None,
        )
