"""The contract every estimator keeps: scikit-learn's checks, and versions for images.

scikit-learn's battery feeds 2-D arrays, which no estimator here takes, so only its
checks that need no data are run as they are; the rest is written anew for lists of
images.
"""

import pickle
import weakref

import joblib
import numpy as np
import pytest
from skimage.measure import label
from sklearn import config_context
from sklearn.base import BaseEstimator, clone
from sklearn.exceptions import NotFittedError
from sklearn.model_selection import GridSearchCV, KFold, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer
from sklearn.tree import DecisionTreeClassifier
from sklearn.utils import estimator_checks

import seal_sk
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
)
from seal_sk.datasets.lazy import LazySequence
from seal_sk.metrics import asa_scorer, boundary_recall_scorer

TRAINING = {
    "width": 2,
    "max_iter": 2,
    "batch_size": 1,
    "crop_size": 24,
    "train_segment_size": 300.0,
    "random_state": 0,
}


def colours(image):
    """Features of an image: its colours."""
    values = image if image.dtype.kind == "f" else image / np.iinfo(image.dtype).max
    return np.moveaxis(values.astype(np.float32), -1, 0)


# From images to label maps of exactly 15 superpixels.
CUTTERS = {
    "ERSSuperpixels": ERSSuperpixels(15),
    "FHSuperpixels": FHSuperpixels(15),
    "SNICSuperpixels": SNICSuperpixels(15, exact=True),
    "SLICSuperpixels": SLICSuperpixels(15, exact=True),
    "LSCSuperpixels": LSCSuperpixels(15, exact=True),
    "SEEDSSuperpixels": SEEDSSuperpixels(15, exact=True),
    "SEALSuperpixels": SEALSuperpixels(15, **TRAINING),
    "SEALSuperpixels-given": SEALSuperpixels(15, weights="bsds500", max_iter=0),
    "SEALSuperpixels-fh": SEALSuperpixels(15, segmenter="fh", **TRAINING),
    "GraphSuperpixels": GraphSuperpixels(15),
    "GraphSuperpixels-edges-fh": GraphSuperpixels(
        15, affinity=EdgeAffinity("sobel"), segmenter="fh"
    ),
    "GraphSuperpixels-features": GraphSuperpixels(
        15, affinity=FeatureAffinity(colours, metric="l2"), connectivity=4
    ),
    "GraphSuperpixels-learned": GraphSuperpixels(
        15, affinity=LearnedAffinity(**TRAINING)
    ),
}
SOURCES = {
    "RGBAffinity": RGBAffinity(),
    "EdgeAffinity": EdgeAffinity(),
    "FeatureAffinity": FeatureAffinity(colours),
    "LearnedAffinity": LearnedAffinity(**TRAINING),
}
# These read ground truth where others read images.
ORACLES = {
    "OracleAffinity": OracleAffinity(),
    "GraphSuperpixels-oracle": GraphSuperpixels(15, affinity=OracleAffinity()),
}
ON_SUPERPIXELS = {
    "SuperpixelFeatures": SuperpixelFeatures(SNICSuperpixels(15, exact=True)),
    "SuperpixelClassifier": SuperpixelClassifier(
        DecisionTreeClassifier(random_state=0), segmenter=ERSSuperpixels(15)
    ),
}
ESTIMATORS = CUTTERS | SOURCES | ORACLES | ON_SUPERPIXELS

DATA_FREE = [
    "check_do_not_raise_errors_in_init_or_set_params",
    "check_estimator_cloneable",
    "check_estimator_repr",
    "check_estimator_tags_renamed",
    "check_get_params_invariance",
    "check_mixin_order",
    "check_no_attributes_set_in_init",
    "check_param_validation",
    "check_parameters_default_constructible",
    "check_set_params",
    "check_valid_tag_types",
]


class Watched(np.ndarray):
    """An image that knows, through its weak references, whether it is in use."""


def results(estimator, X):
    """What it makes of the images: label maps, affinity maps, tables."""
    call = estimator.predict if hasattr(estimator, "predict") else estimator.transform
    return call(X)


@pytest.fixture(scope="module")
def data(scenes):
    images, truths = scenes
    return images[:6], truths[:6]


