"""Overlaps, boundaries and outlines of label maps (compiled loops).

Superpixels are int32, below `n_labels`, and negative where masked; other label maps
are read in their own dtype. `known` is 1 where a pixel counts, None where all do.
"""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t, uint16_t, uint64_t
from libc.string cimport memcpy

ctypedef fused label_t:
    uint8_t
    uint16_t
    int32_t
    int64_t

# Pixels that are looked at together, few enough for the first-level cache.
cdef enum:
    BLOCK = 1024


# Pixels in scan order with one label and one truth segment.
cdef struct Run:
    Py_ssize_t label
    Py_ssize_t segment
    Py_ssize_t length


# How far two maps have been read.
cdef struct Cursor:
    Py_ssize_t pixel
    Py_ssize_t label_run
    Py_ssize_t begin  # of the run at hand


cdef inline Py_ssize_t ends_in_block(
    const label_t* label, Py_ssize_t first, Py_ssize_t last, Py_ssize_t* end
) noexcept nogil:
    """Pixels of first..last-1 that end a run; their number."""
    cdef uint8_t[BLOCK] change
    cdef uint64_t eight
    cdef Py_ssize_t i, j, size = last - first, n_ends = 0
    for i in range(size):
        change[i] = label[first + i] != label[first + i + 1]
    for i in range(size, min(size + 8, BLOCK)):
        change[i] = 0
    for i in range(0, size, 8):
        memcpy(&eight, &change[i], 8)
        if eight != 0:
            # Without a branch, which would be guessed wrongly.
            for j in range(i, i + 8):
                end[n_ends] = first + j
                n_ends += change[j]
    return n_ends


def run_ends(const label_t[:, ::1] labels):
    """Pixels, in scan order, that end a run of one label; then the map's size."""
    cdef const label_t* label = &labels[0, 0]
    cdef Py_ssize_t n = labels.shape[0] * labels.shape[1], i = 0, n_ends = 0
    cdef Py_ssize_t[::1] end = np.empty(n + BLOCK, dtype=np.intp)

    with nogil:
        while i < n - 1:
            n_ends += ends_in_block(label, i, min(i + BLOCK, n - 1), &end[n_ends])
            i += BLOCK
        end[n_ends] = n - 1
        end[n_ends + 1] = n
    return np.asarray(end)[:n_ends + 2].copy()


cdef inline Py_ssize_t next_runs(
    Cursor* at, const int32_t* label, const Py_ssize_t* label_end,
    const label_t* truth, const uint8_t* known, int64_t low, Py_ssize_t n, Run* run,
) noexcept nogil:
    """Known runs that end in the next block; returns their number."""
    cdef Py_ssize_t[BLOCK + 8] truth_end
    cdef Py_ssize_t stop = min(at.pixel + BLOCK, n), i = at.label_run, j = 0, x
    cdef Py_ssize_t begin = at.begin, n_runs = 0
    cdef Py_ssize_t n_ends = ends_in_block(
        truth, at.pixel, min(stop, n - 1), &truth_end[0]
    )
    # Beyond the block, as the labels' last one is.
    truth_end[n_ends] = n
    while True:
        # Ends of truth segments are far fewer.
        if truth_end[j] <= label_end[i]:
            x = truth_end[j]
            if x >= stop:
                break
            j += 1
            i += label_end[i] == x
        else:
            x = label_end[i]
            if x >= stop:
                break
            i += 1
        run[n_runs] = Run(label[x], <int64_t>truth[x] - low, x + 1 - begin)
        n_runs += label[x] >= 0 and (known == NULL or known[x] != 0)
        begin = x + 1
    at.label_run = i
    at.begin = begin
    at.pixel = stop
    return n_runs


