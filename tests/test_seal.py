"""SEALSuperpixels: training that learns, resumes, stops, and is kept in files."""

import copy
import itertools
import json
import os
import pickle
import signal
import threading
import zipfile
from contextlib import suppress

import joblib
import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from seal_sk import (
    ERSSuperpixels,
    LearnedAffinity,
    SEALSuperpixels,
    SuperpixelFeatures,
)
from seal_sk._identity import described
from seal_sk.datasets import make_scenes
from seal_sk.metrics import asa_scorer
from seal_sk.pan import PAPER_SETTINGS, bce_loss
from seal_sk.pan.network import PAN
from seal_sk.pan.training import fitting
from seal_sk.pan.training.settings import Settings
from seal_sk.pan.training.state import read_checkpoint

# A training of about a second.
SMALL = {
    "train_segment_size": 230,
    "width": 4,
    "max_iter": 12,
    "batch_size": 2,
    "crop_size": 40,
    "validate_every": 4,
    "random_state": 0,
}


def small(**params):
    return SEALSuperpixels(**{"n_segments": 20, **SMALL, **params})


def weights_of(seal):
    return {k: v.numpy() for k, v in seal.net_.state_dict().items()}


def assert_same_training(seal, other):
    for name, value in weights_of(other).items():
        assert np.array_equal(weights_of(seal)[name], value), name
    for line, same in zip(seal.history_, other.history_, strict=True):
        line, same = dict(line), dict(same)
        line.pop("seconds"), same.pop("seconds")
        assert line == same
    assert seal.n_iter_ == other.n_iter_


@pytest.fixture(scope="module")
def fitted(scenes):
    return small().fit(*scenes)


@pytest.mark.slow
def test_training_on_scenes_beats_colour_differences():
    images, truths = make_scenes(24, shape=(112, 112), random_state=0)
    others, their_truths = make_scenes(8, shape=(112, 112), random_state=1)
    seal = SEALSuperpixels(
        40, width=12, max_iter=150, crop_size=80, validate_every=50, random_state=0
    ).fit(images, truths)
    learned = asa_scorer(seal, others, their_truths)
    colour = asa_scorer(ERSSuperpixels(40), others, their_truths)
    assert learned > colour + 0.02
    losses = [line["loss"] for line in seal.history_]
    assert losses[-1] < losses[0]


@pytest.mark.slow
@pytest.mark.parametrize("loss", ["bce", "balanced_bce", "seal"])
def test_every_loss_trains(scenes, loss):
    seal = small(loss=loss, max_iter=30, validate_every=10).fit(*scenes)
    losses = [line["loss"] for line in seal.history_]
    assert losses[-1] < losses[0]


def test_history_and_counts(fitted):
    assert fitted.n_iter_ == 12
    assert [line["iteration"] for line in fitted.history_] == [4, 8, 12]
    for line in fitted.history_:
        assert set(line) == {"iteration", "loss", "lr", "seconds", "asa"}
        assert 0 < line["asa"] <= 1
    assert not fitted.net_.training


@pytest.mark.slow
def test_the_best_weights_on_validation_are_kept(scenes, monkeypatch):
    validated = []
    superpixels = fitting._superpixels

    def watched(estimator, images, net, *args):
        validated.append(net.conv1.weight.detach().clone())
        return superpixels(estimator, images, net, *args)

    scores = iter([0.5, 0.9, 0.7])
    monkeypatch.setattr(fitting, "_superpixels", watched)
    monkeypatch.setattr(
        fitting, "mean_over_pairs", lambda *args, **kwargs: next(scores)
    )
    seal = small().fit(*scenes)
    assert torch.equal(seal.net_.conv1.weight, validated[1])
    assert not torch.equal(seal.net_.conv1.weight, validated[2])


@pytest.mark.slow
def test_refit_and_threads_change_nothing(scenes, fitted):
    again = small(n_jobs=3)
    again.fit(*scenes)
    assert_same_training(again, fitted)
    again.fit(*scenes)
    assert_same_training(again, fitted)


@pytest.mark.slow
def test_another_random_state_is_another_training(scenes, fitted):
    other = small(random_state=1).fit(*scenes)
    assert not np.array_equal(
        weights_of(other)["conv1.weight"], weights_of(fitted)["conv1.weight"]
    )


@pytest.mark.slow
def test_interrupted_by_time_goes_on_bit_for_bit(scenes, fitted, tmp_path):
    seal = small(checkpoint_dir=tmp_path, max_time=1e-9).fit(*scenes)
    assert seal.n_iter_ == 1
    stops = 0
    while seal.n_iter_ < 12:
        # A new estimator each time, as after a crash.
        seal = small(checkpoint_dir=tmp_path, max_time=1e-9, warm_start=True)
        seal.fit(*scenes)
        stops += 1
    assert stops == 11
    assert_same_training(seal, fitted)


