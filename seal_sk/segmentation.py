"""From an affinity map (or an image) to a label map: one function an algorithm."""

from ._ers import ers as _ers
from ._validation import check_affinity, check_n_segments, check_real

__all__ = ["ers"]


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
