"""Transformers to affinity maps: the contract they all keep, and each one's own."""

import pickle
import subprocess
import sys
import threading

import numpy as np
import pytest
import torch
from sklearn import config_context
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

from seal_sk import (
    EdgeAffinity,
    FeatureAffinity,
    OracleAffinity,
    RGBAffinity,
    edge_affinity,
    feature_affinity,
    oracle_affinity,
    rgb_affinity,
)
from seal_sk.affinity.edges import canny
from seal_sk.datasets.lazy import LazySequence

FILTERS = ["farid", "prewitt", "roberts", "scharr", "sobel"]


def brightness(image):
    return (image / 255.0).max(axis=2)


def bands(image):
    return image.transpose(2, 0, 1)


class Strided(torch.nn.Module):
    """What `transform` must not change: dropout on, gradients, running figures."""

    def __init__(self, stride=1):
        super().__init__()
        self.conv = torch.nn.Conv2d(3, 5, 3, stride=stride, padding=1)
        self.norm = torch.nn.BatchNorm2d(5)
        self.drop = torch.nn.Dropout(0.5)

    def forward(self, images):
        assert torch.is_inference_mode_enabled()
        assert images.dtype == torch.float32
        assert images.max() <= 1
        return self.drop(self.norm(self.conv(images)))


class Returning(torch.nn.Module):
    def __init__(self, answer):
        super().__init__()
        self.answer = answer

    def forward(self, images):
        return self.answer(images)


SOURCES = {
    "rgb": RGBAffinity(),
    "canny": EdgeAffinity(),
    **{name: EdgeAffinity(name) for name in FILTERS},
    "edge callable": EdgeAffinity(brightness),
    "edge maps": EdgeAffinity("precomputed"),
    "callable": FeatureAffinity(bands, metric="l2"),
    "module": FeatureAffinity(Strided()),
    "feature maps": FeatureAffinity("precomputed"),
    "oracle": OracleAffinity(),
}
NAMES = list(SOURCES)


@pytest.fixture(params=NAMES)
def name(request):
    return request.param


@pytest.fixture
def source(name):
    return clone(SOURCES[name])


@pytest.fixture(scope="module")
def inputs(scenes):
    """For each source what it takes; images differ in size."""
    images = [scenes[0][0], scenes[0][1][:40], scenes[0][2][:, :31]]
    truths = [scenes[1][0], scenes[1][1][:40], [scenes[1][2][:, :31]] * 2]
    found = dict.fromkeys(NAMES, images)
    found["edge maps"] = [brightness(image) for image in images]
    found["feature maps"] = [bands(image) for image in images]
    found["oracle"] = truths
    return found


def assert_same(maps, expected):
    for affinity, same in zip(maps, expected, strict=True):
        assert affinity.dtype == np.float32
        assert np.array_equal(affinity, same)


def test_the_contract(name, source, inputs):
    X = inputs[name]
    assert source.fit(X) is source
    with config_context(transform_output="pandas"):
        maps = source.transform(X)
    assert isinstance(maps, list)
    for image, affinity in zip(inputs["rgb"], maps, strict=True):
        assert affinity.shape == (*image.shape[:2], 4)
        assert affinity.dtype == np.float32
        assert affinity.flags.c_contiguous
        assert affinity.min() == 0
        assert 0.01 < affinity[:-1, :-1, :2].mean() <= affinity.max() <= 1
        assert not affinity[:, -1, 0].any()
        assert not affinity[-1, :, 1].any()
    four = source.set_params(connectivity=4).transform(X)
    assert_same(four, [affinity[..., :2] for affinity in maps])


def test_however_it_is_called(name, source, inputs):
    X = inputs[name]
    expected = source.fit(X).transform(X)
    assert_same(clone(source).fit_transform(X), expected)
    for n_jobs in (2, -1):
        assert_same(clone(source).set_params(n_jobs=n_jobs).fit_transform(X), expected)
    assert_same(pickle.loads(pickle.dumps(source)).transform(X), expected)
    assert_same(source.transform(X[::-1])[::-1], expected)
    lazy = LazySequence(X.__getitem__, range(len(X)))
    assert_same(clone(source).fit(lazy).transform(lazy), expected)
    assert_same(clone(source).fit_transform(tuple(X)), expected)
    # What GraphSuperpixels asks for.
    checked = [source._check_input(item, name="X") for item in X]
    assert_same(source._affinities(iter(checked)), expected)
    assert_same([source._affinity(item) for item in checked], expected)


def test_input_is_left_alone(name, source, inputs):
    X = inputs[name]
    expected = source.fit(X).transform(X)
    before = [np.array(item) for item in X]
    frozen = [item.copy() for item in before]
    for item in frozen:
        item.flags.writeable = False
    assert_same(source.transform(frozen), expected)
    assert all(np.array_equal(a, b) for a, b in zip(X, before, strict=True))


