"""Superpixels as the features of SHAP and Captum."""

import pickle
import subprocess
import sys

import numpy as np
import pytest

from seal_sk import SNICSuperpixels, paint, superpixel_features
from seal_sk.adapters import captum_feature_mask, superpixel_masker

LABELS = np.array([[0, 0, 1], [2, 2, 1], [-1, 3, 3]])
N = 4


@pytest.fixture
def image(rng):
    return rng.random((3, 3, 3))


@pytest.fixture(scope="module")
def shap():
    return pytest.importorskip("shap")


def by_hand(image, labels, mask, background):
    """What a masker gives, pixel by pixel."""
    out = np.array(image)
    for at in np.ndindex(labels.shape):
        if labels[at] >= 0 and not mask[labels[at]]:
            out[at] = background[at]
    return out


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.float32, np.float64])
def test_images_by_hand(image, dtype):
    image = (image * 200 - 20 * (np.dtype(dtype).kind == "f")).astype(dtype)
    masker = superpixel_masker(image, LABELS)
    colour = image[LABELS >= 0].mean(axis=0, dtype=np.float64)
    if masker.image.dtype.kind == "u":
        colour = colour.round()
    background = np.broadcast_to(colour, image.shape).astype(dtype)
    masks = np.array([[(i >> bit) & 1 for bit in range(N)] for i in range(2**N)])
    images = masker.images(masks)
    assert images.dtype == dtype
    for mask, masked in zip(masks, images, strict=True):
        np.testing.assert_array_equal(masked, by_hand(image, LABELS, mask, background))
        (batch,) = masker(mask.astype(bool), image)
        np.testing.assert_array_equal(batch, masked[None])
    np.testing.assert_array_equal(images[-1], image)


@pytest.mark.parametrize("shape", [(3, 3), (3, 3, 1), (3, 3, 3), (3, 3, 5)])
def test_backgrounds(rng, shape):
    image = rng.random(shape)
    blurred = rng.random(shape)
    hidden = np.zeros(N)
    (seen,) = superpixel_masker(image, LABELS, blurred).images(hidden)
    np.testing.assert_array_equal(seen, by_hand(image, LABELS, hidden, blurred))
    for colour in (0.25, np.linspace(0, 1, shape[2]) if len(shape) > 2 else [0.5]):
        background = np.broadcast_to(colour, shape)
        (seen,) = superpixel_masker(image, LABELS, colour).images(hidden)
        np.testing.assert_array_equal(seen, by_hand(image, LABELS, hidden, background))


def test_mean_colour_of_each_superpixel(scenes):
    image = scenes[0][0] / 255
    labels = SNICSuperpixels(10).transform([image])[0]
    means = superpixel_features(image, labels, features=("mean",))
    masker = superpixel_masker(image, labels, paint(means, labels))
    (seen,) = masker.images(np.zeros(len(means)))
    np.testing.assert_allclose(seen, means[labels])


def test_pickle(image):
    masker = pickle.loads(pickle.dumps(superpixel_masker(image, LABELS)))
    assert masker.images(np.ones(N)).tolist() == [image.tolist()]


def test_tree_is_scipys(image):
    tree = superpixel_masker(image, LABELS).clustering
    assert tree.shape == (N - 1, 4)
    assert tree[-1, 3] == N
    # 0 and 2 are the nearest by their centroids.
    assert tree[0, :2].tolist() == [0, 2]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ((LABELS[:2],), "same height and width"),
        ((np.zeros((3, 3), dtype=int),), "two or more"),
        ((LABELS + 2,), "some smaller label"),
        ((LABELS, "median"), "'mean', a colour or an image"),
        ((LABELS, [1, 2]), r"shape \(2,\); give a colour of 3 bands"),
        ((LABELS, [np.nan] * 3), "finite"),
        ((LABELS, ["a"] * 3), "finite"),
    ],
)
def test_bad_arguments(image, arguments, message):
    with pytest.raises(ValueError, match=message):
        superpixel_masker(image, *arguments)


def test_background_in_other_units(image):
    as_bytes = (image * 255).astype(np.uint8)
    with pytest.raises(ValueError, match=r"outside 0\.\.255"):
        superpixel_masker(as_bytes, LABELS, 256)
    with pytest.raises(ValueError, match=r"fractions in 0\.\.1.*background \* 255"):
        superpixel_masker(as_bytes, LABELS, image)


def test_background_of_integers_is_rounded(image):
    masker = superpixel_masker((image * 255).astype(np.uint8), LABELS, [1, 2.4, 2.6])
    assert masker.images(np.zeros(N))[0, 0, 0].tolist() == [1, 2, 3]
    dark = (image > 0.5).astype(np.uint8)
    assert superpixel_masker(dark, LABELS).images(np.zeros(N)).max() <= 1


def test_another_image_or_number_of_masks(image):
    masker = superpixel_masker(image, LABELS)
    with pytest.raises(ValueError, match="make one masker per image"):
        masker(np.ones(N, dtype=bool), image[:2])
    with pytest.raises(ValueError, match="4 superpixels"):
        masker.images(np.ones((2, 3)))


