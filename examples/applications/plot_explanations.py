"""
Explaining a classifier with LIME and SHAP
==========================================

LIME and SHAP explain an image classifier by hiding superpixels and observing the score,
so their explanations can't be finer than the superpixels. This example trains a
classifier for which the right explanation is known, explains it with several kinds of
superpixels, and measures how much of the credit falls on the right pixels.

It needs ``pip install "seal_sk[explain]"``.

Ribeiro, Singh and Guestrin, "Why Should I Trust You? Explaining the Predictions of Any
Classifier", KDD 2016. Lundberg and Lee, "A Unified Approach to Interpreting Model
Predictions", NeurIPS 2017.
"""

import warnings
from contextlib import redirect_stderr
from io import StringIO

import matplotlib.pyplot as plt
import numpy as np
from skimage import data
from sklearn.neural_network import MLPClassifier
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from seal_sk import SEALSuperpixels, SLICSuperpixels, paint
from seal_sk.adapters import segmentation_fn, superpixel_masker
from seal_sk.datasets import make_scenes

with warnings.catch_warnings():
    # Of the two packages about themselves, when they are imported.
    warnings.simplefilter("ignore")
    import shap
    from lime.lime_image import LimeImageExplainer
    from lime.wrappers.scikit_image import SegmentationAlgorithm

# %%
# A classifier with a known reason
# --------------------------------
# The images are mosaics of plain grey and photographed textures, brick and gravel, half
# of them with an object of grass. All parts have the same mean grey, and the textures
# have the same contrast. The classifier decides whether there is grass, so the right
# explanation is the grass.
shape = (96, 96)
textures = [np.zeros((256, 256))]
for name in "brick", "gravel", "grass":
    texture = getattr(data, name)()[::2, ::2].astype(float)
    textures.append((texture - texture.mean()) / texture.std())


def mosaics(n, random_state):
    """Images (n, H, W, 3) of uint8, and where they show grass."""
    rng = np.random.default_rng(random_state)
    _, outlines = make_scenes(n, shape=shape, random_state=random_state)
    images, grasses = [], []
    for i, outline in enumerate(outlines):
        drawn = rng.integers(3, size=outline.max() + 1)
        size = np.bincount(outline.ravel())
        if i % 2:  # one object of a twelfth to a third of the picture
            fitting = np.flatnonzero((size > size.sum() / 12) & (size < size.sum() / 3))
            drawn[rng.choice(fitting) if len(fitting) else size.argmax()] = 3
        image = np.zeros(shape)
        for label, texture in enumerate(textures):
            row, column = (rng.integers(256 - side) for side in shape)
            patch = texture[row : row + shape[0], column : column + shape[1]]
            image = np.where(drawn[outline] == label, patch, image)
        grey = np.clip(128 + 45 * image + 2 * rng.normal(size=shape), 0, 255).astype(
            np.uint8
        )
        images.append(np.repeat(grey[..., None], 3, axis=2))
        grasses.append(drawn[outline] == 3)
    return np.stack(images), np.stack(grasses)


# %%
# The classifier describes windows of 16 x 16 pixels, one every 8 pixels, by their
# contrast, by how often a pixel has how many brighter neighbours, and by the directions
# of the gradient. It learns which windows contain grass. The score of an image is the
# mean probability over its windows, which is about the share of grass in it.
def describe(images):
    """A row of numbers for each window, (images, windows down, across, numbers)."""
    grey = np.asarray(images)[..., 0].astype(np.float32) / 255
    padded = np.pad(grey, ((0, 0), (1, 1), (1, 1)), mode="edge")
    brighter = np.zeros(grey.shape, dtype=int)
    for y in range(3):
        for x in range(3):
            neighbour = padded[:, y : y + shape[0], x : x + shape[1]]
            brighter += neighbour > grey + 0.02
    down = padded[:, 2:, 1:-1] - padded[:, :-2, 1:-1]
    right = padded[:, 1:-1, 2:] - padded[:, 1:-1, :-2]
    direction = np.rint(np.arctan2(down, right) / (np.pi / 4)) % 4
    steepness = np.hypot(down, right)
    maps = [grey, grey**2, steepness, steepness**2]
    maps += [brighter == value for value in range(9)]
    maps += [steepness * (direction == value) for value in range(4)]
    rows, columns = shape[0] // 8, shape[1] // 8
    blocks = np.stack(maps, axis=-1).reshape(len(grey), rows, 8, columns, 8, -1)
    blocks = blocks.mean(axis=(2, 4))
    windows = blocks[:, 1:] + blocks[:, :-1]
    windows = (windows[:, :, 1:] + windows[:, :, :-1]) / 4
    windows[..., [1, 3]] -= windows[..., [0, 2]] ** 2
    return windows


