"""Seeds of clusters: (n, 2) positions [y, x] of different pixels."""

import math

import numpy as np
from numpy.typing import NDArray


def grid_seeds(
    shape: tuple[int, int], n_segments: int, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.int32]:
    """About `n_segments` seeds on a square grid, and one in each region it misses.

    Parameters
    ----------
    shape : tuple of int
        (H, W).
    n_segments : int
        With a mask, the approximate number of seeds inside it.
    mask : bool ndarray of shape (H, W), optional
    """
    height, width = shape
    if mask is None:
        return _product(*_grid_axes(height, width, n_segments))
    n_pixels = np.count_nonzero(mask)
    ys, xs = _grid_axes(height, width, round(n_segments * mask.size / n_pixels))
    seeds = _product(ys, xs)
    seeds = seeds[mask[seeds[:, 0], seeds[:, 1]]]
    regions, n_regions = _regions(mask)
    missed = np.ones(n_regions + 1, dtype=bool)
    missed[0] = False
    missed[regions[seeds[:, 0], seeds[:, 1]]] = False
    if missed.any():
        pixels, sizes = _by_region(regions, missed[regions])
        parts = np.repeat(np.arange(len(sizes)), sizes)
        seeds = np.concatenate([seeds, _middles(pixels, parts)])
    return seeds


def exact_seeds(
    shape: tuple[int, int], n_segments: int, mask: NDArray[np.bool_] | None = None
) -> NDArray[np.int32]:
    """Exactly `n_segments` seeds, evenly spread.

    If the grid has this many seeds, they are used. Otherwise, without a mask, the seeds
    are placed in rows. With a mask, its regions share the seeds in proportion to their
    sizes, at least one each; every region is divided into as many parts of equal size,
    with a seed in the middle of each.
    """
    seeds = grid_seeds(shape, n_segments, mask)
    if len(seeds) == n_segments:
        return seeds
    if mask is None:
        return _rows(*shape, n_segments)
    regions, n_regions = _regions(mask)
    if n_segments < n_regions:
        raise ValueError(
            f"n_segments={n_segments} is less than the {n_regions} regions of the "
            "mask, each of which needs a segment; ask for more, remove small regions "
            "(skimage.morphology.remove_small_objects), or use exact=False."
        )
    pixels, sizes = _by_region(regions, mask)
    parts = np.empty(len(pixels), dtype=np.intp)
    first_pixel = first_part = 0
    for size, share in zip(sizes, _shares(sizes, n_segments), strict=True):
        inside = slice(first_pixel, first_pixel + size)
        if share > 1:
            order, part = _equal_parts(pixels[inside], share)
            pixels[inside] = pixels[inside][order]
            parts[inside] = first_part + part
        else:
            parts[inside] = first_part
        first_pixel += size
        first_part += share
    return _middles(pixels, parts)


def _product(ys, xs):
    return np.stack(np.meshgrid(ys, xs, indexing="ij"), axis=-1).reshape(-1, 2)


def _grid_axes(height, width, n):
    """Rows and columns of the grid in the original program.

    Among steps within 1 of its first guess, it uses the first whose count is nearest.
    Sums are accumulated in the same way as there, since this decides how ties are
    rounded.
    """
    trial = math.sqrt(height * width / n) - 0.5
    end = trial + 2
    step, least = trial, math.inf
    while trial <= end:
        miss = abs(int(0.5 + width / trial) * int(0.5 + height / trial) - n)
        if miss < least:
            step, least = trial, miss
        trial += 0.1
    ys, xs = _ticks(height, step), _ticks(width, step)
    # The image is too thin for the step: use a single row.
    if not ys.size:
        ys, xs = _evenly(height, 1), _evenly(width, min(n, width))
    elif not xs.size:
        ys, xs = _evenly(height, min(n, height)), _evenly(width, 1)
    return ys, xs


def _ticks(length, step):
    ticks, position = [], step / 2
    while position <= length:
        ticks.append(int(position + 0.5))
        position += step
    ticks = np.unique(np.array(ticks, dtype=np.intp))
    return ticks[ticks < length]


def _evenly(length, n):
    return (2 * np.arange(n) + 1) * length // (2 * n)


def _rows(height, width, n):
    """Rows of seeds, n in all, with nearly the same number in each row."""
    n_rows = round(math.sqrt(n * height / width))
    n_rows = min(max(n_rows, -(-n // width)), height, n)
    counts = np.diff(np.arange(n_rows + 1) * n // n_rows)
    return np.concatenate(
        [
            _product([y], _evenly(width, count))
            for y, count in zip(_evenly(height, n_rows), counts, strict=True)
        ]
    )


def _regions(mask):
    from scipy.ndimage import label

    return label(mask)


def _by_region(regions, chosen):
    """Chosen pixels (n, 2), by region and then in scan order; the regions' sizes."""
    pixels = np.argwhere(chosen)
    names = regions[chosen]
    sizes = np.bincount(names)
    return pixels[np.argsort(names, kind="stable")], sizes[sizes > 0]


def _shares(sizes, n):
    """Distribute n in proportion to the sizes: integers, each in 1..size."""
    spare = n - len(sizes)
    if spare == 0:
        return np.ones_like(sizes)
    shares, rest = np.divmod((sizes - 1) * spare, np.sum(sizes - 1))
    # The largest remainders get one more; among equal ones, the first.
    left = spare - np.sum(shares)
    shares[np.argsort(-rest, kind="stable")[:left]] += 1
    return 1 + shares


def _equal_parts(pixels, n):
    """Order of the pixels by part, and the part of each: bands, divided in columns."""
    height, width = np.ptp(pixels, axis=0) + 1
    n_bands = min(max(round(math.sqrt(n * height / width)), 1), n)
    parts = np.arange(len(pixels)) * n // len(pixels)
    first_parts = np.arange(n_bands) * n // n_bands
    bands = np.searchsorted(first_parts, parts, side="right")
    return np.lexsort((pixels[:, 1], bands)), parts


def _middles(pixels, parts):
    """The pixel nearest to the mean of each part; `parts` is sorted and has no gap."""
    sizes = np.bincount(parts)
    distance = sum((x - (np.bincount(parts, x) / sizes)[parts]) ** 2 for x in pixels.T)
    starts = np.cumsum(sizes) - sizes
    nearest = np.flatnonzero(distance == np.minimum.reduceat(distance, starts)[parts])
    # Several pixels may be equally near: take the first of each part.
    return pixels[nearest[np.unique(parts[nearest], return_index=True)[1]]]
