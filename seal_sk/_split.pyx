"""Splitting of regions into connected parts (compiled loop)."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t
from libc.stdlib cimport free, malloc, realloc

from seal_sk._shares cimport Share, share_out

ctypedef fused color_t:
    uint8_t
    uint16_t
    float
    double


# A pixel claimed by a part, but not yet its own, is labelled CLAIMED - part.
cdef int32_t CLAIMED = -2


cdef struct Claim:
    double cost
    int32_t pixel
    int32_t part


ctypedef Claim heap_t


cdef struct Split:
    Py_ssize_t height
    Py_ssize_t width
    Py_ssize_t channels
    int connectivity
    int32_t* label
    int32_t* pixels  # of the regions that are split, by region
    int32_t* moved
    int32_t* histogram
    # Parts are numbered from the number of regions on.
    int32_t n
    int32_t* seeds
    double* centers  # y, x and the colours, by part
    # The region in hand.
    int32_t region
    double per_area
    double per_color
    # Claims on its pixels, the nearest first.
    Claim* heap
    Py_ssize_t n_heap
    Py_ssize_t capacity


cdef inline bint before(const Claim* a, const Claim* b) noexcept nogil:
    if a.cost != b.cost:
        return a.cost < b.cost
    return a.pixel < b.pixel or (a.pixel == b.pixel and a.part < b.part)


include "_heap.pxi"


cdef bint push(Split* s, double cost, int32_t pixel, int32_t part) noexcept nogil:
    cdef Claim* larger
    cdef Claim moving
    cdef Py_ssize_t i, up
    if s.n_heap == s.capacity:
        larger = <Claim*>realloc(s.heap, 2 * s.capacity * sizeof(Claim))
        if larger == NULL:
            return False
        s.heap = larger
        s.capacity *= 2
    moving.cost = cost
    moving.pixel = pixel
    moving.part = part
    i = s.n_heap
    s.n_heap += 1
    while i > 0:
        up = (i - 1) // 2
        if not before(&moving, &s.heap[up]):
            break
        s.heap[i] = s.heap[up]
        i = up
    s.heap[i] = moving
    return True


cdef void place_seed(
    Split* s, const color_t[:, :, :] image, Py_ssize_t first, Py_ssize_t last
) noexcept nogil:
    """The centre of a cell, and the seed of a part in the pixel nearest to it."""
    cdef double* center = &s.centers[s.n * (2 + s.channels)]
    cdef Py_ssize_t i, c, y, x
    cdef double dy, dx, nearest = -1.0
    for c in range(2 + s.channels):
        center[c] = 0.0
    for i in range(first, last):
        y = s.pixels[i] // <int32_t>s.width
        x = s.pixels[i] - y * s.width
        center[0] += <double>y
        center[1] += <double>x
        for c in range(s.channels):
            center[2 + c] += <double>image[y, x, c]
    for c in range(2 + s.channels):
        center[c] /= <double>(last - first)
    for i in range(first, last):
        y = s.pixels[i] // <int32_t>s.width
        dy = <double>y - center[0]
        dx = <double>(s.pixels[i] - y * s.width) - center[1]
        if nearest < 0 or dy * dy + dx * dx < nearest:
            nearest = dy * dy + dx * dx
            s.seeds[s.n] = s.pixels[i]
    s.label[s.seeds[s.n]] = s.n
    s.n += 1


cdef void place_seeds(
    Split* s, const color_t[:, :, :] image, Py_ssize_t first, Py_ssize_t last,
    int32_t parts,
) noexcept nogil:
    """Cut a region's pixels into equal cells, across the longer side each time."""
    cdef Py_ssize_t i, y, x, low_y, low_x, high_y, high_x, low, at, left, taken, kept
    cdef bint across
    if parts == 1:
        place_seed(s, image, first, last)
        return
    low_y = s.height
    low_x = s.width
    high_y = high_x = 0
    for i in range(first, last):
        y = s.pixels[i] // <int32_t>s.width
        x = s.pixels[i] - y * s.width
        low_y = min(low_y, y)
        high_y = max(high_y, y)
        low_x = min(low_x, x)
        high_x = max(high_x, x)
    across = high_x - low_x > high_y - low_y
    low = low_x if across else low_y
    for i in range((high_x if across else high_y) - low + 1):
        s.histogram[i] = 0
    for i in range(first, last):
        y = s.pixels[i] // <int32_t>s.width
        at = s.pixels[i] - y * s.width if across else y
        s.histogram[at - low] += 1
    # The lines before `at` go to the left, and the first `left` pixels of line `at`.
    taken = (last - first) * (parts // 2) // parts
    left = taken
    at = 0
    while left > s.histogram[at]:
        left -= s.histogram[at]
        at += 1
    at += low
    taken += first
    kept = first
    for i in range(first, last):
        y = s.pixels[i] // <int32_t>s.width
        x = s.pixels[i] - y * s.width if across else y
        if x < at or (x == at and left > 0):
            left -= x == at
            s.moved[kept] = s.pixels[i]
            kept += 1
        else:
            s.moved[taken] = s.pixels[i]
            taken += 1
    for i in range(first, last):
        s.pixels[i] = s.moved[i]
    place_seeds(s, image, first, kept, parts // 2)
    place_seeds(s, image, kept, last, parts - parts // 2)


cdef inline double cost_of(
    const Split* s, const color_t[:, :, :] image, Py_ssize_t y, Py_ssize_t x,
    int32_t part,
) noexcept nogil:
    """Squared distance from the part's centre, in place and in colour."""
    cdef const double* center = &s.centers[part * (2 + s.channels)]
    cdef double dy = <double>y - center[0], dx = <double>x - center[1]
    cdef double difference, color = 0.0
    cdef Py_ssize_t c
    for c in range(s.channels):
        difference = <double>image[y, x, c] - center[2 + c]
        color += difference * difference
    return (dy * dy + dx * dx) * s.per_area + color * s.per_color


cdef inline bint claim(
    Split* s, const color_t[:, :, :] image, Py_ssize_t y, Py_ssize_t x, int32_t part
) noexcept nogil:
    """Let a part claim a pixel, if it is free and no other part is nearer to it."""
    cdef int32_t* holder = &s.label[y * s.width + x]
    cdef int32_t other
    cdef double cost, its_cost
    if holder[0] == s.region:
        cost = cost_of(s, image, y, x, part)
    elif holder[0] <= CLAIMED and holder[0] != CLAIMED - part:
        other = CLAIMED - holder[0]
        cost = cost_of(s, image, y, x, part)
        its_cost = cost_of(s, image, y, x, other)
        if its_cost < cost or (its_cost == cost and other < part):
            return True
    else:
        return True
    holder[0] = CLAIMED - part
    return push(s, cost, <int32_t>(y * s.width + x), part)


cdef bint claim_around(
    Split* s, const color_t[:, :, :] image, int32_t pixel, int32_t part
) noexcept nogil:
    cdef Py_ssize_t y = pixel // <int32_t>s.width, x = pixel - y * s.width
    cdef bint up = y > 0, left = x > 0
    cdef bint down = y + 1 < s.height, right = x + 1 < s.width, done = True
    if up:
        done &= claim(s, image, y - 1, x, part)
    if left:
        done &= claim(s, image, y, x - 1, part)
    if right:
        done &= claim(s, image, y, x + 1, part)
    if down:
        done &= claim(s, image, y + 1, x, part)
    if s.connectivity == 8:
        if up and left:
            done &= claim(s, image, y - 1, x - 1, part)
        if up and right:
            done &= claim(s, image, y - 1, x + 1, part)
        if down and left:
            done &= claim(s, image, y + 1, x - 1, part)
        if down and right:
            done &= claim(s, image, y + 1, x + 1, part)
    return done


cdef double variance(
    const Split* s, const color_t[:, :, :] image, Py_ssize_t first, Py_ssize_t last
) noexcept nogil:
    """Mean squared distance of the colours from their mean."""
    cdef Py_ssize_t i, c, y, x
    cdef double mean, difference, total = 0.0
    for c in range(s.channels):
        mean = 0.0
        for i in range(first, last):
            y = s.pixels[i] // <int32_t>s.width
            x = s.pixels[i] - y * s.width
            mean += <double>image[y, x, c]
        mean /= <double>(last - first)
        for i in range(first, last):
            y = s.pixels[i] // <int32_t>s.width
            x = s.pixels[i] - y * s.width
            difference = <double>image[y, x, c] - mean
            total += difference * difference
    return total / <double>(last - first)


cdef bint grow_parts(
    Split* s, const color_t[:, :, :] image, int32_t region, Py_ssize_t first,
    Py_ssize_t last, int32_t parts,
) noexcept nogil:
    """Split one region: seeds, then the nearest claim of all, again and again."""
    cdef int32_t part = s.n
    cdef double of_colors = variance(s, image, first, last)
    cdef Claim nearest
    s.region = region
    # Distances count in side lengths of a part, colours in standard deviations.
    s.per_area = <double>parts / <double>(last - first)
    s.per_color = 1.0 / of_colors if of_colors > 0 else 0.0
    place_seeds(s, image, first, last, parts)
    s.n_heap = 0
    for part in range(part, s.n):
        if not claim_around(s, image, s.seeds[part], part):
            return False
    while s.n_heap > 0:
        nearest = s.heap[0]
        pop(s.heap, &s.n_heap)
        # Otherwise another part has claimed it since.
        if s.label[nearest.pixel] == CLAIMED - nearest.part:
            s.label[nearest.pixel] = nearest.part
            if not claim_around(s, image, nearest.pixel, nearest.part):
                return False
    return True


def split(
    int32_t[:, ::1] labels, Py_ssize_t n, const color_t[:, :, :] image,
    Py_ssize_t n_segments, int connectivity,
):
    """Split the largest of `n` connected regions until there are `n_segments`.

    In place, with new labels from n on for the parts.
    """
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], i
    cdef Py_ssize_t n_pixels = height * width
    cdef Split s
    cdef bint done = True
    cdef int64_t[::1] size = np.zeros(n, dtype=np.int64)
    cdef int64_t[::1] start = np.zeros(n + 1, dtype=np.int64)
    cdef int32_t[::1] parts = np.empty(n, dtype=np.int32)
    cdef int32_t[::1] taken = np.zeros(n, dtype=np.int32)
    cdef int32_t[:, ::1] pixels = np.empty((2, n_pixels), dtype=np.int32)
    cdef int32_t[::1] histogram = np.empty(max(height, width), dtype=np.int32)
    cdef int32_t[::1] seeds = np.empty(n + n_segments, dtype=np.int32)
    cdef double[:, ::1] centers = np.empty((n + n_segments, 2 + image.shape[2]))

    s.height = height
    s.width = width
    s.channels = image.shape[2]
    s.n = <int32_t>n
    s.connectivity = connectivity
    s.label = &labels[0, 0]
    s.pixels = &pixels[0, 0]
    s.moved = &pixels[1, 0]
    s.histogram = &histogram[0]
    s.seeds = &seeds[0]
    s.centers = &centers[0, 0]
    s.capacity = 1024
    s.heap = <Claim*>malloc(s.capacity * sizeof(Claim))
    if s.heap == NULL:
        raise MemoryError

    with nogil:
        for i in range(n_pixels):
            if s.label[i] >= 0:
                size[s.label[i]] += 1
        # The memory of the centres, which come later, is large enough.
        share_out(&size[0], &parts[0], <Share*>s.centers, <int32_t>n, n_segments)
        for i in range(n):
            start[i + 1] = start[i] + (size[i] if parts[i] > 1 else 0)
        for i in range(n_pixels):
            if s.label[i] >= 0 and parts[s.label[i]] > 1:
                s.pixels[start[s.label[i]] + taken[s.label[i]]] = <int32_t>i
                taken[s.label[i]] += 1
        for i in range(n):
            if parts[i] > 1:
                done = grow_parts(
                    &s, image, <int32_t>i, start[i], start[i + 1], parts[i]
                )
                if not done:
                    break
    free(s.heap)
    if not done:
        raise MemoryError
