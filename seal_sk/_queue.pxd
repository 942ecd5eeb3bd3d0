"""A monotone queue of edges: buckets by gain, and a heap for the one being emptied.

Everything is inline, so that a kernel that cimports it pays no call.
"""

from libc.stdint cimport int32_t, uint32_t
from libc.stdlib cimport realloc


cdef enum:
    # Lists to a bucket, walked in turn so that their loads overlap; a power of 2.
    LANES = 4


cdef extern from *:
    """
    #if defined(__GNUC__) || defined(__clang__)
    #define SEAL_PREFETCH(address) __builtin_prefetch(address)
    #else
    #define SEAL_PREFETCH(address)
    #endif
    """
    void prefetch "SEAL_PREFETCH"(const void* address) noexcept nogil


cdef struct Candidate:
    double gain
    int32_t edge


ctypedef Candidate heap_t


cdef struct Queue:
    # Bucket i holds the edges whose gain, when last seen, lay in
    # (top - (i + 1) * width, top - i * width]; the last one holds all below.
    # Gains only ever fall, so an edge only ever moves to a later bucket.
    double top
    double per_width
    Py_ssize_t n_buckets
    int32_t* head  # of LANES lists a bucket
    int32_t* next
    # The bucket being emptied, or as much of it as there is place, as a binary heap.
    Candidate* heap
    Py_ssize_t n_heap
    Py_ssize_t places


cdef inline uint32_t scattered(int32_t edge) noexcept nogil:
    """Fibonacci hashing: a fixed order of the edges without a direction."""
    return <uint32_t>edge * <uint32_t>2654435769


cdef inline bint before(const Candidate* a, const Candidate* b) noexcept nogil:
    # Ties in scan order would cut a flat area into strips.
    return a.gain > b.gain or (
        a.gain == b.gain and scattered(a.edge) < scattered(b.edge)
    )


include "_heap.pxi"


cdef inline Py_ssize_t bucket_of(const Queue* q, double gain) noexcept nogil:
    cdef double i = (q.top - gain) * q.per_width
    if i >= q.n_buckets:
        return q.n_buckets - 1
    return <Py_ssize_t>i if i > 0 else 0


cdef inline void put(Queue* q, Py_ssize_t bucket, int32_t edge) noexcept nogil:
    cdef int32_t* head = &q.head[bucket * LANES + (edge & (LANES - 1))]
    q.next[edge] = head[0]
    head[0] = edge


cdef inline bint is_empty(const Queue* q, Py_ssize_t bucket) noexcept nogil:
    cdef int32_t heads = -1
    cdef int lane
    for lane in range(LANES):
        heads &= q.head[bucket * LANES + lane]
    return heads == -1


cdef inline void allow_more(Queue* q) noexcept nogil:
    """Twice the places, if there is memory; without it, as many as before."""
    cdef Candidate* heap = <Candidate*>realloc(
        q.heap, 2 * q.places * sizeof(Candidate)
    )
    if heap != NULL:
        q.heap = heap
        q.places *= 2


cdef inline void make_place(
    Queue* q, Py_ssize_t bucket, Candidate* limit
) noexcept nogil:
    """Send the worse half of a full heap back to its bucket; `limit` is the worst kept.
    """
    cdef Py_ssize_t n = q.n_heap, half = n // 2
    cdef Candidate best
    heapify(q.heap, n)
    while n > half:
        n -= 1
        best = q.heap[0]
        q.heap[0] = q.heap[n]
        q.heap[n] = best
        sift_down(q.heap, n, 0)
    limit[0] = q.heap[half]
    for n in range(half):
        put(q, bucket, q.heap[n].edge)
    for n in range(half, q.n_heap):
        q.heap[n - half] = q.heap[n]
    q.n_heap -= half
