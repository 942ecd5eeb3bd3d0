"""Simple non-iterative clustering: colours and growth (compiled loops)."""

import numpy as np

from libc.stdint cimport int32_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport free, malloc, realloc

from seal_sk._lab cimport to_lab, to_lightness, to_linear

ctypedef fused image_t:
    uint8_t
    uint16_t
    float
    double

cdef enum:
    # Distances that agree but for this many of their last bits wait in one bucket:
    # there are 128 buckets between a distance and its double.
    BUCKET_SHIFT = 16
    N_BUCKETS = 1 << 15
    # What pixels that are no part of the image have for a label.
    OUTSIDE = 0x7FFFFFFF

# The largest float: distances beyond it (or NaN, from huge compactness) count as it.
cdef float FARTHEST = 3.4028234e38

cdef union Distance:
    float value
    uint32_t bits  # ordered as the values are, since none is negative


cdef struct Waiting:
    uint32_t distance
    uint32_t where
    int32_t next


cdef struct Queue:
    # A candidate is the bits of its distance, then `where`: its pixel times four,
    # plus the side on which the cluster lies. Those of buckets up to `level` are
    # in the heap; the others in lists, one a bucket.
    uint64_t* heap
    Py_ssize_t n_heap
    Py_ssize_t heap_capacity
    Waiting* waiting
    int32_t n_waiting  # entries that were ever used
    int32_t waiting_capacity
    int32_t unused  # the list of those that are free again
    int32_t* head
    Py_ssize_t level


cdef struct Grid:
    # A record a pixel: its features (float), then its state, which is its label or,
    # below zero, the inverted bits of the least distance it was reached at. A column
    # to the right and a row above and below are outside, so that every pixel has
    # four neighbours.
    float* features
    int32_t* states
    Py_ssize_t stride  # records from a row to the next
    float per_area  # weight of the squared distance in the plane
    double* sums  # by cluster: size, y, x, features
    float* mean


cdef inline void sift_up(uint64_t* heap, Py_ssize_t i, uint64_t moving) noexcept nogil:
    cdef Py_ssize_t up
    while i > 0:
        up = (i - 1) >> 1
        if heap[up] <= moving:
            break
        heap[i] = heap[up]
        i = up
    heap[i] = moving


cdef inline void sift_down(
    uint64_t* heap, Py_ssize_t n, Py_ssize_t i, uint64_t moving
) noexcept nogil:
    cdef Py_ssize_t child = 2 * i + 1
    while child < n:
        if child + 1 < n:
            child += heap[child + 1] < heap[child]
        if moving <= heap[child]:
            break
        heap[i] = heap[child]
        i = child
        child = 2 * i + 1
    heap[i] = moving


cdef bint widen_heap(Queue* q) noexcept nogil:
    cdef uint64_t* larger = <uint64_t*>realloc(
        q.heap, 2 * <size_t>q.heap_capacity * sizeof(uint64_t)
    )
    if larger == NULL:
        return False
    q.heap = larger
    q.heap_capacity *= 2
    return True


cdef bint widen_waiting(Queue* q) noexcept nogil:
    cdef Waiting* larger = <Waiting*>realloc(
        q.waiting, 2 * <size_t>q.waiting_capacity * sizeof(Waiting)
    )
    if larger == NULL:
        return False
    q.waiting = larger
    q.waiting_capacity *= 2
    return True


cdef inline bint put(Queue* q, uint32_t distance, uint32_t where) noexcept nogil:
    cdef Py_ssize_t bucket = distance >> BUCKET_SHIFT
    cdef int32_t i
    if bucket <= q.level:
        if q.n_heap == q.heap_capacity and not widen_heap(q):
            return False
        sift_up(q.heap, q.n_heap, <uint64_t>distance << 32 | where)
        q.n_heap += 1
        return True
    i = q.unused
    if i >= 0:
        q.unused = q.waiting[i].next
    else:
        if q.n_waiting == q.waiting_capacity and not widen_waiting(q):
            return False
        i = q.n_waiting
        q.n_waiting += 1
    q.waiting[i].distance = distance
    q.waiting[i].where = where
    q.waiting[i].next = q.head[bucket]
    q.head[bucket] = i
    return True


cdef inline bint reach(
    Grid* g, Queue* q, Py_ssize_t pixel, int side, float dy, float dx,
    Py_ssize_t channels,
) noexcept nogil:
    """Let a neighbour wait, unless it waits for something nearer already."""
    cdef int32_t* state = g.states + pixel * (channels + 1)
    cdef float* feature = g.features + pixel * (channels + 1)
    cdef float apart = 0.0, difference
    cdef Distance d
    cdef Py_ssize_t c
    if state[0] >= 0:
        return True
    for c in range(channels):
        difference = g.mean[c] - feature[c]
        apart += difference * difference
    apart += g.per_area * (dy * dy + dx * dx)
    d.value = apart if apart < FARTHEST else FARTHEST
    if ~<uint32_t>state[0] <= d.bits:
        return True
    state[0] = <int32_t>~d.bits
    return put(q, d.bits, <uint32_t>(pixel << 2 | side))


