"""Training samples: crops of (image, annotation) pairs, the same in every run."""

import zlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from ..._typing import Images
from ..._validation import (
    check_affinity,
    check_annotations,
    check_bands,
    check_image,
    unit_scale,
)
from ...affinity.edges import canny
from ...affinity.maps import mean_affinity
from ..prediction import network_input
from .augmentation import (
    disturb,
    jitter,
    resize_image,
    resize_labels,
    turn,
    turn_affinity,
    zoom,
)

__all__ = ["Sample", "Samples", "check_data"]

# Margin around a crop in which edges are found, so that the border of the crop affects
# few of them.
_EDGE_MARGIN = 8

# The flags of zero to three quarter turns.
_FLAGS = (
    (False, False, False),
    (True, True, False),
    (False, True, True),
    (True, False, True),
)


@dataclass(frozen=True)
class Sample:
    """One crop: the input of the network, and its target."""

    image: np.ndarray  # (c, h, w) float32; three channels are blue, green, red
    edges: np.ndarray | None  # (1, h, w) float32, 0 on edges
    # (h, w) int64, a label map; or (2, h, w) float32, mean affinities of all
    # annotations, NaN where they are unknown.
    truth: np.ndarray


class Samples:
    """Random crops, each of which depends only on the seed and its number.

    So there is no state to save for an interruption, and any number of threads draws
    the same samples.

    Parameters
    ----------
    X, y : sequences
        Images and ground truths, checked.
    indices : array of int
        Indices of the images to draw from.
    n_annotations : sequence of int
        Number of annotations of each image of `X`.
    crop_size : int or None
        Side of the square crops; smaller images are used whole. None uses whole images.
    in_channels : int
        Channels that the network reads.
    edges : str or None
        Library whose Canny gives the edges; None for no edges.
    annotations : {"each", "mean"}, default="each"
        With "each", a sample is an (image, annotation) pair, with a label map as its
        truth; with "mean", it is an image with the mean affinities of its annotations.
    augmentation : {"rigid", "full", "disturbed"}, default="rigid"
        "rigid" applies quarter turns and reflections; "full" also changes scale,
        colours and contrast, and adds noise; "disturbed" moreover adds strong noise,
        blur, haze, darkness or compression to half of the samples.
    ignore_label : int, optional
        Label of unknown pixels, for the mean.
    seed : sequence of int
        Seed of all random choices.
    first : int, default=0
        Number of the sample at which the first epoch begins.
    """

    def __init__(
        self,
        X: Images,
        y: Any,
        indices: Sequence[int] | NDArray[np.intp],
        n_annotations: Sequence[int],
        *,
        crop_size: int | None,
        in_channels: int,
        edges: str | None,
        seed: Sequence[int],
        annotations: str = "each",
        augmentation: str = "rigid",
        ignore_label: int | None = None,
        first: int = 0,
    ) -> None:
        self.X, self.y = X, y
        self.items: list[tuple[int, int | None]]
        if annotations == "each":
            self.items = [(i, k) for i in indices for k in range(n_annotations[i])]
        else:
            self.items = [(i, None) for i in indices]
        # Python's integer, since products of small integers of NumPy would overflow.
        self.crop_size = crop_size and int(crop_size)
        self.in_channels = in_channels
        self.edges = edges
        self.annotations = annotations
        self.augmentation = augmentation
        self.ignore_label = ignore_label
        self.seed = tuple(seed)
        self.first = first
        self._order: tuple[int, Any] = (-1, None)

    def __len__(self) -> int:
        """Number of samples in an epoch."""
        return len(self.items)

    def draw(self, number: int) -> Sample:
        """Sample `number` of an endless sequence; each epoch has every item once."""
        epoch, position = divmod(number - self.first, len(self))
        i, k = self.items[self._shuffled(epoch)[position]]
        image = check_bands(self.X[i], self.in_channels, name=f"X[{i}]")
        truth = check_truth(self.y[i], image.shape[:2], name=f"y[{i}]")
        rng = np.random.default_rng([*self.seed, 1, number])
        if is_affinity(truth):
            return self._crop(image, truth.transpose(2, 0, 1), rng)
        return self._crop(image, truth if k is None else truth[k : k + 1], rng)

    def _shuffled(self, epoch):
        order = self._order
        if order[0] != epoch:
            rng = np.random.default_rng([*self.seed, 0, epoch])
            order = self._order = (epoch, rng.permutation(len(self)))
        return order[1]

    def _crop(self, image, truth, rng):
        """A random crop of an image and its truth (label maps or an affinity map)."""
        height, width = image.shape[:2]
        size = self.crop_size or max(height, width)
        h, w = min(size, height), min(size, width)
        soft = is_affinity(truth)
        free = self.augmentation != "rigid"
        # To change the scale, a larger or smaller part of the image is resized.
        # Affinities can't be resized: they are valid only at their scale.
        rescaled = free and not soft
        source_h, source_w = zoom(h, w, height, width, rng) if rescaled else (h, w)
        top = int(rng.integers(height - source_h + 1))
        left = int(rng.integers(width - source_w + 1))
        inside = ..., slice(top, top + source_h), slice(left, left + source_w)
        truth = np.stack([channel[inside] for channel in truth])
        if free:
            values = unit_scale(image[inside[1:]], np.float32)
            values = jitter(resize_image(values, (h, w)), rng)
            if self.augmentation == "disturbed":
                values = disturb(values, rng)
            edges = None if self.edges is None else canny(values, self.edges)
            inputs = network_input(values, edges)
        else:
            edges = self._edges(image, top, left, h, w)
            inputs = network_input(image[inside[1:]], edges)
        flags = _FLAGS[int(rng.integers(4))]
        if rng.integers(2):
            flags = (*flags[:2], not flags[2])
        image, *edges = (turn(array, flags).copy() for array in inputs)
        edges = edges[0] if edges else None
        if soft:
            # Edges that lead out of the crop are unknown.
            truth[0, :, -1] = truth[1, -1] = np.nan
            return Sample(image, edges, turn_affinity(truth, flags))
        maps = turn(resize_labels(truth, (h, w)), flags)
        if self.annotations == "each":
            return Sample(image, edges, maps[0].astype(np.int64))
        affinity, known = mean_affinity(list(maps), ignore_label=self.ignore_label)
        affinity[~known] = np.nan
        return Sample(image, edges, affinity.transpose(2, 0, 1).copy())

    def _edges(self, image, top, left, h, w):
        if self.edges is None:
            return None
        y, x = max(top - _EDGE_MARGIN, 0), max(left - _EDGE_MARGIN, 0)
        around = image[y : top + h + _EDGE_MARGIN, x : left + w + _EDGE_MARGIN]
        return canny(around, self.edges)[top - y :, left - x :][:h, :w]


