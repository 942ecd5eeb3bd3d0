"""Images from files."""

import logging
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from .._typing import PathLike
from .._validation import check_image, check_int

__all__ = [
    "IMAGE_SUFFIXES",
    "TIFF_SUFFIXES",
    "check_format",
    "check_size",
    "image_size",
    "read_image",
    "read_masked_image",
    "read_tiff",
    "reading",
]

TIFF_SUFFIXES = (".tif", ".tiff")

_NODATA_TAG = 42113  # GDAL's, an ASCII number

#: What the files that `read_image` reads end in.
IMAGE_SUFFIXES = (".png", ".jpg", ".jpeg", *TIFF_SUFFIXES)


def read_image(
    path: PathLike,
    *,
    drop_alpha: bool = False,
    bands: Sequence[int] | None = None,
    value_range: tuple[float, float] | None = None,
) -> NDArray[Any]:
    """One grey or RGB image, with the depth that it is stored in.

    Parameters
    ----------
    path : path-like
        PNG, JPEG or TIFF.
    drop_alpha : bool, default=False
        Leave out an alpha channel instead of refusing it.
    bands : sequence of int, optional
        Of an image of any number of bands those to take, in this order, counted from
        1: three, for red, green and blue, or one. Pages of one size are bands as well.
    value_range : (float, float), optional
        The stored values that are black and white, for those of sensors that fill only
        a part of 16 bits, have a sign, or are floats beyond 0..1. What lies beyond
        becomes black or white.

    Returns
    -------
    ndarray of shape (H, W, 1) or (H, W, 3)
        uint8 or uint16; float32 or float64 in 0..1 from TIFF; float32 in 0..1 with
        `value_range`.

    Raises
    ------
    FileNotFoundError
        If there is no such file.
    OSError
        If it is damaged.
    ValueError
        If it holds something other than one grey or RGB image.

    Notes
    -----
    Pixels are taken as they are stored: an orientation in the EXIF data is not applied.
    Palettes become colours. 16-bit colours are read as 8 bits from PNG, not from TIFF.
    """
    image, _ = _read(Path(path), drop_alpha, bands, value_range, None)
    return image


def read_masked_image(
    path: PathLike,
    where: Literal["nodata", "alpha"],
    *,
    bands: Sequence[int] | None = None,
    value_range: tuple[float, float] | None = None,
) -> tuple[NDArray[Any], NDArray[np.bool_] | None]:
    """One image, and which of its pixels are part of the picture.

    Parameters
    ----------
    path : path-like
        PNG, JPEG or TIFF.
    where : {"nodata", "alpha"}
        What says so: the value that a TIFF declares to be no data, where all bands
        have it, and NaN in any of them; or an alpha channel, where it is 0.
    bands, value_range
        As for `read_image`. Alpha is left out.

    Returns
    -------
    image : ndarray of shape (H, W, 1) or (H, W, 3)
        As from `read_image`; outside the mask it may hold anything.
    mask : ndarray of bool of shape (H, W), or None
        True inside the picture; None where all of it is.

    Raises
    ------
    FileNotFoundError, OSError
        As for `read_image`.
    ValueError
        As for `read_image`, or if no pixel is left.
    """
    return _read(Path(path), True, bands, value_range, where)


def _read(path, drop_alpha, bands, value_range, where):
    """(image, mask), as for `read_masked_image`."""
    nodata = None
    with reading(path):
        if path.suffix.lower() in TIFF_SUFFIXES:
            image, axes, photometric, has_alpha, _ = read_tiff(path)
            nodata = _nodata(path) if where == "nodata" else None
        else:
            import imageio.v3 as iio

            # From memory, since a file that it can't decode would be left open.
            content = path.read_bytes()
            check_format(content, path)
            image = iio.imread(content, plugin="pillow")
            axes, photometric, has_alpha = "", "RGB", True
    if photometric not in ("MINISBLACK", "MINISWHITE", "RGB", "YCBCR"):
        raise ValueError(f"{path} has {photometric} colours; convert it to RGB.")
    if axes == "SYX" or (bands is not None and axes[1:] == "YX"):
        # Samples stored plane by plane; pages are bands only where that is said.
        image = np.moveaxis(image, 0, -1)
    if (
        path.suffix.lower() in (".jpg", ".jpeg")
        and image.ndim == 3
        and image.shape[2] == 4
    ):
        raise ValueError(f"{path} is a CMYK image; convert it to RGB.")
    mask = None
    if where == "alpha" and has_alpha and image.ndim == 3:
        mask = image[..., -1] != 0
    if bands is not None:
        image = _chosen(image, bands, path)
    if image.ndim not in (2, 3) or (image.ndim == 3 and image.shape[2] > 4):
        raise ValueError(
            f"{path} holds an array of shape {image.shape}, several pages or bands; "
            "one grey or RGB image is expected: choose bands, as seal-sk segment "
            "--bands does."
        )
    if image.ndim == 3 and image.shape[2] in (2, 4):
        if not has_alpha:
            raise ValueError(
                f"{path} has {image.shape[2]} bands; choose one or three, as seal-sk "
                "segment --bands does."
            )
        if not drop_alpha:
            is_tiff = path.suffix.lower() in TIFF_SUFFIXES
            raise ValueError(
                f"{path} has an alpha channel; leave it out, as seal-sk segment "
                "--drop-alpha does"
                + (", or choose bands, as --bands does." if is_tiff else ".")
            )
        image = image[..., :-1]
    if image.dtype == bool:
        image = image.astype(np.uint8) * 255
    if where == "nodata":
        mask = _holds_data(image, nodata)
    if mask is not None and mask.all():
        mask = None
    elif mask is not None and not mask.any():
        raise ValueError(f"{path} has no pixel that is not masked by its {where}.")
    advice = ""
    if value_range is not None:
        image = _stretched(image, value_range)
    elif image.dtype.kind in "if" and np.isfinite(image).all():
        advice = (
            " Or say which stored values are black and white, by value_range or "
            "seal-sk segment --value-range."
        )
    try:
        image = check_image(image, mask=mask, name=str(path))
    except (TypeError, ValueError) as error:
        raise ValueError(f"{error}{advice}") from error
    return np.ascontiguousarray(image), mask


