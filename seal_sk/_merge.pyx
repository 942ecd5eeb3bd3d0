"""Merging the regions of a label map along an affinity map (compiled loops)."""

import numpy as np

from libc.math cimport sqrt
from libc.stdint cimport int32_t, int64_t, uint32_t
from libc.stdlib cimport free

from seal_sk._table cimport Table, index_of, pair_key, table_open
from seal_sk._union cimport find

ctypedef fused affinity_t:
    float
    double


cdef enum:
    # Of CIELAB: less is no difference to speak of.
    SLIGHT = 5


cdef struct Border:
    double affinity  # sum over the pairs of pixels across it
    double cost
    int32_t length  # number of these pairs
    int32_t corners  # pairs that share a corner only: they count where no others are
    double at_corners
    int32_t place  # in the heap; -1 where it is part of another border by now


cdef struct Graph:
    int32_t n  # regions left
    Py_ssize_t channels
    int32_t* parent
    int64_t* size
    double* sums  # of the colours, by region and channel
    Border* border
    # Border e is half-edge 2e in the list of one region, 2e + 1 in the other's.
    int32_t* head
    int32_t* tail
    int32_t* other
    int32_t* next
    int32_t* seen  # by region, the half-edge that stands for it; else -1
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


cdef double cost_of(const Graph* g, int32_t e) noexcept nogil:
    cdef int32_t a = find(g.parent, g.other[2 * e])
    cdef int32_t b = find(g.parent, g.other[2 * e + 1])
    cdef double p = <double>g.size[a], q = <double>g.size[b]
    cdef double h = p * q / (p + q), difference, distance = 0.0, length, mean
    cdef Py_ssize_t c
    if g.border[e].length > 0:
        length = g.border[e].length
        mean = g.border[e].affinity / length
    else:
        length = g.border[e].corners
        mean = g.border[e].at_corners / length
    for c in range(g.channels):
        difference = g.sums[a * g.channels + c] / p - g.sums[b * g.channels + c] / q
        distance += difference * difference
    return h * sqrt(
        (1.0 - mean + 1e-4) / (mean + 1e-4) * (SLIGHT + sqrt(distance))
        * sqrt(sqrt(h) / length)
    )


cdef inline void append(
    Graph* g, int32_t region, int32_t head, int32_t tail
) noexcept nogil:
    if head < 0:
        return
    if g.head[region] < 0:
        g.head[region] = head
    else:
        g.next[g.tail[region]] = head
    g.tail[region] = tail


cdef void tidy(Graph* g, int32_t region) noexcept nogil:
    """Leave one border a neighbour, each at its cost."""
    cdef int32_t h = g.head[region], following, neighbour, e, kept
    g.head[region] = -1
    while h >= 0:
        following = g.next[h]
        e = h >> 1
        if g.border[e].place >= 0:
            neighbour = find(g.parent, g.other[h])
            if g.seen[neighbour] < 0:
                g.seen[neighbour] = h
                append(g, region, h, h)
                g.next[h] = -1
            else:
                kept = g.seen[neighbour] >> 1
                g.border[kept].affinity += g.border[e].affinity
                g.border[kept].length += g.border[e].length
                g.border[kept].at_corners += g.border[e].at_corners
                g.border[kept].corners += g.border[e].corners
                leave(g, e)
        h = following
    h = g.head[region]
    while h >= 0:
        g.seen[find(g.parent, g.other[h])] = -1
        g.border[h >> 1].cost = cost_of(g, h >> 1)
        move(g, h >> 1)
        h = g.next[h]


cdef void join_cheapest(Graph* g, int32_t n_segments) noexcept nogil:
    cdef int32_t e, a, b
    cdef Py_ssize_t c
    while g.n > n_segments and g.n_heap > 0:
        e = g.heap[0]
        a = find(g.parent, g.other[2 * e])
        b = find(g.parent, g.other[2 * e + 1])
        if b < a:
            a, b = b, a
        leave(g, e)
        g.parent[b] = a
        g.size[a] += g.size[b]
        for c in range(g.channels):
            g.sums[a * g.channels + c] += g.sums[b * g.channels + c]
        append(g, a, g.head[b], g.tail[b])
        g.n -= 1
        tidy(g, a)


