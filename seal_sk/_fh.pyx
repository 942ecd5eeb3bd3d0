"""Graph-based segmentation by Felzenszwalb and Huttenlocher (compiled loops)."""

import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint32_t, uint64_t
from libc.string cimport memcpy

from seal_sk._lattice cimport (
    Lattice,
    Walk,
    before_first,
    is_inside,
    lay_out,
    number_pixel,
    other_end,
    step,
)
from seal_sk._queue cimport scattered

ctypedef fused real:
    float
    double

# The radix sort takes 11 bits at a time: the counts stay in the first-level cache.
cdef enum:
    RADIX = 2048
    DIGITS = 3

# Up to this many edges insertion beats clearing the counts of the radix sort.
cdef Py_ssize_t SHORT_RUN = 256


# The bits of 2**-48, from the 26 mantissa bits that the first keys hold onwards.
cdef uint64_t KEY_ZERO = <uint64_t>(1023 - 48) << 26


# Keys of an edge that a sort can go by; of the first three, a later one counts more.
cdef enum:
    SCATTERED
    LOW  # bits of its distance
    HIGH
    LEADING  # bits of its distance, enough for most edges


cdef struct Graph:
    Lattice lattice
    Py_ssize_t n_segments  # that are left
    # By edge, one of these; distances are computed where they are needed, since a map
    # of them would be most of the memory.
    const float* affinity
    const double* precise_affinity
    const double* distance
    int32_t* parent  # a root holds minus the size of its segment
    double* bound  # largest distance that a root's segment joins over


cdef inline int32_t find(int32_t* parent, int32_t i) noexcept nogil:
    cdef int32_t up = parent[i], above
    while up >= 0:
        above = parent[up]
        if above < 0:
            return up
        parent[i] = above
        i = above
        up = parent[i]
    return i


cdef inline double distance_of(const Graph* g, int32_t edge) noexcept nogil:
    # In double precision, differences from float32 affinities are exact.
    if g.affinity != NULL:
        return 1.0 - <double>g.affinity[edge]
    if g.precise_affinity != NULL:
        return 1.0 - g.precise_affinity[edge]
    return g.distance[edge]


cdef inline uint32_t key_of(const Graph* g, int32_t edge, int kind) noexcept nogil:
    # Bits of floats that are not negative are in the order of the values.
    cdef double distance
    cdef uint64_t bits
    if kind == SCATTERED:
        return scattered(edge)
    distance = distance_of(g, edge)
    memcpy(&bits, &distance, sizeof(bits))
    if kind == HIGH:
        return <uint32_t>(bits >> 32)
    if kind == LOW:
        return <uint32_t>bits
    # A range of 2**-48 to 2**16 leaves few distances that the key can't tell apart.
    bits >>= 26
    return <uint32_t>(bits - KEY_ZERO if bits > KEY_ZERO else 0)


cdef inline bint ahead(const Graph* g, int32_t a, int32_t b) noexcept nogil:
    # Ties in scan order would cut a flat area into strips.
    cdef double first = distance_of(g, a), second = distance_of(g, b)
    return first < second or (first == second and scattered(a) < scattered(b))


cdef Py_ssize_t collect(const Graph* g, int32_t* edges) noexcept nogil:
    """List the edges; return how many."""
    cdef Py_ssize_t n = 0
    cdef Walk walk
    before_first(&walk)
    while step(&g.lattice, &walk):
        edges[n] = <int32_t>walk.edge
        n += 1
    return n


cdef int32_t* radix_sort(
    const Graph* g, int kind, int32_t* source, int32_t* target, Py_ssize_t n,
    uint32_t* count,
) noexcept nogil:
    """Sort edges by a key, stably; return which of the two the result is in."""
    cdef uint32_t* start
    cdef uint32_t key, total
    cdef Py_ssize_t i
    cdef int digit, shift
    for i in range(DIGITS * RADIX):
        count[i] = 0
    for i in range(n):
        key = key_of(g, source[i], kind)
        count[key % RADIX] += 1
        count[RADIX + (key >> 11) % RADIX] += 1
        count[2 * RADIX + (key >> 22)] += 1
    for digit in range(DIGITS):
        start = count + digit * RADIX
        shift = 11 * digit
        if start[(key_of(g, source[0], kind) >> shift) % RADIX] == n:
            continue
        total = 0
        for i in range(RADIX):
            key = start[i]
            start[i] = total
            total += key
        for i in range(n):
            key = (key_of(g, source[i], kind) >> shift) % RADIX
            target[start[key]] = source[i]
            start[key] += 1
        source, target = target, source
    return source


