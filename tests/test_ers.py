"""The ERS kernel against the original's partitions and a slow reference."""

import heapq
import math
import re
from concurrent.futures import ThreadPoolExecutor
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from seal_sk import ers, rgb_affinity, to_eight_connected
from seal_sk.segmentation import cut_tree

OFFSETS = ((0, 1), (1, 0), (1, 1), (-1, 1))


def f(x):
    return x * math.log2(x) if x > 0 else 0.0


def edges_of(affinity, mask):
    """Edges inside the mask in scan order as (pixel, pixel, weight, id)."""
    height, width, channels = affinity.shape
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                v, u = y + OFFSETS[c][0], x + OFFSETS[c][1]
                exists = 0 <= v < height and u < width
                if exists and (mask is None or (mask[y, x] and mask[v, u])):
                    i = (y * width + x) * channels + c
                    yield y * width + x, v * width + u, float(affinity[y, x, c]), i


class Walk:
    """The random walk's weights, and the two gains by their formulas."""

    def __init__(self, affinity, n_segments, balance, mask=None):
        n_pixels = affinity.shape[0] * affinity.shape[1]
        self.n = n_pixels if mask is None else np.count_nonzero(mask)
        edges = list(edges_of(affinity, mask))
        loop = [0.0] * n_pixels
        for a, b, w, _ in edges:
            loop[a] += w
            loop[b] += w
        total = sum(loop) or 1.0
        self.loop = [weight / total for weight in loop]
        # In the documented order of ties.
        edges.sort(key=lambda edge: edge[3] * 2654435769 % 2**32)
        self.edges = [(a, b, w / total) for a, b, w, _ in edges]
        at_most = max((self.entropy_gain(*edge) for edge in self.edges), default=0.0)
        first = self.balance_gain(1, 1)
        if first <= 0:
            self.weight = 0.0
        else:
            self.weight = balance * (n_segments * at_most / first if at_most else 1.0)

    def entropy_gain(self, a, b, w):
        x, y = self.loop[a], self.loop[b]
        if x - w <= 0 or y - w <= 0:
            return 0.0
        return f(x) + f(y) - f(x - w) - f(y - w) - 2 * f(w)

    def balance_gain(self, a, b):
        n = self.n
        return -f((a + b) / n) + f(a / n) + f(b / n) + 1.0

    def gain(self, edge, size_a, size_b):
        return self.entropy_gain(*edge) + self.weight * self.balance_gain(
            size_a, size_b
        )

    def join(self, a, b, w):
        self.loop[a] -= w
        self.loop[b] -= w


def slow_ers(affinity, n_segments, balance, mask):
    """The greedy by its definition: the best of all edges, anew at every step."""
    walk = Walk(affinity, n_segments, balance, mask)
    n_pixels = affinity.shape[0] * affinity.shape[1]
    label, size = list(range(n_pixels)), [1] * n_pixels
    for _ in range(walk.n - n_segments):
        best, gain = None, -math.inf
        for edge in walk.edges:
            a, b, _ = edge
            if label[a] == label[b]:
                continue
            g = walk.gain(edge, size[label[a]], size[label[b]])
            if g > gain:
                best, gain = edge, g
        kept, gone = label[best[0]], label[best[1]]
        size[kept] += size[gone]
        label = [kept if x == gone else x for x in label]
        walk.join(*best)
    return np.array(label).reshape(affinity.shape[:2])


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


@pytest.mark.slow
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
            assert entropy == pytest.approx(their_entropy, rel=1e-2)
            # Half of the rocket is a sky of few colours.
            if name != "rocket":
                assert asa_score(expected, labels) > 0.75


@pytest.mark.slow
@settings(max_examples=100, deadline=None)
@given(st.data())
def test_equals_the_slow_reference(masks, data):
    shape = data.draw(st.tuples(st.integers(1, 6), st.integers(1, 6)))
    channels = data.draw(st.sampled_from([2, 4]))
    dtype = data.draw(st.sampled_from([np.float32, np.float64]))
    # Random values, so that no two gains differ by rounding alone.
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    affinity = rng.random((*shape, channels)).astype(dtype)
    mask, inside, areas = data.draw(masks(shape, 2 * channels))
    k = data.draw(st.integers(areas, np.count_nonzero(inside)))
    balance = data.draw(st.sampled_from([0.0, 0.1, 0.5, 3.0]))
    labels = ers(affinity, k, balance=balance, mask=mask)
    expected = slow_ers(affinity, k, balance, mask)
    assert np.array_equal(labels >= 0, inside)
    pairs = np.unique(np.stack([labels[inside], expected[inside]]), axis=1)
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
    affinity[:, -1, [0, 2, 3]] = np.nan
    affinity[-1, :, [1, 2]] = -7.0
    affinity[0, :, 3] = np.inf
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

    # The heap, which this does not see, has at most 2 bytes an edge.
    affinity = np.random.default_rng(0).random((500, 500, 2), dtype=np.float32)
    tracemalloc.start()
    ers(affinity, 300)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak / (500 * 500) <= 40


