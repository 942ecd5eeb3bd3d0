"""Scores against the authors' evaluator, loops from the formulas, and properties."""

import json

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seal_sk import ERSSuperpixels
from seal_sk.metrics import (
    asa_score,
    asa_scorer,
    boundary_recall_score,
    boundary_recall_scorer,
)

SHAPES = st.tuples(st.integers(1, 8), st.integers(1, 8))


def label_maps(n=2):
    return SHAPES.flatmap(
        lambda shape: st.tuples(
            *[arrays(np.int16, shape, elements=st.integers(0, 4))] * n
        )
    )


def slow_asa(truth, labels):
    total = 0
    for k in np.unique(labels):
        overlaps = [
            np.count_nonzero((labels == k) & (truth == g)) for g in np.unique(truth)
        ]
        total += max(overlaps)
    return total / labels.size


def slow_boundary(labels):
    height, width = labels.shape
    return {
        (y, x)
        for y in range(height)
        for x in range(width)
        if (x + 1 < width and labels[y, x] != labels[y, x + 1])
        or (y + 1 < height and labels[y, x] != labels[y + 1, x])
    }


def slow_recall(truth, labels, r):
    wanted, found = slow_boundary(truth), slow_boundary(labels)
    if not wanted:
        return 1.0
    hits = [
        any(abs(y - v) <= r and abs(x - u) <= r for v, u in found) for y, x in wanted
    ]
    return sum(hits) / len(wanted)


def test_equal_to_the_authors_evaluator(golden):
    cases = json.loads((golden / "metrics.json").read_text())
    assert len(cases) > 5
    for case in cases:
        maps = []
        for key in ("truth", "labels"):
            file, name = case[key].split(":")
            with np.load(golden / f"{file}.npz") as maps_of_file:
                maps.append(maps_of_file[name])
        assert asa_score(*maps) == pytest.approx(case["asa"], abs=1e-12)
        for r in range(4):
            recall = boundary_recall_score(*maps, tolerance=r)
            assert recall == pytest.approx(case[f"br_r{r}"], abs=1e-12)


@given(label_maps())
def test_asa_is_its_definition(maps):
    assert asa_score(*maps) == pytest.approx(slow_asa(*maps), abs=1e-12)


@given(label_maps(), st.integers(0, 9) | st.just(2**70))
def test_boundary_recall_is_its_definition(maps, tolerance):
    expected = slow_recall(*maps, tolerance)
    score = boundary_recall_score(*maps, tolerance=tolerance)
    assert score == pytest.approx(expected, abs=1e-12)


@given(label_maps(), st.permutations(range(5)), st.integers(-100, 100))
def test_names_of_labels_do_not_matter(maps, names, shift):
    truth, labels = maps
    renamed = np.array(names, dtype=np.int32)
    other = renamed[truth] + shift, renamed[::-1][labels]
    assert asa_score(*other) == asa_score(truth, labels)
    assert boundary_recall_score(*other) == boundary_recall_score(truth, labels)


@given(label_maps(1))
def test_the_truth_scores_one(maps):
    (truth,) = maps
    assert asa_score(truth, truth) == 1.0
    assert boundary_recall_score(truth, truth, tolerance=0) == 1.0


@given(label_maps(3))
def test_refining_never_lowers_a_score(maps):
    truth, labels, other = maps
    finer = labels * 5 + other
    assert asa_score(truth, finer) >= asa_score(truth, labels)
    assert boundary_recall_score(truth, finer) >= boundary_recall_score(truth, labels)


@given(label_maps(3))
def test_several_annotations_are_averaged(maps):
    first, second, labels = maps
    for score in (asa_score, boundary_recall_score):
        mean = (score(first, labels) + score(second, labels)) / 2
        assert score([first, second], labels) == pytest.approx(mean)
        assert score(np.stack([first, second]), labels) == pytest.approx(mean)


@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", "?"]
)
def test_any_integer_dtype(rng, dtype):
    truth = rng.integers(0, 2, (20, 30))
    labels = rng.integers(0, 2, (20, 30))
    expected = asa_score(truth, labels)
    assert asa_score(truth.astype(dtype), labels.astype(dtype)) == expected
    recall = boundary_recall_score(truth.astype(dtype), labels.astype(dtype))
    assert recall == boundary_recall_score(truth, labels)


