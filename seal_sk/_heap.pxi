# A binary heap of heap_t: no entry comes before the one above it.
#
# To be included, once a file, behind `ctypedef ... heap_t` and an inline `before` of
# two pointers: as text, so that the compiler sees through the order, as it would not
# through a pointer to a function.


cdef inline void sift_down(heap_t* heap, Py_ssize_t n, Py_ssize_t i) noexcept nogil:
    cdef heap_t moving = heap[i]
    cdef Py_ssize_t child
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and before(&heap[child + 1], &heap[child]):
            child += 1
        if not before(&heap[child], &moving):
            break
        heap[i] = heap[child]
        i = child
    heap[i] = moving


cdef inline void heapify(heap_t* heap, Py_ssize_t n) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n // 2 - 1, -1, -1):
        sift_down(heap, n, i)


cdef inline void pop(heap_t* heap, Py_ssize_t* n) noexcept nogil:
    """Take heap[0] out of it."""
    n[0] -= 1
    heap[0] = heap[n[0]]
    sift_down(heap, n[0], 0)