def share_of(truth):
    """Share of each window where the truth is True."""
    blocks = truth.reshape(len(truth), shape[0] // 8, 8, shape[1] // 8, 8)
    blocks = blocks.mean(axis=(2, 4))
    windows = blocks[:, 1:] + blocks[:, :-1]
    return (windows[:, :, 1:] + windows[:, :, :-1]) / 4


def score(images):
    """Mean probability of grass, for each image of a batch."""
    windows = describe(images)
    found = classifier.predict_proba(windows.reshape(-1, windows.shape[-1]))[:, 1]
    return found.reshape(len(windows), -1).mean(axis=1)


X_train, grass = mosaics(100, random_state=0)
rows = describe(X_train)
classifier = make_pipeline(
    StandardScaler(), MLPClassifier((32,), early_stopping=True, random_state=0)
)
classifier.fit(rows.reshape(-1, rows.shape[-1]), share_of(grass).ravel() > 0.5)
X_test, grass = mosaics(100, random_state=1)
scores, there = score(X_test), grass.any(axis=(1, 2))
print(f"mean score of pictures with grass:    {scores[there].mean():.2f}")
print(f"mean score of pictures without grass: {scores[~there].mean():.2f}")


# %%
# Superpixels
# -----------
# LIME takes a function from an image to its superpixels; its default is quickshift. The
# others use 40 squares or superpixels, and "SEAL" is the network that comes with the
# package.
def squares(image):
    """A grid of 8 x 5."""
    height, width = image.shape[:2]
    row, column = np.arange(height) * 8 // height, np.arange(width) * 5 // width
    return 5 * row[:, None] + column


ways = {
    "squares": squares,
    "quickshift": SegmentationAlgorithm(
        "quickshift", kernel_size=4, max_dist=200, ratio=0.2, rng=0
    ),
    "SLIC": segmentation_fn(SLICSuperpixels(40, exact=True)),
    "SEAL": segmentation_fn(SEALSuperpixels(40, weights="bsds500")),
}

# %%
# LIME
# ----
# LIME hides superpixels at random, here behind plain grey, which the classifier knows
# is not grass, and fits a linear model to the scores. The coefficient of a superpixel
# in this model is its value.
chosen = np.flatnonzero(there)[:5]
explainer = LimeImageExplainer(random_state=0)


def lime_values(image, segment):
    """Superpixels, and the weight of each."""
    with redirect_stderr(StringIO()):  # a progress bar
        explanation = explainer.explain_instance(
            image,
            lambda images: score(images)[:, None],
            labels=(0,),
            top_labels=None,
            hide_color=128,
            num_samples=150,
            batch_size=50,
            segmentation_fn=segment,
            random_seed=0,
        )
    labels = np.asarray(explanation.segments)
    weights = dict(explanation.local_exp[0])
    return labels, np.array([weights[label] for label in range(labels.max() + 1)])


# %%
# SHAP
# ----
# SHAP gives each superpixel a share of the score that is fair in the sense of game
# theory. It needs a masker, which `~seal_sk.adapters.superpixel_masker` makes from a
# label map.
def shap_values(image, segment):
    """Superpixels, and the Shapley value of each, about."""
    labels = np.asarray(segment(image))
    masker = superpixel_masker(image, labels, background=[128, 128, 128])
    explanation = shap.Explainer(score, masker, seed=0)(
        image[None], max_evals=150, silent=True
    )
    return labels, explanation.values[0]


# %%
# Comparing the explanations
# --------------------------
# An explanation is measured by the share of the credit (the positive values) that falls
# on grass, where each superpixel spreads its credit evenly over its pixels. An
# explanation without any information gets the share of grass in the pictures.
def on_grass(labels, values, truth):
    """Share of the positive values on what is grass."""
    credit = paint(values.clip(0) / np.bincount(labels.ravel()), labels)
    return credit[truth].sum() / credit.sum()


print(f"grass: {grass[chosen].mean():.2f} of the pixels")
print(f"{'share of the credit on grass':22}  LIME  SHAP  superpixels")
shown = {}
for name, segment in ways.items():
    shares = {}
    for method in lime_values, shap_values:
        results = [method(X_test[i], segment) for i in chosen]
        shares[method] = [
            on_grass(*r, grass[i]) for r, i in zip(results, chosen, strict=True)
        ]
    shown[name] = results, shares[shap_values]
    n_segments = np.mean([labels.max() + 1 for labels, _ in results])
    print(
        f"{name:28}",
        *(f"{np.mean(s):5.2f}" for s in shares.values()),
        f"{n_segments:6.1f}",
    )

# %%
# The figure shows the values of SHAP per pixel: red speaks for grass and blue against
# it. The titles give the share of the credit on grass, and the line is the true outline
# of the grass.
figure, axes = plt.subplots(3, 5, figsize=(11, 7), layout="constrained")
for row, which in zip(axes, (0, 1, 4), strict=True):
    image, truth = X_test[chosen[which]], grass[chosen[which]]
    row[0].imshow(image)
    row[0].set_title("grass, outlined")
    for ax, (name, (results, shares)) in zip(row[1:], shown.items(), strict=True):
        labels, values = results[which]
        density = paint(values / np.bincount(labels.ravel()), labels)
        limit = np.quantile(np.abs(density), 0.98)
        ax.imshow(density, cmap="RdBu_r", vmin=-limit, vmax=limit)
        ax.set_title(f"{name}: {shares[which]:.2f}")
    for ax in row:
        ax.contour(truth, [0.5], colors="yellow" if ax is row[0] else "black")
        ax.set(xticks=[], yticks=[])
plt.show()

# %%
# Superpixels that follow the outline of the grass leave the most credit on it, for both
# LIME and SHAP. Squares come next: they ignore the outline, but each is small.
# Quickshift with LIME's parameters makes only a handful of superpixels in a picture of
# this size, and the explanation can't be finer than these. With all of them, a large
# part of the credit is not on grass, and these are five pictures and one classifier.
# Explanations inherit the errors of the superpixels, so look at the superpixels before
# you trust an explanation.
