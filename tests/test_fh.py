"""The FH kernels against scikit-image's felzenszwalb and a slow reference."""

import warnings
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.ndimage import gaussian_filter
from seal_sk._distance import colour_distance
from seal_sk._fh import fh as fh_kernel

from seal_sk import fh, fh_image, rgb_affinity
from seal_sk.segmentation.graph import as_bytes
from seal_sk.segmentation.image import _half_gaussian, _smooth_distance

OFFSETS = ((0, 1), (1, 0), (1, 1), (-1, 1))


def edges_of(distance, mask):
    """Edges inside the mask in the documented order, as (distance, pixel, pixel)."""
    height, width, channels = distance.shape
    edges = []
    for i in range(distance.size):
        y, x, c = i // channels // width, i // channels % width, i % channels
        v, u = y + OFFSETS[c][0], x + OFFSETS[c][1]
        exists = 0 <= v < height and u < width
        if exists and (mask is None or (mask[y, x] and mask[v, u])):
            tie = i * 2654435769 % 2**32
            edges.append((distance[y, x, c], tie, y * width + x, v * width + u))
    return [(float(d), a, b) for d, _, a, b in sorted(edges)]


class SlowForest:
    """Segments as a list of labels."""

    def __init__(self, distance, mask):
        self.edges = edges_of(distance, mask)
        self.n = distance.shape[0] * distance.shape[1]
        self.left = self.n if mask is None else int(mask.sum())
        self.label = list(range(self.n))
        self.size = [1] * self.n

    def walk(self):
        for d, u, v in self.edges:
            a, b = self.label[u], self.label[v]
            if a != b:
                yield d, a, b

    def join(self, a, b):
        self.size[a] += self.size[b]
        self.label = [a if x == b else x for x in self.label]
        self.left -= 1

    def join_small(self, min_size, how_many):
        for _, a, b in self.walk():
            if (self.size[a] < min_size) + (self.size[b] < min_size) >= how_many:
                self.join(a, b)

    def array(self, distance):
        return np.array(self.label).reshape(distance.shape[:2])


def slow_fh(distance, scale, min_size, mask):
    forest = SlowForest(distance, mask)
    largest = [0.0] * forest.n
    for d, a, b in forest.walk():
        bounds = (
            max(float(np.float32(largest[i] + scale / forest.size[i])), largest[i])
            for i in (a, b)
        )
        if d <= min(bounds):
            forest.join(a, b)
            largest[a] = d
    forest.join_small(min_size, 1)
    return forest.array(distance)


