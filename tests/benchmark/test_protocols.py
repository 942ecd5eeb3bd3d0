"""Protocols against their formulas, written as slow loops."""

import json
import math

import numpy as np
import pandas as pd
import pytest

from seal_sk.benchmark import PROTOCOLS
from seal_sk.metrics.scoring import diagonal_tolerance, score_label_map


@pytest.fixture
def case(rng):
    """Superpixels, an image and three annotations, blocky so that they overlap."""

    def blocks(n):
        coarse = rng.integers(0, n, (6, 8))
        return coarse.repeat(4, axis=0).repeat(4, axis=1)[:21, :29]

    image = rng.integers(0, 256, (21, 29, 3), dtype=np.uint8)
    return blocks(9), image, [blocks(3), blocks(4), blocks(5)]


def is_boundary(labels, y, x):
    height, width = labels.shape
    return any(
        0 <= v < height and 0 <= u < width and labels[v, u] != labels[y, x]
        for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1))
    )


def slow_thick_recall(truth, labels, r):
    height, width = labels.shape
    hits = total = 0
    for y in range(height):
        for x in range(width):
            if is_boundary(truth, y, x):
                total += 1
                hits += any(
                    is_boundary(labels, v, u)
                    for v in range(max(0, y - r), min(height, y + r + 1))
                    for u in range(max(0, x - r), min(width, x + r + 1))
                )
    return hits / total if total else 0.0


def slow_undersegmentation(truth, labels):
    error = 0
    for segment in np.unique(truth):
        for superpixel in np.unique(labels):
            inside = np.sum((truth == segment) & (labels == superpixel))
            outside = np.sum((truth != segment) & (labels == superpixel))
            if inside:
                error += min(inside, outside)
    return error / truth.size


def slow_explained_variation(image, labels):
    image = image.astype(float)
    mean = image.mean(axis=(0, 1))
    above = below = 0.0
    for y in range(labels.shape[0]):
        for x in range(labels.shape[1]):
            own = image[labels == labels[y, x]].mean(axis=0)
            above += np.sum((own - mean) ** 2)
            below += np.sum((image[y, x] - mean) ** 2)
    return above / below


def slow_compactness(labels):
    padded = np.pad(labels, 1, constant_values=-1)
    total = 0.0
    for superpixel in np.unique(labels):
        area = np.sum(labels == superpixel)
        sides = 0
        for y, x in np.argwhere(padded == superpixel):
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                sides += padded[v, u] != superpixel
        total += area * 4 * math.pi * area / sides**2
    return total / labels.size


def slow_asa(truth, labels):
    hits = 0
    for superpixel in np.unique(labels):
        hits += np.bincount(truth[labels == superpixel]).max()
    return hits / truth.size


def slow_recall(truth, labels, r):
    def boundary(labels, y, x):
        height, width = labels.shape
        return (x + 1 < width and labels[y, x + 1] != labels[y, x]) or (
            y + 1 < height and labels[y + 1, x] != labels[y, x]
        )

    height, width = labels.shape
    found = [
        any(
            boundary(labels, v, u)
            for v in range(max(0, y - r), min(height, y + r + 1))
            for u in range(max(0, x - r), min(width, x + r + 1))
        )
        for y in range(height)
        for x in range(width)
        if boundary(truth, y, x)
    ]
    return np.mean(found) if found else 1.0


def slow_density(labels):
    height, width = labels.shape
    return np.mean(
        [
            (x + 1 < width and labels[y, x + 1] != labels[y, x])
            or (y + 1 < height and labels[y + 1, x] != labels[y, x])
            for y in range(height)
            for x in range(width)
        ]
    )


def table_of(*cases, tolerance=1):
    """The table's rows for one method, an image a case."""
    rows = []
    for i, (labels, image, annotations) in enumerate(cases):
        scores = score_label_map(labels, image, annotations, tolerance=tolerance)
        for j in range(len(annotations)):
            row = {k: v[j] if isinstance(v, list) else v for k, v in scores.items()}
            row |= {"seconds": 0.0, "peak_memory": 0.0}
            rows.append({"method": "m", "requested": 9, "image": str(i), **row})
    return pd.DataFrame(rows)


def reduced(protocol, *cases, tolerance=1):
    protocol = PROTOCOLS[protocol]
    rows = protocol.per_image(table_of(*cases, tolerance=tolerance))
    return {name: protocol.mean(rows, name) for name in protocol.metrics}