@pytest.mark.parametrize("name", ["rgb", "canny", *FILTERS])
def test_transposing_swaps_right_and_down(source, inputs):
    X = inputs["rgb"][:1]
    (affinity,) = source.transform(X)
    (turned,) = source.transform([X[0].swapaxes(0, 1)])
    np.testing.assert_allclose(turned[..., 1].T, affinity[..., 0], atol=1e-5)
    np.testing.assert_allclose(turned[..., 0].T, affinity[..., 1], atol=1e-5)


@pytest.mark.parametrize("name", ["rgb", "canny", *FILTERS])
def test_any_number_of_channels_and_dtype(source, inputs):
    image = inputs["rgb"][0]
    expected = source.transform([image])
    for same in (
        image / 255.0,
        (image / 255.0).astype(np.float32),
        image.astype(np.uint16) * 257,
    ):
        assert_same(source.transform([same]), expected)
    grey = image[..., 0]
    maps = source.transform(
        [grey, grey[..., None], np.stack([grey] * 3, axis=2), np.stack([grey] * 7, 2)]
    )
    for affinity in maps[1:]:
        np.testing.assert_allclose(affinity, maps[0], atol=1e-5)


def test_which_function(inputs):
    images, truths = inputs["rgb"], inputs["oracle"]
    assert_same(
        RGBAffinity(sigma=9, connectivity=4).transform(images),
        [rgb_affinity(image, sigma=9, connectivity=4) for image in images],
    )
    assert_same(
        EdgeAffinity().transform(images),
        [edge_affinity(canny(image, "skimage")) for image in images],
    )
    expected = [edge_affinity(brightness(image)) for image in images]
    assert_same(EdgeAffinity(brightness).transform(images), expected)
    assert_same(EdgeAffinity("precomputed").transform(inputs["edge maps"]), expected)
    assert_same(
        FeatureAffinity("precomputed", scale=0.2).transform(inputs["feature maps"]),
        [feature_affinity(bands(image), scale=0.2) for image in images],
    )
    assert_same(
        OracleAffinity(ignore_label=1).transform(truths),
        [oracle_affinity(truth, ignore_label=1) for truth in truths],
    )


def test_the_gradient_of_a_step():
    # scikit-image's filters give 0.71 times the height of a straight step.
    image = np.zeros((9, 10))
    image[:, 5:] = 0.06
    (affinity,) = EdgeAffinity("sobel", connectivity=4).transform([image])
    edge = 1 - np.exp(-((0.06 / np.sqrt(2) / 0.03) ** 2) / 2)
    np.testing.assert_allclose(
        affinity[4, :, 0], [1] * 3 + [1 - edge] * 3 + [1] * 3 + [0]
    )


def test_the_scale_is_that_of_all_images(inputs):
    X = inputs["feature maps"]
    for metric, share in (("cosine", 0.5), ("l2", 0.75)):
        source = FeatureAffinity("precomputed", metric=metric).fit(X)
        distances = []
        for features in X:
            f = features.astype(float)
            for a, b in ((f[:, :, :-1], f[:, :, 1:]), (f[:, :-1], f[:, 1:])):
                if metric == "l2":
                    d = np.sqrt(((a - b) ** 2).sum(axis=0))
                else:
                    lengths = np.linalg.norm(a, axis=0) * np.linalg.norm(b, axis=0)
                    d = 1 - (a * b).sum(axis=0) / lengths
                distances.append(d.ravel())
        mean = np.concatenate(distances).mean()
        assert source.scale_ == pytest.approx(share * mean, rel=1e-6)
        assert_same(
            source.transform(X),
            [feature_affinity(f, metric=metric, scale=source.scale_) for f in X],
        )
    # Of one image, it is what the function estimates.
    assert_same(
        source.fit(X[:1]).transform(X[:1]), [feature_affinity(X[0], metric="l2")]
    )
    assert source.set_params(scale=3).fit(X).scale_ == 3


def test_unfitted(inputs):
    with pytest.raises(NotFittedError, match="fit"):
        FeatureAffinity(bands).transform(inputs["rgb"])
    assert len(FeatureAffinity(bands, scale=1).transform(inputs["rgb"])) == 3
    assert not FeatureAffinity(bands, scale=1).__sklearn_tags__().requires_fit
    assert FeatureAffinity(bands).__sklearn_tags__().requires_fit


def test_a_scale_needs_differences():
    with pytest.raises(ValueError, match="set scale, or give other images"):
        FeatureAffinity(bands).fit([np.zeros((5, 6, 3), np.uint8)])
    with pytest.raises(ValueError, match="set scale, or give other images"):
        FeatureAffinity(bands).fit([np.zeros((1, 1, 3), np.uint8)])


