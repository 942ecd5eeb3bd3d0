"""Greedy maximisation of the entropy rate on a pixel grid (compiled loop)."""

import numpy as np

from libc.stdint cimport int32_t, uint8_t
from libc.stdlib cimport free, malloc
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
from seal_sk._logarithm cimport LOG_CELLS, LogCell, fill, x_log_x
from seal_sk._queue cimport (
    LANES,
    Candidate,
    Queue,
    allow_more,
    before,
    bucket_of,
    heapify,
    is_empty,
    make_place,
    pop,
    prefetch,
    put,
    sift_down,
)

ctypedef fused affinity_t:
    float
    double

# Sizes up to here take f(n/N) from a table that stays in the second-level cache;
# larger components are rare.
cdef Py_ssize_t TABLE_MAX = 1 << 13

# Edges to a list, on average over the range of gains; a bucket must stay wider than
# the rounding of the first gains to 32-bit floats.
cdef Py_ssize_t EDGES_PER_LIST = 8
cdef Py_ssize_t BUCKETS_MAX = 1 << 22

# Edges to a place in the heap: where one bucket holds more, it is emptied in parts,
# unless that makes too little headway.
cdef Py_ssize_t EDGES_PER_PLACE = 8

cdef LogCell[LOG_CELLS] LOG_TABLE

fill(LOG_TABLE)


cdef struct Vertex:
    double loop  # weight left at the vertex
    double f_loop  # loop * log2(loop)
    # The component's root; in the root itself, minus the component's size.
    int32_t root
    # Next vertex of the same component, in a ring.
    int32_t member


cdef struct Graph:
    Lattice lattice  # its pixels inside are the vertices
    double total  # sum of the loops: what every weight is divided by
    double largest  # first gain in entropy rate
    double balance_weight
    Vertex* vertices
    double* f_size  # f(n / N), by n
    Py_ssize_t n_sizes
    # Where wanted: the component's node in the tree, by root, and the tree so far.
    int32_t* node
    int32_t* children
    Py_ssize_t n_joins


cdef inline double f(double x) noexcept nogil:
    return x_log_x(x, LOG_TABLE)


cdef inline double f_of_size(const Graph* g, Py_ssize_t n) noexcept nogil:
    if n < g.n_sizes:
        return g.f_size[n]
    return f(<double>n / <double>g.lattice.n_inside)


cdef inline double balance_gain(
    const Graph* g, Py_ssize_t a, Py_ssize_t b
) noexcept nogil:
    return -f_of_size(g, a + b) + (f_of_size(g, a) + f_of_size(g, b)) + 1.0


cdef inline double entropy_gain(
    const Vertex* a, const Vertex* b, double w
) noexcept nogil:
    cdef double left_a = a.loop - w, left_b = b.loop - w
    # A vertex with nothing left would stand at 0 log 0, which counts as no gain.
    if left_a <= 0 or left_b <= 0:
        return 0.0
    # Symmetric in its ends, so that mirrored edges tie exactly.
    return (a.f_loop + b.f_loop) - (f(left_a) + f(left_b)) - 2.0 * f(w)


cdef inline int32_t root_of(const Graph* g, int32_t i) noexcept nogil:
    cdef int32_t root = g.vertices[i].root
    return i if root < 0 else root


cdef inline void fetch(
    const Graph* g, const Queue* q, const affinity_t* weights, int32_t edge, int shift
) noexcept nogil:
    """Ask for the memory that an evaluation will need, ahead of it."""
    prefetch(&q.next[edge])
    prefetch(&g.vertices[edge >> shift])
    prefetch(&g.vertices[other_end(&g.lattice, edge, shift)])
    prefetch(&weights[edge])


cdef inline bint gain_now(
    const Graph* g, const affinity_t* weights, int32_t edge, int shift, double* gain
) noexcept nogil:
    """Gain of an edge as things stand; False where it would close a cycle."""
    cdef int32_t u = edge >> shift, v = other_end(&g.lattice, edge, shift)
    cdef int32_t a = root_of(g, u), b = root_of(g, v)
    if a == b:
        return False
    gain[0] = entropy_gain(
        &g.vertices[u], &g.vertices[v], <double>weights[edge] / g.total
    ) + g.balance_weight * balance_gain(g, -g.vertices[a].root, -g.vertices[b].root)
    return True


