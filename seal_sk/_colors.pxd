"""Colours in fixed point.

Everything is inline, so that a kernel that cimports it pays no call.
"""

from libc.stdint cimport int16_t, int32_t, uint8_t, uint16_t

ctypedef fused image_t:
    uint8_t
    uint16_t
    float
    double

# CIELAB in 256ths, or the bands of an image as they are.
ctypedef fused value_t:
    int16_t
    uint8_t
    uint16_t
    float
    double


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
