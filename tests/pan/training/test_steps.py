"""The course of a training, watched from inside."""

import threading
from copy import deepcopy

import numpy as np
import pytest
import torch

from seal_sk import SEALSuperpixels, ers, to_eight_connected
from seal_sk.pan import SEALLoss, balanced_bce_loss, bce_loss
from seal_sk.pan.loss import affinity_target
from seal_sk.pan.training import fitting, steps
from seal_sk.pan.training.samples import Samples
from seal_sk.pan.training.settings import Settings


def small(**params):
    return SEALSuperpixels(
        **{
            "n_segments": 20,
            "train_segment_size": 230,
            "width": 4,
            "max_iter": 4,
            "batch_size": 2,
            "crop_size": 32,
            "validate_every": 2,
            "random_state": 0,
            **params,
        }
    )


@pytest.fixture
def validations(monkeypatch):
    """Function that decides the ASA of the validations to come."""

    def decide(*scores):
        coming = iter(scores)
        monkeypatch.setattr(
            fitting, "mean_over_pairs", lambda *args, **kwargs: next(coming)
        )

    return decide


def test_images_held_out_are_validated_on_and_not_trained_on(scenes, monkeypatch):
    validated, drawn = [], []
    superpixels, init = fitting._superpixels, Samples.__init__

    def watched_cut(estimator, images, *args):
        validated.append(list(images))
        return superpixels(estimator, validated[-1], *args)

    def watched_init(self, X, y, indices, *args, **kwargs):
        drawn.extend(indices)
        init(self, X, y, indices, *args, **kwargs)

    monkeypatch.setattr(fitting, "_superpixels", watched_cut)
    monkeypatch.setattr(Samples, "__init__", watched_init)
    seal = small().fit(*scenes)
    assert sorted([*drawn, *seal.validation_indices_]) == list(range(24))
    assert len(validated) == 2
    for images in validated:
        for image, i in zip(images, seal.validation_indices_, strict=True):
            assert np.array_equal(image, scenes[0][i])


def test_learning_rates_are_those_of_the_history(scenes, monkeypatch):
    used, step = [], torch.optim.Adam.step

    def watched(self, *args, **kwargs):
        used.append(self.param_groups[0]["lr"])
        return step(self, *args, **kwargs)

    monkeypatch.setattr(torch.optim.Adam, "step", watched)
    seal = small(validate_every=1).fit(*scenes)
    assert used == [line["lr"] for line in seal.history_]
    assert used[0] == seal.lr


def test_losses_of_the_history_are_means_of_their_interval(scenes, monkeypatch):
    losses, step = [], steps._Stepper.step

    def watched(*args):
        losses.append(step(*args))
        return losses[-1]

    monkeypatch.setattr(steps._Stepper, "step", watched)
    seal = small().fit(*scenes)
    assert [line["loss"] for line in seal.history_] == pytest.approx(
        [np.mean(losses[:2]), np.mean(losses[2:])]
    )


@pytest.mark.slow
@pytest.mark.parametrize("network", ["pan", "unet", "mobile"])
def test_the_number_of_threads_changes_no_bit(scenes, network):
    def weights(torch_threads, n_jobs):
        torch.set_num_threads(torch_threads)
        seal = small(network=network, width=4, max_iter=4, n_jobs=n_jobs)
        return seal.fit(*scenes).net_.state_dict()

    before = torch.get_num_threads()
    try:
        expected = weights(1, None)
        for threads in ((1, 3), (3, None), (2, 1)):
            found = weights(*threads)
            assert all(torch.equal(found[name], expected[name]) for name in expected)
    finally:
        torch.set_num_threads(before)


@pytest.mark.slow
def test_torch_computes_with_one_thread_and_as_before_afterwards(scenes, monkeypatch):
    used, threads = set(), set()
    predict = steps._Stepper._predict

    def watched(self, *args):
        used.add(torch.get_num_threads())
        threads.add(threading.get_ident())
        return predict(self, *args)

    monkeypatch.setattr(steps._Stepper, "_predict", watched)
    before = torch.get_num_threads()
    try:
        torch.set_num_threads(2)
        small(batch_size=4, max_iter=8).fit(*scenes)
        assert torch.get_num_threads() == 2
    finally:
        torch.set_num_threads(before)
    assert used == {1}
    assert len(threads) == 2


