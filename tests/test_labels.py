"""Operations on label maps against scikit-image and slow references."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label

from seal_sk.labels import (
    boundaries,
    force_n_segments,
    merge_small,
    relabel_consecutive,
    split_components,
)

SHAPES = st.tuples(st.integers(1, 8), st.integers(1, 8))
CONNECTIVITY = st.sampled_from([4, 8])


def label_maps(low=-1, high=3):
    return arrays(np.int32, SHAPES, elements=st.integers(low, high))


@st.composite
def maps_and_images(draw):
    """A label map, and an image of few colours or None."""
    labels = draw(label_maps())
    if draw(st.booleans()):
        return labels, None
    return labels, draw(
        arrays(np.uint8, (*labels.shape, 3), elements=st.integers(0, 3))
    )


def regions_of(labels, connectivity):
    """scikit-image's components, from 0; -1 where masked."""
    masked = np.where(labels < 0, -1, labels)
    return label(masked, background=-1, connectivity=connectivity // 4) - 1


def neighbours(shape, connectivity):
    """Pairs of neighbouring pixels, each once."""
    steps = ((0, 1), (1, 0), (1, 1), (1, -1))[: connectivity // 2]
    for y, x in np.ndindex(shape):
        for dy, dx in steps:
            if y + dy < shape[0] and 0 <= x + dx < shape[1]:
                yield (y, x), (y + dy, x + dx)


def assert_valid(labels, given, connectivity):
    assert labels.dtype == np.int32
    assert np.array_equal(labels < 0, given < 0)
    assert labels.min() >= -1
    assert np.array_equal(regions_of(labels, connectivity), labels)


def assert_refines(fine, coarse):
    pairs = np.unique(np.stack([fine.ravel(), coarse.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(fine))


def slow_merge(labels, image, connectivity, too_many):
    """Join the smallest region to its best neighbour, by the definition.

    ``too_many(sizes)`` says which regions may have to go.
    """
    labels = regions_of(labels, connectivity)
    while True:
        numbers, sizes = np.unique(labels[labels >= 0], return_counts=True)
        border = {}
        for a, b in neighbours(labels.shape, connectivity):
            a, b = labels[a], labels[b]
            if a != b and min(a, b) >= 0:
                border[a, b] = border.get((a, b), 0) + 1
                border[b, a] = border.get((b, a), 0) + 1
        chosen = [
            (size, n)
            for n, size in zip(numbers, sizes, strict=True)
            if too_many(size, len(numbers)) and any(a == n for a, _ in border)
        ]
        if not chosen:
            return regions_of(labels, connectivity)
        n = min(chosen)[1]

        def cost(other, n=n, labels=labels, border=border):
            distance = 0.0
            if image is not None:
                here, there = (
                    image[labels == i].sum(axis=0) / np.count_nonzero(labels == i)
                    for i in (n, other)
                )
                for difference in here - there:
                    distance += difference * difference
            return distance, -border[n, other], other

        other = min((b for a, b in border if a == n), key=cost)
        labels[labels == max(n, other)] = min(n, other)


@given(label_maps(), CONNECTIVITY)
def test_components_are_those_of_scikit_image(labels, connectivity):
    split = split_components(labels, connectivity=connectivity)
    assert np.array_equal(split, regions_of(labels, connectivity))
    assert_valid(split, labels, connectivity)


@settings(deadline=None)
@given(maps_and_images(), CONNECTIVITY, st.integers(0, 12))
def test_merge_small_equals_the_slow_reference(given, connectivity, min_size):
    labels, image = given
    merged = merge_small(labels, min_size, image=image, connectivity=connectivity)
    expected = slow_merge(labels, image, connectivity, lambda size, n: size < min_size)
    assert np.array_equal(merged, expected)
    assert_valid(merged, labels, connectivity)
    assert_refines(split_components(labels, connectivity=connectivity), merged)


@settings(deadline=None)
@given(maps_and_images(), CONNECTIVITY)
def test_every_possible_number_of_segments(given, connectivity):
    labels, image = given
    n_areas = regions_of(np.minimum(labels, 0), connectivity).max() + 1
    components = split_components(labels, connectivity=connectivity)
    for n in range(n_areas, np.count_nonzero(labels >= 0) + 1):
        if n == 0:
            continue
        forced = force_n_segments(labels, n, image=image, connectivity=connectivity)
        assert_valid(forced, labels, connectivity)
        assert forced.max() + 1 == n
        if n <= components.max() + 1:
            assert_refines(components, forced)
        if n >= components.max() + 1:
            assert_refines(forced, components)


@settings(deadline=None)
@given(maps_and_images(), CONNECTIVITY)
def test_too_many_are_merged_as_the_slow_reference_does(given, connectivity):
    labels, image = given
    n_areas = regions_of(np.minimum(labels, 0), connectivity).max() + 1
    for n in range(max(n_areas, 1), regions_of(labels, connectivity).max() + 2):
        forced = force_n_segments(labels, n, image=image, connectivity=connectivity)
        expected = slow_merge(
            labels, image, connectivity, lambda size, left, n=n: left > n
        )
        assert np.array_equal(forced, expected)


def test_boundaries_thin():
    assert boundaries([[0, 0, 1]]).tolist() == [[False, True, False]]


def test_relabel():
    assert relabel_consecutive([[9, 9, -3, 2]]).tolist() == [[0, 0, -1, 1]]


def test_infeasible():
    with pytest.raises(ValueError, match="more than the 3 unmasked pixels"):
        force_n_segments([[0, 0, -1, 1]], 4)
    with pytest.raises(ValueError, match="2 separate areas"):
        force_n_segments([[0, 0, -1, 1]], 1)
    with pytest.raises(ValueError, match="masks every pixel"):
        force_n_segments([[-1]], 1)
