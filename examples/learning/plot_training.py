"""
Training on your own images
===========================

What does it take to train a network on images of your own, and how do you see that it
worked? Images and ground truth, a few lines, and images held out twice: some to watch
the training by, others that are looked at only at the end.
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
# The data are two lists: arrays (uint8 here), and for each a label map, or several if
# several people have annotated it. :func:`~seal_sk.datasets.load_image_folder` reads
# such pairs from files. Forty generated scenes stand for yours, eight more are for the
# end.
images, truths = make_scenes(48, shape=(96, 96), random_state=0)
X_train, y_train, X_test, y_test = images[:40], truths[:40], images[40:], truths[40:]

# %%
# Training
# --------
# This network is a third as wide as the one that comes with the package, and is shown
# 64 x 64 pixels at a time. A fifth of the images is held out; every 25 steps they are
# cut into superpixels of ``train_segment_size`` pixels and scored, and the weights that
# did best on them are kept.
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
# The loss falls, and the achievable segmentation accuracy (ASA) on the images held out
# rises until the learning rate is almost nothing. A curve that still rises before that
# asks for more steps (``max_iter``). If the ASA fell while the loss still does, there
# would be too few images.
figure, axes = plt.subplots(2, 1, figsize=(7, 5), sharex=True, layout="constrained")
display = LearningCurveDisplay.from_estimator(
    seal, name="40 scenes, 8 of them held out", panels=["loss", "asa"], ax=axes
)
print(f"best after {display.best_iteration_} of {seal.n_iter_} steps")

# %%
# Before and after
# ----------------
# On the eight images that had no part in it. What there is without training: ERS along
# colours, and the network that comes with the package, which has seen photographs only.
# The last step, calibration, chooses how the network's probabilities become affinities,
# by the images that were held out from the training.
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
# The network sees the ends of textures, which colours do not show. Each row is a scene
# of the last eight: its ground truth, and 40 superpixels along colours and along what
# was learned.
figure, axes = plt.subplots(3, 3, figsize=(10, 10.3), layout="constrained")
by_color = methods["ERS, colours"].transform(X_test[:3])
by_network = seal.transform(X_test[:3])
for row, image, *maps in zip(axes, X_test, y_test, by_color, by_network, strict=False):
    for ax, labels, color in zip(row, maps, ("white", None, None), strict=True):
        SuperpixelDisplay.from_labels(image, labels, ax=ax, color=color, linewidth=1.2)
for ax, title in zip(axes[0], ["ground truth", "colours", "trained"], strict=True):
    ax.set_title(title)

# %%
# Keeping it
# ----------
# One file holds network, calibration and parameters. Nothing in it can execute code, so
# that it may be passed on.
with tempfile.TemporaryDirectory() as folder:
    path = Path(folder) / "scenes.safetensors"
    seal.save(path)
    print(f"{path.name}: {path.stat().st_size / 1024:.0f} KiB")
    again = SEALSuperpixels.load(path)
assert all(map(np.array_equal, again.transform(X_test), seal.transform(X_test)))
plt.show()
