"""Checks of numbers, options and names."""

from collections.abc import Sequence
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np
from numpy.typing import NDArray

_Option = TypeVar("_Option")

# SNIC counts up to four candidates per pixel in 32 bits, the merging of regions up to
# eight halves of edges.
MAX_PIXELS = 2**28


def check_int(
    value: object, at_least: float, at_most: float | None = None, *, name: str
) -> int:
    """Return `value` as an int of at least `at_least`, and at most `at_most`."""
    if not isinstance(value, Integral) or isinstance(value, bool):
        raise TypeError(f"{name}={value!r} must be an integer.")
    if value < at_least:
        raise ValueError(f"{name}={value} must be at least {at_least}.")
    if not (at_most is None or value <= at_most):
        raise ValueError(f"{name}={value} must be at most {at_most}.")
    return int(value)


def check_real(
    value: object, at_least: float, *, name: str, exclusive: bool = False
) -> float:
    """Return `value` as a finite float of at least (or above) `at_least`."""
    if not isinstance(value, Real) or isinstance(value, bool):
        raise TypeError(f"{name}={value!r} must be a number.")
    try:
        value = float(value)
    except OverflowError:
        value = float("inf")
    if not np.isfinite(value) or value < at_least or (exclusive and value == at_least):
        bound = "above" if exclusive else "at least"
        raise ValueError(f"{name}={value!r} must be finite and {bound} {at_least}.")
    return value


def check_option(value: _Option, options: Sequence[_Option], *, name: str) -> _Option:
    """Return `value`, one of `options`."""
    # Equality alone is not enough: 1 == True, but 1 is not a flag.
    if not any(type(value) is type(option) and value == option for option in options):
        raise ValueError(
            f"{name}={value!r} must be one of {', '.join(map(repr, options))}."
        )
    return value


def check_names(
    names: Sequence[str], known: Sequence[str], *, name: str
) -> tuple[str, ...]:
    """Return `names` as a tuple: some of `known`, each at most once."""
    if not isinstance(names, (tuple, list)):
        raise TypeError(f"{name}={names!r} must be a tuple or list of names.")
    unknown = [one for one in names if one not in known]
    if unknown or not names or len(set(names)) < len(names):
        raise ValueError(
            f"{name}={names!r} must name some of {', '.join(map(repr, known))}, each "
            "once."
        )
    return tuple(names)


def check_connectivity(connectivity: object) -> int:
    """Return 4 or 8."""
    if not isinstance(connectivity, Integral) or connectivity not in (4, 8):
        raise ValueError(f"connectivity={connectivity!r} must be 4 or 8.")
    return int(connectivity)


def check_shape(shape: object) -> tuple[int, int]:
    """Return `shape` as (H, W), two ints of at least 1."""
    if not isinstance(shape, (tuple, list)) or len(shape) != 2:
        raise ValueError(f"shape={shape!r} must be the image's (height, width).")
    height, width = (check_int(length, 1, name="shape") for length in shape)
    return height, width


def check_n_segments(
    n_segments: object, shape: Sequence[int], mask: NDArray[np.bool_] | None = None
) -> int:
    """Return `n_segments` as an int, at most the number of pixels (in the mask)."""
    n_segments = check_int(n_segments, 1, name="n_segments")
    n_pixels = int(shape[0]) * int(shape[1])
    if n_segments > n_pixels:
        raise ValueError(
            f"n_segments={n_segments} is more than the {n_pixels} pixels of an image "
            f"of {shape[0]} x {shape[1]}; ask for at most one segment per pixel."
        )
    if mask is not None and n_segments > np.count_nonzero(mask):
        raise ValueError(
            f"n_segments={n_segments} is more than the {np.count_nonzero(mask)} pixels "
            "of the mask; ask for at most one segment per pixel."
        )
    return n_segments


def check_n_pixels(image: NDArray[Any]) -> None:
    """Refuse an image whose pixels the kernels can't count in 32 bits."""
    if image.shape[0] * image.shape[1] > MAX_PIXELS:
        raise ValueError(
            f"image has {image.shape[0]} x {image.shape[1]} pixels; at most "
            f"{MAX_PIXELS} are supported: split it into tiles."
        )


def check_sigma(sigma: object, shape: Sequence[int]) -> float:
    """Return the standard deviation of a Gaussian, not too large for the image."""
    sigma = check_real(sigma, 0, name="sigma")
    longest = max(shape[:2])
    if sigma > 10 * longest:
        raise ValueError(
            f"sigma={sigma:g} is too large for an image of {shape[0]} x {shape[1]}; "
            f"give at most {10 * longest}, ten times its longer side."
        )
    return sigma
