"""From sRGB to CIELAB, in single precision.

Everything is inline, so that a kernel that cimports it pays no call.
"""

from libc.math cimport pow


cdef inline double to_linear(double v) noexcept nogil:
    return v / 12.92 if v <= 0.04045 else pow((v + 0.055) / 1.055, 2.4)


cdef inline void bend(float* t, Py_ssize_t n) noexcept nogil:
    """CIELAB's curve: the cube root, with a straight piece near black."""
    cdef Py_ssize_t i, _
    cdef float v, root, cube
    for i in range(n):
        v = t[i]
        # Within 14 % down to the straight piece; two of Halley's steps follow.
        root = <float>0.21719039 + v * (<float>2.08791301 - v * <float>1.43269425)
        for _ in range(2):
            cube = root * root * root
            root += root * ((v - cube) / (cube + cube + v))
        t[i] = (
            root if v > <float>0.008856
            else (<float>903.3 * v + <float>16.0) / <float>116.0
        )


cdef inline void to_lab(float* row, Py_ssize_t width) noexcept nogil:
    """Linear red, green and blue of a row, one after the other, to CIELAB in place."""
    cdef Py_ssize_t x
    cdef float r, g, b
    for x in range(width):
        r = row[x]
        g = row[width + x]
        b = row[2 * width + x]
        # To XYZ (D65), each divided by its white.
        row[x] = (
            <float>(0.4124564 / 0.950456) * r
            + <float>(0.3575761 / 0.950456) * g
            + <float>(0.1804375 / 0.950456) * b
        )
        row[width + x] = (
            <float>0.2126729 * r + <float>0.7151522 * g + <float>0.0721750 * b
        )
        row[2 * width + x] = (
            <float>(0.0193339 / 1.088754) * r
            + <float>(0.1191920 / 1.088754) * g
            + <float>(0.9503041 / 1.088754) * b
        )
    bend(row, 3 * width)
    for x in range(width):
        r = row[x]
        g = row[width + x]
        b = row[2 * width + x]
        row[x] = 116 * g - 16
        row[width + x] = 500 * (r - g)
        row[2 * width + x] = 200 * (g - b)


cdef inline void to_lightness(float* row, Py_ssize_t width) noexcept nogil:
    """Linear greys of a row to CIELAB's lightness, in place."""
    cdef Py_ssize_t x
    bend(row, width)
    for x in range(width):
        row[x] = 116 * row[x] - 16