cdef void settle(
    const Graph* g, int32_t* edges, int32_t* other, Py_ssize_t n, uint32_t* count
) noexcept nogil:
    """Sort edges that the first key can't tell apart."""
    cdef int32_t* start = edges
    cdef int32_t* room = other
    cdef int32_t moving
    cdef Py_ssize_t i, j
    cdef int kind
    if n <= SHORT_RUN:
        for i in range(1, n):
            moving = edges[i]
            j = i
            while j > 0 and ahead(g, moving, edges[j - 1]):
                edges[j] = edges[j - 1]
                j -= 1
            edges[j] = moving
        return
    for kind in range(LEADING):
        edges = radix_sort(g, kind, edges, room, n, count)
        room = other if edges == start else start
    if edges != start:
        for i in range(n):
            start[i] = edges[i]


cdef int32_t* sort(
    const Graph* g, int32_t* edges, int32_t* other, Py_ssize_t n, uint32_t* count
) noexcept nogil:
    """Sort by distance, equal ones in scattered order; return where they are."""
    cdef int32_t* result = edges
    cdef int32_t* room = other
    cdef Py_ssize_t first = 0, last
    cdef uint32_t key, following = 0
    if n > 0:
        result = radix_sort(g, LEADING, edges, other, n, count)
        room = other if result == edges else edges
        following = key_of(g, result[0], LEADING)
    while first < n:
        key = following
        last = first + 1
        while last < n:
            following = key_of(g, result[last], LEADING)
            if following != key:
                break
            last += 1
        if last > first + 1:
            settle(g, result + first, room, last - first, count)
        first = last
    return result


cdef inline void set_bound(
    Graph* g, int32_t root, double largest, double scale, bint counts_inside
) noexcept nogil:
    cdef double bound = scale / <double>(-g.parent[root])
    if counts_inside:
        # Single precision is what scikit-image compares with. Rounding must not take
        # the bound below what is joined already, or equal distances would depend on
        # order.
        bound = max(<double><float>(largest + bound), largest)
    g.bound[root] = bound


cdef inline int32_t join(Graph* g, int32_t a, int32_t b) noexcept nogil:
    """Join two roots and return the one that is left."""
    if g.parent[a] > g.parent[b]:
        a, b = b, a
    g.parent[a] += g.parent[b]
    g.parent[b] = a
    g.n_segments -= 1
    return a


cdef inline bint ends(Graph* g, int32_t edge, int32_t* a, int32_t* b) noexcept nogil:
    """Find the roots at the two ends of an edge; false if they are the same."""
    cdef int32_t u = edge >> g.lattice.shift
    cdef int32_t v = other_end(&g.lattice, edge, g.lattice.shift)
    # Most edges lie inside a segment, where this often saves the search.
    if g.parent[u] == g.parent[v] and g.parent[u] >= 0:
        return False
    a[0] = find(g.parent, u)
    b[0] = find(g.parent, v)
    return a[0] != b[0]


cdef void reset(Graph* g) noexcept nogil:
    cdef Py_ssize_t u
    for u in range(g.lattice.n_pixels):
        g.parent[u] = -1
    g.n_segments = g.lattice.n_inside


cdef Py_ssize_t join_similar(
    Graph* g, int32_t* edges, Py_ssize_t n, double scale, bint counts_inside,
    Py_ssize_t n_segments, double* enough,
) noexcept nogil:
    """Join where no bound is exceeded, until `n_segments` are left.

    Keeps only the refused edges, and returns how many; `enough` is the least scale
    that would have let one of them join, if what is inside doesn't count.
    """
    cdef Py_ssize_t i, kept = 0
    cdef int32_t e, a, b
    cdef double d, needed
    for i in range(g.lattice.n_pixels):
        if g.parent[i] < 0:
            set_bound(g, <int32_t>i, 0.0, scale, counts_inside)
    enough[0] = 0.0
    for i in range(n):
        e = edges[i]
        if not ends(g, e, &a, &b):
            continue
        d = distance_of(g, e)
        if d <= g.bound[a] and d <= g.bound[b]:
            if g.n_segments == n_segments:
                break
            a = join(g, a, b)
            # Edges come by rising distance: this one is the largest inside.
            set_bound(g, a, d, scale, counts_inside)
            continue
        needed = d * <double>(-min(g.parent[a], g.parent[b]))
        if kept == 0 or needed < enough[0]:
            enough[0] = needed
        edges[kept] = e
        kept += 1
    return kept


