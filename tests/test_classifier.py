"""SuperpixelClassifier: classes of pixels from classes of superpixels."""

import pickle
from pathlib import Path

import joblib
import numpy as np
import pytest
from sklearn.base import clone
from sklearn.dummy import DummyClassifier
from sklearn.ensemble import RandomForestClassifier
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import GridSearchCV, cross_validate
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer, StandardScaler
from sklearn.svm import LinearSVC

from seal_sk import (
    SEALSuperpixels,
    SNICSuperpixels,
    SuperpixelClassifier,
    paint,
    superpixel_features,
)
from seal_sk.datasets.lazy import LazySequence

ROOT = Path(__file__).parents[1]
SIMPLE = SuperpixelClassifier(
    RandomForestClassifier(10, random_state=0),
    segmenter=SNICSuperpixels(60, exact=True),
    features=("mean", "std", "position"),
)
UNKNOWN = 255


@pytest.fixture(scope="module")
def data(scenes):
    """Scenes whose objects are dark (3), medium (40) or bright (90), some unknown."""
    images, truths = scenes[0][:9], scenes[1][:9]
    classes = []
    for image, truth in zip(images, truths, strict=True):
        mean = superpixel_features(image, truth, features=["mean"]).mean(axis=1)
        kind = np.array([3, 40, 90], dtype=np.uint8)[np.digitize(mean, [0.42, 0.52])]
        classes.append(paint(kind, truth))
        classes[-1][:3] = UNKNOWN
    return images, classes


@pytest.fixture
def estimator():
    return clone(SIMPLE).set_params(ignore_label=UNKNOWN)


def assert_same(maps, expected):
    for one, other in zip(maps, expected, strict=True):
        assert one.dtype == other.dtype
        assert np.array_equal(one, other)


def test_learns_better_than_the_majority(estimator, data):
    X, y = data
    assert estimator.fit(X[:6], y[:6]) is estimator
    assert estimator.classes_.tolist() == [3, 40, 90]
    predicted = estimator.predict(X[6:])
    for classes, truth in zip(predicted, y[6:], strict=True):
        assert classes.dtype == np.uint8
        assert classes.shape == truth.shape
        assert np.isin(classes, [3, 40, 90]).all()
    majority = clone(estimator).set_params(classifier=DummyClassifier())
    least = majority.fit(X[:6], y[:6]).score(X[6:], y[6:])
    assert estimator.score(X[6:], y[6:]) > least + 0.25
    names = estimator.extractor_.get_feature_names_out()
    assert len(names) == estimator.classifier_.n_features_in_
    assert names[estimator.classifier_.feature_importances_.argmax()].startswith("mean")


def test_score_is_the_accuracy_of_known_pixels(estimator, data):
    X, y = data
    estimator.fit(X, y)
    shares = [
        np.mean((classes == truth)[truth != UNKNOWN])
        for classes, truth in zip(estimator.predict(X), y, strict=True)
    ]
    assert estimator.score(X, y) == pytest.approx(np.mean(shares))
    nothing = np.full_like(y[0], UNKNOWN)
    assert estimator.score(X, [nothing, *y[1:]]) == pytest.approx(np.mean(shares[1:]))
    several = [[truth, nothing, np.full_like(truth, 3)] for truth in y]
    threes = [
        np.mean(classes == 3) for classes in clone(estimator).fit(X, y).predict(X)
    ]
    expected = np.mean([shares, threes])
    assert estimator.score(X, several) == pytest.approx(expected)
    with pytest.raises(ValueError, match="no pixel to score"):
        estimator.score(X[:1], [nothing])


def test_probabilities(estimator, data):
    X, y = data
    estimator.fit(X, y)
    for probability, classes in zip(
        estimator.predict_proba(X), estimator.predict(X), strict=True
    ):
        assert probability.dtype == np.float32
        assert probability.shape == (*classes.shape, 3)
        np.testing.assert_allclose(probability.sum(axis=-1), 1, atol=1e-6)
        assert np.array_equal(estimator.classes_[probability.argmax(-1)], classes)
    assert not hasattr(SuperpixelClassifier(LinearSVC()), "predict_proba")
    assert hasattr(SuperpixelClassifier(), "predict_proba")


class Remember(DummyClassifier):
    """Keeps what it was given."""

    def fit(self, X, y):
        self.given_ = X, y
        return super().fit(X, y)


