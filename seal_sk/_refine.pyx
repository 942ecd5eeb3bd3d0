"""Refinement of boundaries: pixels that move between regions (compiled loops)."""

import numpy as np

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t, uint16_t

from seal_sk._lab cimport to_lab, to_lightness, to_linear
from seal_sk._logarithm cimport LOG_CELLS, LogCell, fill, log_2

ctypedef fused image_t:
    uint8_t
    uint16_t
    float
    double

# Colours in fixed point: CIELAB in 256ths, or the bands of an image as they are.
ctypedef fused value_t:
    int16_t
    uint8_t
    uint16_t
    float
    double

ctypedef fused affinity_t:
    float
    double

cdef LogCell[LOG_CELLS] LOGARITHMS
fill(LOGARITHMS)

# Neighbours of a pixel by their bits in a code of its window: clockwise from above,
# those that share a side are the even ones.
cdef uint8_t[2][256] SIMPLE


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


for _code in range(256):
    SIMPLE[0][_code] = is_simple(_code, 4)
    SIMPLE[1][_code] = is_simple(_code, 8)


cdef inline int32_t level(value_t v) noexcept nogil:
    """A value in steps of a 65,535th of the full scale, from -32,768 on; or CIELAB."""
    if value_t is int16_t:
        return v
    elif value_t is uint8_t:
        return <int32_t>v * 257 - 32768
    elif value_t is uint16_t:
        return <int32_t>v - 32768
    else:
        return <int32_t>(v * 65535.0 + 0.5) - 32768


cdef inline int16_t fixed(float v) noexcept nogil:
    return <int16_t>(<int32_t>(v * 256 + 32768.5) - 32768)


def linear_values(Py_ssize_t n):
    """The linear values of n evenly spaced ones of sRGB, from 0 to 1."""
    cdef float[::1] table = np.empty(n, np.float32)
    cdef Py_ssize_t i
    with nogil:
        for i in range(n):
            table[i] = <float>to_linear(i / <double>(n - 1))
    return np.asarray(table)


def lab_of(
    const image_t[:, :, :] image, const float[::1] table, int16_t[:, :, ::1] lab,
    Py_ssize_t first_row, Py_ssize_t last_row,
):
    """CIELAB of the rows of an image of three bands, lightness of one of one band."""
    cdef Py_ssize_t width = image.shape[1], n = image.shape[2], y, x, c
    cdef Py_ssize_t step = 257 if table.shape[0] == 256 else 1
    cdef float[::1] row = np.empty(n * width, np.float32)
    with nogil:
        for y in range(first_row, last_row):
            for x in range(width):
                for c in range(n):
                    row[c * width + x] = table[
                        (level(image[y, x, c]) + 32768) // step
                    ]
            if n == 3:
                to_lab(&row[0], width)
            else:
                to_lightness(&row[0], width)
            for x in range(width):
                for c in range(n):
                    lab[y, x, c] = fixed(row[c * width + x])


cdef inline void count(
    int64_t* region, const value_t* value, Py_ssize_t channels, int sign
) noexcept nogil:
    cdef Py_ssize_t c
    cdef int64_t v
    region[0] += sign
    for c in range(channels):
        v = level(value[c])
        region[1] += sign * v * v
        region[2 + c] += sign * v


def update_sums(
    const int32_t[:, ::1] labels, int32_t[:, ::1] before,
    const value_t[:, :, ::1] values, int64_t[:, ::1] sums,
):
    """Count the pixels whose label is another than before; `before` becomes `labels`.

    `sums` holds for each region its pixels, the sum of all squared values, and the
    sum of the values of each channel.
    """
    cdef Py_ssize_t n = labels.shape[0] * labels.shape[1], channels = values.shape[2], i
    cdef const int32_t* new = &labels[0, 0]
    cdef int32_t* old = &before[0, 0]
    cdef const value_t* value = &values[0, 0, 0]
    with nogil:
        for i in range(n):
            if new[i] != old[i]:
                if old[i] >= 0:
                    count(&sums[old[i], 0], value + i * channels, channels, -1)
                if new[i] >= 0:
                    count(&sums[new[i], 0], value + i * channels, channels, 1)
                old[i] = new[i]


def describe(const int64_t[:, ::1] sums, double slight, double[:, ::1] regions):
    """What the cost of a pixel needs to know of each region.

    These are 1 / (variance + `slight`), its logarithm's share of the cost, and the mean
    of each channel.
    """
    cdef Py_ssize_t channels = sums.shape[1] - 2, r, c
    cdef double size, mean, variance
    with nogil:
        for r in range(sums.shape[0]):
            size = <double>sums[r, 0]
            variance = <double>sums[r, 1] / size
            for c in range(channels):
                mean = <double>sums[r, 2 + c] / size
                regions[r, 2 + c] = mean
                variance -= mean * mean
            variance = variance / <double>channels
            # Rounding may take it below 0.
            variance = slight + (variance if variance > 0 else 0)
            regions[r, 0] = 1.0 / variance
            regions[r, 1] = (
                <double>channels * 0.6931471805599453 * log_2(variance, LOGARITHMS)
            )


