"""Scores against the authors' evaluator, loops from the formulas, and properties."""

import json
import math
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from seal_sk._metrics import (
    areas_and_perimeters,
    boundary_hits,
    boundary_map,
    near,
)

from seal_sk import ERSSuperpixels, metrics
from seal_sk.metrics import (
    asa_score,
    boundary_f_score,
    boundary_precision_score,
    boundary_recall_score,
    compactness_score,
    contour_density,
    corrected_undersegmentation_error,
    evaluate,
    explained_variation_score,
    min_undersegmentation_error,
    size_statistics,
    undersegmentation_error,
)

OVERLAP_SCORES = (
    asa_score,
    corrected_undersegmentation_error,
    undersegmentation_error,
    min_undersegmentation_error,
)
BOUNDARY_SCORES = (boundary_recall_score, boundary_precision_score, boundary_f_score)
AGAINST_TRUTH = (*OVERLAP_SCORES, *BOUNDARY_SCORES)
OF_SUPERPIXELS = (compactness_score, contour_density, size_statistics)

SHAPES = st.tuples(st.integers(1, 8), st.integers(1, 8))


def label_maps(n=2):
    return SHAPES.flatmap(
        lambda shape: st.tuples(
            *[arrays(np.int16, shape, elements=st.integers(0, 4))] * n
        )
    )


def known_pixels(truth, labels, ignore_label):
    return [
        p
        for p in np.ndindex(labels.shape)
        if labels[p] >= 0 and (ignore_label is None or truth[p] != ignore_label)
    ]


def slow_overlap_scores(truth, labels, ignore_label=None):
    """ASA and the three errors, in the order of `OVERLAP_SCORES`."""
    known = known_pixels(truth, labels, ignore_label)
    superpixels, segments = {}, {}
    for p in known:
        superpixels.setdefault(int(labels[p]), set()).add(p)
        segments.setdefault(int(truth[p]), set()).add(p)
    if not known:
        return 1.0, 0.0, 0.0, 0.0
    best = least = original = 0
    for s in superpixels.values():
        best += max(len(s & g) for g in segments.values())
    for g in segments.values():
        touching = [s for s in superpixels.values() if s & g]
        original += (sum(len(s) for s in touching) - len(g)) / len(g)
        least += sum(min(len(s & g), len(s - g)) for s in touching)
    n = len(known)
    return best / n, (n - best) / n, original / len(segments), least / n


def slow_boundary(labels, known=None):
    known = set(np.ndindex(labels.shape) if known is None else known)
    return {
        (y, x)
        for y, x in known
        if any(
            other in known and labels[other] != labels[y, x]
            for other in ((y, x + 1), (y + 1, x))
        )
    }


def slow_share(wanted, found, r):
    hits = [
        any(abs(y - v) <= r and abs(x - u) <= r for v, u in found) for y, x in wanted
    ]
    return sum(hits) / len(wanted) if wanted else 1.0


def slow_boundary_scores(truth, labels, r, ignore_label=None):
    """In the order of `BOUNDARY_SCORES`."""
    known = known_pixels(truth, labels, ignore_label)
    wanted = slow_boundary(truth, known)
    found = slow_boundary(labels, known_pixels(truth, labels, None))
    recall = slow_share(wanted, found, r)
    precision = slow_share(slow_boundary(labels, known), wanted, r)
    both = recall + precision
    return recall, precision, 2 * recall * precision / both if both else 0.0


def slow_compactness(labels):
    height, width = labels.shape
    score, known = 0.0, known_pixels(labels, labels, None)
    for k in {int(labels[p]) for p in known}:
        area = perimeter = 0
        for y, x in known:
            if labels[y, x] != k:
                continue
            area += 1
            for v, u in ((y - 1, x), (y + 1, x), (y, x - 1), (y, x + 1)):
                inside = 0 <= v < height and 0 <= u < width
                perimeter += not inside or labels[v, u] != k
        score += area * 4 * math.pi * area / perimeter**2 / len(known)
    return score