@pytest.fixture
def cases(case):
    labels, image, annotations = case
    # Another number of annotations, and fewer superpixels, turned: pairs and images
    # weigh apart.
    return case, (labels[::-1] // 3, image, annotations[:1])


def test_tu2018_is_the_mean_over_pairs(cases):
    found = reduced("tu2018", *cases, tolerance=2)
    pairs = [(truth, labels) for labels, _, truths in cases for truth in truths]
    assert found == pytest.approx(
        {
            "ASA": np.mean([slow_asa(*pair) for pair in pairs]),
            "BR": np.mean([slow_recall(*pair, 2) for pair in pairs]),
            # Of the superpixels alone: every image weighs the same.
            "CD": np.mean([slow_density(labels) for labels, _, _ in cases]),
        },
        abs=1e-12,
    )


def test_stutz2018_is_the_worst_annotation(cases):
    found = reduced("stutz2018", *cases)
    # On so small an image the tolerance is 0 pixels.
    assert diagonal_tolerance((21, 29)) == 0
    expected = {
        "Rec": np.mean(
            [
                min(slow_thick_recall(t, labels, 0) for t in ts)
                for labels, _, ts in cases
            ]
        ),
        "CD": np.mean([slow_density(labels) for labels, _, _ in cases]),
        "UE": np.mean(
            [
                max(slow_undersegmentation(t, labels) for t in ts)
                for labels, _, ts in cases
            ]
        ),
        "EV": np.mean(
            [slow_explained_variation(im, labels) for labels, im, _ in cases]
        ),
        "CO": np.mean([slow_compactness(labels) for labels, _, _ in cases]),
    }
    assert found == pytest.approx(expected, abs=1e-9)


def test_stutz2018_tolerance_follows_the_diagonal(rng):
    assert diagonal_tolerance((321, 481)) == 1
    assert diagonal_tolerance((1024, 2048)) == 6
    assert diagonal_tolerance((160, 120)) == 1  # 0.5, away from zero
    labels = rng.integers(0, 3, (6, 200)).repeat(2, axis=0)
    truth = rng.integers(0, 2, (12, 10)).repeat(20, axis=1)
    assert diagonal_tolerance(truth.shape) == 1
    scores = score_label_map(labels, labels.astype(np.uint8), [truth])
    expected = slow_thick_recall(truth, labels, 1)
    assert scores["thick_boundary_recall"] == [pytest.approx(expected)]
    assert expected < 1 or slow_thick_recall(truth, labels, 0) < 1


def test_stutz2018_without_a_boundary_is_0():
    flat = np.zeros((5, 6), dtype=int)
    scores = score_label_map(flat, flat.astype(np.uint8), [flat])
    assert scores["thick_boundary_recall"] == [0.0]
    assert scores["boundary_recall"] == [1.0]


def test_ignored_pixels_have_no_thick_boundary():
    labels = np.array([[0, 0, 1, 1, 1, 1]])
    truth = np.array([[0, 0, 0, 9, 1, 1]])
    image = np.zeros((1, 6), dtype=np.uint8)
    scores = score_label_map(labels, image, [truth], ignore_label=9)
    assert scores["thick_boundary_recall"] == [0.0]
    truth[0, 1] = 2
    scores = score_label_map(labels, image, [truth], ignore_label=9)
    assert scores["thick_boundary_recall"] == [pytest.approx(2 / 3)]


def test_annotations_of_nothing_are_left_out():
    labels = np.array([[0, 0, 1, 1]])
    image = np.zeros((1, 4), dtype=np.uint8)
    unknown = np.full((1, 4), 9)
    scores = score_label_map(labels, image, [unknown, labels], ignore_label=9)
    assert scores["annotation"] == [1]
    assert scores["asa"] == [1.0]
    with pytest.raises(ValueError, match="every pixel of every annotation is ignored"):
        score_label_map(labels, image, [unknown], ignore_label=9)


def test_pixels_cannot_be_left_out():
    labels = np.array([[0, 0, -1, 1]])
    with pytest.raises(ValueError, match="leaves out 1 pixels"):
        score_label_map(labels, np.zeros((1, 4), np.uint8), [np.abs(labels)])


def test_best_annotation(cases):
    found = reduced("best-annotation", *cases)
    expected = {
        "ASA": np.mean(
            [max(slow_asa(t, labels) for t in ts) for labels, _, ts in cases]
        ),
        "BR": np.mean(
            [max(slow_recall(t, labels, 1) for t in ts) for labels, _, ts in cases]
        ),
        "CD": np.mean([slow_density(labels) for labels, _, _ in cases]),
    }
    assert found == pytest.approx(expected, abs=1e-12)
    assert found["ASA"] > reduced("tu2018", *cases)["ASA"]


def test_regions_are_counted_apart_from_labels():
    labels = np.array([[0, 1, 0], [1, 1, 1], [0, 1, 2]])
    scores = score_label_map(labels, np.zeros((3, 3), np.uint8), [labels])
    assert scores["n_segments"] == 3
    assert scores["n_regions"] == 5


def test_tu2018_is_the_original_evaluator(golden):
    cases = json.loads((golden / "metrics.json").read_text())
    assert len(cases) > 5
    for case in cases:
        maps = []
        for key in ("labels", "truth"):
            file, name = case[key].split(":")
            with np.load(golden / f"{file}.npz") as maps_of_file:
                maps.append(maps_of_file[name])
        labels, truth = maps
        image = np.zeros(labels.shape, dtype=np.uint8)
        for r in range(4):
            found = reduced("tu2018", (labels, image, [truth]), tolerance=r)
            assert found["ASA"] == pytest.approx(case["asa"], abs=1e-12)
            assert found["BR"] == pytest.approx(case[f"br_r{r}"], abs=1e-12)
