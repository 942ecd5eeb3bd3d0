"""
A photograph and its superpixels
================================

How do you get from an image to superpixels, and what do they look like? An estimator
takes a list of images and returns a list of label maps, and a display draws one of
them. The network used here comes with the package, so nothing is trained or downloaded.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
from skimage.data import coffee

from seal_sk import SEALSuperpixels
from seal_sk.datasets import make_scenes
from seal_sk.labels import split_components
from seal_sk.plotting import SuperpixelDisplay

image = coffee()
seal = SEALSuperpixels(n_segments=200, weights="bsds500")
labels = seal.transform([image])[0]
print(labels.dtype, labels.shape, "labels", labels.min(), "to", labels.max())

# %%
# You get exactly the number of superpixels that you asked for, and each is one
# connected region (diagonal neighbours count as connected): splitting the labels into
# connected parts does not change their number.
sizes = np.bincount(labels.ravel())
print(f"{seal.n_segments_[0]} superpixels of {sizes.min()} to {sizes.max()} pixels")
print(f"{split_components(labels, connectivity=8).max() + 1} connected regions")

# %%
# Three ways to draw them
# -----------------------
# The outlines run between the pixels. A label map is an array of integers like any
# other, and ``kind="labels"`` draws neighbours in different colours. With the mean
# colour of each superpixel, 200 x 3 numbers replace 240,000 pixels, and the picture can
# still be read: the cup, the spoon and the table keep their borders.
figure, axes = plt.subplots(2, 2, figsize=(10, 7.2), layout="constrained")
axes[0, 0].imshow(image)
axes[0, 0].set_title("the photograph")
axes[0, 0].set_axis_off()
titles = {
    "boundaries": "outlines, the spoon enlarged",
    "labels": "the label map",
    "mean": "mean colours",
}
for ax, (kind, title) in zip(axes.flat[1:], titles.items(), strict=True):
    zoom = (238, 315, 95, 95) if kind == "boundaries" else None
    SuperpixelDisplay.from_labels(
        image,
        labels,
        name=title,
        ax=ax,
        kind=kind,
        zoom=zoom,
        zoom_at="upper right",
    )

# %%
# Scoring superpixels
# -------------------
# If there is ground truth, ``score`` is the mean achievable segmentation accuracy
# (ASA): the share of pixels that would be right if every superpixel were assigned to
# the object that it overlaps most. The package contains no photographs with ground
# truth, but it can generate scenes. ``score`` segments them and scores the result:
images, truths = make_scenes(10, random_state=0)
for n_segments in 25, 50, 100, 200:
    seal.set_params(n_segments=n_segments)
    print(f"{n_segments:3d} superpixels: ASA {seal.score(images, truths):.3f}")

# %%
# Splitting a superpixel never lowers ASA, so the score only means something together
# with the number of superpixels: compare methods at equal numbers.
plt.show()