def slow_explained_variation(image, labels):
    known = labels >= 0
    colors = image[known].astype(float)
    mean = colors.mean(axis=0)
    explained = sum(
        np.sum(labels == k)
        * np.sum((image[labels == k].astype(float).mean(axis=0) - mean) ** 2)
        for k in np.unique(labels[known])
    )
    return explained / np.sum((colors - mean) ** 2)


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


# Labels of -1 are masked, truths of 4 ignored.
MASKED = SHAPES.flatmap(
    lambda shape: st.tuples(
        arrays(np.int16, shape, elements=st.integers(0, 4)),
        arrays(np.int16, shape, elements=st.integers(-1, 4)),
        st.sampled_from([None, 4, 77]),
    )
)


@pytest.mark.slow
@given(MASKED)
def test_overlap_scores_are_their_definitions(case):
    truth, labels, ignore_label = case
    expected = slow_overlap_scores(*case)
    for score, value in zip(OVERLAP_SCORES, expected, strict=True):
        result = score(truth, labels, ignore_label=ignore_label)
        assert result == pytest.approx(value, abs=1e-12)


@pytest.mark.slow
@given(MASKED, st.integers(0, 9) | st.just(2**70))
def test_boundary_scores_are_their_definitions(case, tolerance):
    truth, labels, ignore_label = case
    expected = slow_boundary_scores(truth, labels, tolerance, ignore_label)
    for score, value in zip(BOUNDARY_SCORES, expected, strict=True):
        result = score(truth, labels, tolerance=tolerance, ignore_label=ignore_label)
        assert result == pytest.approx(value, abs=1e-12)


@pytest.mark.slow
@given(MASKED)
def test_figures_of_superpixels_are_their_definitions(case):
    labels = case[1]
    sizes = [np.sum(labels == k) for k in np.unique(labels[labels >= 0])]
    if not sizes:
        assert compactness_score(labels) == contour_density(labels) == 0
        assert set(size_statistics(labels).values()) == {0}
        return
    assert compactness_score(labels) == pytest.approx(slow_compactness(labels))
    boundary = slow_boundary(labels, known_pixels(labels, labels, None))
    assert contour_density(labels) == pytest.approx(len(boundary) / sum(sizes))
    assert size_statistics(labels) == pytest.approx(
        {
            "n_segments": len(sizes),
            "mean_size": np.mean(sizes),
            "std_size": np.std(sizes),
            "min_size": min(sizes),
            "max_size": max(sizes),
        }
    )


@pytest.mark.slow
@given(MASKED, st.sampled_from(["u1", "u2", "f4", "f8"]), st.sampled_from([1, 3, 5]))
def test_explained_variation_is_its_definition(case, dtype, channels):
    truth, labels, _ = case
    rng = np.random.default_rng(0)
    image = truth[..., None] * rng.integers(1, 30, channels)
    image = image.astype(dtype) / np.dtype(dtype).type(120 if dtype[0] == "f" else 1)
    image = image.astype(dtype)
    score = explained_variation_score(image, labels)
    known = labels >= 0
    if not known.any() or np.ptp(truth[known]) == 0:
        assert score == 1.0
    else:
        assert score == pytest.approx(slow_explained_variation(image, labels))


@pytest.mark.parametrize("value", [0.0, 0.1, 0.7, 1.0, 5e-324])
def test_explained_variation_of_hard_images(value):
    labels = np.arange(12).reshape(3, 4) // 6
    assert explained_variation_score(np.full((3, 4, 3), value), labels) == 1.0
    image = np.where(labels == 1, value, 0.0)
    assert explained_variation_score(image, labels) == 1.0
    assert explained_variation_score(image, labels * 0) == (0.0 if value else 1.0)


