"""Greedy maximisation of the entropy rate on a pixel grid (compiled loop)."""

import numpy as np

from libc.math cimport log2
from libc.stdint cimport int32_t, uint32_t
from libc.stdlib cimport free, malloc, realloc

ctypedef fused affinity_t:
    float
    double

# Sizes up to here take f(n/N) from a table; it must stay small enough for the
# second-level cache, and larger components are rare.
cdef Py_ssize_t TABLE_MAX = 1 << 15

# Buckets are this many to an edge; the sweep over empty ones is cheap.
cdef double BUCKETS_PER_EDGE = 0.5

# A bucket must stay wider than the rounding of the first gains to 32-bit floats.
cdef Py_ssize_t BUCKETS_MAX = 1 << 22


cdef struct Vertex:
    double loop  # weight left at the vertex
    double f_loop  # loop * log2(loop)


cdef struct Candidate:
    double gain
    int32_t edge


cdef struct Graph:
    Py_ssize_t n_vertices
    int shift  # edge >> shift is the pixel that owns the edge
    Py_ssize_t[4] offset  # from the owner to the other end, by channel
    double total  # sum of the loops: what every weight is divided by
    double balance_weight
    Vertex* vertices
    int32_t* parent  # a root holds minus the size of its component
    double* f_weight  # w * log2(w), by edge
    double* f_size  # f(n / N), by n
    Py_ssize_t n_sizes


cdef struct Queue:
    # Bucket i holds the edges whose gain, when last seen, lay in
    # (top - (i + 1) * width, top - i * width]; the last one holds all below.
    # Gains only ever fall, so an edge only ever moves to a later bucket.
    double top
    double per_width
    Py_ssize_t n_buckets
    int32_t* head
    int32_t* next
    # The bucket being emptied, as a binary heap.
    Candidate* heap
    Py_ssize_t n_heap
    Py_ssize_t capacity


cdef inline double f(double x) noexcept nogil:
    return x * log2(x) if x > 0 else 0.0


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


cdef inline double f_of_size(const Graph* g, Py_ssize_t n) noexcept nogil:
    if n < g.n_sizes:
        return g.f_size[n]
    return f(<double>n / <double>g.n_vertices)


cdef inline double balance_gain(
    const Graph* g, Py_ssize_t a, Py_ssize_t b
) noexcept nogil:
    return -f_of_size(g, a + b) + f_of_size(g, a) + f_of_size(g, b) + 1.0


cdef inline double entropy_gain(
    const Vertex* a, const Vertex* b, double w, double f_w
) noexcept nogil:
    cdef double left_a = a.loop - w, left_b = b.loop - w
    # A vertex with nothing left would stand at 0 log 0, which counts as no gain.
    if left_a <= 0 or left_b <= 0:
        return 0.0
    return (
        a.f_loop + b.f_loop
        - left_a * log2(left_a) - left_b * log2(left_b)
        - 2.0 * f_w
    )


cdef inline uint32_t scattered(int32_t edge) noexcept nogil:
    """Fibonacci hashing: a fixed order of the edges without a direction."""
    return <uint32_t>edge * <uint32_t>2654435769


cdef inline bint ahead(const Candidate* a, const Candidate* b) noexcept nogil:
    # Ties in scan order would cut a flat area into strips.
    return a.gain > b.gain or (
        a.gain == b.gain and scattered(a.edge) < scattered(b.edge)
    )


cdef inline void sift_down(
    Candidate* heap, Py_ssize_t n, Py_ssize_t i
) noexcept nogil:
    cdef Candidate moving = heap[i]
    cdef Py_ssize_t child
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and ahead(&heap[child + 1], &heap[child]):
            child += 1
        if not ahead(&heap[child], &moving):
            break
        heap[i] = heap[child]
        i = child
    heap[i] = moving


cdef inline void pop(Queue* q) noexcept nogil:
    q.n_heap -= 1
    if q.n_heap > 0:
        q.heap[0] = q.heap[q.n_heap]
        sift_down(q.heap, q.n_heap, 0)


cdef inline Py_ssize_t bucket_of(const Queue* q, double gain) noexcept nogil:
    cdef double i = (q.top - gain) * q.per_width
    if i >= q.n_buckets:
        return q.n_buckets - 1
    return <Py_ssize_t>i if i > 0 else 0


cdef inline void put(Queue* q, Py_ssize_t bucket, int32_t edge) noexcept nogil:
    q.next[edge] = q.head[bucket]
    q.head[bucket] = edge


cdef bint append(Queue* q, int32_t edge, double gain) noexcept nogil:
    cdef Candidate* larger
    if q.n_heap == q.capacity:
        larger = <Candidate*>realloc(q.heap, 2 * q.capacity * sizeof(Candidate))
        if larger == NULL:
            return False
        q.heap = larger
        q.capacity *= 2
    q.heap[q.n_heap].gain = gain
    q.heap[q.n_heap].edge = edge
    q.n_heap += 1
    return True


