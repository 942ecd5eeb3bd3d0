"""Convolutions whose samples are shared among threads."""

from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy

import pytest
import torch
from torch import nn

from seal_sk.pan.convolution import share_samples


@pytest.mark.parametrize("lowered", [False, True], ids=["float32", "bfloat16"])
@pytest.mark.parametrize(("kernel", "stride"), [(1, 1), (3, 1), (3, 2)])
@pytest.mark.parametrize("bias", [False, True])
def test_equals_the_convolution_of_the_batch(kernel, stride, bias, lowered):
    torch.manual_seed(0)
    plain = nn.Conv2d(5, 7, kernel, stride, padding=kernel // 2, bias=bias)
    shared = deepcopy(plain)
    x = torch.rand(3, 5, 12, 14)
    found = []
    with ThreadPoolExecutor(2) as pool:
        share_samples(shared, pool)
        for module in (plain, shared):
            given = x.clone().requires_grad_()
            with torch.autocast("cpu", torch.bfloat16, enabled=lowered):
                y = module(given)
            assert y.dtype == (torch.bfloat16 if lowered else torch.float32)
            wanted = [given, *module.parameters()]
            found.append([y, *torch.autograd.grad(y.float().square().sum(), wanted)])
    tolerance = 0.05 if lowered else 1e-4
    for one, other in zip(*found, strict=True):
        assert one.dtype == other.dtype
        close = {"rtol": tolerance, "atol": tolerance}
        assert torch.allclose(one.float(), other.float(), **close)


def test_gradients_are_those_of_differences():
    torch.manual_seed(0)
    module = nn.Conv2d(2, 3, 3, padding=1, bias=False).double()
    with ThreadPoolExecutor(2) as pool:
        share_samples(module, pool)
        x = torch.rand(2, 2, 4, 5, dtype=torch.double, requires_grad=True)
        assert torch.autograd.gradcheck(module, (x,))
        # The first layer of a network needs no gradient of the image.
        (of_weight,) = torch.autograd.grad(module(x.detach()).sum(), [module.weight])
        assert of_weight.shape == module.weight.shape


def test_other_paddings_stay_as_they_are():
    module = nn.Conv2d(2, 3, 3, padding=1, padding_mode="replicate")
    x = torch.rand(2, 2, 4, 5)
    expected = module(x)
    with ThreadPoolExecutor(2) as pool:
        share_samples(module, pool)
        assert torch.equal(module(x), expected)
