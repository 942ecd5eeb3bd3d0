import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.ndimage import binary_dilation, label, uniform_filter

from seal_sk.datasets import make_scenes


def assert_same(scenes, others):
    for arrays, other_arrays in zip(scenes, others, strict=True):
        for array, other in zip(arrays, other_arrays, strict=True):
            np.testing.assert_array_equal(array, other)


@settings(max_examples=25, deadline=None)
@given(st.integers(16, 90), st.integers(16, 90), st.integers(0, 2**32 - 1))
def test_images_and_truths_keep_the_contract(height, width, seed):
    images, truths = make_scenes(2, shape=(height, width), random_state=seed)
    assert isinstance(images, list)
    assert isinstance(truths, list)
    for image, truth in zip(images, truths, strict=True):
        assert image.dtype == np.uint8
        assert image.shape == (height, width, 3)
        assert image.std() > 4
        assert truth.dtype == np.int32
        assert truth.shape == (height, width)
        sizes = np.bincount(truth.ravel())
        assert len(sizes) >= 2
        assert sizes.min() >= 12
        for value in range(len(sizes)):
            assert label(truth == value)[1] == 1


def test_an_integer_seed_gives_the_same_scenes():
    first = make_scenes(2, shape=(32, 40), random_state=3)
    np.random.random()  # noqa: NPY002 - moves the global state on
    before = np.random.get_state()[1].copy()  # noqa: NPY002
    assert_same(first, make_scenes(2, shape=(32, 40), random_state=3))
    after = np.random.get_state()[1]  # noqa: NPY002
    np.testing.assert_array_equal(after, before)
    other = make_scenes(2, shape=(32, 40), random_state=4)
    assert (first[0][0] != other[0][0]).any()
    assert (first[0][0] != first[0][1]).any()


@pytest.mark.parametrize(
    "make",
    [int, np.random.RandomState, np.random.default_rng],
    ids=["int", "RandomState", "Generator"],
)
def test_a_scene_does_not_depend_on_how_many_there_are(make):
    few = make_scenes(2, shape=(24, 24), random_state=make(0))
    images, truths = make_scenes(4, shape=(24, 24), random_state=make(0))
    assert_same(few, (images[:2], truths[:2]))


def test_random_objects_move_on():
    for rng in (np.random.RandomState(0), np.random.default_rng(0)):
        first, _ = make_scenes(1, shape=(16, 16), random_state=rng)
        second, _ = make_scenes(1, shape=(16, 16), random_state=rng)
        assert (first[0] != second[0]).any()


def test_default_shape_and_number():
    images, truths = make_scenes(random_state=0)
    assert len(images) == len(truths) == 10
    assert {image.shape for image in images} == {(128, 128, 3)}


@pytest.mark.parametrize(
    ("parameters", "message"),
    [
        ({"n_samples": 0}, "n_samples must be a positive integer"),
        ({"n_samples": 2.0}, "n_samples must be a positive integer"),
        ({"n_samples": True}, "n_samples must be a positive integer"),
        ({"shape": 64}, "pair of integers"),
        ({"shape": (64, 64, 3)}, "pair of integers"),
        ({"shape": (64.0, 64)}, "pair of integers"),
        ({"shape": "ab"}, "pair of integers"),
        ({"shape": (15, 64)}, "at least 16 pixels"),
        ({"shape": (64, -64)}, "at least 16 pixels"),
        ({"random_state": "seed"}, "cannot be used to seed"),
        ({"random_state": -1}, "Seed must be between"),
    ],
)
def test_bad_input(parameters, message):
    with pytest.raises(ValueError, match=message):
        make_scenes(**parameters)


def neighbours(array, axis):
    if axis == 0:
        return array[:-1], array[1:]
    return array[:, :-1], array[:, 1:]


def equal_colours(image, truth):
    """Return whether two labels touch and have equal colour, for each two labels.

    Equal colour: their means within 6 pixels of each other differ by less than 8 of
    255.
    """
    n_labels = truth.max() + 1
    equal = np.zeros((n_labels, n_labels), dtype=bool)
    grown = [binary_dilation(truth == k, iterations=6) for k in range(n_labels)]
    pairs = [np.stack(neighbours(truth, axis)).reshape(2, -1) for axis in (0, 1)]
    for a, b in np.unique(np.sort(np.hstack(pairs), axis=0), axis=1).T:
        if a != b:
            mean_a = image[(truth == a) & grown[b]].mean(axis=0)
            mean_b = image[(truth == b) & grown[a]].mean(axis=0)
            equal[a, b] = equal[b, a] = np.abs(mean_a - mean_b).mean() < 8
    return equal


def weak_boundary(image, truth):
    """Return colour differences across weak boundaries, and within regions.

    Also returns how many pairs of neighbouring pixels all boundaries separate.
    """
    equal = equal_colours(image, truth)
    across, within, n_boundary = [], [], 0
    for axis in (0, 1):
        first, second = neighbours(image.astype(float), axis)
        difference = np.abs(first - second).mean(axis=2)
        one, other = neighbours(truth, axis)
        across.append(difference[equal[one, other]])
        within.append(difference[one == other])
        n_boundary += (one != other).sum()
    return np.concatenate(across), np.concatenate(within), n_boundary


@pytest.mark.parametrize("seed", range(3))
def test_colour_differences_do_not_show_the_weak_boundaries(seed):
    ratios, shares = [], []
    images, truths = make_scenes(8, random_state=seed)
    for image, truth in zip(images, truths, strict=True):
        across, within, n_boundary = weak_boundary(image, truth)
        ratios.append(across.mean() / within.mean())
        shares.append(len(across) / n_boundary)
    assert np.mean(ratios) < 1
    assert np.mean(shares) > 0.35


def test_some_boundaries_show_in_colour():
    images, truths = make_scenes(8, random_state=0)
    for image, truth in zip(images, truths, strict=True):
        across, _, n_boundary = weak_boundary(image, truth)
        assert len(across) < 0.9 * n_boundary


@pytest.mark.parametrize("seed", range(3))
def test_texture_shows_the_weak_boundaries(seed):
    """The energy of oriented differences, averaged over 9 x 9 pixels, sees them."""
    images, truths = make_scenes(8, random_state=seed)
    steps = [(0, 1), (1, 0), (1, 1), (1, -1), (0, 2), (2, 0)]
    on_boundary, elsewhere = [], []
    for image, truth in zip(images, truths, strict=True):
        grey = image.mean(axis=2)
        energy = np.stack(
            [
                uniform_filter(np.abs(grey - np.roll(grey, step, (0, 1))), 9)
                for step in steps
            ]
        )
        # Windows that touch where the truth is looked at.
        change = np.abs(energy[:, :, 9:] - energy[:, :, :-9]).mean(axis=0)
        one, other = truth[:, 4:-5], truth[:, 5:-4]
        on_boundary.append(change[equal_colours(image, truth)[one, other]].mean())
        elsewhere.append(change[one == other].mean())
    assert np.mean(on_boundary) > 1.5 * np.mean(elsewhere)
