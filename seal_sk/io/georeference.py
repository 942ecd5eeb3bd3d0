"""Georeferences: the position of an image on the earth, or in another plane."""

import math
import threading
import warnings
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._extras import import_extra
from .._typing import PathLike
from .images import TIFF_SUFFIXES, reading

__all__ = [
    "Georeference",
    "check_georeference",
    "no_warning_of_identity",
    "read_georeference",
]

_FILTERS = threading.RLock()

# Tags that georeference a GeoTIFF: scale, tie points, matrix.
_PLACING_TAGS = (33550, 33922, 34264)


@dataclass(frozen=True)
class Georeference:
    """Position of the pixels of an image in a coordinate reference system.

    Parameters
    ----------
    crs : str or None
        The system: an authority's code (``"EPSG:32633"``), or WKT. None if it is not
        known.
    transform : sequence of 6 float
        (a, b, c, d, e, f): the point [column, row], in pixels from the upper left
        corner of the image, is at x = a * column + b * row + c, y = d * column + e *
        row + f. The order is that of rasterio; GDAL's is (c, a, b, f, d, e).

    Raises
    ------
    ValueError, TypeError
        If a parameter is not as described, or the transform maps the image to a line.

    Examples
    --------
    >>> from seal_sk.export import Georeference
    >>> place = Georeference("EPSG:32633", (0.5, 0, 500_000, 0, -0.5, 5_000_000))
    >>> place.pixel_area
    0.25
    >>> place.points([[10, 20]])  # column 10, row 20
    array([[ 500005., 4999990.]])
    """

    crs: str | None
    transform: tuple[float, float, float, float, float, float]

    def __post_init__(self) -> None:
        if self.crs is not None and not isinstance(self.crs, str):
            raise TypeError(
                f"crs={self.crs!r} must be a string such as 'EPSG:32633', WKT, or None."
            )
        try:
            numbers = tuple(float(value) for value in self.transform)
        except (TypeError, ValueError) as error:
            raise TypeError(
                f"transform={self.transform!r} must be six numbers (a, b, c, d, e, f)."
            ) from error
        # The class Affine has nine numbers, of which the last are always 0, 0, 1.
        if len(numbers) == 9 and numbers[6:] == (0, 0, 1):
            numbers = numbers[:6]
        if len(numbers) != 6 or not all(map(math.isfinite, numbers)):
            raise ValueError(
                f"transform={self.transform!r} must be six finite numbers (a, b, c, d, "
                "e, f)."
            )
        object.__setattr__(self, "transform", numbers)
        if self.pixel_area == 0:
            raise ValueError(
                f"transform={self.transform!r} gives pixels no area; the order is (a, "
                "b, c, d, e, f) with x = a * column + b * row + c."
            )

    @property
    def pixel_area(self) -> float:
        """Area of a pixel, in squared units of the system."""
        a, b, _, d, e, _ = self.transform
        return abs(a * e - b * d)

    def points(self, pixels: Any) -> NDArray[np.float64]:
        """Coordinates of points of the image.

        Parameters
        ----------
        pixels : array-like of shape (k, 2)
            Columns and rows; whole numbers are corners of pixels.

        Returns
        -------
        ndarray of shape (k, 2), float64
            The x and y of each point.
        """
        a, b, c, d, e, f = self.transform
        column, row = np.asarray(pixels, dtype=np.float64).T
        return np.column_stack([a * column + b * row + c, d * column + e * row + f])

    def parsed_by(self, parse: Callable[[str], Any]) -> Any:
        """The coordinate system as an object of another package.

        Parameters
        ----------
        parse : callable
            Makes the object from a string, as ``pyproj.CRS`` does.

        Returns
        -------
        object or None
            The result of `parse`; None if the system is not known.

        Raises
        ------
        ValueError
            If `parse` can't read the system.
        """
        if self.crs is None:
            return None
        try:
            return parse(self.crs)
        # The type differs by package, but is a ValueError or RuntimeError.
        except (ValueError, RuntimeError) as error:
            raise ValueError(
                f"crs={self.crs!r} is not a coordinate reference system; give a code "
                "such as 'EPSG:32633', or WKT."
            ) from error


