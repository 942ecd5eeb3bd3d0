"""Orientation, scale and colours of samples, with their ground truth."""

import numpy as np
import pytest
from scipy.ndimage import binary_dilation

from seal_sk.affinity import binary_affinity, oracle_affinity
from seal_sk.pan.training import augmentation
from seal_sk.pan.training.augmentation import (
    disturb,
    jitter,
    resize_image,
    resize_labels,
    turn,
    turn_affinity,
    zoom,
)
from seal_sk.pan.training.samples import Samples

ALL_FLAGS = [(a, b, c) for a in (0, 1) for b in (0, 1) for c in (0, 1)]


def blocks(rng, shape=(6, 8), block=(4, 5)):
    return np.kron(rng.integers(0, 4, shape), np.ones(block, dtype=int))


@pytest.mark.parametrize("flags", ALL_FLAGS)
def test_affinities_turn_with_their_labels(rng, flags):
    labels = blocks(rng)
    affinity, known = binary_affinity(labels)
    affinity[~known] = np.nan
    turned = turn_affinity(affinity.transpose(2, 0, 1), flags)
    expected, known = binary_affinity(turn(labels, flags))
    expected[~known] = np.nan
    assert np.array_equal(turned, expected.transpose(2, 0, 1), equal_nan=True)


def test_eight_orientations(rng):
    array = rng.random((3, 4))
    turned = {turn(array, flags).tobytes() for flags in ALL_FLAGS}
    assert len(turned) == 8


def test_zoom_stays_inside_the_image(rng):
    sizes = [zoom(16, 20, 18, 40, rng) for _ in range(300)]
    assert all(h <= 18 and w <= 40 for h, w in sizes)
    heights = [h for h, _ in sizes]
    assert min(heights) < 13
    assert max(heights) == 18
    assert heights.count(16) > 50


def test_labels_and_image_zoom_alike(rng):
    labels = blocks(rng, block=(8, 8))
    image = np.repeat(labels[..., None] / 4, 3, axis=2).astype(np.float32)
    for shape in ((40, 50), (60, 77), (48, 64)):
        zoomed = resize_image(image, shape)
        maps = resize_labels(labels[None], shape)[0]
        assert zoomed.shape == (*shape, 3)
        # But for the pixels at boundaries they agree.
        off = np.abs(zoomed[..., 0] - maps / 4) > 0.02
        boundary = np.zeros(shape, dtype=bool)
        affinity, known = binary_affinity(maps)
        cut = (affinity == 0) & known
        boundary |= cut.any(axis=2)
        boundary = binary_dilation(boundary, np.ones((3, 3)), iterations=2)
        assert not (off & ~boundary).any()


def test_jitter_keeps_the_range_and_differs(rng):
    image = rng.random((12, 14, 3), dtype=np.float32)
    before = image.copy()
    results = [jitter(image, rng) for _ in range(200)]
    assert np.array_equal(image, before)
    for result in results:
        assert result.dtype == np.float32
        assert result.shape == image.shape
        assert result.min() >= 0
        assert result.max() <= 1
    same = [np.array_equal(result, image) for result in results]
    assert 5 < sum(same) < 80
    grey = [np.ptp(result, axis=2).max() == 0 for result in results]
    assert 1 <= sum(grey) < 30


def test_bands_are_never_mixed(rng):
    bands = np.zeros((8, 8, 5), dtype=np.float32)
    bands[..., 2] = 0.5
    for _ in range(50):
        assert np.ptp(jitter(bands, rng)[..., 2]) < 0.5


@pytest.mark.parametrize("n_bands", [1, 3, 5])
def test_half_of_the_samples_are_disturbed(rng, n_bands):
    image = rng.random((40, 32, n_bands), dtype=np.float32)
    before = image.copy()
    results = [disturb(image, rng) for _ in range(300)]
    assert np.array_equal(image, before)
    for result in results:
        assert result.dtype == np.float32
        assert result.shape == image.shape
        assert result.min() >= 0
        assert result.max() <= 1
    same = [np.array_equal(result, image) for result in results]
    assert 120 < sum(same) < 220
    # Haze and darkness leave less contrast, and blur less detail.
    assert min(result.std() for result in results) < 0.5 * image.std()


def test_compression_of_a_disturbed_sample(rng, monkeypatch):
    """Of the disturbances, only compression: edges of blocks of 8 pixels stand out."""
    for name in ("_HAZY", "_DARK", "_BLURRED", "_GRAINY", "_PEPPERED"):
        monkeypatch.setattr(augmentation, name, 0)
    monkeypatch.setattr(augmentation, "_COMPRESSED", 1)
    monkeypatch.setattr(augmentation, "_QUALITY", (8, 9))
    smooth = np.linspace(0.2, 0.8, 96, dtype=np.float32)
    image = np.repeat((smooth[:, None] + smooth)[..., None] / 2, 3, axis=2)
    image += rng.normal(0, 0.02, image.shape).astype(np.float32)
    results = (disturb(image, rng) for _ in range(20))
    result = next(r for r in results if not np.array_equal(r, image))
    steps = np.abs(np.diff(result[..., 1], axis=1)).mean(axis=0)
    at_blocks = np.arange(1, 96) % 8 == 0
    assert steps[at_blocks].mean() > 2 * steps[~at_blocks].mean()
    assert np.abs(result - image).mean() < 0.05


def test_mean_affinities_of_a_crop(rng):
    """Every place of the crop has the mean over the annotations, or NaN."""
    maps = [blocks(rng), blocks(rng)]
    maps[0][:3] = 9  # unknown to the first
    image = np.stack([maps[0] * 20, maps[1] * 20, maps[1]], -1).astype(np.uint8)
    samples = Samples(
        [image],
        [maps],
        [0],
        [2],
        crop_size=16,
        in_channels=3,
        edges=None,
        annotations="mean",
        ignore_label=9,
        seed=(0,),
    )
    assert len(samples) == 1
    unknown = 0
    for i in range(40):
        sample = samples.draw(i)
        pixels = np.rint(sample.image * 255).astype(int)
        first, second = pixels[2] // 20, pixels[1] // 20  # blue, green, red
        expected = oracle_affinity(
            [first, second], connectivity=4, ignore_label=9
        ).transpose(2, 0, 1)
        inside = np.ones_like(expected, dtype=bool)
        inside[0, :, -1] = inside[1, -1] = False
        assert np.isnan(sample.truth[~inside]).all()
        np.testing.assert_allclose(sample.truth[inside], expected[inside])
        unknown += (first == 9).any()
    assert unknown


@pytest.mark.parametrize("augmentation", ["full", "disturbed"])
def test_augmentation_draws_the_same_samples_again(scenes, augmentation):
    images, truths = scenes

    def make():
        return Samples(
            images,
            truths,
            range(len(images)),
            [1] * len(images),
            crop_size=32,
            in_channels=3,
            edges="skimage",
            augmentation=augmentation,
            seed=(1,),
        )

    first, second = make(), make()
    for i in (5, 0, 9):
        one, other = first.draw(i), second.draw(i)
        assert one.image.shape == (3, 32, 32)
        assert one.edges.shape == (1, 32, 32)
        assert np.array_equal(one.image, other.image)
        assert np.array_equal(one.edges, other.edges)
        assert np.array_equal(one.truth, other.truth)
