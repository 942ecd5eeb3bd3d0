"""Affinity maps against loops written from the formulas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seal_sk import (
    edge_affinity,
    feature_affinity,
    oracle_affinity,
    rgb_affinity,
    to_eight_connected,
)
from seal_sk.affinity import binary_affinity
from seal_sk.affinity.maps import color_affinity

OFFSETS = ((0, 1), (1, 0), (1, 1), (-1, 1))
SIDES = st.integers(1, 6)
EDGES = arrays(np.float32, st.tuples(SIDES, SIDES), elements=st.floats(0, 1, width=32))
# Whole numbers, so that vectors of zeros and equal ones come up.
FEATURES = arrays(
    np.float64,
    st.tuples(st.integers(1, 4), SIDES, SIDES),
    elements=st.integers(-2, 2).map(float),
)
LABELS = arrays(np.int8, st.tuples(st.integers(1, 7), st.integers(1, 7)))


def neighbours(height, width, channels):
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                v, u = y + OFFSETS[c][0], x + OFFSETS[c][1]
                if 0 <= v < height and u < width:
                    yield y, x, c, v, u


@pytest.mark.parametrize("connectivity", [4, 8])
def test_rgb_affinity_is_its_formula(rng, connectivity):
    image = rng.integers(0, 40, (6, 7, 3), dtype=np.uint8)
    expected = np.zeros((6, 7, connectivity // 2))
    for y, x, c, v, u in neighbours(6, 7, connectivity // 2):
        difference = sum(
            abs(int(a) - int(b)) for a, b in zip(image[y, x], image[v, u], strict=True)
        )
        d = difference / 3 * (math.sqrt(2) if c > 1 else 1)
        expected[y, x, c] = math.exp(-(d**2) / (2 * 5.0**2))
    affinity = rgb_affinity(image, connectivity=connectivity)
    assert affinity.dtype == np.float32
    assert affinity.flags.c_contiguous
    np.testing.assert_allclose(affinity, expected, rtol=1e-6)


def test_rgb_affinity_does_not_depend_on_the_dtype(rng):
    image = rng.integers(0, 256, (8, 9, 3), dtype=np.uint8)
    expected = rgb_affinity(image)
    same = [
        (image / 255.0),
        (image / 255.0).astype(np.float32),
        image.astype(np.uint16) * 257,
        image.astype(">u2") * 257,
    ]
    for other in same:
        assert np.array_equal(rgb_affinity(other), expected)


def test_sixteen_bits_count():
    image = np.array([[0, 100]], dtype=np.uint16)
    affinity = rgb_affinity(image, sigma=1.0, connectivity=4)[0, 0, 0]
    assert affinity == pytest.approx(math.exp(-((100 / 257) ** 2) / 2), rel=1e-4)


def test_grey_and_many_channels(rng):
    grey = rng.integers(0, 256, (8, 9), dtype=np.uint8)
    expected = rgb_affinity(np.stack([grey] * 3, axis=-1))
    assert np.array_equal(rgb_affinity(grey), expected)
    assert np.array_equal(rgb_affinity(grey[..., None]), expected)
    assert np.array_equal(rgb_affinity(np.stack([grey] * 8, axis=-1)), expected)


@given(EDGES)
def test_edge_affinity_is_its_formula(edges):
    affinity = edge_affinity(edges, connectivity=4)
    expected = np.zeros_like(affinity)
    for y, x, c, v, u in neighbours(*edges.shape, 2):
        expected[y, x, c] = 1 - float(max(edges[y, x], edges[v, u]))
    assert affinity.dtype == np.float32
    np.testing.assert_array_equal(affinity, expected)
    np.testing.assert_array_equal(edge_affinity(edges), to_eight_connected(affinity))


def test_edge_affinity_does_not_depend_on_the_dtype(rng):
    edges = rng.integers(0, 256, (8, 9), dtype=np.uint8)
    expected = edge_affinity(edges)
    same = [
        edges / 255.0,
        (edges / 255.0).tolist(),
        edges.astype(np.uint16) * 257,
        edges.astype(">u2") * 257,
        edges[::-1][::-1],
    ]
    for other in same:
        assert np.array_equal(edge_affinity(other), expected)
    single = edge_affinity((edges / 255.0).astype(np.float32))
    np.testing.assert_allclose(single, expected, atol=1e-7)
    whole = edges > 100
    assert np.array_equal(edge_affinity(whole), edge_affinity(whole.astype(float)))


def test_edges_near_1_keep_their_digits():
    affinity = edge_affinity([[1 - 2.0**-40, 0.5]], connectivity=4)
    assert affinity[0, 0, 0] == 2.0**-40


def slow_distance(a, b, metric):
    if metric == "l2":
        return math.dist(a, b)
    if not any(a) or not any(b):
        return float(any(a) != any(b))
    dot = sum(p * q for p, q in zip(a, b, strict=True))
    # Exact for parallel vectors of whole numbers.
    return 1 - dot / math.sqrt(sum(p * p for p in a) * sum(q * q for q in b))


@given(FEATURES, st.sampled_from(["cosine", "l2"]), st.sampled_from([4, 8]))
def test_feature_affinity_is_its_formula(features, metric, connectivity):
    height, width = features.shape[1:]
    distances = {
        (y, x, c): slow_distance(features[:, y, x], features[:, v, u], metric)
        for y, x, c, v, u in neighbours(height, width, 4)
    }
    beside = [d for (_, _, c), d in distances.items() if c < 2]
    mean = sum(beside) / max(len(beside), 1)
    estimated = mean * {"cosine": 0.5, "l2": 0.75}[metric] or 1.0
    for scale in (0.7, None):
        expected = np.zeros((height, width, connectivity // 2))
        for (y, x, c), d in distances.items():
            if c < connectivity // 2:
                d *= math.sqrt(2) if c > 1 else 1
                expected[y, x, c] = math.exp(-(d**2) / (2 * (scale or estimated) ** 2))
        affinity = feature_affinity(
            features, metric=metric, scale=scale, connectivity=connectivity
        )
        assert affinity.dtype == np.float32
        np.testing.assert_allclose(affinity, expected, atol=1e-6)


def test_feature_affinity_does_not_depend_on_the_kind_of_array(rng):
    torch = pytest.importorskip("torch")
    features = rng.integers(0, 100, (3, 8, 9))
    expected = feature_affinity(features)
    same = [
        *(features.astype(dtype) for dtype in ("u1", "f2", "f4", "f8", ">f4", "i2")),
        features.tolist(),
        np.asfortranarray(features),
        torch.from_numpy(features).float(),
    ]
    for other in same:
        assert np.array_equal(feature_affinity(other), expected)


@pytest.mark.parametrize("metric", ["cosine", "l2"])
def test_feature_affinity_does_not_depend_on_the_unit(rng, metric):
    features = rng.standard_normal((5, 8, 9)).astype(np.float32)
    expected = feature_affinity(features, metric=metric)
    for factor in (2.0**-60, 2.0**60):
        scaled = feature_affinity(features * np.float32(factor), metric=metric)
        np.testing.assert_allclose(scaled, expected, rtol=1e-5)


def test_cosine_of_nearly_parallel_features_keeps_its_digits():
    angle = 1e-5
    features = np.array([[[1.0, np.cos(angle)]], [[0.0, np.sin(angle)]]])
    affinity = feature_affinity(features, scale=angle**2 / 2, connectivity=4)
    assert affinity[0, 0, 0] == pytest.approx(math.exp(-0.5), rel=1e-4)


def test_extreme_scales(rng):
    features = rng.standard_normal((5, 8, 9))
    assert not feature_affinity(features, scale=1e-300, metric="l2").any()
    large = feature_affinity(features, scale=1e300, metric="l2", connectivity=4)
    assert (large[:-1, :-1] == 1).all()


def test_parallel_features_belong_together(rng):
    grey = rng.random((6, 7), dtype=np.float32)
    affinity = feature_affinity(np.stack([grey, grey, 3 * grey]))
    assert (affinity[:, :-1, 0] == 1).all()


@pytest.mark.parametrize("metric", ["cosine", "l2"])
@pytest.mark.parametrize("value", [0.0, 3.0])
def test_equal_features_belong_together(metric, value):
    affinity = feature_affinity(np.full((4, 3, 5), value), metric=metric)
    assert (affinity[:, :-1, 0] == 1).all()
    assert (affinity[:-1, :-1, 2] == 1).all()
    assert feature_affinity(np.ones((4, 1, 1)), metric=metric).tolist() == [[[0.0] * 4]]


MAPS = {
    "edges": (edge_affinity, (7, 9)),
    "rgb": (rgb_affinity, (7, 9, 3)),
    "cosine": (feature_affinity, (4, 7, 9)),
    "l2": (lambda x, **kw: feature_affinity(x, metric="l2", **kw), (4, 7, 9)),
}


@pytest.mark.parametrize("kind", MAPS)
@pytest.mark.parametrize("connectivity", [4, 8])
def test_maps_keep_the_contract(rng, kind, connectivity):
    function, shape = MAPS[kind]
    affinity = function(rng.random(shape), connectivity=connectivity)
    assert affinity.shape == (7, 9, connectivity // 2)
    assert affinity.dtype == np.float32
    assert affinity.flags.c_contiguous
    assert 0 < affinity[:-1, :-1].max() <= 1
    assert affinity.min() == 0
    assert not affinity[:, -1, 0].any()
    assert not affinity[-1, :, 1].any()
    if connectivity == 8:
        assert not affinity[-1, :, 2].any()
        assert not affinity[:, -1, 2].any()
        assert not affinity[0, :, 3].any()
        assert not affinity[:, -1, 3].any()


@pytest.mark.parametrize("kind", MAPS)
def test_transposing_swaps_right_and_down(rng, kind):
    function, shape = MAPS[kind]
    source = rng.random(shape)
    axes = (0, 1) if kind in ("edges", "rgb") else (1, 2)
    affinity, turned = function(source), function(source.swapaxes(*axes))
    np.testing.assert_allclose(turned[..., 1].T, affinity[..., 0], rtol=1e-6)
    np.testing.assert_allclose(turned[..., 0].T, affinity[..., 1], rtol=1e-6)
    np.testing.assert_allclose(turned[..., 2].T, affinity[..., 2], rtol=1e-6)
    # Up-right from (y, x) is up-right from its other end in the transposed image.
    np.testing.assert_allclose(
        turned[1:, :-1, 3].T, affinity[1:, :-1, 3], rtol=1e-6, err_msg="up-right"
    )


@given(LABELS, st.sampled_from([4, 8]), st.sampled_from([None, 0]))
def test_binary_affinity_is_its_definition(labels, connectivity, ignore):
    affinity, known = binary_affinity(
        labels, connectivity=connectivity, ignore_label=ignore
    )
    expected, expected_known = np.zeros_like(affinity), np.zeros_like(known)
    for y, x, c, v, u in neighbours(*labels.shape, connectivity // 2):
        sure = ignore is None or ignore not in (labels[y, x], labels[v, u])
        expected_known[y, x, c] = sure
        expected[y, x, c] = sure and labels[y, x] == labels[v, u]
    assert np.array_equal(affinity, expected)
    assert np.array_equal(known, expected_known)


def test_a_change_to_the_right_never_touches_down():
    affinity, _ = binary_affinity([[0, 1], [0, 1]])
    assert affinity[..., 0].tolist() == [[0, 0], [0, 0]]
    assert affinity[0, :, 1].tolist() == [1, 1]


def test_oracle_is_the_mean_of_the_annotators(rng):
    maps = rng.integers(0, 3, (4, 6, 7))
    mean = np.mean([binary_affinity(m)[0] for m in maps], axis=0)
    np.testing.assert_allclose(oracle_affinity(maps, connectivity=4), mean, rtol=1e-6)
    np.testing.assert_allclose(
        oracle_affinity(list(maps)),
        to_eight_connected(oracle_affinity(maps, connectivity=4)),
    )


def test_oracle_asks_those_who_know():
    maps = [[[0, 0, 255]], [[0, 1, 1]], [[255, 255, 255]]]
    affinity = oracle_affinity(maps, connectivity=4, ignore_label=255)
    assert affinity[0, :, 0].tolist() == [0.5, 1.0, 0.0]
    unknown = oracle_affinity([[255, 255]], connectivity=4, ignore_label=255)
    assert unknown[0, :, 0].tolist() == [1.0, 0.0]


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_eight_connected_is_its_formula(rng, dtype):
    affinity = rng.random((5, 6, 2)).astype(dtype)
    right, down = affinity[..., 0].astype(float), affinity[..., 1].astype(float)
    eight = to_eight_connected(affinity)
    assert eight.dtype == dtype
    assert np.array_equal(eight[..., :2], affinity)
    for y, x, c, _, _ in neighbours(5, 6, 4):
        if c == 2:
            across = (right[y, x] + right[y + 1, x]) / 2
            along = (down[y, x] + down[y, x + 1]) / 2
        elif c == 3:
            across = (right[y, x] + right[y - 1, x]) / 2
            along = (down[y - 1, x] + down[y - 1, x + 1]) / 2
        else:
            continue
        expected = min(across, along) / math.sqrt(2)
        assert eight[y, x, c] == pytest.approx(expected, rel=1e-6)


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: rgb_affinity(np.zeros((4, 4, 4), np.uint8)), r"drop it with image"),
        (lambda: rgb_affinity(np.full((4, 4), np.nan)), "NaN or infinite"),
        (lambda: rgb_affinity(np.full((4, 4), 7.0)), "must lie in 0..1"),
        (lambda: rgb_affinity(np.zeros((0, 4), np.uint8)), "no pixel"),
        (lambda: rgb_affinity(np.zeros((4, 4), np.uint8), sigma=0), "sigma"),
        (lambda: rgb_affinity(np.zeros((4, 4), np.uint8), connectivity=6), "4 or 8"),
        (lambda: oracle_affinity([]), "at least one"),
        (
            lambda: oracle_affinity([np.zeros((2, 2), int), np.zeros((2, 3), int)]),
            "can't belong to one image",
        ),
        (lambda: to_eight_connected(np.zeros((2, 2, 4))), "eight-connected already"),
        (lambda: edge_affinity(np.full((4, 4), 1.5)), "edges is floating .* in 0..1"),
        (lambda: edge_affinity(np.full((4, 4), -0.5)), "must lie in 0..1"),
        (lambda: edge_affinity(np.full((4, 4), np.nan)), "edges holds NaN"),
        (lambda: edge_affinity(np.zeros((4, 4, 1))), r"edges has shape \(4, 4, 1\)"),
        (lambda: edge_affinity(np.zeros((0, 4))), r"edges has shape \(0, 4\)"),
        (lambda: edge_affinity(np.zeros((4, 4)), connectivity=2), "4 or 8"),
        (lambda: feature_affinity(np.zeros((4, 4))), r"features are \(C, H, W\)"),
        (lambda: feature_affinity(np.zeros((0, 4, 4))), "at least one channel"),
        (lambda: feature_affinity(np.full((2, 4, 4), np.inf)), "NaN or infinite"),
        (lambda: feature_affinity(np.full((2, 4, 4), 1e60)), "range of float32"),
        (lambda: feature_affinity(np.ones((2, 4, 4)), metric="l1"), "'cosine', 'l2'"),
        (lambda: feature_affinity(np.ones((2, 4, 4)), scale=0), "scale"),
        (lambda: feature_affinity(np.ones((2, 4, 4)), scale=np.nan), "scale"),
        (lambda: feature_affinity(np.ones((2, 4, 4)), connectivity=6), "4 or 8"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: edge_affinity(np.zeros((4, 4), dtype=np.int64)), "dtype int64"),
        (lambda: edge_affinity(np.ma.zeros((4, 4))), "mask would be lost"),
        (lambda: feature_affinity(np.zeros((2, 4, 4), complex)), "dtype complex128"),
        (lambda: feature_affinity(np.zeros((2, 4, 4), bool)), "dtype bool"),
        (lambda: feature_affinity(np.ma.zeros((2, 4, 4))), "mask would be lost"),
        (lambda: feature_affinity(np.ones((2, 4, 4)), scale="auto"), "scale='auto'"),
    ],
)
def test_bad_types(call, message):
    with pytest.raises(TypeError, match=message):
        call()


def test_integer_images_of_odd_dtypes_are_refused():
    with pytest.raises(TypeError, match="dtype int64"):
        rgb_affinity(np.zeros((4, 4), dtype=np.int64))


@pytest.mark.parametrize("n_bands", [1, 3, 129, 200])
def test_bytes_have_the_affinities_of_the_same_floats(rng, n_bands):
    image = rng.integers(0, 256, (9, 7, n_bands), dtype=np.uint8)
    # The largest differences there are.
    image[2:4], image[4:6] = 0, 255
    for sigma in (5.0, 200.0):
        expected = color_affinity(image / 255, sigma)
        assert np.array_equal(color_affinity(image, sigma), expected)
