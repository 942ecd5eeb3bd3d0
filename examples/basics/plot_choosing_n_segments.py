"""
Choosing the number of superpixels
==================================

How many superpixels does a task need, and with which settings of the method? More
superpixels lose less, but make the next step more expensive. Define your own score,
which says how much an additional superpixel must improve the result, and use
scikit-learn's grid search with it.
"""

# sphinx_gallery_thumbnail_number = 1

import matplotlib.pyplot as plt
import numpy as np
from sklearn.model_selection import GridSearchCV

from seal_sk import SNICSuperpixels
from seal_sk.datasets import make_scenes
from seal_sk.metrics import asa_scorer
from seal_sk.plotting import SuperpixelDisplay

# %%
# A scorer is any function of (estimator, images, truths). This one starts from the
# achievable segmentation accuracy (ASA): the share of pixels that would be right if
# each superpixel were assigned to the object that it overlaps most.
PRICE = 5e-4
RED = np.array([255, 40, 70])


def asa_less_price(estimator, X, y):
    """ASA, minus a price per superpixel."""
    asa = asa_scorer(estimator, X, y)
    return asa - PRICE * np.mean(estimator.n_segments_)


# %%
# The search covers the number and the compactness together. By ASA alone the largest
# number would always win, so both scores are recorded, and the one with the price
# chooses. SNIC has nothing to learn; the folds show how much the scores vary between
# images.
images, truths = make_scenes(30, random_state=0)
X, y = images[:24], truths[:24]
counts, compactness = [10, 20, 40, 80, 160, 320], [2.5, 5, 10, 20, 40, 80]
search = GridSearchCV(
    SNICSuperpixels(),
    {"n_segments": counts, "compactness": compactness},
    scoring={"asa": asa_scorer, "asa_less_price": asa_less_price},
    refit="asa_less_price",
    cv=4,
).fit(X, y)
results, best = search.cv_results_, search.best_index_
print("chosen:", search.best_params_)
print(
    f"ASA {results['mean_test_asa'][best]:.3f}, less the price "
    f"{results['mean_test_asa_less_price'][best]:.3f} "
    f"+- {results['std_test_asa_less_price'][best]:.3f} between folds"
)

# %%
# Both parameters at once
# -----------------------
# If the best value were at the end of its range, the range would be too small. Here it
# lies inside. Twice the compactness is just as good, as far as 24 scenes can show: the
# folds differ by more. Half and twice the number of superpixels are worse.
figure, axes = plt.subplots(1, 2, figsize=(10, 4.2), layout="constrained")
shape = (len(compactness), len(counts))
row, column = np.unravel_index(best, shape)
for ax, score, title in zip(
    axes,
    ["asa", "asa_less_price"],
    ["ASA", f"ASA - {PRICE} per superpixel"],
    strict=True,
):
    means = results[f"mean_test_{score}"].reshape(shape)
    ax.imshow(means, cmap="viridis", origin="lower", aspect="auto")
    for i, j in np.ndindex(shape):
        light = means[i, j] < (means.min() + means.max()) / 2
        color = "white" if light else "black"
        ax.text(j, i, f"{means[i, j]:.3f}", ha="center", va="center", color=color)
    ax.set(title=title, xlabel="n_segments", ylabel="compactness")
    ax.set_xticks(range(len(counts)), counts)
    ax.set_yticks(range(len(compactness)), compactness)
    frame = plt.Rectangle((column - 0.5, row - 0.5), 1, 1, fill=False, ec="red", lw=2.5)
    ax.add_patch(frame)

# %%
# On held-out images
# ------------------
# The parameters chosen on 24 scenes should also be good on six others, and they are: by
# the score that was used for the choice, they are better than the default settings.
chosen, default = search.best_estimator_, SNICSuperpixels()
held_out = images[24:], truths[24:]
for name, estimator in ("chosen", chosen), ("default", default):
    asa, net = (score(estimator, *held_out) for score in (asa_scorer, asa_less_price))
    print(
        f"{name:8} n_segments={estimator.n_segments}, compactness="
        f"{estimator.compactness:g}: ASA {asa:.3f}, less the price {net:.3f}"
    )

# %%
# The pixels that would be wrong are shown in red. At this price, the additional errors
# of fewer superpixels weigh less than the price of more superpixels; another task has
# another price.
figure, axes = plt.subplots(2, 3, figsize=(10, 7), layout="constrained")
for row, estimator in zip(axes, (chosen, default), strict=True):
    maps = estimator.transform(held_out[0][:3])
    for ax, image, truth, labels in zip(row, *held_out, maps, strict=False):
        overlap = np.zeros((labels.max() + 1, truth.max() + 1), dtype=int)
        np.add.at(overlap, (labels, truth), 1)
        wrong = overlap.argmax(axis=1)[labels] != truth
        tinted = np.where(wrong[..., None], (image + 2 * RED) // 3, image)
        SuperpixelDisplay.from_labels(
            tinted.astype(np.uint8),
            labels,
            name=f"{labels.max() + 1} superpixels, ASA {1 - wrong.mean():.3f}",
            ax=ax,
            linewidth=0.6,
        )
plt.show()
