"""GraphSuperpixels: any source of affinities, any segmenter."""

from functools import partial
from threading import Barrier

import numpy as np
import pytest
from sklearn.base import BaseEstimator, TransformerMixin, clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline

from seal_sk import (
    EdgeAffinity,
    ERSSuperpixels,
    FeatureAffinity,
    GraphSuperpixels,
    LearnedAffinity,
    OracleAffinity,
    RGBAffinity,
    SEALSuperpixels,
    SNICSuperpixels,
    ers,
    fh,
    oracle_affinity,
    rgb_affinity,
    to_eight_connected,
)
from seal_sk.datasets.lazy import LazySequence
from seal_sk.metrics import asa_scorer

TRAINING = {"width": 2, "max_iter": 2, "batch_size": 1, "crop_size": 24}


def identity(image):
    return np.moveaxis(image / 255.0, -1, 0)


def assert_same(maps, expected):
    for labels, same in zip(maps, expected, strict=True):
        assert np.array_equal(labels, same)


@pytest.fixture
def images(scenes):
    return scenes[0][:4]


@pytest.fixture
def truths(scenes):
    return scenes[1][:4]


@pytest.mark.parametrize("connectivity", [4, 8])
def test_ers_superpixels_are_a_point_of_the_grid(images, connectivity):
    graph = GraphSuperpixels(
        20, affinity=RGBAffinity(sigma=7.0), connectivity=connectivity, balance=0.3
    )
    colour = ERSSuperpixels(20, sigma=7.0, connectivity=connectivity, balance=0.3)
    assert_same(graph.transform(images), colour.transform(images))
    affinity = rgb_affinity(images[0], sigma=7.0, connectivity=connectivity)
    expected = ers(affinity, 20, balance=0.3)
    assert np.array_equal(colour.transform(images[:1])[0], expected)
    # The default source is colour.
    assert_same(
        GraphSuperpixels(20).transform(images), ERSSuperpixels(20).transform(images)
    )


@pytest.mark.slow
@pytest.mark.parametrize("segmenter", ["ers", "fh"])
def test_seal_superpixels_are_a_point_of_the_grid(scenes, segmenter):
    images, truths = scenes
    learned = LearnedAffinity(**TRAINING, random_state=0)
    graph = GraphSuperpixels(20, affinity=learned, segmenter=segmenter)
    graph.fit(images, truths)
    seal = SEALSuperpixels(
        20, segmenter=segmenter, oversegmentation=1, **TRAINING, random_state=0
    )
    seal.fit(images, truths)
    assert_same(graph.transform(images), seal.transform(images))
    assert_same(graph.predict_affinity(images), seal.predict_affinity(images))
    affinity = to_eight_connected(seal.predict_affinity(images[:1])[0])
    expected = ers(affinity, 20) if segmenter == "ers" else fh(affinity, n_segments=20)
    assert np.array_equal(seal.transform(images[:1])[0], expected)


@pytest.mark.parametrize("segmenter", ["ers", "fh", partial(fh, min_size=3)])
@pytest.mark.parametrize(
    "affinity",
    [
        RGBAffinity(),
        RGBAffinity(connectivity=4),
        EdgeAffinity("sobel"),
        FeatureAffinity(identity, metric="l2"),
        "precomputed",
    ],
    ids=["rgb", "rgb-4", "edges", "features", "precomputed"],
)
def test_every_source_meets_every_segmenter(
    images, assert_label_map, affinity, segmenter
):
    X = images
    if affinity == "precomputed":
        X = [rgb_affinity(image) for image in images]
    graph = GraphSuperpixels(20, affinity=affinity, segmenter=segmenter)
    for image, labels in zip(images, graph.fit(X).transform(X), strict=True):
        assert_label_map(labels, image.shape[:2], 20)
    counts = [7, 20]
    for count, maps in zip(
        counts, zip(*graph.transform_counts(X, counts), strict=True), strict=True
    ):
        assert_same(maps, graph.set_params(n_segments=count).transform(X))


def test_sources_as_steps_of_a_pipeline(images):
    pipeline = make_pipeline(
        EdgeAffinity("sobel"), GraphSuperpixels(20, affinity="precomputed")
    )
    graph = GraphSuperpixels(20, affinity=EdgeAffinity("sobel"))
    assert_same(pipeline.fit_transform(images), graph.fit(images).transform(images))


def test_the_oracle_reads_truths(truths):
    several = [[truth, truth[::-1]] for truth in truths]
    graph = GraphSuperpixels(30, affinity=OracleAffinity())
    expected = ers(oracle_affinity(several[0]), 30)
    assert np.array_equal(graph.transform(several)[0], expected)
    assert graph.score(truths, truths) > 0.98


