"""
Superpixels inside a mask
=========================

Often only a part of a picture matters: the tissue on a slide, the field of view of a
retina camera, one parcel of land. The estimators (except those based on OpenCV) take
``transform(X, mask=...)``: you get exactly as many superpixels as you asked for, all of
them inside the mask, and -1 outside. Is this better than segmenting the whole picture
and dropping the rest?
"""

import matplotlib.pyplot as plt
import numpy as np
from skimage import data
from skimage.color import rgb2hed
from skimage.draw import polygon2mask
from skimage.filters import gaussian

from seal_sk import ERSSuperpixels, SEALSuperpixels, paint, superpixel_features
from seal_sk.labels import split_components
from seal_sk.plotting import draw_boundaries

# %%
# There are two pictures. The retina fills a disc, which can be found by its brightness.
# On the slide somebody drew around a region, and no edge in the picture shows where it
# ends.
retina = data.retina()[::4, ::4]
field = gaussian(retina.max(axis=2), 2) > 0.15
slide = data.immunohistochemistry()[::2, ::2]
corners = [(20, 60), (15, 165), (70, 235), (150, 230), (205, 170), (190, 60), (100, 25)]
region = polygon2mask(slide.shape[:2], corners)
names, images, masks = ["retina", "slide"], [retina, slide], [field, region]

n_segments = 150
seal = SEALSuperpixels(n_segments, weights="bsds500")
inside = seal.transform(images, mask=masks)
for name, labels, mask in zip(names, inside, masks, strict=True):
    print(f"{name}: {mask.mean():.0%} of the pixels, {labels.max() + 1} superpixels")
    assert np.array_equal(labels < 0, ~mask)

# %%
# Segment everything, drop the rest
# ---------------------------------
# If the whole picture is segmented, some superpixels lie outside the mask, and some
# across its outline. The mask crops the latter, and may leave them in pieces.
whole = seal.transform(images)
cropped = [
    split_components(np.where(mask, labels, -1), connectivity=8)
    for labels, mask in zip(whole, masks, strict=True)
]
for name, labels, pieces, mask in zip(names, whole, cropped, masks, strict=True):
    reach, beyond = np.unique(labels[mask]), np.unique(labels[~mask])
    print(
        f"{name}: {len(reach)} of {n_segments} reach into the mask, "
        f"{len(np.intersect1d(reach, beyond))} of them across its outline; cropped, "
        f"they are {pieces.max() + 1} regions"
    )

# %%
# On the retina little is lost: the corners are black and take few superpixels. On the
# slide, which shows as much detail outside the region as inside, a third of the
# superpixels is spent outside, and the number that remains could not be known before.
#
# The right column shows a use of the superpixels, one number for each: how dark the
# vessels are in green light, and the amount of brown stain (DAB).
brown = rgb2hed(slide)[..., 2:]
values = [retina[..., 1:2] / 255, np.clip(brown / brown.max(), 0, 1)]
labels_of_values = ["mean green", "mean DAB stain"]
figure, axes = plt.subplots(2, 3, figsize=(10, 7), layout="constrained")
for i, row in enumerate(axes):
    pale = np.where(masks[i][..., None], images[i], images[i] // 3 + 160)
    for ax, labels, way in (
        (row[0], inside[i], "inside the mask"),
        (row[1], cropped[i], "cropped"),
    ):
        ax.imshow(draw_boundaries(pale, labels, color="cyan", scale=2))
        ax.set_title(f"{way}: {labels.max() + 1}")
    means = superpixel_features(values[i], inside[i], features=("mean",))[:, 0]
    row[2].imshow(paint(means, inside[i], fill=np.nan), cmap="magma")
    row[2].set_title(labels_of_values[i])
    for ax in row:
        ax.set(xticks=[], yticks=[])

# %%
# The pixels outside
# ------------------
# The pixels outside may have any values, including NaN, as in many rasters: the
# superpixels are the same. This holds for learned superpixels, too. The network looks
# further than one pixel, and sees the nearest pixel of the mask in place of each one
# outside.
blank = [
    np.where(mask[..., None], image / 255, np.nan)
    for image, mask in zip(images, masks, strict=True)
]
for method in ERSSuperpixels(n_segments), seal:
    before = inside if method is seal else method.transform(images, mask=masks)
    after = method.transform(blank, mask=masks)
    for name, a, b in zip(names, before, after, strict=True):
        print(f"{type(method).__name__:15} {name}: {np.sum(a != b)} pixels differ")
plt.show()
