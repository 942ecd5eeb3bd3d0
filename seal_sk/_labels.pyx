"""Numbering, components and merging of label maps (compiled loops)."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.stdlib cimport free

from seal_sk._regions cimport (
    Regions,
    distance,
    find_borders,
    join,
    keep_first,
    list_borders,
)
from seal_sk._table cimport Table, index_of, table_open
from seal_sk._union cimport find, number_roots

ctypedef fused label_t:
    int32_t
    int64_t
    uint64_t

ctypedef fused color_t:
    uint8_t
    uint16_t
    float
    double


cdef inline void unite(int32_t* parent, int32_t a, int32_t b) noexcept nogil:
    # The root is the lowest number: the one whose first pixel comes first.
    a = find(parent, a)
    b = find(parent, b)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


def relabel(const label_t[:, ::1] labels):
    """Values renumbered 0..n-1 in scan order, negative ones -1; and n."""
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], i
    cdef int32_t[:, ::1] numbered = np.empty((height, width), dtype=np.int32)
    cdef const label_t* old = &labels[0, 0]
    cdef int32_t* new = &numbered[0, 0]
    cdef Table table
    cdef int32_t index = 0

    with nogil:
        if not table_open(&table):
            index = -1
        else:
            for i in range(height * width):
                # Most pixels are like one that was just seen.
                if i > 0 and old[i] == old[i - 1]:
                    index = new[i - 1]
                elif i >= width and old[i] == old[i - width]:
                    index = new[i - width]
                elif label_t is not uint64_t and old[i] < 0:
                    index = -1
                else:
                    index = index_of(&table, <uint64_t>old[i])
                    if index < 0:
                        break
                new[i] = index
                index = 0
            free(table.slots)
    if index < 0:
        raise MemoryError
    return np.asarray(numbered), table.n_keys


cdef int32_t link4(
    const label_t* old, int32_t* new, int32_t* parent, int32_t n, Py_ssize_t width,
    bint first_row,
) noexcept nogil:
    """Provisional numbers of a row, from `n` on; returns the next free one."""
    cdef Py_ssize_t x
    cdef bint left, above
    for x in range(width):
        if label_t is not uint64_t and old[x] < 0:
            new[x] = -1
            continue
        left = x > 0 and old[x - 1] == old[x]
        above = not first_row and old[x - width] == old[x]
        if left:
            new[x] = new[x - 1]
            # Where the corner is alike too, the left pixel has made the link.
            if above and old[x - width - 1] != old[x]:
                unite(parent, new[x], new[x - width])
        elif above:
            new[x] = new[x - width]
        else:
            parent[n] = n
            new[x] = n
            n += 1
    return n


cdef int32_t link8(
    const label_t* old, int32_t* new, int32_t* parent, int32_t n, Py_ssize_t width,
    bint first_row,
) noexcept nogil:
    cdef Py_ssize_t x
    cdef bint left, corner, other_corner
    for x in range(width):
        if label_t is not uint64_t and old[x] < 0:
            new[x] = -1
            continue
        # The pixel above touches the three others, which are linked with it.
        if not first_row and old[x - width] == old[x]:
            new[x] = new[x - width]
            continue
        left = x > 0 and old[x - 1] == old[x]
        corner = not first_row and x > 0 and old[x - width - 1] == old[x]
        other_corner = (
            not first_row and x + 1 < width and old[x - width + 1] == old[x]
        )
        if left or corner:
            new[x] = new[x - 1] if left else new[x - width - 1]
            if other_corner:
                unite(parent, new[x], new[x - width + 1])
        elif other_corner:
            new[x] = new[x - width + 1]
        else:
            parent[n] = n
            new[x] = n
            n += 1
    return n


def components(const label_t[:, ::1] labels, int connectivity):
    """Connected components numbered in scan order, negative ones -1; and how many."""
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], y, i
    cdef int32_t[:, ::1] numbered = np.empty((height, width), dtype=np.int32)
    # A page of it that is never written takes no memory.
    cdef int32_t[::1] links = np.empty(height * width, dtype=np.int32)
    cdef int32_t* new = &numbered[0, 0]
    cdef int32_t* parent = &links[0]
    cdef int32_t n = 0

    with nogil:
        for y in range(height):
            if connectivity == 4:
                n = link4(
                    &labels[y, 0], &numbered[y, 0], parent, n, width, y == 0
                )
            else:
                n = link8(
                    &labels[y, 0], &numbered[y, 0], parent, n, width, y == 0
                )
        n = number_roots(parent, n)
        for i in range(height * width):
            if new[i] >= 0:
                new[i] = parent[new[i]]
    return np.asarray(numbered), n


def color_sums(
    const int32_t[:, ::1] labels, Py_ssize_t n, const color_t[:, :, :] image
):
    """Sums of the colours of each region, of shape (n, channels)."""
    cdef Py_ssize_t y, x, c
    cdef double[:, ::1] sums = np.zeros((n, image.shape[2]))

    with nogil:
        for y in range(labels.shape[0]):
            for x in range(labels.shape[1]):
                if labels[y, x] >= 0:
                    for c in range(image.shape[2]):
                        sums[labels[y, x], c] += <double>image[y, x, c]
    return np.asarray(sums)


cdef void tidy(Regions* r, int32_t* length, int32_t region) noexcept nogil:
    """Leave one half-edge a neighbour in the region's list, with the whole length."""
    cdef int32_t h = r.head[region], following, neighbour
    r.head[region] = -1
    while h >= 0:
        following = r.next[h]
        neighbour = find(r.parent, r.other[h])
        if neighbour != region:
            if keep_first(r, region, neighbour, h):
                r.other[h] = neighbour
            else:
                length[r.seen[neighbour]] += length[h]
        h = following
    h = r.head[region]
    while h >= 0:
        r.seen[r.other[h]] = -1
        h = r.next[h]


