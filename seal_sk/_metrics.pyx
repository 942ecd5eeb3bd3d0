"""Overlaps and boundaries of label maps (compiled loops)."""

import numpy as np

from libc.stdint cimport int32_t, int64_t, uint8_t


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
    cdef Py_ssize_t n = labels.shape[0], i, k
    cdef int64_t[::1] start = np.zeros(n_labels + 1, dtype=np.int64)
    cdef int32_t[::1] by_label = np.empty(n, dtype=np.int32)
    cdef int32_t[::1] count = np.zeros(n_truth, dtype=np.int32)
    cdef int64_t[::1] size = np.zeros(n_labels, dtype=np.int64)
    cdef int64_t[::1] largest = np.zeros(n_labels, dtype=np.int64)
    cdef int64_t first, last
    cdef int32_t most

    with nogil:
        # Truth values in the order of their labels (a counting sort), then one
        # small histogram a label: no table of all the pairs.
        for i in range(n):
            if labels[i] >= 0 and truth[i] >= 0:
                size[labels[i]] += 1
        for k in range(n_labels):
            start[k + 1] = start[k] + size[k]
        for i in range(n):
            if labels[i] >= 0 and truth[i] >= 0:
                by_label[start[labels[i]]] = truth[i]
                start[labels[i]] += 1
        for k in range(n_labels):
            first, last = start[k] - size[k], start[k]
            most = 0
            for i in range(first, last):
                count[by_label[i]] += 1
                if count[by_label[i]] > most:
                    most = count[by_label[i]]
            for i in range(first, last):
                count[by_label[i]] = 0
            largest[k] = most
    return np.asarray(size), np.asarray(largest)


def boundary_map(const int32_t[:, ::1] labels, bint skip_negative):
    """1 where the right or the lower neighbour has another label, else 0."""
    cdef Py_ssize_t height = labels.shape[0], width = labels.shape[1], y, x
    cdef uint8_t[:, ::1] boundary = np.zeros((height, width), dtype=np.uint8)
    cdef int32_t here, other

    with nogil:
        for y in range(height):
            for x in range(width):
                here = labels[y, x]
                if skip_negative and here < 0:
                    continue
                if x + 1 < width:
                    other = labels[y, x + 1]
                    if other != here and not (skip_negative and other < 0):
                        boundary[y, x] = 1
                if y + 1 < height:
                    other = labels[y + 1, x]
                    if other != here and not (skip_negative and other < 0):
                        boundary[y, x] = 1
    return np.asarray(boundary)


def near(const uint8_t[:, ::1] marked, Py_ssize_t tolerance):
    """1 where the square of 2 * tolerance + 1 pixels around holds a mark.

    Time does not depend on the tolerance.
    """
    cdef Py_ssize_t height = marked.shape[0], width = marked.shape[1], y, x, last
    cdef uint8_t[:, ::1] rows = np.zeros((height, width), dtype=np.uint8)
    cdef uint8_t[:, ::1] square = np.zeros((height, width), dtype=np.uint8)
    cdef Py_ssize_t[::1] seen = np.empty(width, dtype=np.intp)
    cdef Py_ssize_t far = height + width + tolerance + 1

    with nogil:
        for y in range(height):
            last = -far
            for x in range(width):
                if marked[y, x]:
                    last = x
                if x - last <= tolerance:
                    rows[y, x] = 1
            last = width + far
            for x in range(width - 1, -1, -1):
                if marked[y, x]:
                    last = x
                if last - x <= tolerance:
                    rows[y, x] = 1
        for x in range(width):
            seen[x] = -far
        for y in range(height):
            for x in range(width):
                if rows[y, x]:
                    seen[x] = y
                if y - seen[x] <= tolerance:
                    square[y, x] = 1
        for x in range(width):
            seen[x] = height + far
        for y in range(height - 1, -1, -1):
            for x in range(width):
                if rows[y, x]:
                    seen[x] = y
                if seen[x] - y <= tolerance:
                    square[y, x] = 1
    return np.asarray(square)