def slow_cut(distance, n_segments, min_size, mask=None):
    min_size = min(min_size, SlowForest(distance, mask).left // n_segments)
    while True:
        forest = SlowForest(distance, mask)
        forest.join_small(min_size, 1)
        if forest.left < n_segments:
            forest = SlowForest(distance, mask)
            forest.join_small(min_size, 2)
            forest.join_small(min_size, 1)
        if forest.left >= n_segments:
            break
        min_size //= 2
    scale = 0.0
    while forest.left > n_segments:
        refused = []
        for d, a, b in forest.walk():
            larger = max(forest.size[a], forest.size[b])
            if d > scale / larger:
                refused.append(d * larger)
            elif forest.left > n_segments:
                forest.join(a, b)
        scale = max(2 * scale, min(refused, default=0.0))
    return forest.array(distance)


def draw_distance(data):
    shape = data.draw(
        st.tuples(st.integers(1, 7), st.integers(1, 7), st.sampled_from([2, 4]))
    )
    if data.draw(st.booleans()):
        seed = data.draw(st.integers(0, 2**32 - 1))
        return np.random.default_rng(seed).random(shape)
    # Ties, values that the first keys of the sort can't tell apart, and extremes.
    few = [0.0, 5e-324, 1e-300, 1e-20, 0.25, 0.25 + 2**-54, 0.25 + 2**-53, 0.7, 1.0]
    return data.draw(arrays(np.float64, shape, elements=st.sampled_from(few)))


def assert_same_inside(labels, expected, inside):
    """One partition up to the names of the labels, -1 outside; returns how many."""
    assert np.array_equal(labels >= 0, inside)
    pairs = np.unique(np.stack([labels[inside], expected[inside]]), axis=1)
    assert pairs.shape[1] == labels.max() + 1 == len(np.unique(expected[inside]))
    return pairs.shape[1]


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_equals_the_slow_reference(masks, data):
    distance = draw_distance(data)
    mask, inside, _ = data.draw(masks(distance.shape[:2], 8))
    scale = data.draw(st.sampled_from([0.0, 1e-3, 0.25, 0.7, 1.0, 3.0]))
    min_size = data.draw(st.integers(0, 10))
    labels = fh_kernel(distance, False, scale, min_size, 0, as_bytes(mask))
    expected = slow_fh(distance, scale, min_size, mask)
    assert_same_inside(labels, expected, inside)


@pytest.mark.slow
@settings(max_examples=150, deadline=None)
@given(st.data())
def test_exact_numbers_equal_the_slow_reference(masks, data):
    distance = draw_distance(data)
    mask, inside, areas = data.draw(masks(distance.shape[:2], 2 * distance.shape[2]))
    n_segments = data.draw(st.integers(areas, np.count_nonzero(inside)))
    min_size = data.draw(st.integers(0, 10))
    labels = fh_kernel(distance, False, 0.0, min_size, n_segments, as_bytes(mask))
    expected = slow_cut(distance, n_segments, min_size, mask)
    assert assert_same_inside(labels, expected, inside) == n_segments


def test_long_runs_of_near_equal_distances_are_sorted(rng):
    # More than insertion sorts; without min_size the order alone decides.
    distance = 0.5 + rng.integers(0, 3, (20, 20, 4)) * 2.0**-53
    for min_size in (1, 7):
        labels = fh_kernel(distance, False, 0.0, min_size, 30)
        expected = slow_cut(distance, 30, min_size)
        pairs = np.unique(np.stack([labels, expected]).reshape(2, -1), axis=1)
        assert pairs.shape[1] == 30


def assert_distances_of(smooth, distance, inside):
    height, width = inside.shape
    for c, (dy, dx) in enumerate(OFFSETS):
        for y in range(max(0, -dy), min(height, height - dy)):
            for x in range(width - dx):
                if not (inside[y, x] and inside[y + dy, x + dx]):
                    continue
                total = 0.0
                for a, b in zip(smooth[y, x], smooth[y + dy, x + dx], strict=True):
                    total += (a - b) * (a - b)
                assert distance[y, x, c] == np.sqrt(total)


@pytest.mark.parametrize("shape", [(13, 17, 3), (1, 20, 1), (20, 1, 3), (2, 3, 5)])
@pytest.mark.parametrize("sigma", [0.0, 0.1, 0.8, 5.0])
def test_distances_are_those_of_scipys_smoothing(rng, shape, sigma):
    image = rng.random(shape)
    smooth = gaussian_filter(image, (sigma, sigma, 0))
    distance = colour_distance(image, _half_gaussian(sigma), 4)
    assert_distances_of(smooth, distance, np.ones(shape[:2], dtype=bool))
    four = colour_distance(image, _half_gaussian(sigma), 2)
    assert np.array_equal(four, distance[..., :2])


@pytest.mark.parametrize("bands", [1, 3])
@pytest.mark.parametrize("sigma", [0.0, 0.8, 5.0])
def test_distances_inside_a_mask_are_those_of_normalised_convolution(rng, bands, sigma):
    image, mask = rng.random((13, 17, bands)), rng.random((13, 17)) < 0.6
    mask[:4, :5] = False
    smooth = gaussian_filter(image * mask[..., None], (sigma, sigma, 0))
    with np.errstate(invalid="ignore"):
        smooth /= gaussian_filter(mask.astype(float), sigma)[..., None]
    image[~mask] = np.nan
    distance = _smooth_distance(image, sigma, 4, mask)
    assert_distances_of(smooth, distance, mask)


@pytest.mark.parametrize(
    "shape",
    [(60, 71, 3), (1, 300, 3), (300, 1, 1), (2, 200, 3), (50, 40, 1), (40, 50, 7)],
)
@pytest.mark.parametrize("scale", [0, 1, 30, 300, 3000])
@pytest.mark.parametrize(("sigma", "min_size"), [(0.8, 20), (0, 1), (2.5, 5)])
def test_partition_of_scikit_image(
    rng, assert_same_partition, assert_label_map, shape, scale, sigma, min_size
):
    from skimage.segmentation import felzenszwalb

    steps = np.cumsum(rng.random(shape), axis=1) // 7 % 3 / 4
    image = (steps + 0.25 * rng.random(shape)).clip(0, 1)
    labels = fh_image(image, scale=scale, sigma=sigma, min_size=min_size)
    with warnings.catch_warnings():
        # More than three channels are worth a warning there.
        warnings.simplefilter("ignore", RuntimeWarning)
        expected = felzenszwalb(image, scale, sigma, min_size)
    assert_same_partition(labels, expected)
    assert_label_map(labels, shape[:2], labels.max() + 1)


@pytest.mark.slow
@pytest.mark.parametrize("name", ["astronaut", "coffee"])
@pytest.mark.parametrize("scale", [1, 100, 1000])
def test_photographs_agree_with_scikit_image(rng, assert_same_partition, name, scale):
    from skimage import data
    from skimage.segmentation import felzenszwalb

    image = getattr(data, name)()
    # Noise far below one step of 8 bits, so that no two distances are equal.
    image = 0.01 + 0.98 * (image / 255) + 1e-5 * rng.random(image.shape)
    assert_same_partition(fh_image(image, scale=scale), felzenszwalb(image, scale))


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([2, 4])),
        elements=st.sampled_from([0.0, 1e-40, 0.25, 0.5, 1.0]),
    ),
    st.floats(0, 1),
    st.sampled_from([None, 0, 1, 5, 1000]),
)
def test_any_affinities_give_exactly_so_many_connected_segments(
    affinity, share, min_size
):
    from skimage.measure import label

    n = affinity.shape[0] * affinity.shape[1]
    k = 1 + round(share * (n - 1))
    labels = fh(affinity, n_segments=k, min_size=min_size)
    assert np.array_equal(np.unique(labels), np.arange(k))
    regions = label(labels, background=-1, connectivity=affinity.shape[2] // 2)
    assert regions.max() == k


def maps_of_all_kinds(rng, shape=(60, 60)):
    ramp = np.linspace(0, 1, shape[0] * shape[1]).reshape(shape) ** 2
    return [
        rng.random((*shape, 4)),
        rng.random((*shape, 2)),
        np.full((*shape, 4), 0.5),
        np.ones((*shape, 2)),
        np.repeat(ramp[..., None], 4, axis=2),
        rgb_affinity(ramp, connectivity=4),
    ]


def test_min_size_is_kept(rng):
    for affinity in maps_of_all_kinds(rng):
        for k in (1, 7, 60):
            for min_size in (1, 10, 3600 // 2 // k):
                labels = fh(affinity, n_segments=k, min_size=min_size)
                assert np.bincount(labels.ravel()).min() >= min(min_size, 3600 // k)
        labels = fh(affinity, n_segments=60)
        assert np.bincount(labels.ravel()).min() >= 3600 // (8 * 60)
        labels = fh(affinity, scale=0.1, min_size=33)
        assert np.bincount(labels.ravel()).min() >= 33


def test_min_size_in_a_row_of_rising_distances():
    # One segment would swallow pixel after pixel.
    affinity = np.repeat(np.linspace(1, 0, 60)[None, :, None], 2, axis=2)
    labels = fh(affinity, n_segments=6, min_size=10)
    assert np.bincount(labels.ravel()).tolist() == [10] * 6


def test_default_min_size(rng):
    affinity = rng.random((40, 50, 4))
    labels = fh(affinity, n_segments=7)
    assert np.array_equal(labels, fh(affinity, n_segments=7, min_size=2000 // 56))
    assert not np.array_equal(labels, fh(affinity, n_segments=7, min_size=2000 // 28))
    assert np.array_equal(fh(affinity), fh(affinity, min_size=20))


def test_exact_numbers_do_not_depend_on_the_unit_of_the_distances(rng):
    # As tiny as the colours of an image of subnormal numbers are apart.
    distance = rng.random((20, 30, 4))
    for k in (2, 40):
        expected = fh_kernel(distance, False, 0.0, 3, k)
        for unit in (2.0**-900, 2.0**-45, 2.0**9):
            assert np.array_equal(
                fh_kernel(unit * distance, False, 0.0, 3, k), expected
            )


def test_min_size_that_asks_for_too_much_is_lowered():
    affinity = np.ones((8, 8, 4))
    assert fh(affinity, n_segments=64, min_size=50).max() == 63
    assert fh(affinity, n_segments=3, min_size=10**12).max() == 2
    assert fh(affinity, min_size=10**30).max() == 0


def test_numbers_of_segments_are_nested(rng):
    image = rng.random((40, 50, 3))
    finer = fh_image(image, n_segments=150, min_size=5)
    for k in (149, 80, 10, 1):
        labels = fh_image(image, n_segments=k, min_size=5)
        pairs = np.unique(np.stack([finer.ravel(), labels.ravel()]), axis=1)
        assert pairs.shape[1] == 150 if k == 149 else len(np.unique(finer))
        finer = labels


def test_equal_distances_within_the_bound_join():
    # d <= scale / 1, with an equality that single precision would lose.
    affinity = np.full((3, 3, 2), 0.25)
    assert fh(affinity, scale=0.75, min_size=1).max() == 0
    assert fh(affinity, scale=0.7499, min_size=1).max() == 8


def test_flat_areas_are_shared_out():
    for channels in (2, 4):
        labels = fh(np.ones((100, 100, channels)), n_segments=50)
        # Ties in scan order would leave one segment of more than 8,000.
        assert np.bincount(labels.ravel()).max() < 3000


def test_one_pixel_and_thin_images(assert_label_map):
    assert fh(np.zeros((1, 1, 2))).tolist() == [[0]]
    assert fh_image(np.zeros((1, 1))).tolist() == [[0]]
    for shape in ((1, 7), (7, 1)):
        for connectivity in (4, 8):
            for k in (1, 3, 7):
                affinity = np.full((*shape, connectivity // 2), 0.5)
                assert_label_map(fh(affinity, n_segments=k), shape, k, connectivity)
                labels = fh_image(
                    np.ones(shape), n_segments=k, connectivity=connectivity
                )
                assert_label_map(labels, shape, k, connectivity)


def test_meaningless_entries_are_not_read(rng):
    affinity = rng.random((9, 11, 4))
    for parameters in ({"scale": 0.4, "min_size": 2}, {"n_segments": 12}):
        expected = fh(affinity, **parameters)
        for value in (0.0, 1.0):
            affinity[:, -1, [0, 2, 3]] = value
            affinity[-1, :, [1, 2]] = value
            affinity[0, :, 3] = value
            assert np.array_equal(fh(affinity, **parameters), expected)


def test_layout_and_dtype_do_not_matter(rng):
    affinity = rng.random((20, 30, 4)).astype(np.float32)
    image = rng.random((20, 30, 3)).astype(np.float32)
    for function, array in ((fh, affinity), (fh_image, image)):
        for parameters in ({"scale": 2.0}, {"n_segments": 20}):
            expected = function(array, **parameters)
            read_only = array.copy()
            read_only.flags.writeable = False
            for same in (
                read_only,
                array.astype(">f4"),
                array.astype(np.float64),
                np.repeat(array, 2, axis=1)[:, ::2],
                np.asfortranarray(array),
            ):
                assert np.array_equal(function(same, **parameters), expected)


def test_integer_images_are_their_floats(rng):
    image = rng.integers(0, 256, (30, 40, 3), dtype=np.uint8)
    expected = fh_image(image)
    assert np.array_equal(fh_image(image / 255), expected)
    assert np.array_equal(fh_image(image[..., 0]), fh_image(image[..., :1]))
    deep = rng.integers(0, 65536, (30, 40), dtype=np.uint16)
    assert np.array_equal(fh_image(deep), fh_image(deep / 65535))


def test_four_neighbours_leave_out_the_diagonals(rng, assert_label_map):
    image = np.kron(np.eye(2), np.ones((9, 9)))
    assert fh_image(image, sigma=0).max() == 1
    assert fh_image(image, sigma=0, connectivity=4).max() == 3
    labels = fh_image(rng.random((30, 30, 3)), scale=30, min_size=3, connectivity=4)
    assert_label_map(labels, (30, 30), labels.max() + 1, 4)


@pytest.mark.parametrize("scale", [0.0, 5e-324, 1e-50, 1e300])
def test_extreme_values(scale, rng, assert_label_map):
    image = 10 ** rng.uniform(-320, 0, (9, 11))
    affinity = np.where(rng.random((9, 11, 4)) < 0.5, 5e-324, 1.0)
    for min_size in (0, 10**30):
        for labels in (
            fh(affinity, scale=scale, min_size=min_size),
            fh_image(image, scale=scale, sigma=50, min_size=min_size),
        ):
            assert_label_map(labels, (9, 11), labels.max() + 1, 8)
            assert min_size == 0 or labels.max() == 0
    for k in (1, 5, 98, 99):
        assert_label_map(fh_image(image, n_segments=k, sigma=0), (9, 11), k, 8)


def test_threads_change_nothing(rng):
    images = [rng.random((60, 60, 3)) for _ in range(8)]
    expected = [fh_image(image) for image in images]
    with ThreadPoolExecutor(4) as pool:
        for labels, same in zip(pool.map(fh_image, images), expected, strict=True):
            assert np.array_equal(labels, same)


@pytest.mark.parametrize(("channels", "at_most"), [(2, 66), (4, 114)])
def test_memory_a_pixel(channels, at_most):
    import tracemalloc

    rng = np.random.default_rng(0)
    affinity = rng.random((500, 500, channels), dtype=np.float32)
    image = rng.random((500, 500, 3), dtype=np.float32)
    for call in (
        lambda: fh(affinity, n_segments=300),
        lambda: fh_image(image, connectivity=2 * channels),
    ):
        tracemalloc.start()
        call()
        peak = tracemalloc.get_traced_memory()[1]
        tracemalloc.stop()
        assert peak / (500 * 500) < at_most


@pytest.mark.parametrize(
    ("affinity", "parameters", "message"),
    [
        (np.zeros((3, 3)), {}, "affinity map is"),
        (np.zeros((3, 3, 3)), {}, "affinity map is"),
        (np.full((3, 3, 2), np.nan), {}, "NaN or values outside"),
        (np.full((3, 3, 2), 1.5), {}, "NaN or values outside"),
        (np.zeros((3, 3, 2)), {"scale": -1}, "scale=-1.0 must be finite and at least"),
        (np.zeros((3, 3, 2)), {"scale": np.nan}, "scale=nan must be finite"),
        (np.zeros((3, 3, 2)), {"min_size": -1}, "min_size=-1 must be at least 0"),
        (np.zeros((3, 3, 2)), {"n_segments": 0}, "n_segments=0 must be at least 1"),
        (np.zeros((3, 3, 2)), {"n_segments": 10}, "more than the 9 pixels"),
    ],
)
def test_bad_affinities(affinity, parameters, message):
    with pytest.raises(ValueError, match=message):
        fh(affinity, **parameters)


@pytest.mark.parametrize(
    ("image", "parameters", "message"),
    [
        (np.zeros(3), {}, "an image is"),
        (np.zeros((3, 3, 4)), {}, "looks like alpha"),
        (np.full((3, 3), np.nan), {}, "NaN or infinite"),
        (np.full((3, 3), 255.0), {}, "floats must lie in"),
        (np.zeros((3, 3)), {"scale": np.inf}, "scale=inf must be finite"),
        (np.zeros((3, 3)), {"sigma": -0.1}, "sigma=-0.1 must be finite"),
        (np.zeros((3, 5)), {"sigma": 51}, "sigma=51 is too large .* at most 50"),
        (np.zeros((3, 3)), {"sigma": 1e300}, "ten times its longer side"),
        (np.zeros((3, 3)), {"connectivity": 6}, "connectivity=6 must be 4 or 8"),
        (np.zeros((3, 3)), {"n_segments": 10}, "more than the 9 pixels"),
        (np.broadcast_to(np.uint8(0), (2**15, 2**15)), {}, "split it into tiles"),
    ],
)
def test_bad_images(image, parameters, message):
    with pytest.raises(ValueError, match=message):
        fh_image(image, **parameters)


def test_bad_types():
    with pytest.raises(TypeError, match="float32 or float64"):
        fh(np.zeros((3, 3, 2), dtype=int))
    with pytest.raises(TypeError, match=r"min_size=2\.0 must be an integer"):
        fh(np.zeros((3, 3, 2)), min_size=2.0)
    with pytest.raises(TypeError, match=r"n_segments=2\.5 must be an integer"):
        fh_image(np.zeros((3, 3)), n_segments=2.5)
    with pytest.raises(TypeError, match="scale='1' must be a number"):
        fh_image(np.zeros((3, 3)), scale="1")