cdef inline double misfit(
    const double* region, const value_t* value, Py_ssize_t channels
) noexcept nogil:
    cdef double total = 0.0, difference
    cdef Py_ssize_t c
    for c in range(channels):
        difference = <double>level(value[c]) - region[2 + c]
        total += difference * difference
    return total * region[0] + region[1]


cdef inline double price(
    const int32_t* label, const double* weight, int32_t region
) noexcept nogil:
    """What a pixel of the region pays for its neighbours in others."""
    cdef double total = 0.0
    cdef int i
    for i in range(4):
        if label[i] != region:
            total += weight[i]
    return total


cdef inline int32_t best_region(
    const int32_t* label, const double* weight, int32_t own, const double* regions,
    const value_t* value, Py_ssize_t channels,
) noexcept nogil:
    """The region of least cost among that of a pixel and its neighbours'."""
    cdef int32_t best = own
    cdef double least, cost
    cdef int i
    least = misfit(regions + own * (channels + 2), value, channels)
    least += price(label, weight, own)
    for i in range(4):
        if label[i] < 0 or label[i] == own or (i > 0 and label[i] == label[i - 1]):
            continue
        cost = misfit(regions + label[i] * (channels + 2), value, channels)
        cost += price(label, weight, label[i])
        if cost < least:
            least = cost
            best = label[i]
    return best


cdef Py_ssize_t visit_row(
    int32_t* mid, const int32_t* up, const int32_t* down, Py_ssize_t width,
    const value_t* values, const affinity_t* across, const affinity_t* above,
    Py_ssize_t step, double boundary_cost, const double* regions,
    const uint8_t* simple, Py_ssize_t start, Py_ssize_t channels,
) noexcept nogil:
    """Visit every other pixel of a row, from `start` on.

    `across` and `above` are the row's affinities and those of the row above, NULL for
    affinities of 1.
    """
    cdef Py_ssize_t x, moved = 0
    cdef int32_t own, best
    cdef int32_t[4] label
    cdef double[4] weight
    cdef int code
    for x in range(start, width, 2):
        own = mid[x]
        label[0] = up[x]
        label[1] = mid[x - 1] if x > 0 else -1
        label[2] = mid[x + 1] if x + 1 < width else -1
        label[3] = down[x]
        if label[0] == own and label[1] == own and label[2] == own and label[3] == own:
            continue
        if own < 0:
            continue
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
            weight[0] = boundary_cost * above[x * step + 1] if label[0] >= 0 else 0.0
            weight[1] = boundary_cost * across[(x - 1) * step] if label[1] >= 0 else 0.0
            weight[2] = boundary_cost * across[x * step] if label[2] >= 0 else 0.0
            weight[3] = boundary_cost * across[x * step + 1] if label[3] >= 0 else 0.0
        best = best_region(
            label, weight, own, regions, values + x * channels, channels
        )
        if best != own:
            mid[x] = best
            moved += 1
    return moved


def visit(
    int32_t[:, ::1] labels, const value_t[:, :, ::1] values,
    const affinity_t[:, :, ::1] affinity, double boundary_cost,
    const double[:, ::1] regions, int connectivity, int part, Py_ssize_t first_row,
    Py_ssize_t last_row,
):
    """Move the pixels of one of four classes, in some rows; returns how many moved.

    No two pixels of a class, (y mod 2, x mod 2), are in each other's 3 x 3 window, so
    they can be visited in any order, or at once. `affinity` has no rows where all are
    1.
    """
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1]
    cdef Py_ssize_t channels = values.shape[2], y, moved = 0
    cdef const int32_t* up
    cdef const int32_t* down
    cdef const affinity_t* across = NULL
    cdef const affinity_t* above = NULL
    cdef const uint8_t* simple = SIMPLE[connectivity == 8]
    cdef int32_t[::1] outside = np.full(width, -1, np.int32)
    with nogil:
        for y in range(first_row + (first_row + part // 2) % 2, last_row, 2):
            up = &labels[y - 1, 0] if y > 0 else &outside[0]
            down = &labels[y + 1, 0] if y + 1 < height else &outside[0]
            if affinity.shape[0] > 0:
                across = &affinity[y, 0, 0]
                if y > 0:
                    above = &affinity[y - 1, 0, 0]
            if channels == 3:
                moved += visit_row(
                    &labels[y, 0], up, down, width, &values[y, 0, 0], across, above,
                    affinity.shape[2], boundary_cost, &regions[0, 0], simple,
                    part % 2, 3,
                )
            else:
                moved += visit_row(
                    &labels[y, 0], up, down, width, &values[y, 0, 0], across, above,
                    affinity.shape[2], boundary_cost, &regions[0, 0], simple,
                    part % 2, channels,
                )
    return moved
