"""Refinement of boundaries against the formula, applied slowly."""

import tracemalloc
from concurrent.futures import ThreadPoolExecutor
from math import log

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from scipy.ndimage import label
from seal_sk._colors import lab_of, linear_values
from skimage.color import gray2rgb, rgb2lab

from seal_sk import refine_boundaries, rgb_affinity, slic
from seal_sk.labels import relabel_consecutive, split_components
from seal_sk.metrics import asa_score, boundary_recall_score

#: What is added to each variance, in units of CIELAB.
SLIGHT = 12

STEPS = ((-1, 0), (0, -1), (0, 1), (1, 0))


def as_steps(image):
    """The integers that are compared, and how many of them are a unit."""
    image = image.reshape(*image.shape[:2], -1)
    if image.shape[2] in (1, 3):
        lab = np.empty(image.shape, np.int16)
        table = linear_values(256 if image.dtype == np.uint8 else 65536)
        lab_of(image, table, lab, 0, len(image))
        return lab.astype(np.int64), 256
    if image.dtype.kind == "f":
        return np.rint(image.astype(float) * 65535).astype(np.int64), 655.35
    scale = 257 if image.dtype == np.uint8 else 1
    return image.astype(np.int64) * scale, 655.35


def is_simple(window, connectivity):
    """Whether the pixels of a 3 x 3 window stay in one piece without its middle."""
    rest = window.copy()
    rest[1, 1] = False
    if connectivity == 8:
        return label(rest, np.ones((3, 3)))[1] == 1
    pieces, _ = label(rest)
    beside = pieces[[0, 1, 1, 2], [1, 0, 2, 1]]
    return len(np.unique(beside[beside > 0])) == 1


def prices(y, x, labels, affinity):
    """The neighbours up, left, right and down: labels and affinities."""
    for dy, dx in STEPS:
        v, u = y + dy, x + dx
        if 0 <= v < labels.shape[0] and 0 <= u < labels.shape[1] and labels[v, u] >= 0:
            edge = affinity[min(y, v), min(x, u), 0 if dx else 1]
            yield labels[v, u], float(edge)


def choice(y, x, labels, affinity, colors, boundary_cost):
    """The region that a pixel would be in."""
    own = labels[y, x]
    beside = list(prices(y, x, labels, affinity))
    costs = {}
    for region in [own, *(other for other, _ in beside)]:
        cut = sum(price for other, price in beside if other != region)
        costs[region] = colors[region] + boundary_cost * cut
    # The first of equal ones.
    best = min(costs, key=costs.get)
    # Costs that differ by the rounding of doubles are no test of anything.
    near = [abs(cost - costs[best]) for cost in costs.values()]
    assume(not any(0 < d < 1e-9 * (1 + abs(costs[best])) for d in near))
    return best


def refined_slowly(labels, image, affinity, boundary_cost, max_iter, connectivity):
    labels = split_components(labels, connectivity=connectivity)
    height, width = labels.shape
    if affinity is None:
        affinity = np.ones((height, width, 2))
    values, unit = as_steps(image)
    padded = np.pad(labels, 1, constant_values=-1)
    labels = padded[1:-1, 1:-1]
    for _ in range(max_iter):
        moved = False
        members = [values[labels == r] for r in range(labels.max() + 1)]
        means = [x.mean(axis=0) for x in members]
        variances = [x.var(axis=0) + SLIGHT * unit**2 for x in members]
        for part in ((0, 0), (0, 1), (1, 0), (1, 1)):
            for y in range(part[0], height, 2):
                for x in range(part[1], width, 2):
                    own = labels[y, x]
                    if own < 0 or not is_simple(
                        padded[y : y + 3, x : x + 3] == own, connectivity
                    ):
                        continue
                    colors = [
                        np.sum((values[y, x] - m) ** 2 / v + np.log(v))
                        for m, v in zip(means, variances, strict=True)
                    ]
                    best = choice(y, x, labels, affinity, colors, boundary_cost)
                    moved |= best != own
                    labels[y, x] = best
        if not moved:
            break
    return relabel_consecutive(labels)


