"""
What fine-tuning forgets
========================

A network that is fine-tuned becomes better at images of the new kind. Does it still
work on photographs, which it was trained on before? The images of the new kind are
generated scenes, whose objects differ in texture. The test on photographs uses one with
measured depth, where the outlines of objects are known without anybody having drawn
them. How to fine-tune on images of your own, and what it gains, is the subject of
:doc:`another example </auto_examples/learning/plot_fine_tuning>`.
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
# This is the left picture of a stereo pair that comes with scikit-image, at half its
# size, with the displacement of each pixel in the right picture: the nearer a pixel is,
# the larger its displacement. Points that are hidden in the right picture get the
# smaller displacement of the known pixels next to them. An outline is where the
# displacement jumps.
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
# Fine-tuning
# -----------
# ``partial_fit`` is one pass over the images at a constant learning rate, here ten
# steps of four crops each, so the progress is easy to follow. The loss is the one that
# the network was trained with; after another loss, its affinities would have to be
# calibrated again (`seal_sk.pan.calibrate`).
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
# On the scenes, most of the gain comes with the first steps. On the photograph, compare
# the recall of outlines with the share of all pixels close to a superpixel boundary,
# because this is the recall that would be reached by chance. The difference between the
# two shrinks.
figure, (left, right) = plt.subplots(1, 2, figsize=(10, 3.8), layout="constrained")
left.plot(steps, asa, "o-", color="#0072b2")
left.set(title="10 held-out scenes", xlabel="steps", ylabel="ASA at 60 superpixels")
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
# Changes in the affinities
# -------------------------
# The tuned network separates textures wherever it finds them, including the grain of
# the concrete floor. The outlines of the motorcycle (blue: where the depth jumps) are
# all still there, but the superpixels spent on the floor are missing elsewhere. So
# fine-tune if all your images are of the new kind, and keep the original network for
# the others (both are files of 2 MB). If both kinds occur, train on both. This is a
# single photograph: it shows the effect, but not how large it is in general.
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
