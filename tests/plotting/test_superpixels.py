import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from skimage.color import rgb2lab

from seal_sk import ERSSuperpixels, SNICSuperpixels, adjacency
from seal_sk.datasets import make_scenes
from seal_sk.plotting import SuperpixelDisplay
from seal_sk.plotting.boundaries import boundary_segments
from seal_sk.plotting.colors import label_colors


@pytest.fixture
def ax():
    return Figure().subplots()


def picture(display):
    return np.asarray(display.image_.get_array())


def test_of_an_estimator(ax):
    (image,), _ = make_scenes(1, shape=(48, 64), random_state=0)
    estimator = ERSSuperpixels(n_segments=20)
    settings = matplotlib.rcParams.copy()
    display = SuperpixelDisplay.from_estimator(
        estimator, image, ax=ax, color="red", linewidth=2
    )
    assert matplotlib.rcParams == settings
    (labels,) = estimator.transform([image])
    np.testing.assert_array_equal(display.labels, labels)
    assert display.ax_ is ax
    assert display.figure_ is ax.figure
    assert display.zoom_ax_ is None
    assert ax.get_title() == "ERSSuperpixels, 20 superpixels"
    assert list(ax.images) == [display.image_]
    np.testing.assert_array_equal(picture(display), image)
    # Coordinates are those of the image.
    assert tuple(display.image_.get_extent()) == (-0.5, 63.5, 47.5, -0.5)
    assert (*ax.get_xlim(), *ax.get_ylim()) == (-0.5, 63.5, 47.5, -0.5)
    np.testing.assert_array_equal(
        np.array(display.lines_.get_segments()), boundary_segments(labels)
    )
    assert tuple(display.lines_.get_color()[0]) == to_rgba("red")
    assert display.lines_.get_linewidth() == [2]


def test_of_an_estimator_in_a_mask(ax):
    (image,), _ = make_scenes(1, shape=(48, 64), random_state=0)
    mask = np.zeros((48, 64), dtype=bool)
    mask[8:40, 10:50] = True
    display = SuperpixelDisplay.from_estimator(
        SNICSuperpixels(n_segments=12), image, mask=mask, ax=ax
    )
    np.testing.assert_array_equal(display.labels >= 0, mask)
    n = len(np.unique(display.labels[mask]))
    assert ax.get_title() == f"SNICSuperpixels, {n} superpixels"


def test_a_new_figure_is_opened(image, labels):
    display = SuperpixelDisplay.from_labels(image, labels, name="ABC")
    assert display.figure_.number in pyplot.get_fignums()
    assert display.ax_.get_title() == "ABC"
    pyplot.close(display.figure_)
    other = Figure().subplots()
    assert display.plot(other, kind="mean") is display
    assert display.ax_ is other


def test_axes_of_a_subfigure(image, labels):
    _, right = Figure().subfigures(1, 2)
    display = SuperpixelDisplay.from_labels(image, labels, ax=right.subplots())
    assert display.figure_ is right


@pytest.mark.parametrize(
    ("dtype", "value"), [("uint8", 51), ("uint16", 13107), ("float32", 0.2)]
)
@pytest.mark.parametrize("shape", [(24, 32), (24, 32, 1), (24, 32, 3)])
def test_image_by_its_dtype(ax, labels, dtype, value, shape):
    image = np.full(shape, value, dtype=dtype)
    display = SuperpixelDisplay.from_labels(image, labels, ax=ax)
    np.testing.assert_array_equal(picture(display), np.full((24, 32, 3), 51))


def test_bands(ax, labels, rng):
    image = rng.integers(0, 256, (24, 32, 4), dtype=np.uint8)
    display = SuperpixelDisplay.from_labels(image, labels, bands=(3, 1, 0), ax=ax)
    np.testing.assert_array_equal(picture(display), image[..., [3, 1, 0]])
    display = SuperpixelDisplay.from_labels(image, labels, bands=2, ax=ax)
    for channel in range(3):
        np.testing.assert_array_equal(picture(display)[..., channel], image[..., 2])