def grown(rng, height, width, n):
    """Regions of the pixels nearest to random places."""
    places = rng.random((n, 2)) * (height, width)
    pixels = np.stack(np.indices((height, width)), axis=-1)[:, :, None]
    return np.abs(pixels - places).sum(axis=-1).argmin(axis=-1)


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(
        st.tuples(st.integers(1, 9), st.integers(1, 9))
        | st.tuples(st.just(1), st.integers(1, 20))
        | st.tuples(st.integers(1, 20), st.just(1))
    )
    labels = grown(rng, height, width, draw(st.integers(1, 9)))
    kind = draw(st.sampled_from(["grown", "grown", "random", "pixels", "one"]))
    if kind == "random":
        labels = rng.integers(0, draw(st.integers(1, 5)), (height, width))
    elif kind == "pixels":
        labels = np.arange(height * width).reshape(height, width)
    elif kind == "one":
        labels[:] = 7
    if draw(st.booleans()):
        labels[rng.random(labels.shape) < draw(st.sampled_from([0.1, 0.5]))] = -3
    labels[rng.integers(height), rng.integers(width)] = 0
    levels = draw(st.sampled_from([1, 2, 3, 256]))
    shape = draw(st.sampled_from([(), (1,), (3,), (5,)]))
    image = rng.integers(0, levels, (height, width, *shape)) * (
        255 // max(levels - 1, 1)
    )
    image = image.astype(np.uint8)
    depth = draw(st.sampled_from(["uint8", "uint16", "float32", "float64"]))
    if depth == "uint16":
        image = image.astype(np.uint16) * 257
    elif depth != "uint8":
        # Not only values that integers have.
        image = (image / draw(st.sampled_from([255, 300]))).astype(depth)
    affinity = None
    channels = draw(st.sampled_from([0, 2, 4]))
    if channels:
        affinity = rng.random((height, width, channels))
        affinity = draw(st.sampled_from([affinity, affinity.round(), affinity**9]))
        affinity = affinity.astype(draw(st.sampled_from([np.float32, np.float64])))
    return labels, image, affinity


@pytest.mark.slow
@given(
    problems(),
    st.sampled_from([0.0, 1e-3, 0.5, 5.0, 1e4]),
    st.sampled_from([0, 1, 2, 10]),
    st.sampled_from([4, 8]),
)
@settings(deadline=None, max_examples=250)
def test_equals_the_formula(problem, boundary_cost, max_iter, connectivity):
    labels, image, affinity = problem
    refined = refine_boundaries(
        labels,
        image,
        affinity,
        boundary_cost=boundary_cost,
        max_iter=max_iter,
        connectivity=connectivity,
    )
    expected = refined_slowly(
        labels, image, affinity, boundary_cost, max_iter, connectivity
    )
    assert refined.dtype == np.int32
    assert np.array_equal(refined, expected)


@given(st.sampled_from(["uint8", "uint16", "float32", "float64"]), st.integers(0, 99))
@settings(deadline=None, max_examples=20)
def test_colours_are_those_of_cielab(depth, seed):
    image = np.random.default_rng(seed).random((4, 5, 3))
    image[0], image[1, :, 1:], image[2, 0] = [0, 0, 1], 0, 1
    if depth.startswith("u"):
        image = image * np.iinfo(depth).max
    image = image.astype(depth)
    # Half a step for rounding, and the digits that constants of CIELAB are given with.
    lab, unit = as_steps(image)
    assert np.abs(lab / unit - rgb2lab(image)).max() < 0.5 / unit + 0.015
    grey, unit = as_steps(image[..., :1])
    lightness = rgb2lab(gray2rgb(image[..., 0]))[..., :1]
    assert np.abs(grey / unit - lightness).max() < 0.5 / unit + 0.015