cdef inline bint edge_exists(
    Py_ssize_t y, Py_ssize_t x, int channel, Py_ssize_t height, Py_ssize_t width
) noexcept nogil:
    if channel == 0:
        return x + 1 < width
    if channel == 1:
        return y + 1 < height
    if channel == 2:
        return x + 1 < width and y + 1 < height
    return x + 1 < width and y > 0


cdef inline bint gain_now(
    Graph* g, const affinity_t* weights, int32_t edge,
    double* gain, int32_t* root_a, int32_t* root_b,
) noexcept nogil:
    """Gain of an edge as things stand; False where it would close a cycle."""
    cdef int32_t a = edge >> g.shift
    cdef int32_t b = <int32_t>(a + g.offset[edge - (a << g.shift)])
    root_a[0] = find(g.parent, a)
    root_b[0] = find(g.parent, b)
    if root_a[0] == root_b[0]:
        return False
    gain[0] = entropy_gain(
        &g.vertices[a], &g.vertices[b],
        <double>weights[edge] / g.total, g.f_weight[edge],
    ) + g.balance_weight * balance_gain(
        g, -g.parent[root_a[0]], -g.parent[root_b[0]]
    )
    return True


cdef inline void join(
    Graph* g, const affinity_t* weights, int32_t edge, int32_t a, int32_t b
) noexcept nogil:
    cdef int32_t u = edge >> g.shift
    cdef int32_t v = <int32_t>(u + g.offset[edge - (u << g.shift)])
    cdef double w = <double>weights[edge] / g.total
    if g.parent[a] > g.parent[b]:
        a, b = b, a
    g.parent[a] += g.parent[b]
    g.parent[b] = a
    g.vertices[u].loop -= w
    g.vertices[v].loop -= w
    g.vertices[u].f_loop = f(g.vertices[u].loop)
    g.vertices[v].f_loop = f(g.vertices[v].loop)


cdef void weigh(
    Graph* g, const affinity_t* weights, float* entropy_gains,
    Py_ssize_t height, Py_ssize_t width, double balance, Py_ssize_t n_segments,
    double* largest,
) noexcept nogil:
    """Loops, logarithms and the first gains: everything before the first join."""
    cdef Py_ssize_t y, x, u, v, e
    cdef int c, channels = 1 << g.shift
    cdef double w, gain, at_most = 0.0, total = 0.0, largest_balance

    for u in range(g.n_vertices):
        g.parent[u] = -1
        g.vertices[u].loop = 0.0
    for u in range(g.n_sizes):
        g.f_size[u] = f(<double>u / <double>g.n_vertices)

    e = 0
    for y in range(height):
        for x in range(width):
            u = y * width + x
            for c in range(channels):
                if edge_exists(y, x, c, height, width):
                    v = u + g.offset[c]
                    g.vertices[u].loop += <double>weights[e]
                    g.vertices[v].loop += <double>weights[e]
                e += 1
    for u in range(g.n_vertices):
        total += g.vertices[u].loop
    # Without any affinity every weight is 0 whatever it is divided by.
    g.total = total if total > 0 else 1.0
    for u in range(g.n_vertices):
        g.vertices[u].loop /= g.total
        g.vertices[u].f_loop = f(g.vertices[u].loop)

    e = 0
    for y in range(height):
        for x in range(width):
            u = y * width + x
            for c in range(channels):
                if edge_exists(y, x, c, height, width):
                    v = u + g.offset[c]
                    w = <double>weights[e] / g.total
                    g.f_weight[e] = f(w)
                    gain = entropy_gain(
                        &g.vertices[u], &g.vertices[v], w, g.f_weight[e]
                    )
                    entropy_gains[e] = <float>gain
                    if gain > at_most:
                        at_most = gain
                e += 1
    largest_balance = balance_gain(g, 1, 1)
    if largest_balance <= 0:
        g.balance_weight = 0.0
    elif at_most > 0:
        g.balance_weight = (
            balance * <double>n_segments * at_most / largest_balance
        )
    else:
        # No edge has any entropy to give: balance alone decides.
        g.balance_weight = balance
    largest[0] = at_most


cdef void fill(
    Graph* g, Queue* q, const float* entropy_gains,
    Py_ssize_t height, Py_ssize_t width, double largest,
) noexcept nogil:
    cdef Py_ssize_t y, x, i, e = 0
    cdef int c, channels = 1 << g.shift
    for i in range(q.n_buckets):
        q.head[i] = -1
    for y in range(height):
        for x in range(width):
            for c in range(channels):
                if edge_exists(y, x, c, height, width):
                    # One bucket early, since the gain was rounded to a float.
                    i = bucket_of(
                        q, q.top - (largest - <double>entropy_gains[e])
                    )
                    put(q, i - 1 if i > 0 else 0, <int32_t>e)
                e += 1