def test_stretch(ax, labels, rng):
    image = rng.integers(1000, 1101, (24, 32, 3)).astype(np.uint16)
    image[..., 2] = 500
    labels[labels == 3] = -1
    # What is masked has no part in it.
    image[labels == -1] = 65535
    display = SuperpixelDisplay.from_labels(image, labels, stretch=(0, 100), ax=ax)
    shown = picture(display)[labels >= 0]
    expected = np.rint(255 * (image[labels >= 0][:, :2] - 1000.0) / 100)
    np.testing.assert_array_equal(shown[:, :2], expected)
    assert (shown[:, 2] == 0).all()


def test_mean_colours(ax, image, labels):
    display = SuperpixelDisplay.from_labels(image, labels, kind="mean", ax=ax)
    for label in range(12):
        inside = labels == label
        mean = image[inside].mean(axis=0)
        assert np.abs(picture(display)[inside] - mean).max() <= 0.5
    assert display.lines_ is None
    display.plot(ax, kind="mean", alpha=0.25)
    some = 0.25 * image[labels == 5].mean(axis=0) + 0.75 * image[labels == 5]
    assert np.abs(picture(display)[labels == 5] - some).max() <= 1
    display.plot(ax, kind="mean", alpha=0)
    np.testing.assert_array_equal(picture(display), image)


def test_masked_pixels_are_pale_grey(ax, labels):
    image = np.zeros((24, 32, 3))
    image[..., 0] = 1
    inside = labels != 6
    image[~inside] = np.nan
    labels[~inside] = -7
    for kind in ("boundaries", "mean", "labels"):
        display = SuperpixelDisplay.from_labels(image, labels, kind=kind, ax=ax)
        outside = picture(display)[~inside]
        assert outside.min() > 150
        assert (np.ptp(outside, axis=1) == 0).all()
        assert (np.ptp(picture(display)[inside], axis=1) > 0).all()


# How linear RGB is seen with all cones, and without those for red or for green
# (Machado, Oliveira, Fernandes, "A Physiologically-based Model for Simulation of Color
# Vision Deficiency", 2009), and how much neighbours must differ then in CIELAB.
VISIONS = [
    (np.eye(3), 25),
    (
        [
            [0.152286, 1.052583, -0.204868],
            [0.114503, 0.786281, 0.099216],
            [-0.003882, -0.048116, 1.051998],
        ],
        6,
    ),
    (
        [
            [0.367322, 0.860646, -0.227968],
            [0.280085, 0.672501, 0.047413],
            [-0.011820, 0.042940, 0.968881],
        ],
        6,
    ),
]


def seen(rgb, vision):
    linear = np.where(rgb <= 0.04045, rgb / 12.92, ((rgb + 0.055) / 1.055) ** 2.4)
    linear = np.clip(linear @ vision.T, 0, 1)
    return np.where(
        linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055
    )


@pytest.fixture(scope="module")
def cut():
    (image,), _ = make_scenes(1, shape=(120, 160), random_state=1)
    (labels,) = ERSSuperpixels(n_segments=300).transform([image])
    return labels


def test_neighbours_differ_in_colour(cut):
    colors = label_colors(cut)
    own = np.zeros((300, 3), dtype=np.uint8)
    for label in range(300):
        (own[label],) = np.unique(colors[cut == label], axis=0)
    assert len(np.unique(own, axis=0)) > 290
    first, second = adjacency(cut).tocoo().coords
    for vision, least in VISIONS:
        lab = rgb2lab(seen(own / 255, np.array(vision))[None])[0]
        assert np.linalg.norm(lab[first] - lab[second], axis=1).min() > least


