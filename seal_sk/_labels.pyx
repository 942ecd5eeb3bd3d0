"""Components, adjacency, merging and splitting of label maps (compiled loops)."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint32_t, uint64_t
from libc.stdlib cimport calloc, free, malloc, realloc

ctypedef fused label_t:
    int32_t
    int64_t
    uint64_t

ctypedef fused color_t:
    uint8_t
    uint16_t
    float
    double


cdef struct Slot:
    uint64_t key
    int32_t index
    int32_t count  # 0 where the slot is free


cdef struct Table:
    # Numbers keys in the order in which they come, and counts each.
    Slot* slots
    Py_ssize_t n_slots  # a power of two
    int32_t n_keys


cdef bint table_open(Table* t) noexcept nogil:
    t.n_slots = 1024
    t.n_keys = 0
    t.slots = <Slot*>calloc(t.n_slots, sizeof(Slot))
    return t.slots != NULL


cdef inline Slot* slot_of(const Table* t, uint64_t key) noexcept nogil:
    cdef uint64_t at = key * <uint64_t>11400714819323198485u
    at = (at ^ (at >> 32)) & <uint64_t>(t.n_slots - 1)
    while t.slots[at].count and t.slots[at].key != key:
        at = (at + 1) & <uint64_t>(t.n_slots - 1)
    return &t.slots[at]


cdef bint table_grow(Table* t) noexcept nogil:
    cdef Table larger
    cdef Py_ssize_t i
    larger.n_slots = 2 * t.n_slots
    larger.n_keys = t.n_keys
    larger.slots = <Slot*>calloc(larger.n_slots, sizeof(Slot))
    if larger.slots == NULL:
        return False
    for i in range(t.n_slots):
        if t.slots[i].count:
            slot_of(&larger, t.slots[i].key)[0] = t.slots[i]
    free(t.slots)
    t[0] = larger
    return True


cdef inline int32_t index_of(Table* t, uint64_t key) noexcept nogil:
    """The key's number, -1 where there is no memory for it."""
    cdef Slot* slot = slot_of(t, key)
    if slot.count == 0:
        if 2 * <Py_ssize_t>t.n_keys >= t.n_slots:
            if not table_grow(t):
                return -1
            slot = slot_of(t, key)
        slot.key = key
        slot.index = t.n_keys
        t.n_keys += 1
    slot.count += 1
    return slot.index


cdef inline int32_t find(int32_t* parent, int32_t i) noexcept nogil:
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


cdef inline void unite(int32_t* parent, int32_t a, int32_t b) noexcept nogil:
    # The root is the lowest number: the one whose first pixel comes first.
    a = find(parent, a)
    b = find(parent, b)
    if a < b:
        parent[b] = a
    else:
        parent[a] = b


cdef int32_t number_roots(int32_t* parent, int32_t n) noexcept nogil:
    """Turn links, each to a lower number, into consecutive numbers of the roots."""
    cdef int32_t i, n_roots = 0
    for i in range(n):
        if parent[i] == i:
            parent[i] = n_roots
            n_roots += 1
        else:
            parent[i] = parent[parent[i]]
    return n_roots


def relabel(const label_t[:, ::1] labels):
    """Values renumbered 0..n-1 in scan order, negative ones -1; and n."""
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], i
    cdef int32_t[:, ::1] numbered = np.empty((height, width), dtype=np.int32)
    cdef const label_t* old = &labels[0, 0]
    cdef int32_t* new = &numbered[0, 0]
    cdef Table table
    cdef int32_t index = 0

    with nogil:
        if not table_open(&table):
            index = -1
        else:
            for i in range(height * width):
                # Most pixels are like one that was just seen.
                if i > 0 and old[i] == old[i - 1]:
                    index = new[i - 1]
                elif i >= width and old[i] == old[i - width]:
                    index = new[i - width]
                elif label_t is not uint64_t and old[i] < 0:
                    index = -1
                else:
                    index = index_of(&table, <uint64_t>old[i])
                    if index < 0:
                        break
                new[i] = index
                index = 0
            free(table.slots)
    if index < 0:
        raise MemoryError
    return np.asarray(numbered), table.n_keys


