"""What images, sequences of them and ground truths may be, for everything that takes
them."""

import warnings
from collections import OrderedDict

import joblib
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import pytest
import sklearn
from sklearn.frozen import FrozenEstimator
from sklearn.model_selection import cross_val_predict, cross_val_score
from sklearn.pipeline import FeatureUnion, make_pipeline, make_union
from sklearn.preprocessing import FunctionTransformer

from seal_sk import (
    ERSSuperpixels,
    FeatureAffinity,
    FHSuperpixels,
    GraphSuperpixels,
    LSCSuperpixels,
    RGBAffinity,
    SEALSuperpixels,
    SEEDSSuperpixels,
    SLICSuperpixels,
    SNICSuperpixels,
    SuperpixelClassifier,
    SuperpixelFeatures,
    ers,
    fh_image,
    refine_boundaries,
    rgb_affinity,
    slic,
    snic,
    superpixel_features,
)
from seal_sk.adapters import segmentation_fn
from seal_sk.affinity import edge_affinity, to_eight_connected
from seal_sk.datasets import Dataset, make_scenes
from seal_sk.labels import force_n_segments
from seal_sk.metrics import (
    asa_scorer,
    evaluate,
    evaluate_scorer,
    explained_variation_score,
)
from seal_sk.plotting import CurveDisplay, draw_boundaries

METHODS = [
    ERSSuperpixels(10),
    FHSuperpixels(10),
    SNICSuperpixels(10),
    SLICSuperpixels(10),
    LSCSuperpixels(10),
    SEEDSSuperpixels(10),
    SEALSuperpixels(10, weights="bsds500"),
]


@pytest.fixture(scope="module")
def data():
    return make_scenes(4, shape=(32, 40), random_state=0)


def backwards(items):
    """A Series whose index names the items in reverse."""
    return pd.Series(list(items), index=range(len(items))[::-1])


@pytest.mark.parametrize("method", METHODS, ids=lambda method: type(method).__name__)
def test_a_series_goes_by_position(method, data):
    images, truths = data
    series = backwards(images)
    for labels, want in zip(
        method.transform(series), method.transform(images), strict=True
    ):
        assert np.array_equal(labels, want)
    assert method.score(series, backwards(truths)) == method.score(images, truths)


def test_masks_weights_and_truths_in_a_series(data):
    images, truths = data
    masks = [None, np.ones((32, 40), bool), None, np.eye(32, 40).cumsum(1) > 0]
    weights = [1, 2, 3, 4]
    wanted = (
        SNICSuperpixels(10).score(images, truths, masks, weights),
        asa_scorer(SNICSuperpixels(10), images, truths),
        evaluate_scorer(SNICSuperpixels(10), images, truths),
    )
    X, y = backwards(images), backwards(truths)
    assert wanted == (
        SNICSuperpixels(10).score(X, y, backwards(masks), backwards(weights)),
        asa_scorer(SNICSuperpixels(10), X, y),
        evaluate_scorer(SNICSuperpixels(10), X, y),
    )


def test_learning_from_a_series(data, tmp_path):
    images, truths = data
    X, y = backwards(images), backwards(truths)
    features = SuperpixelFeatures(SNICSuperpixels(10), features=("mean",))
    classifier = SuperpixelClassifier(segmenter=SNICSuperpixels(10), features=("mean",))
    seal = SEALSuperpixels(10, width=2, max_iter=2, crop_size=16, random_state=0)
    for fitted, method in (
        (features, "transform"),
        (classifier, "predict"),
        (seal, "predict_affinity"),
        (seal.set_params(memory=str(tmp_path)), "predict_affinity"),
        (FeatureAffinity(lambda image: image.transpose(2, 0, 1)), "transform"),
    ):
        wanted = getattr(fitted.fit(images, truths), method)(images)
        for got, want in zip(getattr(fitted.fit(X, y), method)(X), wanted, strict=True):
            assert np.array_equal(got, want)
    assert classifier.score(X, y) == classifier.score(images, truths)
    dataset = Dataset("mine", X, y)
    assert np.array_equal(dataset.images[0], images[0])
    assert np.array_equal(dataset.annotations[0], truths[0])


def test_curves_of_a_series(data):
    images, truths = data
    estimators = {"snic": SNICSuperpixels()}
    want = CurveDisplay.from_estimators(estimators, images, truths, counts=[5, 9])
    got = CurveDisplay.from_estimators(
        estimators, backwards(images), backwards(truths), counts=[5, 9]
    )
    plt.close("all")
    for name, values in want.curves["snic"].items():
        assert np.array_equal(got.curves["snic"][name], values)


