"""From an affinity map (or an image) to a label map: one function an algorithm."""

import numpy as np

from ._ers import ers as _ers
from ._seeds import exact_seeds, grid_seeds
from ._snic import snic as _snic
from ._validation import (
    check_affinity,
    check_image,
    check_mask,
    check_n_segments,
    check_real,
)

__all__ = ["ers", "snic"]

# The queue of SNIC counts up to four candidates a pixel in 32 bits.
_MAX_PIXELS = 2**28


def ers(affinity, n_segments, *, balance=0.5):
    """Entropy rate superpixels on an affinity map.

    Joins pixels, edge by edge, where the entropy rate of a random walk over the
    graph and the balance of the segments' sizes gain most, until `n_segments`
    remain: the greedy maximisation of Liu et al., exact, with lazy evaluation.

    Parameters
    ----------
    affinity : array-like of shape (H, W, 2) or (H, W, 4)
        float32 or float64 in 0..1: right, down (and down-right, up-right).
    n_segments : int
        Number of segments, in 1..H*W. Exactly so many come out.
    balance : float, default=0.5
        Weight of the balance term, at least 0. It is multiplied by `n_segments`
        and by the ratio of the two terms' largest first gains; more makes the
        segments more equal in size.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels 0..n_segments-1, numbered in scan order of their first pixels. Each
        label is one region, connected as the affinity map is (4 or 8 neighbours).

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    Edges of equal gain are taken in a fixed scattered order (by
    ``id * 2654435769 % 2**32``, where ``id`` counts the entries of the affinity map),
    so a given input has one result, and flat areas are cut into compact pieces. Time
    is close to linear in the number of pixels; memory beyond the input is about 60
    bytes a pixel for two channels and 100 for four. Where most affinities are equal
    both are up to three times as much.

    References
    ----------
    Liu, Tuzel, Ramalingam, Chellappa, "Entropy Rate Superpixel Segmentation",
    CVPR 2011.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import ers, rgb_affinity
    >>> image = np.zeros((4, 6), dtype=np.uint8)
    >>> image[:, 3:] = 200
    >>> ers(rgb_affinity(image), 2)
    array([[0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1],
           [0, 0, 0, 1, 1, 1]], dtype=int32)
    """
    affinity = check_affinity(affinity)
    n_segments = check_n_segments(n_segments, affinity.shape)
    balance = check_real(balance, 0, name="balance")
    return _ers(affinity, n_segments, balance)


def snic(image, n_segments, *, compactness=10.0, mask=None, exact=False):
    """Simple non-iterative clustering (SNIC) of an image.

    Clusters grow from seeds on a regular grid, pixel by pixel: of all pixels that
    touch a cluster, the one nearest to the cluster's mean, in colour and position, is
    next, and the mean follows.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1), (H, W, 3) or (H, W, C)
        uint8, uint16, float32 or float64; floats in 0..1. Three channels are sRGB and
        are taken to CIELAB, one is grey and is taken to its lightness L*; five or
        more are used as they are, scaled to 0..100.
    n_segments : int
        Number of segments, in 1..H*W (or the number of pixels in the mask). As the
        grid allows, a few per cent more or fewer come out.
    compactness : float, default=10.0
        Weight of the position, at least 0: the difference in colour that counts as
        much as one grid step. More makes the segments more compact.
    mask : array-like of bool of shape (H, W), optional
        True where the image is to be segmented. Elsewhere it may hold anything,
        NaN included. A region of the mask without a seed on the grid gets one.
    exact : bool, default=False
        Give exactly `n_segments`. Where the grid has another number of seeds, they
        stand in rows of nearly equal numbers instead, or, with a mask, in the middle
        of parts of equal size.

    Returns
    -------
    ndarray of shape (H, W), int32
        Labels from 0, numbered in scan order of their first pixels. Each label is one
        region, connected by its pixels' sides. -1 outside the mask.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described, or `exact` asks for fewer segments than
        the mask has regions.

    Notes
    -----
    The squared distance of a pixel to a cluster is ``|colour - mean|**2 +
    compactness**2 * n / N * |position - mean|**2`` for n seeds in N pixels. It is taken
    once, when the pixel's neighbour joins the cluster, in 32-bit floats; of equal
    ones the first pixel in scan order is next, and a pixel equally near to several
    clusters joins the one that reached it first. The original breaks such ties by the
    layout of its heap; but for them and for rounding, this is its result where neither
    `mask` nor `exact` is given.

    Time is close to linear in the number of pixels. Memory beyond the input is about
    25 bytes a pixel for three channels and four more for each further channel, up to
    100 where segments have a few pixels only, and 130 if there are a mask and `exact`
    too.

    References
    ----------
    Achanta, Suesstrunk, "Superpixels and Polygons Using Simple Non-Iterative
    Clustering", CVPR 2017.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import snic
    >>> image = np.zeros((4, 6), dtype=np.uint8)
    >>> image[:, 2:] = 200
    >>> snic(image, 2, exact=True)
    array([[0, 0, 1, 1, 1, 1],
           [0, 0, 1, 1, 1, 1],
           [0, 0, 1, 1, 1, 1],
           [0, 0, 1, 1, 1, 1]], dtype=int32)
    """
    if mask is not None:
        mask = check_mask(mask, np.shape(image))
    image = check_image(image, mask=mask)
    shape = image.shape[:2]
    if shape[0] * shape[1] > _MAX_PIXELS:
        raise ValueError(
            f"image has {shape[0]} x {shape[1]} pixels; at most {_MAX_PIXELS} fit: cut "
            "it into tiles."
        )
    n_segments = check_n_segments(n_segments, shape)
    if mask is not None and n_segments > np.count_nonzero(mask):
        raise ValueError(
            f"n_segments={n_segments} is more than the {np.count_nonzero(mask)} pixels "
            "of the mask; ask for at most one segment per pixel."
        )
    compactness = check_real(compactness, 0, name="compactness")
    seeds = (exact_seeds if exact else grid_seeds)(shape, n_segments, mask)
    if mask is None:
        mask = np.empty((0, 0), dtype=bool)
    return _snic(image, mask.view(np.uint8), seeds, compactness)