@pytest.mark.slow
def test_resumes_with_parameters_of_a_search(scenes, fitted, tmp_path):
    params = {"lr": np.float64(1e-3), "n_segments": np.int64(20)}
    small(checkpoint_dir=tmp_path, max_time=1e-9, **params).fit(*scenes)
    seal = small(checkpoint_dir=tmp_path, warm_start=True, **params).fit(*scenes)
    assert_same_training(seal, fitted)


@pytest.mark.slow
def test_warm_start_on_other_data_forgets_what_was_best(scenes):
    flat = [np.zeros_like(image) for image in scenes[0]]
    seal = small().fit(flat, [np.zeros_like(truth) for truth in scenes[1]])
    assert seal.affinity_._state["best_asa"] == 1.0
    before = seal.net_.conv1.weight.clone()
    seal.set_params(warm_start=True, max_iter=24).fit(*scenes)
    assert seal.affinity_._state["best_asa"] < 1.0
    assert not torch.equal(seal.net_.conv1.weight, before)
    with pytest.raises(ValueError, match="width=5"):
        seal.set_params(width=5).fit(*scenes)


@pytest.mark.slow
def test_more_patience_goes_on(scenes, monkeypatch):
    monkeypatch.setattr(fitting, "mean_over_pairs", lambda *args, **kwargs: 0.5)
    seal = small(max_iter=400, n_iter_no_change=2).fit(*scenes)
    assert seal.n_iter_ == 12
    seal.set_params(warm_start=True, n_iter_no_change=3).fit(*scenes)
    assert seal.n_iter_ == 24