@pytest.fixture(scope="module")
def start(scenes):
    """A small scene, superpixels with rough boundaries, and affinities."""
    image = scenes[0][0]
    labels = slic(image, 40)
    rng = np.random.default_rng(0)
    y, x = np.indices(labels.shape)
    y = (y + rng.integers(-1, 2, y.shape)).clip(0, y.max())
    x = (x + rng.integers(-1, 2, x.shape)).clip(0, x.max())
    return split_components(labels[y, x]), image, rgb_affinity(image)


def blob(shape):
    """Two areas that touch at a corner, the second with a hole, and a speck."""
    mask = np.zeros(shape, dtype=bool)
    mask[2:30, 3:31] = mask[30:58, 31:70] = mask[1, 60] = True
    mask[40:44, 40:47] = False
    return mask


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("boundary_cost", [0, 5, 1e308])
def test_regions_stay(start, connectivity, masked, boundary_cost):
    labels, image, affinity = start
    mask = blob(labels.shape) if masked else None
    inside = np.where(mask, labels, -1) if masked else labels
    before = split_components(inside, connectivity=connectivity)
    refined = refine_boundaries(
        labels,
        image,
        affinity,
        boundary_cost=boundary_cost,
        connectivity=connectivity,
        mask=mask,
    )
    assert not np.array_equal(refined, before)
    assert np.array_equal(refined < 0, inside < 0)
    again = split_components(refined, connectivity=connectivity)
    assert np.array_equal(again, refined)
    assert refined.max() == before.max()


@pytest.mark.parametrize("channels", [None, 1, 3, 5])
def test_depth_does_not_matter(start, channels):
    labels, image, _ = start
    image = np.concatenate([image, image[:, ::-1]], axis=2)[..., : channels or 1]
    image = image if channels else image[..., 0]
    expected = refine_boundaries(labels, image)
    assert not np.array_equal(expected, labels)
    floats = image / 255
    for same in (image.astype(np.uint16) * 257, floats, floats.astype(np.float32)):
        assert np.array_equal(refine_boundaries(labels, same), expected)


@pytest.mark.parametrize("affinity", [False, True])
@pytest.mark.parametrize("n_rows", [1, 2, 3, 7, 64])
def test_threads_do_not_matter(start, n_rows, affinity):
    labels, image, edges = (array[:n_rows] for array in start)
    # By columns too, so that the shortest image has one pixel in each row.
    for turn in (lambda a: a, lambda a: np.swapaxes(a, 0, 1)):
        call = {"affinity": turn(edges)} if affinity else {}
        expected = refine_boundaries(turn(labels), turn(image), **call)
        for n_jobs in (1, 2, 3, -1, 40):
            refined = refine_boundaries(
                turn(labels), turn(image), **call, n_jobs=n_jobs
            )
            assert np.array_equal(refined, expected)


def test_calls_at_once_do_not_matter(start):
    labels, image, affinity = start
    images = [np.roll(image, 9 * i, axis=1) for i in range(8)]

    def run(image):
        return refine_boundaries(labels, image, affinity, n_jobs=2)

    with ThreadPoolExecutor(4) as pool:
        for refined, other in zip(pool.map(run, images), images, strict=True):
            assert np.array_equal(refined, run(other))


@pytest.mark.parametrize(
    "dtype", [f"{sign}int{n}" for sign in ("", "u") for n in (8, 16, 32, 64)]
)
@pytest.mark.parametrize("masked", [False, True])
def test_names_of_labels_do_not_matter(start, dtype, masked):
    labels, image, affinity = start
    labels = labels % 100
    mask = blob(labels.shape) if masked else None
    expected = refine_boundaries(labels, image, affinity, mask=mask)
    top = np.iinfo(dtype).max
    for other in (labels.astype(dtype), np.array(top - labels.astype(dtype))):
        refined = refine_boundaries(other, image, affinity, mask=mask)
        assert np.array_equal(refined, expected)
    if dtype.startswith("i") and masked:
        for negative in (-1, np.iinfo(dtype).min):
            other = labels.astype(dtype)
            other[~mask] = negative
            refined = refine_boundaries(other, image, affinity)
            assert np.array_equal(refined, expected)


