"""Which program decodes which file, and what the file says about its pixels.

- **PNG, JPEG, GIF, BMP and WebP**: Pillow, the reader of photographs.
- **TIFF**: tifffile, which knows the pages, axes and compressions of the sciences. If
  GDAL finds a place on the earth, no data, a mask, alpha or files beside it, rasterio,
  which is GDAL. So are palettes, whose colours some programs store in 8 bits and some
  in 16, and YCbCr without JPEG, which tifffile does not convert.
- **Everything else** (JPEG 2000, virtual rasters, Erdas Imagine, ...): rasterio.

Where an image lies and which of its pixels are data is always read by rasterio. What
two of them can read is the same from both, but for the rounding of JPEG inside TIFF.
"""

import logging
import math
from collections.abc import Iterator
from contextlib import contextmanager
from io import BytesIO
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from .._validation import MAX_PIXELS
from .rasters import (
    RefusedError,
    UnknownFormatError,
    UnplacedError,
    alpha_of,
    holds_data,
    is_declared,
    opened,
    refuse_subdatasets,
)

__all__ = [
    "TIFF_SUFFIXES",
    "ArgumentNeededError",
    "Picture",
    "axes_of",
    "decode",
    "is_gis_tiff",
    "only_series",
    "reading",
    "refuse_lost_place",
    "size_of",
    "tiff_file",
]

TIFF_SUFFIXES = (".tif", ".tiff")

# Formats of photographs, as Pillow names them.
_PHOTOGRAPHS = ("PNG", "JPEG", "GIF", "BMP", "WEBP")
# Formats of slides, with pictures of their labels besides, as tifffile names them.
_SLIDES = ("svs", "ndpi", "scn", "philips", "bif", "qpi")
_PAGES = {"Z": "slices of a volume", "T": "times of a series", "C": "channels"}
_MAX_BANDS_LAST = 16
_BLACK_AND_WHITE = {0: (0, 0, 0, 255), 1: (255, 255, 255, 255)}
_COLOURS = ("MINISBLACK", "MINISWHITE", "RGB", "YCBCR", "PALETTE")


class ArgumentNeededError(RefusedError):
    """Raised for an image that can only be read with another argument.

    Parameters
    ----------
    message : str
        One or more sentences.
    *arguments : str
        Names of the arguments of `read_image` that would help, and "mask alpha" or
        "mask nodata" for `read_masked_image`.
    """

    def __init__(self, message: str, *arguments: str) -> None:
        self.message = message
        self.arguments = arguments
        named = " or ".join(
            f"read_masked_image(..., {name[5:]!r})"
            if name.startswith("mask ")
            else f"{name}="
            for name in arguments
        )
        super().__init__(f"{message} ({named})")


class Picture(NamedTuple):
    """An image as a viewer shows it, with all its bands.

    Parameters
    ----------
    array : ndarray of shape (H, W, C)
        The pixels; grey and palettes as they are shown, in the stored depth.
    alpha : int or None
        Index of the band that is alpha.
    opaque : ndarray of shape (H, W) or None
        Where alpha is not 0, that of a band, of a palette or of a transparent colour.
    sources : list of int
        For each band, the number of the band (counted from 1) that GDAL has for it.
    pages : list of int or None
        Pages of a TIFF that are the bands, counted from 0.
    notes : list of str
        What was lost in reading.
    """

    array: NDArray[Any]
    alpha: int | None
    opaque: NDArray[np.bool_] | None
    sources: list[int]
    pages: list[int] | None
    notes: list[str]


def decode(path: Path, *, as_bands: bool = False) -> Picture:
    """Read an image; with `as_bands`, pages of the same size are its bands."""
    with reading(path):
        kind = _kind(path)
        if kind == "TIFF":
            return _decode_tiff(path, as_bands)
        if kind is not None:
            return _decode_photograph(path, kind)
        return _decode_raster(path)


def size_of(path: Path) -> tuple[int, int]:
    """Height and width of an image, without reading its pixels."""
    with reading(path):
        kind = _kind(path)
        if kind == "TIFF":
            with tiff_file(path) as file:
                return _layout(only_series(file, path), path).size
        if kind is not None:
            from PIL import Image

            with path.open("rb") as content, Image.open(content) as image:
                return image.height, image.width
        with opened(path) as raster:
            return raster.shape


