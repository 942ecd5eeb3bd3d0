"""The adjacency graph of superpixels, and painting of values to pixels."""

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
    """Find adjacent superpixels, and the lengths of their common borders.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Superpixels 0..n-1, all of them present, of any integer dtype. Negative labels
        are masked pixels, which have no neighbours.
    connectivity : {4, 8}, default=4
        Whether pixels that share only a corner are neighbours (8) or not (4).

    Returns
    -------
    csr_array of shape (n, n), int64
        For two superpixels, the number of pairs of neighbouring pixels across their
        border. Symmetric, with an empty diagonal.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.

    Notes
    -----
    ``networkx.from_scipy_sparse_array(adjacency(labels))`` converts it to a networkx
    graph, with the lengths as weights; ``scipy.sparse.csgraph`` and clusterings of
    scikit-learn accept it directly.

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
    """Assign to each pixel the value of its superpixel.

    Parameters
    ----------
    values : array-like of shape (n,) or (n, c)
        One number, or `c` numbers, per superpixel.
    labels : array-like of shape (H, W)
        Superpixels 0..n-1, all of them present, of any integer dtype. Negative labels
        are masked pixels.
    fill : number, default=0
        Value of masked pixels.

    Returns
    -------
    ndarray of shape (H, W) or (H, W, c)
        Of the dtype of `values`.

    Raises
    ------
    ValueError, TypeError
        If there is not one value per superpixel, `fill` does not fit the dtype of
        `values`, or `labels` is not as described.

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
    # Masked pixels are -1, the index of the row appended last.
    return np.concatenate([values, last])[labels]
