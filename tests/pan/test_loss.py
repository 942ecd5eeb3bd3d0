"""Losses against loops written from the formulas, and their gradients."""

import math

import numpy as np
import pytest
import torch

from seal_sk.pan import (
    BalancedBCELoss,
    BCELoss,
    SEALLoss,
    balanced_bce_loss,
    bce_loss,
    seal_loss,
    superpixel_leak,
)
from seal_sk.pan.loss import affinity_target

SHAPE = (2, 5, 6)


@pytest.fixture
def truth(rng):
    return torch.from_numpy(rng.integers(0, 3, SHAPE))


@pytest.fixture
def logits(rng):
    values = rng.normal(size=(SHAPE[0], 2, *SHAPE[1:]))
    return torch.tensor(values, requires_grad=True)


@pytest.fixture
def leak(rng):
    return torch.from_numpy(rng.integers(0, 50, SHAPE).astype(np.float32))


def calls(leak):
    return {
        "bce": bce_loss,
        "balanced_bce": balanced_bce_loss,
        "seal": lambda logits, truth, **kw: seal_loss(logits, truth, leak, **kw),
    }


def slow_loss(name, logits, truth, leak, ignore=None):
    """The sum over edges by its formula, divided by their number."""
    terms = []
    for n in range(SHAPE[0]):
        for c, (dy, dx) in enumerate(((0, 1), (1, 0))):
            edges = []
            for y in range(SHAPE[1] - dy):
                for x in range(SHAPE[2] - dx):
                    ends = int(truth[n, y, x]), int(truth[n, y + dy, x + dx])
                    if ignore in ends:
                        continue
                    edges.append((y, x, ends[0] == ends[1]))
            inside = sum(t for *_, t in edges) / max(1, len(edges))
            for y, x, t in edges:
                a = 1 / (1 + math.exp(-float(logits[n, c, y, x])))
                loss = -math.log(a if t else 1 - a)
                if name == "balanced_bce":
                    loss *= (1 - inside) if t else inside
                if name == "seal" and not t:
                    loss *= 1 + float(leak[n, y, x])
                terms.append(loss)
    return sum(terms) / len(terms)


@pytest.mark.parametrize("name", ["bce", "balanced_bce", "seal"])
@pytest.mark.parametrize("ignore", [None, 2])
def test_formula(name, ignore, logits, truth, leak):
    loss = calls(leak)[name](logits, truth, ignore_label=ignore)
    expected = slow_loss(name, logits.detach(), truth, leak, ignore)
    assert loss.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["bce", "balanced_bce", "seal"])
def test_gradcheck(name, logits, truth, leak):
    call = calls(leak)[name]
    assert torch.autograd.gradcheck(lambda z: call(z, truth), (logits,))


@pytest.mark.parametrize("name", ["bce", "balanced_bce", "seal"])
@pytest.mark.parametrize("value", [0.0, 1e4, math.inf, math.nan])
def test_meaningless_edges_carry_no_gradient(name, value, logits, truth, leak):
    data = logits.detach().clone()
    data[:, 0, :, -1] = value
    data[:, 1, -1] = value
    z = data.requires_grad_()
    calls(leak)[name](z, truth).backward()
    assert (z.grad[:, 0, :, -1] == 0).all()
    assert (z.grad[:, 1, -1] == 0).all()
    assert (z.grad[:, 0, :, :-1] != 0).all()
    assert (z.grad[:, 1, :-1] != 0).all()


@pytest.mark.parametrize("name", ["bce", "balanced_bce", "seal"])
def test_ignored_pixels_carry_no_gradient(name, logits, truth, leak):
    truth = truth.clone()
    truth[:, 2:4, 2:5] = 255
    calls(leak)[name](logits, truth, ignore_label=255).backward()
    _, known = affinity_target(truth, 255)
    assert (logits.grad[~known] == 0).all()
    assert (logits.grad[known] != 0).all()


