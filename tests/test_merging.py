"""Merging of regions against the formula, applied slowly."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from seal_sk import SEALSuperpixels, ers, fh, merge_regions, rgb_affinity
from seal_sk.datasets import make_scenes
from seal_sk.labels import relabel_consecutive, split_components
from seal_sk.metrics import asa_score, boundary_recall_score, contour_density
from seal_sk.segmentation.colors import fixed_colors
from seal_sk.segmentation.merging import cut_and_merge


def pairs_of(labels, affinity):
    """For each two neighbouring regions, affinities across edges and at corners."""
    found = {}
    height, width = labels.shape
    steps = [(0, 1), (1, 0), (1, 1), (-1, 1)][: affinity.shape[2]]
    for y in range(height):
        for x in range(width):
            for channel, (dy, dx) in enumerate(steps):
                v, u = y + dy, x + dx
                if not (0 <= v < height and u < width):
                    continue
                a, b = sorted((int(labels[y, x]), int(labels[v, u])))
                if a != b and a >= 0:
                    both = found.setdefault((a, b), ([], []))
                    both[channel > 1].append(float(affinity[y, x, channel]))
    return found


def worth(labels, pair, affinities, colors):
    p, q = (np.count_nonzero(labels == label) for label in pair)
    across = affinities[0] or affinities[1]
    a, h = np.mean(across), p * q / (p + q)
    d = 0.0
    if colors is not None:
        of_p, of_q = (colors[labels == label] for label in pair)
        variance = (p * of_p.var(axis=0) + q * of_q.var(axis=0)) / (p + q) + 10
        d = np.sqrt(np.sum((of_p.mean(axis=0) - of_q.mean(axis=0)) ** 2 / variance))
    odds = (1 - a + 1e-4) / (a + 1e-4)
    compact = (np.sqrt(h) / len(across)) ** 0.25
    return h * odds**0.375 * (0.7 + d) ** 0.75 * compact


def merged_slowly(labels, affinity, n_segments, image=None):
    labels = split_components(labels, connectivity=2 * affinity.shape[2])
    colors = None
    if image is not None:
        colors, steps = fixed_colors(image)
        if image.shape[2] == 5:
            colors = image * 257.0
        colors = colors / steps
    while len(np.unique(labels[labels >= 0])) > n_segments:
        found = pairs_of(labels, affinity)
        a, b = min(found, key=lambda pair: worth(labels, pair, found[pair], colors))
        labels = np.where(labels == b, a, labels)
    return relabel_consecutive(labels)


@st.composite
def problems(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    height, width = draw(st.integers(1, 8)), draw(st.integers(1, 8))
    labels = rng.integers(0, draw(st.integers(1, 30)), (height, width))
    affinity = rng.random((height, width, draw(st.sampled_from([2, 4]))))
    if draw(st.booleans()):
        affinity = affinity.astype(np.float32)
    image = None
    channels = draw(st.sampled_from([0, 1, 3, 5]))
    if channels:
        image = rng.integers(0, 256, (height, width, channels)).astype(np.uint8)
    return labels, affinity, image


@pytest.mark.slow
@given(problems(), st.integers(1, 8))
@settings(deadline=None, max_examples=150)
def test_equals_the_formula(problem, n_segments):
    labels, affinity, image = problem
    n_segments = min(n_segments, labels.size)
    merged = merge_regions(labels, affinity, n_segments, image=image)
    assert np.array_equal(merged, merged_slowly(labels, affinity, n_segments, image))


@pytest.mark.parametrize("connectivity", [4, 8])
@pytest.mark.parametrize("masked", [False, True])
def test_gives_exactly_so_many_regions(scenes, assert_label_map, connectivity, masked):
    image = scenes[0][0]
    mask = None
    if masked:
        mask = np.ones(image.shape[:2], dtype=bool)
        mask[:20] = mask[:, 30:35] = False
    affinity = rgb_affinity(image, connectivity=connectivity)
    fine = ers(affinity, 90, mask=mask)
    for count in (2, 17, 90):
        labels = merge_regions(fine, affinity, count, image=image)
        assert labels.max() + 1 == count
        again = split_components(labels, connectivity=connectivity)
        assert np.array_equal(again, labels)
        assert np.array_equal(labels < 0, fine < 0)
        # Every region is whole regions of the finer map.
        assert all(len(np.unique(labels[fine == i])) == 1 for i in range(90))


def test_what_is_hidden_does_not_count(scenes):
    image = scenes[0][0] / 255.0
    mask = np.ones(image.shape[:2], dtype=bool)
    mask[10:30, 10:30] = False
    affinity = rgb_affinity(image)
    fine = ers(affinity, 60, mask=mask)
    expected = merge_regions(fine, affinity, 20, image=image)
    image[~mask] = np.nan
    affinity[11:29, 11:29] = np.nan
    assert np.array_equal(merge_regions(fine, affinity, 20, image=image), expected)


def test_depth_and_labels_do_not_matter(scenes):
    image = scenes[0][0]
    affinity = rgb_affinity(image)
    fine = ers(affinity, 90)
    expected = merge_regions(fine, affinity, 30, image=image)
    for same in (image.astype(np.uint16) * 257, image / 255.0):
        assert np.array_equal(merge_regions(fine, affinity, 30, image=same), expected)
    for other in (fine.astype(np.uint64) + 2**63, (89 - fine).astype(np.int16)):
        assert np.array_equal(merge_regions(other, affinity, 30, image=image), expected)


@pytest.mark.parametrize("channels", [1, 3, 6])
def test_colours_of_any_number_of_bands_tell_regions_apart(channels):
    # Three stripes of equal affinities: the two that are alike are merged.
    image = np.zeros((6, 9, channels), dtype=np.uint8)
    image[:, 3:6], image[:, 6:] = 40, 200
    fine = np.repeat([[0, 1, 2]], 3, axis=1).repeat(6, axis=0)
    affinity = np.full((6, 9, 2), 0.5)
    merged = merge_regions(fine, affinity, 2, image=image)
    assert np.array_equal(np.unique(merged[:, :6]), [0])
    assert np.array_equal(np.unique(merged[:, 6:]), [1])


def test_wrong_input_is_refused():
    labels, affinity = np.arange(6).reshape(2, 3), np.full((2, 3, 2), 0.5)
    with pytest.raises(ValueError, match=r"affinity is \(2, 2\).*same height"):
        merge_regions(labels, affinity[:, :2], 2)
    for image, inside in ((3, labels), (1, np.where(labels, labels, -1))):
        with pytest.raises(ValueError, match=rf"image is \({image}, 3\).*same height"):
            merge_regions(inside, affinity, 2, image=np.zeros((image, 3)))
    with pytest.raises(ValueError, match=r"affinity has shape \(\); an affinity map"):
        merge_regions(labels, 5.0, 2)
    with pytest.raises(ValueError, match="n_segments=7 is more than the 6 pixels"):
        merge_regions(labels, affinity, 7)
    with pytest.raises(ValueError, match="n_segments=0"):
        merge_regions(labels, affinity, 0)
    with pytest.raises(TypeError, match="holds integers"):
        merge_regions(labels * 1.0, affinity, 2)
    with pytest.raises(ValueError, match=r"outside 0\.\.1"):
        merge_regions(labels, affinity * np.nan, 2)
    with pytest.raises(ValueError, match="labels masks every pixel"):
        merge_regions(np.full((2, 3), -1), affinity, 1)
    apart = np.array([[0, -1, 1], [0, -1, 1]])
    with pytest.raises(ValueError, match="less than the 2 separate areas"):
        merge_regions(apart, affinity, 1)
    assert np.array_equal(
        merge_regions(np.full((2, 3), 7), affinity, 2), np.zeros((2, 3))
    )


@pytest.mark.slow
@pytest.mark.parametrize("segmenter", ["auto", "ers", "fh"])
def test_superpixels_of_seal_are_merged(scenes, assert_label_map, segmenter):
    images = scenes[0]
    seal = SEALSuperpixels(
        20,
        weights="bsds500",
        segmenter=segmenter,
        oversegmentation=2.5,
        boundary_cost=None,
    )
    (learned,) = seal.set_params(connectivity=4).predict_affinity(images[:1])
    colors = rgb_affinity(images[0], connectivity=4)
    mixed = (2 * learned + colors) / 3
    fine = ers(mixed, 50) if segmenter == "ers" else fh(mixed, n_segments=50)
    expected = merge_regions(fine, learned, 20, image=images[0])
    assert np.array_equal(seal.transform(images[:1])[0], expected)
    few, many = seal.transform_counts(images[:1], [5, 20])[0]
    assert np.array_equal(many, expected)
    assert_label_map(few, images[0].shape[:2], 5)
    # No more superpixels than pixels to begin with.
    n = images[0][..., 0].size
    assert seal.set_params(n_segments=n - 1).transform(images[:1])[0].max() == n - 2
    with pytest.raises(ValueError, match="oversegmentation"):
        seal.set_params(oversegmentation=0.5).transform(images)


@pytest.mark.parametrize(
    ("ratio", "count", "fine"),
    # 1,600 pixels: at least 16 for each, but no fewer than twice as many, nor more
    # than one a pixel.
    [(4, 20, 80), (4, 40, 100), (4, 70, 140), (4, 900, 1600), (1.5, 80, 120)],
)
def test_superpixels_to_merge_are_no_specks(rng, ratio, count, fine):
    image = rng.integers(0, 256, (40, 40, 3), dtype=np.uint8)
    asked = []

    def cut(affinity, counts, mask):
        asked.extend(counts)
        return ers(affinity, counts)

    labels = cut_and_merge(
        rgb_affinity(image), image, count, cut=cut, oversegmentation=ratio
    )
    assert asked == [fine]
    assert labels.max() + 1 == count


@pytest.mark.slow
def test_merging_pays():
    images, truths = make_scenes(6, shape=(256, 256), random_state=0)
    scores = {}
    for ratio in (1, 4):
        seal = SEALSuperpixels(
            100, weights="bsds500", oversegmentation=ratio, boundary_cost=None
        )
        maps = seal.transform(images)
        scores[ratio] = [
            np.mean([score(y, m) for y, m in zip(truths, maps, strict=True)])
            for score in (asa_score, boundary_recall_score)
        ]
        scores[ratio].append(np.mean([contour_density(m) for m in maps]))
    assert scores[4][0] > scores[1][0] + 0.005
    # Shorter contours find nearly as much.
    assert scores[4][1] > scores[1][1] - 0.01
    assert scores[4][2] < scores[1][2]


@pytest.mark.slow
def test_counts_of_any_integer_type_are_honoured(scenes):
    images = scenes[0][:1]
    for n in (np.uint8(100), np.int8(60), np.uint16(100), np.int64(100)):
        seal = SEALSuperpixels(n, weights="bsds500")
        assert seal.transform(images)[0].max() + 1 == n
    counts = np.array([50, 100, 200], dtype=np.uint8)
    maps = seal.transform_counts(images, counts)[0]
    assert [labels.max() + 1 for labels in maps] == [50, 100, 200]
    # Any ratio begins with a superpixel a pixel at most.
    seal.set_params(oversegmentation=1e308)
    assert seal.transform(images)[0].max() + 1 == 100


def test_too_few_segments_for_the_mask_are_named_as_given(scenes):
    image = scenes[0][0]
    mask = np.zeros(image.shape[:2], dtype=bool)
    mask[::20, ::20] = True
    seal = SEALSuperpixels(1, weights="bsds500")
    with pytest.raises(ValueError, match="n_segments=1 is less than the 16"):
        seal.transform([image], mask=[mask])