def overlaps(
    const int32_t[:, ::1] labels,
    const Py_ssize_t[::1] label_end,
    const label_t[:, ::1] truth,
    const uint8_t[:, ::1] known,
    int64_t low,
    Py_ssize_t n_labels,
    Py_ssize_t n_truth,
):
    """Pairs of a label and a truth segment that share pixels, and how many.

    `label_end` are the labels' `run_ends`; truth values lie in
    ``low .. low + n_truth - 1``.

    Returns
    -------
    label, first : ndarray of shape (n_labels_seen,)
        Labels, in order, and where the pairs of each begin.
    segment, count : ndarray of shape (n_pairs,)
        Segments are numbered from 0.
    """
    cdef const int32_t* label = &labels[0, 0]
    cdef const Py_ssize_t* end = &label_end[0]
    cdef const label_t* value = &truth[0, 0]
    cdef const uint8_t* counts = NULL
    cdef Py_ssize_t n = labels.shape[0] * labels.shape[1]
    cdef Py_ssize_t i, k, n_runs, begin, n_pairs = 0, n_seen = 0
    # A table is faster while it is small, but its size has no bound.
    cdef bint dense = n_labels * n_truth <= n
    cdef int64_t[::1] table = np.zeros(
        n_labels * n_truth if dense else n_truth, dtype=np.int64
    )
    cdef Py_ssize_t[::1] start = np.zeros(n_labels + 1, dtype=np.intp)
    cdef Py_ssize_t[::1] run_segment, run_length, seen, first, segment
    cdef int64_t[::1] count
    cdef Run[BLOCK] run
    cdef Cursor at = Cursor(0, 0, 0)

    if known is not None:
        counts = &known[0, 0]
    with nogil:
        # Runs are counted instead of pixels, of which there are ten times as many.
        while at.pixel < n:
            n_runs = next_runs(&at, label, end, value, counts, low, n, run)
            n_pairs += n_runs
            if dense:
                for i in range(n_runs):
                    table[run[i].label * n_truth + run[i].segment] += run[i].length
            else:
                for i in range(n_runs):
                    start[run[i].label + 1] += 1
        for k in range(n_labels):
            start[k + 1] += start[k]

    # The number of runs is the most that there can be pairs.
    seen = np.empty(min(n_pairs, n_labels), dtype=np.intp)
    first = np.empty(min(n_pairs, n_labels), dtype=np.intp)
    segment = np.empty(n_pairs, dtype=np.intp)
    count = np.empty(n_pairs, dtype=np.int64)
    run_segment = np.empty(0 if dense else n_pairs, dtype=np.intp)
    run_length = np.empty(0 if dense else n_pairs, dtype=np.intp)
    n_pairs = 0
    at = Cursor(0, 0, 0)
    with nogil:
        if not dense:
            # The runs in the order of their labels: a counting sort.
            while at.pixel < n:
                n_runs = next_runs(&at, label, end, value, counts, low, n, run)
                for i in range(n_runs):
                    k = run[i].label
                    run_segment[start[k]] = run[i].segment
                    run_length[start[k]] = run[i].length
                    start[k] += 1
        for k in range(n_labels):
            begin = n_pairs
            if dense:
                for i in range(n_truth):
                    if table[k * n_truth + i] > 0:
                        segment[n_pairs] = i
                        count[n_pairs] = table[k * n_truth + i]
                        n_pairs += 1
            else:
                # One small histogram a label. By now start[k] is the next one's.
                for i in range(start[k - 1] if k > 0 else 0, start[k]):
                    if table[run_segment[i]] == 0:
                        segment[n_pairs] = run_segment[i]
                        n_pairs += 1
                    table[run_segment[i]] += run_length[i]
                for i in range(begin, n_pairs):
                    count[i] = table[segment[i]]
                    table[segment[i]] = 0
            if n_pairs > begin:
                seen[n_seen] = k
                first[n_seen] = begin
                n_seen += 1
    return (
        np.asarray(seen)[:n_seen],
        np.asarray(first)[:n_seen],
        np.asarray(segment)[:n_pairs],
        np.asarray(count)[:n_pairs],
    )


def largest_overlaps(
    const int32_t[::1] labels,
    const int32_t[::1] truth,
    Py_ssize_t n_labels,
    Py_ssize_t n_truth,
):
    """Per label: pixels that count, and the most that one truth segment holds.

    Pixels where either map is negative do not count. Labels lie below
    `n_labels`, truth values below `n_truth`; the caller has checked.
    """
    row, other = np.asarray(labels)[None], np.asarray(truth)[None]
    known = (other >= 0).view(np.uint8)
    seen, first, _, count = overlaps(
        row, run_ends(row), other, known, 0, n_labels, n_truth
    )
    size = np.zeros(n_labels, dtype=np.int64)
    largest = np.zeros(n_labels, dtype=np.int64)
    size[seen] = np.add.reduceat(count, first)
    largest[seen] = np.maximum.reduceat(count, first)
    return size, largest


def areas_and_perimeters(const int32_t[:, ::1] labels, Py_ssize_t n_labels):
    """Pixels of each label, and pixel sides on its outline, the map's border too."""
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], y, x, begin
    cdef int64_t[::1] area = np.zeros(n_labels, dtype=np.int64)
    cdef int64_t[::1] perimeter = np.zeros(n_labels, dtype=np.int64)
    cdef const int32_t* here
    cdef const int32_t* above

    with nogil:
        for y in range(height):
            here = &labels[y, 0]
            begin = 0
            for x in range(width):
                if x + 1 == width or here[x] != here[x + 1]:
                    if here[x] >= 0:
                        area[here[x]] += x + 1 - begin
                        perimeter[here[x]] += 2
                    begin = x + 1
                if y == 0 or y == height - 1:
                    if here[x] >= 0:
                        perimeter[here[x]] += 1 + (height == 1)
            if y == 0:
                continue
            above = &labels[y - 1, 0]
            for x in range(width):
                if here[x] != above[x]:
                    if here[x] >= 0:
                        perimeter[here[x]] += 1
                    if above[x] >= 0:
                        perimeter[above[x]] += 1
    return np.asarray(area), np.asarray(perimeter)