def test_running_statistics_move_by_the_mean_over_the_samples(scenes):
    """One step on two samples, against the network on each by itself."""
    seal = small(max_iter=1, batch_size=2, validation_fraction=0.0, precision="float32")
    moved = seal.fit(*scenes).net_.in1.running_mean
    settings, seed = Settings.of(seal), seal.affinity_._state["seed"]
    net = fitting._initial_net(settings, 3, seed, None)
    samples = fitting._samples(settings, *scenes, range(24), [1] * 24, net, (seed,))
    each = []
    for number in range(2):
        one = deepcopy(net).train()
        sample = samples.draw(number)
        one.logits(
            torch.from_numpy(sample.image)[None], torch.from_numpy(sample.edges)[None]
        )
        each.append(one.in1.running_mean)
    assert torch.allclose(moved, (each[0] + each[1]) / 2, atol=1e-6)


@pytest.mark.slow
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
def test_threads_change_no_bit_of_images_that_are_not_square(rng, precision):
    """Such images go through PAN twice, with the same weights."""
    images = [rng.random((20, 31, 3)), rng.random((31, 20, 3)), rng.random((24, 40, 3))]
    truths = [rng.integers(0, 3, image.shape[:2]) for image in images]

    def weights(n_jobs):
        seal = small(
            n_jobs=n_jobs,
            crop_size=None,
            batch_size=3,
            precision=precision,
            validation_fraction=0.0,
        )
        return seal.fit(images, truths).net_.state_dict()

    expected = weights(1)
    for _ in range(3):
        found = weights(3)
        assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_a_loss_of_ones_own_is_called_in_the_order_of_the_samples(scenes):
    def weights(n_jobs):
        calls = []

        def loss(logits, truth):
            calls.append(threading.get_ident())
            # It depends on how often it was called before.
            return (logits.square() * len(calls)).mean()

        seal = small(loss=loss, batch_size=4, n_jobs=n_jobs).fit(*scenes)
        assert set(calls) == {threading.get_ident()}
        return seal.net_.state_dict()

    expected, found = weights(1), weights(3)
    assert all(torch.equal(found[name], expected[name]) for name in expected)


def test_two_trainings_at_once_leave_torch_as_it_was(scenes):
    before = torch.get_num_threads()
    found = []

    def fit(loss):
        found.append(small(max_iter=6, loss=loss).fit(*scenes).n_iter_)

    threads = [threading.Thread(target=fit, args=(loss,)) for loss in ("bce", "seal")]
    try:
        torch.set_num_threads(3)
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert found == [6, 6]
        assert torch.get_num_threads() == 3
    finally:
        torch.set_num_threads(before)


@pytest.mark.parametrize("at_a_time", [2, 3])
def test_halves_of_a_batch_as_on_a_gpu(scenes, monkeypatch, at_a_time):
    """Parts of several samples have the gradients and statistics of single samples."""

    def first_step():
        params = {"batch_size": 4, "max_iter": 1, "precision": "float32", "n_jobs": 2}
        state = small(**params).fit(*scenes).affinity_._state
        moments = [m["exp_avg"] for m in state["optimizer"]["state"].values()]
        return [*moments, state["net"]["res2.in1.running_var"]]

    expected = first_step()
    init = steps._Stepper.__init__

    def watched(self, *args):
        init(self, *args)
        self.at_a_time = at_a_time

    monkeypatch.setattr(steps._Stepper, "__init__", watched)
    for found, wanted in zip(first_step(), expected, strict=True):
        torch.testing.assert_close(found, wanted, rtol=1e-3, atol=1e-5)


def test_weight_decay_reaches_the_optimizer(scenes):
    def decay(seal):
        return seal.affinity_._state["optimizer"]["param_groups"][0]["weight_decay"]

    seal = small(weight_decay=0.25).fit(*scenes)
    assert decay(seal) == 0.25
    assert decay(seal.set_params(weight_decay=0.5).partial_fit(*scenes)) == 0.5


def resumed_after_every_step(scenes, folder, **params):
    for _ in range(12):
        seal = small(
            **params, checkpoint_dir=folder, max_time=1e-9, warm_start=True
        ).fit(*scenes)
    return seal


@pytest.mark.slow
def test_the_best_weights_survive_interruptions(scenes, tmp_path, validations):
    validations(0.5, 0.9, 0.3, 0.2, 0.5, 0.9, 0.3, 0.2)
    whole = small(lr=1e-2, validate_every=1).fit(*scenes)
    seal = resumed_after_every_step(scenes, tmp_path, lr=1e-2, validate_every=1)
    assert torch.equal(seal.net_.conv1.weight, whole.net_.conv1.weight)


@pytest.mark.slow
def test_patience_survives_interruptions(scenes, tmp_path, validations):
    validations(*[0.5] * 40)
    params = {"max_iter": 8, "validate_every": 1, "n_iter_no_change": 2}
    assert small(**params).fit(*scenes).n_iter_ == 3
    assert resumed_after_every_step(scenes, tmp_path, **params).n_iter_ == 3


