"""
Fine-tuning: what it brings, and what it costs
==============================================

The network that comes with the package has seen photographs. How far do a few steps on
images of another kind take it, and does it still know photographs afterwards? The other
kind are generated scenes, whose objects are told apart by texture. For photographs
there is a test as well: one whose depth was measured, so that the outlines of things
are known without anybody having drawn them.
"""

# sphinx_gallery_thumbnail_number = 2

import matplotlib.pyplot as plt
import numpy as np
from scipy.ndimage import maximum_filter
from skimage.data import stereo_motorcycle

from seal_sk import SEALSuperpixels
from seal_sk.datasets import make_scenes
from seal_sk.labels import boundaries
from seal_sk.metrics import asa_scorer
from seal_sk.plotting import AffinityDisplay

# %%
# A photograph with measured depth
# --------------------------------
# The left picture of a stereo pair that comes with scikit-image, at half its size, and
# for each pixel by how much it is displaced in the right one: the nearer, the more.
# Where things lie behind others they are not seen from the right, and take the smaller
# displacement of those beside them. The outline of a thing is where it jumps.
photograph, _, disparity = stereo_motorcycle()
photograph, disparity = photograph[::2, ::2], disparity[::2, ::2].astype(float)


def filled(rows):
    """Unknown values, which are infinite, by the last known ones to their left."""
    known = np.where(np.isfinite(rows), np.arange(rows.shape[1]), 0)
    return np.take_along_axis(rows, np.maximum.accumulate(known, axis=1), axis=1)


disparity = np.minimum(filled(disparity), filled(disparity[:, ::-1])[:, ::-1])
outline = np.zeros(disparity.shape, dtype=bool)
outline[:, :-1] |= np.abs(np.diff(disparity, axis=1)) > 3
outline[:-1] |= np.abs(np.diff(disparity, axis=0)) > 3


def depth_recall(estimator):
    """Shares of the outlines and of all pixels that a boundary is near."""
    label_maps = estimator.transform_counts([photograph], [100, 200, 400])[0]
    near = [maximum_filter(boundaries(labels), 3) for labels in label_maps]
    return np.mean([there[outline].mean() for there in near]), np.mean(near)


# %%
# Tuning
# ------
# ``partial_fit`` is one pass over the images at a constant rate, here ten steps of four
# crops each, which makes it easy to look in between. The loss is the one that the
# network was trained with; after another one its affinities would have to be calibrated
# anew (`seal_sk.pan.calibrate`).
images, truths = make_scenes(50, random_state=0)
X_train, y_train, X_test, y_test = images[:40], truths[:40], images[40:], truths[40:]
seal = SEALSuperpixels(
    60, weights="bsds500", loss="bce", lr=1e-3, crop_size=64, random_state=0
)
affinities = {"shipped": seal.predict_affinity([X_test[0], photograph])}
steps, asa, recall, chance = [], [], [], []
for n_passes in range(7):
    if n_passes:
        seal.partial_fit(X_train, y_train)
    if n_passes % 2 == 0:
        steps.append(10 * n_passes)
        asa.append(asa_scorer(seal, X_test, y_test))
        for values, value in zip((recall, chance), depth_recall(seal), strict=True):
            values.append(value)
        print(
            f"{steps[-1]:3d} steps: ASA on scenes {asa[-1]:.3f}; on the photograph "
            f"{recall[-1]:.3f} of the outlines found, {chance[-1]:.3f} of all pixels"
        )
affinities["tuned"] = seal.predict_affinity([X_test[0], photograph])

# %%
# On scenes most of the gain comes with the first steps. On the photograph the recall of
# outlines has to be read beside the share of all pixels that a superpixel boundary is
# near, since so many would be found by chance. The distance of the two shrinks.
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
left.plot(steps, asa, "o-", color="#0072b2")
left.set(title="10 scenes held out", xlabel="steps", ylabel="ASA at 60 superpixels")
right.plot(steps, recall, "o-", color="#d55e00", label="near an outline of depth")
right.plot(steps, chance, "o--", color="#999999", label="anywhere: chance")
right.set(title="the photograph", xlabel="steps", ylabel="share near a boundary")
right.set_ylim(0, 1)
right.legend(frameon=False)
for ax in left, right:
    ax.set_xticks(steps)
    ax.grid(alpha=0.3)
gain = [found - by_chance for found, by_chance in zip(recall, chance, strict=True)]
print(f"recall above chance: {gain[0]:.3f} before, {gain[-1]:.3f} after")

# %%
# What has changed
# ----------------
# The tuned network parts textures, wherever it meets them: the grain of the concrete
# floor as well. The outlines of the motorcycle (blue: where depth jumps) are all still
# there, but superpixels spent on the floor are missing elsewhere. So tune where all
# images are of the new kind, keep the network that you came from for the others (both
# are files of 2 MB), and where both kinds come up, tune on both. This is one
# photograph: it shows what happens, not how much of it to expect.
outlined = np.where(outline[..., None], np.uint8([0, 220, 255]), photograph)
figure, axes = plt.subplots(
    2, 3, figsize=(10.5, 6.1), height_ratios=[3.5, 2.4], layout="constrained"
)
shown = zip(axes, (X_test[0], outlined), strict=True)
for i, (row, image) in enumerate(shown):
    row[0].imshow(image)
    row[0].set_axis_off()
    for ax, (name, maps) in zip(row[1:], affinities.items(), strict=True):
        AffinityDisplay.from_affinity(maps[i], ax=ax, kind="mean", colorbar=False)
        ax.set_title(f"affinities, {name}" if i == 0 else "")
plt.show()
