"""SEALSuperpixels: training that learns, resumes, stops, and is kept in files."""

import itertools
import json
import os
import signal
import threading

import numpy as np
import pytest
import torch
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from seal_sk import ERSSuperpixels, SEALSuperpixels
from seal_sk.datasets import make_scenes
from seal_sk.metrics import asa_scorer
from seal_sk.pan import PAPER_SETTINGS
from seal_sk.pan.network import PAN
from seal_sk.pan.training import fitting
from seal_sk.pan.training.settings import Settings


def small(**params):
    """An estimator that trains in about a second."""
    return SEALSuperpixels(
        **{
            "n_segments": 20,
            "train_segment_size": 230,
            "width": 4,
            "max_iter": 12,
            "batch_size": 2,
            "crop_size": 40,
            "validate_every": 4,
            "random_state": 0,
            **params,
        }
    )


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
    monkeypatch.setattr(fitting, "mean_over_pairs", lambda *args: next(scores))
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
    monkeypatch.setattr(fitting, "mean_over_pairs", lambda *args: 0.5)
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
    import pickle

    seal = pickle.loads(pickle.dumps(small(max_time=1e-9).fit(*scenes)))
    seal.set_params(max_time=None, warm_start=True).fit(*scenes)
    assert_same_training(seal, fitted)


@pytest.mark.slow
def test_a_failed_training_leaves_the_last_one_intact(scenes, fitted, monkeypatch):
    seal = small(max_time=1e-9).fit(*scenes)
    seal.set_params(max_time=None, warm_start=True)
    calls = itertools.count()
    logits = PAN.logits

    def breaks_later(self, images, edges):
        values = logits(self, images, edges)
        return values * torch.nan if self.training and next(calls) > 5 else values

    with monkeypatch.context() as patch:
        patch.setattr(PAN, "logits", breaks_later)
        with pytest.raises(FloatingPointError):
            seal.fit(*scenes)
    assert seal.n_iter_ == 1
    seal.fit(*scenes)
    assert_same_training(seal, fitted)


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
    with pytest.raises(ValueError, match=r"lr=0\.5 \(it was 0\.001\)"):
        small(checkpoint_dir=tmp_path, warm_start=True, lr=0.5).fit(*scenes)
    with pytest.raises(ValueError, match="n_train="):
        small(checkpoint_dir=tmp_path, warm_start=True).fit(
            scenes[0][:9], scenes[1][:9]
        )
    with pytest.raises(ValueError, match="data="):
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


@pytest.mark.slow
def test_stops_when_nothing_improves(scenes, monkeypatch):
    monkeypatch.setattr(fitting, "mean_over_pairs", lambda *args: 0.5)
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