def test_layout_does_not_matter(start):
    given = [*start, blob(start[0].shape)]

    def run(arrays):
        *three, mask = arrays
        return refine_boundaries(*three, mask=mask)

    expected = run(given)
    for change in (
        np.asfortranarray,
        lambda a: np.repeat(a, 2, axis=1)[::-1, ::2][::-1],
        lambda a: a.astype(a.dtype.newbyteorder()),
        lambda a: np.frombuffer(b"\0" + a.tobytes(), a.dtype, offset=1).reshape(
            a.shape
        ),
    ):
        arrays = [change(a) for a in given]
        for array in arrays:
            array.setflags(write=False)
        assert np.array_equal(run(arrays), expected)
    lists = [given[0].tolist(), given[1], given[2].tolist(), given[3].tolist()]
    assert np.array_equal(run(lists), expected)


@pytest.mark.parametrize("dtype", [np.uint8, np.float64])
@pytest.mark.parametrize("channels", [3, 5])
def test_inputs_are_left_alone(start, dtype, channels):
    labels, image, affinity = start
    image = np.concatenate([image, image[:, ::-1]], axis=2)[..., :channels]
    image = image if dtype == np.uint8 else image / 255
    given = [labels.copy(), np.ascontiguousarray(image), affinity.astype(np.float64)]
    copies = [array.copy() for array in given]
    refined = refine_boundaries(*given)
    assert not np.array_equal(refined, labels)
    for array, copy in zip(given, copies, strict=True):
        assert np.array_equal(array, copy)
    # Nothing to do is no reason to hand out the input.
    same = refine_boundaries(given[0], given[1], max_iter=0)
    assert np.array_equal(same, labels)
    assert not np.shares_memory(same, given[0])


def test_what_is_outside_does_not_matter(start):
    labels, image, affinity = start
    mask = blob(labels.shape)
    floats = image / 255
    expected = refine_boundaries(labels, floats, affinity, mask=mask)
    # Edges that lead outside begin inside.
    to = np.pad(mask, 1)
    outside = ~np.stack(
        [
            mask & to[1:-1, 2:],
            mask & to[2:, 1:-1],
            mask & to[2:, 2:],
            mask & to[:-2, 2:],
        ],
        axis=-1,
    )
    rng = np.random.default_rng(0)
    for value in (np.nan, np.inf, -7.0, 1e30, 0.0, 1.0):
        other = np.where(mask, labels, rng.integers(-5, 50, labels.shape))
        refined = refine_boundaries(
            other,
            np.where(mask[..., None], floats, value),
            np.where(outside, value, affinity),
            mask=mask,
        )
        assert np.array_equal(refined, expected)
    other = np.where(mask[..., None], image, 255 - image)
    refined = refine_boundaries(labels, other, affinity, mask=mask)
    assert np.array_equal(refined, expected)


def test_a_rectangle_is_its_crop(start):
    labels, image, affinity = start
    # Classes of pixels go by the parities of rows and columns: from even ones.
    inside = (slice(6, 51), slice(10, 61))
    mask = np.zeros(labels.shape, dtype=bool)
    mask[inside] = True
    refined = refine_boundaries(labels, image, affinity, mask=mask)
    crop = refine_boundaries(*(array[inside] for array in start))
    assert np.array_equal(refined[inside], crop)
    assert np.array_equal(refined >= 0, mask)


