"""
Methods side by side
====================

Which method cuts best? All of them are estimators with the same contract, a list of
images in and a list of label maps out, so one loop draws and scores them. What comes
out depends on the images: this page uses a photograph, to look at, and generated scenes
whose ground truth is exact. LSC and SEEDS need OpenCV
(``pip install "seal_sk[opencv]"``).
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
# Only the learned one knows any images beforehand, and it matters which. "SEAL" is the
# network that comes with the package, which has seen photographs. "SEAL, tuned" has
# seen 40 generated scenes as well, for a few steps.
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
# On scenes
# ---------
# The ten scenes that the tuned network has not seen, each method at its default
# parameters. Scores stand over the number of superpixels *that came out*: SEAL, ERS and
# FH give what was asked for, SNIC and LSC nearly so, SLIC and SEEDS far fewer here.
X, y = images[40:], truths[40:]
metrics = ("asa", "boundary_recall", "contour_density")
figure, axes = plt.subplots(1, 3, figsize=(12, 4), layout="constrained")
display = CurveDisplay.from_estimators(
    methods, X, y, counts=[25, 50, 100, 200], metrics=metrics, ax=axes
)
figure.suptitle("10 generated scenes")
print(f"{'asked for 100':16}{'got':>8}", *(f"{name:>16}" for name in metrics))
for name, curve in display.curves.items():
    scores = (f"{curve[metric][2]:16.3f}" for metric in metrics)
    print(f"{name:16}{curve['n_segments'][2]:8.1f}", *scores)

# %%
# Half of the objects or more have the colour of what lies behind them here, which is
# hard on methods that go by colour. The tuned network learned what the scenes are
# about, and leads. The one that knows photographs alone does not stand out: people who
# outline objects in photographs skip textures, and here textures are the objects. ERS
# finds many boundaries and has a low ASA all the same: its own boundaries are long, so
# that some of them lie near any that is asked about. The last curves are the share of
# pixels on them.
#
# On a photograph
# ---------------
# There is no ground truth here, so this is for the eye: 60 superpixels each, filled
# with their mean colours. Look at the eyes, the nose, and the outline against the wall.
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