def test_colours_belong_to_the_label_map(cut, rng):
    """Whatever the labels are called, and whatever the image is."""
    names = 5 * rng.permutation(300)
    pictures = [
        picture(
            SuperpixelDisplay.from_labels(
                image, labels, kind="labels", alpha=1, ax=Figure().subplots()
            )
        )
        for image, labels in [
            (np.zeros(cut.shape), cut),
            (np.ones((*cut.shape, 3)), names[cut]),
        ]
    ]
    np.testing.assert_array_equal(*pictures)


def test_colours_are_the_same_everywhere():
    labels = np.arange(6)[None].repeat(2, axis=0)
    expected = [
        [176, 68, 186],
        [149, 199, 54],
        [83, 62, 160],
        [125, 221, 44],
        [68, 82, 227],
        [195, 172, 43],
    ]
    np.testing.assert_array_equal(label_colors(labels)[0], expected)


@pytest.mark.slow
@pytest.mark.parametrize(
    ("zoom_at", "corner"),
    [
        ("upper left", (0, 1)),
        ("upper right", (1, 1)),
        ("lower left", (0, 0)),
        ("lower right", (1, 0)),
    ],
)
@pytest.mark.parametrize("zoom", [(2, 3, 6, 5), (0, 0, 24, 8), (20, 1, 4, 31)])
def test_zoom(ax, image, labels, zoom_at, corner, zoom):
    display = SuperpixelDisplay.from_labels(
        image, labels, zoom=zoom, zoom_at=zoom_at, ax=ax
    )
    top, left, height, width = zoom
    inset = display.zoom_ax_
    assert inset.get_xlim() == (left - 0.5, left + width - 0.5)
    assert inset.get_ylim() == (top + height - 0.5, top - 0.5)
    (shown,) = inset.images
    np.testing.assert_array_equal(np.asarray(shown.get_array()), image)
    (frame,) = ax.patches
    assert frame.get_bbox().bounds == (left - 0.5, top - 0.5, width, height)
    # Pixels stay square, in their corner, and leave most of the image free.
    ax.figure.draw_without_rendering()
    outer, inner = ax.get_window_extent(), inset.get_window_extent()
    assert inner.width / inner.height == pytest.approx(width / height)
    x, y = (inner.x0 - outer.x0) / outer.width, (inner.y0 - outer.y0) / outer.height
    w, h = inner.width / outer.width, inner.height / outer.height
    assert max(w, h) == pytest.approx(0.46)
    assert (x if corner[0] == 0 else 1 - x - w) == pytest.approx(0.02)
    assert (y if corner[1] == 0 else 1 - y - h) == pytest.approx(0.02)


def test_zoom_has_the_lines_of_its_part(ax, image, labels):
    display = SuperpixelDisplay.from_labels(image, labels, zoom=(2, 3, 6, 5), ax=ax)
    (lines,) = display.zoom_ax_.collections
    part = np.zeros(labels.shape, dtype=bool)
    part[2:8, 3:8] = True
    vertical = np.zeros((24, 33), dtype=bool)
    for (x0, y0), (x1, y1) in lines.get_segments():
        if x0 == x1:
            vertical[int(min(y0, y1) + 0.5) : int(max(y0, y1) + 0.5), int(x0)] = True
    differ = labels[:, 1:] != labels[:, :-1]
    np.testing.assert_array_equal(vertical[2:8, 3:7], differ[2:8, 3:7])
    assert 0 < len(lines.get_segments()) < len(display.lines_.get_segments())


@pytest.mark.parametrize("kind", ["boundaries", "mean", "labels"])
def test_one_superpixel_has_no_lines(ax, image, kind):
    display = SuperpixelDisplay.from_labels(
        image,
        np.zeros((24, 32), dtype=int),
        kind=kind,
        color="red",
        zoom=(0, 0, 3, 3),
        ax=ax,
    )
    ax.figure.draw_without_rendering()
    assert not display.lines_.get_segments()


