"""The ERS kernel against the original's partitions and a slow reference."""

import math
import re
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seal_sk import ers, rgb_affinity, to_eight_connected

OFFSETS = ((0, 1), (1, 0), (1, 1), (-1, 1))


def f(x):
    return x * math.log2(x) if x > 0 else 0.0


def edges_of(affinity):
    """Edges in scan order as (pixel, pixel, weight, id)."""
    height, width, channels = affinity.shape
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                v, u = y + OFFSETS[c][0], x + OFFSETS[c][1]
                if 0 <= v < height and u < width:
                    i = (y * width + x) * channels + c
                    yield y * width + x, v * width + u, float(affinity[y, x, c]), i


def slow_ers(affinity, n_segments, balance):
    """The greedy by its definition: the best of all edges, anew at every step."""
    height, width, _ = affinity.shape
    n = height * width
    edges = list(edges_of(affinity))
    loop = [0.0] * n
    for a, b, w, _ in edges:
        loop[a] += w
        loop[b] += w
    total = 0.0
    for weight in loop:
        total += weight
    total = total or 1.0
    loop = [weight / total for weight in loop]
    # In the documented order of ties.
    edges.sort(key=lambda edge: edge[3] * 2654435769 % 2**32)
    edges = [(a, b, w / total) for a, b, w, _ in edges]
    label, size = list(range(n)), [1] * n

    def entropy_gain(a, b, w):
        if loop[a] - w <= 0 or loop[b] - w <= 0:
            return 0.0
        return f(loop[a]) + f(loop[b]) - f(loop[a] - w) - f(loop[b] - w) - 2 * f(w)

    def balance_gain(a, b):
        return -f((a + b) / n) + f(a / n) + f(b / n) + 1.0

    at_most = max((entropy_gain(*edge) for edge in edges), default=0.0)
    first_balance = balance_gain(1, 1)
    if first_balance <= 0:
        weight = 0.0
    elif at_most > 0:
        weight = balance * n_segments * at_most / first_balance
    else:
        weight = balance
    for _ in range(n - n_segments):
        best, gain = None, -math.inf
        for edge in edges:
            a, b, w = edge
            if label[a] == label[b]:
                continue
            g = entropy_gain(a, b, w) + weight * balance_gain(
                size[label[a]], size[label[b]]
            )
            if g > gain:
                best, gain = edge, g
        a, b, w = best
        kept, gone = label[a], label[b]
        size[kept] += size[gone]
        label = [kept if x == gone else x for x in label]
        loop[a] -= w
        loop[b] -= w
    return np.array(label).reshape(height, width)


GOLDEN_KEYS = [
    f"{grid}_labels_k{k}_c{c}_lam{balance}"
    for grid in "abc"
    for k, balances in ((5, (0.5, 2.0)), (30, (0.0, 0.5, 2.0)), (120, (0.5, 2.0)))
    for c in (4, 8)
    for balance in balances
]


@pytest.fixture(scope="module")
def small(golden):
    with np.load(golden / "ers_affinity_small.npz") as file:
        return dict(file)


def test_every_golden_key_is_tested(small):
    assert sorted(GOLDEN_KEYS) == sorted(key for key in small if "labels" in key)


@pytest.mark.parametrize("key", GOLDEN_KEYS)
def test_partition_of_the_original(small, key, assert_same_partition, assert_label_map):
    grid, k, c, balance = re.fullmatch(
        r"(.)_labels_k(\d+)_c(\d)_lam([\d.]+)", key
    ).groups()
    affinity = np.stack([small[f"{grid}_right"], small[f"{grid}_down"]], axis=-1)
    if c == "8":
        affinity = to_eight_connected(affinity)
    labels = ers(affinity, int(k), balance=float(balance))
    assert_same_partition(labels, small[key])
    assert_label_map(labels, affinity.shape[:2], int(k), int(c))


@pytest.mark.parametrize("name", ["astronaut", "chelsea", "coffee", "rocket"])
@pytest.mark.parametrize("connectivity", [4, 8])
def test_photographs_agree_with_the_original(golden, name, connectivity):
    # Ties of integer colours are broken otherwise than in the original, so that
    # pixels differ; the sizes that the balance term rewards must not.
    from skimage import data

    from seal_sk.metrics import asa_score

    affinity = rgb_affinity(getattr(data, name)(), connectivity=connectivity)
    with np.load(golden / "ers_rgb.npz") as file:
        for k in (100, 1000):
            expected = file[f"{name}_k{k}_c{connectivity}"]
            labels = ers(affinity, k)
            shares = np.bincount(labels.ravel()) / labels.size
            theirs = np.bincount(expected.ravel().astype(int)) / labels.size
            entropy, their_entropy = (
                -sum(f(share) for share in s) for s in (shares, theirs)
            )
            assert entropy == pytest.approx(their_entropy, rel=5e-3)
            # Half of the rocket is a sky of few colours.
            if name != "rocket":
                assert asa_score(expected, labels) > 0.75


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_equals_the_slow_reference(data):
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    channels = data.draw(st.sampled_from([2, 4]))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    # Random values, so that no two gains differ by rounding alone.
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    affinity = rng.random((*shape, channels)).astype(dtype)
    k = data.draw(st.integers(1, shape[0] * shape[1]))
    balance = data.draw(st.sampled_from([0.0, 0.1, 0.5, 3.0]))
    labels = ers(affinity, k, balance=balance)
    expected = slow_ers(affinity, k, balance)
    pairs = np.unique(np.stack([labels, expected]).reshape(2, -1), axis=1)
    assert pairs.shape[1] == labels.max() + 1 == k