def test_thin_images_train_and_single_pixels_are_refused():
    seal = small(n_segments=1, validation_fraction=0.0, max_iter=3)
    for shape in ((1, 9), (9, 1)):
        image = np.zeros((*shape, 3), dtype=np.uint8)
        seal.fit([image] * 3, [np.arange(9).reshape(shape) // 3] * 3)
    with pytest.raises(ValueError, match="single pixel"):
        seal.fit([image, image[:1]], [np.zeros((9, 1), int), np.zeros((1, 1), int)])


def test_patience_needs_validation(scenes):
    with pytest.raises(ValueError, match="needs images held out"):
        small(n_iter_no_change=3, validation_fraction=0.0).fit(*scenes)


@pytest.mark.slow
def test_goes_on_in_memory(scenes, fitted):
    seal = small(max_time=1e-9).fit(*scenes)
    seal.set_params(max_time=None, warm_start=True).fit(*scenes)
    assert_same_training(seal, fitted)


@pytest.mark.slow
def test_goes_on_from_its_pickle(scenes, fitted):
    seal = pickle.loads(pickle.dumps(small(max_time=1e-9).fit(*scenes)))
    seal.set_params(max_time=None, warm_start=True).fit(*scenes)
    assert_same_training(seal, fitted)


@pytest.mark.slow
@pytest.mark.parametrize(("n_good", "kept"), [(2, 1), (8, 4)])
def test_a_diverged_training_returns_to_its_last_validation(
    scenes, fitted, monkeypatch, n_good, kept
):
    seal = small(max_time=1e-9).fit(*scenes)
    seal.set_params(max_time=None, warm_start=True)
    calls = itertools.count()
    logits = PAN.logits

    def breaks_later(self, images, edges):
        values = logits(self, images, edges)
        breaks = self.training and next(calls) >= n_good
        return values * torch.nan if breaks else values

    with monkeypatch.context() as patch:
        patch.setattr(PAN, "logits", breaks_later)
        with pytest.raises(FloatingPointError, match=f"state after {kept} steps is"):
            seal.fit(*scenes)
    assert seal.n_iter_ == kept
    seal.fit(*scenes)
    assert_same_training(seal, fitted)


@pytest.mark.parametrize("averaging", [0.0, 0.5])
def test_a_diverged_training_goes_on_from_its_checkpoint(scenes, tmp_path, averaging):
    factors = iter([1.0] * 5 + [float("nan")] + [1.0] * 9)

    def loss(logits, truth):
        return bce_loss(logits, truth) * next(factors)

    params = {"loss": loss, "checkpoint_dir": tmp_path, "validate_every": 2}
    params |= {"max_iter": 6, "averaging": averaging}
    seal = small(**params, lr=1e-2)
    with pytest.raises(FloatingPointError, match="state after 4 steps") as error:
        seal.fit(*scenes)
    assert "warm_start=True in fit, and a smaller lr than 0.01" in str(error.value)
    assert seal.stopped_by_ == "diverged"
    assert (seal.n_iter_, [line["iteration"] for line in seal.history_]) == (4, [2, 4])
    assert len(seal.transform(scenes[0][:2])) == 2
    again = small(**params, warm_start=True, lr=1e-3, precision="float32").fit(*scenes)
    assert (again.n_iter_, again.stopped_by_) == (6, "max_iter")
    assert [line["lr"] < 1e-3 for line in again.history_] == [False, False, True]
    assert [dict(line) for line in again.history_[:2]] == seal.history_


def test_what_diverged_at_once_stays_as_it_was(scenes):
    def root(logits, truth):  # finite, but its gradient is not
        return torch.where(logits > 0, logits.sqrt(), torch.zeros_like(logits)).mean()

    seal = small(loss=root)
    for fit in (seal.fit, seal.partial_fit):
        with pytest.raises(FloatingPointError, match=r"gradient.*after 0 steps.*loss"):
            fit(*scenes)
        assert not hasattr(seal, "net_")
    seal.set_params(loss="bce", max_iter=4).fit(*scenes)
    before = {name: value.copy() for name, value in weights_of(seal).items()}
    with pytest.raises(FloatingPointError, match="gradient"):
        seal.set_params(loss=root).partial_fit(*scenes)
    assert all(np.array_equal(weights_of(seal)[k], v) for k, v in before.items())
    assert len(seal.validation_indices_)


@pytest.mark.parametrize("network", ["pan", "unet", "mobile"])
@pytest.mark.parametrize("params", [{}, {"max_time": 1e-9, "max_iter": 9}])
def test_a_last_step_that_diverges_is_found(scenes, network, params):
    params = {"max_iter": 1, "validation_fraction": 0.0, **params}
    seal = small(network=network, lr=1e30, **params)
    with pytest.raises(FloatingPointError, match=r"after 1 steps\. Train with a small"):
        seal.fit(*scenes)
    with pytest.raises(FloatingPointError, match="after "):
        small(network=network, lr=1e30).partial_fit(*scenes)
    with pytest.raises(NotFittedError):
        seal.transform(scenes[0])


def test_a_validation_that_is_not_finite_is_an_error(scenes, monkeypatch):
    superpixels = fitting.Predictor.affinity
    monkeypatch.setattr(
        fitting.Predictor, "affinity", lambda *args: superpixels(*args) * np.nan
    )
    with pytest.raises(FloatingPointError, match="held out is not finite"):
        small().fit(*scenes)


@pytest.mark.parametrize("value", [torch.nan, torch.inf])
def test_what_load_refuses_is_not_written(fitted, tmp_path, value):
    broken = copy.deepcopy(fitted)
    broken.net_.in1.running_mean[0] = value
    with pytest.raises(ValueError, match="NaN, infinite"):
        broken.save(tmp_path / "net.safetensors")
    assert not list(tmp_path.iterdir())


NO_TRAINING = {"without truth": {}, "no steps": {"max_iter": 0}}


@pytest.fixture(scope="module")
def file(fitted, tmp_path_factory):
    path = tmp_path_factory.mktemp("net") / "net.safetensors"
    fitted.save(path)
    return path


@pytest.mark.parametrize("kind", [SEALSuperpixels, LearnedAffinity])
@pytest.mark.parametrize("params", NO_TRAINING.values(), ids=NO_TRAINING)
def test_a_network_is_kept_as_it_is(scenes, fitted, file, kind, params):
    y = (scenes[1],) if params else ()
    estimator = clone(kind(weights=file, **params)).fit(scenes[0], *y)
    for name, value in weights_of(fitted).items():
        assert np.array_equal(weights_of(estimator)[name], value)
    assert (estimator.n_iter_, estimator.history_) == (0, [])
    assert len(estimator.validation_indices_) == 0
    again = pickle.loads(pickle.dumps(estimator))
    (expected,) = kind(weights=file).transform(scenes[0][:1])
    assert np.array_equal(again.transform(scenes[0][:1])[0], expected)
    # It is a start like any other.
    again.set_params(**{**SMALL, "max_iter": 1}, warm_start=True).fit(*scenes)
    assert again.n_iter_ == 1
    with pytest.raises(ValueError, match="channels"):
        estimator.fit([np.zeros((20, 20, 5))] * 2, *(y and [scenes[1][:2]]))


def test_without_a_network_there_is_nothing_to_keep(scenes):
    with pytest.raises(ValueError, match=r"y is None.*fit\(X, y\).*weights='bsds500'"):
        small().fit(scenes[0])
    with pytest.raises(ValueError, match="give weights, or train for max_iter=1"):
        small(max_iter=0).fit(*scenes)


def test_a_given_network_in_a_pipeline_and_under_features(scenes, file):
    images = scenes[0][:2]
    seal = SEALSuperpixels(20, weights=file)
    expected = seal.transform(images)
    piped = make_pipeline(FunctionTransformer(), seal).fit_transform(images)
    features = SuperpixelFeatures(seal, features=("mean",)).fit(images)
    features.transform(images)
    for found in (piped, features.label_maps_, seal.fit_transform(images)):
        assert all(map(np.array_equal, found, expected))


def test_ground_truth_and_a_mask_still_train(scenes, file):
    images, truths = (part[:4] for part in scenes)
    masks = [np.ones(truth.shape, dtype=bool) for truth in truths]
    seal = small(weights=file, max_iter=1).set_params(n_segments=20)
    seal.fit_transform(images, truths, mask=masks)
    assert seal.n_iter_ == 1


def test_whole_groups_are_held_out(scenes, tmp_path):
    images, truths = (part[:12] for part in scenes)
    slides = np.repeat(["a", "b", "c", "d"], [5, 4, 2, 1])
    params = {"max_iter": 1, "validation_fraction": 0.5}
    seal = small(**params, checkpoint_dir=tmp_path)
    seal.fit(images, truths, groups=slides)
    inside = np.isin(slides, slides[seal.validation_indices_])
    assert len(set(slides[inside])) == 2
    assert np.array_equal(np.flatnonzero(inside), seal.validation_indices_)
    again = small(**{**params, "max_iter": 2}, checkpoint_dir=tmp_path, warm_start=True)
    for groups in (None, slides[::-1]):
        with pytest.raises(ValueError, match="other images to validate on"):
            again.fit(images, truths, groups=groups)
    again.fit(images, truths, groups=list(slides))
    assert np.array_equal(again.validation_indices_, seal.validation_indices_)
    for groups, message in {
        ("a",) * 12: "of 1 groups is none",
        ("a", "b"): "the group of each of the 12",
    }.items():
        with pytest.raises(ValueError, match=message):
            small(**params).fit(images, truths, groups=groups)


def test_images_with_affinities_are_not_scored_in_their_group(scenes):
    images, truths = list(scenes[0][:6]), list(scenes[1][:6])
    truths[1] = np.ones((*truths[1].shape, 2), dtype=np.float32)
    seal = small(
        max_iter=1,
        loss="bce",
        annotations="mean",
        validation_fraction=0.5,
        averaging=0.1,
    )
    seal.fit(images, truths, groups=[0, 0, 1, 1, 1, 1])
    seal.set_params(random_state=3).fit(images, truths, groups=[0, 0, 0, 0, 0, 1])
    held_out = seal.validation_indices_.tolist()
    assert held_out in ([0, 1, 2, 3, 4], [5])
    assert "asa" in seal.history_[0]


def test_a_validation_set_of_ones_own(scenes, tmp_path, monkeypatch):
    images, truths = scenes
    validated = []
    superpixels = fitting._superpixels

    def watched(settings, images, *args):
        validated.append(list(images))
        return superpixels(settings, validated[-1], *args)

    monkeypatch.setattr(fitting, "_superpixels", watched)
    own = {"X_val": images[20:23], "y_val": truths[20:23]}
    params = {"max_iter": 4, "n_iter_no_change": 5, "checkpoint_dir": tmp_path}
    seal = small(**params).fit(images[:6], truths[:6], **own)
    assert len(seal.validation_indices_) == 0
    assert "asa" in seal.history_[0]
    assert all(map(np.array_equal, validated[0], images[20:23]))
    again = small(**params, warm_start=True)
    for other in ({}, {**own, "y_val": truths[17:20]}):
        with pytest.raises(ValueError, match="other images to validate on"):
            again.fit(images[:6], truths[:6], **other)
    assert_same_training(again.fit(images[:6], truths[:6], **own), seal)


@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"y_val": 1}, "Give both X_val and y_val"),
        ({"X_val": 3}, "Give both X_val and y_val"),
        ({"X_val": 3, "y_val": 2}, "validation set X_val, y_val: X has 3 images"),
        ({"X_val": 2, "y_val": 2, "groups": 4}, "give either"),
    ],
)
def test_validation_sets_that_are_none(scenes, own, message):
    parts = {"X_val": scenes[0], "y_val": scenes[1], "groups": [0, 0, 1, 1]}
    own = {name: parts[name][:n] for name, n in own.items()}
    with pytest.raises(ValueError, match=message):
        small().fit(scenes[0][:4], scenes[1][:4], **own)


