"""The graph segmenters inside a mask; their kernels' own tests have the references."""

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.filters import gaussian
from sklearn.base import BaseEstimator, TransformerMixin, clone

from seal_sk import (
    EdgeAffinity,
    ERSSuperpixels,
    FeatureAffinity,
    FHSuperpixels,
    GraphSuperpixels,
    OracleAffinity,
    RGBAffinity,
    SEALSuperpixels,
    SLICSuperpixels,
    SNICSuperpixels,
    ers,
    fh,
    fh_image,
    to_eight_connected,
)
from seal_sk.affinity.maps import edges_inside
from seal_sk.pan import PAN, write_weights
from seal_sk.segmentation import cut_tree

SHAPE = (20, 26)


def blob():
    """Two areas that touch at a corner, the second with a hole, and a speck."""
    mask = np.zeros(SHAPE, dtype=bool)
    mask[2:10, 3:11] = True
    mask[10:18, 11:22] = True
    mask[12:14, 14:17] = False
    mask[1, 24] = True
    return mask


def image_of(shape, dtype=np.float64):
    return np.random.default_rng(1).random((*shape, 3)).astype(dtype)


def affinity_of(shape, channels=4):
    return np.random.default_rng(2).random((*shape, channels))


# From what is segmented and keywords to a label map; and what is segmented.
SEGMENTERS = {
    "ers": (lambda map_, **k: ers(map_, k.pop("n_segments", 9), **k), affinity_of),
    "fh": (lambda map_, **k: fh(map_, min_size=3, **k), affinity_of),
    "fh, exact": (lambda map_, **k: fh(map_, **{"n_segments": 9, **k}), affinity_of),
    "fh_image": (lambda image, **k: fh_image(image, min_size=3, **k), image_of),
    "fh_image, exact": (
        lambda image, **k: fh_image(image, **{"n_segments": 9, **k}),
        image_of,
    ),
}
EXACT = ["ers", "fh, exact", "fh_image, exact"]


@pytest.fixture(params=SEGMENTERS)
def segmenter(request):
    return SEGMENTERS[request.param]


@pytest.fixture(params=EXACT)
def exact(request):
    return SEGMENTERS[request.param]


