"""Grey, colour and multispectral images through everything that takes them."""

import numpy as np
import pytest

from seal_sk import ers, fh_image, rgb_affinity, slic, snic

SEGMENTERS = {
    "ers": lambda image, n: ers(rgb_affinity(image), n),
    "fh_image": lambda image, n: fh_image(image, n_segments=n),
    "slic": lambda image, n: slic(image, n, exact=True),
    "snic": lambda image, n: snic(image, n, exact=True),
}


@pytest.fixture(params=list(SEGMENTERS))
def cut(request):
    return SEGMENTERS[request.param]


def bands(n_bands):
    """Smooth, noisy fields in 8 bits, each band another one."""
    from scipy.ndimage import gaussian_filter

    rng = np.random.default_rng(n_bands)
    fields = gaussian_filter(rng.normal(size=(48, 60, n_bands)), (4, 4, 0))
    fields = 128 + 300 * fields + rng.normal(scale=6, size=fields.shape)
    return fields.clip(0, 255).astype(np.uint8)


@pytest.mark.parametrize("n_bands", [1, 3, 5, 7])
def test_dtypes_change_nothing(cut, n_bands, assert_label_map):
    image = bands(n_bands)
    labels = cut(image, 30)
    assert_label_map(labels, (48, 60), 30)
    wide = image.astype(np.uint16) * 257
    for same in (wide, wide / 65535, (image / 255).astype(np.float32)):
        assert np.array_equal(cut(same, 30), labels)


def test_the_order_of_bands_changes_nothing(cut, assert_same_partition):
    image = bands(7)
    labels = cut(image, 30)
    for order in ([6, 5, 4, 3, 2, 1, 0], [3, 0, 6, 1, 5, 2, 4]):
        assert_same_partition(cut(image[:, :, order], 30), labels)


def test_every_band_counts(cut):
    image = np.full((20, 30, 7), 30000, dtype=np.uint16)
    expected = np.repeat([[0] * 15 + [1] * 15], 20, axis=0)
    for band in range(7):
        one = image.copy()
        one[:, 15:, band] = 60000
        assert np.array_equal(cut(one, 2), expected)


def test_affinity_is_of_the_mean_difference():
    image = bands(7).astype(np.float64) / 255
    affinity = rgb_affinity(image, sigma=5.0, connectivity=4)
    for y, x in ((0, 0), (20, 31), (47, 58)):
        difference = np.mean(np.abs(image[y, x + 1] - image[y, x])) * 255
        expected = np.exp(-((difference / 5.0) ** 2) / 2)
        assert affinity[y, x, 0] == pytest.approx(expected, rel=1e-5)