@pytest.mark.parametrize("memory", [False, True])
@pytest.mark.parametrize(
    ("own", "message"),
    [
        ({"groups": 3}, r"groups has shape \(\)"),
        ({"groups": dict(enumerate("aabb"))}, r"groups has shape \(\)"),
        ({"groups": [[0], [0], [1], [1]]}, r"groups has shape \(4, 1\)"),
        ({"groups": ["a", "a", None, None]}, "numbers or strings, without missing"),
        ({"groups": [0.0, 0.0, np.nan, 1.0]}, "groups contains NaN"),
        ({"X_val": 3, "y_val": 4}, "validation set X_val, y_val: X is int"),
        ({"X_val": iter([]), "y_val": []}, "X_val, y_val: X is list_iterator"),
    ],
)
def test_what_is_held_out_is_checked_before_it_is_looked_up(
    scenes, tmp_path, memory, own, message
):
    seal = small(memory=str(tmp_path) if memory else None)
    with pytest.raises((TypeError, ValueError), match=message):
        seal.fit(scenes[0][:4], scenes[1][:4], **own)


def test_a_validation_set_must_suit_the_training(scenes):
    images, truths = (part[:4] for part in scenes)
    with pytest.raises(ValueError, match="X_val has 5 channels, but X has 3"):
        small().fit(
            images, truths, X_val=[np.zeros((9, 9, 5))], y_val=[np.eye(9, dtype=int)]
        )
    soft = [np.ones((*truth.shape, 2), dtype=np.float32) for truth in truths]
    with pytest.raises(ValueError, match=r"y_val\[0\] is an affinity map.*be scored"):
        small().fit(images, truths, X_val=images, y_val=soft)