cdef inline void join(
    Graph* g, const affinity_t* weights, int32_t edge, int shift
) noexcept nogil:
    cdef int32_t u = edge >> shift, v = other_end(&g.lattice, edge, shift)
    cdef int32_t kept = root_of(g, u), gone = root_of(g, v), i, size
    cdef Vertex* vertices = g.vertices
    cdef double w = <double>weights[edge] / g.total
    if g.children != NULL:
        g.children[2 * g.n_joins] = g.node[kept]
        g.children[2 * g.n_joins + 1] = g.node[gone]
    if vertices[kept].root > vertices[gone].root:
        kept, gone = gone, kept
    size = vertices[gone].root
    # The smaller component is renamed: a vertex at most log2(N) times.
    i = gone
    while True:
        vertices[i].root = kept
        i = vertices[i].member
        if i == gone:
            break
    vertices[kept].root += size
    i = vertices[kept].member
    vertices[kept].member = vertices[gone].member
    vertices[gone].member = i
    if g.children != NULL:
        g.node[kept] = <int32_t>(g.lattice.n_pixels + g.n_joins)
    g.n_joins += 1
    vertices[u].loop -= w
    vertices[v].loop -= w
    vertices[u].f_loop = f(vertices[u].loop)
    vertices[v].f_loop = f(vertices[v].loop)


cdef void weigh(
    Graph* g, const affinity_t* weights, float* first_gains
) noexcept nogil:
    """Loops and the first gains in entropy rate: all that does not depend on K."""
    cdef Py_ssize_t u
    cdef int32_t e, v
    cdef int shift = g.lattice.shift
    cdef double gain, total = 0.0
    cdef Walk walk

    for u in range(g.n_sizes):
        g.f_size[u] = f(<double>u / <double>g.lattice.n_inside)
    for u in range(g.lattice.n_pixels):
        g.vertices[u].loop = 0.0
    before_first(&walk)
    while step(&g.lattice, &walk):
        e = <int32_t>walk.edge
        g.vertices[e >> shift].loop += <double>weights[e]
        g.vertices[other_end(&g.lattice, e, shift)].loop += <double>weights[e]
    for u in range(g.lattice.n_pixels):
        total += g.vertices[u].loop
    # Without any affinity every weight is 0 whatever it is divided by.
    g.total = total if total > 0 else 1.0
    for u in range(g.lattice.n_pixels):
        g.vertices[u].loop /= g.total
        g.vertices[u].f_loop = f(g.vertices[u].loop)

    g.largest = 0.0
    before_first(&walk)
    while step(&g.lattice, &walk):
        e = <int32_t>walk.edge
        v = other_end(&g.lattice, e, shift)
        gain = entropy_gain(
            &g.vertices[e >> shift], &g.vertices[v], <double>weights[e] / g.total
        )
        first_gains[e] = <float>gain
        if gain > g.largest:
            g.largest = gain


cdef void start(
    Graph* g, Queue* q, const float* first_gains, double balance, Py_ssize_t n_segments
) noexcept nogil:
    """Every vertex alone, every edge in its bucket.

    The first gains may lie in the memory of the links, which are written behind them.
    """
    cdef Py_ssize_t i
    cdef double first_balance = balance_gain(g, 1, 1), gain_range
    cdef float gain
    cdef Walk walk

    if first_balance <= 0:
        g.balance_weight = 0.0
    elif g.largest > 0:
        g.balance_weight = balance * <double>n_segments * g.largest / first_balance
    else:
        # No edge has any entropy to give: balance alone decides.
        g.balance_weight = balance
    # As the segments grow to N / K pixels the balance gain of a join falls by about
    # 2 / K: the buckets cover twice that and the entropy's range.
    q.top = g.largest + g.balance_weight * first_balance
    gain_range = g.largest + 4.0 * g.balance_weight / <double>n_segments
    q.per_width = <double>q.n_buckets / gain_range if gain_range > 0 else 1.0
    q.n_heap = 0
    g.n_joins = 0
    for i in range(g.lattice.n_pixels):
        g.vertices[i].root = -1
        g.vertices[i].member = <int32_t>i
    for i in range(q.n_buckets * LANES):
        q.head[i] = -1
    before_first(&walk)
    while step(&g.lattice, &walk):
        memcpy(&gain, &first_gains[walk.edge], 4)
        # One bucket early, since the gain was rounded to a float.
        i = bucket_of(q, q.top - (g.largest - <double>gain))
        put(q, i - 1 if i > 0 else 0, <int32_t>walk.edge)


cdef void spread_out(
    Graph* g, Queue* q, const affinity_t* weights, int shift
) noexcept nogil:
    """Fill the buckets anew with the edges of the last one, which lie below the range.
    """
    cdef int32_t* last = q.head + (q.n_buckets - 1) * LANES
    cdef int32_t e, following, live = -1
    cdef int lane
    cdef double gain = 0.0
    q.top = -1e300
    for lane in range(LANES):
        e = last[lane]
        last[lane] = -1
        while e >= 0:
            following = q.next[e]
            if gain_now(g, weights, e, shift, &gain):
                q.next[e] = live
                live = e
                if gain > q.top:
                    q.top = gain
            e = following
    # Wider buckets each time, so that this is done a few times at most.
    q.per_width *= 0.5
    while live >= 0:
        e = live
        live = q.next[e]
        gain_now(g, weights, e, shift, &gain)
        put(q, bucket_of(q, gain), e)