def heap_greedy(affinity, n_segments, balance):
    """The greedy with one heap of all edges: its partition and the sum of its gains."""
    walk = Walk(affinity, n_segments, balance)
    parent, size = list(range(walk.n)), [1] * walk.n

    def find(i):
        while parent[i] != i:
            parent[i] = parent[parent[i]]
            i = parent[i]
        return i

    heap = [(-walk.gain(edge, 1, 1), i) for i, edge in enumerate(walk.edges)]
    heapq.heapify(heap)
    components, value = walk.n, 0.0
    while components > n_segments:
        key, i = heapq.heappop(heap)
        root, other = find(walk.edges[i][0]), find(walk.edges[i][1])
        if root == other:
            continue
        gain = walk.gain(walk.edges[i], size[root], size[other])
        if gain < -key:
            heapq.heappush(heap, (-gain, i))
            continue
        value += gain
        parent[other] = root
        size[root] += size[other]
        walk.join(*walk.edges[i])
        components -= 1
    roots = np.array([find(i) for i in range(walk.n)])
    return roots.reshape(affinity.shape[:2]), value


def tree_objective(affinity, tree, n_segments, balance):
    """Sum of the gains of a tree's joins, each over the best edge between the two."""
    walk = Walk(affinity, n_segments, balance)
    incident = {u: set() for u in range(walk.n)}
    for i, (a, b, _) in enumerate(walk.edges):
        incident[a].add(i)
        incident[b].add(i)
    size, value = dict.fromkeys(range(walk.n), 1), 0.0
    for node, (x, y) in enumerate(tree.tolist(), start=walk.n):
        here, there = incident.pop(x), incident.pop(y)
        between = here & there
        best = max(sorted(between), key=lambda i: walk.entropy_gain(*walk.edges[i]))
        value += walk.gain(walk.edges[best], size[x], size[y])
        walk.join(*walk.edges[best])
        incident[node] = (here | there) - between
        size[node] = size.pop(x) + size.pop(y)
    return value


@pytest.mark.slow
@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("k", [20, 200])
def test_objective_on_a_photograph_of_many_ties(connectivity, k):
    # Gains that differ by rounding alone may be taken in either order, which leads to
    # other partitions of (almost) the same value.
    from skimage import data

    affinity = rgb_affinity(data.astronaut()[:90, :120], connectivity=connectivity)
    _, expected = heap_greedy(affinity, k, 0.5)
    _, tree = ers(affinity, [k], nested=True, return_tree=True)
    assert tree_objective(affinity, tree, k, 0.5) == pytest.approx(expected, rel=1e-6)


def test_several_counts_are_those_of_single_calls(rng):
    affinity = rng.random((40, 50, 4)).astype(np.float32)
    counts = [200, 1, 7, 200, 2000, 60]
    maps = ers(affinity, counts)
    for count, labels in zip(counts, maps, strict=True):
        assert np.array_equal(labels, ers(affinity, count))
    assert np.array_equal(ers(affinity, np.array([7]))[0], maps[2])
    # What is written to one map does not show in another.
    assert not np.shares_memory(maps[0], maps[3])


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("balance", [0, 0.5])
@pytest.mark.parametrize("masked", [False, True])
def test_no_run_changes_the_next(connectivity, balance, masked):
    # Noise without balance needs more places in the queue than there are at first.
    for seed in (5, 12, 15, 19, 26, 31, 32, 33, 44):
        rng = np.random.default_rng(seed)
        shape = rng.integers(16, 60, 2)
        image = rng.integers(0, 256, (*shape, 3)).astype(np.uint8)
        mask = None
        if masked:
            mask = np.ones(shape, dtype=bool)
            mask[:3, 5:] = False
        affinity = rgb_affinity(image, connectivity=connectivity)
        most = shape.prod() if mask is None else mask.sum()
        counts = rng.integers(2, most, 4).tolist()
        options = {"balance": balance, "mask": mask}
        for count, labels in zip(counts, ers(affinity, counts, **options), strict=True):
            assert np.array_equal(labels, ers(affinity, count, **options))


@pytest.mark.parametrize("shape", [(1, 900), (900, 1)])
def test_several_counts_in_a_line_of_ties(shape):
    image = np.random.default_rng(0).integers(0, 2, shape).astype(np.uint8)
    affinity = rgb_affinity(image)
    counts = [800, 300, 299, 2]
    for count, labels in zip(counts, ers(affinity, counts, balance=0), strict=True):
        assert np.array_equal(labels, ers(affinity, count, balance=0))


@settings(max_examples=40, deadline=None)
@given(st.data())
def test_nested_counts_are_a_hierarchy(data):
    shape = data.draw(st.tuples(st.integers(1, 12), st.integers(1, 12)))
    n = shape[0] * shape[1]
    channels = data.draw(st.sampled_from([2, 4]))
    rng = np.random.default_rng(data.draw(st.integers(0, 2**32 - 1)))
    affinity = rng.choice([0.0, 0.3, rng.random(), 1.0], (*shape, channels))
    counts = data.draw(st.lists(st.integers(1, n), min_size=1, max_size=5))
    maps, tree = ers(affinity, counts, nested=True, return_tree=True)
    assert tree.shape == (n - min(counts), 2)
    by_count = sorted(zip(counts, maps, strict=True), key=lambda pair: pair[0])
    for count, labels in by_count:
        assert np.array_equal(np.unique(labels), np.arange(count))
        assert np.array_equal(cut_tree(tree, count, shape=shape), labels)
    for (_, coarse), (fine_count, fine) in pairwise(by_count):
        pairs = np.unique(np.stack([fine, coarse]).reshape(2, -1), axis=1)
        assert pairs.shape[1] == fine_count
    # The largest count is what it is alone.
    assert np.array_equal(by_count[-1][1], ers(affinity, max(counts)))