cdef Py_ssize_t join_small(
    Graph* g, const int32_t* edges, Py_ssize_t n, Py_ssize_t min_size, bint both,
    int32_t* kept,
) noexcept nogil:
    """Join where one segment, or both, are smaller than `min_size`.

    Lists the refused edges in `kept`, which may be `edges`, and returns how many.
    """
    cdef Py_ssize_t i, n_kept = 0
    cdef int32_t e, a, b
    cdef bint small_a, small_b
    for i in range(n):
        e = edges[i]
        if not ends(g, e, &a, &b):
            continue
        small_a = -g.parent[a] < min_size
        small_b = -g.parent[b] < min_size
        if (small_a and small_b) if both else (small_a or small_b):
            join(g, a, b)
            continue
        kept[n_kept] = e
        n_kept += 1
    return n_kept


cdef void cut(
    Graph* g, const int32_t* edges, int32_t* kept, Py_ssize_t n, Py_ssize_t n_segments,
    Py_ssize_t min_size,
) noexcept nogil:
    """Exactly `n_segments`: at first small segments join, then the scale rises."""
    cdef double scale = 0.0, enough
    cdef Py_ssize_t n_kept
    min_size = min(min_size, g.lattice.n_inside // n_segments)
    while True:
        reset(g)
        n_kept = join_small(g, edges, n, min_size, False, kept)
        if g.n_segments >= n_segments:
            break
        # Segments that don't grow beyond `min_size` are worse, and more.
        reset(g)
        n_kept = join_small(g, edges, n, min_size, True, kept)
        n_kept = join_small(g, kept, n_kept, min_size, False, kept)
        if g.n_segments >= n_segments:
            break
        min_size //= 2
    while g.n_segments > n_segments:
        n_kept = join_similar(g, kept, n_kept, scale, False, n_segments, &enough)
        scale = max(2.0 * scale, enough)


cdef void number(Graph* g, int32_t* labels) noexcept nogil:
    """Consecutive labels, in the scan order of each region's first pixel; -1 outside.
    """
    cdef Py_ssize_t u
    cdef int32_t n = 0
    for u in range(g.lattice.n_pixels):
        labels[u] = -1
    for u in range(g.lattice.n_pixels):
        if is_inside(&g.lattice, u):
            number_pixel(labels, u, find(g.parent, <int32_t>u), &n)


def fh(
    const real[:, :, ::1] values, bint similar, double scale, Py_ssize_t min_size,
    Py_ssize_t n_segments, const uint8_t[:, ::1] mask=None,
):
    """Labels (H, W) by `scale`, or, where `n_segments` is not 0, of so many segments.

    `values` is an affinity map or, if not `similar`, a map of distances in float64 that
    is laid out as one; edges that leave the mask are not read. The caller has checked
    the input, that the mask has no more regions than `n_segments` included.
    """
    cdef Py_ssize_t height = values.shape[0], width = values.shape[1]
    cdef Py_ssize_t n = height * width, n_edges
    cdef const uint8_t* inside = NULL
    cdef Graph g
    cdef double enough = 0.0
    cdef int32_t[:, ::1] labels = np.empty((height, width), dtype=np.int32)
    cdef int32_t[:, ::1] room = np.empty((2, values.size), dtype=np.int32)
    cdef int32_t* edges = &room[0, 0]
    cdef int32_t* free = &room[1, 0]
    cdef uint32_t[::1] count = np.empty(DIGITS * RADIX, dtype=np.uint32)
    cdef int32_t[::1] parent = np.empty(n, dtype=np.int32)
    cdef double[::1] bound = np.empty(n)

    if mask is not None:
        inside = &mask[0, 0]
    lay_out(&g.lattice, height, width, values.shape[2], inside)
    g.affinity = g.precise_affinity = g.distance = NULL
    if real is float:
        if not similar:
            raise TypeError("distances must be float64")
        g.affinity = &values[0, 0, 0]
    elif similar:
        g.precise_affinity = &values[0, 0, 0]
    else:
        g.distance = &values[0, 0, 0]
    g.parent = &parent[0]
    g.bound = &bound[0]
    with nogil:
        n_edges = collect(&g, edges)
        edges = sort(&g, edges, free, n_edges, &count[0])
        if n_segments > 0:
            free = &room[0, 0] if edges == free else free
            cut(&g, edges, free, n_edges, n_segments, min_size)
        else:
            reset(&g)
            n_edges = join_similar(&g, edges, n_edges, scale, True, 1, &enough)
            join_small(&g, edges, n_edges, min_size, False, edges)
        number(&g, &labels[0, 0])
    return np.asarray(labels)
