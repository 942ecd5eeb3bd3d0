"""SLIC, LSC and SEEDS: the libraries' results under this package's contract."""

import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from skimage.data import astronaut
from skimage.segmentation import slic as skimage_slic

from seal_sk import (
    LSCSuperpixels,
    SEEDSSuperpixels,
    SLICSuperpixels,
    lsc,
    seeds,
    slic,
)
from seal_sk.labels import merge_small, split_components

cv2 = pytest.importorskip("cv2")

FUNCTIONS = {"slic": slic, "lsc": lsc, "seeds": seeds}
OF_OPENCV = [lsc, seeds]


@pytest.fixture(params=list(FUNCTIONS))
def cut(request):
    return FUNCTIONS[request.param]


@pytest.fixture(scope="module")
def photograph():
    image = astronaut()[::4, ::3].copy()
    # Its values span the whole range.
    image[0, 0], image[0, 1] = 0, 255
    return image


def n_labels(labels):
    return int(labels.max()) + 1


# Contract


@pytest.fixture
def one_opencv_thread():
    """OpenCV's LSC depends on chance where several threads run it."""
    before = cv2.getNumThreads()
    cv2.setNumThreads(1)
    yield
    cv2.setNumThreads(before)


@pytest.mark.parametrize("count", [1, 2, 9, 10, 100, 700])
def test_label_maps_of_photographs(cut, photograph, assert_label_map, count):
    shape = photograph.shape[:2]
    labels = cut(photograph, count)
    assert_label_map(labels, shape, n_labels(labels), connectivity=4)
    assert_label_map(cut(photograph, count, exact=True), shape, count, connectivity=4)
    first = np.unique(labels, return_index=True)[1]
    assert np.array_equal(first, np.sort(first))


@pytest.mark.parametrize(
    ("cut", "least", "most"), [(slic, 0.4, 1.2), (lsc, 0.8, 1.25), (seeds, 0.35, 1.1)]
)
@pytest.mark.parametrize("count", [50, 200, 500])
def test_about_as_many_as_asked_for(cut, least, most, photograph, count):
    assert least * count <= n_labels(cut(photograph, count)) <= most * count


@pytest.mark.slow
def test_dtypes_change_nothing(cut, photograph):
    for image in (photograph, photograph[..., 0]):
        for exact in (False, True):
            expected = cut(image, 80, exact=exact)
            for same in (
                image.astype(np.uint16) * 257,
                (image / 255).astype(np.float32),
                image / 255,
                image.astype(">u2") * np.array(257, dtype=">u2"),
                np.asfortranarray(image),
                image[::-1][::-1],
            ):
                assert np.array_equal(cut(same, 80, exact=exact), expected)


@pytest.mark.slow
def test_grey_images(cut, photograph):
    grey = photograph[..., 1]
    expected = cut(grey, 60)
    assert np.array_equal(cut(grey[..., None], 60), expected)
    if cut in OF_OPENCV:
        assert np.array_equal(cut(np.repeat(grey[..., None], 3, axis=2), 60), expected)


def test_input_is_left_as_it_is(cut, photograph):
    image = (photograph / 255).astype(np.float64)
    before = image.copy()
    image.flags.writeable = False
    cut(image, 50, **({"sigma": 1.0} if cut is slic else {}))
    assert np.array_equal(image, before)


def test_uniform_images(cut, assert_label_map):
    for value in (0, 7, 255):
        image = np.full((30, 41, 3), value, dtype=np.uint8)
        assert_label_map(cut(image, 20, exact=True), (30, 41), 20, connectivity=4)
        labels = cut(image, 20)
        assert_label_map(labels, (30, 41), n_labels(labels), connectivity=4)
        assert n_labels(labels) == {slic: 20, lsc: 15, seeds: 2}[cut]


def test_quadrants(cut):
    image = np.zeros((40, 40, 3), dtype=np.uint8)
    image[:20, 20:] = 255, 0, 0
    image[20:, :20] = 0, 255, 0
    image[20:, 20:] = 0, 0, 255
    expected = np.repeat(np.repeat([[0, 1], [2, 3]], 20, axis=0), 20, axis=1)
    assert np.array_equal(cut(image, 4, exact=True), expected)