cdef bint evaluate_bucket(
    Graph* g, Queue* q, const affinity_t* weights, int shift,
    Py_ssize_t bucket, Candidate* limit,
) noexcept nogil:
    """Bring the edges of a bucket that belong there into the heap.

    Those that have fallen move on, those that would close a cycle are dropped. True
    where there were more than places: those below `limit` are in the bucket again.
    """
    cdef int32_t* head = q.head + bucket * LANES
    cdef int32_t[LANES] upcoming
    cdef int32_t e
    cdef int lane, live = 0
    cdef Py_ssize_t i
    cdef double gain = 0.0
    cdef Candidate candidate
    cdef bint limited = False

    q.n_heap = 0
    for lane in range(LANES):
        e = head[lane]
        head[lane] = -1
        upcoming[lane] = e
        if e >= 0:
            fetch(g, q, weights, e, shift)
            live += 1
    lane = 0
    while live > 0:
        e = upcoming[lane]
        if e < 0:
            lane = (lane + 1) & (LANES - 1)
            continue
        i = q.next[e]
        upcoming[lane] = <int32_t>i
        if i >= 0:
            fetch(g, q, weights, <int32_t>i, shift)
        else:
            live -= 1
        lane = (lane + 1) & (LANES - 1)
        if not gain_now(g, weights, e, shift, &gain):
            continue
        i = bucket_of(q, gain)
        if i > bucket:
            put(q, i, e)
            continue
        candidate.gain = gain
        candidate.edge = e
        if limited and before(limit, &candidate):
            put(q, bucket, e)
            continue
        if q.n_heap == q.places:
            make_place(q, bucket, limit)
            limited = True
            if before(limit, &candidate):
                put(q, bucket, e)
                continue
        q.heap[q.n_heap] = candidate
        q.n_heap += 1
    heapify(q.heap, q.n_heap)
    return limited


cdef void cut(
    Graph* g, Queue* q, const affinity_t* weights, int shift,
    const Py_ssize_t* counts, Py_ssize_t n_counts, int32_t* levels,
) noexcept nogil:
    """Join until the last of the falling `counts` is reached.

    `levels`, where there is such memory, takes the label map of each of them.
    """
    cdef Py_ssize_t i, bucket = 0, level = 0, components = g.lattice.n_inside, n_before
    cdef int32_t e
    cdef double gain = 0.0
    cdef Candidate limit, candidate
    cdef bint fresh, limited

    limit.gain = 0.0
    limit.edge = -1
    while level < n_counts and counts[level] == components:
        if levels != NULL:
            number(g, levels + level * g.lattice.n_pixels)
        level += 1
    while level < n_counts:
        if bucket == q.n_buckets - 1:
            spread_out(g, q, weights, shift)
            bucket = 0
        if is_empty(q, bucket):
            bucket += 1
            continue
        limited = evaluate_bucket(g, q, weights, shift, bucket, &limit)
        fresh = True
        n_before = components
        while q.n_heap > 0:
            candidate = q.heap[0]
            e = candidate.edge
            if not gain_now(g, weights, e, shift, &gain):
                pop(q.heap, &q.n_heap)
                continue
            if not fresh and gain < candidate.gain:
                i = bucket_of(q, gain)
                candidate.gain = gain
                if i > bucket:
                    pop(q.heap, &q.n_heap)
                    put(q, i, e)
                elif limited and before(&limit, &candidate):
                    pop(q.heap, &q.n_heap)
                    put(q, bucket, e)
                else:
                    q.heap[0] = candidate
                    sift_down(q.heap, q.n_heap, 0)
                continue
            pop(q.heap, &q.n_heap)
            join(g, weights, e, shift)
            fresh = False
            components -= 1
            while level < n_counts and counts[level] == components:
                if levels != NULL:
                    number(g, levels + level * g.lattice.n_pixels)
                level += 1
            if level == n_counts:
                break
        # Where joins lower many gains by a little, hardly a candidate stays above the
        # limit, and the bucket would be gone through again and again.
        if limited and n_before - components < q.places // 16:
            allow_more(q)


cdef void number(const Graph* g, int32_t* labels) noexcept nogil:
    """Consecutive labels, in the scan order of each region's first pixel; -1 outside.
    """
    cdef Py_ssize_t u
    cdef int32_t n = 0
    for u in range(g.lattice.n_pixels):
        labels[u] = -1
    for u in range(g.lattice.n_pixels):
        if is_inside(&g.lattice, u):
            number_pixel(labels, u, root_of(g, <int32_t>u), &n)