def test_zoom_beside_the_image(ax, image, labels):
    bounds = (1.02, 0, 0.5, 1)
    display = SuperpixelDisplay.from_labels(
        image, labels, zoom=(0, 0, 8, 8), zoom_at=bounds, ax=ax, color="none"
    )
    ax.figure.draw_without_rendering()
    inner = display.zoom_ax_.get_window_extent()
    assert inner.x0 > ax.get_window_extent().x1
    assert not display.zoom_ax_.collections


@pytest.mark.parametrize(
    ("changes", "options", "message"),
    [
        ({"image": np.zeros((24, 32, 5))}, {}, "has 5 channels.*bands="),
        ({"image": np.zeros((24, 31))}, {}, "same size"),
        ({"image": np.full((24, 32), 2.0)}, {}, "must lie in 0..1"),
        ({"labels": np.full((24, 32), -1)}, {}, "masks every pixel"),
        ({"bands": (0, 1, 3)}, {}, "bands=.*of the image's 3"),
        ({"bands": (0, 1)}, {}, "bands=.*one channel.*or three"),
        ({"bands": 0.5}, {}, "bands=0.5"),
        ({"bands": ((0, 1), 2)}, {}, "bands=.*one channel.*or three"),
        ({"image": np.zeros((24, 32)), "bands": 0}, {}, "bands=0 needs"),
        ({"stretch": 2}, {}, "stretch=2 must be two percentiles"),
        ({"stretch": (98, 2)}, {}, "the lower first"),
        ({"stretch": (0, 101)}, {}, "at most 100"),
        ({}, {"kind": "outline"}, "kind='outline' must be one of"),
        ({}, {"color": "no colour"}, "color='no colour' is not a colour"),
        ({}, {"linewidth": -1}, "linewidth=-1.0 must be"),
        ({}, {"alpha": 1.5}, "alpha=1.5 must be at most 1"),
        ({}, {"zoom": (1, 2, 3)}, "zoom=.*top, left, height, width"),
        ({}, {"zoom": (0, 0, 25, 3)}, "is not inside the image, which is 24 x 32"),
        ({}, {"zoom": (0, 0, 0, 3)}, "zoom=0 must be at least 1"),
        ({}, {"zoom": (0, 0, 3, 3), "zoom_at": "right"}, "zoom_at='right' must be"),
        (
            {},
            {"zoom": (0, 0, 3, 3), "zoom_at": (0, 0)},
            "zoom_at=.*fractions of the axes",
        ),
        ({}, {"zoom": (0, 0, 3, 3), "zoom_at": ("a", 0, 1, 1)}, "zoom_at='a' must be"),
        ({}, {"zoom": (0, 0, 3, 3), "zoom_at": (0, 0, 1, 0)}, "a width and a height"),
    ],
)
def test_refusals_before_a_figure_is_made(image, labels, changes, options, message):
    display = SuperpixelDisplay(**{"image": image, "labels": labels, **changes})
    with pytest.raises((ValueError, TypeError), match=message):
        display.plot(**options)
    # And none is open: conftest.py sees to it.


class Untouched(ERSSuperpixels):
    def transform(self, X, mask=None):
        raise AssertionError("the image is segmented before all is checked")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"kind": "outline"}, "kind='outline'"),
        ({"color": "yelow"}, "color='yelow'"),
        ({"zoom": (0, 0, 25, 3)}, "is not inside the image"),
        ({"ax": Figure()}, "must be matplotlib Axes"),
    ],
)
def test_refusals_before_an_image_is_segmented(image, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        SuperpixelDisplay.from_estimator(Untouched(), image, **options)


def test_axes_that_are_none(image, labels):
    with pytest.raises(TypeError, match="must be matplotlib Axes"):
        SuperpixelDisplay.from_labels(image, labels, ax=Figure())
    with pytest.raises(ValueError, match="ax holds 2 axes, but 1"):
        SuperpixelDisplay.from_labels(image, labels, ax=Figure().subplots(2))