cdef int32_t best_neighbour(
    Regions* r, int32_t* length, int32_t region, double* nearest
) noexcept nogil:
    """The nearest in colour, the longest border, the lowest number, in this order."""
    cdef int32_t h, best = -1, longest = 0
    cdef double d
    tidy(r, length, region)
    h = r.head[region]
    while h >= 0:
        d = distance(r, region, r.other[h])
        if (
            best < 0
            or d < nearest[0]
            or (d == nearest[0] and length[h] > longest)
            or (d == nearest[0] and length[h] == longest and r.other[h] < best)
        ):
            best = r.other[h]
            nearest[0] = d
            longest = length[h]
        h = r.next[h]
    return best


cdef double spread(const Regions* r) noexcept nogil:
    """Variance of the regions' mean colours, by pixel."""
    cdef double total, squares, difference, pixels = 0.0, variance = 0.0
    cdef int32_t i
    cdef Py_ssize_t c
    for i in range(r.n):
        pixels += <double>r.size[i]
    for c in range(r.channels):
        total = squares = 0.0
        for i in range(r.n):
            total += r.sums[i * r.channels + c]
        total /= pixels
        for i in range(r.n):
            difference = r.sums[i * r.channels + c] / <double>r.size[i] - total
            squares += <double>r.size[i] * difference * difference
        variance += squares / pixels
    return variance


cdef struct Waiting:
    double cost
    int32_t region


ctypedef Waiting heap_t


cdef inline bint before(const Waiting* a, const Waiting* b) noexcept nogil:
    return a.cost < b.cost or (a.cost == b.cost and a.region < b.region)


include "_heap.pxi"