def test_areas_of_a_mask_are_alone(start):
    labels, image, _ = start
    mask = np.ones(labels.shape, dtype=bool)
    mask[:, 30] = False
    refined = refine_boundaries(labels, image, mask=mask)
    for area in (slice(None, 30), slice(31, None)):
        alone = np.zeros(labels.shape, dtype=bool)
        alone[:, area] = True
        expected = refine_boundaries(labels, image, mask=alone)[:, area]
        assert np.array_equal(relabel_consecutive(refined[:, area]), expected)


def test_numbers_are_in_scan_order(start):
    labels, image, _ = start
    refined = refine_boundaries(labels.max() - labels, image)
    names, first = np.unique(refined, return_index=True)
    assert np.array_equal(names, np.arange(labels.max() + 1))
    assert (np.diff(first) > 0).all()


@pytest.mark.parametrize("shape", [(), (1,), (3,), (6,)])
@pytest.mark.parametrize("boundary_cost", [0, 1, 5])
@pytest.mark.parametrize("wrong", [-4, -1, 3])
def test_a_wrong_boundary_is_mended(shape, boundary_cost, wrong):
    image = np.zeros((9, 20, *shape), dtype=np.uint8)
    image[:, 11:] = 200
    right = np.repeat([[0] * 11 + [1] * 9], 9, axis=0)
    labels = np.repeat([[0] * (11 + wrong) + [1] * (9 - wrong)], 9, axis=0)
    call = {"boundary_cost": boundary_cost}
    assert np.array_equal(refine_boundaries(labels, image, **call), right)
    # A sweep moves a boundary by two columns at most, and none is too many.
    once = refine_boundaries(labels, image, **call, max_iter=1)
    assert np.array_equal(once, right) == (abs(wrong) < 3)
    assert np.array_equal(refine_boundaries(labels, image, **call, max_iter=0), labels)
    for max_iter in (10, 2**70):
        call["max_iter"] = max_iter
        assert np.array_equal(refine_boundaries(right, image, **call), right)


def test_the_price_of_a_boundary_by_hand():
    # Five equal bands of 0, 0, 0, 30 | 50, 50 units. Regions are 0..2 and 3..5.
    image = np.array([[0, 0, 0, 0.3, 0.5, 0.5]])[..., None].repeat(5, axis=2)
    labels = np.array([[0, 0, 0, 1, 1, 1]])
    # The last has mean 130 / 3, variance (2500 + 2500 + 900) / 3 - mean^2.
    mean = 130 / 3
    variance = 5900 / 3 - mean**2 + SLIGHT
    stay = 5 * (30 - mean) ** 2 / variance + 5 * log(variance)
    move = 5 * 30**2 / SLIGHT + 5 * log(SLIGHT)
    affinity = np.full((1, 6, 2), 0.5)
    # The one of 30 pays 0.9 where it is, and 0.2 on the other side; the one to its left
    # pays 0.9 on both.
    affinity[0, 1:4, 0] = 0.9, 0.9, 0.2
    turn = (move - stay) / (0.9 - 0.2)
    for cost, expected in (
        (0.999 * turn, labels),
        (1.001 * turn, [[0, 0, 0, 0, 1, 1]]),
    ):
        refined = refine_boundaries(
            labels, image, affinity, boundary_cost=cost, max_iter=1
        )
        assert np.array_equal(refined, expected)


@pytest.mark.parametrize("boundary_cost", [1e-6, 5, 1e308])
def test_a_line_in_a_plain_image_shrinks_to_a_pixel(boundary_cost):
    image = np.full((9, 7, 3), 90, dtype=np.uint8)
    labels = np.zeros((9, 7), dtype=int)
    labels[1:8, 3] = 1
    refined = refine_boundaries(labels, image, boundary_cost=boundary_cost)
    # Ends leave in turn: the middle ones have no piece to leave to.
    assert np.bincount(refined.ravel()).tolist() == [62, 1]
    assert (refined[1:8, 3] == 1).any()
    # Without a price, all stays.
    assert np.array_equal(refine_boundaries(labels, image, boundary_cost=0), labels)


