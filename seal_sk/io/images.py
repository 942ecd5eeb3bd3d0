"""Reading images from files."""

import warnings
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._typing import PathLike, ValueRange
from .._validation import check_image, check_int, check_option
from .decoding import (
    TIFF_SUFFIXES,
    ArgumentNeededError,
    Picture,
    decode,
    reading,
    size_of,
)
from .rasters import RefusedError, UnknownFormatError, holds_data

__all__ = [
    "IMAGE_SUFFIXES",
    "TIFF_SUFFIXES",
    "ArgumentNeededError",
    "check_band_numbers",
    "check_size",
    "check_value_range",
    "image_size",
    "may_be_image",
    "notes_of_darkness",
    "read_image",
    "read_masked_image",
    "read_with_notes",
    "reading",
]

# How often two and four bands are repeated, since estimators take images of two and
# four channels for grey and RGB with alpha.
_REPEATS = {2: 3, 4: 2}

#: Endings of the images in a folder. `read_image` reads others as well, but some of
#: them stand for the images beside them (.vrt), or are often something else (.img).
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", *TIFF_SUFFIXES, ".jp2")


def read_image(
    path: PathLike,
    *,
    drop_alpha: bool = False,
    bands: Sequence[int] | None = None,
    value_range: ValueRange | None = None,
) -> NDArray[Any]:
    """Read an image with its stored depth.

    Parameters
    ----------
    path : path-like
        PNG, JPEG, TIFF, or any other image that GDAL reads, such as JPEG 2000 and
        virtual rasters. Sources in a network are not read.
    drop_alpha : bool, default=False
        Leave out the alpha channel; otherwise an image with one is an error.
    bands : sequence of int, optional
        Which bands to use, in this order, counted from 1: three, for red, green and
        blue, one, or as many as a method or network takes. Pages of the same size count
        as bands. Without `bands`, the image has to be grey or RGB.
    value_range : (float, float) or sequence of these, optional
        The stored values of black and white, for all bands or one pair for each. Use it
        for sensors whose values fill only a part of 16 bits, are signed, or are floats
        beyond 0..1. Values outside the range become black or white.

    Returns
    -------
    ndarray of shape (H, W, C)
        In uint8 or uint16; from TIFF also float32 or float64 in 0..1; float32 in 0..1
        with `value_range`. C is 1 or 3, or the number of `bands`. Since two and four
        channels mean an image with alpha, two bands are repeated three times, and four
        bands twice: distances between colours change only by a factor.

    Raises
    ------
    FileNotFoundError
        If the file does not exist.
    OSError
        If the file is damaged.
    ValueError
        If the file holds something other than one image, or one that can't be read
        without another argument (`seal_sk.io.images.ArgumentNeededError`).

    Warns
    -----
    UserWarning
        If 16-bit colours of a PNG are read as 8 bits, or other pictures in the file of
        a photograph are left out.

    Notes
    -----
    Pixels are returned as they are stored: an orientation in the EXIF data is not
    applied. Palettes are converted to colours, numbers of less than 8 bits stretched to
    8, and where 0 is white the values are inverted, before `value_range` is applied.
    Overviews and masks are left out; several images in one file are an error.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import imageio.v3 as iio
    >>> import numpy as np
    >>> from seal_sk.io import read_image
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "grey.png")
    ...     iio.imwrite(path, np.zeros((20, 30), np.uint8))
    ...     read_image(path).shape
    (20, 30, 1)
    """
    image, _, notes = read_with_notes(
        path, drop_alpha=drop_alpha, bands=bands, value_range=value_range
    )
    for note in notes:
        warnings.warn(f"{path}: {note}", UserWarning, stacklevel=2)
    return image


