"""Outlines of superpixels: polygons along pixel edges, without gaps."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import pairwise
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import breadth_first_order, connected_components

from .._extras import import_extra
from .._labels import components
from .._validation import check_label_map, check_real, check_superpixels

__all__ = ["Coverage", "polygons", "trace"]

# Pixels around a vertex: below right, below left, above left, above right. Directions
# from it are 0 right, 1 down, 2 left, 3 up; each goes around the pixel with its number,
# which is on its right-hand side as seen on a screen.
_PIXELS = ((1, 1), (1, 0), (0, 0), (0, 1))


def polygons(
    labels: ArrayLike, *, simplify: float | None = None
) -> list[dict[str, Any]]:
    """Trace the outline of each superpixel along the edges of its pixels.

    Parameters
    ----------
    labels : array-like of shape (H, W)
        Superpixels 0..n-1, all of them present, of any integer dtype; they need not
        be connected. Negative labels are masked pixels, which no polygon covers.
    simplify : float, optional
        Simplify the borders between superpixels: remove corners whose triangles have an
        area of up to about the square of this, in pixels. Neighbours keep a common
        border. Borders to masked pixels and to the edge of the image do not change.
        Needs shapely 2.1: ``pip install "seal_sk[geo]"``.

    Returns
    -------
    list of n dict
        Item i is the GeoJSON geometry of superpixel i: ``{"type": "Polygon",
        "coordinates": [outer ring, hole, ...]}``, or a ``"MultiPolygon"`` for a
        superpixel of several parts, also if these touch at a corner. A point is
        [column, row] in pixels from the upper left corner of the image, so pixel (0, 0)
        covers 0..1 in both. Rings are closed.

    Raises
    ------
    ValueError, TypeError
        If an argument is not as described.
    ImportError
        If `simplify` is given and shapely is not installed.

    See Also
    --------
    write_polygons : Write them to a file, for a GIS.

    Notes
    -----
    The polygons cover each unmasked pixel exactly once, without gaps or overlaps. They
    have points where an outline turns, and where three or more superpixels (or the
    outside) meet. Neighbours therefore have the same points along their border, as in a
    valid coverage. The orientation is that of RFC 7946: by the shoelace formula, outer
    rings have a positive area and holes a negative one. Because rows grow downwards,
    outer rings run clockwise on a screen.

    Time and memory are linear in the number of pixels and the length of the outlines.

    References
    ----------
    Butler et al., "The GeoJSON Format", RFC 7946, 2016.

    Examples
    --------
    >>> from seal_sk.export import polygons
    >>> first, second = polygons([[0, 0, 0], [0, 1, 0], [0, 0, 0]])
    >>> second["coordinates"]
    [[[1, 1], [2, 1], [2, 2], [1, 2], [1, 1]]]
    >>> [len(ring) for ring in first["coordinates"]]  # with a hole
    [5, 5]
    """
    return trace(labels, simplify).geometries()


@dataclass(frozen=True)
class Coverage:
    """Polygons as flat arrays: points of rings of parts of superpixels.

    Offsets are as in GeoArrow and ``shapely.from_ragged_array``: part i has the rings
    ``parts[i]`` to ``parts[i + 1]``, the outer one first.
    """

    points: NDArray[Any]  # (k, 2); each ring ends with its first point
    rings: NDArray[np.int64]  # into points
    parts: NDArray[np.int64]  # into rings
    superpixels: NDArray[np.int64]  # into parts

    def moved(self, points: NDArray[np.float64]) -> Coverage:
        """A copy with other points, in a plane that may be mirrored."""
        coverage = replace(self, points=points)
        outer = coverage.areas()[self.parts[:-1]]
        return coverage.turned() if outer.sum() < 0 else coverage

    def turned(self) -> Coverage:
        """A copy with each ring in the other direction."""
        length = np.diff(self.rings)
        last = np.repeat(self.rings[:-1] + self.rings[1:] - 1, length)
        return replace(self, points=self.points[last - np.arange(len(self.points))])

    def areas(self) -> NDArray[Any]:
        """Signed area of each ring."""
        # Relative to the first point of the ring, so that large coordinates lose no
        # digits, and steps from one ring to the next are 0.
        start = np.repeat(self.rings[:-1], np.diff(self.rings))
        x, y = (self.points - self.points[start]).T
        twice = np.zeros(len(x), dtype=x.dtype)
        twice[:-1] = x[:-1] * y[1:] - x[1:] * y[:-1]
        return np.add.reduceat(twice, self.rings[:-1]) / 2

    def geometries(self) -> list[dict[str, Any]]:
        """One GeoJSON geometry per superpixel."""
        points = self.points.tolist()
        rings = [points[i:j] for i, j in pairwise(self.rings.tolist())]
        parts = [rings[i:j] for i, j in pairwise(self.parts.tolist())]
        return [
            {"type": "Polygon", "coordinates": parts[i]}
            if j == i + 1
            else {"type": "MultiPolygon", "coordinates": parts[i:j]}
            for i, j in pairwise(self.superpixels.tolist())
        ]

    def to_shapely(self) -> NDArray[Any]:
        """One shapely MultiPolygon per superpixel."""
        shapely = import_extra("shapely", "geo", "polygons as objects")
        return shapely.from_ragged_array(
            shapely.GeometryType.MULTIPOLYGON,
            np.asarray(self.points, dtype=np.float64),
            (self.rings, self.parts, self.superpixels),
        )


def trace(labels: ArrayLike, simplify: float | None = None) -> Coverage:
    """`polygons` as flat arrays."""
    labels = check_label_map(labels)
    if labels.max() < 0:
        # All pixels are masked, as in a tile without data.
        none = np.zeros(1, dtype=np.int64)
        return Coverage(np.zeros((0, 2), dtype=np.int64), none, none, none)
    labels, _ = check_superpixels(labels)
    if simplify is None:
        return _trace(labels)
    tolerance = check_real(simplify, 0, name="simplify")
    shapely = import_extra("shapely", "geo", "simplify=")
    return _simplified(_trace(labels), tolerance, shapely)


def _trace(labels: NDArray[np.int32]) -> Coverage:
    """Rings around the 4-connected parts of superpixels.

    Each ring separates one part from one 4-connected region of its complement, so it
    never visits a vertex twice. Where a part touches itself at a corner, the ring
    passes from one of its pixels to the other, and the area in between becomes a hole.
    See docs/decisions/polygons.md.
    """
    parts, _ = components(labels, 4)
    around = np.pad(parts, 1, constant_values=-1)
    views = [
        around[row : row + labels.shape[0] + 1, column : column + labels.shape[1] + 1]
        for row, column in _PIXELS
    ]
    below_right, below_left, above_left, above_right = views
    along = (above_left == above_right) & (below_left == below_right)
    down = (above_left == below_left) & (above_right == below_right)
    row, column = np.nonzero(~(along | down))
    pixels = np.stack([view[row, column] for view in views])

    # Arcs from each vertex to the next in each direction, along borders.
    n = len(row)
    number = np.arange(n)
    by_column = np.lexsort((row, column))
    next_down = np.empty(n, dtype=np.int64)
    next_up = np.empty(n, dtype=np.int64)
    next_down[by_column[:-1]] = by_column[1:]
    next_up[by_column[1:]] = by_column[:-1]
    target = np.stack([number + 1, next_down, number - 1, next_up])

    # An arc goes around the pixel on its right; another pixel is on its left.
    exists = (pixels != np.roll(pixels, 1, axis=0)) & (pixels >= 0)
    way, start = np.nonzero(exists)
    part = pixels[way, start]
    end = target[way, start]
    # At its end, look at the two pixels ahead: turn left if both are of the same part,
    # go straight if only the right one is, else turn right.
    ahead_left = pixels[(way + 3) % 4, end] == part
    ahead_right = pixels[way, end] == part
    turn = np.where(ahead_left, 3, np.where(ahead_right, 0, 1))
    index = np.full(exists.shape, -1)
    index[way, start] = np.arange(len(way))
    following = index[(way + turn) % 4, end]

    # Arcs are numbered by direction first, so the first arc of a ring goes to the right
    # along the top of a pixel, and the first arc of a part is on its outer ring.
    ring, first = _cycles(following)
    pixel = row[start[first]], column[start[first]]
    sequence = np.lexsort((first, parts[pixel], labels[pixel]))
    first = first[sequence]
    pixel = row[start[first]], column[start[first]]
    lengths = np.bincount(ring)[sequence]
    ends = np.cumsum(lengths + 1)
    closing = np.zeros(ends[-1], dtype=bool)
    closing[ends - 1] = True
    arcs = np.empty(ends[-1], dtype=np.int64)
    arcs[~closing] = _in_a_row(following, first)
    arcs[closing] = first
    vertex = start[arcs]

    new_part = np.flatnonzero(np.diff(parts[pixel], prepend=-1))
    counts = np.bincount(labels[pixel][new_part])
    return Coverage(
        np.column_stack([column[vertex], row[vertex]]),
        np.concatenate([[0], ends]),
        np.append(new_part, len(first)),
        np.concatenate([[0], np.cumsum(counts)]),
    )


def _cycles(following: NDArray[np.int64]) -> tuple[NDArray[Any], NDArray[np.int64]]:
    """The cycle of each item of a permutation, and the first item of each cycle."""
    n = len(following)
    graph = _successors(following)
    n_cycles, cycle = connected_components(graph, directed=True, connection="strong")
    first = np.full(n_cycles, n)
    np.minimum.at(first, cycle, np.arange(n))
    return cycle, first


def _in_a_row(following: NDArray[np.int64], first: NDArray[np.int64]) -> NDArray[Any]:
    """Items of a permutation by cycle, each cycle from its given first item."""
    before = np.empty_like(following)
    before[following] = np.arange(len(following))
    # One chain: where a cycle would close, the next one starts.
    following = following.copy()
    following[before[first]] = np.roll(first, -1)
    order: NDArray[Any] = breadth_first_order(
        _successors(following), first[0], return_predecessors=False
    )
    return order


def _successors(following: NDArray[np.int64]) -> csr_array:
    """The graph with one edge from each item."""
    n = len(following)
    return csr_array((np.ones(n), following, np.arange(n + 1)), shape=(n, n))


def _simplified(coverage: Coverage, tolerance: float, shapely: Any) -> Coverage:
    if not hasattr(shapely, "coverage_simplify"):
        raise ImportError(
            f"simplify= needs shapely 2.1 or later, and {shapely.__version__} is "
            'installed: pip install -U "seal_sk[geo]".'
        )
    simple = shapely.coverage_simplify(
        coverage.to_shapely(), tolerance, simplify_boundary=False
    )
    _, points, offsets = shapely.to_ragged_array(shapely.orient_polygons(simple))
    return Coverage(points, *offsets)