def test_ignored_pixels_do_not_count_in_the_score(truths):
    unknown = [np.where(truth == 0, 255, truth) for truth in truths]
    graph = GraphSuperpixels(30, affinity=OracleAffinity(ignore_label=255))
    score = graph.score(unknown, unknown)
    assert score == asa_scorer(graph, unknown, unknown, ignore_label=255)
    assert score != asa_scorer(graph, unknown, unknown)
    frozen = clone(graph).set_params(affinity=FrozenEstimator(graph.affinity))
    assert frozen.score(unknown, unknown) == score


def test_connectivity_is_that_of_the_graph(images):
    four, eight = RGBAffinity(connectivity=4), RGBAffinity(connectivity=8)
    a = GraphSuperpixels(20, affinity=eight, connectivity=4).transform(images)
    b = GraphSuperpixels(20, affinity=four, connectivity=4).transform(images)
    assert_same(a, b)
    derived = GraphSuperpixels(20, affinity=four).transform(images[:1])[0]
    affinity = to_eight_connected(rgb_affinity(images[0], connectivity=4))
    assert np.array_equal(derived, ers(affinity, 20))


class Foreign(TransformerMixin, BaseEstimator):
    """A source from elsewhere: nothing but fit and transform."""

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        if not hasattr(self, "fitted_"):
            raise NotFittedError("Foreign")
        return [rgb_affinity(image) for image in X]


def test_a_source_from_elsewhere(images):
    expected = ERSSuperpixels(20).transform(images)
    graph = GraphSuperpixels(20, affinity=Foreign(), n_jobs=2)
    assert_same(graph.fit(images).transform(images), expected)
    frozen = GraphSuperpixels(20, affinity=FrozenEstimator(Foreign().fit(images)))
    assert_same(frozen.transform(images), expected)
    with pytest.raises(NotFittedError):
        GraphSuperpixels(20, affinity=Foreign()).transform(images)


def test_a_segmenter_from_elsewhere_is_held_to_the_contract(images):
    def stripes(affinity, n_segments):
        columns = np.arange(affinity.shape[1]) * n_segments // affinity.shape[1]
        return np.broadcast_to(7 + columns % 2, affinity.shape[:2])

    graph = GraphSuperpixels(5, segmenter=stripes)
    labels = graph.transform(images[:1])[0]
    assert labels.dtype == np.int32
    assert np.array_equal(np.unique(labels), np.arange(5))

    def wrong(affinity, n_segments):
        return np.zeros((3, 3), dtype=int)

    with pytest.raises(ValueError, match="segmenter's result has shape"):
        graph.set_params(segmenter=wrong).transform(images)

    def negative(affinity, n_segments):
        return np.full(affinity.shape[:2], -1)

    with pytest.raises(ValueError, match="number the segments from 0"):
        graph.set_params(segmenter=negative).transform(images)


def test_the_source_of_a_fit_is_a_clone(images):
    source = EdgeAffinity("sobel")
    graph = GraphSuperpixels(20, affinity=source).fit(images)
    assert graph.affinity is source
    assert graph.affinity_ is not source
    nested = clone(graph).set_params(affinity__edges="prewitt", affinity__n_jobs=2)
    assert nested.affinity.edges == "prewitt"
    assert source.edges == "sobel"


@pytest.mark.slow
def test_masks_confine_every_source(images, truths):
    mask = np.zeros(images[0].shape[:2], dtype=bool)
    mask[5:40, 10:60] = True
    hidden = [(image / 255.0) for image in images]
    for image in hidden:
        image[~mask] = np.nan
    for affinity in (RGBAffinity(), EdgeAffinity("sobel")):
        graph = GraphSuperpixels(15, affinity=affinity)
        for labels in graph.transform(hidden, mask=[mask] * 4):
            assert np.array_equal(labels < 0, ~mask)
            assert np.array_equal(np.unique(labels), np.arange(-1, 15))
    # Colour differences inside know nothing of what is outside.
    assert_same(
        ERSSuperpixels(15).transform(hidden, mask=[mask] * 4),
        ERSSuperpixels(15).transform(images, mask=[mask] * 4),
    )
    seal = SEALSuperpixels(15, **TRAINING, random_state=0).fit(images, truths)
    for segmenter in ("ers", "fh"):
        seal.set_params(segmenter=segmenter)
        labels, whole = seal.transform([hidden[0], images[1]], mask=[mask, mask | True])
        assert np.array_equal(labels < 0, ~mask)
        assert whole.min() == 0


@pytest.mark.parametrize("outside", [np.nan, 7.0])
def test_affinities_outside_the_mask_are_not_read(images, outside):
    mask = np.zeros(images[0].shape[:2], dtype=bool)
    mask[5:40, 10:60] = True
    mask[20:30, 20:30] = False
    affinity = rgb_affinity(images[0], connectivity=4)
    hidden = np.where(mask[..., None], affinity, outside)
    graph = GraphSuperpixels(15, affinity="precomputed")
    assert_same(
        graph.transform([hidden], mask=[mask]),
        graph.transform([np.where(mask[..., None], affinity, 0)], mask=[mask]),
    )


