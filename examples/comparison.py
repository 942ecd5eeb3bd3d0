"""What the pages that compare share: images to learn and to score on, and curves."""

import numpy as np

from seal_sk.datasets import fetch_bsds500, make_scenes
from seal_sk.metrics import asa_score, boundary_recall_score, mean_over_pairs


def images_and_truths():
    """Images to train on and to test on, numbers of superpixels, and a name.

    BSDS500 where it is at hand (its training images, and every tenth of its 200 test
    images), otherwise scenes generated with boundaries that colour hardly shows.
    """
    try:
        train = fetch_bsds500(subset="train", download_if_missing=False)
        test = fetch_bsds500(subset="test", download_if_missing=False)
    except FileNotFoundError:
        X, y = make_scenes(70, shape=(128, 128), random_state=0)
        return (X[:60], y[:60]), (X[60:], y[60:]), (20, 40, 80, 160), "10 scenes"
    every_tenth = slice(None, None, 10)
    return (
        (train.images, train.annotations),
        (test.images[every_tenth], test.annotations[every_tenth]),
        (100, 200, 400, 600, 800, 1000, 1200),
        "20 test images of BSDS500",
    )


def training(images):
    """Parameters of a network that trains in seconds on scenes, in minutes on BSDS500.

    They are for a page to be read, not for figures to be quoted.
    """
    small = len(images) < 100
    return {
        "width": 16,
        "max_iter": 150 if small else 250,
        "crop_size": 96 if small else 160,
        "train_segment_size": 270 if small else 515,
        "lr": 5e-3 if small else 1e-3,
        "validation_fraction": 0.0,
        "random_state": 0,
        "n_jobs": 2,
    }


def curve(estimator, X, y, counts):
    """Superpixels that came out, ASA and boundary recall for each number asked for."""
    rows = []
    for maps in zip(*estimator.transform_counts(X, counts), strict=True):
        rows.append(
            (
                np.mean([len(np.unique(labels)) for labels in maps]),
                mean_over_pairs(asa_score, y, maps),
                mean_over_pairs(boundary_recall_score, y, maps),
            )
        )
    return np.array(rows).T


def draw_curves(axes, curves):
    """ASA and boundary recall over the number of superpixels, and both together."""
    left, middle, right = axes
    for name, (sizes, asa, recall) in curves.items():
        (line,) = left.plot(sizes, asa, marker=".", label=name)
        middle.plot(sizes, recall, marker=".", color=line.get_color())
        right.plot(asa.mean(), recall.mean(), "o", color=line.get_color())
        right.annotate(
            name,
            (asa.mean(), recall.mean()),
            xytext=(4, 4),
            textcoords="offset points",
            fontsize=8,
        )
    left.set(xlabel="superpixels", ylabel="ASA")
    middle.set(xlabel="superpixels", ylabel="boundary recall")
    right.set(xlabel="mean ASA", ylabel="mean boundary recall")
    right.margins(0.25)
    for ax in axes:
        ax.grid(alpha=0.3)
    left.legend(fontsize=8)