def model_of(labels, weights):
    """A model whose Shapley values are known: it sums weighted means of superpixels."""

    def model(images):
        means = np.stack(
            [images[:, labels == i].mean(axis=(1, 2)) for i in range(len(weights))], 1
        )
        return np.column_stack([means @ weights, -means @ weights])

    return model


@pytest.mark.slow
@pytest.mark.parametrize(
    "explainer", ["Explainer", "Partition", "Permutation", "Kernel"]
)
def test_shap(shap, scenes, explainer):
    image = scenes[0][0] / 255
    labels = SNICSuperpixels(12).transform([image])[0]
    n = labels.max() + 1
    weights = np.arange(1.0, n + 1)
    model = model_of(labels, weights)
    masker = superpixel_masker(image, labels)
    if explainer == "Kernel":
        found = shap.KernelExplainer(
            lambda masks: model(masker.images(masks)), np.zeros((1, n))
        ).shap_values(np.ones((1, n)), silent=True, l1_reg=0)[0]
    else:
        explain = {
            "Explainer": shap.Explainer,
            "Partition": shap.PartitionExplainer,
            "Permutation": shap.PermutationExplainer,
        }[explainer](model, masker)
        assert type(explain) is {
            "Permutation": shap.PermutationExplainer,
        }.get(explainer, shap.PartitionExplainer)
        found = explain(image[None], max_evals=4000, silent=True).values[0]
    means = superpixel_features(image, labels, features=("mean",)).mean(axis=1)
    expected = weights * (means - masker.background.mean())
    np.testing.assert_allclose(found, np.column_stack([expected, -expected]), atol=1e-6)
    assert paint(found, labels).shape == (*labels.shape, 2)


def test_captum_mask_by_hand():
    torch = pytest.importorskip("torch")
    mask = captum_feature_mask(LABELS)
    assert mask.dtype == torch.int64
    assert mask.tolist() == [[[[0, 0, 1], [2, 2, 1], [4, 3, 3]]]]
    for maps in (
        [LABELS, np.maximum(LABELS, 0)],
        (LABELS.tolist(), np.maximum(LABELS, 0).tolist()),
        np.stack([LABELS, np.maximum(LABELS, 0)]).astype(np.int16),
    ):
        mask = captum_feature_mask(maps)
        assert mask.shape == (2, 1, 3, 3)
        assert mask[0, 0, 2, 0] == N
        assert mask[1, 0, 2, 0] == 0
    assert captum_feature_mask(LABELS.tolist()).shape == (1, 1, 3, 3)


@pytest.mark.parametrize(
    ("labels", "error", "message"),
    [
        ([LABELS, LABELS[:2]], ValueError, r"labels\[1\] has shape"),
        ([LABELS, LABELS + 3], ValueError, r"labels\[1\] goes up to"),
        (LABELS / 2, TypeError, "holds integers"),
        ([], ValueError, "shape"),
        (3, ValueError, "shape"),
    ],
)
def test_bad_labels_for_captum(labels, error, message):
    with pytest.raises(error, match=message):
        captum_feature_mask(labels)


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore:You are providing multiple inputs:UserWarning")
@pytest.mark.parametrize("method", ["FeatureAblation", "KernelShap", "Lime"])
def test_captum(scenes, method):
    torch = pytest.importorskip("torch")
    attr = pytest.importorskip("captum.attr")
    images = [image / 255 for image in scenes[0][:2]]
    maps = SNICSuperpixels(9).transform(images)
    mask = captum_feature_mask(maps)
    batch = torch.tensor(np.stack(images)).permute(0, 3, 1, 2).float()
    weight = torch.linspace(0, 1, batch[0].numel()).reshape(batch[0].shape)

    def model(x):
        return (x * weight).sum(dim=(1, 2, 3))

    torch.manual_seed(0)
    explainer = getattr(attr, method)(model)
    options = {} if method == "FeatureAblation" else {"n_samples": 300}
    if method == "Lime":
        linear = pytest.importorskip("captum._utils.models.linear_model")
        explainer = attr.Lime(
            model, interpretable_model=linear.SkLearnLinearRegression()
        )
    found = explainer.attribute(batch, feature_mask=mask, **options)
    assert found.shape == batch.shape
    contribution = (batch * weight).sum(dim=1)
    for image, labels, values in zip(contribution, maps, found, strict=True):
        for i in range(labels.max() + 1):
            inside = torch.tensor(labels == i)
            # One value for the pixels and channels of a superpixel: what it adds.
            torch.testing.assert_close(
                values[:, inside],
                image[inside].sum().expand_as(values[:, inside]),
                rtol=1e-2,
                atol=1e-1,
            )


@pytest.mark.slow
def test_nothing_heavy_is_imported():
    code = (
        "import sys, seal_sk.adapters, seal_sk.export;"
        "heavy = {'torch', 'skimage', 'matplotlib', 'shap', 'lime', 'captum',"
        "'napari', 'rasterio', 'geopandas', 'shapely', 'pyproj', 'networkx'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert result.stdout.strip() == "[]"
