import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays

from seal_sk.plotting import draw_boundaries
from seal_sk.plotting.boundaries import boundary_segments

QUADRANTS = np.kron([[0, 1], [2, 3]], np.ones((3, 4), dtype=int))
RED = (255, 0, 0)


def is_red(drawing):
    return (drawing == RED).all(axis=2)


def test_boundary_of_quadrants():
    image = np.full((6, 8, 3), 100, dtype=np.uint8)
    drawing = draw_boundaries(image, QUADRANTS, color="red")
    expected = np.zeros((6, 8), dtype=bool)
    expected[2, :] = expected[:, 3] = True
    np.testing.assert_array_equal(is_red(drawing), expected)
    assert drawing.dtype == np.uint8
    assert (drawing[~expected] == 100).all()
    assert (image == 100).all()


def test_scaled_boundary_is_one_pixel_wide():
    image = np.arange(48, dtype=np.uint8).reshape(6, 8)
    drawing = draw_boundaries(image, QUADRANTS, color="red", scale=3)
    assert drawing.shape == (18, 24, 3)
    expected = np.zeros((18, 24), dtype=bool)
    expected[8, :] = expected[:, 11] = True
    np.testing.assert_array_equal(is_red(drawing), expected)
    np.testing.assert_array_equal(drawing[1::3, 1::3, 0], image)


@pytest.mark.parametrize("labels", [QUADRANTS + 7, QUADRANTS - 1, 10**9 * QUADRANTS])
def test_only_changes_of_label_count(labels):
    image = np.zeros((6, 8), dtype=np.uint8)
    np.testing.assert_array_equal(
        draw_boundaries(image, labels), draw_boundaries(image, QUADRANTS)
    )


@pytest.mark.parametrize(
    ("dtype", "value"), [("uint8", 51), ("uint16", 13107), ("float32", 0.2)]
)
@pytest.mark.parametrize("shape", [(2, 2), (2, 2, 1), (2, 2, 3)])
def test_image_by_its_dtype(dtype, value, shape):
    image = np.full(shape, value, dtype=dtype)
    drawing = draw_boundaries(image, np.zeros((2, 2), dtype=int))
    np.testing.assert_array_equal(drawing, np.full((2, 2, 3), 51, dtype=np.uint8))


@pytest.mark.parametrize(
    ("image", "labels", "options", "message"),
    [
        (np.zeros((6, 8, 5)), QUADRANTS, {}, "has 5 channels"),
        (np.zeros((6, 8, 4)), QUADRANTS, {}, "looks like alpha"),
        (np.zeros((6, 7)), QUADRANTS, {}, "same size"),
        (np.zeros((6, 8)), QUADRANTS, {"scale": 0}, "at least 1"),
        (np.zeros((6, 8)), QUADRANTS, {"color": "no colour"}, "is not a colour of"),
        (np.zeros((6, 8)), QUADRANTS, {"color": "none"}, "transparent"),
        (np.zeros((6, 8)), QUADRANTS, {"color": (1, 0, 0, 0.5)}, "transparent"),
    ],
)
def test_refusals(image, labels, options, message):
    with pytest.raises(ValueError, match=message):
        draw_boundaries(image, labels, **options)


label_maps = arrays(
    np.int16,
    array_shapes(min_dims=2, max_dims=2, max_side=7),
    elements=st.integers(-2, 3),
)


def sides(segments):
    """The sides of pixels that lines run over, in twice their coordinates."""
    found = []
    for (x0, y0), (x1, y1) in 2 * segments:
        if x0 == x1:
            found += [(x0, y) for y in np.arange(min(y0, y1) + 1, max(y0, y1), 2)]
        else:
            assert y0 == y1
            found += [(x, y0) for x in np.arange(min(x0, x1) + 1, max(x0, x1), 2)]
    return found


@given(label_maps)
def test_lines_lie_exactly_where_labels_differ(labels):
    found = sides(boundary_segments(labels))
    labels = np.maximum(labels, -1)
    height, width = labels.shape
    expected = {
        (2 * x + 1, 2 * y)
        for y in range(height)
        for x in range(width - 1)
        if labels[y, x] != labels[y, x + 1]
    } | {
        (2 * x, 2 * y + 1)
        for y in range(height - 1)
        for x in range(width)
        if labels[y, x] != labels[y + 1, x]
    }
    assert len(found) == len(set(found))
    assert set(found) == expected


@given(label_maps)
def test_lines_go_on_as_long_as_they_are_straight(labels):
    segments = boundary_segments(labels)
    ends = {(*a, *(b - a == 0)) for a, b in segments}
    assert not ends & {(*b, *(b - a == 0)) for a, b in segments}


def test_masked_pixels_may_hold_anything():
    image = np.full((6, 8), np.nan)
    image[:, 4:] = 1
    labels = np.where(QUADRANTS % 2, QUADRANTS, -1)
    drawing = draw_boundaries(image, labels, color="red")
    assert is_red(drawing)[:, 3].all()
    with pytest.raises(ValueError, match="masks every pixel"):
        draw_boundaries(image, np.full((6, 8), -1))