def test_masked_pixels_of_an_image_may_hold_anything(rng):
    image = rng.random((6, 7, 3))
    labels = np.arange(42).reshape(6, 7) // 9
    labels[2:4, 1:5] = -1
    expected = explained_variation_score(image, labels)
    for value in (np.nan, np.inf, -3.0):
        image[labels < 0] = value
        assert explained_variation_score(image, labels) == expected
        scores = evaluate(labels + 1, labels, image=image)
        assert scores["explained_variation"] == expected
        assert explained_variation_score(image, labels * 0 - 1) == 1.0
    with pytest.raises(ValueError, match="floats must lie in"):
        explained_variation_score(image, labels + 1)


def test_explained_variation_as_scikit_learn_has_it(rng):
    from sklearn.metrics import r2_score

    image = rng.random((20, 30, 3))
    labels = rng.integers(0, 9, (20, 30))
    means = np.stack([image[labels == k].mean(axis=0) for k in range(9)])
    expected = r2_score(
        image.reshape(-1, 3),
        means[labels].reshape(-1, 3),
        multioutput="variance_weighted",
    )
    assert explained_variation_score(image, labels) == pytest.approx(expected)


def test_overlaps_as_scikit_learn_has_them(rng):
    from sklearn.metrics.cluster import contingency_matrix

    # The first pair fits into a table, the second is sorted.
    for high in (9, 900):
        truth, labels = rng.integers(0, high, (2, 40, 50))
        table = contingency_matrix(labels.ravel(), truth.ravel())
        assert asa_score(truth, labels) == table.max(axis=1).sum() / labels.size
        rest = table.sum(axis=1, keepdims=True) - table
        expected = np.minimum(table, rest).sum() / labels.size
        assert min_undersegmentation_error(truth, labels) == expected
        part = (table > 0).T @ table.sum(axis=1) / table.sum(axis=0) - 1
        assert undersegmentation_error(truth, labels) == pytest.approx(part.mean())


@pytest.mark.slow
@pytest.mark.parametrize("size", [1, 7, 8, 9, 1023, 1024, 1025, 1032, 4103])
@pytest.mark.parametrize("length", [1, 5, 3000])
def test_runs_across_the_kernels_blocks(rng, size, length):
    labels, truth = (
        np.repeat(rng.integers(0, 5, size), rng.integers(1, length + 1, size))[:size]
        for _ in range(2)
    )
    expected = sum(np.bincount(truth[labels == k]).max() for k in np.unique(labels))
    for shape in ((1, size), (size, 1)):
        for apart in (1, size):  # the second has too many cells for a table
            score = asa_score(
                apart * truth.reshape(shape), apart * labels.reshape(shape)
            )
            assert score == expected / size


@pytest.mark.slow
@given(
    SHAPES.flatmap(lambda shape: arrays(np.uint8, shape, elements=st.integers(0, 1))),
    st.integers(0, 9),
)
def test_near_is_a_maximum_filter(marked, tolerance):
    from scipy.ndimage import maximum_filter

    expected = maximum_filter(marked, 2 * tolerance + 1, mode="constant")
    assert np.array_equal(near(marked, tolerance), expected)


def test_a_tolerance_beyond_the_shorter_side():
    truth, labels = np.zeros((2, 2, 9), dtype=int)
    truth[:, 8] = labels[:, 0] = 1
    for tolerance in range(10):
        expected = float(tolerance >= 7)
        assert boundary_recall_score(truth, labels, tolerance=tolerance) == expected


@pytest.mark.parametrize("height", [254, 255, 256, 600])
def test_boundaries_longer_than_a_byte_counts(height):
    labels = np.tile(np.array([0, 1], dtype=np.int32), (height, 1))
    found = np.ones((height, 2), dtype=np.uint8)
    assert boundary_hits(labels, None, found) == (height, height)
    found[100] = 0
    assert boundary_hits(labels, None, found) == (height, height - 1)


def test_outlines_of_known_shapes():
    ring = np.zeros((4, 5), dtype=np.int32)
    ring[1:3, 1:4] = 1
    ring[1, 2] = -1
    area, perimeter = areas_and_perimeters(ring, 3)
    assert area.tolist() == [14, 5, 0]
    assert perimeter.tolist() == [28, 12, 0]


