"""Colour distances between the pixels of a smoothed image (compiled loops).

Written by hand, though it repeats scipy.ndimage.gaussian_filter to the last bit: row by
row, so that the smoothed image is never there as a whole. On 1500 x 2000 RGB pixels
that takes 0.16 s and 92 MiB at the peak instead of 0.89 s and 252 MiB (process time,
one thread).
"""

import numpy as np

from libc.math cimport sqrt


cdef inline Py_ssize_t mirrored(Py_ssize_t i, Py_ssize_t n) noexcept nogil:
    """Index inside 0..n-1 where the sequence is reflected beyond its ends."""
    i %= 2 * n
    if i < 0:
        i += 2 * n
    return i if i < n else 2 * n - 1 - i


cdef inline void put_centre(
    const double* centre, double weight, Py_ssize_t n, double* out
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] = centre[i] * weight


cdef inline void add_pair(
    const double* before, const double* after, double weight, Py_ssize_t n,
    double* out,
) noexcept nogil:
    cdef Py_ssize_t i
    for i in range(n):
        out[i] += (before[i] + after[i]) * weight


cdef inline void smooth_row(
    const double* image, Py_ssize_t y, Py_ssize_t height, Py_ssize_t width,
    Py_ssize_t bands, const double* kernel, Py_ssize_t radius,
    double* padded, double* out,
) noexcept nogil:
    """Row `y` of the smoothed image, in the order of SciPy's additions."""
    cdef double* row = padded + radius * bands
    cdef Py_ssize_t x, band, j, n = width * bands
    put_centre(image + y * n, kernel[0], n, row)
    for j in range(radius, 0, -1):
        add_pair(
            image + mirrored(y - j, height) * n,
            image + mirrored(y + j, height) * n,
            kernel[j], n, row,
        )
    for x in range(radius):
        for band in range(bands):
            row[(-1 - x) * bands + band] = row[mirrored(-1 - x, width) * bands + band]
            row[(width + x) * bands + band] = row[
                mirrored(width + x, width) * bands + band
            ]
    put_centre(row, kernel[0], n, out)
    for j in range(radius, 0, -1):
        add_pair(row - j * bands, row + j * bands, kernel[j], n, out)


cdef inline void measure(
    const double* a, const double* b, Py_ssize_t n, Py_ssize_t bands,
    double* square, double* out, Py_ssize_t step,
) noexcept nogil:
    """Euclidean distances of n pairs of pixels, one to every `step` of `out`."""
    cdef Py_ssize_t i, band
    cdef double total
    for i in range(n * bands):
        square[i] = (b[i] - a[i]) * (b[i] - a[i])
    for i in range(n):
        total = square[i * bands]
        for band in range(1, bands):
            total += square[i * bands + band]
        out[i * step] = sqrt(total)


cdef void normalise(double* row, Py_ssize_t n, Py_ssize_t bands) noexcept nogil:
    """Divide the bands of n pixels by the last, where it is not 0."""
    cdef Py_ssize_t i, band
    cdef double weight
    for i in range(n):
        weight = row[(i + 1) * bands - 1]
        if weight > 0:
            for band in range(bands):
                row[i * bands + band] /= weight


def colour_distance(
    const double[:, :, ::1] image, const double[::1] kernel, Py_ssize_t channels,
    bint weighted=False,
):
    """Distances (H, W, channels) between neighbours of the smoothed image.

    `kernel` is the half of the filter from its centre outwards. With `weighted` the
    last band is no colour but the weight of the pixel, and the colours are those of
    normalised convolution, multiplied by the weights already.
    """
    cdef Py_ssize_t height = image.shape[0], width = image.shape[1]
    cdef Py_ssize_t bands = image.shape[2], radius = kernel.shape[0] - 1, y
    cdef double[:, :, ::1] distance = np.zeros((height, width, channels))
    cdef double[:, ::1] rows = np.empty((2, width * bands))
    cdef double[::1] padded = np.empty((width + 2 * radius) * bands)
    cdef double[::1] square = np.empty(width * bands)
    cdef double* above = &rows[0, 0]
    cdef double* row = &rows[1, 0]
    cdef double* spare = &square[0]
    cdef double* out = &distance[0, 0, 0]
    cdef Py_ssize_t line = width * channels
    with nogil:
        for y in range(height):
            smooth_row(
                &image[0, 0, 0], y, height, width, bands, &kernel[0], radius,
                &padded[0], row,
            )
            if weighted:
                # The last band becomes 1, and adds nothing to the distances.
                normalise(row, width, bands)
            measure(row, row + bands, width - 1, bands, spare, out, channels)
            if y > 0:
                measure(above, row, width, bands, spare, out - line + 1, channels)
            if y > 0 and channels == 4:
                measure(
                    above, row + bands, width - 1, bands, spare,
                    out - line + 2, channels,
                )
                measure(
                    row, above + bands, width - 1, bands, spare, out + 3, channels
                )
            out += line
            above, row = row, above
    return np.asarray(distance)
