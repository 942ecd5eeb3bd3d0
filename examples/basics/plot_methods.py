"""
Comparing methods
=================

Which method is best? All methods are estimators with the same interface, from a list of
images to a list of label maps, so a single loop draws and scores them. The answer
depends on the images: this example uses a photograph, for a visual comparison, and
generated scenes with exact ground truth. LSC and SEEDS need OpenCV (``pip install
"seal_sk[opencv]"``).
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
from skimage.data import chelsea

from seal_sk import (
    ERSSuperpixels,
    FHSuperpixels,
    LSCSuperpixels,
    SEALSuperpixels,
    SEEDSSuperpixels,
    SLICSuperpixels,
    SNICSuperpixels,
)
from seal_sk.datasets import make_scenes
from seal_sk.plotting import CurveDisplay, SuperpixelDisplay

# %%
# Only the learned method has seen images before, and it matters which. "SEAL" is the
# network that comes with the package, which was trained on photographs. "SEAL, tuned"
# was also trained on 40 generated scenes, for a few steps.
images, truths = make_scenes(50, random_state=0)
tuned = SEALSuperpixels(
    weights="bsds500",
    loss="bce",
    lr=1e-3,
    max_iter=40,
    crop_size=64,
    validation_fraction=0.0,
    random_state=0,
).fit(images[:40], truths[:40])

methods = {
    "SEAL, tuned": tuned,
    "SEAL": SEALSuperpixels(weights="bsds500"),
    "ERS": ERSSuperpixels(),
    "FH": FHSuperpixels(),
    "SNIC": SNICSuperpixels(),
    "SLIC": SLICSuperpixels(),
    "LSC": LSCSuperpixels(),
    "SEEDS": SEEDSSuperpixels(),
}

# %%
# Generated scenes
# ----------------
# The test uses ten scenes that the tuned network has not seen, and each method with its
# default parameters. Scores are drawn over the number of superpixels *returned*: SEAL,
# ERS and FH return the requested number, SNIC and LSC nearly, SLIC and SEEDS far fewer
# here.
X, y = images[40:], truths[40:]
metrics = ("asa", "boundary_recall", "contour_density")
figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
display = CurveDisplay.from_estimators(
    methods, X, y, counts=[25, 50, 100, 200], metrics=metrics, ax=axes
)
figure.suptitle("10 generated scenes")
print(f"{'requested: 100':16}{'count':>8}", *(f"{name:>16}" for name in metrics))
for name, curve in display.curves.items():
    scores = (f"{curve[metric][2]:16.3f}" for metric in metrics)
    print(f"{name:16}{curve['n_segments'][2]:8.1f}", *scores)

# %%
# At least half of the objects have the colour of their background, which is hard for
# methods based on colour. The tuned network has learned the relevant textures, and
# leads. The network trained on photographs alone does not stand out: people who outline
# objects in photographs ignore textures, but here the textures are the objects. ERS
# finds many boundaries and still has a low ASA. Its own boundaries are long, so some of
# them are close to any true boundary. The last plot shows the share of pixels on
# boundaries.
#
# A photograph
# ------------
# There is no ground truth here, so this is a visual comparison: 60 superpixels each,
# filled with their mean colours. Look at the eyes, the nose, and the outline against
# the wall.
photograph = chelsea()[:, 60:390]
figure, axes = plt.subplots(3, 3, figsize=(10, 9.6), layout="constrained")
axes[0, 0].imshow(photograph)
axes[0, 0].set_title("photograph")
axes[0, 0].set_axis_off()
for ax, (name, method) in zip(axes.flat[1:], methods.items(), strict=True):
    (labels,) = method.set_params(n_segments=60).transform([photograph])
    title = f"{name}: {method.n_segments_[0]} superpixels"
    SuperpixelDisplay.from_labels(
        photograph, labels, kind="mean", color="white", linewidth=0.5, name=title, ax=ax
    )
plt.show()
