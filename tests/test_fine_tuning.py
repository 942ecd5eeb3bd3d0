"""The tiles that benchmarks/fine_tuning.py trains and tests on."""

import importlib
from pathlib import Path

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture
def fine_tuning(monkeypatch):
    """The module benchmarks/fine_tuning.py."""
    monkeypatch.syspath_prepend(BENCHMARKS)
    return importlib.import_module("fine_tuning")


@pytest.mark.parametrize("side", ["bottom", "top", "right", "left"])
def test_no_pixel_is_near_both_training_and_test(fine_tuning, side):
    rows, columns = np.indices((512, 512))
    training, test = fine_tuning.split((rows, columns), side)
    assert [len(tiles) for tiles in training] == [20, 20]
    assert [len(tiles) for tiles in test] == [10, 10]
    across = 0 if side in ("bottom", "top") else 1
    ends = [
        [(tile.min(), tile.max()) for tile in part[across]] for part in (training, test)
    ]
    (low, high), (low_test, high_test) = (
        (min(first for first, _ in end), max(last for _, last in end)) for end in ends
    )
    if side in ("bottom", "right"):
        assert low_test - high == 33
    else:
        assert low - high_test == 33
    # Every pixel of either part is in one tile.
    for part, size in ((training, 320), (test, 160)):
        places = [
            tile_rows.ravel() * 512 + tile_columns.ravel()
            for tile_rows, tile_columns in zip(*part, strict=True)
        ]
        assert np.unique(np.concatenate(places)).size == size * 512


def test_tiles_without_an_outline_have_an_accuracy_and_no_recall(fine_tuning):
    class Halves:
        def transform_counts(self, images, counts):
            return [[np.repeat([[0] * 4 + [1] * 4], 8, axis=0)] for _ in images]

    outlined = np.repeat([[0] * 2 + [1] * 6], 8, axis=0)
    truths = [outlined, np.zeros((8, 8), dtype=int)]
    ((asa, recall, density),) = fine_tuning.scores(Halves(), truths, truths, [2])
    assert asa == (0.75 + 1) / 2
    assert recall == 0.0
    assert density == pytest.approx(1 / 8)