def boundary_map(const label_t[:, ::1] labels, const uint8_t[:, ::1] known):
    """1 where the right or the lower neighbour, both known, has another label."""
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], y, below
    cdef uint8_t[:, ::1] boundary = np.empty((height, width), dtype=np.uint8)
    cdef bint all_known = known is None

    with nogil:
        for y in range(height):
            below = min(y + 1, height - 1)
            if all_known:
                mark(&labels[y, 0], &labels[below, 0], &boundary[y, 0], width)
            else:
                mark_known(
                    &labels[y, 0], &labels[below, 0], &known[y, 0], &known[below, 0],
                    &boundary[y, 0], width,
                )
    return np.asarray(boundary)


def boundary_hits(
    const label_t[:, ::1] labels,
    const uint8_t[:, ::1] known,
    const uint8_t[:, ::1] found,
):
    """Pixels of `boundary_map`, and those of them in `found`, without the map."""
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], y, x, below
    cdef int64_t total = 0, hits = 0
    cdef bint all_known = known is None
    cdef uint8_t[::1] boundary = np.empty(width, dtype=np.uint8)
    # Sums by column stay within a byte for 255 rows.
    cdef uint8_t[::1] in_column = np.zeros(width, dtype=np.uint8)
    cdef uint8_t[::1] hits_in_column = np.zeros(width, dtype=np.uint8)

    with nogil:
        for y in range(height):
            below = min(y + 1, height - 1)
            if all_known:
                mark(&labels[y, 0], &labels[below, 0], &boundary[0], width)
            else:
                mark_known(
                    &labels[y, 0], &labels[below, 0], &known[y, 0], &known[below, 0],
                    &boundary[0], width,
                )
            tally(
                &boundary[0], &found[y, 0], &in_column[0], &hits_in_column[0], width
            )
            if y % 255 == 254 or y == height - 1:
                for x in range(width):
                    total += in_column[x]
                    hits += hits_in_column[x]
                    in_column[x] = 0
                    hits_in_column[x] = 0
    return total, hits


# Loops without a branch, for the compiler to vectorise.
cdef inline void mark(
    const label_t* here, const label_t* below, uint8_t* boundary, Py_ssize_t width
) noexcept nogil:
    cdef Py_ssize_t x, last = width - 1
    for x in range(last):
        boundary[x] = (here[x] != here[x + 1]) | (here[x] != below[x])
    boundary[last] = here[last] != below[last]


cdef inline void mark_known(
    const label_t* here, const label_t* below,
    const uint8_t* known, const uint8_t* known_below,
    uint8_t* boundary, Py_ssize_t width,
) noexcept nogil:
    cdef Py_ssize_t x, last = width - 1
    for x in range(last):
        boundary[x] = known[x] & (
            ((here[x] != here[x + 1]) & known[x + 1])
            | ((here[x] != below[x]) & known_below[x])
        )
    boundary[last] = known[last] & (here[last] != below[last]) & known_below[last]


cdef inline void tally(
    const uint8_t* boundary, const uint8_t* found,
    uint8_t* total, uint8_t* hits, Py_ssize_t width,
) noexcept nogil:
    cdef Py_ssize_t x
    for x in range(width):
        total[x] += boundary[x]
        hits[x] += boundary[x] & found[x]


def near(const uint8_t[:, ::1] marked, Py_ssize_t tolerance):
    """1 where the square of 2 * tolerance + 1 pixels around holds a mark.

    Each pass over the map doubles the square: time grows with its logarithm.
    """
    cdef Py_ssize_t height = marked.shape[0], width = marked.shape[1], y
    cdef Py_ssize_t reached = 0, step
    cdef uint8_t[:, ::1] square = np.array(marked)
    cdef uint8_t[:, ::1] tall = np.empty((height, width), dtype=np.uint8)

    with nogil:
        while reached < tolerance:
            step = min(reached + 1, tolerance - reached)
            spread(&square[0, 0], &tall[0, 0], height * width, step * width)
            for y in range(height):
                spread(&tall[y, 0], &square[y, 0], width, step)
            reached += step
    return np.asarray(square)


cdef inline void spread(
    const uint8_t* source, uint8_t* target, Py_ssize_t n, Py_ssize_t step
) noexcept nogil:
    """Each pixel or that `step` before or `step` after it."""
    cdef Py_ssize_t i
    if n <= 2 * step:
        for i in range(n):
            target[i] = source[i]
        for i in range(n - step):
            target[i] |= source[i + step]
            target[i + step] |= source[i]
        return
    for i in range(step):
        target[i] = source[i] | source[i + step]
    for i in range(step, n - step):
        target[i] = source[i - step] | source[i] | source[i + step]
    for i in range(n - step, n):
        target[i] = source[i - step] | source[i]
