"""Training samples: crops of (image, annotation) pairs, the same in every run."""

import zlib
from dataclasses import dataclass

import numpy as np

from .._validation import check_annotations, check_bands, check_image
from .edges import canny
from .network import network_input

__all__ = ["Sample", "Samples", "check_data"]

# Kept around a crop while its edges are found, so that few of them depend on where
# the crop ends.
_EDGE_MARGIN = 8


@dataclass(frozen=True)
class Sample:
    """One crop: what the network reads, and what it should say."""

    image: np.ndarray  # (c, h, w) float32; three channels are blue, green, red
    edges: np.ndarray | None  # (1, h, w) float32, 0 on edges
    truth: np.ndarray  # (h, w) int64


class Samples:
    """Random crops, each a function of the seed and its number alone.

    Nothing has to be remembered to go on after an interruption, and any number of
    threads draws the same samples.

    Parameters
    ----------
    X, y : sequences
        Images and ground truths, checked.
    indices : array of int
        Which images to draw from.
    n_annotations : sequence of int
        How many annotations each image of `X` has.
    crop_size : int or None
        Side of the square crops; images smaller than that are used whole. None
        takes whole images.
    in_channels : int
        Channels that the network reads.
    edges : str or None
        Whose Canny; None for no edges.
    seed : sequence of int
        Of all that is random.
    first : int, default=0
        Number of the first sample: where the first epoch begins.
    """

    def __init__(
        self,
        X,
        y,
        indices,
        n_annotations,
        *,
        crop_size,
        in_channels,
        edges,
        seed,
        first=0,
    ):
        self.X, self.y = X, y
        # Every (image, annotation) pair is a sample of its own.
        self.pairs = [(i, k) for i in indices for k in range(n_annotations[i])]
        # Not a small NumPy integer, whose products would overflow.
        self.crop_size = crop_size and int(crop_size)
        self.in_channels = in_channels
        self.edges = edges
        self.seed = tuple(seed)
        self.first = first
        self._order = (-1, None)

    def draw(self, number):
        """Sample `number` of the endless sequence; each epoch sees every pair once."""
        epoch, position = divmod(number - self.first, len(self.pairs))
        image_index, annotation_index = self.pairs[self._shuffled(epoch)[position]]
        image = check_bands(
            self.X[image_index], self.in_channels, name=f"X[{image_index}]"
        )
        truth = check_annotations(
            self.y[image_index], image.shape[:2], name=f"y[{image_index}]"
        )[annotation_index]
        return self._crop(image, truth, np.random.default_rng([*self.seed, 1, number]))

    def _shuffled(self, epoch):
        order = self._order
        if order[0] != epoch:
            rng = np.random.default_rng([*self.seed, 0, epoch])
            order = self._order = (epoch, rng.permutation(len(self.pairs)))
        return order[1]

    def _crop(self, image, truth, rng):
        height, width = truth.shape
        size = self.crop_size or max(height, width)
        h, w = min(size, height), min(size, width)
        top = int(rng.integers(height - h + 1))
        left = int(rng.integers(width - w + 1))
        inside = slice(top, top + h), slice(left, left + w)
        inputs = network_input(image[inside], self._edges(image, top, left, h, w))
        arrays = [truth[inside].astype(np.int64), *inputs]
        turns, mirror = int(rng.integers(4)), bool(rng.integers(2))
        for k, array in enumerate(arrays):
            array = np.rot90(array, turns, axes=(-2, -1))
            arrays[k] = (array[..., ::-1] if mirror else array).copy()
        truth, image, *edges = arrays
        return Sample(image, edges[0] if edges else None, truth)

    def _edges(self, image, top, left, h, w):
        if self.edges is None:
            return None
        y, x = max(top - _EDGE_MARGIN, 0), max(left - _EDGE_MARGIN, 0)
        around = image[y : top + h + _EDGE_MARGIN, x : left + w + _EDGE_MARGIN]
        return canny(around, self.edges)[top - y :, left - x :][:h, :w]


def check_data(X, y):
    """Look at every image and annotation once, before any work is done on them.

    Parameters
    ----------
    X, y : sequences
        Images and ground truths, as many of each.

    Returns
    -------
    counts : list of int
        The number of annotations of each image.
    checksum : int
        Of all of them, to tell data sets apart.
    in_channels : int
        Channels of the images; 3 where grey and RGB are mixed.

    Raises
    ------
    ValueError, TypeError
        If an image or annotation is not as it should be, or images differ in their
        number of channels.
    """
    counts, checksum = [], 0
    first = {}  # the first image of so many channels
    for i in range(len(X)):
        image = check_image(X[i], name=f"X[{i}]")
        n_channels = image.shape[2]
        for n_others, k in first.items():
            if n_others != n_channels and {n_others, n_channels} != {1, 3}:
                raise ValueError(
                    f"The images differ in their number of channels: X[{k}] has "
                    f"{n_others}, X[{i}] has {n_channels}. One network reads images of "
                    "one kind (grey and RGB may be mixed): leave some out."
                )
        first.setdefault(n_channels, i)
        if image.shape[:2] == (1, 1):
            raise ValueError(
                f"X[{i}] is a single pixel, which has no neighbour to learn from; "
                "leave it out."
            )
        annotations = check_annotations(y[i], image.shape[:2], name=f"y[{i}]")
        counts.append(len(annotations))
        for array in (image, *annotations):
            checksum = zlib.crc32(str(array.shape).encode(), checksum)
            checksum = zlib.crc32(np.ascontiguousarray(array), checksum)
    return counts, checksum, max(first)
