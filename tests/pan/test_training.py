"""The course of a training, watched from inside."""

import numpy as np
import pytest
import torch

from seal_sk import SEALSuperpixels, ers, to_eight_connected
from seal_sk.pan import training
from seal_sk.pan.samples import Samples
from seal_sk.pan.training import Course


def small(**params):
    return SEALSuperpixels(
        **{
            "n_segments": 20,
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
        monkeypatch.setattr(SEALSuperpixels, "_mean_asa", lambda *args: next(coming))

    return decide


def test_the_loss_is_built_from_the_course():
    fields = dict.fromkeys(Course.__dataclass_fields__)
    fields.update(n_segments=7, balance=0.25, ignore_label=9)
    for loss in ("seal", "bce", "balanced_bce"):
        criterion = training._criterion(Course(**{**fields, "loss": loss}))
        assert criterion.ignore_label == 9
        if loss == "seal":
            assert (criterion.n_segments, criterion.balance) == (7, 0.25)


def test_images_held_out_are_validated_on_and_not_trained_on(scenes, monkeypatch):
    validated, drawn = [], []
    cut_all, init = SEALSuperpixels._cut_all, Samples.__init__

    def watched_cut(self, images, n_segments, net, device):
        validated.append(list(images))
        return cut_all(self, validated[-1], n_segments, net, device)

    def watched_init(self, X, y, indices, *args, **kwargs):
        drawn.extend(indices)
        init(self, X, y, indices, *args, **kwargs)

    monkeypatch.setattr(SEALSuperpixels, "_cut_all", watched_cut)
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
    losses, step = [], training._step

    def watched(*args):
        losses.append(step(*args))
        return losses[-1]

    monkeypatch.setattr(training, "_step", watched)
    seal = small().fit(*scenes)
    assert [line["loss"] for line in seal.history_] == pytest.approx(
        [np.mean(losses[:2]), np.mean(losses[2:])]
    )


def test_weight_decay_reaches_the_optimizer(scenes):
    def decay(seal):
        return seal._state["optimizer"]["param_groups"][0]["weight_decay"]

    seal = small(weight_decay=0.25).fit(*scenes)
    assert decay(seal) == 0.25
    assert decay(seal.set_params(weight_decay=0.5).partial_fit(*scenes)) == 0.5


def resumed_after_every_step(scenes, folder, **params):
    for _ in range(12):
        seal = small(
            **params, checkpoint_dir=folder, max_time=1e-9, warm_start=True
        ).fit(*scenes)
    return seal


def test_the_best_weights_survive_interruptions(scenes, tmp_path, validations):
    validations(0.5, 0.9, 0.3, 0.2, 0.5, 0.9, 0.3, 0.2)
    whole = small(lr=1e-2, validate_every=1).fit(*scenes)
    seal = resumed_after_every_step(scenes, tmp_path, lr=1e-2, validate_every=1)
    assert torch.equal(seal.net_.conv1.weight, whole.net_.conv1.weight)


def test_patience_survives_interruptions(scenes, tmp_path, validations):
    validations(*[0.5] * 40)
    params = {"max_iter": 8, "validate_every": 1, "n_iter_no_change": 2}
    assert small(**params).fit(*scenes).n_iter_ == 3
    assert resumed_after_every_step(scenes, tmp_path, **params).n_iter_ == 3


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
    seal = small().fit(*scenes).set_params(balance=3.0)
    (affinity,) = seal.predict_affinity(scenes[0][:1])
    eight = ers(to_eight_connected(affinity), 20, balance=3.0)
    assert np.array_equal(seal.transform(scenes[0][:1])[0], eight)
    four = ers(affinity, 20, balance=3.0)
    seal.set_params(connectivity=4)
    assert np.array_equal(seal.transform(scenes[0][:1])[0], four)