def test_boundary_map_is_one_pixel_thick():
    labels = np.array([[0, 0, -1], [0, 3, 3]], dtype=np.int32)
    known = (labels >= 0).view(np.uint8)
    assert boundary_map(labels, None).tolist() == [[0, 1, 1], [1, 0, 0]]
    assert boundary_map(labels, known).tolist() == [[0, 1, 0], [1, 0, 0]]


@pytest.mark.slow
@given(label_maps(), st.permutations(range(5)), st.integers(-100, 100))
def test_names_of_labels_do_not_matter(maps, names, shift):
    truth, labels = maps
    renamed = np.array(names, dtype=np.int32)
    other = renamed[truth] + shift, renamed[::-1][labels]
    for score in AGAINST_TRUTH:
        assert score(*other) == pytest.approx(score(truth, labels), abs=1e-12)
    for score in OF_SUPERPIXELS:
        assert score(other[1]) == pytest.approx(score(labels))


@pytest.mark.slow
@given(label_maps(1))
def test_the_truth_scores_one(maps):
    (truth,) = maps
    assert asa_score(truth, truth) == 1.0
    for score in BOUNDARY_SCORES:
        assert score(truth, truth, tolerance=0) == 1.0
    for error in OVERLAP_SCORES[1:]:
        assert error(truth, truth) == 0.0


@pytest.mark.slow
@given(label_maps(3))
def test_refining_never_lowers_a_score(maps):
    truth, labels, other = maps
    finer = labels * 5 + other
    assert asa_score(truth, finer) >= asa_score(truth, labels)
    assert boundary_recall_score(truth, finer) >= boundary_recall_score(truth, labels)
    for error in OVERLAP_SCORES[1:]:
        assert error(truth, finer) <= error(truth, labels) + 1e-12
    image = (truth * 50).astype(np.uint8)
    coarse = explained_variation_score(image, labels)
    assert explained_variation_score(image, finer) >= coarse - 1e-12


@pytest.mark.slow
@given(label_maps(2))
def test_precision_is_recall_the_other_way_round(maps):
    assert boundary_precision_score(*maps) == boundary_recall_score(*maps[::-1])


@pytest.mark.slow
@given(label_maps(3))
def test_several_annotations_are_averaged(maps):
    first, second, labels = maps
    for score in AGAINST_TRUTH:
        mean = (score(first, labels) + score(second, labels)) / 2
        assert score([first, second], labels) == pytest.approx(mean)
        assert score(np.stack([first, second]), labels) == pytest.approx(mean)


NAMES = {score.__name__.removesuffix("_score"): score for score in AGAINST_TRUTH}


def test_evaluate_gives_what_the_functions_give(scenes):
    image, truth = scenes[0][0], scenes[1][0]
    labels = ERSSuperpixels(n_segments=20).transform([image])[0]
    labels[:5] = -1
    truths = [truth, truth.T[:64, :64].repeat(2, axis=1)[:, :72]]
    options = {"ignore_label": int(truth[30, 30])}
    scores = evaluate(truths, labels, image=image, tolerance=2, **options)
    each = evaluate(truths, labels, tolerance=2, average=False, **options)
    for name, score in NAMES.items():
        given = options | ({"tolerance": 2} if score in BOUNDARY_SCORES else {})
        assert scores.pop(name) == pytest.approx(score(truths, labels, **given))
        single = [score(one, labels, **given) for one in truths]
        assert each.pop(name) == pytest.approx(single)
    assert scores.pop("explained_variation") == explained_variation_score(image, labels)
    assert scores == each
    assert scores.pop("compactness") == compactness_score(labels)
    assert scores.pop("contour_density") == contour_density(labels)
    assert scores == size_statistics(labels)


@pytest.mark.parametrize(
    "dtype", ["i1", "u1", "i2", "u2", "i4", "u4", "i8", "u8", ">i4", "?"]
)
def test_any_integer_dtype(rng, dtype):
    truth, labels = rng.integers(0, 2, (2, 20, 30))
    other = truth.astype(dtype), labels.astype(dtype)
    assert evaluate(*other) == evaluate(truth, labels)