# What is small or thin: OpenCV itself ends the process or never returns on some of
# these, so they are tried in another.
SMALL = """
import numpy as np
from seal_sk import {name}
from seal_sk.labels import split_components
rng = np.random.default_rng(0)
shapes = [(h, w) for h in range(1, 10) for w in range(1, 10)]
shapes += [(1, 90), (90, 1), (2, 50), (6, 30), (9, 100), (150, 3), (15, 500), (500, 15)]
shapes += [(1714, 1), (886, 2)]
for h, w in shapes:
    for image in (np.zeros((h, w, 3)), rng.random((h, w, 3)), rng.random((h, w))):
        for count in sorted({{1, 2, 10, h * w // 4, h * w // 2, h * w}}):
            if not 1 <= count <= h * w:
                continue
            for parameters in {parameters}:
                labels = {name}(image, count, **parameters)
                n = labels.max() + 1
                assert labels.shape == (h, w) and labels.dtype == np.int32
                assert np.array_equal(split_components(labels), labels)
                if parameters.get("exact"):
                    assert n == count, (h, w, count, n)
print("done")
"""
PARAMETERS = {
    "slic": "({}, {'exact': True})",
    "lsc": "({}, {'exact': True, 'ratio': 0.5})",
    "seeds": "({}, {'exact': True}, {'n_levels': 2}, {'n_levels': 16, 'prior': 5})",
}