cdef inline bint visit(
    Grid* g, Queue* q, Py_ssize_t pixel, int32_t cluster, Py_ssize_t channels
) noexcept nogil:
    """Count a pixel into its cluster, and reach out to its neighbours."""
    cdef float* feature = g.features + pixel * (channels + 1)
    cdef double* sums = g.sums + cluster * (channels + 3)
    cdef Py_ssize_t y = <uint32_t>pixel // <uint32_t>g.stride
    cdef Py_ssize_t x = pixel - y * g.stride, c
    cdef double share
    cdef float dy, dx
    sums[0] += 1.0
    sums[1] += y
    sums[2] += x
    share = 1.0 / sums[0]
    # Differences before rounding: positions may be large.
    dy = <float>(sums[1] * share - y)
    dx = <float>(sums[2] * share - x)
    for c in range(channels):
        sums[3 + c] += feature[c]
        g.mean[c] = <float>(sums[3 + c] * share)
    return (
        reach(g, q, pixel - g.stride, 3, dy + 1, dx, channels)
        and reach(g, q, pixel - 1, 2, dy, dx + 1, channels)
        and reach(g, q, pixel + 1, 1, dy, dx - 1, channels)
        and reach(g, q, pixel + g.stride, 0, dy - 1, dx, channels)
    )


cdef inline bint waits(
    const Grid* g, uint32_t distance, uint32_t where, Py_ssize_t channels
) noexcept nogil:
    """Whether the pixel is free, and was not reached at a lesser distance since."""
    return g.states[(where >> 2) * (channels + 1)] == <int32_t>~distance


cdef inline bint advance(Queue* q) noexcept nogil:
    """Go to the next bucket that holds anything; False where there is none."""
    q.level += 1
    while q.level < N_BUCKETS and q.head[q.level] < 0:
        q.level += 1
    return q.level < N_BUCKETS


