import matplotlib
import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from seal_sk import ERSSuperpixels, GraphSuperpixels, RGBAffinity, rgb_affinity
from seal_sk.plotting import AffinityDisplay

STEPS = {"right": (0, 1), "down": (1, 0), "down-right": (1, 1), "up-right": (-1, 1)}


@pytest.fixture
def affinity(rng):
    return rng.random((5, 7, 4))


def slow(affinity, directions, join):
    """At each pixel over its neighbours in these directions and the opposite ones."""
    height, width = affinity.shape[:2]
    joined = np.full((height, width), np.nan)
    for y in range(height):
        for x in range(width):
            values = []
            for channel, (name, (dy, dx)) in enumerate(STEPS.items()):
                if name not in directions:
                    continue
                if 0 <= y + dy < height and 0 <= x + dx < width:
                    values.append(affinity[y, x, channel])
                if 0 <= y - dy < height and 0 <= x - dx < width:
                    values.append(affinity[y - dy, x - dx, channel])
            if values:
                joined[y, x] = join(values)
    return joined


def pictures(display):
    return [
        np.ma.filled(np.ma.asarray(image.get_array()), np.nan)
        for image in display.images_
    ]


@pytest.mark.parametrize(
    "directions", [list(STEPS), ["down"], ["up-right", "right"], ["down-right"]]
)
@pytest.mark.parametrize(("kind", "join"), [("min", min), ("mean", np.mean)])
def test_joined(affinity, directions, kind, join):
    display = AffinityDisplay.from_affinity(
        affinity, kind=kind, directions=directions, ax=Figure().subplots()
    )
    (picture,) = pictures(display)
    np.testing.assert_allclose(picture, slow(affinity, directions, join))


def test_a_single_pixel_has_no_neighbour():
    display = AffinityDisplay.from_affinity(
        np.zeros((1, 1, 2)), ax=Figure().subplots(), colorbar=False
    )
    assert np.isnan(pictures(display)[0]).all()


def test_by_direction(affinity):
    # What leads out of the image is not looked at.
    affinity[:, -1, 0] = 7
    affinity[0, :, 3] = np.nan
    axes = Figure().subplots(2, 2)
    display = AffinityDisplay.from_affinity(affinity, kind="directions", ax=axes)
    np.testing.assert_array_equal(display.ax_, axes.ravel())
    for picture, channel, (dy, dx) in zip(
        pictures(display), range(4), STEPS.values(), strict=True
    ):
        expected = affinity[..., channel].copy()
        expected[:, -1 if dx else 7 :] = np.nan
        if dy:
            expected[-1 if dy > 0 else 0] = np.nan
        np.testing.assert_array_equal(picture, expected)
    titles = [ax.get_title() for ax in axes.flat]
    assert titles == ["→ right", "↓ down", "↘ down-right", "↗ up-right"]


def test_chosen_directions_stand_in_their_order(affinity):
    display = AffinityDisplay.from_affinity(
        affinity,
        kind="directions",
        directions=("up-right", "down"),
        ax=Figure().subplots(2),
    )
    first, second = pictures(display)
    np.testing.assert_array_equal(first[1:, :-1], affinity[1:, :-1, 3])
    np.testing.assert_array_equal(second[:-1], affinity[:-1, :, 1])


def test_colours_are_those_of_the_scale(affinity):
    display = AffinityDisplay.from_affinity(
        affinity / 2, ax=Figure().subplots(), cmap="cividis"
    )
    (image,) = display.images_
    assert image.get_clim() == (0, 1)
    assert image.cmap == matplotlib.colormaps["cividis"]
    assert display.colorbar_.mappable is image
    assert display.colorbar_.vmin == 0
    assert display.colorbar_.vmax == 1
    # As high as the picture.
    display.figure_.draw_without_rendering()
    scale, ax = display.colorbar_.ax.get_window_extent(), display.ax_
    assert scale.height == pytest.approx(ax.get_window_extent().height)
    assert display.plot(Figure().subplots(), colorbar=False).colorbar_ is None


@pytest.mark.parametrize(
    "estimator",
    [
        RGBAffinity(sigma=9),
        GraphSuperpixels(affinity=RGBAffinity(sigma=9)),
    ],
)
def test_of_estimators(estimator, image):
    display = AffinityDisplay.from_estimator(estimator, image, ax=Figure().subplots())
    np.testing.assert_array_equal(display.affinity, rgb_affinity(image, sigma=9))
    assert display.ax_.get_title() == f"{type(estimator).__name__}: lowest affinity"


def test_cutters_show_what_they_cut(image):
    display = AffinityDisplay.from_estimator(
        ERSSuperpixels(sigma=3), image, name="ERS", kind="mean", ax=Figure().subplots()
    )
    np.testing.assert_array_equal(display.affinity, rgb_affinity(image, sigma=3))
    assert display.ax_.get_title() == "ERS: mean affinity"


def test_a_new_figure_is_opened(affinity):
    display = AffinityDisplay.from_affinity(affinity, kind="directions")
    assert len(display.ax_) == 4
    assert display.figure_.number in pyplot.get_fignums()
    pyplot.close(display.figure_)


@pytest.mark.parametrize(
    ("affinity", "options", "message"),
    [
        (np.zeros((5, 7)), {}, "affinity has shape"),
        (np.full((5, 7, 2), 2.0), {}, "outside 0..1"),
        (np.zeros((5, 7, 2)), {"kind": "max"}, "kind='max' must be one of"),
        (np.zeros((5, 7, 2)), {"directions": ["up"]}, "directions=.* some of 'right'"),
        (np.zeros((5, 7, 2)), {"directions": ["up-right"]}, "directions="),
        (np.zeros((5, 7, 2)), {"directions": "right"}, "must be a tuple or list"),
        (np.zeros((5, 7, 2)), {"cmap": "gary"}, "cmap='gary' is not a colormap"),
        (
            np.zeros((5, 7, 2)),
            {"kind": "directions", "ax": Figure().subplots()},
            "holds 1 axes, but 2 are needed, one for each of the directions",
        ),
    ],
)
def test_refusals(affinity, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        AffinityDisplay.from_affinity(affinity, **options)


@pytest.mark.parametrize("options", [{"kind": "max"}, {"cmap": "gary"}])
def test_refusals_before_a_network_looks(image, options):
    class Untouched:
        def transform(self, X):
            raise AssertionError("the image is looked at before all is checked")

    with pytest.raises(ValueError, match=next(iter(options))):
        AffinityDisplay.from_estimator(Untouched(), image, **options)