@pytest.mark.slow
@pytest.mark.parametrize("name", list(FUNCTIONS))
def test_small_and_thin_images(name):
    code = SMALL.format(name=name, parameters=PARAMETERS[name])
    result = subprocess.run(
        [sys.executable, "-W", "error", "-c", code],
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert (result.returncode, result.stdout) == (0, "done\n"), result.stderr


# Against the libraries


@pytest.mark.parametrize(
    "parameters",
    [
        {},
        {"compactness": 30.0},
        {"sigma": 1.5},
        {"slic_zero": True},
        {"max_iter": 2},
    ],
)
def test_slic_is_scikit_images_on_a_full_range(photograph, parameters):
    labels = slic(photograph, 150, **parameters)
    renamed = {"compactness": 10.0, **parameters}
    renamed["max_num_iter"] = renamed.pop("max_iter", 10)
    expected = skimage_slic(photograph, 150, start_label=0, **renamed)
    assert n_labels(labels) == n_labels(expected)
    # A pixel here and there, where rounding decides.
    assert np.mean(labels == expected) > 0.999


def test_slic_does_not_depend_on_the_range_of_values(photograph):
    # A bright pixel far away changes what scikit-image sees everywhere.
    dark = photograph // 3
    spot = dark.copy()
    spot[-1, -1] = 255
    labels, with_spot = slic(dark, 100), slic(spot, 100)
    assert np.mean(labels[:64] == with_spot[:64]) > 0.99
    theirs = [skimage_slic(image, 100, start_label=0) for image in (dark, spot)]
    assert np.mean(theirs[0][:64] == theirs[1][:64]) < 0.9


def test_slic_of_many_bands_is_scikit_images(photograph):
    bands = np.concatenate([photograph, photograph[:, ::-1]], axis=2)
    expected = skimage_slic(
        bands, 100, compactness=0.1, convert2lab=False, start_label=0
    )
    assert np.array_equal(slic(bands, 100), expected)


@pytest.mark.usefixtures("one_opencv_thread")
def test_lsc_is_opencvs_clusters_joined(photograph):
    smooth = cv2.GaussianBlur(photograph, (3, 3), 0)
    lab = cv2.cvtColor(smooth, cv2.COLOR_RGB2LAB)
    n_pixels = lab.shape[0] * lab.shape[1]
    theirs = cv2.ximgproc.createSuperpixelLSC(lab, round((n_pixels / 90) ** 0.5), 0.075)
    theirs.iterate(10)
    colors = lab * np.float32([100 / 255, 1, 1])
    expected = merge_small(theirs.getLabels(), n_pixels // 360, image=colors)
    assert np.array_equal(lsc(photograph, 90), expected)


@pytest.mark.parametrize("cut", OF_OPENCV)
@pytest.mark.usefixtures("one_opencv_thread")
def test_connected_labels_of_opencv_are_kept(cut, assert_same_partition):
    # Smooth colours: nothing has to be joined.
    ramp = np.linspace(0, 255, 120)
    image = np.stack(np.broadcast_arrays(ramp, ramp[::-1, None], 128), axis=-1)
    image = image.astype(np.uint8)
    if cut is lsc:
        image_of = cv2.GaussianBlur(image, (3, 3), 0)
        lab = cv2.cvtColor(image_of, cv2.COLOR_RGB2LAB)
        theirs = cv2.ximgproc.createSuperpixelLSC(lab, 20, 0.5)
        ours = lsc(image, 36, ratio=0.5)
    else:
        lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB)
        theirs = cv2.ximgproc.createSuperpixelSEEDS(120, 120, 3, 36, 4, 5, 5, True)
        ours = seeds(image, 36, prior=5)
    theirs.iterate(lab, 10) if cut is seeds else theirs.iterate(10)
    assert_same_partition(ours, theirs.getLabels())


# Determinism


@pytest.mark.slow
@pytest.mark.parametrize("cut", OF_OPENCV)
def test_threads_of_opencv_change_nothing(cut, photograph):
    image = np.tile(photograph, (2, 2, 1))
    before = cv2.getNumThreads()
    try:
        results = []
        for n_threads in (1, 2, 7, 7):
            cv2.setNumThreads(n_threads)
            results.append(cut(image, 200))
            assert cv2.getNumThreads() == n_threads
    finally:
        cv2.setNumThreads(before)
    for labels in results[1:]:
        assert np.array_equal(labels, results[0])


def test_threads_of_python_change_nothing(cut, photograph):
    images = [photograph[i:] for i in range(6)]
    before = cv2.getNumThreads()
    with ThreadPoolExecutor(6) as pool:
        maps = list(pool.map(lambda image: cut(image, 50), images))
    assert cv2.getNumThreads() == before
    for image, labels in zip(images, maps, strict=True):
        assert np.array_equal(labels, cut(image, 50))


def test_the_number_of_threads_comes_back_after_an_error(photograph, monkeypatch):
    before = cv2.getNumThreads()

    def fail(*_):
        raise cv2.error("no memory")

    monkeypatch.setattr(cv2.ximgproc, "createSuperpixelLSC", fail)
    with pytest.raises(cv2.error):
        lsc(photograph, 10)
    assert cv2.getNumThreads() == before


# Masks


@pytest.fixture(scope="module")
def mask():
    """Two regions, and an island of one pixel."""
    mask = np.zeros((128, 171), dtype=bool)
    mask[10:100, 20:90] = True
    mask[40:60, 40:50] = False
    mask[70:120, 110:160] = True
    mask[2, 2] = True
    return mask


@pytest.mark.parametrize("exact", [False, True])
@pytest.mark.parametrize("count", [3, 40, 300])
def test_masks(photograph, mask, count, exact, assert_label_map):
    labels = slic(photograph, count, mask=mask, exact=exact)
    assert np.array_equal(labels < 0, ~mask)
    assert labels.min() == -1
    inside = np.where(mask, labels, -1)
    n = n_labels(labels)
    assert n == count or not exact
    assert np.array_equal(np.unique(inside), np.arange(-1, n))
    assert np.array_equal(split_components(labels), labels)


@pytest.mark.parametrize("sigma", [0.0, 2.0])
def test_what_is_outside_a_mask_does_not_count(photograph, mask, sigma):
    expected = slic(photograph, 60, sigma=sigma, mask=mask)
    other = photograph.copy()
    other[~mask] = 255 - other[~mask]
    assert np.array_equal(slic(other, 60, sigma=sigma, mask=mask), expected)
    holes = photograph / 255
    for value in (np.nan, np.inf, -1e300):
        holes[~mask] = value
        assert np.array_equal(slic(holes, 60, sigma=sigma, mask=mask), expected)


def test_a_full_mask_changes_nothing(photograph):
    full = np.ones(photograph.shape[:2], dtype=bool)
    for exact in (False, True):
        expected = slic(photograph, 60, exact=exact)
        assert np.array_equal(slic(photograph, 60, mask=full, exact=exact), expected)


def test_clusters_without_pixels_are_no_warning():
    # Centres of k-means on this mask lose all their pixels.
    rng = np.random.default_rng(1)
    mask = np.zeros((60, 80), dtype=bool)
    yy, xx = np.mgrid[:60, :80]
    for _ in range(5):
        y, x, r = rng.integers(0, 60), rng.integers(0, 80), rng.integers(1, 9)
        mask |= (yy - y) ** 2 + (xx - x) ** 2 <= r * r
    image = np.random.default_rng(0).random((60, 80, 3))
    with pytest.warns(UserWarning, match="clusters is empty"):
        skimage_slic(image, 20, mask=mask)
    assert n_labels(slic(image, 20, mask=mask, exact=True)) == 20


def test_masks_through_the_estimator(photograph, mask):
    superpixels = SLICSuperpixels(40, exact=True, n_jobs=2)
    first, second = superpixels.transform([photograph, photograph], mask=[mask, None])
    assert np.array_equal(first, slic(photograph, 40, mask=mask, exact=True))
    assert np.array_equal(second, slic(photograph, 40, exact=True))
    for estimator in (LSCSuperpixels(40), SEEDSSuperpixels(40)):
        with pytest.raises(ValueError, match="can't be confined to a mask"):
            estimator.transform([photograph], mask=[mask])


# What is refused

IMAGE = np.zeros((20, 24, 3), dtype=np.uint8)
BAD = [
    ({"n_segments": 0}, ValueError, "n_segments=0 must be at least 1"),
    ({"n_segments": 2.5}, TypeError, "n_segments=2.5 must be an integer"),
    ({"n_segments": 481}, ValueError, "more than the 480 pixels"),
    ({"max_iter": 0}, ValueError, "max_iter=0 must be at least 1"),
    ({"max_iter": 1.5}, TypeError, "max_iter=1.5 must be an integer"),
    ({"image": IMAGE.astype(int)}, TypeError, "dtype int64"),
    ({"image": np.zeros((20, 24, 4))}, ValueError, "alpha"),
    ({"image": np.full((20, 24), np.nan)}, ValueError, "NaN"),
    ({"image": IMAGE * 1.0 + 9}, ValueError, "must lie in 0..1"),
]
BAD_OF_ONE = [
    (slic, {"compactness": 0}, ValueError, "compactness=0.0 must be finite and above"),
    (slic, {"compactness": np.inf}, ValueError, "must be finite"),
    (slic, {"sigma": -1}, ValueError, "sigma=-1.0"),
    (slic, {"sigma": 1e6}, ValueError, "too large for an image of 20 x 24"),
    (slic, {"mask": np.ones((3, 3), bool)}, ValueError, "same height and width"),
    (slic, {"mask": np.ones((20, 24), int)}, TypeError, "give booleans"),
    (slic, {"mask": np.zeros((20, 24), bool)}, ValueError, "False everywhere"),
    (lsc, {"ratio": -0.1}, ValueError, "ratio=-0.1 must be finite and at least"),
    (
        lsc,
        {"image": np.zeros((20, 24, 7))},
        ValueError,
        r"7 channels; .* three \(RGB\)",
    ),
    (
        seeds,
        {"image": np.zeros((20, 24, 7))},
        ValueError,
        r"7 channels; .* three \(RGB\)",
    ),
    (seeds, {"n_levels": 1}, ValueError, "n_levels=1 must be at least 2"),
    (seeds, {"n_levels": 17}, ValueError, "n_levels=17 must be at most 16"),
    (seeds, {"prior": 6}, ValueError, "prior=6 must be at most 5"),
    (seeds, {"prior": -1}, ValueError, "prior=-1 must be at least 0"),
    (seeds, {"n_bins": 0}, ValueError, "n_bins=0 must be at least 1"),
    (seeds, {"n_bins": 900}, ValueError, "n_bins=900, .* lower one of them"),
]


@pytest.mark.parametrize(("wrong", "error", "message"), BAD)
def test_bad_input(cut, wrong, error, message):
    with pytest.raises(error, match=message):
        cut(**{"image": IMAGE, "n_segments": 10, **wrong})


@pytest.mark.parametrize(("cut", "wrong", "error", "message"), BAD_OF_ONE)
def test_bad_input_of_one(cut, wrong, error, message):
    with pytest.raises(error, match=message):
        cut(**{"image": IMAGE, "n_segments": 10, **wrong})


def test_fewer_segments_than_regions_of_the_mask(mask):
    image = np.zeros(mask.shape)
    with pytest.raises(ValueError, match="less than the 3 separate areas"):
        slic(image, 2, mask=mask, exact=True)
    assert n_labels(slic(image, 2, mask=mask)) == 3


@pytest.mark.parametrize("compactness", [1e-300, 1e-9, 1e300])
def test_any_compactness(compactness, photograph, assert_label_map):
    labels = slic(photograph, 50, compactness=compactness, exact=True)
    assert_label_map(labels, photograph.shape[:2], 50, connectivity=4)


def test_estimators_refuse_many_bands():
    bands = [np.zeros((20, 24, 7), dtype=np.uint8)]
    for estimator in (LSCSuperpixels(5), SEEDSSuperpixels(5)):
        with pytest.raises(
            ValueError, match=r"X\[0\] has 7 channels; .* three \(RGB\)"
        ):
            estimator.fit(bands)


@pytest.mark.parametrize("missing", ["cv2", "cv2.ximgproc"])
@pytest.mark.parametrize("cut", OF_OPENCV)
def test_without_opencv(cut, missing, monkeypatch):
    if missing == "cv2":
        monkeypatch.setitem(sys.modules, "cv2", None)
    else:
        # OpenCV without its contributed modules.
        monkeypatch.delattr(cv2, "ximgproc")
    with pytest.raises(ImportError, match=r'pip install "seal_sk\[opencv\]"'):
        cut(IMAGE, 5)


@pytest.mark.parametrize("compactness", [1e-153, 1e-160, 1e-320])
@pytest.mark.parametrize("slic_zero", [False, True])
def test_the_smallest_compactness_of_slic(compactness, slic_zero):
    image = np.random.default_rng(0).integers(0, 255, (20, 24)).astype(np.uint8)
    mask = np.ones(image.shape, dtype=bool)
    mask[:2] = False
    for inside in (None, mask):
        options = {"slic_zero": slic_zero, "mask": inside}
        want = slic(image, 100, compactness=1e-100, **options)
        assert np.array_equal(
            slic(image, 100, compactness=compactness, **options), want
        )
