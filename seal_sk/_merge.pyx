"""Merging the regions of a label map along an affinity map (compiled loops)."""

import numpy as np

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t
from libc.stdlib cimport free

from seal_sk._regions cimport (
    Regions,
    find_borders,
    join,
    keep_first,
    list_borders,
    pair,
)
from seal_sk._table cimport Table, table_open
from seal_sk._union cimport find, number_roots

ctypedef fused affinity_t:
    float
    double


# Added to the mean affinity and to what it lacks of 1, so that a border's worth stays
# finite at 0 and above nothing at 1.
cdef double SLIGHT_AFFINITY = 1e-4

# Of colours, in standard deviations of the regions: less is no difference to speak of.
cdef double SLIGHT_DISTANCE = 0.7


cdef struct Border:
    double affinity  # sum over the pairs of pixels across it
    double cost
    int32_t length  # number of these pairs
    int32_t corners  # pairs that share a corner only: they count where no others are
    double at_corners
    int32_t place  # in the heap; -1 where it is part of another border by now


cdef struct Graph:
    Regions regions
    # Added to each variance of colours: less is noise.
    double slight_variance
    Border* border
    # Borders, the one of least cost on top.
    int32_t* heap
    int32_t n_heap


cdef inline bint before(const Graph* g, int32_t e, int32_t f) noexcept nogil:
    return g.border[e].cost < g.border[f].cost or (
        g.border[e].cost == g.border[f].cost and e < f
    )


cdef inline void put(Graph* g, int32_t e, int32_t place) noexcept nogil:
    g.heap[place] = e
    g.border[e].place = place