def test_the_battery_covers_every_estimator():
    public = [getattr(seal_sk, name) for name in seal_sk.__all__]
    classes = {
        item
        for item in public
        if isinstance(item, type) and issubclass(item, BaseEstimator)
    }
    assert {type(estimator) for estimator in ESTIMATORS.values()} == classes


def test_every_check_is_run():
    assert (len(ESTIMATORS), len(CUTTERS)) == (21, 13)
    assert (len(DATA_FREE), len(CHECKS), len(CUTTER_CHECKS)) == (11, 14, 12)
    n_checks = len(ESTIMATORS) * (len(DATA_FREE) + len(CHECKS))
    assert n_checks + len(CUTTERS) * len(CUTTER_CHECKS) == 681


@pytest.mark.parametrize("name", ESTIMATORS)
def test_scikit_learns_data_free_checks(name):
    estimator = ESTIMATORS[name]
    for check in DATA_FREE:
        getattr(estimator_checks, check)(type(estimator).__name__, clone(estimator))


# For all estimators ##################################################################


def check_fit_returns_self(estimator, X, y):
    assert estimator.fit(X, y) is estimator


def check_parameters_untouched(estimator, X, y):
    before = dict(estimator.get_params())
    results(estimator.fit(X, y), X)
    after = estimator.get_params()
    assert all(after[key] is value for key, value in before.items())


def check_no_new_public_attributes_without_underscore(estimator, X, y):
    results(estimator.fit(X, y), X)
    public = {key for key in vars(estimator) if not key.startswith("_")}
    learned = public - set(estimator.get_params())
    assert all(key.endswith("_") for key in learned)


def check_refit_is_idempotent(estimator, X, y):
    first = results(estimator.fit(X, y), X)
    assert_same(results(estimator.fit(X, y), X), first)
    assert_same(results(clone(estimator).fit(X, y), X), first)


def check_input_unchanged_and_read_only(estimator, X, y):
    expected = results(estimator.fit(X, y), X)
    copies = [image.copy() for image in X], [truth.copy() for truth in y]
    for array in (*copies[0], *copies[1]):
        array.flags.writeable = False
    assert_same(results(clone(estimator).fit(*copies), copies[0]), expected)
    assert_same(copies[0], X)


def check_pickle(estimator, X, y):
    expected = results(estimator.fit(X, y), X)
    assert_same(results(pickle.loads(pickle.dumps(estimator)), X), expected)


def check_joblib_dump(estimator, X, y, tmp_path):
    expected = results(estimator.fit(X, y), X)
    joblib.dump(estimator, tmp_path / "estimator")
    assert_same(results(joblib.load(tmp_path / "estimator"), X), expected)


def check_jobs_change_nothing(estimator, X, y):
    expected = results(estimator.fit(X, y), X)
    for n_jobs in (2, 5):
        assert_same(results(estimator.set_params(n_jobs=n_jobs), X), expected)


def check_subsets_and_order_change_nothing(estimator, X, y):
    expected = results(estimator.fit(X, y), X)
    assert_same(results(estimator, X[::-1])[::-1], expected)
    assert_same([results(estimator, [image])[0] for image in X], expected)


def check_kinds_of_sequences(estimator, X, y):
    expected = results(estimator.fit(X, y), X)
    objects = np.empty(len(X), dtype=object)
    objects[:] = X
    kinds = [tuple(X), objects, LazySequence(X.__getitem__, range(len(X)))]
    if X[0].ndim == 3:
        kinds.append(np.stack(X))
    for same in kinds:
        assert_same(results(clone(estimator).fit(same, y), same), expected)


def check_output_stays_a_list(estimator, X, y):
    with config_context(transform_output="pandas"):
        assert isinstance(results(estimator.fit(X, y), X), list)


def check_html_and_repr(estimator, X, y):
    assert type(estimator).__name__ in repr(estimator)
    assert type(estimator).__name__ in estimator._repr_html_()


def check_metadata_routing_changes_nothing(estimator, X, y):
    expected = results(clone(estimator).fit(X, y), X)
    with config_context(enable_metadata_routing=True):
        pipeline = make_pipeline(FunctionTransformer(), estimator).fit(X, y)
        assert_same(results(pipeline, X), expected)
        if hasattr(estimator, "score"):
            assert pipeline.score(X, y) == estimator.score(X, y)
        assert type(estimator).__name__ in str(estimator.get_metadata_routing().owner)