cdef int32_t link4(
    const label_t* old, int32_t* new, int32_t* parent, int32_t n, Py_ssize_t width,
    bint first_row,
) noexcept nogil:
    """Provisional numbers of a row, from `n` on; returns the next free one."""
    cdef Py_ssize_t x
    cdef bint left, above
    for x in range(width):
        if label_t is not uint64_t and old[x] < 0:
            new[x] = -1
            continue
        left = x > 0 and old[x - 1] == old[x]
        above = not first_row and old[x - width] == old[x]
        if left:
            new[x] = new[x - 1]
            # Where the corner is alike too, the left pixel has made the link.
            if above and old[x - width - 1] != old[x]:
                unite(parent, new[x], new[x - width])
        elif above:
            new[x] = new[x - width]
        else:
            parent[n] = n
            new[x] = n
            n += 1
    return n


cdef int32_t link8(
    const label_t* old, int32_t* new, int32_t* parent, int32_t n, Py_ssize_t width,
    bint first_row,
) noexcept nogil:
    cdef Py_ssize_t x
    cdef bint left, corner, other_corner
    for x in range(width):
        if label_t is not uint64_t and old[x] < 0:
            new[x] = -1
            continue
        # The pixel above touches the three others, which are linked with it.
        if not first_row and old[x - width] == old[x]:
            new[x] = new[x - width]
            continue
        left = x > 0 and old[x - 1] == old[x]
        corner = not first_row and x > 0 and old[x - width - 1] == old[x]
        other_corner = (
            not first_row and x + 1 < width and old[x - width + 1] == old[x]
        )
        if left or corner:
            new[x] = new[x - 1] if left else new[x - width - 1]
            if other_corner:
                unite(parent, new[x], new[x - width + 1])
        elif other_corner:
            new[x] = new[x - width + 1]
        else:
            parent[n] = n
            new[x] = n
            n += 1
    return n


def components(const label_t[:, ::1] labels, int connectivity):
    """Connected components numbered in scan order, negative ones -1; and how many."""
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], y, i
    cdef int32_t[:, ::1] numbered = np.empty((height, width), dtype=np.int32)
    # A page of it that is never written takes no memory.
    cdef int32_t[::1] links = np.empty(height * width, dtype=np.int32)
    cdef int32_t* new = &numbered[0, 0]
    cdef int32_t* parent = &links[0]
    cdef int32_t n = 0

    with nogil:
        for y in range(height):
            if connectivity == 4:
                n = link4(
                    &labels[y, 0], &numbered[y, 0], parent, n, width, y == 0
                )
            else:
                n = link8(
                    &labels[y, 0], &numbered[y, 0], parent, n, width, y == 0
                )
        n = number_roots(parent, n)
        for i in range(height * width):
            if new[i] >= 0:
                new[i] = parent[new[i]]
    return np.asarray(numbered), n


cdef inline void touch(
    Table* t, const int32_t* a, const int32_t* b, bint* failed
) noexcept nogil:
    cdef uint64_t low, high
    if a[0] == b[0] or a[0] < 0 or b[0] < 0:
        return
    low = <uint64_t>min(a[0], b[0])
    high = <uint64_t>max(a[0], b[0])
    if index_of(t, low << 32 | high) < 0:
        failed[0] = True


