"""Affinity maps against loops written from the formulas."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seal_sk import oracle_affinity, rgb_affinity, to_eight_connected
from seal_sk.affinity import binary_affinity

OFFSETS = ((0, 1), (1, 0), (1, 1), (-1, 1))
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
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_integer_images_of_odd_dtypes_are_refused():
    with pytest.raises(TypeError, match="dtype int64"):
        rgb_affinity(np.zeros((4, 4), dtype=np.int64))
