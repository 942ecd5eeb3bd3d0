"""Label maps of images in memory, where a bad image ends nothing."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from copy import copy
from numbers import Real
from typing import Any

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import NDArray

from .._validation import check_label_maps, check_mask, check_masks, check_sequence
from ..sources import LearnedAffinity
from ..sources.reading import unfrozen
from ..superpixels.graph import GraphSuperpixels

__all__ = [
    "bands_of",
    "batch_size",
    "check_segment_size",
    "count_of",
    "segment_each",
    "segment_images",
]


def segment_images(
    estimator: Any,
    images: Any,
    *,
    mask: Any = None,
    segment_size: float | None = None,
    n_jobs: int | None = None,
) -> Iterator[NDArray[np.int32] | Exception]:
    """Yield the label map of each image, or the error that it raised.

    Parameters
    ----------
    estimator : transformer
        As for `segment_files`.
    images : sequence
        Images; a lazy sequence is loaded a few at a time.
    mask : sequence, optional
        For each image the pixels to segment, as for the estimator's ``transform``, or
        None. A mask may be False everywhere; the label map is then -1 everywhere.
    segment_size : float, optional
        Mean size of the superpixels, as for `segment_files`.
    n_jobs : int, optional
        Number of images that the estimator segments at a time.

    Yields
    ------
    ndarray of shape (H, W), int32, or Exception
        The label map, or the error raised by loading or segmenting the image.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import SNICSuperpixels
    >>> from seal_sk.pipeline import segment_images
    >>> images = [np.zeros((8, 9), np.uint8), np.full((8, 9), np.nan)]
    >>> [type(found).__name__ for found in segment_images(SNICSuperpixels(4), images)]
    ['ndarray', 'ValueError']
    """
    images = check_sequence(images, name="images")
    mask = check_masks(mask, images)
    if segment_size is not None:
        check_segment_size(segment_size, estimator)
    step = batch_size(n_jobs)
    for start in range(0, len(images), step):
        loaded: list[Any] = []
        masks: list[Any] = []
        counts: list[int | None] = []
        for i in range(start, min(start + step, len(images))):
            image = inside = count = None
            try:
                image = images[i]
                inside = None if mask is None else mask[i]
                if segment_size is not None:
                    count = count_of(image, inside, segment_size, estimator)
            except Exception as error:
                image = error
            loaded.append(image)
            masks.append(inside)
            counts.append(count)
        yield from segment_each(estimator, loaded, masks, counts)


def segment_each(
    estimator: Any,
    images: Sequence[Any],
    masks: Sequence[Any] | None = None,
    counts: Sequence[int | None] | None = None,
) -> list[Any]:
    """For each image of a batch, its label map, or the error that it raised.

    Errors in place of images are returned as they are. A mask may be None, and so may a
    count, which is then that of the estimator. A mask that is False everywhere, which
    no estimator takes, gives -1 everywhere.
    """
    found = list(images)
    masks = [None] * len(found) if masks is None else masks
    counts = [None] * len(found) if counts is None else counts
    groups: dict[int | None, list[int]] = {}
    for i, image in enumerate(images):
        if isinstance(image, Exception):
            continue
        if _is_empty(masks[i], image):
            found[i] = np.full(np.shape(image)[:2], -1, dtype=np.int32)
        else:
            groups.setdefault(counts[i], []).append(i)
    for count, members in groups.items():
        # A copy, which stays fitted: the caller's estimator keeps its count.
        one = estimator if count is None else copy(estimator)
        if count is not None:
            one.set_params(n_segments=count)
        tries = [members]
        while tries:
            some = tries.pop(0)
            try:
                label_maps = _transformed(
                    one, [images[i] for i in some], [masks[i] for i in some]
                )
            except Exception as error:
                if len(some) == 1:
                    found[some[0]] = error
                else:
                    # One image makes the batch fail: find out which.
                    tries = [[i] for i in some]
            else:
                for i, labels in zip(some, label_maps, strict=True):
                    found[i] = labels
    return found


def _is_empty(mask: Any, image: Any) -> bool:
    """Whether a mask leaves no pixel of its image, so that there is no superpixel."""
    if mask is None:
        return False
    mask = np.asarray(mask)
    right = mask.dtype == bool and mask.shape == np.shape(image)[:2]
    return right and not mask.any()


def _transformed(estimator: Any, images: list[Any], masks: list[Any]) -> Any:
    more = [masks] if any(mask is not None for mask in masks) else []
    label_maps = estimator.transform(images, *more)
    check_label_maps(label_maps, images)
    return label_maps


def batch_size(n_jobs: int | None) -> int:
    """Number of images to segment at a time: a few per thread, to keep it busy."""
    threads = effective_n_jobs(n_jobs)
    return 1 if threads == 1 else 4 * threads


def check_segment_size(segment_size: float, estimator: Any) -> None:
    """Refuse a size that no superpixel can have, and estimators without a count."""
    if not isinstance(segment_size, Real) or not 1 <= segment_size < float("inf"):
        raise ValueError(
            f"segment_size={segment_size!r} must be a number of pixels, at least 1."
        )
    params = estimator.get_params() if hasattr(estimator, "get_params") else {}
    if "n_segments" not in params:
        raise ValueError(
            f"segment_size sets the number of superpixels of each image, but "
            f"{type(estimator).__name__} has no parameter n_segments; leave it out."
        )


def count_of(image: Any, mask: Any, segment_size: float, estimator: Any) -> int:
    """Number of superpixels of a mean size, at least one in each area of the mask."""
    shape = np.shape(image)[:2]
    if mask is None:
        return max(1, round(int(np.prod(shape)) / segment_size))
    if _is_empty(mask, image):
        return 0
    from scipy.ndimage import label

    mask = check_mask(mask, shape)
    # More areas, and so enough superpixels, where the estimator does not tell.
    by_corners = getattr(estimator, "connectivity", 4) == 8
    _, n_areas = label(mask, np.ones((3, 3)) if by_corners else None)
    return max(n_areas, round(np.count_nonzero(mask) / segment_size))


def bands_of(estimator: Any) -> int | None:
    """Number of bands that an estimator's network reads; None without a network."""
    if not isinstance(estimator, GraphSuperpixels):
        return None
    source = unfrozen(estimator._ready_source())
    if not isinstance(source, LearnedAffinity) or not source.__sklearn_is_fitted__():
        return None
    return source._ready_net().in_channels
