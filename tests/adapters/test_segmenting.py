"""Estimators as functions of one image, and LIME with them."""

import pickle
import warnings

import numpy as np
import pytest
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from seal_sk import SNICSuperpixels
from seal_sk.adapters import SegmentationFunction, segmentation_fn


@pytest.fixture(scope="module")
def lime_image():
    pytest.importorskip("lime")
    with warnings.catch_warnings():
        # Its source has escapes that newer Pythons warn of when they compile it.
        warnings.filterwarnings("ignore", category=SyntaxWarning)
        warnings.filterwarnings("ignore", "invalid escape", DeprecationWarning)
        from lime import lime_image

    return lime_image


@pytest.fixture
def image(scenes):
    return scenes[0][0]


def test_as_the_estimator(image):
    estimator = SNICSuperpixels(20)
    labels = segmentation_fn(estimator)(image)
    np.testing.assert_array_equal(labels, estimator.transform([image])[0])
    assert labels.dtype == np.int32


def test_value_range_brings_images_to_the_same_colours(image):
    expected = segmentation_fn(SNICSuperpixels(20))(image / 255)
    for black, white in ((0, 255), (-1, 1), (10, 20)):
        given = black + image / 255 * (white - black)
        segment = segmentation_fn(SNICSuperpixels(20), value_range=(black, white))
        # Rounding may not take it out of the range.
        labels = segment(np.clip(given, black, white))
        assert (labels == expected).mean() > 0.99
    segment = segmentation_fn(SNICSuperpixels(20), value_range=(0, 255))
    np.testing.assert_array_equal(segment(image.astype(np.int64)), expected)


def test_pickle(image):
    segment = segmentation_fn(SNICSuperpixels(20), value_range=(0, 255))
    again = pickle.loads(pickle.dumps(segment))
    assert again.value_range == (0, 255)
    np.testing.assert_array_equal(again(image), segment(image))


def test_pipeline(image):
    pipeline = make_pipeline(
        FunctionTransformer(lambda images: [i[::-1] for i in images]),
        SNICSuperpixels(20),
    )
    labels = segmentation_fn(pipeline)(image)
    np.testing.assert_array_equal(
        labels, SNICSuperpixels(20).transform([image[::-1]])[0]
    )


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda image: image.astype(np.float64), r"float64 and values in \d+\.\.\d+"),
        (lambda image: image / 127.5 - 1, "black and white are not known"),
        (lambda image: image.astype(np.int64), "int64 and values"),
        (lambda image: image * np.nan, "nan"),
        (lambda image: image[:0], "shape"),
        (lambda image: image > 3, "dtype bool"),
    ],
)
def test_unknown_colours_are_refused(image, change, message):
    with pytest.raises(ValueError, match=message):
        segmentation_fn(SNICSuperpixels(20))(change(image))


def test_values_beyond_the_range_are_refused(image):
    with pytest.raises(ValueError, match=r"outside value_range=\(0\.0, 1\.0\)"):
        segmentation_fn(SNICSuperpixels(20), value_range=(0, 1))(image)


@pytest.mark.parametrize(
    ("value_range", "error"),
    [
        (3, TypeError),
        ((1, "a"), TypeError),
        ((1, 0), ValueError),
        ((0, np.inf), ValueError),
    ],
)
def test_bad_value_ranges(value_range, error):
    for make in (segmentation_fn, SegmentationFunction):
        with pytest.raises(error, match="value_range="):
            make(SNICSuperpixels(20), value_range=value_range)


@pytest.mark.parametrize("estimator", [SNICSuperpixels, np.mean, None])
def test_no_estimator(estimator):
    for make in (segmentation_fn, SegmentationFunction):
        with pytest.raises(TypeError, match="has no transform"):
            make(estimator)


def test_lime_finds_the_bright_superpixels(lime_image):
    image = np.full((40, 60, 3), 60, dtype=np.uint8)
    image[10:30, 20:40] = 220
    segment = segmentation_fn(SNICSuperpixels(24, compactness=1.0))

    def predict(images):
        bright = np.stack(images)[:, 10:30, 20:40].mean(axis=(1, 2, 3)) / 255
        return np.column_stack([1 - bright, bright])

    explanation = lime_image.LimeImageExplainer(random_state=0).explain_instance(
        image,
        predict,
        labels=(1,),
        top_labels=None,
        hide_color=0,
        num_samples=200,
        segmentation_fn=segment,
    )
    np.testing.assert_array_equal(explanation.segments, segment(image))
    weights = dict(explanation.local_exp[1])
    inside = np.unique(explanation.segments[12:28, 22:38])
    outside = np.setdiff1d(explanation.segments, explanation.segments[9:31, 19:41])
    assert min(weights[i] for i in inside) > max(weights[i] for i in outside)


@pytest.mark.parametrize("scale", [1, 255])
def test_lime_with_floats(lime_image, scale, image):
    segment = segmentation_fn(SNICSuperpixels(9), value_range=(0, scale))
    explanation = lime_image.LimeImageExplainer(random_state=0).explain_instance(
        image / 255 * scale,
        lambda images: np.ones((len(images), 2)) / 2,
        num_samples=20,
        segmentation_fn=segment,
    )
    assert len(explanation.local_exp[0]) == explanation.segments.max() + 1