def test_superpixels_learn_their_majority():
    # Superpixels: two of three, a tie, none known, all of one.
    labels = np.array([[0, 0, 0, 1, 1, 2, 2, 3, -1]])
    truth = np.array([[5, 5, 7, 7, 5, 9, 9, 7, 8]], dtype=np.int16)
    image = np.linspace(0, 1, 9)[None]
    model = SuperpixelClassifier(
        Remember(), segmenter="precomputed", features=["mean"], ignore_label=9
    ).fit([(image, labels)], [truth])
    rows, classes = model.classifier_.given_
    assert classes.dtype == np.int16
    assert classes.tolist() == [5, 5, 7]
    assert rows.ravel().tolist() == pytest.approx([1 / 8, 3.5 / 8, 7 / 8])
    assert model.classes_.tolist() == [5, 7]
    (painted,) = model.predict([(image, labels)])
    assert painted.dtype == np.int16
    assert painted.tolist() == [[5] * 8 + [9]]
    (probability,) = model.predict_proba([(image, labels)])
    assert probability[0, :, 0].tolist() == pytest.approx([2 / 3] * 8 + [0])
    # The masked pixel does not count, nor do the unknown ones.
    assert model.score([(image, labels)], [truth]) == 3 / 6
    whole = [(image, np.maximum(labels, 0))]
    for ignore_label in (None, 2**15):
        model.set_params(ignore_label=ignore_label)
        assert model.predict(whole)[0].tolist() == [[5] * 9]
        with pytest.raises(ValueError, match=r"X\[0\] leave pixels masked.*\.32767"):
            model.predict([(image, labels)])


def test_annotators_vote():
    labels = np.array([[0, 0, 1, 1]])
    votes = [[[1, 1, 2, 2]], [[2, 2, 1, 2]], [[2, 2, 1, 1]]]
    model = SuperpixelClassifier(Remember(), segmenter="precomputed", features=["mean"])
    model.fit([(np.zeros((1, 4)), labels)], [[np.array(one) for one in votes]])
    assert model.classifier_.given_[1].tolist() == [2, 1]


def test_defaults_on_two_colours():
    image = np.zeros((32, 48), dtype=np.uint8)
    image[:, 24:] = 200
    # Mirrored as well, so that position tells nothing.
    X = [image, image[:, ::-1]]
    model = SuperpixelClassifier().fit(X, [one > 100 for one in X])
    assert model.predict([image])[0].dtype == np.uint8
    assert model.classifier_.random_state == 0
    other = image.T // 2 + 60
    assert model.score([other], [other > 100]) > 0.95


def test_grid_search_picks_enough_superpixels(estimator, data):
    X, y = data
    search = GridSearchCV(
        estimator, {"segmenter__n_segments": [2, 60]}, cv=3, error_score="raise"
    ).fit(X, y)
    assert search.best_params_ == {"segmenter__n_segments": 60}
    assert search.predict(X[:1])[0].shape == y[0].shape
    assert len(search.predict_proba(X[:1])) == 1


def test_cross_validation(estimator, data):
    scores = cross_validate(estimator, *data, cv=3, error_score="raise")
    assert (scores["test_score"] > 0.5).all()


def test_pipelines(estimator, data):
    X, y = data
    estimator.set_params(
        classifier=make_pipeline(StandardScaler(), LogisticRegression())
    )
    pipeline = make_pipeline(FunctionTransformer(darken), estimator)
    pipeline.set_params(superpixelclassifier__classifier__logisticregression__C=10.0)
    assert pipeline.fit(X, y).score(X, y) > 0.6
    assert pipeline.classes_.tolist() == [3, 40, 90]
    expected = clone(estimator).fit(darken(X), y).predict(darken(X))
    assert_same(pipeline.predict(X), expected)


