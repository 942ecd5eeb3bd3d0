"""Reading images from files."""

import logging
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._typing import PathLike, ValueRange
from .._validation import check_image, check_int, check_option

__all__ = [
    "IMAGE_SUFFIXES",
    "TIFF_SUFFIXES",
    "ArgumentNeededError",
    "check_band_numbers",
    "check_format",
    "check_size",
    "check_value_range",
    "image_size",
    "notes_of_darkness",
    "read_image",
    "read_masked_image",
    "read_tiff",
    "read_with_notes",
    "reading",
]

TIFF_SUFFIXES = (".tif", ".tiff")

NODATA_TAG = 42113  # GDAL's, an ASCII number

# How often two and four bands are repeated, since estimators take images of two and
# four channels for grey and RGB with alpha.
_REPEATS = {2: 3, 4: 2}

#: Endings of the files that `read_image` reads.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", *TIFF_SUFFIXES)


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
        PNG, JPEG or TIFF.
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
        If 16-bit colours of a PNG are read as 8 bits.

    Notes
    -----
    Pixels are returned as they are stored: an orientation in the EXIF data is not
    applied. Palettes are converted to colours.

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
        PNG, JPEG or TIFF.
    where : {"nodata", "alpha"}
        Which pixels are masked. "nodata": those where all bands have the value that a
        TIFF declares to be no data, or any band is NaN. "alpha": those where the alpha
        channel is 0.
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
        As for `read_image`.

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
    pixel is masked. `n_bands` is the number of channels that the images of a network
    have: a file of as many bands needs no `bands`.
    """
    if bands is not None:
        bands = check_band_numbers(bands)
    if value_range is not None:
        check_value_range(value_range, None if bands is None else len(bands))
    path = Path(path)
    stored = _decode(path)
    array = _oriented(stored, path, bands is not None)
    mask = None
    if where == "alpha" and stored.has_alpha and array.ndim == 3:
        mask = array[..., -1] != 0
    if bands is not None:
        array = _picked(array, bands, path)
    else:
        dropped = drop_alpha or where is not None
        array = _without_alpha(array, path, stored.has_alpha, dropped)
        _check_n_bands(array, path, n_bands)
    if array.dtype == bool:
        array = array.astype(np.uint8) * 255
    if where == "nodata":
        nodata = _nodata(path) if path.suffix.lower() in TIFF_SUFFIXES else None
        mask = _holds_data(array, nodata)
    if mask is not None and mask.all():
        mask = None
    elif mask is not None and not mask.any():
        raise ValueError(f"every pixel of {path} is masked by its {where}.")
    may_stretch = array.dtype.kind in "if" and np.isfinite(array).all()
    if value_range is not None and array.dtype.kind in "uif":
        array = _stretched(array, value_range)
    array = _repeated(array)
    try:
        array = check_image(array, mask=mask, name=str(path))
    except (TypeError, ValueError) as error:
        if value_range is None and may_stretch:
            raise ArgumentNeededError(
                f"{error} Or give the stored values of black and white.",
                "value_range",
            ) from error
        raise ValueError(str(error)) from error
    return np.ascontiguousarray(array), mask, stored.notes


def notes_of_darkness(image: NDArray[Any], mask: NDArray[np.bool_] | None) -> list[str]:
    """Notes on images whose values leave most of the range of the dtype unused."""
    if image.dtype == np.uint8:
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


class ArgumentNeededError(ValueError):
    """Raised for an image that can only be read with another argument.

    Parameters
    ----------
    message : str
        One or more sentences.
    *arguments : str
        Names of the arguments of `read_image` that would help, and "mask" for
        `read_masked_image`.
    """

    def __init__(self, message: str, *arguments: str) -> None:
        self.message = message
        self.arguments = arguments
        named = " or ".join(
            "read_masked_image" if name == "mask" else f"{name}=" for name in arguments
        )
        super().__init__(f"{message} ({named})")


class _Stored(NamedTuple):
    """Contents of a file, as they are stored."""

    array: NDArray[Any]
    axes: str  # as tifffile names them; "" for other formats
    photometric: str
    has_alpha: bool
    notes: list[str]


def _decode(path: Path) -> _Stored:
    with reading(path):
        if path.suffix.lower() in TIFF_SUFFIXES:
            array, axes, photometric, has_alpha, _ = read_tiff(path)
            return _Stored(array, axes, photometric, has_alpha, [])
        import imageio.v3 as iio

        # From memory: the decoder would leave open a file that it can't decode.
        content = path.read_bytes()
        check_format(content, path)
        array = iio.imread(content, plugin="pillow")
        notes = []
        # Bit depth and colour type; the decoder does not support 16-bit colours.
        if content[:4] == b"\x89PNG" and content[24] == 16 and content[25] != 0:
            notes.append("16-bit colours are read as 8 bits from PNG; TIFF keeps them")
        return _Stored(array, "", "RGB", True, notes)


def _oriented(stored: _Stored, path: Path, as_bands: bool) -> NDArray[Any]:
    """The array with its bands last; refuse colours other than grey and RGB."""
    array, axes, photometric = stored.array, stored.axes, stored.photometric
    if photometric not in ("MINISBLACK", "MINISWHITE", "RGB", "YCBCR"):
        raise ValueError(f"{path} has {photometric} colours; convert it to RGB.")
    if axes == "SYX" or (as_bands and axes[1:] == "YX"):
        # Samples are stored plane by plane; pages are bands only on request.
        array = np.moveaxis(array, 0, -1)
    is_jpeg = path.suffix.lower() in (".jpg", ".jpeg")
    if is_jpeg and array.ndim == 3 and array.shape[2] == 4:
        raise ValueError(f"{path} is a CMYK image; convert it to RGB.")
    return array


def _without_alpha(
    array: NDArray[Any], path: Path, has_alpha: bool, drop_alpha: bool
) -> NDArray[Any]:
    """An array without the alpha channel, which is the last one."""
    if array.ndim == 2 or not has_alpha or array.shape[-1] in (1, 3):
        return array
    if not drop_alpha:
        raise ArgumentNeededError(
            f"{path} has an alpha channel; leave it out, choose bands, or mask the "
            "transparent pixels.",
            "drop_alpha",
            "bands",
            "mask",
        )
    return array[..., :-1]


def _check_n_bands(array: NDArray[Any], path: Path, n_bands: int | None) -> None:
    """Refuse all but grey, RGB, and the number of bands that is asked for."""
    found = 1 if array.ndim == 2 else array.shape[2]
    if array.ndim in (2, 3) and (
        found in (1, 3) or n_bands in (found, found * _REPEATS.get(found, 1))
    ):
        return
    number = "one or three" if n_bands in (None, 1, 3) else f"{n_bands}"
    raise ArgumentNeededError(
        f"{path} holds several pages or bands, an array of shape {array.shape}; choose "
        f"{number}.",
        "bands",
    )


def _repeated(array: NDArray[Any]) -> NDArray[Any]:
    """Repeat two or four bands, since as many channels mean an image with alpha."""
    if array.ndim == 2:
        return array
    return np.tile(array, _REPEATS.get(array.shape[2], 1))


def _nodata(path: Path) -> float | None:
    """The value of no data, if the TIFF declares one."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        tag = file.pages.first.tags.get(NODATA_TAG)
    if tag is None:
        return None
    try:
        return float(str(tag.value).strip("\0 "))
    except ValueError:
        raise _UnknownFormat(
            f"{path} declares {tag.value!r} to be no data, which is not a number; "
            "correct its tag GDAL_NODATA."
        ) from None