def test_tree_gives_every_count(rng):
    affinity = rng.random((15, 20, 2))
    _, tree = ers(affinity, 1, nested=True, return_tree=True)
    for count in (1, 2, 50, 299, 300):
        labels = cut_tree(tree, count, shape=(15, 20))
        assert np.array_equal(np.unique(labels), np.arange(count))
    assert sorted(tree.ravel()) == list(range(300 + 299 - 1))


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda tree: tree[:, :1], "an integer array"),
        (lambda tree: tree.astype(float), "an integer array"),
        (lambda tree: tree - 1, "name each pixel"),
        (lambda tree: tree[::-1], "name each pixel"),
        (lambda tree: np.zeros_like(tree), "name each pixel"),
        (lambda tree: tree + np.int64(10**15), "name each pixel"),
        (lambda tree: tree.astype(np.uint64) + 2**63, "name each pixel"),
        (lambda tree: tree + np.int64(10**14), "name each pixel"),
        (lambda tree: tree[:3], "is less than the 27"),
        (lambda tree: tree[:27], "is less than the 3"),
    ],
)
def test_bad_trees(rng, change, message):
    _, tree = ers(rng.random((5, 6, 2)), 1, nested=True, return_tree=True)
    with pytest.raises(ValueError, match=message):
        cut_tree(change(tree), 2, shape=(5, 6))


def test_trees_of_any_integer_dtype(rng):
    _, tree = ers(rng.random((5, 6, 2)), 1, nested=True, return_tree=True)
    expected = cut_tree(tree, 9, shape=(5, 6))
    for dtype in (">i2", "u1", "u8"):
        assert np.array_equal(cut_tree(tree.astype(dtype), 9, shape=(5, 6)), expected)


def test_no_tree_has_so_many_pixels():
    with pytest.raises(ValueError, match="the image that the tree was made from"):
        cut_tree(np.empty((0, 2), dtype=int), 2**32, shape=(2**16, 2**16))


@pytest.mark.parametrize("shape", [30, (30,), (5, 6, 1), (0, 6), (-5, -6)])
def test_bad_shapes_of_a_tree(rng, shape):
    _, tree = ers(rng.random((5, 6, 2)), 1, nested=True, return_tree=True)
    with pytest.raises(ValueError, match="shape"):
        cut_tree(tree, 2, shape=shape)


def test_bad_counts():
    affinity = np.zeros((3, 3, 2))
    with pytest.raises(ValueError, match="is empty"):
        ers(affinity, [])
    with pytest.raises(ValueError, match="more than the 9 pixels"):
        ers(affinity, [3, 10])
    with pytest.raises(TypeError, match="must be an integer"):
        ers(affinity, [3.0])
    with pytest.raises(TypeError, match="must be an integer"):
        ers(affinity, [[2, 3], [4]])
    with pytest.raises(ValueError, match="return_tree needs nested=True"):
        ers(affinity, [3], return_tree=True)


@pytest.mark.parametrize("balance", [0.0, 5e-324, 1e6, 1e300])
def test_extreme_values(balance, rng, assert_label_map):
    for channels in (2, 4):
        shape = (9, 11, channels)
        for affinity in (
            np.full(shape, 5e-324),
            10 ** rng.uniform(-320, 0, shape),
            rng.integers(2, size=shape).astype(np.float32),
        ):
            for k in (1, 5, 98, 99):
                labels = ers(affinity, k, balance=balance)
                assert_label_map(labels, (9, 11), k, 2 * channels)


@pytest.mark.slow
@pytest.mark.parametrize("channels", [2, 4])
@pytest.mark.parametrize("k", [2, 40, 1000])
def test_a_bucket_emptied_in_parts_keeps_the_order(
    rng, channels, k, assert_same_partition
):
    # Gains that differ by a millionth lie in one bucket, several times its places.
    affinity = 0.5 + 1e-6 * rng.random((60, 70, channels))
    expected, _ = heap_greedy(affinity, k, 0.5)
    assert_same_partition(ers(affinity, k), expected)


@pytest.mark.parametrize("value", [0.0, 1e-40, 0.5, 1.0])
@pytest.mark.parametrize("k", [2, 50, 20000])
def test_a_bucket_of_more_edges_than_places(value, k, assert_label_map):
    # All gains are equal: the bucket is emptied in parts.
    affinity = np.full((200, 210, 4), value, dtype=np.float32)
    assert_label_map(ers(affinity, k), (200, 210), k, 8)


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