def check_lazy_folds_are_not_loaded_whole(estimator, X, y):
    loaded, peak = [], [0]

    def load(i):
        image = X[i].copy().view(Watched)
        loaded.append(weakref.ref(image))
        peak[0] = max(peak[0], sum(use() is not None for use in loaded))
        return image

    many = list(range(len(X))) * 4
    lazy = LazySequence(load, many)
    truths = [y[i] for i in many]
    for training, test in KFold(2).split(many):
        fitted = clone(estimator).fit(lazy[training], [truths[i] for i in training])
        results(fitted, lazy[test])
    # A batch, the next one and the crops of both: not the 12 images of a fold.
    assert 0 < peak[0] <= 6


CHECKS = [value for key, value in sorted(globals().items()) if key.startswith("check_")]


# For those that cut images into superpixels ##########################################


def check_label_maps(estimator, X, y):
    maps = estimator.fit(X, y).transform(X)
    assert isinstance(maps, list)
    assert estimator.n_segments_ == [15] * len(X)
    for image, labels in zip(X, maps, strict=True):
        assert labels.dtype == np.int32
        assert labels.shape == image.shape[:2]
        assert np.array_equal(np.unique(labels), np.arange(15))


def check_several_counts(estimator, X, y):
    counts = [7, 15, 1]
    per_image = estimator.fit(X, y).transform_counts(X, counts)
    assert len(per_image) == len(X)
    for count, maps in zip(counts, zip(*per_image, strict=True), strict=True):
        assert_same(maps, estimator.set_params(n_segments=count).transform(X))
    for wrong, message in (([], "is empty"), ([10**6], "more than the")):
        with pytest.raises(ValueError, match=message):
            estimator.transform_counts(X, wrong)


def check_images_of_many_kinds(estimator, X, y):
    estimator.fit(X, y)
    mixed = [
        X[0],
        X[1][:20, :33],
        X[2][..., 0],
        X[2][..., :1],
        (X[3] / 255.0).astype(np.float32),
        X[4].astype(np.uint16) * 257,
    ]
    maps = estimator.transform(mixed)
    assert [m.shape for m in maps] == [image.shape[:2] for image in mixed]
    assert np.array_equal(maps[2], maps[3])
    assert np.array_equal(maps[5], estimator.transform([X[4]])[0])


def check_several_annotations(estimator, X, y):
    several = [[truth, truth] for truth in y]
    estimator.fit(X, several)
    assert estimator.score(X, several) == pytest.approx(estimator.score(X, y))


def check_score_is_the_mean_asa(estimator, X, y):
    estimator.fit(X, y)
    assert estimator.score(X, y) == asa_scorer(estimator, X, y)


def check_cross_validation(estimator, X, y):
    scores = cross_validate(
        estimator,
        X,
        y,
        cv=KFold(2),
        scoring={"asa": asa_scorer, "br": boundary_recall_scorer},
        error_score="raise",
    )
    assert scores["test_asa"].shape == scores["test_br"].shape == (2,)


def check_pipeline_and_grid_search(estimator, X, y):
    pipeline = make_pipeline(FunctionTransformer(darken), estimator)
    step = pipeline.steps[-1][0]
    search = GridSearchCV(
        pipeline,
        {f"{step}__n_segments": [4, 40]},
        scoring=asa_scorer,
        cv=2,
        error_score="raise",
    ).fit(X, y)
    assert search.best_params_ == {f"{step}__n_segments": 40}
    assert search.transform(X)[0].max() == 39


def check_nested_search(estimator, X, y):
    search = GridSearchCV(estimator, {"n_segments": [4, 40]}, scoring=asa_scorer, cv=2)
    scores = cross_validate(
        search, X, y, cv=2, scoring=asa_scorer, return_estimator=True
    )
    assert all(
        inner.best_params_ == {"n_segments": 40} for inner in scores["estimator"]
    )
    assert estimator.n_segments == 15


