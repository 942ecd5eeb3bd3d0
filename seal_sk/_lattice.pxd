"""The edges between neighbouring pixels, as affinity maps number them, inside a mask.

Edge e is channel e % n_channels of pixel e // n_channels, its owner: from there to the
right, down, down-right or up-right. Not all of these edges exist.

Everything is inline, so that a kernel that cimports it pays no call.
"""

from libc.stdint cimport int32_t, uint8_t


cdef struct Lattice:
    Py_ssize_t height
    Py_ssize_t width
    Py_ssize_t n_pixels
    int n_channels  # 2 or 4
    int shift  # edge >> shift is the pixel that owns the edge
    Py_ssize_t[4] offset  # from the owner to the other end, by channel
    const uint8_t* inside  # by pixel, the mask; NULL where there is none
    Py_ssize_t n_inside  # how many pixels


cdef struct Walk:
    Py_ssize_t edge
    # Of the pixel that owns it, the place, and the channels from here on, as bits.
    Py_ssize_t y
    Py_ssize_t x
    int channels


cdef inline void lay_out(
    Lattice* l, Py_ssize_t height, Py_ssize_t width, Py_ssize_t n_channels,
    const uint8_t* inside,
) noexcept nogil:
    cdef Py_ssize_t u
    l.height = height
    l.width = width
    l.n_pixels = height * width
    l.n_channels = <int>n_channels
    l.shift = 1 if n_channels == 2 else 2
    l.offset[0] = 1
    l.offset[1] = width
    l.offset[2] = width + 1
    l.offset[3] = 1 - width
    l.inside = inside
    l.n_inside = l.n_pixels
    if inside != NULL:
        for u in range(l.n_pixels):
            l.n_inside -= inside[u] == 0


cdef inline bint is_inside(const Lattice* l, Py_ssize_t u) noexcept nogil:
    return l.inside == NULL or l.inside[u] != 0


cdef inline int32_t other_end(
    const Lattice* l, int32_t edge, int shift
) noexcept nogil:
    # The shift is one of the lattice's, which a caller may know as a constant.
    return <int32_t>((edge >> shift) + l.offset[edge & ((1 << shift) - 1)])


cdef inline int channels_of(
    const Lattice* l, Py_ssize_t y, Py_ssize_t x
) noexcept nogil:
    """A pixel's channels, as bits, whose edges exist and lie inside the mask."""
    cdef Py_ssize_t u
    cdef int c, kept = 0, bits = 0
    if y + 1 < l.height:
        bits |= 2
    if x + 1 < l.width:
        bits |= 1
        if y + 1 < l.height:
            bits |= 4
        if y > 0:
            bits |= 8
    bits &= (1 << l.n_channels) - 1
    if l.inside == NULL:
        return bits
    u = y * l.width + x
    if l.inside[u]:
        for c in range(l.n_channels):
            if bits >> c & 1 and l.inside[u + l.offset[c]]:
                kept |= 1 << c
    return kept


cdef inline void before_first(Walk* w) noexcept nogil:
    w.edge = -1
    w.y = 0
    w.x = -1
    w.channels = 0


cdef inline bint step(const Lattice* l, Walk* w) noexcept nogil:
    """Walk on to the next edge, by rising numbers; False behind the last."""
    while True:
        w.edge += 1
        w.channels >>= 1
        if w.edge & (l.n_channels - 1) == 0:
            w.x += 1
            if w.x == l.width:
                w.x = 0
                w.y += 1
                if w.y == l.height:
                    return False
            w.channels = channels_of(l, w.y, w.x)
        if w.channels & 1:
            return True


cdef inline void number_pixel(
    int32_t* labels, Py_ssize_t u, int32_t root, int32_t* n
) noexcept nogil:
    """Label a pixel by its region, of which `root` is a pixel; all labels were -1.

    In scan order, so that labels are in that of the regions' first pixels. The root's
    own label is that of its region: no other memory is needed.
    """
    if labels[root] < 0:
        labels[root] = n[0]
        n[0] += 1
    labels[u] = labels[root]