@settings(max_examples=60, deadline=None)
@given(
    arrays(
        np.float32,
        st.tuples(st.integers(1, 9), st.integers(1, 9), st.sampled_from([2, 4])),
        elements=st.sampled_from([0.0, 1e-40, 0.25, 0.5, 1.0]),
    ),
    st.floats(0, 1),
    st.sampled_from([0.0, 0.5, 100.0]),
)
def test_any_affinities_give_connected_segments(affinity, share, balance):
    from skimage.measure import label

    n = affinity.shape[0] * affinity.shape[1]
    k = 1 + round(share * (n - 1))
    labels = ers(affinity, k, balance=balance)
    assert np.array_equal(np.unique(labels), np.arange(k))
    regions = label(labels, background=-1, connectivity=affinity.shape[2] // 2)
    assert regions.max() == k


def test_ties_are_broken_in_the_documented_order():
    # At balance 0 the inner edges of a row of equal affinities gain the same; the
    # two at the ends gain nothing.
    n = 12
    edges = sorted(range(1, n - 2), key=lambda x: 2 * x * 2654435769 % 2**32)
    labels = ers(np.ones((1, n, 2)), n - 1, balance=0.0)[0]
    joined = np.flatnonzero(labels[1:] == labels[:-1])
    assert joined.tolist() == edges[:1]


def test_flat_areas_are_cut_into_compact_pieces():
    labels = ers(np.ones((100, 100, 2)), 50)
    length = np.count_nonzero(labels[1:] != labels[:-1])
    length += np.count_nonzero(labels[:, 1:] != labels[:, :-1])
    # Fifty squares would have about 1,200; strips have 4,800.
    assert length < 3000


def test_constant_affinity_gives_balanced_segments():
    for value in (0.0, 0.3, 1.0):
        labels = ers(np.full((24, 24, 4), value), 9)
        assert np.bincount(labels.ravel()).max() <= 3 * 24 * 24 / 9


def test_one_pixel_and_thin_images(assert_label_map):
    assert ers(np.zeros((1, 1, 2)), 1).tolist() == [[0]]
    for shape in ((1, 7), (7, 1)):
        for channels in (2, 4):
            for k in (1, 3, 7):
                affinity = np.full((*shape, channels), 0.5)
                assert_label_map(ers(affinity, k), shape, k, 2 * channels)


def test_meaningless_entries_are_not_read(rng):
    affinity = to_eight_connected(rng.random((9, 11, 2)))
    expected = ers(affinity, 12)
    affinity[:, -1, [0, 2, 3]] = 1.0
    affinity[-1, :, [1, 2]] = 1.0
    affinity[0, :, 3] = 1.0
    assert np.array_equal(ers(affinity, 12), expected)


def test_layout_and_flags_do_not_matter(rng):
    affinity = rng.random((20, 30, 4)).astype(np.float32)
    expected = ers(affinity, 20)
    read_only = affinity.copy()
    read_only.flags.writeable = False
    big_endian = affinity.astype(">f4")
    strided = np.repeat(affinity, 2, axis=1)[:, ::2]
    for same in (read_only, big_endian, strided, np.asfortranarray(affinity)):
        assert np.array_equal(ers(same, 20), expected)
    assert np.array_equal(ers(affinity.astype(np.float64), 20), expected)


def test_threads_change_nothing(rng):
    maps = [rng.random((60, 60, 4)).astype(np.float32) for _ in range(8)]
    expected = [ers(affinity, 30) for affinity in maps]
    with ThreadPoolExecutor(4) as pool:
        for labels, same in zip(
            pool.map(lambda a: ers(a, 30), maps), expected, strict=True
        ):
            assert np.array_equal(labels, same)


def test_memory_a_pixel():
    import tracemalloc

    affinity = np.random.default_rng(0).random((500, 500, 2), dtype=np.float32)
    tracemalloc.start()
    ers(affinity, 300)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / (500 * 500) < 66


@pytest.mark.parametrize(
    ("affinity", "n_segments", "balance", "message"),
    [
        (np.zeros((3, 3)), 1, 0.5, "affinity map is"),
        (np.zeros((3, 3, 3)), 1, 0.5, "affinity map is"),
        (np.zeros((0, 3, 2)), 1, 0.5, "affinity map is"),
        (np.full((3, 3, 2), np.nan), 1, 0.5, "NaN or values outside"),
        (np.full((3, 3, 2), 1.5), 1, 0.5, "NaN or values outside"),
        (np.zeros((3, 3, 2)), 0, 0.5, "n_segments=0 must be at least 1"),
        (np.zeros((3, 3, 2)), 10, 0.5, "more than the 9 pixels"),
        (np.zeros((3, 3, 2)), 1, -1, "balance=-1.0 must be finite and at least 0"),
        (np.zeros((3, 3, 2)), 1, np.nan, "balance=nan must be finite"),
    ],
)
def test_bad_input(affinity, n_segments, balance, message):
    with pytest.raises(ValueError, match=message):
        ers(affinity, n_segments, balance=balance)


def test_bad_types():
    with pytest.raises(TypeError, match="float32 or float64"):
        ers(np.zeros((3, 3, 2), dtype=int), 1)
    with pytest.raises(TypeError, match=r"n_segments=2\.5 must be an integer"):
        ers(np.zeros((3, 3, 2)), 2.5)