@pytest.mark.slow
def test_partial_fit_moves_on_from_the_best_weights(scenes, validations):
    validations(0.9, 0.1)
    seal = small().fit(*scenes)
    best = seal.net_.conv1.weight.clone()
    seal.set_params(lr=1e-12, weight_decay=0.0).partial_fit(*scenes)
    torch.testing.assert_close(seal.net_.conv1.weight, best, atol=1e-8, rtol=0)
    assert len(seal.validation_indices_) == 0
    seal.set_params(lr=1e-3).partial_fit(*scenes)
    assert not torch.equal(seal.net_.conv1.weight, best)


def test_other_data_need_more_steps(scenes):
    images, truths = scenes
    seal = small().fit(images, truths).set_params(warm_start=True)
    weights = seal.net_.conv1.weight.clone()
    with pytest.raises(ValueError, match="raise max_iter"):
        seal.fit(images[::-1], truths[::-1])
    assert torch.equal(seal.net_.conv1.weight, weights)


@pytest.mark.slow
def test_a_new_seed_is_kept(scenes, tmp_path):
    seal = small().fit(*scenes)
    seal.set_params(
        warm_start=True, random_state=3, checkpoint_dir=tmp_path, max_iter=6
    ).fit(*scenes)
    held_out = seal.validation_indices_
    seal.set_params(random_state=None, max_iter=8).fit(*scenes)
    assert seal.n_iter_ == 8
    assert np.array_equal(seal.validation_indices_, held_out)


def test_transform_cuts_as_the_parameters_say(scenes):
    seal = small().fit(*scenes).set_params(balance=3.0, oversegmentation=1)
    (affinity,) = seal.predict_affinity(scenes[0][:1])
    eight = ers(to_eight_connected(affinity), 20, balance=3.0)
    assert np.array_equal(seal.transform(scenes[0][:1])[0], eight)
    four = ers(affinity, 20, balance=3.0)
    seal.set_params(connectivity=4)
    assert np.array_equal(seal.transform(scenes[0][:1])[0], four)


@pytest.mark.parametrize("network", ["pan", "unet", "mobile"])
@pytest.mark.parametrize("n_jobs", [1, 3])
def test_a_loss_sees_the_batch(scenes, network, n_jobs):
    seen = []

    def loss(logits, truth, ignore_label):
        seen.append((logits.detach().clone(), truth.clone()))
        logits.clamp_(-20, 20)  # in place, as it may be
        return bce_loss(logits, truth, ignore_label=ignore_label)

    images, truths = scenes
    truths = [
        np.where(np.arange(72) < 9 + i, truth, 255) for i, truth in enumerate(truths)
    ]
    seal = small(
        network=network,
        batch_size=4,
        max_iter=1,
        loss=loss,
        ignore_label=255,
        n_jobs=n_jobs,
    ).fit(images, truths)
    ((logits, truth),) = seen
    assert (logits.shape, truth.shape) == ((4, 2, 32, 32), (4, 32, 32))
    expected = bce_loss(logits, truth, ignore_label=255).item()
    assert seal.history_[0]["loss"] == pytest.approx(expected, rel=1e-6)


@pytest.fixture
def of_two_sizes(scenes):
    """Images of 24 x 30 and, with a rim of unknown pixels, of 40 x 40."""
    images = [image[:24, :30] for image in scenes[0][:2]]
    truths = [truth[:24, :30] for truth in scenes[1][:2]]
    for image, truth in zip(scenes[0][2:4], scenes[1][2:4], strict=True):
        images.append(image[:40, :40])
        truths.append(np.where(np.arange(40) < 6, truth[:40, :40], 255))
    return images, truths


OWN = {
    "bce": bce_loss,
    "balanced_bce": balanced_bce_loss,
    "seal": SEALLoss(segment_size=230),
}