def read_masked_image(
    path: PathLike,
    where: Literal["nodata", "alpha"],
    *,
    bands: Sequence[int] | None = None,
    value_range: ValueRange | None = None,
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """Read an image, and a mask of the pixels that belong to it.

    Parameters
    ----------
    path : path-like
        As for `read_image`.
    where : {"nodata", "alpha"}
        Which pixels are masked. "nodata": what GDAL takes for no data, which is where
        the mask of the file (in it, or beside it as ``.msk``) or its alpha channel is
        0; in files without these, where all bands that are read have their value of
        no data. Pixels with NaN in any of these bands are masked as well. "alpha":
        where the alpha channel is 0.
    bands : sequence of int, optional
        As for `read_image`.
    value_range : (float, float) or sequence of these, optional
        As for `read_image`.

    Returns
    -------
    image : ndarray of shape (H, W, C)
        As from `read_image`, without alpha. Masked pixels may have any value.
    mask : ndarray of bool of shape (H, W), or None
        False for masked pixels; None if no pixel is masked.

    Raises
    ------
    FileNotFoundError, OSError
        As for `read_image`.
    ValueError
        As for `read_image`, or if every pixel is masked.

    Warns
    -----
    UserWarning
        As for `read_image`, or if the file says nothing of no data or alpha, so that no
        pixel is masked.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import imageio.v3 as iio
    >>> import numpy as np
    >>> from seal_sk.io import read_masked_image
    >>> pixels = np.full((20, 30, 4), 255, np.uint8)
    >>> pixels[:5, :, 3] = 0  # transparent
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "photograph.png")
    ...     iio.imwrite(path, pixels)
    ...     image, mask = read_masked_image(path, "alpha")
    >>> image.shape, int(mask.sum())
    ((20, 30, 3), 450)
    """
    check_option(where, ("nodata", "alpha"), name="where")
    image, mask, notes = read_with_notes(
        path, where, bands=bands, value_range=value_range
    )
    if mask is not None and not mask.any():
        raise RefusedError(f"every pixel of {path} is masked by its {where}.")
    for note in notes:
        warnings.warn(f"{path}: {note}", UserWarning, stacklevel=2)
    return image, mask


def read_with_notes(
    path: PathLike,
    where: Literal["nodata", "alpha"] | None = None,
    *,
    drop_alpha: bool = False,
    bands: Sequence[int] | None = None,
    value_range: ValueRange | None = None,
    n_bands: int | None = None,
) -> tuple[NDArray[Any], NDArray[np.bool_] | None, list[str]]:
    """Read an image, its mask, and notes on what was lost in reading.

    Parameters are those of `read_image` and `read_masked_image`; with ``where=None`` no
    pixel is masked. If every pixel is, the mask is False everywhere, and the image of
    one colour. `n_bands` is the number of channels that the images of a network have: a
    file of as many bands needs no `bands`.
    """
    if bands is not None:
        bands = check_band_numbers(bands)
    if value_range is not None:
        check_value_range(value_range, None if bands is None else len(bands))
    path = Path(path)
    picture = decode(path, as_bands=bands is not None or n_bands not in (None, 1, 3))
    may_drop = drop_alpha or where is not None
    used = _used_bands(picture, bands, path, may_drop=may_drop, n_bands=n_bands)
    array = picture.array
    if used != list(range(array.shape[2])):
        array = array[..., used]
    mask, notes = _mask_of(array, picture, used, where, path)
    if mask is not None and mask.all():
        mask = None
    if mask is not None and not mask.any():
        # What the pixels hold, such as NaN, says nothing.
        blank = np.zeros_like(array)
        notes = [f"every pixel is masked by its {where}"]
        return _in_range(blank, None, value_range, path), mask, picture.notes + notes
    try:
        image = _in_range(array, mask, value_range, path)
    except (ArgumentNeededError, RefusedError) as error:
        if where is None and array.dtype.kind == "f":
            _refuse_no_data(array, _data_of(picture, used, path), path, error)
        raise
    return image, mask, picture.notes + notes


def _used_bands(
    picture: Picture,
    bands: Sequence[int] | None,
    path: Path,
    *,
    may_drop: bool,
    n_bands: int | None,
) -> list[int]:
    """Indices of the bands that are read: those chosen, or all but alpha."""
    if bands is None:
        used = _without_alpha(picture, path, may_drop)
        _check_n_bands(len(used), picture.array, path, n_bands)
        return used
    if max(bands) > picture.array.shape[2]:
        raise RefusedError(
            f"{path} has {picture.array.shape[2]} bands, so there is no band "
            f"{max(bands)}; bands are counted from 1."
        )
    return [band - 1 for band in bands]


def _mask_of(
    array: NDArray[Any],
    picture: Picture,
    used: list[int],
    where: Literal["nodata", "alpha"] | None,
    path: Path,
) -> tuple[NDArray[np.bool_] | None, list[str]]:
    """The mask that is asked for, and notes."""
    opaque = picture.opaque
    if where is None:
        return None, []
    if where == "alpha":
        if opaque is None:
            return None, ["no pixel is masked, since there is no alpha channel"]
        return opaque, []
    mask = _data_of(picture, used, path)
    if mask is not None and mask.shape != array.shape[:2]:
        raise RefusedError(
            f"{path} declares no data, but stores the rows of the image as pages; save "
            "it in one page."
        )
    if opaque is not None and (picture.alpha is None or mask is None):
        # GDAL masks neither by the palette nor by alpha of floats.
        mask = opaque if mask is None else mask & opaque
    return _without_nan(array, mask)


def _data_of(picture: Picture, used: list[int], path: Path) -> NDArray[np.bool_] | None:
    """Mask of the pixels that are data in any of the bands that are used."""
    # Alpha masks the other bands, but not itself.
    sources = [picture.sources[i] for i in used if i != picture.alpha] or [1]
    with reading(path):
        return holds_data(path, sources, picture.pages)


def _refuse_no_data(
    array: NDArray[Any],
    valid: NDArray[np.bool_] | None,
    path: Path,
    error: Exception,
) -> None:
    """Refuse pixels that are declared no data, and hold values that no image has."""
    if valid is None or valid.shape != array.shape[:2]:
        return
    rest = array[~valid]
    beyond = rest[(rest < 0) | (rest > 1)]  # NaN has a message of its own
    if beyond.size:
        raise ArgumentNeededError(
            f"{path} has pixels that are no data, with values such as {beyond[0]:.6g}; "
            "mask them.",
            "mask nodata",
        ) from error


def _without_alpha(picture: Picture, path: Path, may_drop: bool) -> list[int]:
    """Indices of the bands other than alpha."""
    if picture.alpha is not None and not may_drop:
        raise ArgumentNeededError(
            f"{path} has an alpha channel; leave it out, choose bands, or mask the "
            "transparent pixels.",
            "drop_alpha",
            "bands",
            "mask alpha",
        )
    return [i for i in range(picture.array.shape[2]) if i != picture.alpha]


def _check_n_bands(
    found: int, array: NDArray[Any], path: Path, n_bands: int | None
) -> None:
    """Refuse all but grey, RGB, and the number of bands that is asked for."""
    if found in (1, 3) or n_bands in (found, found * _REPEATS.get(found, 1)):
        return
    wanted = {None: "those to use", 1: "one", 3: "one or three"}
    raise ArgumentNeededError(
        f"{path} holds several pages or bands, an array of shape {array.shape}; choose "
        f"{wanted.get(n_bands, n_bands)}.",
        "bands",
    )


def _without_nan(
    array: NDArray[Any], mask: NDArray[np.bool_] | None
) -> tuple[NDArray[np.bool_] | None, list[str]]:
    """A mask of data without pixels that are NaN in a band, and notes."""
    if array.dtype.kind == "f":
        numbers = ~np.isnan(array).any(axis=2)
        if mask is not None:
            return mask & numbers, []
        if not numbers.all():
            return numbers, []
    if mask is not None:
        return mask, []
    return None, [
        "no pixel is masked: the file declares no no-data value that its pixels can "
        "have, and has no mask, no alpha channel and no NaN"
    ]


def _in_range(
    array: NDArray[Any],
    mask: NDArray[np.bool_] | None,
    value_range: ValueRange | None,
    path: Path,
) -> NDArray[Any]:
    """A checked image; two and four bands are repeated."""
    stored = array
    if value_range is not None:
        array = _stretched(array, value_range)
    if array.shape[2] in _REPEATS:
        # As many channels would be grey or RGB with alpha.
        array = np.tile(array, _REPEATS[array.shape[2]])
    try:
        array = check_image(array, mask=mask, name=str(path))
    except (TypeError, ValueError) as error:
        inside = stored if mask is None else stored[mask]
        if mask is None and np.isnan(inside).any():
            raise ArgumentNeededError(
                f"{path} holds NaN; mask these pixels as no data.", "mask nodata"
            ) from error
        if value_range is None and np.isfinite(inside).all():
            raise ArgumentNeededError(
                f"{error} Or give the stored values of black and white.",
                "value_range",
            ) from error
        raise RefusedError(str(error)) from error
    return np.ascontiguousarray(array)


def notes_of_darkness(image: NDArray[Any], mask: NDArray[np.bool_] | None) -> list[str]:
    """Notes on images whose values leave most of the range of the dtype unused."""
    if image.dtype == np.uint8 or (mask is not None and not mask.any()):
        return []
    white = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1
    # A few bright pixels, such as clouds, do not help the others.
    high = np.percentile(image if mask is None else image[mask], 99)
    if not 0 < high < white / 8:
        return []
    return [
        f"99 % of the values are at most {high:.6g} of {white}, nearly black, and "
        "borders may be missed; give the values of black and white in value_range"
    ]


def _stretched(image: NDArray[Any], value_range: ValueRange) -> NDArray[np.float32]:
    black, white = np.transpose(check_value_range(value_range, image.shape[2]))
    stretched = image.astype(np.result_type(image.dtype, np.float32))
    stretched -= black.astype(stretched.dtype)
    stretched /= (white - black).astype(stretched.dtype)
    return stretched.clip(0, 1).astype(np.float32)


def check_band_numbers(bands: Sequence[int]) -> list[int]:
    """Return the numbers of one or more bands, counted from 1."""
    try:
        numbers = [check_int(band, 1, name="a band") for band in bands]
    except TypeError as error:
        raise TypeError(f"bands={bands!r} must be a list of integers.") from error
    if not numbers:
        raise ValueError(f"bands={bands!r} must name at least one band.")
    return numbers


def check_value_range(
    value_range: ValueRange, n_bands: int | None = None
) -> list[tuple[float, float]]:
    """Return the stored values that are black and white: a pair, or one per band."""
    try:
        pairs = np.array(value_range, dtype=np.float64)
    except (TypeError, ValueError):
        pairs = np.empty(0)
    if pairs.ndim == 1:
        pairs = pairs[None]
    # Black and white must also differ in 32 bits.
    limits = np.finfo(np.float32)
    if (
        pairs.shape[1:] != (2,)
        or not (np.abs(pairs) < limits.max / 2).all()
        or not (np.diff(pairs) > limits.tiny).all()
    ):
        raise ValueError(
            f"value_range={value_range!r} must be two finite numbers, black and white, "
            "the lower one first, or such a pair for each band."
        )
    if n_bands is not None and len(pairs) not in (1, n_bands):
        raise ValueError(
            f"value_range={value_range!r} has {len(pairs)} pairs of black and white, "
            f"but the number of bands is {n_bands}; give one pair, or one per band."
        )
    return [(black, white) for black, white in pairs.tolist()]


def image_size(path: PathLike) -> tuple[int, int]:
    """Height and width of an image, without reading its pixels."""
    return size_of(Path(path))


def may_be_image(path: Path) -> bool:
    """Whether a file has the ending of an image, or is one of another format."""
    if path.suffix.lower() in IMAGE_SUFFIXES:
        return True
    try:
        size_of(path)
    except UnknownFormatError:
        return False
    except (OSError, ValueError):
        pass  # it has a known format, and reading says what is wrong
    return True


def check_size(labels: NDArray[Any], path: Path, image_path: PathLike) -> None:
    """Refuse the label map of `path` if it differs in size from its image."""
    size = image_size(image_path)
    if labels.shape != size:
        raise ValueError(
            f"{path} has {labels.shape[0]} x {labels.shape[1]} pixels, but its image "
            f"{image_path} has {size[0]} x {size[1]}; their sizes must be equal."
        )