def test_images_without_a_known_pixel_are_not_held_out(scenes):
    images, truths = scenes
    truths = [
        np.full(truth.shape, 255) if i % 4 else truth for i, truth in enumerate(truths)
    ]
    params = {"max_iter": 1, "ignore_label": 255, "validation_fraction": 0.2}
    seal = small(**params).fit(images, truths)
    assert len(seal.validation_indices_) == 5
    assert not (seal.validation_indices_ % 4).any()
    with pytest.raises(ValueError, match="every pixel of y_val has the label 255"):
        seal.fit(images, truths, X_val=images[1:3], y_val=truths[1:3])


def test_sequences_of_pandas_go_by_position(scenes):
    pd = pytest.importorskip("pandas")
    images, truths = (
        pd.Series(list(part[:8]), index=range(8, 0, -1)) for part in scenes
    )
    params = {"max_iter": 1, "validation_fraction": 0.5}
    seal, same = small(**params), small(**params)
    for given, held_out in (
        (
            {"groups": pd.Series([0, 1] * 4, index=range(7, -1, -1))},
            {"groups": [0, 1] * 4},
        ),
        (
            {"X_val": images[3:5], "y_val": truths[3:5]},
            {"X_val": scenes[0][3:5], "y_val": scenes[1][3:5]},
        ),
    ):
        seal.fit(images, truths, **given)
        same.fit(scenes[0][:8], scenes[1][:8], **held_out)
        assert_same_training(seal, same)


def test_groups_are_routed(scenes):
    with config_context(enable_metadata_routing=True):
        seal = small(max_iter=1, validation_fraction=0.4).set_fit_request(groups=True)
        found = cross_validate(
            seal,
            *scenes,
            cv=2,
            params={"groups": np.repeat(range(12), 2)},
            return_estimator=True,
        )["estimator"]
    for one in found:
        assert np.unique(one.validation_indices_ // 2, return_counts=True)[1].min() == 2


@pytest.mark.parametrize(
    ("params", "why"),
    [
        ({}, "max_iter"),
        ({"max_time": 1e-9}, "max_time"),
        ({"max_time": 1e-9, "max_iter": 1}, "max_iter"),
        ({"n_iter_no_change": 1}, "no_change"),
    ],
)
def test_it_says_why_the_training_ended(scenes, monkeypatch, params, why):
    monkeypatch.setattr(fitting, "mean_over_pairs", lambda *args, **kwargs: 0.5)
    assert small(**params).fit(*scenes).stopped_by_ == why


def test_a_checkpoint_of_another_machine_goes_on(scenes, tmp_path, monkeypatch):
    params = {"device": "cpu", "checkpoint_dir": tmp_path, "validate_every": 1}
    has = {"avx512_bf16": True}
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: has)
    first = small(**params, max_iter=1).fit(*scenes)
    assert first.affinity_._course["precision"] == "bfloat16"
    has.clear()
    again = small(**params, max_iter=2, warm_start=True).fit(*scenes)
    assert again.n_iter_ == 2
    assert again.affinity_._course["precision"] == "float32"