cdef void move(Graph* g, int32_t e) noexcept nogil:
    """Border e to where it belongs, from the place that it has."""
    cdef int32_t place = g.border[e].place, child
    while place > 0 and before(g, e, g.heap[(place - 1) // 2]):
        put(g, g.heap[(place - 1) // 2], place)
        place = (place - 1) // 2
    while True:
        child = 2 * place + 1
        if child + 1 < g.n_heap and before(g, g.heap[child + 1], g.heap[child]):
            child += 1
        if child >= g.n_heap or not before(g, g.heap[child], e):
            break
        put(g, g.heap[child], place)
        place = child
    put(g, e, place)


cdef void leave(Graph* g, int32_t e) noexcept nogil:
    """Border e out of the heap."""
    cdef int32_t place = g.border[e].place, last
    g.border[e].place = -1
    g.n_heap -= 1
    last = g.heap[g.n_heap]
    if last != e:
        put(g, last, place)
        move(g, last)


cdef inline double distance(
    const Regions* r, int32_t a, int32_t b, double slight_variance
) noexcept nogil:
    """Distance of the mean colours, in standard deviations of the two regions."""
    cdef Py_ssize_t n = r.channels // 2, c
    cdef const double* of_a = r.sums + a * r.channels
    cdef const double* of_b = r.sums + b * r.channels
    cdef double p = <double>r.size[a], q = <double>r.size[b]
    cdef double mean_a, mean_b, variance, total = 0.0
    for c in range(n):
        mean_a = of_a[c] / p
        mean_b = of_b[c] / q
        variance = (
            (of_a[n + c] - p * mean_a * mean_a) + (of_b[n + c] - q * mean_b * mean_b)
        ) / (p + q)
        # Rounding may take it below 0.
        variance = slight_variance + (variance if variance > 0 else 0)
        total += (mean_a - mean_b) * (mean_a - mean_b) / variance
    return sqrt(total)


cdef double cost_of(const Graph* g, int32_t e) noexcept nogil:
    cdef const Regions* r = &g.regions
    cdef int32_t a = find(r.parent, r.other[2 * e])
    cdef int32_t b = find(r.parent, r.other[2 * e + 1])
    cdef double p = <double>r.size[a], q = <double>r.size[b]
    cdef double h = p * q / (p + q), length, mean, odds, contrast
    if g.border[e].length > 0:
        length = g.border[e].length
        mean = g.border[e].affinity / length
    else:
        length = g.border[e].corners
        mean = g.border[e].at_corners / length
    odds = (1.0 - mean + SLIGHT_AFFINITY) / (mean + SLIGHT_AFFINITY)
    contrast = SLIGHT_DISTANCE + distance(r, a, b, g.slight_variance)
    # Square roots are the same on every machine; powers are not.
    return h * sqrt(sqrt(
        odds * sqrt(odds) * contrast * contrast * contrast * sqrt(h) / length
    ))


cdef void tidy(Graph* g, int32_t region) noexcept nogil:
    """Leave one border a neighbour, each at its cost."""
    cdef Regions* r = &g.regions
    cdef int32_t h = r.head[region], following, neighbour, e, kept
    r.head[region] = -1
    while h >= 0:
        following = r.next[h]
        e = h >> 1
        if g.border[e].place >= 0:
            neighbour = find(r.parent, r.other[h])
            if not keep_first(r, region, neighbour, h):
                kept = r.seen[neighbour] >> 1
                g.border[kept].affinity += g.border[e].affinity
                g.border[kept].length += g.border[e].length
                g.border[kept].at_corners += g.border[e].at_corners
                g.border[kept].corners += g.border[e].corners
                leave(g, e)
        h = following
    h = r.head[region]
    while h >= 0:
        r.seen[find(r.parent, r.other[h])] = -1
        g.border[h >> 1].cost = cost_of(g, h >> 1)
        move(g, h >> 1)
        h = r.next[h]


cdef void join_cheapest(Graph* g, int32_t n_segments) noexcept nogil:
    cdef Regions* r = &g.regions
    cdef int32_t e, a, b
    while r.n > n_segments and g.n_heap > 0:
        e = g.heap[0]
        a = find(r.parent, r.other[2 * e])
        b = find(r.parent, r.other[2 * e + 1])
        leave(g, e)
        tidy(g, join(r, a, b))


cdef inline void across(Graph* g, int32_t e, double affinity) noexcept nogil:
    if e >= 0:
        g.border[e].affinity += affinity
        g.border[e].length += 1


cdef inline void at_corner(Graph* g, int32_t e, double affinity) noexcept nogil:
    if e >= 0:
        g.border[e].at_corners += affinity
        g.border[e].corners += 1


cdef void sum_affinities(
    Graph* g, Table* t, const int32_t* here, const affinity_t[:, :, ::1] affinity
) noexcept nogil:
    cdef Py_ssize_t height = affinity.shape[0], width = affinity.shape[1], y, x
    cdef bint corners = affinity.shape[2] == 4
    for y in range(height):
        for x in range(width):
            if x + 1 < width:
                across(g, pair(t, here, here + 1), affinity[y, x, 0])
            if y + 1 < height:
                across(g, pair(t, here, here + width), affinity[y, x, 1])
                if corners and x + 1 < width:
                    at_corner(g, pair(t, here, here + width + 1), affinity[y, x, 2])
                if corners and x > 0:
                    # From the lower left pixel to its upper right.
                    at_corner(
                        g, pair(t, here, here + width - 1), affinity[y + 1, x - 1, 3]
                    )
            here += 1


def merge(
    int32_t[:, ::1] labels, const affinity_t[:, :, ::1] affinity, int64_t[::1] size,
    double[:, ::1] sums, double slight_variance, Py_ssize_t n_segments,
):
    """Merge regions until `n_segments` are left, or none has a neighbour; in place.

    The regions are connected and numbered in scan order, and so are the new ones.
    `size` is their pixels and `sums` (n, 2 * channels) the sums of their colours, then
    of the squares; both are overwritten.
    """
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], i
    cdef Py_ssize_t n = size.shape[0]
    cdef int32_t* label = &labels[0, 0]
    cdef Table table
    cdef bint done
    cdef int32_t e, n_borders
    cdef Graph g
    cdef int32_t[:, ::1] by_region = np.empty((4, n), dtype=np.int32)

    with nogil:
        done = table_open(&table)
        if done:
            done = find_borders(
                &table, label, height, width, <int>(2 * affinity.shape[2])
            )
    if not done:
        free(table.slots)
        raise MemoryError
    try:
        borders = np.zeros((table.n_keys + 1) * sizeof(Border), dtype=np.uint8)
        half_edges = np.empty((2, 2 * table.n_keys + 2), dtype=np.int32)
        heap = np.empty(table.n_keys + 1, dtype=np.int32)
    except MemoryError:
        free(table.slots)
        raise
    cdef unsigned char[::1] border = borders
    cdef int32_t[:, ::1] by_half_edge = half_edges
    cdef int32_t[::1] by_place = heap

    g.regions.n = <int32_t>n
    g.regions.channels = sums.shape[1]
    g.slight_variance = slight_variance
    g.regions.sums = &sums[0, 0] if sums.size else NULL
    g.regions.size = &size[0]
    g.regions.parent = &by_region[0, 0]
    g.regions.head = &by_region[1, 0]
    g.regions.tail = &by_region[2, 0]
    g.regions.seen = &by_region[3, 0]
    g.regions.other = &by_half_edge[0, 0]
    g.regions.next = &by_half_edge[1, 0]
    g.border = <Border*>&border[0]
    g.heap = &by_place[0]
    g.n_heap = 0
    n_borders = table.n_keys
    with nogil:
        sum_affinities(&g, &table, label, affinity)
        list_borders(&g.regions, &table, NULL)
        free(table.slots)
        for e in range(n_borders):
            g.border[e].cost = cost_of(&g, e)
            g.n_heap = e + 1
            put(&g, e, e)
            move(&g, e)
        join_cheapest(&g, <int32_t>n_segments)
        number_roots(g.regions.parent, <int32_t>n)
        for i in range(height * width):
            if label[i] >= 0:
                label[i] = g.regions.parent[label[i]]
