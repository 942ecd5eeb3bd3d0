"""Refinement of boundaries: pixels that move between regions (compiled loops)."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t
from libc.stdlib cimport free, malloc, realloc
from libc.string cimport memcpy

from seal_sk._colors cimport level, value_t
from seal_sk._logarithm cimport LOG_CELLS, LogCell, fill, log_2

ctypedef fused affinity_t:
    float
    double

cdef struct Moves:
    # Places of pixels that have moved, and their old labels.
    int32_t* entries
    Py_ssize_t n
    Py_ssize_t capacity
    bint failed  # for want of memory


cdef LogCell[LOG_CELLS] LOGARITHMS
fill(LOGARITHMS)

# Neighbours of a pixel by their bits in a code of its window: clockwise from above,
# those that share a side are the even ones.
cdef uint8_t[2][256] SIMPLE  # by connectivity, 4 or 8


cdef bint is_simple(int code, int connectivity):
    """Whether the neighbours in the code are connected without the pixel itself."""
    cdef int i, first = -1, reached, before = 0, neighbours = 0
    for i in range(8):
        if code >> i & 1 and (connectivity == 8 or i % 2 == 0):
            neighbours |= 1 << i
            if first < 0:
                first = i
    if first < 0:
        return False
    reached = 1 << first
    while reached != before:
        before = reached
        for i in range(8):
            if before >> i & 1:
                reached |= 1 << (i + 1) % 8 | 1 << (i + 7) % 8
                if connectivity == 8 and i % 2 == 0:
                    # Above and right share a corner, and so on.
                    reached |= 1 << (i + 2) % 8 | 1 << (i + 6) % 8
        reached &= code
    return neighbours & ~reached == 0


cdef void fill_simple():
    cdef int code
    for code in range(256):
        SIMPLE[0][code] = is_simple(code, 4)
        SIMPLE[1][code] = is_simple(code, 8)


fill_simple()


def describe(const int64_t[:, ::1] sums, double slight, double[:, ::1] regions):
    """What the cost of a pixel needs to know of each region.

    These are the means of the channels, then 1 / (variance + `slight`) of each, and the
    sum of the logarithms of the latter.
    """
    cdef Py_ssize_t channels = (sums.shape[1] - 1) // 2, r, c
    cdef double size, mean, variance, logarithms
    with nogil:
        for r in range(sums.shape[0]):
            size = <double>sums[r, 0]
            logarithms = 0.0
            for c in range(channels):
                mean = <double>sums[r, 1 + c] / size
                variance = <double>sums[r, 1 + channels + c] / size - mean * mean
                # Rounding may take it below 0.
                variance = slight + (variance if variance > 0 else 0)
                regions[r, c] = mean
                regions[r, channels + c] = 1.0 / variance
                logarithms += log_2(variance, LOGARITHMS)
            regions[r, 2 * channels] = 0.6931471805599453 * logarithms


cdef inline double misfit(
    const double* region, const value_t* value, Py_ssize_t channels
) noexcept nogil:
    """How badly a pixel fits the colours of a region: twice its -log likelihood."""
    cdef double total = region[2 * channels], difference
    cdef Py_ssize_t c
    for c in range(channels):
        difference = <double>level(value[c]) - region[c]
        total += difference * difference * region[channels + c]
    return total


cdef inline double price(
    const int32_t* label, const double* weight, int32_t region
) noexcept nogil:
    """What a pixel of the region pays for its neighbours in others."""
    return (
        weight[0] * (label[0] != region)
        + weight[1] * (label[1] != region)
        + weight[2] * (label[2] != region)
        + weight[3] * (label[3] != region)
    )


cdef inline double cost_in(
    int32_t region, const int32_t* label, const double* weight, const double* regions,
    const value_t* value, Py_ssize_t channels,
) noexcept nogil:
    return (
        misfit(regions + region * (2 * channels + 1), value, channels)
        + price(label, weight, region)
    )


cdef inline int32_t best_region(
    const int32_t* label, const double* weight, int32_t own, const double* regions,
    const value_t* value, Py_ssize_t channels,
) noexcept nogil:
    """The region of least cost among that of a pixel and its neighbours'."""
    cdef int32_t best = own
    cdef double least = cost_in(own, label, weight, regions, value, channels), cost
    cdef int i
    for i in range(4):
        if label[i] < 0 or label[i] == own or (i > 0 and label[i] == label[i - 1]):
            continue
        cost = cost_in(label[i], label, weight, regions, value, channels)
        if cost < least:
            least = cost
            best = label[i]
    return best