cdef void join_cheapest(
    Regions* r, int32_t* length, Waiting* heap, int64_t min_size, int32_t n_segments,
    double variance,
) noexcept nogil:
    """Join regions to their best neighbours, the region of least cost first.

    The cost is the size, times one plus the squared distance over `variance` if that
    is positive. A region waits at the cost that it had when it was last looked at, at
    first and after a join at its size: the costs of its neighbours are not renewed.
    """
    cdef Py_ssize_t n_heap = 0
    cdef int32_t region, neighbour, n_regions = r.n
    cdef double cost, d
    for region in range(n_regions):
        if r.size[region] < min_size:
            heap[n_heap].region = region
            heap[n_heap].cost = <double>r.size[region]
            n_heap += 1
    heapify(heap, n_heap)
    while n_heap > 0 and r.n > n_segments:
        region = heap[0].region
        neighbour = -1
        if r.parent[region] == region and r.size[region] < min_size:
            neighbour = best_neighbour(r, length, region, &d)
        if neighbour < 0:
            n_heap -= 1
            heap[0] = heap[n_heap]
        else:
            cost = <double>r.size[region]
            if variance > 0:
                cost *= 1.0 + d / variance
            if cost > heap[0].cost:
                heap[0].cost = cost
            elif join(r, region, neighbour) == region:
                heap[0].cost = <double>r.size[region]
            else:
                n_heap -= 1
                heap[0] = heap[n_heap]
        sift_down(heap, n_heap, 0)


def merge(
    int32_t[:, ::1] labels, Py_ssize_t n, double[:, ::1] sums, int64_t min_size,
    Py_ssize_t n_segments, int connectivity,
):
    """Join regions below `min_size` while more than `n_segments` are left, in place.

    The regions are connected and numbered in scan order, and so are the new ones.
    `sums` of colours, of shape (n, channels), is overwritten; without channels the
    longest border decides.
    """
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], i
    cdef int32_t* label = &labels[0, 0]
    cdef Table table
    cdef bint done
    cdef double variance
    cdef Regions r
    cdef int32_t* length
    cdef int64_t[::1] size = np.zeros(n + 1, dtype=np.int64)
    cdef int32_t[:, ::1] by_region = np.empty((4, n + 1), dtype=np.int32)
    cdef double[:, ::1] heap = np.empty((n + 1, 2))

    with nogil:
        done = table_open(&table)
        if done:
            done = find_borders(&table, label, height, width, connectivity)
    if not done:
        free(table.slots)
        raise MemoryError
    try:
        half_edges = np.empty((3, 2 * table.n_keys + 1), dtype=np.int32)
    except MemoryError:
        free(table.slots)
        raise
    cdef int32_t[:, ::1] by_half_edge = half_edges

    r.n = <int32_t>n
    r.channels = sums.shape[1]
    r.sums = &sums[0, 0] if sums.size else NULL
    r.size = &size[0]
    r.parent = &by_region[0, 0]
    r.head = &by_region[1, 0]
    r.tail = &by_region[2, 0]
    r.seen = &by_region[3, 0]
    r.other = &by_half_edge[0, 0]
    r.next = &by_half_edge[1, 0]
    length = &by_half_edge[2, 0]
    with nogil:
        list_borders(&r, &table, length)
        free(table.slots)
        for i in range(height * width):
            if label[i] >= 0:
                size[label[i]] += 1
        # Regions below a size go by size alone; where their number matters, those that
        # are missed least go first.
        variance = spread(&r) if n_segments > 0 else 0.0
        join_cheapest(
            &r, length, <Waiting*>&heap[0, 0], min_size, <int32_t>n_segments, variance
        )
        number_roots(r.parent, <int32_t>n)
        for i in range(height * width):
            if label[i] >= 0:
                label[i] = r.parent[label[i]]


def of_tree(
    const int32_t[:, ::1] children, Py_ssize_t n, Py_ssize_t n_segments
):
    """Labels (n,) after the first n - n_segments joins of a tree over n pixels."""
    cdef Py_ssize_t n_joins = n - n_segments, i
    cdef int32_t[::1] top = np.arange(n + n_joins, dtype=np.int32)
    cdef int32_t[::1] labels = np.empty(n, dtype=np.int32)
    cdef int32_t[::1] label_of_top = np.full(n + n_joins, -1, dtype=np.int32)
    cdef int32_t count = 0
    with nogil:
        for i in range(n_joins - 1, -1, -1):
            top[children[i, 0]] = top[n + i]
            top[children[i, 1]] = top[n + i]
        for i in range(n):
            if label_of_top[top[i]] < 0:
                label_of_top[top[i]] = count
                count += 1
            labels[i] = label_of_top[top[i]]
    return np.asarray(labels)
