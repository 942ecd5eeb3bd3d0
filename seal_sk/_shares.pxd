"""Into how many parts each region is split.

Everything is inline, so that a kernel that cimports it pays no call.
"""

from libc.stdint cimport int32_t, int64_t


cdef struct Share:
    int64_t size  # pixels of the region
    int32_t parts
    int32_t region


ctypedef Share heap_t


cdef inline bint before(const Share* a, const Share* b) noexcept nogil:
    # Of parts equally large, those of the lower number come first.
    cdef int64_t of_a = a.size * b.parts, of_b = b.size * a.parts
    return of_a > of_b or (of_a == of_b and a.region < b.region)


include "_heap.pxi"


cdef inline void share_out(
    const int64_t* size, int32_t* parts, Share* heap, int32_t n, Py_ssize_t n_parts
) noexcept nogil:
    """One part more, again and again, for the region whose parts are largest."""
    cdef int32_t i
    cdef Py_ssize_t left = n_parts - n
    for i in range(n):
        heap[i].size = size[i]
        heap[i].parts = 1
        heap[i].region = i
    heapify(heap, n)
    while left > 0:
        heap[0].parts += 1
        sift_down(heap, n, 0)
        left -= 1
    for i in range(n):
        parts[heap[i].region] = heap[i].parts