def is_affinity(truth: Any) -> bool:
    """Whether a checked ground truth is an affinity map, such as a network's."""
    return isinstance(truth, np.ndarray) and truth.dtype == np.float32


def check_truth(truth: Any, shape: Sequence[int], *, name: str) -> Any:
    """Check the truth of an image: label maps or an affinity map, float32 (H, W, 2)."""
    if isinstance(truth, np.ndarray) and truth.ndim == 3 and truth.dtype.kind == "f":
        truth = check_affinity(truth, name=name).astype(np.float32, copy=False)
        if truth.shape != (*shape, 2):
            raise ValueError(
                f"{name} is an affinity map of shape {truth.shape}; for its image "
                f"{(*shape, 2)} is expected."
            )
        return truth
    return check_annotations(truth, shape, name=name)


def check_data(
    X: Images,
    y: Any,
    annotations: str | None = "each",
    ignore_label: int | None = None,
    *,
    names: tuple[str, str] = ("X", "y"),
) -> tuple[list[int], list[bool], int, int]:
    """Check every image and annotation once, before the training.

    Parameters
    ----------
    X, y : sequences
        Images and ground truths, of the same length.
    annotations : {"each", "mean"} or None, default="each"
        As for `Samples`; None for images that are scored, not trained on.
    ignore_label : int, optional
        Label of unknown pixels.
    names : tuple of two str
        Names of `X` and `y` in error messages.

    Returns
    -------
    counts : list of int
        Number of annotations of each image; 0 for one with an affinity map.
    scorable : list of bool
        Whether label maps of each image can be scored: against label maps of which a
        pixel is known, not against an affinity map.
    checksum : int
        Checksum of all data, to tell data sets apart.
    in_channels : int
        Channels of the images; 3 if grey and RGB images are mixed.

    Raises
    ------
    ValueError, TypeError
        If an image or annotation is not valid, images differ in their number of
        channels, or all pixels are unknown.
    """
    x, of = names
    counts, scorable, checksum = [], [], 0
    learnable = False
    first: dict[int, int] = {}  # number of channels -> first image that has it
    for i in range(len(X)):
        image = check_image(X[i], name=f"{x}[{i}]")
        n_channels = image.shape[2]
        for n_others, k in first.items():
            if n_others != n_channels and {n_others, n_channels} != {1, 3}:
                raise ValueError(
                    f"The images differ in their number of channels: {x}[{k}] has "
                    f"{n_others}, {x}[{i}] has {n_channels}. One network reads images "
                    "of one kind (grey and RGB may be mixed): leave some out."
                )
        first.setdefault(n_channels, i)
        if image.shape[:2] == (1, 1):
            raise ValueError(
                f"{x}[{i}] is a single pixel, which has no neighbour to learn from; "
                "leave it out."
            )
        truth = check_truth(y[i], image.shape[:2], name=f"{of}[{i}]")
        soft = is_affinity(truth)
        if soft and annotations != "mean":
            advice = "it can't be scored; leave it out."
            if annotations == "each":
                advice = "to train on it, set annotations='mean'."
            raise ValueError(f"{of}[{i}] is an affinity map, not a label map; {advice}")
        counts.append(0 if soft else len(truth))
        scorable.append(
            not soft
            and (ignore_label is None or any((m != ignore_label).any() for m in truth))
        )
        learnable = learnable or soft or scorable[-1]
        for array in (image, *((truth,) if soft else truth)):
            checksum = zlib.crc32(str(array.shape).encode(), checksum)
            checksum = zlib.crc32(np.ascontiguousarray(array).data, checksum)
    if not learnable:
        raise ValueError(
            f"There is nothing to learn or to score: every pixel of {of} has the label "
            f"{ignore_label}, which is ignored."
        )
    return counts, scorable, checksum, max(first)