cdef inline int32_t pair(
    Table* t, const int32_t* a, const int32_t* b
) noexcept nogil:
    """The number of the border between two pixels' regions; -1 where there is none.

    -2 where there is no memory for it.
    """
    cdef int32_t e
    if a[0] == b[0] or a[0] < 0 or b[0] < 0:
        return -1
    e = index_of(t, pair_key(a[0], b[0]))
    return e if e >= 0 else -2


cdef bint count_borders(
    Table* t, const int32_t* here, Py_ssize_t height, Py_ssize_t width, bint corners
) noexcept nogil:
    cdef Py_ssize_t y, x
    cdef bint failed = False
    for y in range(height):
        for x in range(width):
            if x + 1 < width:
                failed |= pair(t, here, here + 1) == -2
            if y + 1 < height:
                failed |= pair(t, here, here + width) == -2
                if corners and x + 1 < width:
                    failed |= pair(t, here, here + width + 1) == -2
                if corners and x > 0:
                    failed |= pair(t, here, here + width - 1) == -2
            here += 1
        if failed:
            return False
    return True


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
    double[:, ::1] sums, Py_ssize_t n_segments,
):
    """Merge regions until `n_segments` are left, or none has a neighbour; in place.

    The regions are connected and numbered in scan order, and so are the new ones.
    `size` is their pixels and `sums` their colours' sums (n, channels); both are
    overwritten.
    """
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], i
    cdef Py_ssize_t n = size.shape[0]
    cdef int32_t* label = &labels[0, 0]
    cdef Table table
    cdef bint done
    cdef int32_t e, h, n_borders, n_left = 0
    cdef Graph g
    cdef int32_t[:, ::1] by_region = np.full((4, n), -1, dtype=np.int32)

    with nogil:
        done = table_open(&table)
        if done:
            done = count_borders(
                &table, label, height, width, affinity.shape[2] == 4
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

    g.n = <int32_t>n
    g.channels = sums.shape[1]
    g.sums = &sums[0, 0] if sums.size else NULL
    g.size = &size[0]
    g.parent = &by_region[0, 0]
    g.head = &by_region[1, 0]
    g.tail = &by_region[2, 0]
    g.seen = &by_region[3, 0]
    g.other = &by_half_edge[0, 0]
    g.next = &by_half_edge[1, 0]
    g.border = <Border*>&border[0]
    g.heap = &by_place[0]
    g.n_heap = 0
    n_borders = table.n_keys
    with nogil:
        sum_affinities(&g, &table, label, affinity)
        for i in range(table.n_slots):
            if table.slots[i].count:
                h = 2 * table.slots[i].index
                g.other[h] = <int32_t><uint32_t>table.slots[i].key
                g.other[h + 1] = <int32_t>(table.slots[i].key >> 32)
        free(table.slots)
        for i in range(n):
            g.parent[i] = <int32_t>i
        for h in range(2 * n_borders):
            g.next[h] = -1
            append(&g, g.other[h ^ 1], h, h)
        for e in range(n_borders):
            g.border[e].cost = cost_of(&g, e)
            g.n_heap = e + 1
            put(&g, e, e)
            move(&g, e)
        join_cheapest(&g, <int32_t>n_segments)
        # Roots are the lowest numbers of their regions: those that come first.
        for i in range(n):
            if g.parent[i] == i:
                g.parent[i] = n_left
                n_left += 1
            else:
                g.parent[i] = g.parent[g.parent[i]]
        for i in range(height * width):
            if label[i] >= 0:
                label[i] = g.parent[label[i]]