def test_a_module_is_left_as_it_was(inputs):
    module = Strided().train()
    before = {key: value.clone() for key, value in module.state_dict().items()}
    torch.manual_seed(3)
    state = torch.get_rng_state()
    source = FeatureAffinity(module)
    maps = source.fit_transform(inputs["rgb"])
    assert source.features is module
    assert module.training
    assert module.drop.training
    assert all(p.requires_grad and p.grad is None for p in module.parameters())
    assert all(torch.equal(v, before[k]) for k, v in module.state_dict().items())
    assert torch.equal(torch.get_rng_state(), state)
    with torch.inference_mode():
        image = torch.from_numpy(inputs["rgb"][0].transpose(2, 0, 1) / np.float32(255))
        features = module.eval()(image[None])[0].numpy()
    assert np.array_equal(maps[0], feature_affinity(features, scale=source.scale_))


def test_a_network_with_strides_is_resized(inputs):
    image = inputs["rgb"][1]
    module = Strided(stride=4).eval()
    (affinity,) = FeatureAffinity(module, scale=0.1).transform([image])
    with torch.inference_mode():
        small = module(
            torch.from_numpy(image.transpose(2, 0, 1) / np.float32(255))[None]
        )
        large = torch.nn.functional.interpolate(
            small, image.shape[:2], mode="bilinear", align_corners=False
        )
    assert np.array_equal(affinity, feature_affinity(large[0].numpy(), scale=0.1))


def test_modules_see_grey_as_rgb(inputs):
    grey = inputs["rgb"][0][..., :1]
    maps = FeatureAffinity(Strided(), scale=1).transform([grey, np.repeat(grey, 3, 2)])
    assert np.array_equal(*maps)
    one_of_three = Returning(lambda images: images[0, :1])
    assert FeatureAffinity(one_of_three, scale=1).transform([grey])[0].shape[2] == 4


def test_callables_are_called_from_one_thread(inputs):
    seen = set()

    def edges(image):
        seen.add(threading.get_ident())
        return brightness(image)

    def features(image):
        seen.add(threading.get_ident())
        return bands(image)

    EdgeAffinity(edges, n_jobs=3).fit_transform(inputs["rgb"])
    FeatureAffinity(features, n_jobs=3).fit_transform(inputs["rgb"])
    assert seen == {threading.get_ident()}


def test_callables_get_the_image_as_it_is(inputs):
    image = inputs["rgb"][0][..., 0].astype(np.uint16)

    def edges(given):
        assert given.dtype == np.uint16
        assert np.array_equal(given, image[..., None])
        return np.zeros(given.shape[:2])

    EdgeAffinity(edges).transform([image])


@pytest.mark.slow
def test_torch_and_skimage_stay_out():
    code = (
        "import sys, numpy as np;"
        "from seal_sk import EdgeAffinity, FeatureAffinity, RGBAffinity;"
        "X = [np.random.rand(3, 9, 9)];"
        "FeatureAffinity('precomputed').fit_transform(X);"
        "FeatureAffinity(lambda image: image.T).fit_transform([X[0].T]);"
        "EdgeAffinity('precomputed').fit_transform([X[0][0]]);"
        "RGBAffinity().fit_transform([X[0].T]);"
        "print([m for m in ('torch', 'skimage') if m in sys.modules])"
    )
    found = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert found.stdout.strip() == "[]"


