"""
Fine-tuning on twenty images
============================

The network that comes with the package was trained on photographs. Do twenty images of
your own, and half a minute of training, make it better at images of that kind? Here,
they are grey images from a microscope, and the outlines to find come from a stain that
the network does not see.
"""

# sphinx_gallery_thumbnail_number = 3

import matplotlib.pyplot as plt
import numpy as np
from skimage.color import rgb2hed
from skimage.data import immunohistochemistry
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label
from skimage.morphology import area_closing, area_opening

from seal_sk import ERSSuperpixels, SEALSuperpixels
from seal_sk.labels import boundaries
from seal_sk.metrics import asa_score, boundary_recall_score, contour_density
from seal_sk.plotting import AffinityDisplay, SuperpixelDisplay

# %%
# Two stains
# ----------
# In this picture of tissue, which comes with scikit-image, a brown stain (DAB) marks
# the glands, and a blue one (haematoxylin) the nuclei of all cells. The colours tell
# how much of each stain there is. The grey images to segment show the blue one alone.
# The ground truth is where the brown one, smoothed, is above a threshold, without small
# spots and holes, so nobody has drawn it. The two stains can't be separated perfectly:
# a trace of the brown one may be left in the grey images, which are the same for all
# methods.
stained = immunohistochemistry()
blue, _, brown = np.moveaxis(rgb2hed(stained), -1, 0)
grey = (255 * np.clip(blue / np.percentile(blue, 99.5), 0, 1) + 0.5).astype(np.uint8)
brown = gaussian(brown, 3)
glands = area_closing(area_opening(brown > threshold_otsu(brown), 400), 400)
truth = label(glands, background=-1, connectivity=1)

figure, axes = plt.subplots(1, 2, figsize=(9, 4.6), layout="constrained")
axes[0].imshow(stained)
SuperpixelDisplay.from_labels(grey, truth, ax=axes[1], color="#d55e00", linewidth=1.5)
axes[0].set_title("two stains")
axes[0].set_axis_off()
axes[1].set_title("one stain in grey, and the ground truth")

# %%
# Training and test
# -----------------
# Tiles of one picture take the place of images. Those for the test come from one side
# of the picture, the twenty for the training from the rest, with a gap in between. Then
# it is the other side's turn: there are two trainings, each tested on ten tiles.


def tiles(picture, columns, n_columns):
    """Five rows of tiles from some columns of the picture."""
    rows = np.array_split(picture[:, columns], 5)
    return [tile for row in rows for tile in np.array_split(row, n_columns, axis=1)]


splits = {
    "right": (slice(0, 320), slice(352, 512)),
    "left": (slice(192, 512), slice(0, 160)),
}


# %%
# Fine-tuning
# -----------
# ``fit`` continues from the weights that are given. The loss is the one that the
# network was trained with: after another loss, its affinities would have to be
# calibrated again (`seal_sk.pan.calibrate`). Crops are about as large as a tile. All
# twenty images are used for the training, since the two that would be held out by
# default are too few to choose the best weights.
counts = [20, 40, 80]


def fine_tuned(images, truths):
    """The network that comes with the package, after 300 more steps of four crops."""
    return SEALSuperpixels(
        weights="bsds500",
        loss="bce",
        max_iter=300,
        crop_size=80,
        validation_fraction=0.0,
        random_state=0,
    ).fit(images, truths)


def scores(label_maps, truth):
    """ASA, boundary recall and contour density for each number of superpixels."""
    outlined = boundaries(truth).any()
    return [
        [
            asa_score(truth, labels),
            boundary_recall_score(truth, labels) if outlined else np.nan,
            contour_density(labels),
        ]
        for labels in label_maps
    ]


maps = {"ERS, colours": [], "given network": [], "fine-tuned": []}
affinities = {"given network": [], "fine-tuned": []}
X_test, y_test = [], []
for training, test in splits.values():
    images, truths = tiles(grey, test, 2), tiles(truth, test, 2)
    X_test += images
    y_test += truths
    methods = [
        ERSSuperpixels(),
        SEALSuperpixels(weights="bsds500"),
        fine_tuned(tiles(grey, training, 4), tiles(truth, training, 4)),
    ]
    for name, method in zip(maps, methods, strict=True):
        maps[name] += method.transform_counts(images, counts)
        if name in affinities:
            affinities[name] += method.predict_affinity(images)

# %%
# The gain
# --------
# The achievable segmentation accuracy (ASA) is the mean over the twenty test tiles, the
# boundary recall the mean over those with an outline. The contour density is printed as
# well, because longer contours find more outlines by chance: in the plot on the right,
# a method is better if its curve is higher at the same density.
print(f"{'superpixels':15}", *(f"{count:>21d}" for count in counts))
figure, (left, right) = plt.subplots(1, 2, figsize=(9.5, 4), layout="constrained")
for name, of_method in maps.items():
    pairs = zip(of_method, y_test, strict=True)
    asa, recall, density = np.nanmean([scores(*pair) for pair in pairs], axis=0).T
    cells = zip(asa, recall, density, strict=True)
    print(f"{name:15}", *(f"{a:9.3f} {r:5.2f} {d:5.2f}" for a, r, d in cells))
    left.plot(counts, asa, "o-", label=name)
    right.plot(density, recall, "o-")
left.set(xlabel="superpixels per tile", ylabel="ASA", xticks=counts)
right.set(xlabel="contour density", ylabel="boundary recall")
left.legend(frameon=False)
for ax in left, right:
    ax.grid(alpha=0.3)

# %%
# These are the tiles with the longest outline on each side. Affinities are low (dark)
# where a network expects a boundary: the given one around nuclei, the fine-tuned one
# where it expects a gland to end.
lengths = [boundaries(truth).sum() for truth in y_test]
shown = [np.argmax(lengths[:10]), 10 + np.argmax(lengths[10:])]
figure, axes = plt.subplots(2, 4, figsize=(10, 6.8), layout="constrained")
titles = ["ground truth", "given network", "fine-tuned", "fine-tuned, 40 superpixels"]
for row, i in zip(axes, shown, strict=True):
    SuperpixelDisplay.from_labels(
        X_test[i], y_test[i], ax=row[0], color="#d55e00", linewidth=1.5
    )
    for ax, of_network in zip(row[1:3], affinities.values(), strict=True):
        AffinityDisplay.from_affinity(of_network[i], ax=ax, kind="mean", colorbar=False)
    SuperpixelDisplay.from_labels(X_test[i], maps["fine-tuned"][i][1], ax=row[3])
    for ax, title in zip(row, titles, strict=True):
        ax.set_title(title)
plt.show()

# %%
# How many steps?
# ---------------
# More steps are not always better: twenty small images are soon learned by heart.
# ``python benchmarks/fine_tuning.py`` tests on all four sides of the picture, and
# compares other numbers of steps, learning rates and augmentations; the
# :doc:`user guide </user_guide/training>` has its table. All of this is one picture, so
# it shows that fine-tuning can pay, but not how much it would on other slides. With
# your images, hold some out, from other slides or other days, and compare a few numbers
# of steps on them. What fine-tuning costs on images of *other* kinds is shown in
# :doc:`/auto_examples/learning/plot_forgetting`.
