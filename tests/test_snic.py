"""SNIC against the original's label maps and a slow reference."""

import heapq
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.optimize import linear_sum_assignment
from seal_sk._snic import snic as snic_kernel

from seal_sk import snic
from seal_sk.segmentation.grid import _shares, exact_seeds, grid_seeds


def agreement(labels, expected):
    """Share of equal pixels, with the labels matched one to one."""
    table = np.zeros((labels.max() + 1, expected.max() + 1), dtype=int)
    np.add.at(table, (labels.ravel(), expected.ravel()), 1)
    return table[linear_sum_assignment(table, maximize=True)].sum() / labels.size


def renumbered(labels):
    """Labels in scan order of their first pixels; -1 stays."""
    names, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    inside = np.where(names < 0, -1, first)
    return np.searchsorted(np.sort(inside[inside >= 0]), inside)[inverse].reshape(
        labels.shape
    ) - (labels < 0)


def slow_snic(features, seeds, compactness, mask):
    """The growth by its definition, with the kernel's rounding to 32 bits."""
    height, width, n_features = features.shape
    per_area = np.float32(
        compactness * compactness * len(seeds) / np.count_nonzero(mask)
    )
    labels = np.full((height, width), -1)
    nearest = np.full((height, width), np.inf, dtype=np.float32)
    sums = np.zeros((len(seeds), 3 + n_features))
    queue = []

    def visit(y, x):
        k = labels[y, x]
        sums[k] += [1, y, x, *features[y, x]]
        mean = sums[k, 1:] * (1 / sums[k, 0])
        dy, dx = np.float32(mean[0] - y), np.float32(mean[1] - x)
        for v, u in ((y - 1, x), (y, x - 1), (y, x + 1), (y + 1, x)):
            if not (0 <= v < height and 0 <= u < width and mask[v, u]):
                continue
            if labels[v, u] >= 0:
                continue
            distance = np.float32(0)
            for c in range(n_features):
                distance += (np.float32(mean[2 + c]) - features[v, u, c]) ** 2
            down, right = dy + np.float32(y - v), dx + np.float32(x - u)
            distance += per_area * (down * down + right * right)
            if distance < nearest[v, u]:
                nearest[v, u] = distance
                heapq.heappush(queue, (distance, v, u, k))

    for k, (y, x) in enumerate(seeds):
        labels[y, x] = k
    for y, x in seeds:
        visit(y, x)
    while queue:
        _, y, x, k = heapq.heappop(queue)
        if labels[y, x] < 0:
            labels[y, x] = k
            visit(y, x)
    return labels


def assert_segments(labels, mask):
    """The contract of a label map with a mask."""
    from skimage.measure import label

    assert labels.dtype == np.int32
    assert np.array_equal(labels >= 0, mask)
    assert np.array_equal(labels, renumbered(labels))
    regions = label(labels, background=-1, connectivity=1)
    assert regions.max() == labels.max() + 1


@pytest.fixture(scope="module")
def photograph():
    from skimage import data

    return data.chelsea()[60:200, 80:260]


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
@pytest.mark.parametrize("k", [100, 300, 1000])
def test_label_maps_of_the_original(golden, name, k, assert_label_map):
    # What differs are ties, which the original breaks by its heap's layout.
    from skimage import data

    image = getattr(data, name)()
    with np.load(golden / "snic.npz") as file:
        expected = file[f"{name}_k{k}"]
    labels = snic(image, k)
    assert_label_map(labels, image.shape[:2], expected.max() + 1, 4)
    assert agreement(labels, expected) > 0.99


@settings(max_examples=100, deadline=None)
@given(st.data())
def test_slow_reference(data):
    shape = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    levels = st.sampled_from([0.0, 1e-40, 0.3, 0.5, 1.0])
    image = data.draw(arrays(np.float32, (*shape, 5), elements=levels))
    mask = data.draw(arrays(bool, shape)) if data.draw(st.booleans()) else None
    inside = np.ones(shape, dtype=bool) if mask is None else mask
    inside.flat[data.draw(st.integers(0, inside.size - 1))] = True
    k = data.draw(st.integers(1, np.count_nonzero(inside)))
    compactness = data.draw(st.sampled_from([0.0, 0.5, 10.0, 1e3]))
    labels = snic(image, k, compactness=compactness, mask=mask)
    expected = slow_snic(
        (image.astype(np.float64) * 100).astype(np.float32),
        grid_seeds(shape, k, mask),
        compactness,
        inside,
    )
    assert np.array_equal(labels, renumbered(expected))


def test_three_channels_are_taken_to_cielab(photograph):
    from skimage.color import rgb2lab

    # Five channels are not converted, only scaled by 100.
    scaled = np.zeros((*photograph.shape[:2], 5))
    scaled[..., :3] = (rgb2lab(photograph) + 128) / 256
    expected = snic(scaled, 100, compactness=10 / 2.56)
    assert agreement(snic(photograph, 100), expected) > 0.99