def check_georeference(georeference: Any) -> Georeference | None:
    """Refuse anything but None and a georeference."""
    if georeference is not None and not isinstance(georeference, Georeference):
        raise TypeError(
            f"georeference is {type(georeference).__name__}; give a "
            "seal_sk.export.Georeference, for example that of read_georeference(path)."
        )
    return georeference


def read_georeference(path: PathLike) -> Georeference | None:
    """Read the georeference of an image from its file or its world file.

    Parameters
    ----------
    path : path-like
        The image: a GeoTIFF, or any other format with a world file beside it. The world
        file has the name of the image and the ending ``.wld``, or ``.tfw`` for a
        ``.tif``, ``.pgw`` for a ``.png``, and so on. It names no reference system.

    Returns
    -------
    Georeference or None
        None if the image has no georeference and no world file.

    Raises
    ------
    OSError
        If the image does not exist, or if it or its world file is damaged.
    ValueError
        If the image is placed by ground control points, which no transform describes.
    ImportError
        If it is a GeoTIFF and rasterio is not installed: ``pip install
        "seal_sk[geo]"``.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import imageio.v3 as iio
    >>> import numpy as np
    >>> from seal_sk.export import read_georeference
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "aerial.png")
    ...     iio.imwrite(path, np.zeros((20, 30), dtype=np.uint8))
    ...     _ = path.with_suffix(".pgw").write_text("2 0 0 -2 101 499")
    ...     read_georeference(path)
    Georeference(crs=None, transform=(2.0, 0.0, 100.0, 0.0, -2.0, 500.0))
    """
    path = Path(path)
    with reading(path):
        placed = path.suffix.lower() in TIFF_SUFFIXES and _has_placing_tags(path)
    if placed:
        rasterio = import_extra("rasterio", "geo", f"The georeference of {path}")
        with reading(path):
            found = _read_geotiff(path, rasterio)
        if found is None:
            raise ValueError(
                f"{path} is placed by ground control points; warp it first, for "
                "example with gdalwarp."
            )
        return found
    return _read_world_file(path)


def _has_placing_tags(path: Path) -> bool:
    import tifffile

    with tifffile.TiffFile(path) as file:
        tags = file.pages.first.tags
        return any(tag in tags for tag in _PLACING_TAGS)


@contextmanager
def no_warning_of_identity(rasterio: Any) -> Iterator[None]:
    """Silence rasterio's warning that the identity is no georeference."""
    # All threads share the filters of warnings.
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        yield


def _read_geotiff(path: Path, rasterio: Any) -> Georeference | None:
    with no_warning_of_identity(rasterio), rasterio.open(path) as raster:
        if raster.gcps[0]:
            return None
        return Georeference(_name(raster.crs), tuple(raster.transform))


def _name(crs: Any) -> str | None:
    """The code of a rasterio system if it has exactly one, else its WKT."""
    if not crs:
        return None
    code = crs.to_authority(confidence_threshold=100)
    return crs.to_wkt() if code is None else ":".join(code)


def _read_world_file(path: Path) -> Georeference | None:
    suffix = path.suffix
    for name in (f"{suffix[:2]}{suffix[-1:]}w", f"{suffix}w", ".wld"):
        for ending in (name, name.lower(), name.upper()):
            file = path.with_name(path.stem + ending)
            if file.is_file():
                return _parse_world_file(file)
    return None


def _parse_world_file(file: Path) -> Georeference:
    try:
        a, d, b, e, x, y = map(float, file.read_text(encoding="ascii").split())
        # A world file has the centre of the first pixel, not its corner.
        return Georeference(None, (a, b, x - (a + b) / 2, d, e, y - (d + e) / 2))
    except ValueError as error:
        raise OSError(
            f"{file} is not a world file: it must hold the six numbers A, D, B, E, C, "
            f"F ({error})."
        ) from error