def test_corners_connect_regions_of_eight_neighbours_only():
    # Region 1 is a diagonal: a region with 8, five single pixels with 4.
    labels = np.eye(5, dtype=int)
    image = np.full((5, 5), 90, dtype=np.uint8)
    eight = refine_boundaries(labels, image)
    four = refine_boundaries(labels, image, connectivity=4)
    assert eight.max() == 1
    # Two triangles and the pixels.
    assert four.max() == 6
    assert np.bincount(eight.ravel()).min() == 1
    assert len(np.unique(four[np.eye(5, dtype=bool)])) >= 5


@pytest.mark.parametrize(
    ("own", "first"),
    [("d", "u"), ("l", "u"), ("u", "l"), ("ul", "r"), ("rd", "u"), ("ulr", "d")],
)
def test_the_first_of_equal_neighbours_is_taken(own, first):
    places = {"u": (0, 1), "l": (1, 0), "r": (1, 2), "d": (2, 1)}
    labels = np.arange(9).reshape(3, 3)
    bands = np.full((3, 3, 5), 0.5)
    bands[1, 1] = 0
    for name, place in places.items():
        bands[place] = name in own
        if name in own:
            labels[place] = 4
    # All but the bright ones cost the middle the same.
    refined = refine_boundaries(labels, bands, boundary_cost=0, max_iter=1)
    labels[1, 1] = labels[places[first]]
    assert np.array_equal(refined, relabel_consecutive(labels))


def test_diagonal_affinities_do_not_count(start):
    labels, image, affinity = start
    expected = refine_boundaries(labels, image, affinity[..., :2])
    assert np.array_equal(refine_boundaries(labels, image, affinity), expected)
    other = affinity.copy()
    other[..., 2:] = np.random.default_rng(0).random(other[..., 2:].shape)
    assert np.array_equal(refine_boundaries(labels, image, other), expected)
    ones = np.ones((*labels.shape, 2), dtype=np.float32)
    uniform = refine_boundaries(labels, image)
    assert np.array_equal(refine_boundaries(labels, image, ones), uniform)
    assert not np.array_equal(uniform, expected)


def test_boundaries_get_better(scenes):
    images, truths = scenes
    for score, boundary_cost in ((asa_score, 5), (boundary_recall_score, 0)):
        gains = []
        for image, truth in zip(images, truths, strict=True):
            labels = slic(image, 40)
            refined = refine_boundaries(labels, image, boundary_cost=boundary_cost)
            gains.append(score(truth, refined) - score(truth, labels))
        assert np.mean(gains) > 0