def test_any_layout(rng):
    truth, labels = rng.integers(-1, 5, (2, 20, 30)).astype(np.int32)
    expected = evaluate(truth, labels, ignore_label=3)
    for arrange in (np.asfortranarray, lambda a: a.repeat(2, 0)[::2], _read_only):
        other = arrange(truth), arrange(labels)
        assert evaluate(*other, ignore_label=3) == expected


def _read_only(array):
    array = array.copy()
    array.flags.writeable = False
    return array


def test_threads_change_nothing(rng):
    maps = rng.integers(0, 30, (8, 2, 60, 70))
    with ThreadPoolExecutor(4) as pool:
        results = list(pool.map(lambda pair: evaluate(*pair), maps))
    assert results == [evaluate(*pair) for pair in maps]


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1)])
def test_thin_maps(shape):
    labels = np.arange(math.prod(shape)).reshape(shape)
    for pred in (labels, labels * 0, labels * 0 - 1):
        expected = slow_overlap_scores(labels, pred)
        for score, value in zip(OVERLAP_SCORES, expected, strict=True):
            assert score(labels, pred) == pytest.approx(value)


def test_labels_at_the_ends_of_their_dtype(rng):
    truth = rng.integers(0, 2, (9, 9))
    for dtype in (np.int8, np.int64, np.uint64):
        low, high = dtype(np.iinfo(dtype).min), dtype(np.iinfo(dtype).max)
        ends = np.where(truth, high, low)
        assert asa_score(truth, ends) == 1.0
        close = high - truth.astype(dtype)
        assert asa_score(truth, close) == 1.0
        assert asa_score(ends, truth) == 1.0
        assert size_statistics(close)["n_segments"] == 2
        # The lower end is masked where it is negative.
        seen = 1 if low < 0 else 2
        assert size_statistics(ends)["n_segments"] == seen


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
    # Nor does a ground-truth boundary that touches them.
    assert boundary_recall_score(truth, np.array([[0, -1, 0, 0]])) == 1.0
    huge = np.array([[2**40, -(2**40), 2**40, 2**40 + 1]])
    assert asa_score(truth, huge) == 2 / 3


def test_small_integers_do_not_wrap():
    truth = np.array([[-128, 127, 127, 127]], dtype=np.int8)
    assert asa_score(truth, np.zeros((1, 4), dtype=int)) == 0.75
    small, n = metrics.compact(truth)
    assert small.tolist() == [[0, 255, 255, 255]]
    assert n == 256


def test_masked_arrays_are_refused():
    truth = np.ma.masked_array([[0, 1]], mask=[[False, True]])
    for call in (
        lambda: asa_score(truth, [[0, 0]]),
        lambda: asa_score([truth], [[0, 0]]),
        lambda: asa_score([[0, 0]], truth),
    ):
        with pytest.raises(TypeError, match="mask would be lost"):
            call()


@pytest.mark.parametrize("score", [*AGAINST_TRUTH, evaluate])
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
    with pytest.raises(TypeError, match=r"ignore_label=2\.5 must be an integer"):
        score(good, good, ignore_label=2.5)


@pytest.mark.parametrize("score", [*BOUNDARY_SCORES, evaluate])
def test_bad_tolerance(score):
    good = np.zeros((3, 4), dtype=int)
    with pytest.raises(ValueError, match="tolerance=-1 must be at least 0"):
        score(good, good, tolerance=-1)


@pytest.mark.parametrize("score", OF_SUPERPIXELS)
def test_bad_superpixels(score):
    with pytest.raises(TypeError, match="y_pred has dtype float64"):
        score(np.zeros((3, 4)))


def test_image_of_another_size():
    good, image = np.zeros((3, 4), dtype=int), np.zeros((4, 3), dtype=np.uint8)
    for call in (
        lambda: explained_variation_score(image, good),
        lambda: evaluate(good, good, image=image),
    ):
        with pytest.raises(ValueError, match="must be of the same size"):
            call()
