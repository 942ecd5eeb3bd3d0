"""Files that earlier versions wrote."""

import shutil

import numpy as np
import pytest

from seal_sk import LearnedAffinity, SEALSuperpixels
from seal_sk.datasets import make_scenes


@pytest.fixture
def saved(golden):
    """An estimator and a checkpoint, as version 0.1.0 first wrote them."""
    return golden / "saved"


@pytest.fixture(scope="module")
def scenes():
    return make_scenes(3, shape=(48, 64), random_state=0)


def test_a_saved_estimator_is_read_with_its_parameters(saved, scenes):
    seal = SEALSuperpixels.load(saved / "seal.safetensors")
    assert seal.get_params()["balance"] == 0.7
    assert seal.get_params()["oversegmentation"] == 2
    # There was no refinement.
    assert seal.get_params()["boundary_cost"] is None
    assert seal.get_params()["lr"] == 2e-3
    assert seal.get_params()["ignore_label"] == 255
    (labels,) = seal.transform(scenes[0][:1])
    # Written when the exponents of the price of merging were fitted.
    assert np.array_equal(labels, np.load(saved / "labels.npy"))
    (affinity,) = LearnedAffinity.load(saved / "seal.safetensors").transform(
        scenes[0][:1]
    )
    assert np.array_equal(affinity, seal.predict_affinity(scenes[0][:1])[0])


def test_a_checkpoint_is_continued(saved, scenes, tmp_path):
    shutil.copy(saved / "checkpoint.pt", tmp_path)
    seal = SEALSuperpixels.load(saved / "seal.safetensors").set_params(
        weights=None,
        checkpoint_dir=tmp_path,
        warm_start=True,
        max_iter=6,
        random_state=0,
    )
    del seal.affinity_
    seal.fit(*scenes)
    assert seal.n_iter_ == 6
    assert [line["iteration"] for line in seal.history_] == [2, 4, 6]
    assert seal.history_[1]["asa"] == pytest.approx(0.4182942708333333)
