"""Label maps prepared for the kernels; each side of a comparison is prepared once."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import cached_property
from itertools import compress
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._metrics import boundary_map, overlaps, run_ends
from .._typing import Truth
from .._validation import check_annotations, check_int, check_label_map

# The dtypes that the kernels read; others are converted.
_READ = {np.dtype(name) for name in ("uint8", "uint16", "int32", "int64")}


def compact(
    labels: NDArray[Any], ignored: NDArray[np.bool_] | None = None
) -> tuple[NDArray[np.int32], int]:
    """Labels as C-contiguous int32 in 0..n-1, -1 where `ignored` is True; and n.

    If the range of the labels is not much larger than the map, they are only shifted,
    which is many times faster than sorting. Then some of 0..n-1 may not occur.
    """
    low, high = int(labels.min()), int(labels.max())
    if high - low < _range_limit(labels):
        # Signed labels are subtracted in 64 bits: two int8 can differ by 255.
        wide = labels if labels.dtype.kind == "u" else labels.astype(np.int64)
        small = (wide - wide.dtype.type(low)).astype(np.int32)
        n = high - low + 1
    else:
        values, small = np.unique(labels, return_inverse=True)
        small = small.reshape(labels.shape).astype(np.int32)
        n = len(values)
    if ignored is not None:
        small[ignored] = -1
    return np.ascontiguousarray(small), n


class Superpixels:
    """A label map, with the values shared by its comparisons with all annotations.

    Parameters
    ----------
    y_pred : array-like of shape (H, W)
        Any integer dtype; negative where masked.
    shape : tuple of int, optional
        The required (H, W).

    Attributes
    ----------
    labels : ndarray of shape (H, W), int32
        C-contiguous; less than `n_labels`, and negative where masked.
    known : ndarray of shape (H, W), uint8, or None
        0 where masked; None if no pixel is masked.
    """

    def __init__(self, y_pred: ArrayLike, shape: Sequence[int] | None = None) -> None:
        y_pred = check_label_map(y_pred, shape, name="y_pred")
        low, high = int(y_pred.min()), int(y_pred.max())
        if high < _range_limit(y_pred):
            if low < 0:
                y_pred = np.maximum(y_pred, -1)
            self.labels = np.ascontiguousarray(y_pred, dtype=np.int32)
            self.n_labels = max(high + 1, 0)
        else:
            masked = y_pred < 0
            # Masked pixels may get any label that keeps the range small.
            values = np.where(masked, high, y_pred) if low < 0 else y_pred
            self.labels, self.n_labels = compact(values, masked)
        self.known = (self.labels >= 0).view(np.uint8) if low < 0 else None

    @property
    def n_known(self) -> int:
        """Number of pixels that are not masked."""
        known = self.known
        return self.labels.size if known is None else int(np.count_nonzero(known))

    @cached_property
    def run_ends(self) -> NDArray[np.intp]:
        """The ends of runs of one label, in scan order."""
        return run_ends(self.labels)

    @cached_property
    def boundary(self) -> NDArray[np.uint8]:
        """1 where the right or lower neighbour has another label and is not masked."""
        return boundary_map(self.labels, self.known)


class Pair:
    """Superpixels and one annotation, a checked label map.

    Attributes
    ----------
    truth : ndarray of shape (H, W)
        The annotation, C-contiguous and of a dtype that the kernels read.
    known : ndarray of shape (H, W), uint8, or None
        1 where a pixel is neither masked nor ignored; None if this holds for all.
    """

    def __init__(
        self,
        superpixels: Superpixels,
        annotation: NDArray[Any],
        ignore_label: int | None,
    ) -> None:
        annotation = np.ascontiguousarray(annotation)
        self.superpixels = superpixels
        self.known = superpixels.known
        if ignore_label is not None:
            known = (annotation != ignore_label).view(np.uint8)
            self.known = known if self.known is None else self.known & known
        if annotation.dtype not in _READ:
            annotation, _ = compact(annotation)
        self.truth = annotation

    @cached_property
    def overlaps(self) -> Overlaps:
        """The overlaps of superpixels and segments."""
        truth = self.truth
        low, high = int(truth.min()), int(truth.max())
        if high - low >= _range_limit(truth):
            truth, n_truth = compact(truth)
            low, high = 0, n_truth - 1
        superpixels = self.superpixels
        return Overlaps(
            *overlaps(
                superpixels.labels,
                superpixels.run_ends,
                truth,
                self.known,
                low,
                superpixels.n_labels,
                high - low + 1,
            )
        )


class Overlaps:
    """Contingency table of superpixels and segments, without its zeros.

    Parameters
    ----------
    first, segment, count : ndarray
        As the kernel returns them.
    """

    def __init__(
        self,
        _: Any,
        first: NDArray[np.intp],
        segment: NDArray[Any],
        count: NDArray[np.int64],
    ) -> None:
        self._first = first
        self.segment = segment
        self.count = count
        #: Number of known pixels of each superpixel that has any.
        self.size = np.add.reduceat(count, first)
        self.n_pixels = int(count.sum())

    @property
    def largest(self) -> NDArray[np.int64]:
        """The largest overlap of each superpixel."""
        return np.maximum.reduceat(self.count, self._first)

    @property
    def size_of_superpixel(self) -> NDArray[np.int64]:
        """The size of the superpixel of each pair."""
        return np.repeat(self.size, np.diff(self._first, append=len(self.count)))


def pair_up(
    y_true: Truth,
    y_pred: ArrayLike,
    ignore_label: int | None,
    shape: Sequence[int] | None = None,
) -> tuple[Superpixels, Iterator[Pair]]:
    """Superpixels, and an iterator over their pairs with the annotations that count.

    If none counts, all are paired, so that scores have their values for no pixel.
    """
    if ignore_label is not None:
        ignore_label = check_int(ignore_label, -math.inf, name="ignore_label")
    superpixels = Superpixels(y_pred, shape)
    annotations = check_annotations(y_true, superpixels.labels.shape)
    known = None if superpixels.known is None else superpixels.known.view(bool)
    counts = [counts_somewhere(a, known, ignore_label) for a in annotations]
    if any(counts):
        annotations = list(compress(annotations, counts))
    return superpixels, (Pair(superpixels, a, ignore_label) for a in annotations)


def counts_somewhere(
    annotation: NDArray[Any],
    known: NDArray[np.bool_] | None,
    ignore_label: int | None,
) -> bool:
    """Whether a pixel of an annotation is neither ignored nor outside `known`."""
    if ignore_label is None:
        return known is None or bool(known.any())
    counting = annotation != ignore_label
    return bool((counting if known is None else counting & known).any())


def _range_limit(labels: NDArray[Any]) -> int:
    return 4 * labels.size + 1024