def _nodata(path: Path) -> float | None:
    """The value that stands for no data, where the TIFF declares one."""
    import tifffile

    with tifffile.TiffFile(path) as file:
        tag = file.pages.first.tags.get(_NODATA_TAG)
    if tag is None:
        return None
    try:
        return float(str(tag.value).strip("\0 "))
    except ValueError:
        raise _UnknownFormat(
            f"{path} declares {tag.value!r} to be no data, which is no number; correct "
            "its tag GDAL_NODATA."
        ) from None


def _holds_data(image: NDArray[Any], nodata: float | None) -> NDArray[np.bool_]:
    """Where the bands are numbers, and not all of them the one that is no data."""
    bands = image.reshape(*image.shape[:2], -1)
    mask = ~np.isnan(bands).any(axis=2)
    if nodata is not None:
        # A number that the dtype can't hold is that of no pixel.
        with np.errstate(over="ignore"):
            mask &= (bands != nodata).any(axis=2)
    return mask


def _stretched(
    image: NDArray[Any], value_range: tuple[float, float]
) -> NDArray[np.float32]:
    black, white = value_range
    if not (np.isfinite([black, white]).all() and black < white):
        raise ValueError(
            f"value_range={value_range!r} must be two finite numbers, black and white, "
            "the lower one first."
        )
    stretched = image.astype(np.result_type(image.dtype, np.float32))
    stretched -= black
    stretched /= white - black
    return stretched.clip(0, 1).astype(np.float32)


class _UnknownFormat(OSError):
    """A file that holds something else than its name says."""


def check_format(content: bytes, path: Path) -> None:
    """Refuse what is no picture, whatever its name says."""
    from PIL import Image, UnidentifiedImageError

    try:
        Image.open(BytesIO(content)).close()
    except UnidentifiedImageError as error:
        raise _UnknownFormat(
            f"{path} can't be read: it holds no image of a known format, whatever its "
            "name says."
        ) from error


def _chosen(image: NDArray[Any], bands: Sequence[int], path: Path) -> NDArray[Any]:
    """Bands of an (H, W) or (H, W, C) array, by numbers from 1."""
    if len(bands) not in (1, 3):
        raise ValueError(
            f"bands={bands!r} must be three bands (red, green, blue) or one."
        )
    if image.ndim == 2:
        image = image[..., None]
    if image.ndim != 3:
        raise ValueError(
            f"{path} holds an array of shape {image.shape}, which has bands along "
            "several axes; save one image."
        )
    n_bands = image.shape[2]
    bands = [check_int(band, 1, name="a band") for band in bands]
    if max(bands) > n_bands:
        raise ValueError(
            f"{path} has {n_bands} bands, so that there is no band {max(bands)}; "
            "they are counted from 1."
        )
    return image[..., [band - 1 for band in bands]]


def image_size(path: PathLike) -> tuple[int, int]:
    """Height and width of an image, of which no pixel is read."""
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
    """Refuse the label map of `path` if it is not of its image's size."""
    size = image_size(image_path)
    if labels.shape != size:
        raise ValueError(
            f"{path} has {labels.shape[0]} x {labels.shape[1]} pixels, but its image "
            f"{image_path} {size[0]} x {size[1]}; they must be of the same size."
        )


@contextmanager
def reading(path: Path) -> Iterator[None]:
    """Turn whatever a decoder raises on a file into an OSError that names it."""
    if path.is_dir():
        raise IsADirectoryError(f"{path} is a folder; give a file.")
    if not path.exists():
        raise FileNotFoundError(f"There is no file {path}.")
    if path.stat().st_size == 0:
        raise OSError(f"{path} is an empty file; get it anew.")
    try:
        yield
    except (ImportError, MemoryError, PermissionError, _UnknownFormat):
        raise
    except Exception as error:  # what a decoder raises on broken files varies
        if "imagecodecs" in str(error):
            raise ImportError(
                f"{path} is compressed in a way that needs imagecodecs, which is not "
                "installed: pip install imagecodecs.",
                name="imagecodecs",
            ) from error
        raise OSError(
            f"{path} can't be read ({type(error).__name__}: {error}); get it anew."
        ) from error


def read_tiff(path: PathLike) -> tuple[NDArray[Any], str, str, bool, int]:
    """What a TIFF stores first, its axes, its kind of colours, and how much there is.

    Then whether a band is alpha, and the number of images, where pages of one size are
    one image.
    """
    import tifffile

    # It would print what it thinks of tags.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    with tifffile.TiffFile(path) as file:
        first: Any = file.series[0]
        photometric = first.keyframe.photometric.name
        # A band that is not said to be alpha is one like the others: near infrared.
        has_alpha = any(sample in (1, 2) for sample in first.keyframe.extrasamples)
        return first.asarray(), first.axes, photometric, has_alpha, len(file.series)
