"""
Finding the salient object
==========================

Which part of a photograph stands out? Yang et al. answer this by ranking: superpixels
that look like the four edges of the picture, and can be reached from them through
superpixels of similar colour, are background; the rest is the object. They used SLIC
superpixels. This example uses `~seal_sk.SEALSuperpixels`, and a few lines of sparse
linear algebra on the graph that `~seal_sk.adjacency` returns, on five photographs that
come with scikit-image and scikit-learn. It works on three of them, more or less.

Chuan Yang, Lihe Zhang, Huchuan Lu, Xiang Ruan and Ming-Hsuan Yang, "Saliency Detection
via Graph-Based Manifold Ranking", CVPR 2013.
"""

import matplotlib.pyplot as plt
import numpy as np
from scipy.sparse import coo_array, diags_array
from scipy.sparse.linalg import splu
from skimage import data
from skimage.color import rgb2lab
from sklearn.datasets import load_sample_image

from seal_sk import SEALSuperpixels, adjacency, paint, superpixel_features
from seal_sk.plotting import draw_boundaries

# %%
# The photographs are used at half their size. One call segments each of them into 200
# superpixels, with the network that comes with the package.
photographs = {
    "flower": load_sample_image("flower.jpg"),
    "coffee": data.coffee(),
    "rocket": data.rocket(),
    "astronaut": data.astronaut(),
    "cat": data.chelsea(),
}
photographs = {name: image[::2, ::2] for name, image in photographs.items()}
images = list(photographs.values())
seal = SEALSuperpixels(200, weights="bsds500")
label_maps = seal.transform(images)
for name, labels in zip(photographs, label_maps, strict=True):
    print(f"{name:10} {labels.size:6} pixels, {labels.max() + 1} superpixels")


# %%
# The graph
# ---------
# A superpixel is connected to its neighbours and to their neighbours, and all
# superpixels on the edges of the picture are connected to each other: the background is
# treated as one thing, even if an object divides it. The weight of a connection falls
# with the distance of the mean colours in CIELAB.
def sides(labels):
    """The superpixels on each of the four edges of the picture."""
    return [np.unique(s) for s in (labels[0], labels[-1], labels[:, 0], labels[:, -1])]


def weights(image, labels):
    """Sparse matrix of the weights of all ties."""
    near = adjacency(labels) > 0
    tied = ((near + near @ near) > 0).tocoo()
    edge = np.unique(np.concatenate(sides(labels)))
    first = np.concatenate([tied.row, np.repeat(edge, len(edge))])
    second = np.concatenate([tied.col, np.tile(edge, len(edge))])
    first, second = np.unique([first, second], axis=1)
    first, second = first[first != second], second[first != second]
    color = rgb2lab(superpixel_features(image, labels, features=("mean",))) / 100
    distance = np.linalg.norm(color[first] - color[second], axis=1)
    n = len(color)
    return coo_array((np.exp(-distance / 0.1), (first, second)), shape=(n, n)).tocsc()


# %%
# The ranking
# -----------
# Queries ``y`` are 1 for the superpixels that we know something about. They spread over
# the graph, with a share of 0.99 at each step, and the ranks are the limit of this
# process. It is the solution of one linear system, which is factorised once for all
# queries.
#
# The first stage uses each edge of the picture in turn as the query. A superpixel is
# salient if *no* edge reaches it. The query of the second stage is all superpixels
# above the mean of the first, which fills in the object.
def unit(values):
    """Values from 0 to 1."""
    return (values - values.min()) / (values.max() - values.min())


def saliency(image, labels):
    """Ranks of the superpixels after the first and after the second stage."""
    weight = weights(image, labels)
    n = weight.shape[0]
    degree = diags_array(weight.sum(axis=0), format="csc")
    spread = splu((degree - 0.99 * weight).tocsc()).solve(np.eye(n))
    np.fill_diagonal(spread, 0)  # a query says nothing about itself
    first = np.ones(n)
    for side in sides(labels):
        query = np.isin(np.arange(n), side).astype(float)
        first *= 1 - unit(spread @ query)
    second = spread @ (first > first.mean()).astype(float)
    return first, unit(second)


ranks = [
    saliency(image, labels) for image, labels in zip(images, label_maps, strict=True)
]

# %%
# The maps
# --------
# The object consists of the superpixels that rank above the mean of the second map.
shapes = [np.divide(*image.shape[1::-1]) for image in images]
figure, axes = plt.subplots(
    4, 5, figsize=(10, 5.8), width_ratios=shapes, layout="constrained"
)
rows = ["200 superpixels", "1: unlike the edges", "2: like the first", "object"]
for column, name in enumerate(photographs):
    image, labels, (first, second) = images[column], label_maps[column], ranks[column]
    found = paint((second > second.mean()).astype(int), labels) > 0
    pictures = [
        draw_boundaries(image, labels, scale=2),
        paint(first, labels),
        paint(second, labels),
        np.where(found[..., None], image, 255),
    ]
    for ax, picture in zip(axes[:, column], pictures, strict=True):
        ax.imshow(picture, cmap="magma")
        ax.set(xticks=[], yticks=[])
    axes[0, column].set_title(name)
    print(f"{name:10} object: {found.mean():3.0%} of the pixels")
for ax, label in zip(axes[:, 0], rows, strict=True):
    ax.set_ylabel(label)
plt.show()

# %%
# The flower is found as a whole, and so is the cup. The suit of the astronaut is found,
# where the patch on her chest stands out most, but not her face, which is as bright as
# the wall. The other two break the assumption that the edges of a picture show its
# background. The cat fills the picture: its fur is taken as background, and one eye
# stands out. Behind the rocket the sky glows in a colour that does not occur at any
# edge, so it counts as object. Superpixels do not help against that. They make the
# system small, 200 unknowns instead of tens of thousands of pixels, and give the object
# an outline that follows boundaries.
