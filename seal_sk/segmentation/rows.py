"""Work on one image, shared by threads."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

__all__ = ["Rows", "all_rows", "share_rows"]

# Pairs of rows that a band should have.
_PAIRS = 64


class Rows(NamedTuple):
    """Bands of rows, and how to call a function for each of them."""

    #: Takes a function and sequences of its arguments, as `map` does.
    each: Callable[..., Any]
    #: First rows of the bands, and the rows after their last.
    tops: list[int] | NDArray[np.intp]
    ends: list[int] | NDArray[np.intp]


def all_rows(n_rows: int) -> Rows:
    """All rows in one band, in the calling thread."""
    return Rows(map, [0], [n_rows])


@contextmanager
def share_rows(n_rows: int, n_threads: int) -> Iterator[Rows]:
    """Share the rows of an image among threads, for as long as the context lasts.

    Bands begin at even rows. In large images, there are several for each thread, since
    some take longer; in small ones, handing them out would.
    """
    n_pairs = (n_rows + 1) // 2
    n_threads = min(n_threads, n_pairs)
    if n_threads <= 1:
        yield all_rows(n_rows)
        return
    n_bands = min(4 * n_threads, max(n_threads, n_pairs // _PAIRS))
    rows = np.arange(n_bands + 1) * n_pairs // n_bands * 2
    with ThreadPoolExecutor(n_threads) as pool:
        yield Rows(pool.map, rows[:-1], rows[1:].clip(max=n_rows))