def test_cross_validation_of_a_shuffled_table(data):
    frame = pd.DataFrame(dict(zip(("image", "truth"), data, strict=True)))
    frame = frame.sample(frac=1, random_state=1)
    lists = frame.image.tolist(), frame.truth.tolist()
    got = cross_val_score(ERSSuperpixels(10), frame.image, frame.truth, cv=2)
    assert np.array_equal(got, cross_val_score(ERSSuperpixels(10), *lists, cv=2))


@pytest.mark.parametrize(
    ("X", "name"),
    [
        ({0: np.zeros((4, 4))}, "dict"),
        (OrderedDict({0: np.zeros((4, 4))}), "OrderedDict"),
        ({0: np.zeros((4, 4))}.values(), "dict_values"),
        (frozenset([1]), "frozenset"),
        ((image for image in [np.zeros((4, 4))]), "generator"),
        (map(abs, [np.zeros((4, 4))]), "map"),
        (pd.DataFrame({"image": [np.zeros((4, 4))]}), "DataFrame"),
        ("image.png", "str"),
        (None, "NoneType"),
    ],
    ids=lambda value: value if isinstance(value, str) else "X",
)
def test_what_has_no_positions_is_refused_by_name(X, name, data):
    images, truths = data
    for call in (
        lambda: SNICSuperpixels(4).transform(X),
        lambda: SuperpixelFeatures().fit(X),
        lambda: RGBAffinity().transform(X),
        lambda: SNICSuperpixels(4).score(X, truths),
    ):
        with pytest.raises(TypeError, match=f"^X is {name}; give a list of arrays"):
            call()
    if X is not None:
        with pytest.raises(TypeError, match=f"^y is {name}; give a list of label maps"):
            SNICSuperpixels(4).score(images, X)
        with pytest.raises(TypeError, match=f"^mask is {name}; give a list of masks"):
            SNICSuperpixels(4).transform(images, X)


def test_one_tensor_is_no_sequence_of_images():
    import torch

    tensor = torch.zeros((32, 40, 3), dtype=torch.uint8)
    with pytest.raises(ValueError, match=r"one array of shape \(32, 40, 3\)"):
        SNICSuperpixels(4).transform(tensor)
    with pytest.raises(ValueError, match=r"y is one array of shape \(32, 40\)"):
        SNICSuperpixels(4).score([tensor], tensor[..., 0])
    assert SNICSuperpixels(4).transform(tensor[None])[0].shape == (32, 40)


BAND_FIRST = np.random.default_rng(0).integers(0, 255, (3, 40, 50)).astype(np.uint8)
LABELS = np.arange(2000).reshape(40, 50) // 1000

FUNCTIONS = {
    "snic": lambda image: snic(image, 10),
    "snic, mask": lambda image: snic(image, 10, mask=np.ones((40, 50), bool)),
    "slic": lambda image: slic(image, 10, mask=np.ones((40, 50), bool)),
    "fh_image": lambda image: fh_image(image),
    "rgb_affinity": lambda image: rgb_affinity(image),
    "explained_variation": lambda image: explained_variation_score(image, LABELS),
    "evaluate": lambda image: evaluate(LABELS, LABELS, image=image),
    "features": lambda image: superpixel_features(image, LABELS),
    "boundaries": lambda image: draw_boundaries(image, LABELS),
    "refine": lambda image: refine_boundaries(LABELS, image),
    "force": lambda image: force_n_segments(LABELS, 5, image=image),
    "lime": lambda image: segmentation_fn(SNICSuperpixels(10))(image),
    "transform": lambda image: SuperpixelFeatures().fit([image]),
    "precomputed": lambda image: SuperpixelFeatures("precomputed").fit(
        [(image, LABELS)]
    ),
    **{
        type(method).__name__: lambda image, method=method: method.transform([image])
        for method in METHODS
    },
}


@pytest.mark.parametrize("name", FUNCTIONS)
@pytest.mark.parametrize("n_bands", [1, 3, 4, 13])
def test_bands_that_come_first_are_refused(name, n_bands):
    image = BAND_FIRST[np.arange(n_bands) % 3]
    message = (
        rf"\({n_bands}, 40, 50\), which looks like bands, .*moveaxis\(image, 0, -1"
    )
    with pytest.raises(ValueError, match=message):
        FUNCTIONS[name](image)


