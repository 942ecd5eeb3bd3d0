"""
Comparing affinities
====================

A graph algorithm segments an image along affinities, wherever they come from: colour
differences, an edge filter, features, a network, or the ground truth itself. This
example shows how these sources differ, and how the superpixels depend on them. Each
source is a transformer from images to affinity maps, and
:class:`~seal_sk.GraphSuperpixels` works with any of them.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
from skimage.color import rgb2lab
from skimage.data import astronaut

from seal_sk import (
    EdgeAffinity,
    FeatureAffinity,
    GraphSuperpixels,
    LearnedAffinity,
    OracleAffinity,
    RGBAffinity,
)
from seal_sk.datasets import make_scenes
from seal_sk.plotting import AffinityDisplay, CurveDisplay, SuperpixelDisplay


def lab(image):
    """CIELAB as features (3, H, W), of which the lengths of differences count."""
    return rgb2lab(image).transpose(2, 0, 1)


# %%
# Each source is a single line. ``EdgeAffinity`` also takes any function from an image
# to an edge map in 0..1, so you can add your own edge detector. ``FeatureAffinity``
# takes any function, or torch network, from an image to features. "Learned" is the
# network that comes with the package.
sources = {
    "RGB": RGBAffinity(),
    "CIELAB": FeatureAffinity(lab, metric="l2", scale=5.0),
    "Canny": EdgeAffinity("canny"),
    "Sobel": EdgeAffinity("sobel"),
    "learned": LearnedAffinity(weights="bsds500"),
}

# %%
# Affinity maps and their superpixels
# -----------------------------------
# The upper row shows the mean affinity of each pixel to its neighbours: where it is
# dark, a cut is cheap. The lower row shows the superpixels that the same algorithm,
# ERS, makes from it, in mean colours.
photograph = astronaut()[:260, 80:420]
graphs = {
    name: GraphSuperpixels(60, affinity=source) for name, source in sources.items()
}
figure, axes = plt.subplots(4, 3, figsize=(10, 10.4), layout="constrained")
above, below = axes[::2].ravel(), axes[1::2].ravel()
above[0].imshow(photograph)
above[0].set_title("photograph")
below[0].text(0.5, 0.5, "above: affinities\nbelow: ERS along them", ha="center")
for ax in above[0], below[0]:
    ax.set_axis_off()
for top, bottom, (name, graph) in zip(
    above[1:], below[1:], graphs.items(), strict=True
):
    AffinityDisplay.from_estimator(
        graph, photograph, ax=top, kind="mean", colorbar=False
    )
    top.set_title(name)
    SuperpixelDisplay.from_estimator(
        graph, photograph, ax=bottom, kind="mean", color="white", name=""
    )

# %%
# Colours and gradients change along folds, hair and stripes. The network was trained on
# outlines that people drew, and ignores much of what is inside objects. Canny's edges
# are binary: a single missing pixel in a line joins the regions on both sides. Where
# Canny finds no edge, every cut costs the same, so the wall falls into strips.
#
# Scores
# ------
# The scores are for scenes with exact ground truth, in which at least half of the
# objects have the colour of their background. There are two more sources: the same
# network, fine-tuned on 40 other scenes for a few steps, and the oracle, which takes
# the ground truth in place of the image. The oracle's curve shows what ERS reaches with
# perfect affinities.
images, truths = make_scenes(50, random_state=0)
X, y = images[40:], truths[40:]
sources["tuned"] = LearnedAffinity(
    weights="bsds500",
    loss="bce",
    lr=1e-3,
    max_iter=40,
    crop_size=64,
    validation_fraction=0.0,
    random_state=0,
).fit(images[:40], truths[:40])
sources["oracle"] = OracleAffinity()

counts = [25, 50, 100, 200]
label_maps, maps_of_one = {}, {}
for name, source in sources.items():
    graph = GraphSuperpixels(affinity=source)
    read = y if name == "oracle" else X
    label_maps[name] = graph.transform_counts(read, counts)
    maps_of_one[name] = graph.predict_affinity(read[:1])[0]
display = CurveDisplay.from_labels(label_maps, y)
display.figure_.suptitle("ERS on 10 generated scenes")
print(f"{'100 superpixels':16}   ASA  boundary recall  contour density")
for name, curve in display.curves.items():
    scores = (curve[metric][2] for metric in display.metrics)
    print("{:16}{:6.3f}{:17.3f}{:17.3f}".format(name, *scores))

# %%
# One of the scenes shows why. Within a texture, neighbouring pixels differ as much as
# across its boundary, so by colours a cut inside is as cheap as one at the boundary.
# The network trained on photographs finds the boundaries of colours but hardly any of
# textures. After fine-tuning it finds those as well, although they are blurred and some
# are false: 40 scenes and 40 steps are few.
figure, axes = plt.subplots(2, 4, figsize=(11, 6), layout="constrained")
axes[0, 0].imshow(X[0])
axes[0, 0].set_title("scene")
axes[0, 0].set_axis_off()
for ax, (name, affinity) in zip(axes.flat[1:], maps_of_one.items(), strict=True):
    AffinityDisplay.from_affinity(affinity, ax=ax, kind="mean", colorbar=False)
    ax.set_title(name)
plt.show()