def ers(
    const affinity_t[:, :, ::1] affinity, const Py_ssize_t[::1] counts,
    double balance, bint nested, bint tree, const uint8_t[:, ::1] mask=None,
):
    """Label maps (H, W), one for each of the falling `counts`; and the tree.

    One run a count or, nested, one run for all of them with the balance weight of the
    first. The tree, if wanted, is an array (joins, 2) of the last run's joined nodes,
    else None. Edges that leave the mask are not read. The caller has checked the
    input, that the mask has no more regions than the least count included.
    """
    cdef Py_ssize_t height = affinity.shape[0], width = affinity.shape[1]
    cdef Py_ssize_t n = height * width, n_edges = n * affinity.shape[2]
    cdef Py_ssize_t n_runs = 1 if nested else counts.shape[0], run
    cdef Py_ssize_t n_levels = counts.shape[0] if nested else 1
    cdef const uint8_t* inside = NULL
    cdef Graph g
    cdef Queue q
    cdef double[:, ::1] vertices = np.empty((n, 3)), at_first
    cdef int32_t[::1] links = np.empty(n_edges, dtype=np.int32)
    cdef int32_t[::1] labels, node
    cdef int32_t[:, ::1] levels, children
    cdef float[::1] kept_gains
    cdef float* first_gains = <float*>&links[0]
    cdef const affinity_t* weights = &affinity[0, 0, 0]

    if mask is not None:
        inside = &mask[0, 0]
    lay_out(&g.lattice, height, width, affinity.shape[2], inside)
    cdef Py_ssize_t n_vertices = g.lattice.n_inside
    cdef double[::1] f_size = np.empty(min(n_vertices, TABLE_MAX) + 1)
    g.vertices = <Vertex*>&vertices[0, 0]
    g.f_size = &f_size[0]
    g.n_sizes = f_size.shape[0]
    g.node = NULL
    g.children = NULL
    if tree:
        node = np.arange(n, dtype=np.int32)
        children = np.empty(
            (n_vertices - counts[counts.shape[0] - 1], 2), dtype=np.int32
        )
        g.node = &node[0]
        if children.shape[0]:
            g.children = &children[0, 0]

    # By the edges inside, so that the queue is that of an image of their number.
    q.n_buckets = n_vertices * affinity.shape[2] // (EDGES_PER_LIST * LANES)
    q.n_buckets = min(max(64, q.n_buckets), BUCKETS_MAX)
    cdef Py_ssize_t places = max(
        1024, n_vertices * affinity.shape[2] // EDGES_PER_PLACE
    )
    cdef int32_t[::1] head = np.empty(q.n_buckets * LANES, dtype=np.int32)
    q.head = &head[0]
    q.next = &links[0]

    cdef int32_t* into = NULL
    if nested:
        levels = np.empty((counts.shape[0], n), dtype=np.int32)
        into = &levels[0, 0]
    if n_runs > 1:
        # The links overwrite what the runs have in common.
        kept_gains = np.empty(n_edges, dtype=np.float32)
        first_gains = &kept_gains[0]
        at_first = np.empty((n, 3))
    q.heap = <Candidate*>malloc(places * sizeof(Candidate))
    if q.heap == NULL:
        raise MemoryError
    maps = []
    try:
        with nogil:
            weigh(&g, weights, first_gains)
            if n_runs > 1:
                memcpy(&at_first[0, 0], g.vertices, n * sizeof(Vertex))
        for run in range(n_runs):
            # A run that needed more place must not change the next one, where the
            # rounding of gains can depend on the order in which they are computed.
            q.places = places
            with nogil:
                if run > 0:
                    memcpy(g.vertices, &at_first[0, 0], n * sizeof(Vertex))
                start(&g, &q, first_gains, balance, counts[run])
                # The constant lets the compiler drop the shifts from the inner loop.
                if g.lattice.shift == 1:
                    cut(&g, &q, weights, 1, &counts[run], n_levels, into)
                else:
                    cut(&g, &q, weights, 2, &counts[run], n_levels, into)
            if nested:
                break
            if run == n_runs - 1:
                # Given back before the labels are made, so that the peak is lower.
                links = head = None
                free(q.heap)
                q.heap = NULL
            labels = np.empty(n, dtype=np.int32)
            with nogil:
                number(&g, &labels[0])
            maps.append(np.asarray(labels).reshape(height, width))
    finally:
        free(q.heap)
    if nested:
        maps = [np.asarray(level).reshape(height, width) for level in levels]
    return maps, np.asarray(children) if tree else None
