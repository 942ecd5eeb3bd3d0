import numpy as np
import pytest

from seal_sk.plotting import draw_boundaries

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
        (np.zeros((6, 8)), QUADRANTS, {"color": "no colour"}, "no colour"),
    ],
)
def test_refusals(image, labels, options, message):
    with pytest.raises(ValueError, match=message):
        draw_boundaries(image, labels, **options)