def _kind(path: Path) -> str | None:
    """The name of the format for TIFFs and photographs.

    A JPEG that other pictures follow is an MPO.
    """
    from PIL import Image, UnidentifiedImageError

    with path.open("rb") as content:
        if content.read(4) in (b"II*\0", b"MM\0*", b"II+\0", b"MM\0+"):
            return "TIFF"
        content.seek(0)
        try:
            with Image.open(content, formats=_PHOTOGRAPHS) as image:
                return image.format
        except UnidentifiedImageError:
            return None
        except Image.DecompressionBombError as error:
            raise RefusedError(
                f"{path} is larger than photographs may be ({error}); crop it, scale "
                "it down, or convert it to TIFF."
            ) from error


def _refuse_size(height: int, width: int, path: Path) -> None:
    """Before memory is asked for: a few bytes may claim to be a large image."""
    if height * width > MAX_PIXELS:
        raise RefusedError(
            f"{path} has {height} x {width} pixels; at most {MAX_PIXELS} are read at "
            "once: split it into tiles, or scale it down."
        )


def _refuse_colours(name: str, path: Path) -> None:
    raise RefusedError(f"{path} has {name} colours; convert it to RGB.")


def _refuse_complex(path: Path) -> None:
    raise RefusedError(
        f"{path} holds complex numbers; save an image of their magnitude, for example "
        "with numpy.abs."
    )


def _shown(
    array: NDArray[Any], path: Path, *, bits: int = 8, white_is_zero: bool = False
) -> NDArray[Any]:
    """Stored values of a grey or colour image as those of an (H, W, C) picture."""
    if array.ndim == 2:
        array = array[..., None]
    if array.dtype == bool:
        array, bits = array.astype(np.uint8), 1
    if array.dtype == np.float16:
        array = array.astype(np.float32)
    if bits < 8:
        array = np.rint(array * (255 / (2**bits - 1))).astype(np.uint8)
    if not white_is_zero:
        return array
    if array.dtype.kind != "u":
        raise RefusedError(
            f"{path} says that 0 is white, which has no meaning for {array.dtype} "
            "values; save it with 0 as black."
        )
    return array.dtype.type(2 ** max(bits, 8) - 1) - array


# Photographs


def _decode_photograph(path: Path, kind: str) -> Picture:
    import imageio.v3 as iio
    from PIL import Image

    # From memory: the decoder would leave open a file that it can't decode.
    content = path.read_bytes()
    with Image.open(BytesIO(content), formats=_PHOTOGRAPHS) as image:
        n_frames, mode = getattr(image, "n_frames", 1), image.mode
        _refuse_size(image.height, image.width, path)
        # The other decoder leaves out what is transparent.
        has_transparent = "transparency" in image.info
        rgba = None
        if has_transparent and (mode == "P" or kind != "PNG"):
            rgba = np.asarray(image.convert("RGBA"))
    notes = _notes_of_photograph(content, path, kind, mode, n_frames)
    if rgba is not None and mode == "P":
        array = rgba[..., :3]
    else:
        array = _shown(iio.imread(content, plugin="pillow", index=0), path)
    n_bands = array.shape[2]
    sources = list(range(1, n_bands + 1))
    if mode == "P":
        sources = [1] * n_bands  # an index into a palette is one band for GDAL
    elif kind == "PNG" and content[25] == 4:
        sources = [*[1] * (n_bands - 1), 2]  # the decoder repeats 16-bit grey
    alpha = n_bands - 1 if n_bands in (2, 4) else None
    opaque = _opaque(array, alpha)
    if rgba is not None:
        opaque = rgba[..., 3] != 0
    elif has_transparent or (kind == "PNG" and content[24] == 16 and alpha):
        # GDAL compares in the depth of the PNG, Pillow in 8 bits.
        opaque = holds_data(path, [1])
    return Picture(array, alpha, opaque, sources, None, notes)


def _notes_of_photograph(
    content: bytes, path: Path, kind: str, mode: str, n_frames: int
) -> list[str]:
    """What is lost in reading; refuse colours and animations that are no image."""
    if mode == "CMYK":
        raise RefusedError(f"{path} is a CMYK image; convert it to RGB.")
    if n_frames > 1 and kind != "MPO":
        raise RefusedError(f"{path} is animated ({n_frames} images); save one of them.")
    notes = []
    if n_frames > 1:
        notes.append(f"it holds {n_frames} pictures, of which the first one is read")
    # Bit depth and colour type; the decoder does not support 16-bit colours.
    if kind == "PNG" and content[24] == 16 and content[25] != 0:
        notes.append("16-bit colours are read as 8 bits from PNG; TIFF keeps them")
    return notes


def _opaque(array: NDArray[Any], alpha: int | None) -> NDArray[np.bool_] | None:
    return None if alpha is None else array[..., alpha] != 0


# TIFF