cdef int cut(
    Graph* g, Queue* q, const affinity_t* weights, Py_ssize_t n_segments,
) noexcept nogil:
    cdef Py_ssize_t i, bucket = 0, components = g.n_vertices
    cdef int32_t e, following, a, b
    cdef double gain
    cdef bint fresh

    while components > n_segments:
        # Everything below the range comes last: start over from the highest of it.
        if bucket == q.n_buckets - 1:
            gain = 0.0
            e = q.head[bucket]
            q.head[bucket] = -1
            following = -1
            q.top = -1e300
            while e >= 0:
                i = q.next[e]
                if gain_now(g, weights, e, &gain, &a, &b):
                    q.next[e] = following
                    following = e
                    if gain > q.top:
                        q.top = gain
                e = <int32_t>i
            # Wider buckets each time, so that this is done a few times at most.
            q.per_width *= 0.5
            while following >= 0:
                e = following
                following = q.next[e]
                gain_now(g, weights, e, &gain, &a, &b)
                put(q, bucket_of(q, gain), e)
            bucket = 0

        e = q.head[bucket]
        if e < 0:
            bucket += 1
            continue
        q.head[bucket] = -1
        q.n_heap = 0
        while e >= 0:
            following = q.next[e]
            if gain_now(g, weights, e, &gain, &a, &b):
                i = bucket_of(q, gain)
                if i > bucket:
                    put(q, i, e)
                elif not append(q, e, gain):
                    return -1
            e = following
        for i in range(q.n_heap // 2 - 1, -1, -1):
            sift_down(q.heap, q.n_heap, i)

        fresh = True
        while q.n_heap > 0:
            e = q.heap[0].edge
            if not gain_now(g, weights, e, &gain, &a, &b):
                pop(q)
                continue
            if not fresh and gain < q.heap[0].gain:
                i = bucket_of(q, gain)
                if i > bucket:
                    pop(q)
                    put(q, i, e)
                else:
                    q.heap[0].gain = gain
                    sift_down(q.heap, q.n_heap, 0)
                continue
            pop(q)
            join(g, weights, e, a, b)
            fresh = False
            components -= 1
            if components == n_segments:
                break
        bucket += 1
    return 0


cdef void number(
    Graph* g, int32_t* labels, int32_t* number_of_root
) noexcept nogil:
    """Consecutive labels, in the scan order of each region's first pixel."""
    cdef Py_ssize_t u
    cdef int32_t root, n = 0
    for u in range(g.n_vertices):
        number_of_root[u] = -1
    for u in range(g.n_vertices):
        root = find(g.parent, <int32_t>u)
        if number_of_root[root] < 0:
            number_of_root[root] = n
            n += 1
        labels[u] = number_of_root[root]


def ers(
    const affinity_t[:, :, ::1] affinity, Py_ssize_t n_segments, double balance
):
    """Labels (H, W) of the ERS partition; the caller has checked the input."""
    cdef Py_ssize_t height = affinity.shape[0], width = affinity.shape[1]
    cdef Py_ssize_t n = height * width, n_edges = n * affinity.shape[2]
    cdef Graph g
    cdef Queue q
    cdef double largest = 0.0
    cdef int status = 0
    cdef int32_t[:, ::1] labels = np.empty((height, width), dtype=np.int32)
    cdef int32_t[::1] parent = np.empty(n, dtype=np.int32)
    cdef double[:, ::1] vertices = np.empty((n, 2))
    cdef double[::1] f_weight = np.empty(n_edges)
    cdef int32_t[::1] following = np.empty(n_edges, dtype=np.int32)
    cdef float[::1] entropy_gains = np.empty(n_edges, dtype=np.float32)
    cdef double[::1] f_size = np.empty(min(n, TABLE_MAX) + 1)

    g.n_vertices = n
    g.shift = 1 if affinity.shape[2] == 2 else 2
    g.offset[0] = 1
    g.offset[1] = width
    g.offset[2] = width + 1
    g.offset[3] = 1 - width
    g.vertices = <Vertex*>&vertices[0, 0]
    g.parent = &parent[0]
    g.f_weight = &f_weight[0]
    g.f_size = &f_size[0]
    g.n_sizes = f_size.shape[0]

    q.n_buckets = min(
        max(64, <Py_ssize_t>(n_edges * BUCKETS_PER_EDGE)), BUCKETS_MAX
    )
    cdef int32_t[::1] head = np.empty(q.n_buckets, dtype=np.int32)
    q.head = &head[0]
    q.next = &following[0]
    q.n_heap = 0
    q.capacity = 1024
    q.heap = <Candidate*>malloc(q.capacity * sizeof(Candidate))
    if q.heap == NULL:
        raise MemoryError

    cdef const affinity_t* weights = &affinity[0, 0, 0]
    with nogil:
        weigh(
            &g, weights, &entropy_gains[0], height, width, balance, n_segments,
            &largest,
        )
        # As the segments grow to N / K pixels the balance gain of a join falls
        # by about 2 / K: the buckets cover twice that and the entropy's range.
        q.top = largest + g.balance_weight * balance_gain(&g, 1, 1)
        gain_range = largest + 4.0 * g.balance_weight / <double>n_segments
        q.per_width = <double>q.n_buckets / gain_range if gain_range > 0 else 1.0
        fill(&g, &q, &entropy_gains[0], height, width, largest)
        status = cut(&g, &q, weights, n_segments)
        if status == 0:
            # The links are no longer needed: their memory numbers the roots.
            number(&g, &labels[0, 0], q.next)
    free(q.heap)
    if status != 0:
        raise MemoryError
    return np.asarray(labels)