@pytest.mark.slow
def test_ctrl_c_leaves_a_usable_state(scenes, fitted, tmp_path):
    seal = small(checkpoint_dir=tmp_path, max_iter=100_000, lr_schedule="constant")
    handler = signal.getsignal(signal.SIGINT)
    timer = threading.Timer(0.5, os.kill, (os.getpid(), signal.SIGINT))
    timer.start()
    with pytest.raises(KeyboardInterrupt):
        seal.fit(*scenes)
    timer.join()
    done = seal.n_iter_
    assert 0 < done < 100_000
    assert signal.getsignal(signal.SIGINT) is handler
    assert len(seal.transform(scenes[0][:2])) == 2

    whole = small(max_iter=done + 3, lr_schedule="constant").fit(*scenes)
    seal.set_params(max_iter=done + 3, warm_start=True).fit(*scenes)
    assert np.array_equal(
        seal.affinity_._state["net"]["conv1.weight"],
        whole.affinity_._state["net"]["conv1.weight"],
    )
    assert seal.n_iter_ == done + 3


def test_checkpoints_are_not_overwritten_or_mixed_up(scenes, tmp_path):
    small(checkpoint_dir=tmp_path, max_time=1e-9).fit(*scenes)
    with pytest.raises(ValueError, match="holds a training already"):
        small(checkpoint_dir=tmp_path).fit(*scenes)
    with pytest.raises(ValueError, match=r"batch_size=3 \(it was 2\)"):
        small(checkpoint_dir=tmp_path, warm_start=True, batch_size=3).fit(*scenes)
    with pytest.raises(ValueError, match="n_train="):
        small(checkpoint_dir=tmp_path, warm_start=True).fit(
            scenes[0][:9], scenes[1][:9]
        )
    with pytest.raises(ValueError, match="other images or ground truths"):
        small(checkpoint_dir=tmp_path, warm_start=True).fit(
            scenes[0][::-1], scenes[1][::-1]
        )
    with pytest.raises(ValueError, match="seed="):
        small(checkpoint_dir=tmp_path, warm_start=True, random_state=1).fit(*scenes)
    with pytest.raises(ValueError, match="'width': 4"):
        small(checkpoint_dir=tmp_path, warm_start=True, width=5).fit(*scenes)
    path = tmp_path / "checkpoint.pt"
    path.write_bytes(path.read_bytes()[:1000])
    with pytest.raises(ValueError, match="remove it to start over"):
        small(checkpoint_dir=tmp_path, warm_start=True).fit(*scenes)


def test_a_flipped_bit_of_a_checkpoint_is_found(scenes, rng, tmp_path):
    params = {"max_iter": 1, "checkpoint_dir": tmp_path}
    small(**params).fit(*scenes)
    path = tmp_path / "checkpoint.pt"
    content = path.read_bytes()
    with zipfile.ZipFile(path) as archive:
        largest = max(archive.infolist(), key=lambda entry: entry.file_size)
    places = [largest.header_offset + 200, len(content) - 30]
    right = joblib.hash(described(read_checkpoint(path)))
    for place in (*places, *rng.integers(0, len(content), 60)):
        flipped = bytearray(content)
        flipped[place] ^= 1 << int(rng.integers(8))
        path.write_bytes(flipped)
        found = None
        with suppress(ValueError):
            found = read_checkpoint(path)
        # Nobody reads some of the bytes, such as padding.
        assert found is None or joblib.hash(described(found)) == right
        assert found is None or place not in places


def _spoil(path, part, name, value):
    saved = torch.load(path, weights_only=True)
    parts = {
        "file": saved,
        "state": saved["state"],
        "net": saved["state"]["net"],
        "best": saved["state"]["best_net"],
        "moments": saved["state"]["optimizer"]["state"][0],
    }
    if value is None:
        del parts[part][name]
    else:
        parts[part][name] = value
    torch.save(saved, path)


@pytest.mark.parametrize(
    ("part", "name", "value", "message"),
    [
        ("file", "course", 3, "is not a checkpoint"),
        ("file", "state", None, "is not a checkpoint"),
        ("state", "net", None, "can't go on"),
        ("state", "architecture", None, "can't go on"),
        ("state", "iteration", "1", "can't go on"),
        ("state", "history", "none", "can't go on"),
        ("state", "optimizer", [1], "can't go on"),
        ("net", "calibration", torch.zeros(7), "can't go on"),
        ("net", "calibration", torch.full((3,), torch.nan), "can't go on"),
        ("best", "calibration", torch.full((3,), torch.inf), "can't go on"),
        ("moments", "exp_avg", torch.zeros(7), "can't go on"),
    ],
)
def test_a_checkpoint_that_is_none_is_told_by_name(
    scenes, tmp_path, part, name, value, message
):
    data = scenes[0][:4], scenes[1][:4]
    params = {"checkpoint_dir": tmp_path, "validation_fraction": 0.3}
    small(**params, max_iter=1).fit(*data)
    _spoil(tmp_path / "checkpoint.pt", part, name, value)
    with pytest.raises(ValueError, match=rf"checkpoint\.pt' {message}"):
        small(**params, max_iter=2, warm_start=True).fit(*data)