def _holds_data(image: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    """Mask of pixels without NaN whose bands are not all no data."""
    bands = image.reshape(*image.shape[:2], -1)
    mask = ~np.isnan(bands).any(axis=2)
    if nodata is not None:
        # If the dtype can't hold the number, no pixel has it.
        with np.errstate(over="ignore"):
            mask &= (bands != nodata).any(axis=2)
    return mask


def _stretched(image: NDArray[Any], value_range: ValueRange) -> NDArray[np.float32]:
    n_bands = 1 if image.ndim == 2 else image.shape[2]
    black, white = np.transpose(check_value_range(value_range, n_bands))
    stretched = image.astype(np.result_type(image.dtype, np.float32))
    stretched -= black.astype(stretched.dtype)
    stretched /= (white - black).astype(stretched.dtype)
    return stretched.clip(0, 1).astype(np.float32)


class _UnknownFormat(OSError):
    """Raised for a file whose contents do not match its name."""


def check_format(content: bytes, path: Path) -> None:
    """Refuse a file that is not an image, whatever its name."""
    from PIL import Image, UnidentifiedImageError

    try:
        Image.open(BytesIO(content)).close()
    except UnidentifiedImageError as error:
        raise _UnknownFormat(
            f"{path} can't be read: despite its name, it does not hold an image of a "
            "known format."
        ) from error


def _picked(image: NDArray[Any], bands: Sequence[int], path: Path) -> NDArray[Any]:
    """Select bands of an (H, W) or (H, W, C) array, counted from 1."""
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3:
        raise ValueError(
            f"{path} holds an array of shape {image.shape}, which has bands along "
            "several axes; save one image."
        )
    n_bands = image.shape[2]
    if max(bands) > n_bands:
        raise ValueError(
            f"{path} has {n_bands} bands, so there is no band {max(bands)}; bands are "
            "counted from 1."
        )
    return image[..., [band - 1 for band in bands]]


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
    if (
        pairs.shape[1:] != (2,)
        or not np.isfinite(pairs).all()
        or not (pairs[:, 0] < pairs[:, 1]).all()
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
    path = Path(path)
    with reading(path):
        if path.suffix.lower() in TIFF_SUFFIXES:
            import tifffile

            with tifffile.TiffFile(path) as file:
                page = file.pages.first
                return page.imagelength, page.imagewidth
        from PIL import Image

        with path.open("rb") as file, Image.open(file) as image:
            return image.height, image.width


def check_size(labels: NDArray[Any], path: Path, image_path: PathLike) -> None:
    """Refuse the label map of `path` if it differs in size from its image."""
    size = image_size(image_path)
    if labels.shape != size:
        raise ValueError(
            f"{path} has {labels.shape[0]} x {labels.shape[1]} pixels, but its image "
            f"{image_path} has {size[0]} x {size[1]}; their sizes must be equal."
        )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn any error of a decoder into an OSError that names the file."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give a file.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise OSError(f"{path} is an empty file; get it again.")
    try:
        yield
    except (ImportError, MemoryError, PermissionError, _UnknownFormat):
        raise
    except Exception as error:  # decoders raise various errors on broken files
        if "imagecodecs" in str(error):
            raise ImportError(
                f"{path} has a compression that needs imagecodecs, which is not "
                "installed: pip install imagecodecs.",
                name="imagecodecs",
            ) from error
        raise OSError(
            f"{path} can't be read ({type(error).__name__}: {error}); get it again."
        ) from error


def read_tiff(path: PathLike) -> tuple[NDArray[Any], str, str, bool, int]:
    """Read the first image of a TIFF, with a description.

    Returns the array, its axes, the colour space, whether a band is alpha, and the
    number of images in the file, where pages of the same size are one image.
    """
    import tifffile

    # tifffile would print remarks on tags.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    with tifffile.TiffFile(path) as file:
        first: Any = file.series[0]
        photometric = first.keyframe.photometric.name
        # A band not declared as alpha is an ordinary one, such as near infrared.
        has_alpha = any(sample in (1, 2) for sample in first.keyframe.extrasamples)
        return first.asarray(), first.axes, photometric, has_alpha, len(file.series)