@pytest.mark.parametrize("shape", [(1, 1, 3), (2, 40), (1, 40, 3), (3, 12, 16)])
def test_tiny_images_are_images(shape):
    assert snic(np.zeros(shape, np.uint8), 1).shape == shape[:2]


def test_a_strip_of_many_bands_can_be_transposed():
    strip = np.random.default_rng(0).random((9, 40, 30))
    with pytest.raises(ValueError, match=r"has only 9 rows.*image\.transpose"):
        snic(strip, 5)
    with pytest.warns(UserWarning, match="40 x 9 pixels with 30 bands"):
        assert snic(strip.transpose(1, 0, 2), 5).T.shape == (9, 40)


@pytest.mark.parametrize(
    "cut",
    [
        lambda image: snic(image, 10),
        lambda image: slic(image, 10),
        lambda image: fh_image(image),
        lambda image: refine_boundaries(np.eye(24, 30, dtype=int), image),
        lambda image: ers(rgb_affinity(image), 10),
        lambda image: ERSSuperpixels(10).transform([image])[0],
        lambda image: GraphSuperpixels(10).transform([image])[0],
        lambda image: SNICSuperpixels(10).transform([image])[0],
    ],
)
def test_a_volume_is_warned_of(cut):
    volume = np.random.default_rng(0).random((24, 30, 20))
    with pytest.warns(UserWarning, match="24 x 30 pixels with 20 bands; volumes"):
        labels = cut(volume)
    # Hyperspectral images are images.
    assert labels.shape == (24, 30)


def test_a_network_of_many_bands_does_not_warn(data):
    images = [np.tile(image, 6) for image in data[0]]
    seal = SEALSuperpixels(10, width=2, max_iter=1, crop_size=16, random_state=0)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        labels = seal.fit(images, data[1]).transform(images)
    assert labels[0].shape == (32, 40)


def test_stacks_and_other_things_are_no_image():
    with pytest.raises(ValueError, match="pass the images of a stack one by one"):
        snic(np.zeros((2, 8, 8, 3), np.uint8), 2)
    with pytest.raises(TypeError, match="image is dict; give an array"):
        snic({"image": np.zeros((8, 8))}, 2)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_rounding_beyond_0_and_1_is_clipped(dtype):
    exact = np.random.default_rng(0).random((20, 24, 3)).astype(dtype)
    exact[0], exact[1] = 1, 0
    rounded = exact.copy()
    rounded[0] = np.nextafter(dtype(1), dtype(2))
    rounded[1] = -1e-17
    given = rounded.copy()
    for call in (
        lambda image: snic(image, 9),
        lambda image: slic(image, 9),
        lambda image: fh_image(image),
        lambda image: refine_boundaries(np.eye(20, 24, dtype=int), image),
        rgb_affinity,
        lambda image: edge_affinity(image[..., 0]),
        lambda image: superpixel_features(image, snic(exact, 9, exact=True)),
        lambda image: SEALSuperpixels(9, weights="bsds500").transform([image])[0],
    ):
        assert np.array_equal(call(rounded), call(exact))
    assert np.array_equal(rounded, given)


def test_rounding_of_affinities_is_clipped():
    exact = np.random.default_rng(0).random((20, 24, 2))
    exact[3], exact[4] = 1, 0
    rounded = exact.copy()
    rounded[3], rounded[4] = 1 + 2e-7, -1e-17
    rounded[:, -1, 0] = np.nan  # leads out of the image
    assert np.array_equal(ers(rounded, 9), ers(exact, 9))
    labels, image = np.eye(20, 24, dtype=int), np.zeros((20, 24))
    refined = refine_boundaries(labels, image, rounded)
    assert np.array_equal(refined, refine_boundaries(labels, image, exact))
    eight = to_eight_connected(rounded)
    assert eight[:-1, :-1].min() >= 0
    assert eight[:-1, :-1].max() <= 1


def test_the_range_in_an_error_is_not_rounded_to_0_and_1():
    image = np.full((4, 4), 1.00001)
    with pytest.raises(ValueError, match=r"values in 1\.00001\.\.1\.00001"):
        snic(image, 2)
    image[0, 0] = -0.00000201
    with pytest.raises(ValueError, match=r"values in -2\.01e-06\.\.1\.00001"):
        snic(image, 2)
    with pytest.raises(ValueError, match=r"outside 0\.\.1 \(1\.000002\.\.1\.000002\)"):
        ers(np.full((4, 4, 2), 1.000002), 2)


