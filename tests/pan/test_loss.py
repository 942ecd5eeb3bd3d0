"""Losses against loops written from the formulas, and their gradients."""

import math
from functools import partial

import numpy as np
import pytest
import torch

from seal_sk import ers, fh
from seal_sk.pan import (
    SEALLoss,
    balanced_bce_loss,
    bce_loss,
    seal_loss,
    superpixel_leak,
)
from seal_sk.pan.loss import affinity_target, loss_name, resolve_loss

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
        "joint": lambda logits, truth, **kw: seal_loss(
            logits, truth, leak, boundary="joint", **kw
        ),
    }


def any_boundary(truth, y, x, ignore):
    """Whether the edge to the right or the one down crosses a known boundary."""
    for v, u in ((y, x + 1), (y + 1, x)):
        if v < truth.shape[0] and u < truth.shape[1]:
            ends = int(truth[y, x]), int(truth[v, u])
            if ends[0] != ends[1] and ignore not in ends:
                return True
    return False


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
                if name == "joint" and any_boundary(truth[n], y, x, ignore):
                    loss *= 1 + float(leak[n, y, x])
                terms.append(loss)
    return sum(terms) / len(terms)


@pytest.mark.parametrize("name", ["bce", "balanced_bce", "seal", "joint"])
@pytest.mark.parametrize("ignore", [None, 2])
def test_formula(name, ignore, logits, truth, leak):
    loss = calls(leak)[name](logits, truth, ignore_label=ignore)
    expected = slow_loss(name, logits.detach(), truth, leak, ignore)
    assert loss.item() == pytest.approx(expected, rel=1e-9)


@pytest.mark.parametrize("name", ["bce", "balanced_bce", "seal", "joint"])
def test_gradcheck(name, logits, truth, leak):
    call = calls(leak)[name]
    assert torch.autograd.gradcheck(lambda z: call(z, truth), (logits,))


@pytest.mark.parametrize("name", ["bce", "balanced_bce", "seal", "joint"])
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


@pytest.mark.parametrize("name", ["bce", "balanced_bce", "seal", "joint"])
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


@pytest.mark.parametrize("segmenter", ["ers", "fh"])
@pytest.mark.parametrize("normalize", [False, True])
@pytest.mark.parametrize("clip", [None, 1.5])
@pytest.mark.parametrize("ignore", [None, 2])
def test_seal_module_cuts_the_current_prediction(
    logits, truth, segmenter, normalize, clip, ignore
):
    module = SEALLoss(
        segment_size=7.5,
        segmenter=segmenter,
        balance=0.25,
        boundary="joint",
        normalize=normalize,
        clip=clip,
    )
    leaks = []
    for one, t in zip(logits, truth, strict=True):
        affinity = torch.sigmoid(one.detach().float()).permute(1, 2, 0).numpy()
        if segmenter == "ers":
            labels = ers(affinity, 4, balance=0.25)
        else:
            labels = fh(affinity, n_segments=4)
        leak = superpixel_leak(labels, t.numpy(), ignore_label=ignore)
        if normalize:
            leak = leak / (30 / 4)
        leaks.append(leak if clip is None else np.clip(leak, None, clip))
    leak = torch.from_numpy(np.stack(leaks))
    expected = seal_loss(logits, truth, leak, boundary="joint", ignore_label=ignore)
    loss = module(logits, truth, ignore_label=ignore)
    assert loss.item() == pytest.approx(expected.item(), rel=1e-6)
    assert module(logits, truth, ignore_label=ignore, leak=leak) == expected


@pytest.mark.parametrize(
    ("size", "shape", "expected"),
    [
        (None, (481, 321), 300),
        (None, (160, 160), 50),
        (None, (4, 5), 1),
        (1, (4, 5), 20),
        (4.4, (4, 5), 5),
    ],
)
def test_the_number_of_superpixels_follows_the_area(monkeypatch, size, shape, expected):
    seen = []

    def watched(affinity, n_segments, *, balance):
        seen.append(n_segments)
        return np.zeros(affinity.shape[:2], dtype=np.int32)

    monkeypatch.setattr("seal_sk.pan.loss.ers", watched)
    truth = torch.zeros(shape, dtype=torch.int64)
    SEALLoss(segment_size=size).leak(torch.zeros(2, *shape), truth)
    assert seen == [expected]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"segment_size": 0.5}, "segment_size"),
        ({"segmenter": "slic"}, "segmenter='slic' must be one of 'ers', 'fh'"),
        ({"balance": -1}, "balance"),
        ({"boundary": "both"}, "boundary"),
        ({"normalize": "no"}, "normalize='no' must be one of False, True"),
        ({"normalize": 1}, "normalize"),
        ({"clip": 0}, "clip"),
    ],
)
def test_bad_parameters(params, message):
    with pytest.raises(ValueError, match=message):
        SEALLoss(**params)