def test_other_steps_than_before_are_not_none(scenes, tmp_path):
    data = scenes[0][:4], scenes[1][:4]
    params = {"max_iter": 1, "warm_start": True}
    for seal in (small(**params), small(**params, checkpoint_dir=tmp_path)):
        with pytest.raises(ValueError, match=r"1 steps are done.*lr=1e-05.*max_iter"):
            seal.fit(*data).set_params(lr=1e-5).fit(*data)
        assert seal.set_params(max_iter=2).fit(*data).n_iter_ == 2


@pytest.mark.parametrize("params", [{"lr": 2e37}, {"weight_decay": 1e300}])
def test_steps_beyond_single_precision_are_refused(scenes, params):
    with pytest.raises(ValueError, match=r"1e\+37\]"):
        small(**params).fit(*scenes)


@pytest.mark.parametrize("spoiled", [1, 3])
def test_ctrl_c_is_not_lost_where_a_training_diverges(scenes, spoiled):
    calls = []

    def loss(logits, truth):
        calls.append(1)
        if len(calls) < spoiled:
            return bce_loss(logits, truth)
        os.kill(os.getpid(), signal.SIGINT)
        return bce_loss(logits, truth) * torch.nan

    seal = small(loss=loss, validate_every=2)
    with pytest.raises(KeyboardInterrupt):
        seal.fit(*scenes)
    assert (seal.n_iter_, seal.stopped_by_) == (spoiled - 1, "interrupted")
    assert seal.transform(scenes[0][:1])


@pytest.mark.slow
def test_stops_when_nothing_improves(scenes, monkeypatch):
    monkeypatch.setattr(fitting, "mean_over_pairs", lambda *args, **kwargs: 0.5)
    seal = small(max_iter=400, n_iter_no_change=2).fit(*scenes)
    assert seal.n_iter_ == 12


@pytest.mark.slow
def test_without_validation_the_last_weights_are_kept(scenes):
    seal = small(validation_fraction=0.0).fit(*scenes)
    assert all("asa" not in line for line in seal.history_)
    assert torch.equal(
        seal.net_.conv1.weight, seal.affinity_._state["net"]["conv1.weight"]
    )


@pytest.mark.slow
def test_partial_fit(scenes):
    images, truths = scenes
    seal = small()
    seal.partial_fit(images[:5], truths[:5])
    assert seal.n_iter_ == 3
    first = weights_of(seal)["conv1.weight"].copy()
    seal.partial_fit(images[5:9], [[t, t] for t in truths[5:9]])
    assert seal.n_iter_ == 7
    assert not np.array_equal(weights_of(seal)["conv1.weight"], first)
    again = small()
    again.partial_fit(images[:5], truths[:5])
    again.partial_fit(images[5:9], [[t, t] for t in truths[5:9]])
    assert_same_training(seal, again)


def test_partial_fit_goes_on_from_a_file(fitted, scenes, tmp_path):
    fitted.save(tmp_path / "a.safetensors")
    seal = SEALSuperpixels.load(tmp_path / "a.safetensors")
    seal.set_params(lr=1e-12, weight_decay=0.0, random_state=0)
    seal.partial_fit(scenes[0][:2], scenes[1][:2])
    np.testing.assert_allclose(
        weights_of(seal)["conv1.weight"],
        weights_of(fitted)["conv1.weight"],
        atol=1e-9,
    )


@pytest.mark.slow
def test_save_and_load(fitted, scenes, tmp_path):
    path = tmp_path / "seal.safetensors"
    fitted.save(path)
    again = SEALSuperpixels.load(path)
    assert (again.n_segments, again.width, again.n_jobs) == (20, 4, None)
    cloned = clone(again)
    assert np.array_equal(
        cloned.transform(scenes[0][:1])[0], fitted.transform(scenes[0][:1])[0]
    )
    for labels, same in zip(
        again.transform(scenes[0]), fitted.transform(scenes[0]), strict=True
    ):
        assert np.array_equal(labels, same)
    header = path.read_bytes()[8:]
    size = int.from_bytes(path.read_bytes()[:8], "little")
    metadata = json.loads(header[:size])["__metadata__"]
    assert json.loads(metadata["architecture"])["width"] == 4


