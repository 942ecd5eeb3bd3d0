"""
Semantic segmentation by superpixel or by pixel
===============================================

This is semantic segmentation without a deep network: describe the window around each
pixel by features, and predict the pixel's class with a random forest.
`~seal_sk.SuperpixelClassifier` describes and classifies superpixels instead, of which
there are a hundred times fewer. How much accuracy does this cost, and how much time
does it save?
"""

from time import perf_counter

import matplotlib.pyplot as plt
import numpy as np
from matplotlib.colors import ListedColormap
from scipy.ndimage import uniform_filter
from skimage import data
from skimage.feature import local_binary_pattern
from sklearn.ensemble import RandomForestClassifier
from sklearn.frozen import FrozenEstimator

from seal_sk import SEALSuperpixels, SNICSuperpixels, SuperpixelClassifier, paint
from seal_sk.datasets import make_scenes
from seal_sk.metrics import asa_score

# %%
# Mosaics of photographed textures
# --------------------------------
# The images show brick, grass and gravel, in outlines from
# `~seal_sk.datasets.make_scenes`, so the class of every pixel is known. All three
# textures have the same mean and contrast, so the grey value of a pixel says little.
# The textures for training come from the left halves of the photographs, those for
# testing from the right halves.
classes = ["brick", "grass", "gravel"]
textures = []
for name in classes:
    texture = getattr(data, name)()[::2, ::2].astype(float)
    textures.append((texture - texture.mean()) / texture.std())
shape = (112, 112)


def mosaics(n, *, columns, random_state):
    """Grey images and maps of their classes."""
    rng = np.random.default_rng(random_state)
    _, outlines = make_scenes(n, shape=shape, random_state=random_state)
    images, truths = [], []
    for outline in outlines:
        truth = rng.integers(len(classes), size=outline.max() + 1)[outline]
        image = np.zeros(shape)
        for label, texture in enumerate(textures):
            row = rng.integers(texture.shape[0] - shape[0] + 1)
            column = columns[0] + rng.integers(columns[1] - columns[0] - shape[1] + 1)
            patch = texture[row : row + shape[0], column : column + shape[1]]
            image = np.where(truth == label, patch, image)
        images.append(np.clip(128 + 45 * image, 0, 255).astype(np.uint8))
        truths.append(truth)
    return images, truths


X_train, y_train = mosaics(8, columns=(0, 128), random_state=0)
X_test, y_test = mosaics(6, columns=(128, 256), random_state=1)


# %%
# Pixel by pixel
# --------------
# The features are the mean and standard deviation of the grey values, their histogram,
# the gradient by direction, and the local binary patterns of a window around each
# pixel, which has about as many pixels as the superpixels below. The forest is trained
# on one pixel in 10, which is plenty, since neighbours are alike.
def forest():
    """The classifier of all methods."""
    return RandomForestClassifier(100, min_samples_leaf=2, random_state=0)