def check_masks(estimator, X, y):
    estimator.fit(X, y)
    mask = np.zeros(X[0].shape[:2], dtype=bool)
    mask[8:60, 4:50] = True
    if not estimator._takes_mask:
        with pytest.raises(ValueError, match="can't be confined to a mask"):
            estimator.transform(X[:1], mask=[mask])
        return
    hidden = X[0] / 255.0
    hidden[~mask] = np.nan
    (labels,) = estimator.transform([hidden], mask=[mask])
    assert np.array_equal(labels < 0, ~mask)
    assert np.array_equal(np.unique(labels), np.arange(-1, 15))
    assert estimator.n_segments_ == [15]
    for wrong in (mask, [mask, mask], [mask[:-1]], [mask & False], [mask * 1]):
        with pytest.raises((ValueError, TypeError), match="mask"):
            estimator.transform(X[:1], mask=wrong)


def check_fit_transform_inside_masks(estimator, X, y):
    mask = np.zeros(X[0].shape[:2], dtype=bool)
    mask[8:60, 4:50] = True
    masks = [mask] * len(X)
    if not estimator._takes_mask:
        return
    expected = clone(estimator).fit(X, y).transform(X, mask=masks)
    assert_same(clone(estimator).fit_transform(X, y, mask=masks), expected)
    with config_context(enable_metadata_routing=True):
        step = clone(estimator).set_transform_request(mask=True)
        pipeline = make_pipeline(FunctionTransformer(), step)
        assert_same(pipeline.fit_transform(X, y, mask=masks), expected)
        assert_same(pipeline.transform(X, mask=masks), expected)


def check_weights_of_images(estimator, X, y):
    estimator.fit(X, y)
    each = [estimator.score([X[i]], [y[i]]) for i in range(3)]
    weighted = estimator.score(X[:3], y[:3], sample_weight=[1, 0, 3])
    assert weighted == pytest.approx((each[0] + 3 * each[2]) / 4)
    for wrong in ([1], [1, 2, -1], [0, 0, 0], [1, 2, np.nan]):
        with pytest.raises(ValueError, match="sample_weight"):
            estimator.score(X[:3], y[:3], sample_weight=wrong)


def check_regions_are_connected(estimator, X, y):
    four = getattr(estimator, "connectivity", 4) == 4
    for labels in estimator.fit(X, y).transform(X):
        regions = label(labels, background=-1, connectivity=1 if four else 2)
        assert regions.max() == 15


CUTTER_CHECKS = [
    value
    for key, value in sorted(globals().items())
    if key.startswith("check_") and value not in CHECKS
]


@pytest.mark.slow
@pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", ESTIMATORS)
def test_checks(name, check, data, tmp_path):
    X, y = data
    X = y if name in ORACLES else X
    more = (tmp_path,) if check is check_joblib_dump else ()
    check(clone(ESTIMATORS[name]), X, y, *more)


@pytest.mark.slow
@pytest.mark.parametrize("check", CUTTER_CHECKS, ids=lambda check: check.__name__)
@pytest.mark.parametrize("name", CUTTERS)
def test_checks_of_label_maps(name, check, data):
    check(clone(CUTTERS[name]), *data)


def assert_same(maps, expected):
    for labels, same in zip(maps, expected, strict=True):
        assert np.array_equal(labels, same)