def test_no_gradient_goes_through_the_leak(logits, truth):
    module = SEALLoss(segment_size=7.5)
    module(logits, truth).backward()
    leak = torch.stack([module.leak(*pair) for pair in zip(logits, truth, strict=True)])
    assert leak.max() > 0
    assert not leak.requires_grad
    fixed = logits.detach().clone().requires_grad_()
    seal_loss(fixed, truth, leak).backward()
    assert torch.equal(logits.grad, fixed.grad)


def own_loss(logits, truth, weight=1.0, regularizers=()):
    return weight * logits.square().mean()


class Own:
    def __init__(self, weight):
        self.weight = weight

    def __call__(self, logits, truth):
        return own_loss(logits, truth, self.weight)

    def __repr__(self):
        return f"Own(weight={self.weight})"


class Plain:
    def __call__(self, logits, truth):
        return own_loss(logits, truth)


class HuberLoss(torch.nn.HuberLoss):
    """Has the name and the repr of another."""


def test_names_tell_losses_apart():
    losses = [
        "bce",
        "balanced_bce",
        "seal",
        SEALLoss(segment_size=100),
        SEALLoss(segmenter="fh"),
        SEALLoss(balance=0.25),
        SEALLoss(boundary="joint"),
        SEALLoss(normalize=True),
        SEALLoss(clip=3),
        own_loss,
        partial(own_loss, weight=2.0),
        partial(own_loss, weight=3.0),
        partial(own_loss, regularizers=[bce_loss]),
        partial(own_loss, regularizers=[own_loss]),
        partial(SEALLoss(clip=3), ignore_label=1),
        Own(2.0),
        Own(3.0),
        Plain(),
        torch.nn.HuberLoss(),
        HuberLoss(),
    ]
    names = [loss_name(loss) for loss in losses]
    assert len(set(names)) == len(losses)
    assert loss_name(SEALLoss()) == loss_name("seal")
    assert loss_name(SEALLoss(clip=3.0)) == loss_name(SEALLoss(clip=3))
    assert "0x" not in "".join(names)


def test_names_are_the_same_in_every_process():
    assert loss_name("seal") == (
        "SEALLoss(segment_size=None, segmenter='ers', balance=0.5, "
        "boundary='direction', normalize=False, clip=None)"
    )
    assert loss_name(bce_loss) == "seal_sk.pan.loss.bce_loss"
    assert loss_name(partial(bce_loss, own_loss, b=2, a=bce_loss)) == (
        f"seal_sk.pan.loss.bce_loss({__name__}.own_loss, "
        "a=seal_sk.pan.loss.bce_loss, b=2)"
    )
    assert loss_name(Plain()) == loss_name(Plain())
    huber = "torch.nn.modules.loss.HuberLoss: HuberLoss()"
    assert loss_name(torch.nn.HuberLoss()) == huber


def test_losses_are_resolved():
    assert resolve_loss("bce", 100) is bce_loss
    assert resolve_loss("balanced_bce", 100) is balanced_bce_loss
    assert resolve_loss(own_loss, 100) is own_loss
    assert resolve_loss("seal", 100).segment_size == 100.0
    fixed, free = SEALLoss(segment_size=50), SEALLoss(segmenter="fh")
    assert resolve_loss(fixed, 100) is fixed
    resolved = resolve_loss(free, 100)
    assert (resolved.segment_size, resolved.segmenter) == (100.0, "fh")
    assert free.segment_size is None
    with pytest.raises(ValueError, match="loss='dice' must be one of 'bce'"):
        resolve_loss("dice", 100)
    with pytest.raises(TypeError, match="loss=3 must be 'seal'"):
        resolve_loss(3, 100)


def test_bad_shapes(logits, truth, leak):
    with pytest.raises(ValueError, match="expected"):
        bce_loss(logits[:, :1], truth)
    for wrong in (logits[:, :1], logits[:1], logits[..., :3]):
        with pytest.raises(ValueError, match="expected"):
            SEALLoss()(wrong, truth)
    with pytest.raises(ValueError, match="one leak per pixel"):
        seal_loss(logits, truth, leak[:1])
    with pytest.raises(ValueError, match="boundary"):
        seal_loss(logits, truth, leak, boundary="all")