def test_masks_may_be_lists(images):
    mask = np.zeros(images[0].shape[:2], dtype=bool)
    mask[:20] = True
    for segmenter in ("ers", partial(fh, min_size=3)):
        graph = GraphSuperpixels(15, segmenter=segmenter)
        assert_same(
            graph.transform(images[:1], mask=[mask.tolist()]),
            graph.transform(images[:1], mask=[mask]),
        )


def test_affinities_from_now_on(images):
    graph = GraphSuperpixels(15).fit(images)
    expected = graph.transform(images)
    graph.set_params(affinity="precomputed")
    assert_same(graph.transform([rgb_affinity(image) for image in images]), expected)


def test_a_mask_may_be_missing(images):
    mask = np.zeros(images[0].shape[:2], dtype=bool)
    mask[:20] = True
    some = ERSSuperpixels(15).transform(images[:2], mask=[None, mask])
    assert np.array_equal(some[0], ERSSuperpixels(15).transform(images[:1])[0])
    assert some[1][20:].max() == -1


def test_lazy_images_are_loaded_once_a_transform(images):
    loads = []

    def load(i):
        loads.append(i)
        return images[i]

    graph = GraphSuperpixels(20, affinity=EdgeAffinity("sobel"))
    lazy = LazySequence(load, range(4))
    assert_same(graph.transform(lazy), graph.transform(images))
    assert loads == [0, 1, 2, 3]


@pytest.mark.parametrize(
    ("params", "message"),
    [
        ({"affinity": "rgb"}, "affinity"),
        ({"affinity": 3}, "affinity"),
        ({"segmenter": "watershed"}, "segmenter"),
        ({"connectivity": 6}, "connectivity"),
        ({"balance": -1.0}, "balance"),
        ({"memory": 7}, "memory"),
    ],
)
def test_bad_parameters(images, params, message):
    with pytest.raises(ValueError, match=message):
        GraphSuperpixels(**params).fit(images)


def test_an_estimator_of_label_maps_is_no_source(images):
    graph = GraphSuperpixels(20, affinity=ERSSuperpixels(20))
    with pytest.raises(ValueError, match="an affinity map is"):
        graph.transform(images)


def test_bad_affinity_maps_are_named(images):
    graph = GraphSuperpixels(5, affinity="precomputed")
    with pytest.raises(ValueError, match=r"X\[1\] has shape .* an affinity map is"):
        graph.transform([rgb_affinity(images[0]), images[1]])


def test_a_segmenter_from_elsewhere_is_given_the_mask(images):
    mask = np.zeros(images[0].shape[:2], dtype=bool)
    mask[5:20, 10:30] = True
    given = []

    def whole(affinity, n_segments, mask=None):
        given.append(mask)
        return np.zeros(affinity.shape[:2], dtype=int)

    graph = GraphSuperpixels(1, segmenter=whole)
    confined, everywhere = graph.transform(images[:2], mask=[mask, None])
    assert np.array_equal(given[0], mask)
    assert given[1] is None
    assert np.array_equal(confined, mask - 1)
    assert not everywhere.any()


@pytest.mark.parametrize(("connectivity", "n"), [(4, 4), (8, 2)])
def test_regions_are_connected_as_the_graph_is(connectivity, n):
    def squares(affinity, n_segments):
        return np.kron(np.eye(2, dtype=int), np.ones((4, 4), dtype=int))

    graph = GraphSuperpixels(2, segmenter=squares, connectivity=connectivity)
    graph.transform([np.zeros((8, 8), dtype=np.uint8)])
    assert graph.n_segments_ == [n]


@pytest.mark.parametrize("callable_source", [False, True])
def test_n_jobs_images_are_cut_at_a_time(images, callable_source):
    both = Barrier(2, timeout=20)

    def waits_for_another(affinity, n_segments):
        both.wait()
        return np.zeros(affinity.shape[:2], dtype=int)

    def no_edges(image):
        return np.zeros(image.shape[:2])

    affinity = EdgeAffinity(no_edges if callable_source else "precomputed")
    X = images if callable_source else [no_edges(image) for image in images]
    graph = GraphSuperpixels(
        1, affinity=affinity, segmenter=waits_for_another, n_jobs=2
    )
    assert len(graph.transform(X[:2])) == 2


def test_n_jobs_images_are_segmented_at_a_time(images, monkeypatch):
    both = Barrier(2, timeout=20)

    def waits_for_another(self, image, n_segments, mask):
        both.wait()
        return np.zeros(image.shape[:2], dtype=int)

    monkeypatch.setattr(SNICSuperpixels, "_segment_once", waits_for_another)
    assert len(SNICSuperpixels(1, n_jobs=2).transform(images[:2])) == 2


def test_parameters_of_a_source_are_checked_without_fit(scenes):
    superpixels = GraphSuperpixels(30, affinity=EdgeAffinity("laplace"))
    with pytest.raises(ValueError, match="'edges' parameter of EdgeAffinity"):
        superpixels.transform(scenes[0][:1])
