"""Estimators that refine the boundaries of what they segment."""

from inspect import signature

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.tree import DecisionTreeClassifier

from seal_sk import (
    EdgeAffinity,
    ERSSuperpixels,
    FeatureAffinity,
    FHSuperpixels,
    GraphSuperpixels,
    LearnedAffinity,
    LSCSuperpixels,
    OracleAffinity,
    RGBAffinity,
    SEALSuperpixels,
    SEEDSSuperpixels,
    SLICSuperpixels,
    SNICSuperpixels,
    SuperpixelClassifier,
    SuperpixelFeatures,
    ers,
    fh,
    merge_regions,
    refine_boundaries,
    rgb_affinity,
    to_eight_connected,
)
from seal_sk.affinity.maps import color_affinity
from seal_sk.superpixels import seal as seal_module


class Foreign(TransformerMixin, BaseEstimator):
    """A source of another package, which returns two channels."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return [rgb_affinity(image, sigma=9.0, connectivity=4) for image in X]


class Names(Foreign):
    """A source that reads names instead of images."""

    def transform(self, X):
        return [np.full((48, 56, 2), 0.5, np.float32) for _ in X]


def halves(affinity, n_segments, mask=None):
    """A segmenter whose label maps are not numbered in scan order."""
    return np.repeat(np.arange(2)[::-1], affinity.shape[0] // 2)[:, None].repeat(
        affinity.shape[1], axis=1
    )


ESTIMATORS = {
    "ers": ERSSuperpixels(20),
    "ers-4": ERSSuperpixels(20, connectivity=4),
    "fh": FHSuperpixels(20),
    "fh-4": FHSuperpixels(20, connectivity=4),
    "snic": SNICSuperpixels(20, exact=True),
    "slic": SLICSuperpixels(20, exact=True),
    "lsc": LSCSuperpixels(20, exact=True),
    "seeds": SEEDSSuperpixels(20, exact=True),
    "edges": GraphSuperpixels(20, affinity=EdgeAffinity("sobel"), segmenter="fh"),
    "four channels, 4": GraphSuperpixels(20, affinity=RGBAffinity(), connectivity=4),
    "foreign": GraphSuperpixels(20, affinity=Foreign()),
    "halves": GraphSuperpixels(20, segmenter=halves),
    "seal": SEALSuperpixels(20, weights="bsds500"),
    "seal-4": SEALSuperpixels(20, weights="bsds500", connectivity=4),
    "seal-by-ers": SEALSuperpixels(
        20, weights="bsds500", segmenter="ers", oversegmentation=4
    ),
    "seal-ers": SEALSuperpixels(20, weights="bsds500", oversegmentation=1),
}
everyone = pytest.mark.parametrize("name", ESTIMATORS)


@pytest.fixture(scope="module")
def images(scenes):
    return [image[:48, :56] for image in scenes[0][:2]]


@pytest.fixture
def mask():
    inside = np.zeros((48, 56), dtype=bool)
    inside[4:40, 3:50] = True
    inside[10:20, 10:12] = False
    return inside


def maps_of(name, images, cost, **more):
    estimator = clone(ESTIMATORS[name]).set_params(boundary_cost=cost)
    return estimator.transform(images, **more)


def merged(image, affinity, estimator, mask):
    """The label map of SEAL that is refined: merged from refined superpixels."""
    connectivity = estimator.connectivity
    affinity = (
        affinity if connectivity == 4 else to_eight_connected(affinity, mask=mask)
    )
    colors = color_affinity(image, connectivity=connectivity)
    cut = ers if estimator.segmenter == "ers" else fh
    n_pixels = image[..., 0].size if mask is None else np.count_nonzero(mask)
    n = min(estimator.oversegmentation * 20, round(n_pixels / 16))
    fine = cut((2 * affinity + colors) / 3, n_segments=n, mask=mask)
    fine = refine_boundaries(
        fine, image, affinity, boundary_cost=10, max_iter=2, connectivity=connectivity
    )
    return merge_regions(fine, affinity, 20, image=image)


def refined(name, images, cost, mask=None):
    """What `refine_boundaries` makes of the unrefined label maps."""
    estimator = clone(ESTIMATORS[name]).set_params(boundary_cost=None)
    more = {} if mask is None else {"mask": [mask] * len(images)}
    affinities = [None] * len(images)
    if isinstance(estimator, GraphSuperpixels):
        affinities = estimator.predict_affinity(images, **more)
    if getattr(estimator, "oversegmentation", 1) == 1:
        maps = estimator.transform(images, **more)
    else:
        maps = [
            merged(image, affinity, estimator, mask)
            for image, affinity in zip(images, affinities, strict=True)
        ]
    return [
        refine_boundaries(
            labels,
            image,
            affinity,
            boundary_cost=cost,
            connectivity=getattr(estimator, "connectivity", 4),
            mask=mask,
        )
        for labels, image, affinity in zip(maps, images, affinities, strict=True)
    ]


def assert_same(maps, expected):
    for labels, same in zip(maps, expected, strict=True):
        assert np.array_equal(labels, same)


def differ(maps, others):
    return any(not np.array_equal(a, b) for a, b in zip(maps, others, strict=True))


@everyone
@pytest.mark.parametrize("cost", [0, 5.0])
def test_equals_the_function(name, cost, images, assert_label_map):
    maps = maps_of(name, images, cost)
    assert_same(maps, refined(name, images, cost))
    assert differ(maps, maps_of(name, images, None))
    four = getattr(ESTIMATORS[name], "connectivity", 4) == 4
    n = 2 if name == "halves" else 20
    for labels in maps:
        assert_label_map(labels, (48, 56), n, connectivity=4 if four else 8)


@pytest.mark.parametrize("name", [n for n in ESTIMATORS if n not in ("lsc", "seeds")])
def test_masks(name, images, mask):
    hidden = [np.where(mask[..., None], image / 255.0, np.nan) for image in images]
    inside = {"mask": [mask] * len(images)}
    maps = maps_of(name, hidden, 5.0, **inside)
    for labels in maps:
        assert np.array_equal(labels >= 0, mask)
    gray = [np.where(mask[..., None], image, 128) for image in images]
    assert_same(maps_of(name, gray, 5.0, **inside), maps)
    assert_same(maps, refined(name, gray, 5.0, mask))


@everyone
def test_several_counts_and_threads(name, images):
    estimator = clone(ESTIMATORS[name]).set_params(boundary_cost=3.0, n_jobs=2)
    counts = [20, 7, 20]
    for i, maps in enumerate(estimator.transform_counts(images, counts)):
        for count, labels in zip(counts, maps, strict=True):
            one = clone(estimator).set_params(n_segments=count, n_jobs=None)
            assert np.array_equal(labels, one.transform([images[i]])[0])


@pytest.mark.parametrize("name", ["snic", "ers", "seal-4", "seal"])
def test_threads_may_share_an_image(name, images):
    image = np.tile(images[0], (6, 1, 1))  # several bands of rows for each thread
    estimator = clone(ESTIMATORS[name]).set_params(boundary_cost=3.0)
    (expected,) = estimator.transform([image])
    for n_jobs in (2, 5):
        (labels,) = estimator.set_params(n_jobs=n_jobs).transform([image])
        assert np.array_equal(labels, expected)
    _, again = estimator.transform([images[1], image])
    assert np.array_equal(again, expected)


def test_defaults():
    for estimator in ESTIMATORS.values():
        default = signature(type(estimator)).parameters["boundary_cost"].default
        expected = "auto" if isinstance(estimator, SEALSuperpixels) else None
        assert default == expected
    assert SEALSuperpixels.load("bsds500").boundary_cost == "auto"


def test_the_cost_falls_with_the_size():
    costs = [seal_module._auto_cost(n, 481 * 321) for n in (100, 300, 1000)]
    assert costs == pytest.approx([5.74, 5.0, 4.30], abs=0.01)
    assert seal_module._auto_cost(1200, 4 * 481 * 321) == pytest.approx(costs[1])


def test_the_automatic_cost(images, mask, monkeypatch):
    seen = []

    def rule(n_segments, n_pixels):
        seen.append((n_segments, n_pixels))
        return 100.0 / n_segments

    monkeypatch.setattr(seal_module, "_auto_cost", rule)
    seal = SEALSuperpixels(weights="bsds500", boundary_cost="auto")
    few, many = seal.transform_counts(images[:1], [5, 50])[0]
    assert seen == [(5, 48 * 56), (50, 48 * 56)]
    for count, labels in ((5, few), (50, many)):
        seal.set_params(n_segments=count, boundary_cost=100.0 / count)
        assert np.array_equal(labels, seal.transform(images[:1])[0])
    seen.clear()
    seal.set_params(boundary_cost="auto").transform(images[:1], mask=[mask])
    assert seen == [(50, np.count_nonzero(mask))]


def test_the_paper_does_not_refine(images):
    paper = ESTIMATORS["seal-ers"]
    assert paper.boundary_cost == "auto"
    graph = GraphSuperpixels(20, affinity=LearnedAffinity(weights="bsds500"))
    maps = paper.transform(images)
    assert_same(maps, graph.fit(images).transform(images))
    assert_same(
        maps_of("seal-ers", images, 2),
        graph.set_params(boundary_cost=2).transform(images),
    )


NOT_IMAGES = {
    "affinities": ("precomputed", np.full((4, 6, 2), 0.5)),
    "truths": (OracleAffinity(), np.zeros((4, 6), dtype=int)),
    "edges": (EdgeAffinity("precomputed"), np.zeros((4, 6))),
    "features": (FeatureAffinity("precomputed", scale=1.0), np.zeros((2, 4, 6))),
}


@pytest.mark.parametrize("kind", NOT_IMAGES)
def test_without_images_it_is_refused(kind):
    affinity, item = NOT_IMAGES[kind]
    graph = GraphSuperpixels(3, affinity=affinity)
    assert graph.fit_transform([item])[0].max() == 2
    graph.set_params(boundary_cost=5.0)
    for call in (
        lambda: graph.fit([item]),
        lambda: graph.transform([item]),
        lambda: graph.transform_counts([item], [2]),
        lambda: graph.transform(["unread"]),
    ):
        with pytest.raises(ValueError, match=r"boundary_cost=5.0 needs images, but"):
            call()


def test_items_of_others_must_be_images(images):
    graph = GraphSuperpixels(20, affinity=Names(), boundary_cost=5.0)
    with pytest.raises(
        (ValueError, TypeError), match="the image to refine by is the name"
    ):
        graph.transform(["a name"])
    with pytest.raises(ValueError, match=r"the image to refine by is \(47, 56\), but"):
        graph.transform([images[0][:47]])


@pytest.mark.parametrize("cost", [-1.0, np.nan, np.inf, "none", [5.0]])
def test_bad_costs(cost, images):
    for estimator in (SNICSuperpixels(), ERSSuperpixels(), SEALSuperpixels()):
        with pytest.raises(ValueError, match="'boundary_cost' parameter of "):
            estimator.set_params(boundary_cost=cost).transform(images)
    with pytest.raises(ValueError, match="'boundary_cost' parameter of SLIC"):
        SLICSuperpixels(boundary_cost="auto").fit(images)


@pytest.mark.parametrize("cost", [None, 0, 2.5, np.float32(2.5), "auto"])
def test_saved_files_keep_it(cost, images, tmp_path):
    seal = SEALSuperpixels.load("bsds500").set_params(n_segments=20, boundary_cost=cost)
    seal.save(tmp_path / "seal.safetensors")
    loaded = SEALSuperpixels.load(tmp_path / "seal.safetensors")
    assert loaded.boundary_cost == cost
    assert_same(loaded.transform(images), seal.transform(images))


def test_what_works_on_superpixels_hands_it_on(images, scenes):
    expected = maps_of("snic", images, 2.0)
    features = SuperpixelFeatures(clone(ESTIMATORS["snic"]))
    features.set_params(segmenter__boundary_cost=2.0).fit_transform(images)
    assert_same(features.label_maps_, expected)
    classifier = SuperpixelClassifier(
        DecisionTreeClassifier(random_state=0), segmenter=clone(ESTIMATORS["snic"])
    ).set_params(segmenter__boundary_cost=2.0)
    truths = [truth[:48, :56] % 3 for truth in scenes[1][:2]]
    predicted = classifier.fit(images, truths).predict(images)
    for labels, values in zip(expected, predicted, strict=True):
        for i in range(20):
            assert len(np.unique(values[labels == i])) == 1
