"""Operations on label maps against scikit-image and slow references."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from skimage.measure import label

from seal_sk.labels import (
    boundaries,
    force_n_segments,
    merge_small,
    relabel_consecutive,
    split_components,
)

SHAPES = st.tuples(st.integers(1, 8), st.integers(1, 8))
CONNECTIVITY = st.sampled_from([4, 8])
INTEGERS = [f"{kind}int{bits}" for kind in ("", "u") for bits in (8, 16, 32, 64)]


@st.composite
def label_maps(draw):
    """Random labels; drawn one by one they would mostly be equal."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    lowest = draw(st.sampled_from([-1, 0]))
    labels = rng.integers(lowest, draw(st.integers(1, 6)), draw(SHAPES))
    # Blocks, so that regions are larger than a pixel.
    return np.repeat(labels, draw(st.integers(1, 3)), axis=1).astype(np.int32)


@st.composite
def maps_and_images(draw):
    """A label map, and an image of few colours or None."""
    labels = draw(label_maps())
    if draw(st.booleans()):
        return labels, None
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return labels, rng.integers(0, 4, (*labels.shape, 3)).astype(np.uint8)


def regions_of(labels, connectivity):
    """scikit-image's components, from 0; -1 where masked."""
    masked = np.where(labels < 0, -1, labels)
    return label(masked, background=-1, connectivity=connectivity // 4) - 1


def possible_counts(labels, connectivity):
    n_areas = regions_of(np.minimum(labels, 0), connectivity).max() + 1
    return range(max(n_areas, 1), np.count_nonzero(labels >= 0) + 1)


def neighbours(pixel, shape, connectivity):
    for dy in (-1, 0, 1):
        for dx in (-1, 0, 1):
            y, x = pixel[0] + dy, pixel[1] + dx
            near = abs(dy) + abs(dx) == 1 or (connectivity == 8 and dy and dx)
            if near and 0 <= y < shape[0] and 0 <= x < shape[1]:
                yield y, x


def assert_valid(labels, given, connectivity):
    assert labels.dtype == np.int32
    assert labels.min() >= -1
    assert np.array_equal(labels < 0, given < 0)
    # Also: consecutive, in scan order.
    assert np.array_equal(regions_of(labels, connectivity), labels)


def assert_refines(fine, coarse):
    pairs = np.unique(np.stack([fine.ravel(), coarse.ravel()]), axis=1)
    assert pairs.shape[1] == len(np.unique(fine))


class SlowRegions:
    """Connected regions, everything about them found anew at each question."""

    def __init__(self, labels, image, connectivity):
        self.labels = regions_of(labels, connectivity)
        self.image = np.zeros((*labels.shape, 0)) if image is None else image
        self.connectivity = connectivity

    def numbers(self):
        return np.unique(self.labels[self.labels >= 0]).tolist()

    def size(self, n):
        return np.count_nonzero(self.labels == n)

    def mean(self, n):
        return self.image[self.labels == n].sum(axis=0) / self.size(n)

    def distance(self, a, b):
        total = 0.0
        for difference in self.mean(a) - self.mean(b):
            total += difference * difference
        return total

    def borders(self, n):
        """Neighbouring regions, and the pairs of pixels that they have with n."""
        lengths = {}
        for pixel in np.argwhere(self.labels == n):
            for other in neighbours(pixel, self.labels.shape, self.connectivity):
                m = self.labels[other]
                if m >= 0 and m != n:
                    lengths[m] = lengths.get(m, 0) + 1
        return lengths

    def best_neighbour(self, n):
        lengths = self.borders(n)
        return min(lengths, key=lambda m: (self.distance(n, m), -lengths[m], m))

    def variance(self):
        means, sizes = (
            [of(n) for n in self.numbers()] for of in (self.mean, self.size)
        )
        variance = 0.0
        for c in range(self.image.shape[2]):
            center = float(self.image[self.labels >= 0, c].sum()) / sum(sizes)
            squares = 0.0
            for size, mean in zip(sizes, means, strict=True):
                squares += size * ((mean[c] - center) * (mean[c] - center))
            variance += squares / sum(sizes)
        return variance

    def join(self, a, b):
        self.labels[self.labels == max(a, b)] = min(a, b)

    def result(self):
        return regions_of(self.labels, self.connectivity)


def slow_merge_small(labels, min_size, image, connectivity):
    regions = SlowRegions(labels, image, connectivity)
    while small := [
        (regions.size(n), n)
        for n in regions.numbers()
        if regions.size(n) < min_size and regions.borders(n)
    ]:
        n = min(small)[1]
        regions.join(n, regions.best_neighbour(n))
    return regions.result()


def slow_joining(labels, n_segments, image, connectivity):
    regions = SlowRegions(labels, image, connectivity)
    variance = regions.variance()
    waiting = {n: float(regions.size(n)) for n in regions.numbers()}
    while len(regions.numbers()) > n_segments:
        n = min(waiting, key=lambda n: (waiting[n], n))
        if not regions.borders(n):
            del waiting[n]
            continue
        best = regions.best_neighbour(n)
        cost = float(regions.size(n))
        if variance > 0:
            cost *= 1.0 + regions.distance(n, best) / variance
        if cost > waiting[n]:
            waiting[n] = cost
            continue
        regions.join(n, best)
        if best < n:
            del waiting[n]
        else:
            waiting[n] = float(regions.size(n))
            waiting.pop(best, None)
    return regions.result()


def slow_cells(pixels, parts):
    """Cut across the longer side, by rank along it and then in scan order."""
    if parts == 1:
        return [pixels]
    height, width = np.ptp(pixels, axis=0)
    axis = int(width > height)
    order = sorted(pixels, key=lambda pixel: (pixel[axis], pixel))
    cut = len(pixels) * (parts // 2) // parts
    return slow_cells(sorted(order[:cut]), parts // 2) + slow_cells(
        sorted(order[cut:]), parts - parts // 2
    )


def slow_splitting(labels, n_segments, image, connectivity):
    regions = SlowRegions(labels, image, connectivity)
    labels, image = regions.labels, regions.image.astype(float)
    parts = dict.fromkeys(regions.numbers(), 1)
    while sum(parts.values()) < n_segments:
        largest = max(parts, key=lambda n: (regions.size(n) / parts[n], -n))
        parts[largest] += 1
    grown = labels.copy()
    for region in [n for n in parts if parts[n] > 1]:
        pixels = [tuple(pixel) for pixel in np.argwhere(labels == region).tolist()]
        colors = image[labels == region]
        variance = ((colors - colors.mean(axis=0)) ** 2).sum() / len(pixels)
        centers, own = [], {}
        for part, cell in enumerate(slow_cells(pixels, parts[region])):
            features = np.array([[*pixel, *image[pixel]] for pixel in cell])
            center = features.mean(axis=0)
            centers.append(center)
            far = [((np.array(pixel) - center[:2]) ** 2).sum() for pixel in cell]
            own[cell[int(np.argmin(far))]] = part

        def cost(pixel, part, centers=centers, variance=variance, region=region):
            square = (np.array([*pixel, *image[pixel]]) - centers[part]) ** 2
            nearness = square[:2].sum() * parts[region] / regions.size(region)
            return nearness + (square[2:].sum() / variance if variance > 0 else 0.0)

        while len(own) < len(pixels):
            pixel, part = min(
                (
                    (pixel, part)
                    for taken, part in own.items()
                    for pixel in neighbours(taken, labels.shape, connectivity)
                    if labels[pixel] == region and pixel not in own
                ),
                key=lambda claim: (cost(*claim), claim),
            )
            own[pixel] = part
        for pixel, part in own.items():
            grown[pixel] = 1000 * (region + 1) + part
    return regions_of(grown, connectivity)


@given(label_maps(), CONNECTIVITY)
def test_components_are_those_of_scikit_image(labels, connectivity):
    split = split_components(labels, connectivity=connectivity)
    assert np.array_equal(split, regions_of(labels, connectivity))
    assert_valid(split, labels, connectivity)


@pytest.mark.parametrize("connectivity", [4, 8])
def test_components_of_winding_shapes(rng, connectivity):
    # Random halves percolate: long paths, whose provisional numbers meet late.
    for shape in ((150, 200), (1, 500), (500, 1)):
        labels = rng.integers(0, 2, shape)
        split = split_components(labels, connectivity=connectivity)
        assert np.array_equal(split, regions_of(labels, connectivity))


@pytest.mark.slow
@given(
    st.one_of(
        arrays(np.int64, SHAPES, elements=st.integers(-(2**63), 2**63 - 1)),
        arrays(np.uint64, SHAPES, elements=st.integers(2**64 - 4, 2**64 - 1)),
        arrays(np.uint32, SHAPES, elements=st.integers(2**31 - 2, 2**31 + 2)),
        arrays(np.int8, SHAPES),
    )
)
def test_relabelling_any_values(labels):
    values = list(dict.fromkeys(v for v in labels.ravel().tolist() if v >= 0))
    expected = [values.index(v) if v >= 0 else -1 for v in labels.ravel().tolist()]
    relabelled = relabel_consecutive(labels)
    assert relabelled.dtype == np.int32
    assert relabelled.ravel().tolist() == expected
    assert np.array_equal(relabel_consecutive(relabelled), relabelled)


def test_relabelling_many_values(rng):
    labels = rng.permutation(100_000).reshape(250, 400) * 10**12
    expected = np.arange(100_000).reshape(250, 400)
    assert np.array_equal(relabel_consecutive(labels), expected)


@pytest.mark.slow
@settings(deadline=None)
@given(maps_and_images(), CONNECTIVITY, st.integers(0, 12))
def test_merge_small_equals_the_slow_reference(given, connectivity, min_size):
    labels, image = given
    merged = merge_small(labels, min_size, image=image, connectivity=connectivity)
    expected = slow_merge_small(labels, min_size, image, connectivity)
    assert np.array_equal(merged, expected)
    assert_valid(merged, labels, connectivity)
    assert_refines(split_components(labels, connectivity=connectivity), merged)
    again = merge_small(merged, min_size, image=image, connectivity=connectivity)
    assert np.array_equal(again, merged)


@pytest.mark.slow
@settings(deadline=None)
@given(maps_and_images(), CONNECTIVITY)
def test_every_possible_number_of_segments(given, connectivity):
    labels, image = given
    components = split_components(labels, connectivity=connectivity)
    for n in possible_counts(labels, connectivity):
        forced = force_n_segments(labels, n, image=image, connectivity=connectivity)
        assert_valid(forced, labels, connectivity)
        assert forced.max() + 1 == n
        if n <= components.max() + 1:
            assert_refines(components, forced)
        if n >= components.max() + 1:
            assert_refines(forced, components)
        again = force_n_segments(forced, n, image=image, connectivity=connectivity)
        assert np.array_equal(again, forced)


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(maps_and_images(), CONNECTIVITY, st.floats(0, 1))
def test_joining_equals_the_slow_reference(given, connectivity, share):
    labels, image = given
    counts = possible_counts(labels, connectivity)
    if not counts:
        return
    at_most = regions_of(labels, connectivity).max() + 1
    n = counts[0] + round(share * (at_most - counts[0]))
    forced = force_n_segments(labels, n, image=image, connectivity=connectivity)
    assert np.array_equal(forced, slow_joining(labels, n, image, connectivity))


@pytest.mark.slow
@settings(deadline=None, max_examples=60)
@given(st.data(), CONNECTIVITY, st.floats(0, 1))
def test_splitting_equals_the_slow_reference(data, connectivity, share):
    labels = data.draw(label_maps())
    image = None
    if data.draw(st.booleans()):
        # Random values, so that no two claims differ by rounding alone.
        rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
        image = rng.random((*labels.shape, 3))
    counts = possible_counts(labels, connectivity)
    if not counts:
        return
    at_least = regions_of(labels, connectivity).max() + 1
    n = at_least + round(share * (counts[-1] - at_least))
    forced = force_n_segments(labels, n, image=image, connectivity=connectivity)
    assert np.array_equal(forced, slow_splitting(labels, n, image, connectivity))


def test_the_nearest_colour_wins_over_the_longest_border():
    labels = np.array([[0, 0, 0], [0, 1, 2], [0, 2, 2]])
    image = np.array([[9, 9, 9], [9, 2, 1], [9, 1, 1]], dtype=np.uint8)
    assert merge_small(labels, 2, image=image)[1, 1] == 1
    labels[2, 1] = 0
    assert merge_small(labels, 2)[1, 1] == 0


def test_of_equal_neighbours_the_first_is_joined():
    labels = np.array([[1, 2, 2], [1, 1, 0]])
    assert force_n_segments(labels, 2).tolist() == [[0, 1, 1], [0, 0, 0]]


def test_a_union_waits_at_its_size():
    labels = np.array([[2, 3, 1, 0, 0], [3, 1, 3, 1, 2]])
    image = np.array([[0.24, 0.8, 0.94, 0.16, 0.54], [0.37, 0.73, 0.16, 0.73, 0.95]])
    expected = [[0, 1, 1, 1, 1], [0, 1, 1, 2, 2]]
    assert force_n_segments(labels, 3, image=image).tolist() == expected
    assert slow_joining(labels, 3, image[:, :, None], 4).tolist() == expected


def test_of_claims_of_equal_cost_the_first_part_has_its_own():
    labels = np.array([[1, 1], [0, 2], [2, 2], [2, 2], [2, 1]])
    expected = [[0, 1], [2, 3], [4, 4], [4, 5], [4, 6]]
    assert force_n_segments(labels, 7).tolist() == expected
    assert slow_splitting(labels, 7, None, 4).tolist() == expected


def test_large_regions_join_too():
    labels = np.arange(3).repeat(200).reshape(30, 20)
    assert force_n_segments(labels, 1).max() == 0


def test_islands_in_a_mask_stay():
    labels = np.array([[0, -1, 1, 1, 2]])
    assert merge_small(labels, 100).tolist() == [[0, -1, 1, 1, 1]]
    assert force_n_segments(labels, 2).tolist() == [[0, -1, 1, 1, 1]]


def test_masked_colours_are_not_read():
    labels = np.array([[0, -1, 1, 1, 2]])
    image = np.array([[0.0, np.nan, 5.0, 6.0, 9.0]])
    assert force_n_segments(labels, 2, image=image).tolist() == [[0, -1, 1, 1, 1]]
    assert force_n_segments(labels, 4, image=image).tolist() == [[0, -1, 1, 2, 3]]


@pytest.mark.parametrize("n", [2, 3, 7, 50, 120])
def test_parts_of_a_flat_area_are_equal_and_compact(n):
    labels = force_n_segments(np.zeros((100, 120), dtype=int), n)
    sizes = np.bincount(labels.ravel())
    assert sizes.std() < 0.25 * sizes.mean()
    length = np.count_nonzero(labels[1:] != labels[:-1])
    length += np.count_nonzero(labels[:, 1:] != labels[:, :-1])
    # Squares of side a have a border of 2 a each; the map's own sides are none.
    assert length < 1.1 * 2 * np.sqrt(n * labels.size)


def test_parts_follow_the_colours():
    # Two fields that meet off the middle.
    image = np.zeros((20, 40), dtype=np.uint8)
    image[:, 16:] = 100
    labels = force_n_segments(np.zeros((20, 40), dtype=int), 2, image=image)
    assert np.array_equal(labels, image // 100)


def test_colours_have_no_unit(rng):
    image = rng.integers(0, 256, (30, 40, 3)).astype(np.uint8)
    labels = rng.integers(0, 4, (30, 40))
    for n in (20, 1100):
        expected = force_n_segments(labels, n, image=image)
        for same in (
            image.astype(np.uint16),
            image.astype(np.float32) * 4,
            image / 4.0 - 16.0,
        ):
            assert np.array_equal(force_n_segments(labels, n, image=same), expected)


@pytest.mark.parametrize("dtype", INTEGERS)
def test_dtype_layout_and_flags_do_not_matter(rng, dtype):
    labels = rng.integers(0, 5, (20, 30))
    image = rng.integers(0, 256, (20, 30, 3)).astype(np.uint8)
    if not dtype.startswith("u"):
        labels[3:6, 5:9] = -2
    given = labels.astype(dtype)
    given.flags.writeable = False
    same = [
        given,
        given.astype(given.dtype.newbyteorder(">")),
        np.repeat(given, 2, axis=1)[:, ::2],
        np.asfortranarray(given),
        given[::-1, ::-1].copy()[::-1, ::-1],
    ]
    before = given.copy()
    expected = np.where(labels < 0, -1, labels).astype(np.int32)
    read_only = image[:, ::-1].copy()[:, ::-1]
    read_only.flags.writeable = False
    for function in (
        relabel_consecutive,
        split_components,
        lambda x, image=image: merge_small(x, 4, image=image),
        lambda x, image=image: force_n_segments(x, 40, image=image),
        lambda x, image=read_only: force_n_segments(x, 400, image=image),
        boundaries,
    ):
        result = function(expected)
        for labels in same:
            assert np.array_equal(function(labels), result)
    assert np.array_equal(given, before)


def test_one_pixel_and_no_unmasked_one():
    for labels in ([[3]], [[-3]]):
        expected = [[0 if labels[0][0] >= 0 else -1]]
        assert relabel_consecutive(labels).tolist() == expected
        assert split_components(labels).tolist() == expected
        assert merge_small(labels, 9, image=[[0.5]]).tolist() == expected
    assert force_n_segments([[3]], 1, image=[[0.5]]).tolist() == [[0]]


def test_colours_that_barely_differ():
    image = np.zeros((6, 6))
    image[:, 3:] = 5e-324
    for n in (1, 5, 36):
        labels = force_n_segments(np.arange(36).reshape(6, 6) // 4, n, image=image)
        assert labels.max() + 1 == n


@pytest.mark.parametrize("value", [5e-324, 1e200, 1.7e308])
def test_colours_whose_squares_are_out_of_range(value, rng):
    # Then no number says which are alike, but the regions are still regions.
    image = value * rng.choice([-1.0, 0.0, 1.0], (9, 11, 3))
    labels = rng.choice(np.array([0, 7, 2**64 - 1], dtype=np.uint64), (9, 11))
    for connectivity in (4, 8):
        for n in (1, 5, 98, 99):
            result = force_n_segments(labels, n, image=image, connectivity=connectivity)
            assert np.array_equal(np.unique(result), np.arange(n))
            again = split_components(result, connectivity=connectivity)
            assert np.array_equal(result, again)


def test_thin_boundaries_are_those_that_are_scored():
    labels = [[0, 0, 1], [0, 0, 1], [-5, -1, -1]]
    assert boundaries(labels).tolist() == [
        [False, True, False],
        [True, True, True],
        [False, False, False],
    ]
    assert boundaries(labels, mode="thick").tolist() == [
        [False, True, True],
        [True, True, True],
        [True, True, True],
    ]
    assert boundaries(labels, mode="subpixel").shape == (5, 5)
    assert boundaries(labels, mode="subpixel").dtype == bool


def test_threads_change_nothing(rng):
    maps = [rng.integers(0, 4, (60, 60)) for _ in range(8)]
    images = [rng.random((60, 60, 3)) for _ in maps]

    def run(labels, image):
        fewer = force_n_segments(labels, 50, image=image)
        return fewer, force_n_segments(fewer, 300, image=image)

    expected = [run(*pair) for pair in zip(maps, images, strict=True)]
    with ThreadPoolExecutor(4) as pool:
        for found, same in zip(pool.map(run, maps, images), expected, strict=True):
            assert np.array_equal(found, same)


def test_memory_a_pixel():
    import tracemalloc

    labels = np.add.outer(np.arange(500) // 25 * 20, np.arange(500) // 25)
    labels = labels.astype(np.int32)
    for function, at_most in (
        (relabel_consecutive, 4.1),
        (split_components, 8.1),
        (lambda x: merge_small(x, 700), 9),
        (lambda x: force_n_segments(x, 300), 9),
        (lambda x: force_n_segments(x, 500), 13),
    ):
        tracemalloc.start()
        function(labels)
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak / labels.size < at_most


@pytest.mark.slow
def test_scikit_image_is_not_imported():
    code = "import sys, seal_sk.labels; print('skimage' in sys.modules)"
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True
    )
    assert result.stdout.strip() == "False"


@pytest.mark.parametrize(
    ("call", "message"),
    [
        (lambda: split_components(np.zeros((2, 2, 2), dtype=int)), "label map is"),
        (lambda: split_components([[0]], connectivity=6), "must be 4 or 8"),
        (lambda: merge_small([[0]], -1), "min_size=-1 must be at least 0"),
        (
            lambda: merge_small([[0, 1]], 2, image=[[0.5]]),
            "must have the same height and width",
        ),
        (lambda: merge_small([[0]], 2, image=[[np.nan]]), "NaN or infinite"),
        (lambda: merge_small([[0]], 2, image=np.zeros((1, 1, 4))), "alpha"),
        (lambda: force_n_segments([[0]], 0), "n_segments=0 must be at least 1"),
        (lambda: force_n_segments([[0, 0, -1, 1]], 4), "more than the 3 unmasked"),
        (lambda: force_n_segments([[0, 0, -1, 1]], 1), "less than the 2 separate"),
        (lambda: force_n_segments([[-1]], 1), "masks every pixel"),
        (lambda: boundaries([[0]], mode="inner"), "mode='inner' must be"),
    ],
)
def test_bad_input(call, message):
    with pytest.raises(ValueError, match=message):
        call()


def test_bad_types():
    with pytest.raises(TypeError, match="a label map holds integers"):
        relabel_consecutive([[0.5]])
    with pytest.raises(TypeError, match=r"n_segments=2\.5 must be an integer"):
        force_n_segments([[0, 0, 0]], 2.5)
    with pytest.raises(TypeError, match="give uint8, uint16"):
        merge_small([[0]], 1, image=[["a"]])