def test_feature_sets_are_not_put_side_by_side(data):
    sets = [
        SuperpixelFeatures(SNICSuperpixels(10), features=(name,))
        for name in ("mean", "std")
    ]
    for images in (data[0], [data[0][0], data[0][1][:20]]):
        with pytest.raises(TypeError, match="SuperpixelFeatures computes several"):
            make_union(*sets).fit_transform(images)
        with pytest.raises(TypeError, match="SuperpixelFeatures computes several"):
            FeatureUnion([("a", sets[0]), ("b", sets[1])]).fit(images).transform(images)


def test_predictions_of_images_of_different_sizes():
    images, truths = make_scenes(2, shape=(24, 30), random_state=0)
    more = make_scenes(3, shape=(30, 24), random_state=1)
    classifier = SuperpixelClassifier(segmenter=SNICSuperpixels(9), features=("mean",))
    X, y = images + more[0], truths + more[1]
    found = cross_val_predict(classifier, X, y, cv=2)
    assert [labels.shape for labels in found] == [truth.shape for truth in y]
    fitted = FrozenEstimator(classifier.fit(X[:3], y[:3]))
    for got, want in zip(found[3:], fitted.predict(X[3:]), strict=True):
        assert np.array_equal(got, want)
    assert cross_val_predict(classifier, images, truths, cv=2).shape == (2, 24, 30)


def test_lists_of_results_are_lists(data):
    label_maps = SNICSuperpixels(10).transform(data[0])
    assert isinstance(label_maps, list)
    assert np.shape(label_maps) == (4, 32, 40)
    assert np.concatenate(label_maps).shape == (128, 40)
    assert np.concatenate([label_maps, label_maps]).shape == (8, 32, 40)
    assert np.array_equal(label_maps, list(label_maps))
    want = np.array(label_maps).mean(axis=(1, 2))
    assert np.array_equal(np.mean(label_maps, axis=(1, 2)), want)
    assert np.concatenate([label_maps, label_maps], axis=2).shape == (4, 32, 80)


@pytest.mark.parametrize("memory", [False, True])
def test_joblib_processes_that_pickle_functions(data, memory, tmp_path):
    estimator = GraphSuperpixels(
        10, affinity=RGBAffinity(), memory=str(tmp_path) if memory else None
    )
    want = estimator.transform(data[0][:2])
    with joblib.parallel_config(backend="multiprocessing", n_jobs=2):
        assert np.array_equal(estimator.transform(data[0][:2]), want)


@pytest.mark.parametrize("shape", [(), (4,), (32, 40)])
def test_one_array_is_no_sequence_of_truths_or_masks(shape, data):
    images, _ = data
    with pytest.raises(ValueError, match="y is one array of shape"):
        SNICSuperpixels(4).score(images, np.zeros(shape, int))
    with pytest.raises(ValueError, match="mask is one array of shape"):
        SNICSuperpixels(4).transform(images, np.ones(shape, bool))


@pytest.mark.parametrize("truth", [{0: np.eye(4, dtype=int)}, "map", b"map", {1, 2}])
def test_truths_that_are_no_maps_are_refused_by_type(truth):
    with pytest.raises(TypeError, match=f"y_true is {type(truth).__name__}; give a"):
        evaluate(truth, np.zeros((4, 4), dtype=int))


def test_a_label_map_may_be_a_table():
    labels = np.eye(4, dtype=int)
    assert evaluate(pd.DataFrame(labels), labels)["asa"] == 1


def test_masks_by_metadata_in_a_pipeline(data):
    images, truths = data
    masks = [np.eye(32, 40).cumsum(1) > 0] * 4
    with sklearn.config_context(enable_metadata_routing=True):
        cut = SNICSuperpixels(10).set_transform_request(mask=True)
        pipeline = make_pipeline(FunctionTransformer(), cut)
        got = asa_scorer(pipeline, images, truths, mask=masks)
    assert got == asa_scorer(SNICSuperpixels(10), images, truths, mask=masks)


def test_rounding_inside_a_mask(data):
    image = data[0][0] / 255
    mask = np.ones(image.shape[:2], dtype=bool)
    mask[:9] = False
    image[0], image[3, 5], image[20, 20] = np.nan, np.inf, 1
    want = snic(np.where(mask[..., None], image, 0), 9, mask=mask)
    image[20, 20] = np.nextafter(1, 2)
    assert np.array_equal(snic(image, 9, mask=mask), want)