def test_grey_images_are_taken_to_lightness(photograph):
    grey = photograph[..., 1]
    labels = snic(grey, 100)
    assert np.array_equal(labels, snic(grey[..., None], 100))
    assert agreement(labels, snic(np.repeat(grey[..., None], 3, axis=2), 100)) > 0.99
    dark = np.array([[0, 10, 20, 0, 10, 20]], dtype=np.uint8)
    assert snic(dark, 2, compactness=0.0, exact=True).max() == 1


def test_dtypes_give_the_same(photograph):
    for image in (photograph, photograph[..., 0], np.tile(photograph, 2)):
        expected = snic(image, 100)
        assert np.array_equal(snic(image.astype(np.uint16) * 257, 100), expected)
        assert np.array_equal(snic(image / 255, 100), expected)
        single = (image / 255).astype(np.float32)
        assert agreement(snic(single, 100), expected) > 0.99


@pytest.mark.parametrize("shape", [(1, 1), (1, 40), (40, 1), (2, 33), (13, 17)])
@pytest.mark.parametrize("channels", [1, 3, 6])
def test_exact_counts(rng, shape, channels, assert_label_map):
    image = rng.integers(0, 256, (*shape, channels), dtype=np.uint8)
    n = shape[0] * shape[1]
    for k in sorted({1, min(2, n), n // 3 or 1, n // 2 or 1, max(n - 1, 1), n}):
        assert_label_map(snic(image, k, exact=True), shape, k, 4)
        n_seeds = len(grid_seeds(shape, k))
        assert_label_map(snic(image, k), shape, n_seeds, 4)


def test_exact_changes_nothing_where_the_grid_fits(photograph):
    k = snic(photograph, 100).max() + 1
    assert np.array_equal(snic(photograph, k), snic(photograph, k, exact=True))


def test_every_number_of_seeds():
    for shape in ((1, 9), (5, 4), (3, 11), (30, 2)):
        n = shape[0] * shape[1]
        for k in range(1, n + 1):
            for seeds in (exact_seeds(shape, k), grid_seeds(shape, k)):
                assert len(np.unique(seeds, axis=0)) == len(seeds) > 0
                assert np.all((seeds >= 0) & (seeds < shape))
            assert len(exact_seeds(shape, k)) == k


@settings(max_examples=60, deadline=None)
@given(
    arrays(bool, st.tuples(st.integers(1, 12), st.integers(1, 12))),
    st.floats(0, 1),
)
def test_masks(mask, share):
    from skimage.measure import label

    mask[0, 0] = True
    image = np.arange(mask.size, dtype=np.uint8).reshape(mask.shape)
    n, n_regions = np.count_nonzero(mask), label(mask, connectivity=1).max()
    k = 1 + round(share * (n - 1))
    assert_segments(snic(image, k, mask=mask), mask)
    if k >= n_regions:
        labels = snic(image, k, mask=mask, exact=True)
        assert_segments(labels, mask)
        assert labels.max() + 1 == k
    else:
        with pytest.raises(ValueError, match=f"less than the {n_regions} regions"):
            snic(image, k, mask=mask, exact=True)


def test_mask_of_a_photograph(photograph):
    height, width = photograph.shape[:2]
    y, x = np.mgrid[:height, :width]
    mask = np.hypot(y - 60, x - 80) < 55
    mask[5, 170] = True  # a region that the grid misses
    labels = snic(photograph, 80, mask=mask)
    assert_segments(labels, mask)
    assert 70 <= labels.max() + 1 <= 90
    exact = snic(photograph, 80, mask=mask, exact=True)
    assert exact.max() + 1 == 80
    sizes = np.bincount(exact[mask])
    assert np.median(sizes) > 0.8 * np.mean(sizes)


def test_what_is_masked_out_is_not_read(photograph):
    mask = np.zeros(photograph.shape[:2], dtype=bool)
    mask[20:100, 30:150] = True
    image = photograph / 255
    for exact in (False, True):
        expected = snic(image, 50, mask=mask, exact=exact)
        for value in (np.nan, np.inf, -3.0):
            image[~mask] = value
            assert np.array_equal(snic(image, 50, mask=mask, exact=exact), expected)
    with pytest.raises(ValueError, match="NaN or infinite"):
        snic(np.where(mask, np.nan, 0), 50, mask=mask)


def test_what_is_masked_out_has_no_weight(rng):
    # The position counts by the area of the mask, not of the image.
    image = rng.random((40, 60, 3))
    mask = np.zeros((40, 60), dtype=np.uint8)
    mask[10:30, 20:50] = 1
    seeds = exact_seeds((20, 30), 12)
    labels = snic_kernel(image, mask, seeds + np.array([10, 20]), 30.0)
    alone = snic_kernel(image[10:30, 20:50], mask[:0], seeds, 30.0)
    assert np.array_equal(labels[10:30, 20:50], alone)


def test_regions_share_seeds_by_their_sizes():
    assert _shares(np.array([2, 10, 10]), 6).tolist() == [1, 3, 2]
    assert _shares(np.array([1, 1, 5]), 7).tolist() == [1, 1, 5]
    assert _shares(np.array([1, 1]), 2).tolist() == [1, 1]


def test_a_full_mask_changes_nothing(photograph):
    mask = np.ones(photograph.shape[:2], dtype=bool)
    assert np.array_equal(snic(photograph, 90, mask=mask), snic(photograph, 90))


def test_hard_images(assert_label_map):
    flat = np.full((60, 60, 3), 90, dtype=np.uint8)
    labels = snic(flat, 36, exact=True)
    assert_label_map(labels, (60, 60), 36, 4)
    assert np.bincount(labels.ravel()).max() <= 2 * 100
    for image in (flat, np.full((60, 60), 1e-310), np.ones((60, 60), np.float32)):
        for compactness in (0.0, 1e-30, 1e30, 1e300):
            labels = snic(image, 36, compactness=compactness, exact=True)
            assert_label_map(labels, (60, 60), 36, 4)


def test_compactness_makes_segments_compact(photograph):
    def boundary(compactness):
        labels = snic(photograph, 100, compactness=compactness)
        across = np.count_nonzero(labels[:, 1:] != labels[:, :-1])
        return across + np.count_nonzero(labels[1:] != labels[:-1])

    assert boundary(1.0) > boundary(10.0) > boundary(100.0)


def test_layout_and_flags_do_not_matter(photograph):
    expected = snic(photograph, 60)
    read_only = photograph.copy()
    read_only.flags.writeable = False
    strided = np.repeat(photograph, 2, axis=1)[:, ::2]
    for same in (read_only, strided, np.asfortranarray(photograph)):
        assert np.array_equal(snic(same, 60), expected)
    for dtype in (">u2", ">f8"):
        full_scale = 65535 if dtype == ">u2" else 1
        same = (photograph / 255 * full_scale).astype(dtype)
        assert np.array_equal(snic(same, 60), snic(same.astype(dtype[1:]), 60))
    mask = np.zeros((2 * photograph.shape[0], photograph.shape[1]), dtype=bool)
    mask[:120] = True
    expected = snic(photograph, 60, mask=mask[::2].copy())
    mask.flags.writeable = False
    assert np.array_equal(snic(photograph, 60, mask=mask[::2]), expected)


def test_threads_change_nothing(photograph):
    images = [np.roll(photograph, 9 * i, axis=1) for i in range(8)]
    expected = [snic(image, 60) for image in images]
    with ThreadPoolExecutor(4) as pool:
        for labels, same in zip(
            pool.map(lambda image: snic(image, 60), images), expected, strict=True
        ):
            assert np.array_equal(labels, same)


def test_memory_a_pixel(rng):
    import tracemalloc

    image = rng.integers(0, 256, (500, 500, 3), dtype=np.uint8)
    tracemalloc.start()
    snic(image, 300)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    # The queue is not counted here.
    assert peak / (500 * 500) < 24


@pytest.mark.parametrize(
    ("image", "n_segments", "parameters", "message"),
    [
        (np.zeros((3, 3, 2)), 1, {}, "looks like alpha"),
        (np.zeros(3), 1, {}, "an image is"),
        (np.full((3, 3), np.nan), 1, {}, "NaN or infinite"),
        (np.full((3, 3), 2.0), 1, {}, "floats must lie in 0..1"),
        (np.zeros((3, 3)), 0, {}, "n_segments=0 must be at least 1"),
        (np.zeros((3, 3)), 10, {}, "more than the 9 pixels"),
        (np.zeros((3, 3)), 1, {"compactness": -1}, "finite and at least 0"),
        (np.zeros((3, 3)), 1, {"compactness": np.nan}, "must be finite"),
        (np.zeros((3, 3)), 4, {"mask": np.eye(3) > 0}, "more than the 3 pixels of"),
        (np.zeros((3, 3)), 1, {"mask": np.eye(4) > 0}, "same height and width"),
        (np.zeros((3, 3)), 1, {"mask": np.zeros((3, 3)) > 0}, "nothing is left"),
    ],
)
def test_bad_input(image, n_segments, parameters, message):
    with pytest.raises(ValueError, match=message):
        snic(image, n_segments, **parameters)


def test_bad_types():
    with pytest.raises(TypeError, match="has dtype int64"):
        snic(np.zeros((3, 3), dtype=np.int64), 1)
    with pytest.raises(TypeError, match=r"n_segments=2\.5 must be an integer"):
        snic(np.zeros((3, 3)), 2.5)
    with pytest.raises(TypeError, match="mask has dtype uint8; give booleans"):
        snic(np.zeros((3, 3)), 1, mask=np.ones((3, 3), dtype=np.uint8))
    with pytest.raises(TypeError, match="masked array"):
        snic(np.ma.zeros((3, 3)), 1)
    with pytest.raises(TypeError, match="masked array"):
        snic(np.zeros((3, 3)), 1, mask=np.ma.ones((3, 3), dtype=bool))


def test_too_large_an_image():
    image = np.lib.stride_tricks.as_strided(
        np.zeros(1, dtype=np.uint8), (2**14, 2**14 + 1), (0, 0)
    )
    with pytest.raises(ValueError, match="split it into tiles"):
        snic(image, 10)
