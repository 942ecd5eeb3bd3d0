"""
One photograph at every scale
=============================

How many superpixels does a picture need? A hierarchy contains all counts at once: a
boundary among 50 superpixels is also one among 100, and so on. Each boundary can
therefore be described by *the smallest count at which it appears*. Boundaries present
at every count should be the outlines of large objects, and those that only appear at
high counts should be texture.

`~seal_sk.ers` computes such a hierarchy in one run, as a tree from which
`~seal_sk.segmentation.cut_tree` extracts any count. Repeated `~seal_sk.merge_regions`
gives another hierarchy, and the two disagree about which boundaries matter.
"""

# sphinx_gallery_thumbnail_number = 2
from itertools import pairwise

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import LogNorm
from skimage.segmentation import find_boundaries
from sklearn.datasets import load_sample_image

from seal_sk import (
    LearnedAffinity,
    ers,
    merge_regions,
    paint,
    superpixel_features,
    to_eight_connected,
)
from seal_sk.segmentation import cut_tree

image = load_sample_image("china.jpg")[::2, ::2]
(affinity,) = LearnedAffinity(weights="bsds500").transform([image])
affinity = to_eight_connected(affinity)

# %%
# Building the hierarchies
# ------------------------
# A nested run joins pixels until the smallest requested count is left, and
# ``return_tree`` also returns the joins. Any count in between can then be extracted
# without another run. The largest count determines the weight of equal sizes in the
# whole tree.
_, tree = ers(affinity, [1000, 2], nested=True, return_tree=True)
print(f"{image.shape[0] * image.shape[1]} pixels, {len(tree)} joins")
counts = np.unique(np.geomspace(2, 1000, 40).round().astype(int))[::-1]
by_ers = [cut_tree(tree, count, shape=image.shape[:2]) for count in counts]

# %%
# Merging gives a hierarchy as well: start from the 1000 superpixels of ERS, and merge
# each result further to the next count.
by_merging = [by_ers[0]]
for count in counts[1:]:
    by_merging.append(merge_regions(by_merging[-1], affinity, count, image=image))


# %%
# Nested means that each superpixel lies in a single superpixel of the next level, which
# has fewer. Separate runs for each count are not nested.
def shared(levels):
    """Superpixels that lie in more than one superpixel of the next level."""
    n = 0
    for fine, coarse in pairwise(levels):
        pairs = np.unique(np.stack([fine.ravel(), coarse.ravel()]), axis=1)
        n += np.sum(np.bincount(pairs[0]) > 1)
    return n


alone = ers(affinity, [100, 50, 25])
print("shared, nested ERS:     ", shared(by_ers))
print("shared, merging:        ", shared(by_merging))
print("shared, separate calls: ", shared(alone))


# %%
# Both hierarchies at five counts
# -------------------------------
# Each superpixel is drawn in its mean colour.
def mean_colors(labels):
    """The image with each superpixel in its mean colour."""
    return paint(superpixel_features(image, labels, features=("mean",)), labels)


steps = [int(np.abs(counts - count).argmin()) for count in (600, 150, 42, 12, 4)]
figure, axes = plt.subplots(2, len(steps), figsize=(11, 3.5), layout="constrained")
for row, levels, name in zip(
    axes, (by_ers, by_merging), ("ERS, nested", "merged"), strict=True
):
    row[0].set_ylabel(name)
    for ax, step in zip(row, steps, strict=True):
        ax.imshow(mean_colors(levels[step]))
        ax.set(xticks=[], yticks=[], title=f"{counts[step]}")


# %%
# The counts at which boundaries appear
# -------------------------------------
# A pixel of the map holds the smallest count at which a boundary runs through it. The
# lines of the map have no loose ends: at every threshold they enclose regions. Such a
# map is called an ultrametric contour map.
def first_counts(levels):
    """Smallest count with a boundary at each pixel; NaN if there is none."""
    found = np.full(image.shape[:2], np.nan)
    for count, labels in zip(counts, levels, strict=True):  # falling
        found[find_boundaries(labels, mode="inner")] = count
    return found


figure, axes = plt.subplots(1, 2, figsize=(11, 3.6), layout="constrained")
for ax, levels, title in zip(
    axes, (by_ers, by_merging), ("ERS, nested", "merged"), strict=True
):
    drawn = ax.imshow(first_counts(levels), cmap="inferno_r", norm=LogNorm(2, 1000))
    ax.set(xticks=[], yticks=[], title=title, facecolor="black")
bar = figure.colorbar(drawn, ax=axes, shrink=0.8, label="smallest number of segments")
bar.set_ticks([2, 10, 100, 1000], labels=["2", "10", "100", "1000"])
plt.show()

# %%
# Down to about 150 superpixels, the two look equally good. Below that, the choice
# matters. ERS adds up gains edge by edge and favours segments of similar sizes, with
# the weight chosen for 1000 superpixels. With few segments left, it still divides the
# sky and loses the pagoda. The mean over a whole border is more reliable: the last
# lines that merging keeps are the outlines of the pagoda and the trees against the sky.
# For few, large segments, start with many superpixels and merge them, as
# `~seal_sk.SEALSuperpixels` does.
