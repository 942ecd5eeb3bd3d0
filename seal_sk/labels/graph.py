"""Between label maps, the graph of superpixels, and values at the pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import coo_array, csr_array

from .._typing import Connectivity
from .._validation import (
    FROM_TO,
    check_connectivity,
    check_fill,
    check_superpixels,
    check_values,
)

__all__ = ["adjacency", "paint"]


def adjacency(labels: ArrayLike, *, connectivity: Connectivity = 4) -> csr_array:
    """Which superpixels touch, and along how long a border.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Superpixels 0..n-1, each of which occurs, of any integer dtype. Negative labels
        are masked pixels, which are nobody's neighbour.
    connectivity : {4, 8}, default=4
        Whether pixels that share a corner are neighbours.

    Returns
    -------
    csr_array of shape (n, n), int64
        Pairs of neighbouring pixels across the border of each two superpixels.
        Symmetric, with an empty diagonal.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    ``networkx.from_scipy_sparse_array(adjacency(labels))`` makes a networkx graph of
    it, with the lengths as weights; ``scipy.sparse.csgraph`` and scikit-learn's
    clusterings take it as it is.

    Examples
    --------
    >>> from seal_sk import adjacency
    >>> adjacency([[0, 0, 1], [0, 2, 2]]).toarray()
    array([[0, 1, 2],
           [1, 0, 1],
           [2, 1, 0]])
    """
    connectivity = check_connectivity(connectivity)
    return borders(*check_superpixels(labels), connectivity)


def borders(labels: NDArray[np.int32], n: int, connectivity: int = 4) -> csr_array:
    """`adjacency` of checked superpixels."""
    first, second = [], []
    for start, end in FROM_TO[: connectivity // 2]:
        here, there = labels[start], labels[end]
        across = (here != there) & (here >= 0) & (there >= 0)
        first.append(here[across])
        second.append(there[across])
    first, second = np.concatenate(first), np.concatenate(second)
    pairs = np.concatenate([first, second]), np.concatenate([second, first])
    counts = np.ones(2 * len(first), dtype=np.int64)
    return coo_array((counts, pairs), shape=(n, n)).tocsr()


def paint(values: ArrayLike, labels: ArrayLike, *, fill: complex = 0) -> NDArray[Any]:
    """Give each pixel the value of its superpixel.

    Parameters
    ----------
    values : array-like of shape (n,) or (n, c)
        A number, or `c` numbers, for each superpixel.
    labels : array-like of shape (H, W)
        Superpixels 0..n-1, each of which occurs, of any integer dtype. Negative labels
        are masked pixels.
    fill : number, default=0
        What masked pixels get.

    Returns
    -------
    ndarray of shape (H, W) or (H, W, c)
        Of the dtype of `values`.

    Raises
    ------
    ValueError, TypeError
        If there is not one value for each superpixel, `fill` is none that the dtype of
        `values` holds, or `labels` is not as described.

    Examples
    --------
    >>> from seal_sk import paint
    >>> paint([0.5, 0.25], [[0, 0, 1], [-1, 1, 1]])
    array([[0.5 , 0.5 , 0.25],
           [0.  , 0.25, 0.25]])
    """
    labels, n = check_superpixels(labels)
    values = check_values(values, n)
    fill = check_fill(fill, values.dtype)
    last = np.full((1, *values.shape[1:]), fill, dtype=values.dtype)
    # Masked pixels are -1, which is the row put last.
    return np.concatenate([values, last])[labels]