def darken(images):
    return [image // 2 for image in images]


# What is wrong, the call that must refuse it, and what the message must say.
IMAGE = np.zeros((20, 24, 3), dtype=np.uint8)
TRUTH = np.zeros((20, 24), dtype=np.int32)
BAD_X = [
    ("one image", IMAGE, ValueError, r"pass \[image\]"),
    ("one grey image", IMAGE[..., 0], ValueError, r"pass \[image\]"),
    ("empty", [], ValueError, "X is empty"),
    ("no pixels", [IMAGE[:0]], ValueError, "no pixel"),
    ("NaN", [IMAGE, np.full((20, 24), np.nan)], ValueError, r"X\[1\] holds NaN"),
    ("infinite", [np.full((20, 24), np.inf)], ValueError, "NaN or infinite"),
    ("floats to 255", [np.full((20, 24), 255.0)], ValueError, "must lie in 0..1"),
    ("negative", [np.full((20, 24), -0.1)], ValueError, "must lie in 0..1"),
    ("alpha", [np.zeros((20, 24, 4), np.uint8)], ValueError, r"image\[..., :3\]"),
    ("grey and alpha", [np.zeros((20, 24, 2), np.uint8)], ValueError, ":1]"),
    ("int64", [np.zeros((20, 24), np.int64)], TypeError, "dtype int64"),
    ("bool", [np.zeros((20, 24), bool)], TypeError, "dtype bool"),
    ("masked", [np.ma.zeros((20, 24), np.uint8)], TypeError, "mask would be lost"),
    ("text", "image.png", TypeError, "X is str"),
    ("names", ["image.png"], TypeError, r"X\[0\] is the name .* read the file first"),
    ("a number", 3, TypeError, "X is int"),
    ("a vector", [np.zeros(9, np.uint8)], ValueError, r"shape \(9,\)"),
]


@pytest.mark.parametrize("name", CUTTERS)
@pytest.mark.parametrize(
    ("X", "error", "message"), [row[1:] for row in BAD_X], ids=[row[0] for row in BAD_X]
)
def test_bad_images(name, data, X, error, message):
    estimator = clone(CUTTERS[name])
    with pytest.raises(error, match=message):
        estimator.fit(X, [TRUTH] * (len(X) if hasattr(X, "__len__") else 1))
    estimator.fit(*data)
    with pytest.raises(error, match=message):
        estimator.transform(X)


@pytest.mark.parametrize("n_segments", [0, -3, 2.5, "many", None])
@pytest.mark.parametrize("name", CUTTERS)
def test_bad_counts(name, data, n_segments):
    estimator = clone(CUTTERS[name])
    estimator.set_params(n_segments=n_segments)
    for call in (lambda: estimator.fit(*data), lambda: estimator.transform(data[0])):
        with pytest.raises((ValueError, TypeError), match="n_segments"):
            call()


@pytest.mark.parametrize("name", CUTTERS)
def test_bad_images_of_a_lazy_sequence_are_named(name, data):
    estimator = clone(CUTTERS[name])
    estimator.fit(*data)
    images = [IMAGE, np.zeros((20, 24, 2), dtype=np.uint8)]
    lazy = LazySequence(images.__getitem__, range(2))
    with pytest.raises(ValueError, match=r"X\[1\] has 2 channels"):
        estimator.transform(lazy)


@pytest.mark.parametrize("name", CUTTERS)
def test_more_segments_than_pixels(name, data):
    estimator = clone(CUTTERS[name])
    estimator.fit(*data).set_params(n_segments=20 * 24 + 1)
    with pytest.raises(ValueError, match="more than the 480 pixels"):
        estimator.transform([*data[0], IMAGE])


BAD_Y = [
    ("unequal lengths", [TRUTH], ValueError, "2 images and y has 1"),
    ("none", None, ValueError, "y is None"),
    ("another size", [TRUTH, TRUTH.T], ValueError, r"y\[1\] has shape \(24, 20\)"),
    ("floats", [TRUTH, TRUTH / 2], TypeError, "holds integers"),
    ("numbers", [3, 4], TypeError, r"y\[0\] is int"),
    ("no annotation", [TRUTH, []], ValueError, "at least one"),
    ("one map", TRUTH, ValueError, r"pass \[label_map\]"),
]


@pytest.mark.slow
@pytest.mark.parametrize(
    ("y", "error", "message"), [row[1:] for row in BAD_Y], ids=[row[0] for row in BAD_Y]
)
def test_bad_ground_truth(y, error, message):
    X = [np.indices((20, 24)).sum(axis=0).astype(np.uint8)] * 2
    with pytest.raises(error, match=message):
        clone(ESTIMATORS["SEALSuperpixels"]).fit(X, y)
    for name in CUTTERS:
        estimator = clone(CUTTERS[name]).fit(X, [TRUTH, TRUTH])
        with pytest.raises(error, match=message):
            estimator.score(X, y)


def test_unfitted(data):
    with pytest.raises(NotFittedError):
        SEALSuperpixels().transform(data[0])
    # Nothing is learned: nothing has to be fitted.
    assert len(ERSSuperpixels(5).transform(data[0])) == 6
