"""
Methods side by side
====================

The paper compares superpixels along learned affinities (SEAL-ERS) with ERS on colours,
SLIC, LSC, SEEDS and SNIC. Here all of them are estimators with the same contract: a
list of images in, a list of label maps out, each label one connected region.

The curves are those of the paper's Figure 6: achievable segmentation accuracy (ASA) and
boundary recall over the number of superpixels *that came out*, and the means of both.
They are drawn for generated scenes, or for every tenth test image of BSDS500 where
``SEAL_SK_DATA`` names the folder that holds it. LSC and SEEDS need OpenCV:
``pip install "seal_sk[opencv]"``.
"""

import matplotlib.pyplot as plt
from comparison import curve, draw_curves, images_and_truths, training
from skimage.data import coffee

from seal_sk import (
    ERSSuperpixels,
    FHSuperpixels,
    LSCSuperpixels,
    SEALSuperpixels,
    SEEDSSuperpixels,
    SLICSuperpixels,
    SNICSuperpixels,
)
from seal_sk.plotting import SuperpixelDisplay

# %%
# The learned one is the only one that is fitted. It is trained for a short time here:
# a network that is worth its price has seen thousands of steps.
(X_train, y_train), (X, y), counts, name = images_and_truths()
seal = SEALSuperpixels(**training(X_train)).fit(X_train, y_train)

methods = {
    "SEAL-ERS": seal,
    "ERS": ERSSuperpixels(n_jobs=2),
    "FH": FHSuperpixels(n_jobs=2),
    "SNIC": SNICSuperpixels(n_jobs=2),
    "SLIC": SLICSuperpixels(n_jobs=2),
    "LSC": LSCSuperpixels(n_jobs=2),
    "SEEDS": SEEDSSuperpixels(n_jobs=2),
}

# %%
# Figure 6. Each method at its default parameters.
figure, axes = plt.subplots(1, 3, figsize=(13, 4), layout="constrained")
draw_curves(
    axes, {label: curve(method, X, y, counts) for label, method in methods.items()}
)
figure.suptitle(name)

# %%
# On a photograph, at 150 superpixels. The scenes taught the network about scenes;
# whether that helps here is for the eye, since there is no ground truth.
photograph = coffee()[30:370:2, 100:520:2]
figure, axes = plt.subplots(2, 4, figsize=(13, 6.2), layout="constrained")
for ax, (label, method) in zip(axes.flat, methods.items(), strict=False):
    method.set_params(n_segments=150)
    display = SuperpixelDisplay.from_estimator(method, photograph, ax=ax)
    ax.set_title(f"{label}, {method.n_segments_[0]} superpixels")
axes[-1, -1].imshow(photograph)
axes[-1, -1].set(title="photograph")
axes[-1, -1].set_axis_off()
plt.show()