IMAGE = np.zeros((20, 24, 3), dtype=np.uint8)
HALF = np.full((20, 24), 0.5)
WRONG = [
    (EdgeAffinity("precomputed"), [HALF, HALF + 1], r"X\[1\] is floating .* in 0..1"),
    (EdgeAffinity("precomputed"), [HALF, HALF * np.nan], r"X\[1\] holds NaN"),
    (EdgeAffinity("precomputed"), [IMAGE], r"X\[0\] has shape .*; an edge map is \(H"),
    (EdgeAffinity("precomputed"), HALF, r"pass \[image\]"),
    (
        EdgeAffinity(lambda image: HALF[:9]),
        [IMAGE],
        r"edges\(image\) is 9 x 24, but",
    ),
    (EdgeAffinity(lambda image: HALF + 9), [IMAGE], r"edges\(image\) .* in 9.5..9.5"),
    (EdgeAffinity(lambda image: image), [IMAGE], r"edges\(image\) has shape"),
    (EdgeAffinity("laplace"), [IMAGE], "'edges' parameter"),
    (EdgeAffinity(connectivity=6), [IMAGE], "'connectivity' parameter"),
    (RGBAffinity(sigma=0), [IMAGE], "'sigma' parameter"),
    (RGBAffinity(), [IMAGE, IMAGE[..., :2]], r"X\[1\] has 2 channels"),
    (RGBAffinity(), [], "X is empty"),
    (FeatureAffinity("conv1_1"), [IMAGE], "'features' parameter"),
    (FeatureAffinity(bands, metric="l1"), [IMAGE], "'metric' parameter"),
    (FeatureAffinity(bands, scale=0), [IMAGE], "'scale' parameter"),
    (FeatureAffinity("precomputed", scale=1), [HALF], r"X\[0\] .* \(C, H, W\)"),
    (
        FeatureAffinity(lambda i: i, scale=1),
        [IMAGE],
        r"features\(image\) .* 24 x 3, but",
    ),
    (FeatureAffinity(lambda i: HALF, scale=1), [IMAGE], r"features\(image\) .* shape"),
    (
        FeatureAffinity(lambda i: bands(i) * np.nan, scale=1),
        [IMAGE],
        r"\(image\) holds NaN",
    ),
    (
        FeatureAffinity(Strided(), scale=1),
        [np.zeros((9, 9, 5))],
        r"X\[0\] has 5 channels",
    ),
    (FeatureAffinity(Strided(), scale=1, device="abacus"), [IMAGE], "device='abacus'"),
    (
        FeatureAffinity(Returning(lambda x: x[0, 0]), scale=1),
        [IMAGE],
        r"returned a tensor of shape \(20, 24\)",
    ),
    (
        FeatureAffinity(Returning(lambda x: torch.cat([x, x])), scale=1),
        [IMAGE],
        r"returned a tensor of shape \(2, 3, 20, 24\)",
    ),
    (FeatureAffinity(Returning(lambda x: x * np.inf), scale=1), [IMAGE], "holds NaN"),
    (
        OracleAffinity(),
        [[HALF.astype(int), np.zeros((3, 3), int)]],
        r"X\[0\] has shape",
    ),
    (OracleAffinity(ignore_label=0.5), [HALF.astype(int)], "'ignore_label' parameter"),
    (OracleAffinity(), [[]], r"X\[0\] holds no label map"),
]


@pytest.mark.parametrize(("source", "X", "message"), WRONG)
def test_what_is_wrong_is_named(source, X, message):
    with pytest.raises(ValueError, match=message):
        source.transform(X)


@pytest.mark.parametrize(
    ("source", "X", "message"),
    [
        (OracleAffinity(), [HALF], r"X\[0\] has dtype float64"),
        (OracleAffinity(), [3], r"X\[0\] is int"),
        (EdgeAffinity("precomputed"), [HALF.astype(int)], r"X\[0\] has dtype int64"),
        (EdgeAffinity(lambda i: HALF.astype(int)), [IMAGE], r"edges\(image\) .* int64"),
        (
            FeatureAffinity(Returning(lambda x: {"out": x}), scale=1),
            [IMAGE],
            r"features\(image\) returned dict",
        ),
        (RGBAffinity(), "image.png", "X is str"),
    ],
)
def test_wrong_types_are_named(source, X, message):
    with pytest.raises(TypeError, match=message):
        source.transform(X)


@pytest.mark.parametrize("name", ["rgb", "edge maps", "feature maps", "oracle"])
def test_items_of_a_lazy_sequence_are_named(source, inputs, name):
    source.fit(inputs[name])
    items = [inputs[name][0], np.zeros((1, 2, 3, 4))]
    with pytest.raises(ValueError, match=r"X\[1\] has shape \(.*2, 3, 4\)"):
        source.transform(LazySequence(items.__getitem__, range(2)))


def test_masked_pixels_may_hold_anything(inputs):
    mask = np.ones((20, 24), dtype=bool)
    mask[3, 4] = False
    edges, features = HALF.copy(), np.zeros((3, 20, 24))
    edges[3, 4] = features[1, 3, 4] = np.nan
    for source, item in (
        (EdgeAffinity("precomputed"), edges),
        (FeatureAffinity("precomputed"), features),
    ):
        assert source._check_input(item, mask=mask, name="X").shape[-2:] == (20, 24)
        with pytest.raises(ValueError, match="X holds NaN"):
            source._check_input(item, name="X")
        with pytest.raises(ValueError, match="mask of X has shape"):
            source._check_input(item, mask=mask[:3], name="X")


@pytest.mark.parametrize("folder", ["site-packages", "dist-packages"])
def test_packages_of_other_folders_count_as_installed(monkeypatch, folder):
    """As those of a user, or of the system below an environment, do."""
    from types import ModuleType

    from seal_sk._identity import _installed

    module = ModuleType(f"package_in_{folder}")
    module.__file__ = f"/home/user/.local/lib/{folder}/package/__init__.py"
    monkeypatch.setitem(sys.modules, module.__name__, module)
    assert _installed(module.__name__)
    module.__file__ = "/home/user/project/package/__init__.py"
    _installed.cache_clear()
    assert not _installed(module.__name__)