@pytest.mark.parametrize("name", [*OWN, "users"])
def test_gradients_are_those_of_the_loss_of_the_batch(of_two_sizes, name):
    """One step, against the network on each image and the mean over all edges."""
    calls = []

    def users(logits, truth, ignore_label):
        calls.append(len(truth))
        return bce_loss(logits, truth, ignore_label=ignore_label)

    params = {
        "batch_size": 4,
        "max_iter": 1,
        "crop_size": None,
        "precision": "float32",
        "validation_fraction": 0.0,
        "weight_decay": 0.0,
        "ignore_label": 255,
        "lr": 1e-3,
    }
    loss = users if name == "users" else name
    seal = small(**params, loss=loss).fit(*of_two_sizes)
    settings, seed = Settings.of(seal), seal.affinity_._state["seed"]
    net = fitting._initial_net(settings, 3, seed, None).train()
    samples = fitting._samples(settings, *of_two_sizes, range(4), [1] * 4, net, (seed,))
    criterion = OWN.get(name, bce_loss)
    parts, by_shape = [], {}
    for number in range(4):
        sample = samples.draw(number)
        truth = torch.from_numpy(sample.truth)[None]
        known = affinity_target(truth, 255)[1].sum()
        logits = net.logits(
            torch.from_numpy(sample.image)[None], torch.from_numpy(sample.edges)[None]
        )
        parts.append((criterion(logits, truth, ignore_label=255), known))
        by_shape.setdefault(truth.shape, []).append((logits, truth))
    if name == "users":
        assert sorted(calls) == sorted(len(group) for group in by_shape.values())
        expected = sum(
            len(group)
            / 4
            * bce_loss(*map(torch.cat, zip(*group, strict=True)), ignore_label=255)
            for group in by_shape.values()
        )
    else:
        expected = sum(one * n for one, n in parts) / sum(n for _, n in parts)
    assert seal.history_[0]["loss"] == pytest.approx(expected.item(), rel=1e-5)
    gradients = torch.autograd.grad(expected, list(net.parameters()), allow_unused=True)
    found = seal.affinity_._state["optimizer"]["state"]
    for i, gradient in enumerate(gradients):
        if gradient is not None:
            # The first moment of Adam is a tenth of the first gradient.
            torch.testing.assert_close(
                10 * found[i]["exp_avg"], gradient, rtol=1e-3, atol=1e-6
            )


LOSSES = {
    "seal": "seal",
    "bce": "bce",
    "balanced_bce": "balanced_bce",
    "fh": SEALLoss(segmenter="fh"),
    "joint": SEALLoss(boundary="joint"),
    "normalised": SEALLoss(normalize=True, clip=1.0),
    "own": lambda logits, truth: 2 * bce_loss(logits, truth),
}


@pytest.mark.slow
@pytest.mark.parametrize("loss", LOSSES.values(), ids=LOSSES)
def test_every_loss_trains_and_resumes(scenes, tmp_path, loss):
    params = {"loss": loss, "validation_fraction": 0.0, "lr": 5e-3}
    params |= {"batch_size": 4, "max_iter": 12, "validate_every": 4}
    whole = small(**params).fit(*scenes)
    losses = [line["loss"] for line in whole.history_]
    assert losses[-1] < losses[0]
    params["checkpoint_dir"] = tmp_path
    small(**params, max_time=1e-9).fit(*scenes)
    resumed = small(**params, warm_start=True).fit(*scenes)
    assert torch.equal(resumed.net_.conv1.weight, whole.net_.conv1.weight)
    other = "seal" if loss == "bce" else "bce"
    with pytest.raises(ValueError, match="loss="):
        small(**{**params, "loss": other}, warm_start=True).fit(*scenes)


def test_the_ignore_label_reaches_every_loss(scenes):
    seen = []

    def own(logits, truth, *, ignore_label):
        seen.append(ignore_label)
        return logits.mean()

    small(loss=own, ignore_label=7, max_iter=1, batch_size=1).fit(*scenes)
    assert seen == [7]


@pytest.mark.parametrize("wrong", [1.0, torch.zeros(2)], ids=["number", "vector"])
def test_a_loss_that_is_none_is_refused(scenes, wrong):
    seal = small(loss=lambda logits, truth: wrong)
    with pytest.raises(TypeError, match="must return a scalar tensor, not"):
        seal.fit(*scenes)


def test_a_loss_without_a_gradient_is_refused(scenes):
    seal = small(loss=lambda logits, truth: logits.detach().mean())
    with pytest.raises(ValueError, match="without a gradient; compute it from logits"):
        seal.fit(*scenes)


@pytest.mark.parametrize("shape", [(), (1,), (7,)])
@pytest.mark.parametrize("use_edges", [True, False])
def test_networks_read_what_the_images_have(rng, shape, use_edges):
    images = [rng.integers(0, 256, (40, 48, *shape), dtype=np.uint8) for _ in range(3)]
    truths = [np.arange(48) // 12 + np.zeros((40, 1), int)] * 3
    seal = small(use_edges=use_edges, validation_fraction=0.4).fit(images, truths)
    assert seal.net_.in_channels == (shape or (1,))[0]
    assert (seal.net_.edges is None) != use_edges
    assert [m.shape for m in seal.transform(images)] == [(40, 48)] * 3
    with pytest.raises(ValueError, match=r"X\[0\] has 5 channels; only"):
        seal.transform([np.zeros((40, 48, 5), np.uint8)])
    with pytest.raises(ValueError, match="X has 5 channels, but the network"):
        seal.partial_fit([np.zeros((40, 48, 5), np.uint8)], truths[:1])