@contextmanager
def tiff_file(path: Path) -> Iterator[Any]:
    """A TIFF as tifffile opens it."""
    import tifffile

    # Python prints records of loggers without a handler.
    logging.getLogger("tifffile").addHandler(logging.NullHandler())
    with tifffile.TiffFile(path) as file:
        yield file


def only_series(file: Any, path: Path) -> Any:
    """The one image of a TIFF, which may have several pages of the same size.

    Overviews and masks are no images of their own.
    """
    every = list(file.series)
    series = [
        one for one in every if not (one.keyframe.is_reduced or one.keyframe.is_mask)
    ] or every
    if len(series) > 1 and series[0].kind not in _SLIDES:
        sizes = [
            f"{one.keyframe.imagelength} x {one.keyframe.imagewidth}"
            for one in series[:3]
        ]
        raise RefusedError(
            f"{path} holds {len(series)} images (of {', '.join(sizes)}"
            f"{', ...' if len(series) > 3 else ''} pixels); save only the one to read."
        )
    return series[0]


class _Layout(NamedTuple):
    """How the axes of a series are those of an image."""

    axes: str  # YX, YXS, SYX, or PYX for pages
    shape: tuple[int, ...]
    pages: str  # what they are; "" for one page
    is_turned: bool = False  # the pages are the rows

    @property
    def size(self) -> tuple[int, int]:
        """Height and width."""
        return self.shape[self.axes.index("Y")], self.shape[self.axes.index("X")]


def axes_of(series: Any) -> tuple[str, tuple[int, ...]]:
    """Axes of a series and their lengths, without those of one page or band."""
    page = series.keyframe
    # A series may lack the axis of its only row or column.
    one = page if math.prod(page.shape) == math.prod(series.shape) else series
    kept = [i for i, n in enumerate(one.shape) if n > 1 or one.axes[i] in "YX"]
    return "".join(one.axes[i] for i in kept), tuple(one.shape[i] for i in kept)


def _layout(series: Any, path: Path) -> _Layout:
    axes, shape = axes_of(series)
    if axes in ("YX", "YXS", "SYX"):
        return _Layout(axes, shape, "")
    if axes in ("YXC", "YXQ"):
        return _Layout("YXS", shape, "")
    if axes[1:] != "YX":
        raise RefusedError(
            f"{path} holds several images, an array of shape {shape} (axes {axes}); "
            "save one of them."
        )
    n_pages, height, width = shape
    # tifffile writes an array of shape (H, W, C) as H pages of C columns.
    if axes[0] in "QI" and width < min(n_pages, height):
        if width <= _MAX_BANDS_LAST:
            return _Layout("YXS", shape, "", True)
        if series.kind == "shaped":
            raise RefusedError(
                f"{path} may hold {n_pages} pages of {height} x {width} pixels, or an "
                f"image of {n_pages} x {height} pixels with {width} bands; save it in "
                "one page, in tifffile with planarconfig='contig'."
            )
    return _Layout("PYX", shape, _PAGES.get(axes[0], "pages"))


def _decode_tiff(path: Path, as_bands: bool) -> Picture:
    with tiff_file(path) as file:
        series, n_series = only_series(file, path), len(file.series)
        page = series.keyframe
        photometric = page.photometric.name
        if photometric not in _COLOURS:
            _refuse_colours(photometric, path)
        if page.sampleformat in (5, 6):
            _refuse_complex(path)
        layout = _layout(series, path)
        if layout.pages and not as_bands:
            raise ArgumentNeededError(
                f"{path} holds several pages or bands: {layout.shape[0]} "
                f"{layout.pages} of {layout.size[0]} x {layout.size[1]} pixels; choose "
                "those to use as bands.",
                "bands",
            )
        _refuse_size(*layout.size, path)
        is_one = not (layout.pages or layout.is_turned)
        is_raw = photometric == "YCBCR" and "JPEG" not in page.compression.name
        if is_one and (photometric == "PALETTE" or is_raw or is_gis_tiff(path)):
            return _decode_raster(path)
        array = series.asarray().reshape(layout.shape)
        if layout.axes in ("SYX", "PYX"):
            array = np.moveaxis(array, 0, -1)
        pages = None
        if layout.pages:
            pages = [one.index for one in series.pages]
    array = _shown(
        array,
        path,
        bits=page.bitspersample if isinstance(page.bitspersample, int) else 8,
        white_is_zero=photometric == "MINISWHITE",
    )
    n_bands = array.shape[2]
    alpha = _alpha_of_page(page, n_bands) if is_one else None
    sources = [1] * n_bands if layout.is_turned else list(range(1, n_bands + 1))
    notes = []
    if series.kind in _SLIDES and n_series > 1:
        notes.append(f"it holds {n_series} pictures, of which the first one is read")
    return Picture(array, alpha, _opaque(array, alpha), sources, pages, notes)