def darken(images):
    return [image // 2 for image in images]


def test_same_output_however_it_is_called(estimator, data, tmp_path):
    X, y = data
    expected = estimator.fit(X, y).predict(X)
    assert_same(estimator.fit(X, y).predict(X), expected)
    assert_same(clone(estimator).set_params(n_jobs=2).fit(X, y).predict(X), expected)
    assert_same(estimator.predict(X[::-1])[::-1], expected)
    assert_same([estimator.predict([image])[0] for image in X], expected)
    assert_same(pickle.loads(pickle.dumps(estimator)).predict(X), expected)
    joblib.dump(estimator, tmp_path / "model")
    assert_same(joblib.load(tmp_path / "model").predict(X), expected)
    lazy = [LazySequence(items.__getitem__, range(len(X))) for items in (X, y)]
    assert_same(clone(estimator).fit(*lazy).predict(lazy[0]), expected)
    wide = [image.astype(np.uint16) * 257 for image in X]
    assert_same(estimator.predict(wide), expected)
    assert clone(estimator).fit(*lazy).score(*lazy) == estimator.score(X, y)


def test_fit_leaves_its_inputs_alone(estimator, data):
    X, y = data
    copies = [[one.copy() for one in items] for items in (X, y)]
    for array in (*copies[0], *copies[1]):
        array.flags.writeable = False
    before = estimator.get_params()
    estimator.fit(*copies).predict(copies[0])
    assert_same(copies[0] + copies[1], X + y)
    assert all(estimator.get_params()[key] is value for key, value in before.items())
    assert estimator.classifier_ is not estimator.classifier
    assert estimator.segmenter_ is not estimator.segmenter


def test_segmenter_trained_before_stays_as_it_is(estimator, data):
    X, y = data
    seal = SEALSuperpixels(
        20, width=2, max_iter=1, batch_size=1, crop_size=24, random_state=0
    ).fit(X[:2], y[:2])
    estimator.set_params(segmenter=FrozenEstimator(seal)).fit(X[:3], y[:3])
    assert estimator.segmenter_.estimator is seal
    assert_same(
        estimator.extractor_.describe(X[:1])[1],
        seal.transform(X[:1]),
    )


IMAGE = np.zeros((20, 24, 3), dtype=np.uint8)
TRUTH = np.zeros((20, 24), dtype=np.int32)


@pytest.mark.parametrize(
    ("X", "y", "error", "message"),
    [
        (IMAGE, [TRUTH], ValueError, r"pass \[image\]"),
        ([], [], ValueError, "X is empty"),
        ([IMAGE, IMAGE[..., 0]], [TRUTH, TRUTH], ValueError, r"X\[1\] has 1 channels"),
        ([IMAGE, 3], [TRUTH, TRUTH], ValueError, r"X\[1\] has shape \(\)"),
        ([IMAGE], None, ValueError, "y is None"),
        ([IMAGE], TRUTH, ValueError, r"pass \[label_map\]"),
        ([IMAGE, IMAGE], [TRUTH], ValueError, "2 images and y has 1"),
        ([IMAGE, IMAGE], [TRUTH, TRUTH.T], ValueError, r"y\[1\] has shape"),
        ([IMAGE], [TRUTH / 2], TypeError, r"y\[0\] has dtype float64"),
        ([IMAGE], [TRUTH + UNKNOWN], ValueError, "nothing but ignore_label=255"),
        (
            [IMAGE, IMAGE],
            [TRUTH.astype(np.uint64), TRUTH],
            TypeError,
            "mixes uint64 with signed",
        ),
    ],
)
def test_bad_data(estimator, X, y, error, message):
    estimator.set_params(features=["mean"])
    with pytest.raises(error, match=message):
        estimator.fit(X, y)


def test_bad_ground_truth_in_score(estimator, data):
    estimator.fit(*data)
    with pytest.raises(ValueError, match=r"y\[1\] has shape"):
        estimator.score(data[0][:2], [data[1][0], data[1][1].T])
    with pytest.raises(ValueError, match="y is None"):
        estimator.score(data[0], None)


class Unused:
    """A segmenter that must not be reached."""

    def fit(self, X, y=None):
        return self

    def get_params(self, deep=True):
        return {}

    def transform(self, X):
        raise AssertionError("cut before all was checked")


def test_all_is_checked_before_an_image_is_cut(estimator, data):
    X, y = [IMAGE, IMAGE], [TRUTH, TRUTH.T]
    estimator.set_params(segmenter=Unused())
    with pytest.raises(ValueError, match=r"y\[1\] has shape"):
        estimator.fit(X, y)
    estimator.set_params(segmenter=SIMPLE.segmenter).fit(*data)
    estimator.extractor_.segmenter_ = Unused()
    with pytest.raises(ValueError, match=r"y\[1\] has shape"):
        estimator.score(X, y)
    with pytest.raises(ValueError, match=r"X\[1\] has 1 channels"):
        estimator.predict([IMAGE, IMAGE[..., 0]])


def test_the_parameters_reach_the_extractor(estimator, data):
    estimator.set_params(features=("histogram",), bins=3, n_jobs=2).fit(*data)
    assert estimator.extractor_.get_params(deep=False) == {
        "segmenter": estimator.segmenter,
        "features": ("histogram",),
        "bins": 3,
        "as_frame": False,
        "n_jobs": 2,
    }
    assert estimator.classifier_.n_features_in_ == 9


def test_unfitted(data):
    for call in ("predict", "predict_proba"):
        with pytest.raises(NotFittedError):
            getattr(SuperpixelClassifier(), call)(data[0])
    with pytest.raises(NotFittedError):
        SuperpixelClassifier().score(*data)


def test_html_and_repr(estimator):
    assert "RandomForestClassifier" in repr(estimator)
    assert "SNICSuperpixels" in estimator._repr_html_()