cdef bint load(Queue* q, const Grid* g, Py_ssize_t channels) noexcept nogil:
    """Make the candidates of a bucket, those that still count, the heap."""
    cdef int32_t i = q.head[q.level], following
    cdef Py_ssize_t j
    while i >= 0:
        following = q.waiting[i].next
        if waits(g, q.waiting[i].distance, q.waiting[i].where, channels):
            if q.n_heap == q.heap_capacity and not widen_heap(q):
                return False
            q.heap[q.n_heap] = (
                <uint64_t>q.waiting[i].distance << 32 | q.waiting[i].where
            )
            q.n_heap += 1
        q.waiting[i].next = q.unused
        q.unused = i
        i = following
    for j in range(q.n_heap // 2 - 1, -1, -1):
        sift_down(q.heap, q.n_heap, j, q.heap[j])
    return True


cdef int grow(
    Grid* g, Queue* q, const int32_t[::1] seeds, Py_ssize_t channels
) noexcept nogil:
    cdef Py_ssize_t[4] offset
    cdef Py_ssize_t pixel
    cdef int32_t k, cluster
    cdef uint64_t node
    cdef uint32_t where
    offset[0] = -g.stride
    offset[1] = -1
    offset[2] = 1
    offset[3] = g.stride
    for k in range(<int32_t>seeds.shape[0]):
        g.states[seeds[k] * (channels + 1)] = k
    for k in range(<int32_t>seeds.shape[0]):
        if not visit(g, q, seeds[k], k, channels):
            return -1
    while True:
        while q.n_heap == 0:
            if not advance(q):
                return 0
            if not load(q, g, channels):
                return -1
        node = q.heap[0]
        q.n_heap -= 1
        if q.n_heap > 0:
            sift_down(q.heap, q.n_heap, 0, q.heap[q.n_heap])
        where = <uint32_t>node
        if waits(g, <uint32_t>(node >> 32), where, channels):
            pixel = where >> 2
            cluster = g.states[(pixel + offset[where & 3]) * (channels + 1)]
            g.states[pixel * (channels + 1)] = cluster
            if not visit(g, q, pixel, cluster, channels):
                return -1


cdef inline float linear(image_t v, const float* table) noexcept nogil:
    if image_t is float or image_t is double:
        return <float>to_linear(v)
    else:
        return table[v]


cdef void features_of(
    const image_t[:, :, :] image, Py_ssize_t y, const float* table, float* row,
    float* out, Py_ssize_t channels, double full_scale,
) noexcept nogil:
    cdef Py_ssize_t x, c, width = image.shape[1], record = channels + 1
    if channels == 3:
        for x in range(width):
            row[x] = linear(image[y, x, 0], table)
            row[width + x] = linear(image[y, x, 1], table)
            row[2 * width + x] = linear(image[y, x, 2], table)
        to_lab(row, width)
        for x in range(width):
            out[4 * x] = row[x]
            out[4 * x + 1] = row[width + x]
            out[4 * x + 2] = row[2 * width + x]
    elif channels == 1:
        for x in range(width):
            row[x] = linear(image[y, x, 0], table)
        to_lightness(row, width)
        for x in range(width):
            out[2 * x] = row[x]
    else:
        for x in range(width):
            for c in range(channels):
                out[record * x + c] = <float>(100 * (image[y, x, c] / full_scale))


cdef void number(
    const Grid* g, int32_t[:, ::1] labels, int32_t[::1] number_of, Py_ssize_t record
) noexcept nogil:
    """Consecutive labels, in the scan order of each cluster's first pixel."""
    cdef Py_ssize_t y, x, i
    cdef int32_t cluster, n = 0
    number_of[:] = -1
    for y in range(labels.shape[0]):
        i = (y + 1) * g.stride
        for x in range(labels.shape[1]):
            cluster = g.states[(i + x) * record]
            if cluster == OUTSIDE:
                labels[y, x] = -1
                continue
            if number_of[cluster] < 0:
                number_of[cluster] = n
                n += 1
            labels[y, x] = number_of[cluster]


def snic(
    const image_t[:, :, :] image, const uint8_t[:, :] mask, seeds,
    double compactness,
):
    """Labels (H, W) of the clusters that grow from seeds (n, 2), different pixels.

    The caller has checked the input; each region of the mask, which may be empty,
    holds a seed.
    """
    cdef Py_ssize_t height = image.shape[0], width = image.shape[1]
    cdef Py_ssize_t channels = image.shape[2], record = channels + 1
    cdef Py_ssize_t y, x, i, n = 0
    cdef bint masked = mask.shape[0] > 0
    cdef int status
    cdef double full_scale = 1.0
    cdef Grid g
    cdef Queue q

    if image_t is uint8_t:
        full_scale = 255.0
    elif image_t is uint16_t:
        full_scale = 65535.0
    g.stride = width + 1
    cdef int32_t[::1] starts = (
        (seeds[:, 0] + 1) * (width + 1) + seeds[:, 1]
    ).astype(np.int32)
    cdef int32_t[::1] words = np.empty((height + 2) * g.stride * record, np.int32)
    cdef int32_t[:, ::1] labels = np.empty((height, width), np.int32)
    cdef double[::1] sums = np.zeros(starts.shape[0] * (channels + 3))
    cdef float[::1] mean = np.empty(channels, np.float32)
    cdef float[::1] row = np.empty(3 * width, np.float32)
    cdef float[::1] table = np.empty(<Py_ssize_t>full_scale + 1, np.float32)
    cdef int32_t[::1] head = np.full(N_BUCKETS, -1, np.int32)
    g.features = <float*>&words[0]
    g.states = &words[channels]
    g.sums = &sums[0]
    g.mean = &mean[0]
    q.head = &head[0]
    q.level = -1
    q.n_heap = 0
    q.n_waiting = 0
    q.unused = -1
    q.heap_capacity = 1024
    q.waiting_capacity = 1024
    q.heap = <uint64_t*>malloc(q.heap_capacity * sizeof(uint64_t))
    q.waiting = <Waiting*>malloc(q.waiting_capacity * sizeof(Waiting))
    if q.heap == NULL or q.waiting == NULL:
        free(q.heap)
        free(q.waiting)
        raise MemoryError

    with nogil:
        for i in range(table.shape[0]):
            table[i] = <float>to_linear(i / full_scale)
        for i in range((height + 2) * g.stride):
            g.states[i * record] = OUTSIDE
        for y in range(height):
            i = (y + 1) * g.stride
            features_of(
                image, y, &table[0], &row[0], g.features + i * record, channels,
                full_scale,
            )
            for x in range(width):
                if not masked or mask[y, x]:
                    g.states[(i + x) * record] = <int32_t>~<uint32_t>OUTSIDE
                    n += 1
        g.per_area = <float>(compactness * compactness * starts.shape[0] / n)
        if channels == 3:
            status = grow(&g, &q, starts, 3)
        else:
            status = grow(&g, &q, starts, channels)
        # The seeds are no longer needed: their memory numbers the clusters.
        number(&g, labels, starts, record)
    free(q.heap)
    free(q.waiting)
    if status != 0:
        raise MemoryError
    return np.asarray(labels)
