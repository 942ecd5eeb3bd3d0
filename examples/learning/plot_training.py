"""
Training on your own images
===========================

How do you train a network on your own images, and how do you see whether it worked? You
need images with ground truth, a few lines of code, and two sets of held-out images: one
to monitor the training, and one that is only used at the end.
"""

# sphinx_gallery_thumbnail_number = 2

import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np

from seal_sk import ERSSuperpixels, SEALSuperpixels
from seal_sk.datasets import make_scenes
from seal_sk.metrics import asa_scorer, boundary_recall_scorer
from seal_sk.pan import calibrate
from seal_sk.plotting import LearningCurveDisplay, SuperpixelDisplay

# %%
# The data are two lists: the images as arrays (uint8 here), and for each image a label
# map, or several if several people have annotated it.
# :func:`~seal_sk.datasets.load_image_folder` reads such pairs from files. Here, forty
# generated scenes take the place of your images, and eight more are for the final test.
images, truths = make_scenes(48, shape=(96, 96), random_state=0)
X_train, y_train, X_test, y_test = images[:40], truths[:40], images[40:], truths[40:]

# %%
# Training
# --------
# This network is a third as wide as the one that comes with the package, and is trained
# on crops of 64 x 64 pixels. A fifth of the images is held out. Every 25 steps they are
# segmented into superpixels of ``train_segment_size`` pixels and scored, and the
# weights with the best score are kept.
seal = SEALSuperpixels(
    n_segments=40,
    network="unet",
    width=8,
    loss="bce",
    lr=1e-2,
    max_iter=300,
    crop_size=64,
    train_segment_size=96 * 96 / 40,
    validation_fraction=0.2,
    validate_every=25,
    random_state=0,
).fit(X_train, y_train)

# %%
# The loss falls, and the achievable segmentation accuracy (ASA) on the held-out images
# rises until the learning rate is almost zero. If the curve still rises before that,
# more steps are needed (``max_iter``). If the ASA fell while the loss was still
# falling, there would be too few images.
figure, axes = plt.subplots(2, 1, figsize=(7, 5), sharex=True, layout="constrained")
display = LearningCurveDisplay.from_estimator(
    seal, name="40 scenes, 8 of them held out", panels=["loss", "asa"], ax=axes
)
print(f"best after {display.best_iteration_} of {seal.n_iter_} steps")

# %%
# Before and after
# ----------------
# The comparison uses the eight images that were not used in the training. Without
# training, there are ERS on colours, and the network that comes with the package, which
# was only trained on photographs. The last step, calibration, chooses how the network's
# probabilities are converted to affinities, based on the images that were held out from
# the training.
methods = {
    "ERS, colours": ERSSuperpixels(40),
    "shipped network": SEALSuperpixels(40, weights="bsds500"),
    "trained": seal,
}


def report(name, method):
    """Print the scores on the images that were not looked at before."""
    asa = asa_scorer(method, X_test, y_test)
    recall = boundary_recall_scorer(method, X_test, y_test)
    print(f"{name:24} ASA {asa:.3f}, boundary recall {recall:.3f}")


for name, method in methods.items():
    report(name, method)
held_out = seal.validation_indices_
calibrate(
    seal.net_,
    [X_train[i] for i in held_out],
    [y_train[i] for i in held_out],
    n_segments=(40,),
)
report("trained and calibrated", seal)

# %%
# The network finds the boundaries between textures, which colours do not show. Each row
# is one of the last eight scenes: its ground truth, 40 superpixels based on colours,
# and 40 based on the trained network.
figure, axes = plt.subplots(3, 3, figsize=(10, 10.3), layout="constrained")
by_color = methods["ERS, colours"].transform(X_test[:3])
by_network = seal.transform(X_test[:3])
for row, image, *maps in zip(axes, X_test, y_test, by_color, by_network, strict=False):
    for ax, labels, color in zip(row, maps, ("white", None, None), strict=True):
        SuperpixelDisplay.from_labels(image, labels, ax=ax, color=color, linewidth=1.2)
for ax, title in zip(axes[0], ["ground truth", "colours", "trained"], strict=True):
    ax.set_title(title)

# %%
# Saving the network
# ------------------
# One file holds the network, its calibration and the parameters. It can't execute code,
# so it is safe to share.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "scenes.safetensors"
    seal.save(path)
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")
    again = SEALSuperpixels.load(path)
assert all(map(np.array_equal, again.transform(X_test), seal.transform(X_test)))
plt.show()