cdef inline Py_ssize_t find_boundary(
    const int32_t* up, const int32_t* mid, const int32_t* down, Py_ssize_t width,
    Py_ssize_t start, int32_t* found,
) noexcept nogil:
    """List every other pixel of a row, from `start` on, if it may have to be visited.

    Without branches, which could not be predicted.
    """
    cdef Py_ssize_t x = start, n = 0
    if x == 0:
        found[0] = 0
        n = 1
        x = 2
    while x + 1 < width:
        found[n] = <int32_t>x
        n += (
            (mid[x] ^ up[x]) | (mid[x] ^ down[x])
            | (mid[x] ^ mid[x - 1]) | (mid[x] ^ mid[x + 1])
        ) != 0
        x += 2
    if x < width:
        found[n] = <int32_t>x
        n += 1
    return n


cdef void record(Moves* moves, Py_ssize_t place, int32_t label) noexcept nogil:
    cdef int32_t* larger
    if moves.n == moves.capacity:
        larger = <int32_t*>realloc(
            moves.entries, 4 * <size_t>moves.capacity * sizeof(int32_t)
        )
        if larger == NULL:
            moves.failed = True
            return
        moves.entries = larger
        moves.capacity *= 2
    moves.entries[2 * moves.n] = <int32_t>place
    moves.entries[2 * moves.n + 1] = label
    moves.n += 1


cdef void visit_half(
    int32_t* mid, const int32_t* up, const int32_t* down, Py_ssize_t width,
    const value_t* values, const affinity_t* across, const affinity_t* above,
    Py_ssize_t step, double boundary_cost, const double* regions,
    const uint8_t* simple, Py_ssize_t start, int32_t* found, Py_ssize_t channels,
    Moves* moves, Py_ssize_t first_place,
) noexcept nogil:
    """Visit every other pixel of a row, from `start` on.

    `across` and `above` are the row's affinities and those of the row above, NULL for
    affinities of 1.
    """
    cdef Py_ssize_t x, i, n
    cdef int32_t own, best
    cdef int32_t[4] label
    cdef double[4] weight
    cdef int code
    n = find_boundary(up, mid, down, width, start, found)
    for i in range(n):
        x = found[i]
        own = mid[x]
        if own < 0:
            continue
        label[0] = up[x]
        label[1] = mid[x - 1] if x > 0 else -1
        label[2] = mid[x + 1] if x + 1 < width else -1
        label[3] = down[x]
        code = (
            (label[0] == own)
            | (label[2] == own) << 2
            | (label[3] == own) << 4
            | (label[1] == own) << 6
        )
        if x > 0:
            code |= (up[x - 1] == own) << 7 | (down[x - 1] == own) << 5
        if x + 1 < width:
            code |= (up[x + 1] == own) << 1 | (down[x + 1] == own) << 3
        if not simple[code]:
            continue
        if across == NULL:
            weight[0] = boundary_cost if label[0] >= 0 else 0.0
            weight[1] = boundary_cost if label[1] >= 0 else 0.0
            weight[2] = boundary_cost if label[2] >= 0 else 0.0
            weight[3] = boundary_cost if label[3] >= 0 else 0.0
        else:
            # Edges to the outside may have any affinity.
            weight[0] = boundary_cost * above[x * step + 1] if label[0] >= 0 else 0.0
            weight[1] = boundary_cost * across[(x - 1) * step] if label[1] >= 0 else 0.0
            weight[2] = boundary_cost * across[x * step] if label[2] >= 0 else 0.0
            weight[3] = boundary_cost * across[x * step + 1] if label[3] >= 0 else 0.0
        best = best_region(
            label, weight, own, regions, values + x * channels, channels
        )
        if best != own:
            mid[x] = best
            record(moves, first_place + x, own)