cdef bint find_borders(
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
                touch(t, here, here + 1, &failed)
            if y + 1 < height:
                touch(t, here, here + width, &failed)
                if connectivity == 8:
                    if x + 1 < width:
                        touch(t, here, here + width + 1, &failed)
                    if x > 0:
                        touch(t, here, here + width - 1, &failed)
            here += 1
        if failed:
            return False
    return True


def color_sums(
    const int32_t[:, ::1] labels, Py_ssize_t n, const color_t[:, :, :] image
):
    """Sums of the colours of each region, of shape (n, channels)."""
    cdef Py_ssize_t y, x, c
    cdef double[:, ::1] sums = np.zeros((n, image.shape[2]))

    with nogil:
        for y in range(labels.shape[0]):
            for x in range(labels.shape[1]):
                if labels[y, x] >= 0:
                    for c in range(image.shape[2]):
                        sums[labels[y, x], c] += <double>image[y, x, c]
    return np.asarray(sums)


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
    int32_t* length
    int32_t* seen  # by region, the half-edge that stands for it; else -1


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


cdef void list_borders(Regions* r, const Table* t) noexcept nogil:
    cdef Py_ssize_t i
    cdef int32_t h
    for i in range(t.n_slots):
        if t.slots[i].count:
            h = 2 * t.slots[i].index
            r.length[h] = r.length[h + 1] = t.slots[i].count
            r.other[h] = <int32_t><uint32_t>t.slots[i].key
            r.other[h + 1] = <int32_t>(t.slots[i].key >> 32)
    for h in range(2 * t.n_keys):
        r.next[h] = -1
        append(r, r.other[h ^ 1], h, h)


cdef void tidy(Regions* r, int32_t region) noexcept nogil:
    """Leave one half-edge a neighbour in the region's list, with the whole length."""
    cdef int32_t h = r.head[region], following, neighbour
    r.head[region] = -1
    while h >= 0:
        following = r.next[h]
        neighbour = find(r.parent, r.other[h])
        if neighbour != region:
            if r.seen[neighbour] < 0:
                r.seen[neighbour] = h
                r.other[h] = neighbour
                append(r, region, h, h)
                r.next[h] = -1
            else:
                r.length[r.seen[neighbour]] += r.length[h]
        h = following
    h = r.head[region]
    while h >= 0:
        r.seen[r.other[h]] = -1
        h = r.next[h]


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


cdef int32_t best_neighbour(Regions* r, int32_t region) noexcept nogil:
    """The nearest in colour, the longest border, the lowest number, in this order."""
    cdef int32_t h, best = -1, length = 0
    cdef double d, nearest = 0.0
    tidy(r, region)
    h = r.head[region]
    while h >= 0:
        d = distance(r, region, r.other[h])
        if (
            best < 0
            or d < nearest
            or (d == nearest and r.length[h] > length)
            or (d == nearest and r.length[h] == length and r.other[h] < best)
        ):
            best = r.other[h]
            nearest = d
            length = r.length[h]
        h = r.next[h]
    return best


cdef int32_t join(Regions* r, int32_t a, int32_t b) noexcept nogil:
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


cdef inline uint64_t queue_key(const Regions* r, int32_t region) noexcept nogil:
    # Smallest first, then the lowest number.
    return <uint64_t>r.size[region] << 32 | <uint64_t>region


cdef void sift_down(uint64_t* heap, Py_ssize_t n, Py_ssize_t i) noexcept nogil:
    cdef uint64_t moving = heap[i]
    cdef Py_ssize_t child
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and heap[child + 1] < heap[child]:
            child += 1
        if heap[child] >= moving:
            break
        heap[i] = heap[child]
        i = child
    heap[i] = moving


cdef void join_smallest(
    Regions* r, uint64_t* heap, int64_t min_size, int32_t n_segments
) noexcept nogil:
    cdef Py_ssize_t n_heap = 0, i
    cdef int32_t region, neighbour, n_regions = r.n
    cdef uint64_t key
    for region in range(n_regions):
        if r.size[region] < min_size:
            heap[n_heap] = queue_key(r, region)
            n_heap += 1
    for i in range(n_heap // 2 - 1, -1, -1):
        sift_down(heap, n_heap, i)
    while n_heap > 0 and r.n > n_segments:
        key = heap[0]
        region = <int32_t><uint32_t>key
        neighbour = -1
        # Keys of regions that have grown or gone are stale.
        if r.parent[region] == region and key == queue_key(r, region):
            neighbour = best_neighbour(r, region)
        if neighbour >= 0:
            region = join(r, region, neighbour)
        if neighbour >= 0 and r.size[region] < min_size:
            heap[0] = queue_key(r, region)
        else:
            n_heap -= 1
            heap[0] = heap[n_heap]
        sift_down(heap, n_heap, 0)


def merge(
    int32_t[:, ::1] labels, Py_ssize_t n, double[:, ::1] sums, int64_t min_size,
    Py_ssize_t n_segments, int connectivity,
):
    """Join regions below `min_size` while more than `n_segments` are left, in place.

    The regions are connected and numbered in scan order, and so are the new ones.
    `sums` of colours, of shape (n, channels), is overwritten; without channels the
    longest border decides. Returns how many there are.
    """
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], i
    cdef int32_t* label = &labels[0, 0]
    cdef Table table
    cdef bint done
    cdef Regions r
    cdef int64_t[::1] size = np.zeros(n + 1, dtype=np.int64)
    cdef int32_t[:, ::1] by_region = np.full((4, n + 1), -1, dtype=np.int32)
    cdef uint64_t[::1] heap = np.empty(n + 1, dtype=np.uint64)

    with nogil:
        done = table_open(&table)
        if done:
            done = find_borders(&table, label, height, width, connectivity)
    if not done:
        free(table.slots)
        raise MemoryError
    try:
        half_edges = np.empty((3, 2 * table.n_keys + 1), dtype=np.int32)
    except MemoryError:
        free(table.slots)
        raise
    cdef int32_t[:, ::1] by_half_edge = half_edges

    r.n = <int32_t>n
    r.channels = sums.shape[1]
    r.sums = &sums[0, 0] if sums.size else NULL
    r.size = &size[0]
    r.parent = &by_region[0, 0]
    r.head = &by_region[1, 0]
    r.tail = &by_region[2, 0]
    r.seen = &by_region[3, 0]
    r.other = &by_half_edge[0, 0]
    r.next = &by_half_edge[1, 0]
    r.length = &by_half_edge[2, 0]
    with nogil:
        list_borders(&r, &table)
        free(table.slots)
        for i in range(height * width):
            if label[i] >= 0:
                size[label[i]] += 1
        for i in range(n):
            r.parent[i] = <int32_t>i
        join_smallest(&r, &heap[0], min_size, <int32_t>n_segments)
        for i in range(n):
            r.parent[i] = find(r.parent, <int32_t>i)
        number_roots(r.parent, <int32_t>n)
        for i in range(height * width):
            if label[i] >= 0:
                label[i] = r.parent[label[i]]
    return r.n


cdef struct Claim:
    double cost
    int32_t pixel
    int32_t part


cdef struct Split:
    Py_ssize_t width
    Py_ssize_t height
    Py_ssize_t channels
    int32_t n  # parts so far, counted on from the regions
    int32_t* label
    int32_t* pixels  # by region, in scan order
    int32_t* moved
    int32_t* histogram
    double* centers  # y, x and the colours, by part
    int32_t* seeds
    Claim* heap
    Py_ssize_t n_heap
    Py_ssize_t capacity


cdef inline bint ahead(const Claim* a, const Claim* b) noexcept nogil:
    if a.cost != b.cost:
        return a.cost < b.cost
    return a.pixel < b.pixel or (a.pixel == b.pixel and a.part < b.part)


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
        if not ahead(&moving, &s.heap[up]):
            break
        s.heap[i] = s.heap[up]
        i = up
    s.heap[i] = moving
    return True


cdef Claim pop(Split* s) noexcept nogil:
    cdef Claim top = s.heap[0], moving
    cdef Py_ssize_t i = 0, child
    s.n_heap -= 1
    moving = s.heap[s.n_heap]
    while True:
        child = 2 * i + 1
        if child >= s.n_heap:
            break
        if child + 1 < s.n_heap and ahead(&s.heap[child + 1], &s.heap[child]):
            child += 1
        if not ahead(&s.heap[child], &moving):
            break
        s.heap[i] = s.heap[child]
        i = child
    s.heap[i] = moving
    return top


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
        y = s.pixels[i] // s.width
        x = s.pixels[i] - y * s.width
        center[0] += <double>y
        center[1] += <double>x
        for c in range(s.channels):
            center[2 + c] += <double>image[y, x, c]
    for c in range(2 + s.channels):
        center[c] /= <double>(last - first)
    for i in range(first, last):
        y = s.pixels[i] // s.width
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
        y = s.pixels[i] // s.width
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
        y = s.pixels[i] // s.width
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
        y = s.pixels[i] // s.width
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


cdef bint claim_neighbours(
    Split* s, const color_t[:, :, :] image, int32_t region, int32_t pixel,
    int32_t part, double per_area, double per_color, int connectivity,
) noexcept nogil:
    cdef const double* center = &s.centers[part * (2 + s.channels)]
    cdef Py_ssize_t y = pixel // s.width, x = pixel - y * s.width, v, u, c
    cdef double difference, cost, color
    for v in range(max(y - 1, 0), min(y + 2, s.height)):
        for u in range(max(x - 1, 0), min(x + 2, s.width)):
            if connectivity == 4 and v != y and u != x:
                continue
            if s.label[v * s.width + u] != region:
                continue
            difference = <double>v - center[0]
            cost = difference * difference
            difference = <double>u - center[1]
            cost += difference * difference
            color = 0.0
            for c in range(s.channels):
                difference = <double>image[v, u, c] - center[2 + c]
                color += difference * difference
            cost = cost * per_area + color * per_color
            if not push(s, cost, <int32_t>(v * s.width + u), part):
                return False
    return True


cdef bint split_region(
    Split* s, const color_t[:, :, :] image, int32_t region, Py_ssize_t first,
    Py_ssize_t last, int32_t parts, int connectivity,
) noexcept nogil:
    cdef int32_t part = s.n
    cdef Py_ssize_t i, c, y, x
    cdef double per_area = <double>parts / <double>(last - first), per_color = 0.0
    cdef double value, total, squares
    cdef Claim claim
    for c in range(s.channels):
        total = squares = 0.0
        for i in range(first, last):
            y = s.pixels[i] // s.width
            x = s.pixels[i] - y * s.width
            value = <double>image[y, x, c]
            total += value
            squares += value * value
        per_color += squares - total * total / <double>(last - first)
    per_color = <double>(last - first) / per_color if per_color > 0 else 0.0
    place_seeds(s, image, first, last, parts)
    s.n_heap = 0
    for part in range(part, s.n):
        if not claim_neighbours(
            s, image, region, s.seeds[part], part, per_area, per_color, connectivity
        ):
            return False
    while s.n_heap > 0:
        claim = pop(s)
        if s.label[claim.pixel] != region:
            continue
        s.label[claim.pixel] = claim.part
        if not claim_neighbours(
            s, image, region, claim.pixel, claim.part, per_area, per_color,
            connectivity,
        ):
            return False
    return True


cdef void share_out(
    const int64_t* size, int32_t* parts, int32_t* heap, int32_t n, Py_ssize_t n_parts
) noexcept nogil:
    """One part more, again and again, for the region whose parts are largest."""
    cdef int32_t i, root
    cdef Py_ssize_t left = n_parts - n
    for i in range(n):
        parts[i] = 1
        heap[i] = i
    for root in range(n // 2 - 1, -1, -1):
        sift_share(size, parts, heap, n, root)
    while left > 0:
        parts[heap[0]] += 1
        sift_share(size, parts, heap, n, 0)
        left -= 1


cdef void sift_share(
    const int64_t* size, const int32_t* parts, int32_t* heap, int32_t n, int32_t i
) noexcept nogil:
    cdef int32_t moving = heap[i], child
    while True:
        child = 2 * i + 1
        if child >= n:
            break
        if child + 1 < n and larger_parts(size, parts, heap[child + 1], heap[child]):
            child += 1
        if not larger_parts(size, parts, heap[child], moving):
            break
        heap[i] = heap[child]
        i = child
    heap[i] = moving


cdef inline bint larger_parts(
    const int64_t* size, const int32_t* parts, int32_t a, int32_t b
) noexcept nogil:
    # Of parts equally large, those of the lower number come first.
    cdef int64_t of_a = size[a] * parts[b], of_b = size[b] * parts[a]
    return of_a > of_b or (of_a == of_b and a < b)


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
    cdef int32_t[::1] order = np.empty(n, dtype=np.int32)
    cdef int32_t[:, ::1] pixels = np.empty((2, n_pixels), dtype=np.int32)
    cdef int32_t[::1] histogram = np.empty(max(height, width), dtype=np.int32)
    cdef int32_t[::1] seeds = np.empty(n + n_segments, dtype=np.int32)
    cdef double[:, ::1] centers = np.empty((n + n_segments, 2 + image.shape[2]))

    s.height = height
    s.width = width
    s.channels = image.shape[2]
    s.n = <int32_t>n
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
        share_out(&size[0], &parts[0], &order[0], <int32_t>n, n_segments)
        for i in range(n):
            start[i + 1] = start[i] + (size[i] if parts[i] > 1 else 0)
            order[i] = 0
        for i in range(n_pixels):
            if s.label[i] >= 0 and parts[s.label[i]] > 1:
                s.pixels[start[s.label[i]] + order[s.label[i]]] = <int32_t>i
                order[s.label[i]] += 1
        for i in range(n):
            if parts[i] > 1:
                done = split_region(
                    &s, image, <int32_t>i, start[i], start[i + 1], parts[i],
                    connectivity,
                )
                if not done:
                    break
    free(s.heap)
    if not done:
        raise MemoryError