def assert_inside(labels, mask, connectivity):
    """The contract of a label map with a mask; returns how many labels."""
    from skimage.measure import label

    assert labels.dtype == np.int32
    assert np.array_equal(labels >= 0, mask)
    names, first = np.unique(labels[mask], return_index=True)
    assert np.array_equal(names, np.arange(len(names)))
    assert (np.diff(first) > 0).all()
    regions = label(labels, background=-1, connectivity=connectivity // 4)
    assert regions.max() == len(names)
    return len(names)


def test_a_full_mask_is_none(segmenter):
    segment, source = segmenter
    expected = segment(source(SHAPE))
    full = np.ones(SHAPE, dtype=bool)
    assert np.array_equal(segment(source(SHAPE), mask=full), expected)
    assert np.array_equal(segment(source(SHAPE), mask=full.tolist()), expected)


def test_a_rectangle_is_its_crop(segmenter):
    # Random values have no ties, which would go by the edges' numbers.
    segment, source = segmenter
    mask = np.zeros(SHAPE, dtype=bool)
    mask[3:15, 4:24] = True
    values = source(SHAPE)
    # Smoothing mirrors at the rim of an image, but not at that of a mask.
    sigma = {"sigma": 0} if source is image_of else {}
    labels = segment(values, mask=mask, **sigma)
    assert_inside(labels, mask, 8)
    assert np.array_equal(labels[3:15, 4:24], segment(values[3:15, 4:24], **sigma))


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_what_is_outside_is_not_read(segmenter, dtype):
    segment, source = segmenter
    mask, values = blob(), source(SHAPE).astype(dtype)
    expected = segment(values, mask=mask)
    assert_inside(expected, mask, 8)
    # Edges belong to the pixel they start from: those that end outside, too.
    outside = np.repeat(~mask[..., None], values.shape[2], axis=2)
    if source is affinity_of:
        to = np.pad(mask, 1)
        outside[..., 0] |= ~to[1:-1, 2:]
        outside[..., 1] |= ~to[2:, 1:-1]
        outside[..., 2] |= ~to[2:, 2:]
        outside[..., 3] |= ~to[:-2, 2:]
    for value in (np.nan, np.inf, -7.0, 1e30, 0.0, 1.0):
        other = np.where(outside, dtype(value), values)
        assert np.array_equal(segment(other, mask=mask), expected)
    # What is inside still has to be right.
    values[5, 5] = np.nan
    with pytest.raises(ValueError, match="NaN"):
        segment(values, mask=mask)


def test_integer_images_inside_a_mask():
    image = (image_of(SHAPE) * 255).astype(np.uint8)
    expected = fh_image(image / 255, n_segments=9, mask=blob())
    assert np.array_equal(fh_image(image, n_segments=9, mask=blob()), expected)


def test_a_border_of_the_mask_is_no_edge_of_the_image():
    # Black outside would darken the rim of a bright area, and cut it off.
    image = np.where(blob(), 0.8, 0.0)
    labels = fh_image(image, scale=1e-6, min_size=0, sigma=2.0, mask=blob())
    assert_inside(labels, blob(), 8)
    assert labels.max() == 1


@pytest.mark.slow
@settings(max_examples=60, deadline=None)
@given(st.data())
def test_exactly_so_many_in_any_mask(masks, data):
    shape = data.draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    connectivity = data.draw(st.sampled_from([4, 8]))
    mask, inside, areas = data.draw(masks(shape, connectivity))
    k = data.draw(st.integers(areas, np.count_nonzero(inside)))
    affinity = np.random.default_rng(0).choice(
        [0.0, 1e-40, 0.5, 1.0], (*shape, connectivity // 2)
    )
    image = np.round(image_of(shape))
    for labels in (
        ers(affinity, k, mask=mask),
        fh(affinity, n_segments=k, mask=mask),
        fh_image(image, n_segments=k, mask=mask, connectivity=connectivity),
    ):
        assert assert_inside(labels, inside, connectivity) == k


def test_islands(exact):
    segment, source = exact
    mask, values = blob(), source(SHAPE)
    # The corner joins the two areas with eight neighbours.
    assert segment(values, mask=mask, n_segments=2).max() == 1
    with pytest.raises(ValueError, match="n_segments=1 is less than the 2 separate"):
        segment(values, mask=mask, n_segments=1)
    if source is image_of:
        four = {"connectivity": 4}
    else:
        four, values = {}, values[..., :2]
    assert segment(values, mask=mask, n_segments=3, **four).max() == 2
    with pytest.raises(ValueError, match="n_segments=2 is less than the 3 separate"):
        segment(values, mask=mask, n_segments=2, **four)


def test_small_islands_stay():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[3:9, 3:9] = mask[15, 15:17] = True
    labels = fh(np.ones((*SHAPE, 4)), min_size=30, mask=mask)
    assert np.bincount(labels[mask]).tolist() == [36, 2]


def test_default_min_size_is_that_of_the_pixels_inside():
    mask = blob()
    n = np.count_nonzero(mask)
    values, k = affinity_of(SHAPE), 4
    labels = fh(values, n_segments=k, mask=mask)
    own = fh(values, n_segments=k, mask=mask, min_size=n // (8 * k))
    other = fh(values, n_segments=k, mask=mask, min_size=mask.size // (8 * k))
    assert np.array_equal(labels, own)
    assert not np.array_equal(labels, other)


def test_one_pixel(segmenter):
    segment, source = segmenter
    mask = np.zeros(SHAPE, dtype=bool)
    mask[7, 8] = True
    labels = segment(source(SHAPE), mask=mask, n_segments=1)
    assert assert_inside(labels, mask, 4) == 1
    assert segment(source((1, 1)), mask=[[True]], n_segments=1).tolist() == [[0]]


@pytest.mark.parametrize("shape", [(1, 30), (30, 1)])
def test_thin_masks(exact, shape):
    segment, source = exact
    mask = np.ones(shape, dtype=bool)
    mask.flat[[0, 9, 10, 20]] = False
    for k in (3, 10, 26):
        labels = segment(source(shape), mask=mask, n_segments=k)
        assert assert_inside(labels, mask, 4) == k


def test_layout_of_the_mask_does_not_matter(segmenter):
    segment, source = segmenter
    mask = blob()
    expected = segment(source(SHAPE), mask=mask)
    read_only = mask.copy()
    read_only.flags.writeable = False
    strided = np.repeat(mask, 2, axis=1)[:, ::2]
    for same in (read_only, strided, np.asfortranarray(mask), mask.tolist()):
        assert np.array_equal(segment(source(SHAPE), mask=same), expected)


@pytest.mark.parametrize("channels", [2, 4])
def test_several_counts(channels):
    affinity, mask = affinity_of(SHAPE, channels), blob()
    n, counts = int(np.count_nonzero(mask)), [40, 3, 12, 40]
    maps = ers(affinity, counts, mask=mask)
    for count, labels in zip(counts, maps, strict=True):
        assert np.array_equal(labels, ers(affinity, count, mask=mask))
    maps, tree = ers(affinity, counts, mask=mask, nested=True, return_tree=True)
    assert tree.shape == (n - 3, 2)
    for count, labels in zip(counts, maps, strict=True):
        assert assert_inside(labels, mask, 2 * channels) == count
        assert np.array_equal(cut_tree(tree, count, shape=SHAPE, mask=mask), labels)
    fine, coarse = maps[0][mask], maps[1][mask]
    assert len(np.unique(np.stack([fine, coarse]), axis=1).T) == 40
    assert np.array_equal(maps[0], ers(affinity, 40, mask=mask))
    labels = cut_tree(tree, n, shape=SHAPE, mask=mask)
    assert assert_inside(labels, mask, 4) == n


def test_a_tree_inside_a_mask_of_one_area():
    mask = np.zeros(SHAPE, dtype=bool)
    mask[3:9, 4:10] = True
    labels, tree = ers(
        affinity_of(SHAPE), [1, 36], mask=mask, nested=True, return_tree=True
    )
    assert np.array_equal(labels[0], np.where(mask, 0, -1))
    assert np.array_equal(labels[0], ers(affinity_of(SHAPE), 1, mask=mask))
    assert np.array_equal(labels[0], cut_tree(tree, 1, shape=SHAPE, mask=mask))
    pixels = np.flatnonzero(mask)
    nodes = [*pixels, *range(mask.size, mask.size + 34)]
    assert np.array_equal(np.sort(tree.ravel()), nodes)


def test_trees_and_masks_that_do_not_belong_together():
    affinity, mask = affinity_of(SHAPE), blob()
    _, tree = ers(affinity, 9, mask=mask, nested=True, return_tree=True)
    with pytest.raises(ValueError, match="give the mask it was made with"):
        cut_tree(tree, 9, shape=SHAPE)
    with pytest.raises(ValueError, match="joins pixels outside the mask"):
        cut_tree(tree, 9, shape=SHAPE, mask=mask[::-1])
    with pytest.raises(ValueError, match="mask has shape"):
        cut_tree(tree, 9, shape=SHAPE, mask=mask[1:])
    with pytest.raises(ValueError, match="pixels of the mask"):
        cut_tree(tree, 300, shape=SHAPE, mask=mask)


@pytest.mark.parametrize(
    ("mask", "error", "message"),
    [
        (np.ones((20, 25), dtype=bool), ValueError, "same height and width"),
        (np.ones((*SHAPE, 1), dtype=bool), ValueError, "same height and width"),
        (np.ones(SHAPE), TypeError, "mask has dtype float64; give booleans"),
        (np.ones(SHAPE, dtype=np.uint8), TypeError, "mask has dtype uint8"),
        (np.zeros(SHAPE, dtype=bool), ValueError, "nothing is left to segment"),
        (np.ma.ones(SHAPE, dtype=bool), TypeError, "masked array"),
        (True, ValueError, "same height and width"),
    ],
)
def test_bad_masks(segmenter, mask, error, message):
    segment, source = segmenter
    with pytest.raises(error, match=message):
        segment(source(SHAPE), mask=mask)


def test_more_segments_than_pixels_inside(exact):
    segment, source = exact
    n = np.count_nonzero(blob())
    assert segment(source(SHAPE), mask=blob(), n_segments=int(n)).max() == n - 1
    with pytest.raises(ValueError, match=f"more than the {n} pixels of the mask"):
        segment(source(SHAPE), mask=blob(), n_segments=int(n) + 1)


@pytest.mark.parametrize("estimator", [ERSSuperpixels(9), FHSuperpixels(9)])
def test_estimators(estimator):
    images = [image_of(SHAPE), image_of((12, 30))]
    masks = [blob(), None]
    for labels, mask in zip(estimator.transform(images, masks), masks, strict=True):
        inside = np.ones((12, 30), dtype=bool) if mask is None else mask
        assert assert_inside(labels, inside, 8) == 9
    few, many = estimator.transform_counts(images, [4, 20], masks)[0]
    assert assert_inside(few, blob(), 8) == 4
    assert assert_inside(many, blob(), 8) == 20
    assert estimator.n_segments_ == [9, 9]


class Foreign(TransformerMixin, BaseEstimator):
    """A source of another package, which blurs the image."""

    def fit(self, X, y=None):
        return self

    def transform(self, X):
        return [RGBAffinity(connectivity=4).transform([blurred(x)])[0] for x in X]


def blurred(image):
    return gaussian(image, 2.0, channel_axis=-1)


def bands(image):
    return blurred(image).transpose(2, 0, 1)


def by_hand(affinity, n_segments, mask=None):
    """A segmenter of the user that looks at all edges."""
    total = affinity.sum(axis=2) > affinity.sum(axis=2).mean()
    return total.astype(int)


class Blur(torch.nn.Module):
    def forward(self, x):
        return torch.nn.functional.avg_pool2d(x, 5, 1, 2)


SEAL = {"weights": "bsds500", "device": "cpu"}
WITH_MASKS = {
    "ers": ERSSuperpixels(9),
    "snic": SNICSuperpixels(9),
    "slic": SLICSuperpixels(9),
    "fh": FHSuperpixels(9),
    "seal": SEALSuperpixels(9, **SEAL),
    "seal, alone": SEALSuperpixels(9, oversegmentation=1, connectivity=4, **SEAL),
    "pan": SEALSuperpixels(9),
    "canny": GraphSuperpixels(9, affinity=EdgeAffinity()),
    "sobel": GraphSuperpixels(9, affinity=EdgeAffinity("sobel"), segmenter="fh"),
    "features": GraphSuperpixels(9, affinity=FeatureAffinity(bands, scale=0.1)),
    "module": GraphSuperpixels(
        9, affinity=FeatureAffinity(Blur(), metric="l2", scale=0.1, device="cpu")
    ),
    "foreign": GraphSuperpixels(9, affinity=Foreign()),
    "by hand": GraphSuperpixels(9, segmenter=by_hand),
}


@pytest.fixture(scope="module", params=WITH_MASKS)
def with_masks(request, tmp_path_factory):
    estimator = WITH_MASKS[request.param]
    if request.param == "pan":
        path = tmp_path_factory.mktemp("pan") / "net.safetensors"
        write_weights(path, PAN(width=4))
        estimator = clone(estimator).set_params(weights=path)
    return estimator


def holding(image, value):
    return np.where(blob()[..., None], image, image.dtype.type(value))


@pytest.mark.parametrize("memory", [False, True])
def test_no_source_reads_what_is_outside(with_masks, tmp_path, memory):
    if memory:
        if "memory" not in with_masks.get_params():
            return
        with_masks = clone(with_masks).set_params(memory=str(tmp_path))
    image = image_of(SHAPE)
    small = (image * 255).astype(np.uint8)
    for one, values in ((image, (0, 1, np.nan, -7.0)), (small, (0, 255))):
        maps = [
            with_masks.transform([holding(one, value)], mask=[blob()])[0]
            for value in values
        ]
        assert all(np.array_equal(labels, maps[0]) for labels in maps)
    if not hasattr(with_masks, "predict_affinity"):
        return
    black, white = (
        with_masks.predict_affinity([holding(small, value)], mask=[blob()])[0]
        for value in (0, 255)
    )
    inside = edges_inside(blob(), black.shape[2])
    assert np.array_equal(black[inside], white[inside])


@pytest.mark.parametrize("item", ["edges", "oracle", 2, 4])
@pytest.mark.parametrize("segmenter", ["ers", "fh", by_hand])
def test_no_precomputed_item_is_read_outside(rng, item, segmenter):
    if item == "edges":
        source, values = EdgeAffinity("precomputed"), [0.0, 1.0, np.nan]
        one, outside = rng.random(SHAPE), ~blob()
    elif item == "oracle":
        source, values = OracleAffinity(), [0, 7, -1]
        one, outside = rng.integers(0, 3, SHAPE), ~blob()
    else:
        source, values = "precomputed", [0.0, 1.0, np.nan]
        one = affinity_of(SHAPE, item)
        outside = ~edges_inside(blob(), item)
    graph = GraphSuperpixels(9, affinity=source, segmenter=segmenter)
    maps = [
        graph.transform([np.where(outside, value, one)], mask=[blob()])[0]
        for value in values
    ]
    assert all(np.array_equal(labels, maps[0]) for labels in maps)


def test_a_full_mask_changes_no_bit_of_any_source(with_masks):
    image = (image_of(SHAPE) * 255).astype(np.uint8)
    full = np.ones(SHAPE, dtype=bool)
    (expected,) = with_masks.transform([image])
    assert np.array_equal(with_masks.transform([image], mask=[full])[0], expected)


def test_diagonals_inside_a_mask():
    affinity, mask = affinity_of(SHAPE, 2), blob()
    found = to_eight_connected(affinity, mask=mask)
    right, down = edges_inside(mask, 2).transpose(2, 0, 1)
    for i, j in np.ndindex(SHAPE[0] - 1, SHAPE[1] - 1):
        sides = []
        for channel, pairs, known in (
            (0, [(i, j), (i + 1, j)], right),
            (1, [(i, j), (i, j + 1)], down),
        ):
            values = [affinity[(*pair, channel)] for pair in pairs if known[pair]]
            sides += [np.mean(values)] if values else []
        expected = min(sides) / np.sqrt(2) if sides else 0
        assert found[i, j, 2] == pytest.approx(expected)
        assert found[i + 1, j, 3] == pytest.approx(expected)
    assert np.array_equal(
        to_eight_connected(affinity, mask=np.ones(SHAPE, dtype=bool))[:-1, :-1, 2],
        to_eight_connected(affinity)[:-1, :-1, 2],
    )
