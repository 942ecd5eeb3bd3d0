"""Union-find: the root that a node belongs to, and the roots numbered."""

from libc.stdint cimport int32_t


cdef inline int32_t find(int32_t* parent, int32_t i) noexcept nogil:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


cdef inline int32_t number_roots(int32_t* parent, int32_t n) noexcept nogil:
    """Turn links, each to a lower number, into consecutive numbers of the roots."""
    cdef int32_t i, n_roots = 0
    for i in range(n):
        if parent[i] == i:
            parent[i] = n_roots
            n_roots += 1
        else:
            parent[i] = parent[parent[i]]
    return n_roots
