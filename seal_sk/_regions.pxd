"""The regions of a label map and their borders, while regions are joined.

Everything is inline, so that a kernel that cimports it pays no call.
"""

from libc.stdint cimport int32_t, int64_t, uint32_t

from seal_sk._table cimport Table, index_of, pair_key


cdef struct Regions:
    int32_t n  # how many are left
    Py_ssize_t channels
    int32_t* parent  # the lowest number of a union is its root
    int64_t* size
    double* sums  # of the colours, by region and channel
    # Border e is half-edge 2e in the list of one region, 2e + 1 in the other's.
    int32_t* head
    int32_t* tail
    int32_t* other
    int32_t* next
    int32_t* seen  # by region, the half-edge that stands for it; else -1


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


cdef inline bint find_borders(
    Table* t, const int32_t* labels, Py_ssize_t height, Py_ssize_t width,
    int connectivity,
) noexcept nogil:
    """Count the pairs of neighbouring pixels for each pair of regions."""
    cdef Py_ssize_t y, x
    cdef const int32_t* here = labels
    cdef bint failed = False
    for y in range(height):
        for x in range(width):
            if x + 1 < width:
                failed |= pair(t, here, here + 1) == -2
            if y + 1 < height:
                failed |= pair(t, here, here + width) == -2
                if connectivity == 8:
                    if x + 1 < width:
                        failed |= pair(t, here, here + width + 1) == -2
                    if x > 0:
                        failed |= pair(t, here, here + width - 1) == -2
            here += 1
        if failed:
            return False
    return True


cdef inline void append(
    Regions* r, int32_t region, int32_t head, int32_t tail
) noexcept nogil:
    if head < 0:
        return
    if r.head[region] < 0:
        r.head[region] = head
    else:
        r.next[r.tail[region]] = head
    r.tail[region] = tail


cdef inline void list_borders(
    Regions* r, const Table* t, int32_t* length
) noexcept nogil:
    """Each region by itself, with the borders that were found.

    `length`, where there is such memory, takes the pairs of pixels, by half-edge.
    """
    cdef Py_ssize_t i
    cdef int32_t h
    for i in range(t.n_slots):
        if t.slots[i].count:
            h = 2 * t.slots[i].index
            r.other[h] = <int32_t><uint32_t>t.slots[i].key
            r.other[h + 1] = <int32_t>(t.slots[i].key >> 32)
            if length != NULL:
                length[h] = length[h + 1] = t.slots[i].count
    for h in range(r.n):
        r.parent[h] = h
        r.head[h] = r.seen[h] = -1
    for h in range(2 * t.n_keys):
        r.next[h] = -1
        append(r, r.other[h ^ 1], h, h)


cdef inline bint keep_first(
    Regions* r, int32_t region, int32_t neighbour, int32_t h
) noexcept nogil:
    """Put half-edge h into the list, unless another stands for the neighbour there."""
    if r.seen[neighbour] >= 0:
        return False
    r.seen[neighbour] = h
    append(r, region, h, h)
    r.next[h] = -1
    return True


cdef inline double distance(const Regions* r, int32_t a, int32_t b) noexcept nogil:
    """Squared distance of the mean colours."""
    cdef double difference, total = 0.0
    cdef Py_ssize_t c
    for c in range(r.channels):
        difference = (
            r.sums[a * r.channels + c] / <double>r.size[a]
            - r.sums[b * r.channels + c] / <double>r.size[b]
        )
        total += difference * difference
    return total


cdef inline int32_t join(Regions* r, int32_t a, int32_t b) noexcept nogil:
    """One region of two; returns the lower number, which is its own."""
    cdef Py_ssize_t c
    if b < a:
        a, b = b, a
    r.parent[b] = a
    r.size[a] += r.size[b]
    for c in range(r.channels):
        r.sums[a * r.channels + c] += r.sums[b * r.channels + c]
    append(r, a, r.head[b], r.tail[b])
    r.n -= 1
    return a
