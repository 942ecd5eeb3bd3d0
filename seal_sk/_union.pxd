"""Union-find: the root that a node belongs to."""

from libc.stdint cimport int32_t


cdef inline int32_t find(int32_t* parent, int32_t i) noexcept nogil:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i