cdef void visit_row(
    int32_t[:, ::1] labels, const value_t[:, :, ::1] values,
    const affinity_t[:, :, ::1] affinity, double boundary_cost,
    const double[:, ::1] regions, const uint8_t* simple, const int32_t* outside,
    int32_t* found, Py_ssize_t y, Moves* moves,
) noexcept nogil:
    """Visit the even pixels of a row, then the odd ones."""
    cdef Py_ssize_t channels = values.shape[2], start
    cdef const int32_t* up = &labels[y - 1, 0] if y > 0 else outside
    cdef const int32_t* down = (
        &labels[y + 1, 0] if y + 1 < labels.shape[0] else outside
    )
    cdef const affinity_t* across = NULL
    cdef const affinity_t* above = NULL
    if affinity.shape[0] > 0:
        across = &affinity[y, 0, 0]
        if y > 0:
            above = &affinity[y - 1, 0, 0]
    for start in range(2):
        if channels == 3:
            visit_half(
                &labels[y, 0], up, down, labels.shape[1], &values[y, 0, 0], across,
                above, affinity.shape[2], boundary_cost, &regions[0, 0], simple, start,
                found, 3, moves, y * labels.shape[1],
            )
        else:
            visit_half(
                &labels[y, 0], up, down, labels.shape[1], &values[y, 0, 0], across,
                above, affinity.shape[2], boundary_cost, &regions[0, 0], simple, start,
                found, channels, moves, y * labels.shape[1],
            )


def visit(
    const affinity_t[:, :, ::1] affinity, double boundary_cost, int connectivity,
    int32_t[:, ::1] labels, const value_t[:, :, ::1] values,
    const double[:, ::1] regions, bint seams, Py_ssize_t first_row,
    Py_ssize_t last_row,
):
    """Move the pixels of a band of rows; returns those that moved, and old labels.

    The result is that of visits to four classes of pixels, (y mod 2, x mod 2), one
    after the other. No two pixels of a class are in each other's 3 x 3 window, so the
    order within a class does not matter. Nor does it matter between rows that are two
    apart, so that an odd row follows as soon as the even ones beside it are done.

    Bands start at even rows and can be visited at once. The last row of a band but the
    lowest waits for the band below: it is visited by itself if `seams` is true, after
    all bands. `affinity` has no rows where all are 1.
    """
    cdef Py_ssize_t height = labels.shape[0], y
    cdef const uint8_t* simple = SIMPLE[connectivity == 8]
    cdef int32_t[::1] outside = np.full(labels.shape[1], -1, np.int32)
    cdef int32_t[::1] found = np.empty(labels.shape[1] // 2 + 1, np.int32)
    cdef int32_t[:, ::1] copied
    cdef Moves moves
    moves.n = 0
    moves.capacity = 1024
    moves.failed = False
    moves.entries = <int32_t*>malloc(2 * moves.capacity * sizeof(int32_t))
    if moves.entries == NULL:
        raise MemoryError
    with nogil:
        if seams:
            if last_row < height:
                visit_row(
                    labels, values, affinity, boundary_cost, regions, simple,
                    &outside[0], &found[0], last_row - 1, &moves,
                )
        else:
            for y in range(first_row, last_row + 1):
                if y % 2 == 0:
                    if y < last_row:
                        visit_row(
                            labels, values, affinity, boundary_cost, regions, simple,
                            &outside[0], &found[0], y, &moves,
                        )
                    if y > first_row and (y < last_row or last_row == height):
                        visit_row(
                            labels, values, affinity, boundary_cost, regions, simple,
                            &outside[0], &found[0], y - 1, &moves,
                        )
    try:
        if moves.failed:
            raise MemoryError
        moved = np.empty((moves.n, 2), np.int32)
        if moves.n:
            copied = moved
            memcpy(&copied[0, 0], moves.entries, 2 * moves.n * sizeof(int32_t))
        return moved
    finally:
        free(moves.entries)