def test_all_ignored_is_no_loss(logits, leak):
    truth = torch.full(SHAPE, 255)
    for call in calls(leak).values():
        assert call(logits, truth, ignore_label=255).item() == 0.0


def test_leak_only_weighs_the_boundary_of_its_own_direction():
    # The boundary runs between the columns: a large leak must not touch the edges
    # along it.
    truth = torch.tensor([[[0, 1], [0, 1]]])
    logits = torch.zeros(1, 2, 2, 2, requires_grad=True)
    seal_loss(logits, truth, torch.full((1, 2, 2), 9.0)).backward()
    n_edges = 4
    np.testing.assert_allclose(
        logits.grad[0, 0, :, 0].numpy(), 10 * 0.5 / n_edges, rtol=1e-6
    )
    np.testing.assert_allclose(logits.grad[0, 1, 0].numpy(), -0.5 / n_edges, rtol=1e-6)


def test_superpixel_leak_is_its_definition(rng):
    labels, truth = rng.integers(0, 6, (8, 9)), rng.integers(10, 13, (8, 9))
    leak = superpixel_leak(labels, truth)
    for k in range(6):
        counts = np.bincount(truth[labels == k])
        assert (leak[labels == k] == counts.sum() - counts.max()).all()


def test_superpixel_leak_refuses_maps_that_do_not_fit():
    with pytest.raises(ValueError, match="same size"):
        superpixel_leak(np.zeros((40, 40), int), np.zeros((5, 5), int))
    with pytest.raises(TypeError, match="integers"):
        superpixel_leak(np.zeros((4, 4)), np.zeros((4, 4), int))


def test_superpixel_leak_ignores():
    labels = np.array([[0, 0, 0, 0]])
    truth = np.array([[1, 1, 2, 255]])
    leak = superpixel_leak(labels, truth, ignore_label=255)
    assert leak.tolist() == [[1, 1, 1, 1]]


def test_modules_are_their_functions(logits, truth, leak):
    assert BCELoss()(logits, truth) == bce_loss(logits, truth)
    assert BalancedBCELoss()(logits, truth) == balanced_bce_loss(logits, truth)
    assert SEALLoss()(logits, truth, leak) == seal_loss(logits, truth, leak)


def test_seal_module_cuts_the_current_prediction(logits, truth):
    from seal_sk import ers

    module = SEALLoss(n_segments=4)
    leaks = []
    for one, t in zip(logits, truth, strict=True):
        affinity = torch.sigmoid(one.detach().float()).permute(1, 2, 0).numpy()
        leaks.append(superpixel_leak(ers(affinity, 4), t.numpy()))
    expected = seal_loss(logits, truth, torch.from_numpy(np.stack(leaks)))
    assert module(logits, truth).item() == expected.item()


def test_seal_module_uses_its_parameters(monkeypatch):
    truth = torch.tensor([[1, 2, 255, 255]])
    leak = SEALLoss(1, ignore_label=255).leak(torch.zeros(2, 1, 4), truth)
    assert leak.tolist() == [[1, 1, 1, 1]]
    seen = []

    def watched(affinity, n_segments, *, balance):
        seen.append((n_segments, balance))
        return np.zeros(affinity.shape[:2], dtype=np.int32)

    monkeypatch.setattr("seal_sk.pan.loss.ers", watched)
    SEALLoss(3, balance=0.25).leak(torch.zeros(2, 1, 4), truth)
    SEALLoss(3, balance=0.25).leak(torch.zeros(2, 1, 4), truth, 2)
    assert seen == [(3, 0.25), (2, 0.25)]


def test_bad_shapes(logits, truth, leak):
    with pytest.raises(ValueError, match="expected"):
        bce_loss(logits[:, :1], truth)
    with pytest.raises(ValueError, match="one leak a pixel"):
        seal_loss(logits, truth, leak[:1])