def test_labels_at_the_ends_of_their_dtype(rng):
    truth = rng.integers(0, 2, (9, 9))
    for dtype in (np.int8, np.int64, np.uint64):
        low, high = dtype(np.iinfo(dtype).min), dtype(np.iinfo(dtype).max)
        ends = np.where(truth, high, low)
        assert asa_score(truth, ends) == 1.0
        near = high - truth.astype(dtype)
        assert asa_score(truth, near) == 1.0


def test_ignored_pixels_do_not_count(rng):
    truth = rng.integers(0, 3, (12, 15))
    labels = rng.integers(0, 6, (12, 15))
    expected = asa_score(truth[:, :10], labels[:, :10])
    truth[:, 10:] = 255
    assert asa_score(truth, labels, ignore_label=255) == pytest.approx(expected)
    assert asa_score(truth, labels) != pytest.approx(expected)
    assert asa_score(np.full((3, 3), 255), np.zeros((3, 3), int), ignore_label=255) == 1
    # The outline of what is ignored is no boundary.
    band = np.array([[0, 0, 255, 255, 1, 1, 2]])
    found = np.array([[0, 0, 0, 0, 0, 0, 1]])
    assert boundary_recall_score(band, found, tolerance=0, ignore_label=255) == 1.0
    assert boundary_recall_score(band, found, tolerance=0) == pytest.approx(1 / 3)


def test_masked_superpixels_do_not_count():
    truth = np.array([[0, 0, 1, 1]])
    assert asa_score(truth, np.array([[0, -1, 0, 0]])) == pytest.approx(2 / 3)


def test_small_integers_do_not_wrap():
    truth = np.array([[-128, 127, 127, 127]], dtype=np.int8)
    assert asa_score(truth, np.zeros((1, 4), dtype=int)) == 0.75


def test_masked_arrays_are_refused():
    truth = np.ma.masked_array([[0, 1]], mask=[[False, True]])
    for call in (
        lambda: asa_score(truth, [[0, 0]]),
        lambda: asa_score([truth], [[0, 0]]),
        lambda: asa_score([[0, 0]], truth),
    ):
        with pytest.raises(TypeError, match="mask would be lost"):
            call()


def test_scorers_average_over_pairs(scenes):
    images, truths = scenes[0][:3], scenes[1][:3]
    y = [[truths[0]] * 4, truths[1], [truths[2], truths[2].T.copy().T]]
    superpixels = ERSSuperpixels(n_segments=20)
    maps = superpixels.transform(images)
    for scorer, score in (
        (asa_scorer, asa_score),
        (boundary_recall_scorer, boundary_recall_score),
    ):
        each = [
            score(truth, labels) for truth, labels in zip(truths, maps, strict=True)
        ]
        expected = (4 * each[0] + each[1] + 2 * each[2]) / 7
        assert scorer(superpixels, images, y) == pytest.approx(expected)
    assert superpixels.score(images, y) == asa_scorer(superpixels, images, y)


@pytest.mark.parametrize("score", [asa_score, boundary_recall_score])
def test_bad_input(score):
    good = np.zeros((3, 4), dtype=int)
    with pytest.raises(ValueError, match="must be of the same size"):
        score(good, good.T)
    with pytest.raises(TypeError, match="a label map holds integers"):
        score(good, good.astype(float))
    with pytest.raises(ValueError, match="a label map is"):
        score(good, np.zeros((2, 3, 4), dtype=int))
    with pytest.raises(ValueError, match="at least one"):
        score([], good)


def test_bad_tolerance():
    good = np.zeros((3, 4), dtype=int)
    with pytest.raises(ValueError, match="tolerance=-1 must be at least 0"):
        boundary_recall_score(good, good, tolerance=-1)


def test_scorer_refuses_unequal_lengths(scenes):
    with pytest.raises(ValueError, match="must pair up"):
        asa_scorer(ERSSuperpixels(n_segments=5), scenes[0][:3], scenes[1][:2])