def _alpha_of_page(page: Any, n_bands: int) -> int | None:
    """Index of the band that a page of a TIFF declares to be alpha.

    Other bands beyond colours are ordinary ones, such as near infrared.
    """
    kinds = [int(sample) for sample in page.extrasamples]
    found = [i for i, kind in enumerate(kinds) if kind in (1, 2)]
    return n_bands - len(kinds) + found[0] if found else None


def is_gis_tiff(path: Path) -> bool:
    """Whether GDAL finds a place, no data, a mask, or files beside a TIFF."""
    from rasterio.errors import RasterioIOError

    try:
        with opened(path) as raster:
            return is_declared(raster)
    except RasterioIOError:
        return False  # a compression that GDAL lacks, or damage, which tifffile tells


def refuse_lost_place(path: Path) -> None:
    """Refuse a TIFF whose place is not read, since GDAL lacks its compression."""
    with tiff_file(path) as file:
        page = file.pages.first
        if page.is_geotiff:
            raise RefusedError(
                f"{path} has the compression {page.compression.name}, which GDAL can't "
                "decode, so its place is not read; save it with another compression."
            )


# Other files


def _decode_raster(path: Path) -> Picture:
    with opened(path) as raster:
        refuse_subdatasets(raster, path)
        if any(name.startswith("complex") for name in raster.dtypes):
            _refuse_complex(path)
        space = raster.tags(ns="IMAGE_STRUCTURE").get("SOURCE_COLOR_SPACE", "RGB")
        if space in ("CMYK", "CIELAB"):
            _refuse_colours(space, path)
        _refuse_size(raster.height, raster.width, path)
        alpha = alpha_of(raster)
        array = _all_bands(raster)
        structure = raster.tags(1, ns="IMAGE_STRUCTURE")
        bits = int(structure.get("NBITS", 8 * array.dtype.itemsize))
        is_white = raster.tags(ns="IMAGE_STRUCTURE").get("MINISWHITE") == "YES"
        if raster.colorinterp[0].name == "palette" and not is_white:
            palette = raster.colormap(1)
            # GDAL gives every image of 1 bit a palette.
            if bits > 1 or palette != _BLACK_AND_WHITE:
                return _coloured(array, alpha, palette, raster.nodata)
    array = _shown(array, path, bits=bits, white_is_zero=is_white)
    sources = list(range(1, array.shape[2] + 1))
    return Picture(array, alpha, _opaque(array, alpha), sources, None, [])


def _all_bands(raster: Any) -> NDArray[Any]:
    """An (H, W, C) array; bands of several dtypes have one that holds all of them."""
    if len(set(raster.dtypes)) == 1:
        return np.moveaxis(raster.read(), 0, -1)
    return np.stack([raster.read(i) for i in raster.indexes], axis=-1)


def _coloured(
    array: NDArray[Any],
    alpha: int | None,
    palette: dict[int, tuple[int, int, int, int]],
    nodata: float | None,
) -> Picture:
    """A picture whose first band are indices of a palette."""
    index, rest = array[..., 0], array[..., 1:]
    colours = np.zeros((max(*palette, int(index.max())) + 1, 4), dtype=np.uint8)
    for i, colour in palette.items():
        colours[i] = colour
    is_opaque = colours[:, 3] != 0
    is_opaque[np.arange(len(colours)) == nodata] = True  # which is no colour
    opaque = None if is_opaque[list(palette)].all() else is_opaque[index]
    array = np.concatenate([colours[index][..., :3], rest], axis=2)
    if alpha is not None:
        alpha += 2
        opaque = _opaque(array, alpha)
    sources = [1, 1, 1, *range(2, rest.shape[2] + 2)]
    return Picture(array, alpha, opaque, sources, None, [])


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
    except (ImportError, PermissionError):
        raise
    except MemoryError as error:
        raise OSError(
            f"{path} does not fit into memory ({error}); if the file is damaged, get "
            "it again, otherwise split it into smaller ones."
        ) from error
    except (RefusedError, UnknownFormatError, UnplacedError):
        raise
    except Exception as error:  # decoders raise various errors on broken files
        if "imagecodecs" in str(error):
            raise ImportError(
                f"{path} has a compression that needs imagecodecs, which is not "
                "installed: pip install imagecodecs.",
                name="imagecodecs",
            ) from error
        cause = error.__cause__ or error  # rasterio's own words are "see the cause"
        raise OSError(
            f"{path} can't be read ({type(error).__name__}: {cause}); if the file is "
            "damaged, get it again, otherwise save it in another format."
        ) from error
