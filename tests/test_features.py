"""Features of superpixels, their graph, and painting back."""

import pickle
import sys
from itertools import pairwise
from threading import Barrier

import numpy as np
import pytest
from scipy.spatial import ConvexHull
from skimage.color import rgb2gray
from skimage.measure import regionprops_table
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError
from sklearn.frozen import FrozenEstimator
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from seal_sk import (
    SNICSuperpixels,
    SuperpixelFeatures,
    adjacency,
    paint,
    superpixel_features,
)
from seal_sk.datasets.lazy import LazySequence
from seal_sk.features import FEATURES
from seal_sk.labels import relabel_consecutive

SIMPLE = SuperpixelFeatures(SNICSuperpixels(15, exact=True), bins=3)

# Left half black above red, right half one grey.
QUADRANTS = np.array([[0, 0, 0, 2, 2, 2], [1, 1, 1, 2, 2, 2]])
COLOURS = np.array([[0, 0, 0], [255, 0, 0], [51, 51, 51]], dtype=np.uint8)


def table(image, labels, **options):
    return superpixel_features(image, labels, as_frame=True, **options)


@pytest.fixture(params=[(8, 11, 3), (13, 9, 1), (10, 10, 5)], ids=str)
def example(request, rng):
    """An image and scattered superpixels, part of them masked."""
    height, width, _ = request.param
    image = rng.integers(0, 256, request.param, dtype=np.uint8)
    labels = rng.integers(0, 5, (height // 2 + 1, width // 2 + 1))
    labels = labels.repeat(2, axis=0).repeat(2, axis=1)[:height, :width]
    labels[rng.random(labels.shape) < 0.1] = -3
    return image, relabel_consecutive(labels)


def test_quadrants_by_hand():
    rows = table(COLOURS[QUADRANTS], QUADRANTS, bins=5)
    assert rows["mean_0"].tolist() == [0, 1, 0.2]
    assert rows["mean_2"].tolist() == [0, 0, 0.2]
    assert (rows[["std_0", "std_1", "std_2"]] == 0).all(axis=None)
    assert rows["histogram_0_0"].tolist() == [1, 0, 0]
    assert rows["histogram_0_1"].tolist() == [0, 0, 1]
    assert rows["histogram_0_4"].tolist() == [0, 1, 0]
    assert rows["area"].tolist() == [3, 3, 6]
    assert rows["perimeter"].tolist() == [8, 8, 10]
    assert rows["extent"].tolist() == rows["solidity"].tolist() == [1, 1, 1]
    # Variances along the rows 2/3, none down; then 2/3 and 1/4.
    assert rows["axis_major_length"].tolist() == pytest.approx([4 * (2 / 3) ** 0.5] * 3)
    assert rows["axis_minor_length"].tolist() == pytest.approx([0, 0, 2])
    assert rows["eccentricity"].tolist() == pytest.approx([1, 1, (5 / 8) ** 0.5])
    assert rows["orientation"].tolist() == pytest.approx([np.pi / 2] * 3)
    assert rows["centroid_row"].tolist() == [0.25, 0.75, 0.5]
    assert rows["centroid_col"].tolist() == [0.25, 0.25, 0.75]
    assert rows["bbox_left"].tolist() == [0, 0, 0.5]
    assert rows["bbox_bottom"].tolist() == [0.5, 1, 1]
    red, grey = 3**-0.5, 0.2
    both = np.sqrt((0.8**2 + 0.2**2 + 0.2**2) / 3)
    assert rows["contrast"].tolist() == pytest.approx(
        [(3 * red + grey) / 4, (3 * red + both) / 4, (grey + both) / 2]
    )


def test_colours_and_texture_by_loops(example):
    image, labels = example
    rows = table(image, labels, bins=6)
    bright = brightness_by_loop(image)
    for label, row in rows.iterrows():
        whole = image[labels == label]
        pixels = whole / 255
        for channel in range(image.shape[2]):
            values = pixels[:, channel]
            assert row[f"mean_{channel}"] == pytest.approx(values.mean())
            assert row[f"std_{channel}"] == pytest.approx(values.std())
            bins = [min(int(value) * 6 // 255, 5) for value in whole[:, channel]]
            shares = [row[f"histogram_{channel}_{i}"] for i in range(6)]
            counts = np.bincount(bins, minlength=6)
            assert shares == pytest.approx(counts / len(bins))
        codes = np.zeros(10)
        sizes, turns = [], np.zeros(4)
        for y, x in np.argwhere(labels == label):
            code, along, down = texture_by_loop(bright, labels, y, x)
            codes[code] += 1
            sizes.append(np.hypot(along, down))
            turns[round(np.arctan2(down, along) / (np.pi / 4)) % 4] += sizes[-1]
        shares = [row[f"lbp_{i}"] for i in range(10)]
        assert shares == pytest.approx(codes / len(sizes))
        assert row["gradient_mean"] == pytest.approx(np.mean(sizes), abs=1e-5)
        assert row["gradient_std"] == pytest.approx(np.std(sizes), abs=1e-5)
        shares = [row[f"gradient_{angle}"] for angle in (0, 45, 90, 135)]
        assert shares == pytest.approx(turns / sum(turns), abs=1e-4)


def brightness_by_loop(image):
    if image.shape[2] == 3:
        return rgb2gray(image)
    return image.mean(axis=2) / 255


def texture_by_loop(bright, labels, y, x):
    def at(down, along):
        row, column = y + down, x + along
        inside = 0 <= row < labels.shape[0] and 0 <= column < labels.shape[1]
        return (
            bright[row, column if inside else x]
            if inside and (labels[row, column] >= 0)
            else bright[y, x]
        )

    ring = [(0, 1), (1, 1), (1, 0), (1, -1), (0, -1), (-1, -1), (-1, 0), (-1, 1)]
    bits = [at(*step) >= bright[y, x] - 1e-9 for step in ring]
    changes = sum(a != b for a, b in pairwise([*bits, bits[0]]))
    code = sum(bits) if changes <= 2 else 9
    return code, (at(0, 1) - at(0, -1)) / 2, (at(1, 0) - at(-1, 0)) / 2


def test_directions_of_gradients():
    y, x = np.mgrid[:9, :9] / 20
    for image, angle in ((x, 0), (x + y, 45), (y, 90), (0.5 + x - y, 135)):
        rows = table(image, np.pad(np.ones((7, 7), int), 1), features=["texture"])
        assert rows.loc[1, f"gradient_{angle}"] == 1
        assert rows.loc[1, "gradient_std"] == pytest.approx(0, abs=1e-4)
    assert rows.loc[1, "gradient_mean"] == pytest.approx(2**0.5 / 20, abs=1e-4)


def test_shape_and_position_against_regionprops(example):
    image, labels = example
    rows = table(image, labels, features=("shape", "position"))
    names = (
        "area",
        "extent",
        "eccentricity",
        "axis_major_length",
        "axis_minor_length",
        "orientation",
        "centroid",
        "bbox",
    )
    expected = regionprops_table(labels + 1, properties=names)
    for name in names[:5]:
        np.testing.assert_allclose(rows[name], expected[name], atol=1e-6)
    apart = expected["axis_major_length"] - expected["axis_minor_length"] > 1e-6
    turn = (rows["orientation"] - expected["orientation"]) / np.pi
    np.testing.assert_allclose(turn[apart], np.rint(turn[apart]), atol=1e-6)
    height, width = labels.shape
    np.testing.assert_allclose(
        rows["centroid_row"], (expected["centroid-0"] + 0.5) / height
    )
    np.testing.assert_allclose(
        rows["centroid_col"], (expected["centroid-1"] + 0.5) / width
    )
    sides = ("top", height), ("left", width), ("bottom", height), ("right", width)
    for i, (side, length) in enumerate(sides):
        np.testing.assert_allclose(rows[f"bbox_{side}"], expected[f"bbox-{i}"] / length)


def test_outlines_by_loops(example):
    image, labels = example
    rows = table(image, labels, features=["shape"])
    around = np.pad(labels, 1, constant_values=-1)
    for label, row in rows.iterrows():
        pixels = np.argwhere(labels == label)
        corners = [pixels + corner for corner in ((0, 0), (0, 1), (1, 0), (1, 1))]
        hull = ConvexHull(np.concatenate(corners)).volume
        assert row["solidity"] == pytest.approx(len(pixels) / hull)
        sides = sum(
            around[y + 1 + down, x + 1 + along] != label
            for y, x in pixels
            for down, along in ((0, 1), (0, -1), (1, 0), (-1, 0))
        )
        assert row["perimeter"] == sides


def test_solidity_of_a_corner():
    # Three of four pixels; the hull cuts the fourth in half.
    rows = table(np.zeros((2, 2)), [[0, 0], [0, 1]], features=["shape"])
    assert rows["solidity"].tolist() == pytest.approx([3 / 3.5, 1])


def test_orientation_of_bars():
    labels = np.zeros((12, 12), dtype=int)
    for i in range(6):
        labels[i, i + 6] = 1
        labels[6 + i, 5 - i] = 2
    labels[6:, 8] = 3
    labels[11, 0:4] = 4
    labels[8:10, 10:12] = 5
    rows = table(np.zeros((12, 12)), labels, features=["shape"])
    angles = [np.pi / 4, -np.pi / 4, 0, np.pi / 2, 0]
    assert rows["orientation"][1:].tolist() == pytest.approx(angles)


def test_contrast_by_loop(example):
    image, labels = example
    rows = table(image, labels, features=("mean", "contrast"))
    means = rows.filter(like="mean").to_numpy()
    border = adjacency(labels).toarray()
    for i, row in enumerate(border):
        far = [np.sqrt(np.mean((means[i] - mean) ** 2)) for mean in means]
        expected = row @ far / row.sum() if row.any() else 0
        assert rows["contrast"][i] == pytest.approx(expected)


def test_dtype_does_not_matter(rng):
    image = rng.integers(0, 256, (20, 30, 3), dtype=np.uint8)
    image[:10] = rng.integers(0, 256, 3)
    labels = np.arange(6).reshape(2, 3).repeat(10, axis=0).repeat(10, axis=1)
    expected = superpixel_features(image, labels, bins=5)
    wide = image.astype(np.uint16) * 257
    for same in (wide, wide.astype(">u2"), image / 255, np.asfortranarray(image)):
        assert np.array_equal(superpixel_features(same, labels, bins=5), expected)
    single = (image / 255).astype(np.float32)
    np.testing.assert_allclose(
        superpixel_features(single, labels, bins=5), expected, atol=1e-6
    )
    counted = {"features": ("histogram", "texture", "shape", "position")}
    assert np.array_equal(
        superpixel_features(single, labels, **counted),
        superpixel_features(image, labels, **counted),
    )
    for dtype in (np.uint8, np.int8, np.uint64, ">i4"):
        same = superpixel_features(image, labels.astype(dtype), bins=5)
        assert np.array_equal(same, expected)


def test_grey_is_one_channel(rng):
    image = rng.random((6, 8))
    labels = np.arange(8)[None].repeat(6, axis=0) // 4
    assert np.array_equal(
        superpixel_features(image, labels),
        superpixel_features(image[..., None], labels),
    )


def test_permuted_labels_permute_the_rows(example, rng):
    image, labels = example
    expected = superpixel_features(image, labels)
    order = rng.permutation(len(expected))
    permuted = np.where(labels < 0, labels, np.argsort(order)[labels])
    np.testing.assert_allclose(
        superpixel_features(image, permuted), expected[order], atol=1e-12
    )


def test_translation_leaves_the_shape_alone(rng):
    patch = rng.random((9, 7)) < 0.6
    tables = []
    for top, left in ((0, 0), (3, 5), (11, 13)):
        labels = np.full((20, 20), -1)
        labels[top : top + 9, left : left + 7][patch] = 0
        image = np.zeros((20, 20))
        tables.append(superpixel_features(image, labels, features=("shape",)))
    assert np.array_equal(tables[0], tables[1])
    assert np.array_equal(tables[0], tables[2])


def test_what_is_masked_does_not_matter(example):
    image, labels = example
    image = image / 255
    expected = superpixel_features(image, labels)
    outside = labels < 0
    assert outside.any()
    for junk in (np.nan, np.inf, -7.0):
        image[outside] = junk
        assert np.array_equal(superpixel_features(image, labels), expected)
    framed = np.pad(image, ((2, 3), (4, 1), (0, 0)), constant_values=np.nan)
    around = np.pad(labels, ((2, 3), (4, 1)), constant_values=-1)
    chosen = {"features": tuple(name for name in FEATURES if name != "position")}
    np.testing.assert_allclose(
        superpixel_features(framed, around, **chosen),
        superpixel_features(image, labels, **chosen),
    )


@pytest.mark.parametrize("shape", [(1, 1), (1, 7), (7, 1), (6, 5)], ids=str)
@pytest.mark.parametrize("channels", [1, 3, 6])
def test_finite_for_the_smallest(shape, channels, rng):
    pixels = np.arange(shape[0] * shape[1]).reshape(shape)
    columns = np.zeros(shape, dtype=int) + np.arange(shape[1])
    for image in (np.ones((*shape, channels)), rng.random((*shape, channels))):
        for labels in (pixels, columns, np.zeros(shape, dtype=int), 0 - (pixels != 0)):
            assert np.isfinite(superpixel_features(image, labels)).all()


def test_groups_in_the_order_asked_for(example):
    image, labels = example
    every = table(image, labels)
    assert every.columns.is_unique
    chosen = table(image, labels, features=["position", "mean"])
    assert chosen.columns[-1] == f"mean_{image.shape[2] - 1}"
    for group in FEATURES:
        part = table(image, labels, features=[group])
        assert part.equals(every[part.columns])
    array = superpixel_features(image, labels)
    assert array.dtype == np.float64
    assert np.array_equal(array, every.to_numpy())


IMAGE = np.zeros((2, 6), dtype=np.uint8)
BAD = [
    ({"labels": QUADRANTS[:, :4]}, ValueError, r"labels has shape \(2, 4\)"),
    (
        {"labels": QUADRANTS * 2},
        ValueError,
        "seal_sk.labels.relabel_consecutive",
    ),
    (
        {"labels": QUADRANTS + 1},
        ValueError,
        "seal_sk.labels.relabel_consecutive",
    ),
    ({"labels": QUADRANTS + 10**12}, ValueError, "up to 1000000000002"),
    ({"labels": QUADRANTS - 9}, ValueError, "masks every pixel"),
    ({"labels": QUADRANTS / 2}, TypeError, "holds integers"),
    ({"image": IMAGE.astype(int)}, TypeError, "dtype int64"),
    ({"image": IMAGE + 2.0}, ValueError, "must lie in 0..1"),
    ({"image": IMAGE * np.nan}, ValueError, "holds NaN"),
    ({"features": "mean"}, TypeError, "tuple or list"),
    ({"features": ()}, ValueError, "must name some of 'mean', 'std'"),
    ({"features": ["mean", "mean"]}, ValueError, "each once"),
    ({"features": ["colour"]}, ValueError, "'texture'"),
    ({"bins": 0}, ValueError, "bins=0 must be at least 1"),
    ({"bins": 2.0}, TypeError, "bins=2.0 must be an integer"),
    ({"bins": 257}, ValueError, "bins=257 must be at most 256"),
]


@pytest.mark.parametrize(("change", "error", "message"), BAD)
def test_bad_arguments(change, error, message):
    arguments = {"image": IMAGE, "labels": QUADRANTS, **change}
    with pytest.raises(error, match=message):
        superpixel_features(**arguments)


def test_without_pandas(monkeypatch):
    monkeypatch.setitem(sys.modules, "pandas", None)
    with pytest.raises(ImportError, match="seal_sk\\[tables\\]"):
        superpixel_features(IMAGE, QUADRANTS, as_frame=True)
    with pytest.raises(ImportError, match="seal_sk\\[tables\\]"):
        SuperpixelFeatures(as_frame=True).fit([IMAGE])
    assert superpixel_features(IMAGE, QUADRANTS).shape[0] == 3


@pytest.mark.parametrize("connectivity", [4, 8])
def test_adjacency_by_loop(example, connectivity):
    _, labels = example
    n = labels.max() + 1
    expected = np.zeros((n, n), dtype=int)
    steps = [(0, 1), (1, 0), (1, 1), (1, -1)][: connectivity // 2]
    for y, x in np.ndindex(labels.shape):
        for down, along in steps:
            row, column = y + down, x + along
            if row < labels.shape[0] and 0 <= column < labels.shape[1]:
                one, other = labels[y, x], labels[row, column]
                if one != other and min(one, other) >= 0:
                    expected[one, other] += 1
                    expected[other, one] += 1
    graph = adjacency(labels, connectivity=connectivity)
    assert graph.format == "csr"
    assert graph.has_canonical_format
    assert graph.dtype == np.int64
    assert np.array_equal(graph.toarray(), expected)


def test_adjacency_as_networkx_graph():
    networkx = pytest.importorskip("networkx")
    graph = networkx.from_scipy_sparse_array(adjacency(QUADRANTS))
    assert graph.edges[0, 1]["weight"] == 3
    assert sorted(graph.edges) == [(0, 1), (0, 2), (1, 2)]


def test_adjacency_without_neighbours():
    assert adjacency([[0, 0]]).shape == (1, 1)
    assert adjacency([[0, -1, 1]]).nnz == 0


@pytest.mark.parametrize("dtype", [np.uint8, np.int64, np.float32, bool, complex])
def test_paint(example, dtype, rng):
    _, labels = example
    n = labels.max() + 1
    inside = labels >= 0
    for shape in ((n,), (n, 1), (n, 4)):
        values = rng.integers(0, 2, shape).astype(dtype)
        painted = paint(values, labels, fill=1)
        assert painted.dtype == dtype
        assert painted.shape == labels.shape + shape[1:]
        assert np.array_equal(painted[inside], values[labels[inside]])
        assert (painted[~inside] == 1).all()


def test_paint_brings_means_back():
    image = COLOURS[QUADRANTS]
    means = superpixel_features(image, QUADRANTS, features=["mean"])
    assert np.array_equal(paint(means, QUADRANTS), image / 255)
    assert np.isnan(paint([1.0], [[0, -1]], fill=np.nan)[0, 1])


@pytest.mark.parametrize(
    ("values", "fill", "error", "message"),
    [
        ([1, 2], 0, ValueError, r"shape \(2,\), but labels has 3"),
        ([1, 2, 3, 4], 0, ValueError, "3 superpixels"),
        (5, 0, ValueError, r"shape \(\)"),
        (np.zeros((3, 1, 1)), 0, ValueError, r"\(3, 1, 1\)"),
        (["a", "b", "c"], 0, TypeError, "numbers or booleans"),
        (np.ma.zeros(3), 0, TypeError, "masked array"),
        (np.zeros(3, np.uint8), -1, ValueError, "fits uint8"),
        (np.zeros(3, np.uint8), 256, ValueError, "fits uint8"),
        (np.zeros(3, int), np.nan, ValueError, "fits int64"),
        (np.zeros(3, bool), 2, ValueError, "True or False"),
        (np.zeros(3), "0", TypeError, "fill='0' must be a number"),
    ],
)
def test_bad_paint(values, fill, error, message):
    with pytest.raises(error, match=message):
        paint(values, QUADRANTS, fill=fill)


def test_estimator_is_the_function(scenes):
    images = [scenes[0][0], scenes[0][1][:40, :50], scenes[0][2] / 255]
    estimator = clone(SIMPLE)
    tables = estimator.fit_transform(images)
    maps = SNICSuperpixels(15, exact=True).transform(images)
    for rows, labels, image, expected in zip(
        tables, estimator.label_maps_, images, maps, strict=True
    ):
        assert np.array_equal(labels, expected)
        assert np.array_equal(rows, superpixel_features(image, labels, bins=3))
    frames = clone(SIMPLE).set_params(as_frame=True).fit_transform(images)
    assert list(frames[1].columns) == estimator.get_feature_names_out().tolist()
    assert np.array_equal(frames[1], tables[1])


@pytest.mark.slow
def test_order_jobs_and_lazy_sequences_change_nothing(scenes):
    images = scenes[0][:5]
    estimator = clone(SIMPLE).fit(images)
    expected = estimator.transform(images)

    def same(tables):
        pairs = zip(tables, expected, strict=True)
        return all(np.array_equal(rows, others) for rows, others in pairs)

    for n_jobs in (2, 5):
        assert same(clone(estimator).set_params(n_jobs=n_jobs).fit_transform(images))
    lazy = LazySequence(images.__getitem__, range(5))
    assert same(clone(estimator).fit(lazy).transform(lazy))
    with config_context(transform_output="pandas"):
        assert same(estimator.transform(images))
    assert same(estimator.transform(tuple(images)))
    assert same(estimator.transform(np.stack(images)))
    assert same(estimator.transform(images[::-1])[::-1])
    assert same(pickle.loads(pickle.dumps(estimator)).transform(images))


def test_precomputed_label_maps(example):
    pair = example
    estimator = SuperpixelFeatures("precomputed", features=["mean", "shape"])
    (rows,) = estimator.fit_transform([pair])
    expected = superpixel_features(*pair, features=["mean", "shape"])
    assert np.array_equal(rows, expected)
    assert np.array_equal(estimator.label_maps_[0], pair[1])
    assert estimator.segmenter_ is None
    for bad, error, message in (
        (pair[0], TypeError, r"X\[1\] is ndarray.*pair \(image, labels\)"),
        ((pair[0], pair[1] * 2), ValueError, r"X\[1\].*relabel_consecutive"),
        ((pair[0], pair[1].T[1:]), ValueError, r"the label map of X\[1\] has shape"),
    ):
        with pytest.raises(error, match=message):
            estimator.transform([pair, bad])


def test_segmenter_is_cloned_or_frozen(scenes):
    images, truths = scenes[0][:2], scenes[1][:2]
    own = SNICSuperpixels(10)
    estimator = SuperpixelFeatures(own, features=["mean"]).fit(images, truths)
    assert estimator.segmenter_ is not own
    frozen = FrozenEstimator(own.fit(images))
    estimator.set_params(segmenter=frozen).fit(images)
    assert estimator.segmenter_ is frozen
    assert clone(estimator).fit_transform(images)[0].shape[1] == 3
    nested = clone(SIMPLE).set_params(segmenter__n_segments=7)
    assert [len(rows) for rows in nested.fit_transform(images)] == [7, 7]
    pipeline = make_pipeline(FunctionTransformer(list), nested)
    assert len(pipeline.fit_transform(images)[0]) == 7
    assert len(SuperpixelFeatures().fit(images).get_feature_names_out()) == 61


def test_bad_images_are_named(scenes):
    images = scenes[0][:2]
    estimator = clone(SIMPLE).fit(images)
    grey = images[1][..., 0]
    for bad in ([images[0], grey], LazySequence([images[0], grey].__getitem__, [0, 1])):
        with pytest.raises(ValueError, match=r"X\[1\] has 1 channels, but the first"):
            estimator.transform(bad)
    with pytest.raises(ValueError, match=r"X\[1\] has 1 channels"):
        estimator.fit([images[0], grey])
    with pytest.raises(ValueError, match=r"pass \[image\]"):
        estimator.fit(images[0])
    with pytest.raises(ValueError, match=r"X\[0\] is floating point"):
        estimator.transform([images[0] * 1.0])
    with pytest.raises(ValueError, match="must name some of"):
        clone(SIMPLE).set_params(features=["colour"]).fit(images)
    estimator = SuperpixelFeatures(FunctionTransformer(gaps)).fit(images)
    with pytest.raises(ValueError, match=r"the segmenter's map of X\[0\] .*relabel"):
        estimator.transform(images)
    estimator = SuperpixelFeatures(FunctionTransformer(only_one)).fit(images)
    with pytest.raises(ValueError, match="one label map for each of the 2 images"):
        estimator.transform(images)


def only_one(images):
    return [np.zeros(images[0].shape[:2], dtype=int)]


def gaps(images):
    return [2 * (image[..., 0] > 0).astype(int) for image in images]


def test_bad_parameters_after_fit(scenes):
    estimator = clone(SIMPLE).fit(scenes[0][:1]).set_params(as_frame="pandas")
    with pytest.raises(ValueError, match="as_frame"):
        estimator.transform(scenes[0][:1])


def test_n_jobs_images_are_described_at_a_time(scenes, monkeypatch):
    from seal_sk.features import estimator as module

    both = Barrier(2, timeout=20)

    def waits_for_another(*args):
        both.wait()
        return describe(*args)

    describe = module.describe
    monkeypatch.setattr(module, "describe", waits_for_another)
    tables = clone(SIMPLE).set_params(n_jobs=2).fit_transform(scenes[0][:2])
    assert len(tables) == 2


def test_unfitted(scenes):
    with pytest.raises(NotFittedError):
        SuperpixelFeatures().transform(scenes[0])
    with pytest.raises(NotFittedError):
        SuperpixelFeatures().get_feature_names_out()


def test_html_and_repr():
    assert "SNICSuperpixels" in repr(SIMPLE)
    assert "SuperpixelFeatures" in SIMPLE._repr_html_()