@pytest.mark.parametrize("masked", [False, True])
@pytest.mark.parametrize("dtype", [np.int32, np.int64])
def test_memory_a_pixel(rng, masked, dtype):
    image = rng.integers(0, 256, (600, 800, 3), dtype=np.uint8)
    labels = np.add.outer(np.arange(600) // 40 * 20, np.arange(800) // 40)
    labels = labels.astype(dtype)
    mask = None
    if masked:
        mask = np.ones(labels.shape, dtype=bool)
        mask[:30] = False
    tracemalloc.start()
    refine_boundaries(labels, image, mask=mask, max_iter=2)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / labels.size <= 16


LABELS = np.repeat([[0, 0, 1, 1, 1]], 4, axis=0)
IMAGE = np.zeros((4, 5, 3), dtype=np.uint8)
AFFINITY = np.full((4, 5, 2), 0.5)


def at(array, value):
    array = array.copy()
    array[1, 2] = value
    return array


@pytest.mark.parametrize(
    ("changes", "error", "message"),
    [
        ({"boundary_cost": -1}, ValueError, "boundary_cost=-1.0 must be finite and at"),
        ({"boundary_cost": np.nan}, ValueError, "boundary_cost=nan must be finite"),
        ({"boundary_cost": np.inf}, ValueError, "boundary_cost=inf must be finite"),
        ({"boundary_cost": True}, TypeError, "boundary_cost=True must be a number"),
        ({"boundary_cost": "5"}, TypeError, "boundary_cost='5' must be a number"),
        ({"boundary_cost": None}, TypeError, "boundary_cost=None must be a number"),
        ({"max_iter": -1}, ValueError, "max_iter=-1 must be at least 0"),
        ({"max_iter": 2.0}, TypeError, "max_iter=2.0 must be an integer"),
        ({"max_iter": True}, TypeError, "max_iter=True must be an integer"),
        ({"connectivity": 6}, ValueError, "connectivity=6 must be 4 or 8"),
        ({"connectivity": "8"}, ValueError, "connectivity='8' must be 4 or 8"),
        ({"n_jobs": 0}, ValueError, "n_jobs == 0"),
        ({"labels": LABELS[1:]}, ValueError, "image is .4, 5., but labels .*3, 5"),
        ({"labels": LABELS * 1.0}, TypeError, "a label map holds integers"),
        ({"labels": LABELS[0]}, ValueError, "a label map is .H, W."),
        ({"labels": LABELS[:0]}, ValueError, "at least one pixel"),
        ({"labels": LABELS - 9}, ValueError, "labels masks every pixel; there is"),
        ({"image": IMAGE[:, 1:]}, ValueError, "image is .4, 4., but labels .*4, 5"),
        ({"image": IMAGE[..., :2]}, ValueError, "2 channels, the last .*alpha"),
        ({"image": IMAGE.astype(int)}, TypeError, "image has dtype int64; give uint8"),
        ({"image": IMAGE + 1.5}, ValueError, r"floats must lie in 0\.\.1"),
        ({"image": at(IMAGE / 255, np.nan)}, ValueError, "image holds NaN or infin"),
        ({"image": None}, ValueError, "image has shape"),
        ({"affinity": AFFINITY[:, 1:]}, ValueError, "affinity is .4, 4., but labels"),
        ({"affinity": AFFINITY[..., 0]}, ValueError, "an affinity map is"),
        ({"affinity": 5.0}, ValueError, "affinity has shape ..; an affinity map is"),
        ({"affinity": [AFFINITY]}, ValueError, "affinity has shape .1, 4, 5, 2.; an"),
        ({"affinity": AFFINITY[..., :1]}, ValueError, "an affinity map is"),
        ({"affinity": AFFINITY.astype(int)}, TypeError, "affinity has dtype int64"),
        ({"affinity": AFFINITY * 3}, ValueError, r"affinity .* outside 0\.\.1"),
        ({"affinity": at(AFFINITY, np.nan)}, ValueError, "affinity holds NaN"),
        ({"mask": LABELS < 0}, ValueError, "mask is False everywhere"),
        ({"mask": LABELS[1:] == 0}, ValueError, "mask has shape .3, 5., but the image"),
        ({"mask": LABELS}, TypeError, "mask has dtype int64; give booleans"),
        (
            {"mask": LABELS == 0, "labels": LABELS - 1},
            ValueError,
            "labels masks every pixel",
        ),
        (
            {"mask": LABELS == 0, "affinity": AFFINITY[1:]},
            ValueError,
            "affinity is .3, 5., but labels has shape .4, 5.",
        ),
        (
            {"labels": at(LABELS, -1), "affinity": AFFINITY[1:]},
            ValueError,
            "affinity is .3, 5., but labels has shape .4, 5.",
        ),
    ],
)
def test_wrong_input_is_refused_in_a_sentence(changes, error, message):
    arguments = {"labels": LABELS, "image": IMAGE, **changes}
    labels, image = arguments.pop("labels"), arguments.pop("image")
    with pytest.raises(error, match=message) as caught:
        refine_boundaries(labels, image, **arguments)
    assert "\n" not in str(caught.value)
