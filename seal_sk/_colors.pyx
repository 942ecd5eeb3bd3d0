"""Colours of an image in fixed point, and their sums by region (compiled loops)."""

import numpy as np

from libc.stdint cimport int16_t, int32_t, int64_t, uint8_t

from seal_sk._colors cimport image_t, level, value_t
from seal_sk._lab cimport to_lab, to_lightness, to_linear


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


cdef inline int32_t place(image_t v) noexcept nogil:
    """Of a value in a table of 256 linear ones for 8 bits, or of 65,536."""
    if image_t is uint8_t:
        return v
    else:
        return level(v) + 32768


def lab_of(
    const image_t[:, :, :] image, const float[::1] table, int16_t[:, :, ::1] lab,
    Py_ssize_t first_row, Py_ssize_t last_row,
):
    """CIELAB of the rows of an image of three bands, lightness of one of one band."""
    cdef Py_ssize_t width = image.shape[1], n = image.shape[2], y, x, c
    cdef float[::1] row = np.empty(n * width, np.float32)
    with nogil:
        for y in range(first_row, last_row):
            for x in range(width):
                for c in range(n):
                    row[c * width + x] = table[place(image[y, x, c])]
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
        region[1 + c] += sign * v
        region[1 + channels + c] += sign * v * v


def sum_colors(
    const int32_t[:, ::1] labels, const value_t[:, :, ::1] values, int64_t[:, ::1] sums
):
    """Count all pixels that are not masked.

    `sums` holds the pixels of each region, then the sum of the values of each channel,
    then that of their squares.
    """
    cdef Py_ssize_t n = labels.shape[0] * labels.shape[1], channels = values.shape[2], i
    cdef const int32_t* label = &labels[0, 0]
    cdef const value_t* value = &values[0, 0, 0]
    with nogil:
        for i in range(n):
            if label[i] >= 0:
                count(&sums[label[i], 0], value + i * channels, channels, 1)


def move_colors(
    const int32_t[:, ::1] labels, const value_t[:, :, ::1] values,
    const int32_t[:, ::1] moves, int64_t[:, ::1] sums,
):
    """Count pixels that have moved: `moves` holds their places and old labels."""
    cdef Py_ssize_t channels = values.shape[2], i, place
    cdef const int32_t* label = &labels[0, 0]
    cdef const value_t* value = &values[0, 0, 0]
    with nogil:
        for i in range(moves.shape[0]):
            place = moves[i, 0]
            count(&sums[moves[i, 1], 0], value + place * channels, channels, -1)
            count(&sums[label[place], 0], value + place * channels, channels, 1)
