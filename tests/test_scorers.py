"""Scorers: the means of the scores over a data set, as searches take them."""

import inspect
import pickle
from functools import partial

import numpy as np
import pytest
import sklearn
from sklearn.model_selection import GridSearchCV, cross_validate

from seal_sk import (
    ERSSuperpixels,
    GraphSuperpixels,
    OracleAffinity,
    SNICSuperpixels,
    SuperpixelClassifier,
    metrics,
)
from seal_sk.metrics import (
    asa_score,
    asa_scorer,
    boundary_recall_score,
    boundary_recall_scorer,
    compactness_score,
    contour_density,
    evaluate,
    evaluate_scorer,
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


def halves(images):
    """A mask per image: another half of each, and the whole of the last."""
    masks = [np.zeros(image.shape[:2], dtype=bool) for image in images]
    for i, mask in enumerate(masks):
        mask[: 20 + 8 * i] = True
    return [*masks[:-1], None]


@pytest.mark.parametrize("name", [*SCORERS, *WITHOUT_TRUTH])
def test_masks_and_weights_of_scorers(name, scenes):
    images, truths = scenes[0][:3], scenes[1][:3]
    masks, weights = halves(images), [1, 0, 3]
    superpixels = ERSSuperpixels(n_segments=20)
    maps = superpixels.transform(images, masks)
    scorer = getattr(metrics, name)
    bare = name.removesuffix("_scorer").removeprefix("neg_")
    if name in WITHOUT_TRUTH:
        score = WITHOUT_TRUTH[name]
        each = [
            score(image, labels) for image, labels in zip(images, maps, strict=True)
        ]
    else:
        sign = -1 if name.startswith("neg_") else 1
        score = getattr(metrics, bare if bare.endswith("error") else f"{bare}_score")
        each = [
            sign * score(truth, labels)
            for truth, labels in zip(truths, maps, strict=True)
        ]
    got = scorer(superpixels, images, truths, mask=masks)
    assert got == pytest.approx(np.mean(each))
    got = scorer(superpixels, images, truths, mask=masks, sample_weight=weights)
    assert got == pytest.approx(np.average(each, weights=weights))
    key = f"neg_{bare}" if name.startswith("neg_") else bare
    all_scores = evaluate_scorer(
        superpixels, images, truths, mask=masks, sample_weight=weights
    )
    if key != "explained_variation":
        assert all_scores[key] == pytest.approx(got)
    with pytest.raises(ValueError, match="mask has 2 masks"):
        scorer(superpixels, images, truths, mask=masks[:2])
    with pytest.raises(ValueError, match="sample_weight has shape"):
        scorer(superpixels, images, truths, sample_weight=[1, 2])


def test_masks_and_weights_by_metadata_routing(scenes):
    images, truths = scenes[0][:4], scenes[1][:4]
    masks, weights = halves(images), np.array([1.0, 2.0, 0.5, 4.0])
    estimator = ERSSuperpixels(n_segments=20)
    folds = [([2, 3], [0, 1]), ([0, 1], [2, 3])]
    narrow = partial(boundary_recall_scorer, tolerance=0)
    narrow.get_metadata_routing = boundary_recall_scorer.get_metadata_routing
    scoring = {
        "asa": asa_scorer,
        "recall": boundary_recall_scorer,
        "narrow": narrow,
        "compactness": metrics.compactness_scorer,
    }
    params = {"mask": masks, "sample_weight": weights}
    with sklearn.config_context(enable_metadata_routing=True):
        several = cross_validate(
            estimator, images, truths, cv=folds, scoring=scoring, params=params
        )
        all_scores = cross_validate(
            estimator, images, truths, cv=folds, scoring=evaluate_scorer, params=params
        )
        single = cross_validate(
            estimator, images, truths, cv=folds, scoring=asa_scorer, params=params
        )
        search = GridSearchCV(
            estimator, {"n_segments": [20]}, scoring=asa_scorer, cv=folds
        ).fit(images, truths, **params)
        own = estimator.set_score_request(mask=True, sample_weight=True)
        by_score = cross_validate(own, images, truths, cv=folds, params=params)
    for k, (_, test) in enumerate(folds):
        some = {
            "mask": [masks[i] for i in test],
            "sample_weight": weights[test],
        }
        X, y = [images[i] for i in test], [truths[i] for i in test]
        for name, scorer in scoring.items():
            want = scorer(estimator, X, y, **some)
            assert several[f"test_{name}"][k] == pytest.approx(want)
        want = asa_scorer(estimator, X, y, **some)
        assert single["test_score"][k] == pytest.approx(want)
        assert all_scores["test_asa"][k] == pytest.approx(want)
        assert by_score["test_score"][k] == pytest.approx(want)
        assert search.cv_results_[f"split{k}_test_score"][0] == pytest.approx(want)


IGNORED = -7


@pytest.fixture
def blank(scenes):
    """Images, truths of which one is ignored everywhere, and those without it."""
    images, truths = scenes[0][:3], list(scenes[1][:3])
    truths[1] = np.full_like(truths[1], IGNORED)
    return images, truths, [images[0], images[2]], [truths[0], truths[2]]


@pytest.mark.parametrize("name", [*SCORERS, "evaluate_scorer"])
def test_an_image_of_unknown_pixels_changes_no_mean(name, blank):
    images, truths, some, known = blank
    superpixels = ERSSuperpixels(n_segments=20)
    scorer = partial(getattr(metrics, name), ignore_label=IGNORED)
    want = scorer(superpixels, some, known)
    assert scorer(superpixels, images, truths) == want
    # Beside an annotation that counts, one that doesn't is no annotation.
    annotations = [[truths[0], truths[1]], truths[1], truths[2]]
    assert scorer(superpixels, images, annotations) == want
    # A mask may leave nothing of what is known.
    half = truths[1].copy()
    half[:10] = 0
    masks = [None, half != 0, None]
    got = scorer(superpixels, images, [truths[0], half, truths[2]], mask=masks)
    assert got == want
    for weights, y in ((None, [truths[1]] * 3), ([0, 1, 0], truths)):
        with pytest.raises(ValueError, match="no pixel of the ground truth counts"):
            scorer(superpixels, images, y, sample_weight=weights)


def test_unknown_pixels_in_score(blank):
    images, truths, some, known = blank
    oracle = GraphSuperpixels(20, affinity=OracleAffinity(ignore_label=IGNORED))
    assert oracle.score(truths, truths) == oracle.score(known, known)
    with pytest.raises(ValueError, match="no pixel of the ground truth counts"):
        oracle.score([truths[1]], [truths[1]])
    classifier = SuperpixelClassifier(
        segmenter=SNICSuperpixels(20), features=("mean",), ignore_label=IGNORED
    ).fit(images, truths)
    assert classifier.score(images, truths) == classifier.score(some, known)
    with pytest.raises(ValueError, match="there is no pixel to score"):
        classifier.score(images, truths, sample_weight=[0, 1, 0])


def test_unknown_annotations_in_evaluate(blank):
    images, truths, _, _ = blank
    labels = SNICSuperpixels(20).transform(images)[0]
    want = evaluate(truths[0], labels, ignore_label=IGNORED)
    both = [truths[1], truths[0]]
    assert evaluate(both, labels, ignore_label=IGNORED) == want
    rows = evaluate(both, labels, ignore_label=IGNORED, average=False)
    assert rows["asa"].tolist() == [want["asa"]]
    assert asa_score(both, labels, ignore_label=IGNORED) == want["asa"]
    got = boundary_recall_score(both, labels, ignore_label=IGNORED)
    assert got == want["boundary_recall"]