def described(images, side, step=1):
    """A row of numbers for the window around each pixel, or around one in `step`."""
    rows = []
    for image in images:
        grey = image / 255
        down, right = np.gradient(grey)
        steepness = np.hypot(down, right)
        direction = np.rint(np.arctan2(down, right) / (np.pi / 4)) % 4
        pattern = local_binary_pattern(image, 8, 1, "uniform")
        maps = [grey, grey**2, steepness, steepness**2]
        maps += [(image // 32 == value).astype(float) for value in range(8)]
        maps += [steepness * (direction == value) for value in range(4)]
        maps += [(pattern == value).astype(float) for value in range(10)]
        means = np.stack([uniform_filter(m, side).ravel() for m in maps], axis=1)
        means[:, [1, 3]] -= means[:, [0, 2]] ** 2
        rows.append(means[::step])
    return np.concatenate(rows)


side = 11
seconds, predicted = {}, {}
start = perf_counter()
by_pixel = forest().fit(
    described(X_train, side, 10), np.concatenate([y.ravel()[::10] for y in y_train])
)
fitted = perf_counter()
predicted["pixels"] = by_pixel.predict(described(X_test, side)).reshape(-1, *shape)
seconds["pixels"] = fitted - start, perf_counter() - fitted

# %%
# Superpixel by superpixel
# ------------------------
# The features are much the same, and so is the forest. There are two segmenters: SNIC,
# which only uses brightness, and the network that comes with the package, which was
# trained on photographs and not on these mosaics. Since it is already trained, it is
# passed as frozen; and since it expects colours, grey is repeated three times.
n_segments = 120
segmenters = {
    "SNIC": SNICSuperpixels(n_segments, exact=True),
    "SEAL": FrozenEstimator(SEALSuperpixels(n_segments, weights="bsds500")),
}
thrice_train, thrice_test = (
    [np.repeat(image[..., None], 3, axis=2) for image in X] for X in (X_train, X_test)
)
features = ("mean", "std", "histogram", "texture")
label_maps = {}
for name, segmenter in segmenters.items():
    method = SuperpixelClassifier(forest(), segmenter=segmenter, features=features)
    start = perf_counter()
    method.fit(thrice_train, y_train)
    fitted = perf_counter()
    predicted[name] = method.predict(thrice_test)
    seconds[name] = fitted - start, perf_counter() - fitted
    label_maps[name] = method.segmenter_.transform(thrice_test)

# %%
# Both can be combined: each pixel is classified, and each superpixel gets the class
# that most of its pixels have.
predicted["pixels, then SEAL"] = []
for labels, classes_of_pixels in zip(
    label_maps["SEAL"], predicted["pixels"], strict=True
):
    votes = np.zeros((n_segments, len(classes)))
    np.add.at(votes, (labels, classes_of_pixels), 1)
    predicted["pixels, then SEAL"].append(paint(votes.argmax(axis=1), labels))

# %%
# Comparison
# ----------
# "Right" is the share of the test pixels with the right class. "At most" is the best
# that superpixels can do, if each gets the true class of most of its pixels: their ASA.
for name, maps in predicted.items():
    right = np.mean([m == y for m, y in zip(maps, y_test, strict=True)])
    line = f"{name:18} right: {right:.3f}"
    if name in label_maps:
        pairs = zip(y_test, label_maps[name], strict=True)
        line += f" of at most {np.mean([asa_score(*pair) for pair in pairs]):.3f}"
    if name in seconds:
        line += "  fit {:.2f} s, predict {:.2f} s".format(*seconds[name])
    print(line)
for name in label_maps:
    ratio = seconds["pixels"][1] / seconds[name][1]
    print(f"predicting by pixels takes {ratio:.1f} times as long as by {name}")

# %%
# Superpixels lose accuracy for two reasons: some pixels can't be right (see "at most"),
# and the classes are recognised less well. SEAL loses less than SNIC, since its
# boundaries follow the textures. SNIC compensates by being by far the fastest. SEAL
# does not: its network takes a good part of the time that the windows take. If time
# does not matter, the combination is better than either alone: the window decides the
# class, and the superpixel where it ends.
#
# In the figure, brick is red, grass green and gravel blue.
figure, axes = plt.subplots(3, 6, figsize=(11, 5.9), layout="constrained")
colors = ListedColormap(["#d1495b", "#4f9d69", "#3c6e9f"])
columns = {
    "image": None,
    "truth": y_test,
    "pixels": predicted["pixels"],
    "pixels, then SEAL": predicted["pixels, then SEAL"],
    "SNIC superpixels": predicted["SNIC"],
    "SEAL superpixels": predicted["SEAL"],
}
for column, (title, maps) in zip(axes.T, columns.items(), strict=True):
    column[0].set_title(title)
    for i, ax in enumerate(column):
        ax.imshow(X_test[i], cmap="gray", vmin=0, vmax=255)
        if maps is not None:
            ax.imshow(
                maps[i], cmap=colors, vmin=0, vmax=2, alpha=0.6, interpolation="nearest"
            )
        ax.set(xticks=[], yticks=[])
plt.show()
