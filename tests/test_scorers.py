"""Scorers: the means of the scores over a data set, as searches take them."""

import inspect
import pickle
from functools import partial

import numpy as np
import pytest

from seal_sk import ERSSuperpixels, metrics
from seal_sk.metrics import (
    asa_score,
    asa_scorer,
    boundary_recall_score,
    boundary_recall_scorer,
    compactness_score,
    contour_density,
    explained_variation_score,
)


def test_scorers_average_over_pairs(scenes):
    images, truths = scenes[0][:3], scenes[1][:3]
    y = [[truths[0]] * 4, truths[1], [truths[2], truths[2].T.copy().T]]
    superpixels = ERSSuperpixels(n_segments=20)
    maps = superpixels.transform(images)
    for scorer, score in (
        (asa_scorer, asa_score),
        (boundary_recall_scorer, boundary_recall_score),
    ):
        each = [
            score(truth, labels) for truth, labels in zip(truths, maps, strict=True)
        ]
        expected = (4 * each[0] + each[1] + 2 * each[2]) / 7
        assert scorer(superpixels, images, y) == pytest.approx(expected)
    assert superpixels.score(images, y) == asa_scorer(superpixels, images, y)


WITHOUT_TRUTH = {
    "compactness_scorer": lambda image, labels: compactness_score(labels),
    "explained_variation_scorer": explained_variation_score,
    "neg_contour_density_scorer": lambda image, labels: -contour_density(labels),
}
SCORERS = [
    name
    for name in metrics.__all__
    if name.endswith("_scorer") and name not in WITHOUT_TRUTH
    if name != "evaluate_scorer"
]


@pytest.mark.parametrize("name", SCORERS)
def test_every_scorer(name, scenes):
    scorer = getattr(metrics, name)
    bare = name.removesuffix("_scorer").removeprefix("neg_")
    score = getattr(metrics, bare if bare.endswith("error") else f"{bare}_score")
    sign = -1 if name.startswith("neg_") else 1
    images, truths = scenes[0][:2], scenes[1][:2]
    superpixels = ERSSuperpixels(n_segments=20)
    maps = superpixels.transform(images)
    for options in ({}, {"ignore_label": 1}):
        each = [score(t, m, **options) for t, m in zip(truths, maps, strict=True)]
        result = partial(scorer, **options)(superpixels, images, truths)
        assert result == pytest.approx(sign * np.mean(each))
    assert pickle.loads(pickle.dumps(scorer)) is scorer
    assert "ignore_label" in inspect.signature(scorer).parameters


@pytest.mark.parametrize("name", WITHOUT_TRUTH)
def test_scorers_without_truth(name, scenes):
    scorer, score = getattr(metrics, name), WITHOUT_TRUTH[name]
    images = scenes[0][:3]
    superpixels = ERSSuperpixels(n_segments=20)
    maps = superpixels.transform(images)
    each = [score(image, m) for image, m in zip(images, maps, strict=True)]
    assert scorer(superpixels, images) == pytest.approx(np.mean(each))
    assert pickle.loads(pickle.dumps(scorer)) is scorer
    with pytest.raises(ValueError, match="X is empty"):
        scorer(superpixels, [])


def test_all_scores_from_one_transform(scenes):
    images, truths = scenes[0][:3], scenes[1][:3]
    # Annotators differ in number: scores are means over pairs, not over images.
    annotations = [truths[0], [truths[1], truths[1][::-1]], [truths[2]] * 3]
    superpixels = ERSSuperpixels(n_segments=20)
    calls = []

    class Once:
        def transform(self, X):
            calls.append(X)
            return superpixels.transform(X)

    options = {"tolerance": 2, "ignore_label": 1}
    scores = metrics.evaluate_scorer(Once(), images, annotations, **options)
    assert len(calls) == 1
    for name in SCORERS:
        key = name.removesuffix("_scorer")
        own = options if "boundary" in name else {"ignore_label": 1}
        expected = getattr(metrics, name)(superpixels, images, annotations, **own)
        assert scores.pop(key) == pytest.approx(expected), name
    assert scores.pop("n_segments") == 20
    for name in ("compactness", "neg_contour_density"):
        scorer = getattr(metrics, f"{name}_scorer")
        assert scores.pop(name) == pytest.approx(scorer(superpixels, images))
    assert not scores


def test_scorer_refuses_unequal_lengths(scenes):
    with pytest.raises(ValueError, match="must pair up"):
        asa_scorer(ERSSuperpixels(n_segments=5), scenes[0][:3], scenes[1][:2])


@pytest.mark.parametrize("name", [*SCORERS, *WITHOUT_TRUTH, "evaluate_scorer"])
def test_scorers_refuse_an_image_without_a_label_map(name, scenes):
    class Forgetful:
        def transform(self, X):
            return [np.zeros(X[0].shape[:2], dtype=int)]

    with pytest.raises(ValueError, match="one label map for each of the 2 images"):
        getattr(metrics, name)(Forgetful(), scenes[0][:2], scenes[1][:2])