@pytest.mark.slow
def test_weights_transform_without_fit_and_are_gone_on_from(fitted, scenes, tmp_path):
    path = tmp_path / "seal.safetensors"
    fitted.save(path)
    seal = SEALSuperpixels(20, weights=path)
    for labels, same in zip(
        seal.transform(scenes[0]), fitted.transform(scenes[0]), strict=True
    ):
        assert np.array_equal(labels, same)
    tuned = small(weights=str(path), width=None, lr=1e-12, weight_decay=0.0)
    tuned.fit(*scenes)
    np.testing.assert_allclose(
        weights_of(tuned)["conv1.weight"],
        weights_of(fitted)["conv1.weight"],
        atol=1e-9,
    )
    for use in (lambda s: s.transform(scenes[0]), lambda s: s.fit(*scenes)):
        with pytest.raises(ValueError, match=r"width=8, but .* 4 channels wide"):
            use(SEALSuperpixels(20, weights=path, width=8))
    truncated = tmp_path / "truncated.safetensors"
    truncated.write_bytes(path.read_bytes()[:-10])
    with pytest.raises(ValueError, match="truncated"):
        SEALSuperpixels(20, weights=truncated).transform(scenes[0])


def test_unfitted():
    with pytest.raises(NotFittedError, match="call fit"):
        SEALSuperpixels().transform([np.zeros((50, 50), dtype=np.uint8)])
    with pytest.raises(NotFittedError, match="call fit"):
        SEALSuperpixels().save("nowhere")


@pytest.mark.slow
def test_transform_does_not_depend_on_company(fitted, scenes):
    images = scenes[0]
    expected = fitted.transform(images[:6])
    one_by_one = [fitted.transform([image])[0] for image in images[:6]]
    turned = fitted.transform(images[5::-1])[::-1]
    threads = small(n_jobs=3)
    threads.affinity_ = fitted.affinity_
    for maps in (one_by_one, turned, threads.transform(images[:6])):
        assert all(np.array_equal(a, b) for a, b in zip(maps, expected, strict=True))


@pytest.mark.slow
def test_ignored_pixels_may_be_anything(scenes):
    images, truths = scenes
    first = [t.astype(np.int64) for t in truths]
    second = [np.where(t % 2, t + 7, t) for t in first]
    for t, other in zip(first, second, strict=True):
        # Below, the two differ in names alone; above, where nobody looks, in shape.
        t[:20], other[:20] = 255, 255
        t[20:], other[20:] = t[20:], t[20:] + 3
    seal = small(ignore_label=255).fit(images, first)
    other = small(ignore_label=255).fit(images, second)
    assert_same_training(seal, other)
    expected = asa_scorer(seal, images, first, ignore_label=255)
    assert seal.score(images, first) == expected
    assert expected != asa_scorer(seal, images, first)
    assert not np.array_equal(
        weights_of(seal)["conv1.weight"],
        weights_of(small().fit(images, first))["conv1.weight"],
    )


def test_the_papers_settings():
    seal = SEALSuperpixels(**PAPER_SETTINGS)
    assert (seal.max_iter, seal.width, seal.loss) == (100_000, 128, "seal")
    assert seal.oversegmentation == 1
    settings = Settings.of(seal)
    assert [settings.lr_at(i) for i in (0, 29_999, 30_000, 60_000, 99_999)] == (
        pytest.approx([1e-4, 1e-4, 1e-5, 1e-6, 1e-6])
    )


@pytest.mark.slow
def test_the_papers_settings_train(scenes):
    settings = {**PAPER_SETTINGS, "n_segments": 30, "max_iter": 2, "random_state": 0}
    seal = SEALSuperpixels(**settings, validate_every=1).fit(
        scenes[0][:2], scenes[1][:2]
    )
    assert seal.n_iter_ == 2
    assert sum(p.numel() for p in seal.net_.parameters()) == 888_482


def test_cosine_schedule():
    settings = Settings(lr=1.0, lr_schedule="cosine", max_iter=100)
    assert settings.lr_at(0) == 1.0
    assert settings.lr_at(50) == pytest.approx(0.5)
    assert settings.lr_at(100) == 1e-6


@pytest.mark.gpu
def test_trains_on_the_gpu(scenes):
    if not (torch.cuda.is_available() or torch.backends.mps.is_available()):
        pytest.skip("neither CUDA nor MPS")
    seal = small(device="auto", max_iter=60, validate_every=20).fit(*scenes)
    losses = [line["loss"] for line in seal.history_]
    assert losses[-1] < losses[0]
    assert next(seal.net_.parameters()).device.type == "cpu"


def test_a_device_that_is_not_there(scenes):
    if torch.cuda.is_available():
        pytest.skip("CUDA is there")
    with pytest.raises(ValueError, match="can't be used here"):
        small(device="cuda").fit(*scenes)
    with pytest.raises(ValueError, match="can't be used here"):
        small(device="abacus").fit(*scenes)


def test_a_loss_that_is_not_finite_is_an_error(scenes, monkeypatch):
    logits = PAN.logits
    monkeypatch.setattr(PAN, "logits", lambda *args: logits(*args) * torch.nan)
    with pytest.raises(FloatingPointError, match="smaller lr"):
        small().fit(*scenes)
