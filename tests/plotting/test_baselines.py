"""Pictures that are as they were when somebody looked at them."""

import numpy as np
import pytest

from seal_sk import rgb_affinity
from seal_sk.plotting import (
    AffinityDisplay,
    CurveDisplay,
    LearningCurveDisplay,
    SuperpixelDisplay,
)

WHOLE = (0, 0, 1, 1)


def place(columns, rows):
    """Lower left corner of the figure, of whole pixels for each of the image."""
    return 0, 0, columns / 256, rows / 192


@pytest.mark.parametrize("kind", ["boundaries", "mean", "labels"])
def test_superpixels(figure, assert_baseline, image, labels, kind):
    SuperpixelDisplay.from_labels(image, labels, kind=kind, ax=figure.add_axes(WHOLE))
    assert_baseline(figure, f"superpixels_{kind}")


def test_superpixels_masked_and_enlarged(figure, assert_baseline, image, labels):
    labels[labels == 5] = -1
    SuperpixelDisplay.from_labels(
        image,
        labels,
        ax=figure.add_axes(WHOLE),
        color="white",
        linewidth=1.5,
        zoom=(2, 6, 6, 9),
    )
    assert_baseline(figure, "superpixels_zoom")


@pytest.mark.parametrize("kind", ["min", "mean"])
def test_affinity(figure, assert_baseline, image, kind):
    image[8:16, 10:22] //= 2
    ax = figure.add_axes(place(7 * 32, 7 * 24))
    affinity = rgb_affinity(image, sigma=20)
    AffinityDisplay.from_affinity(affinity, kind=kind, ax=ax)
    assert_baseline(figure, f"affinity_{kind}")


def test_affinity_by_direction(figure, assert_baseline, image):
    image[8:16, 10:22] //= 2
    width, height = 3 * 32 / 256, 3 * 24 / 192
    axes = [
        figure.add_axes((left, bottom, width, height))
        for bottom in (96 / 192, 0)
        for left in (0, 112 / 256)
    ]
    affinity = rgb_affinity(image, sigma=20)
    AffinityDisplay.from_affinity(affinity, kind="directions", ax=axes, cmap="cividis")
    assert_baseline(figure, "affinity_directions")


def test_curves(figure, assert_baseline):
    sizes = np.array([100, 400, 200])
    curves = {
        "one": {"n_segments": sizes, "asa": np.array([0.90, 0.96, 0.94])},
        "other": {
            "n_segments": 1.1 * sizes,
            "asa": np.array([0.85, 0.95, 0.91]),
            "asa_low": np.array([0.83, 0.94, 0.90]),
            "asa_high": np.array([0.86, 0.96, 0.93]),
        },
    }
    ax = figure.add_axes((0.05, 0.05, 0.9, 0.9))
    CurveDisplay(curves, {"asa": "ASA"}).plot(ax, legend=False)
    assert_baseline(figure, "curves")


def test_training(figure, assert_baseline):
    history = [
        {"iteration": 100 * i, "loss": 1 + 1 / i, "lr": 10.0**-i, "asa": asa}
        for i, asa in enumerate([0.90, 0.93, 0.95, 0.94], 1)
    ]
    axes = figure.subplots(3, sharex=True)
    figure.subplots_adjust(0.05, 0.05, 0.95, 0.95)
    LearningCurveDisplay.from_history(history, ax=axes)
    # Matplotlib's own choice changes with its versions.
    axes[2].set_yticks([1e-1, 1e-4])
    assert_baseline(figure, "training")
