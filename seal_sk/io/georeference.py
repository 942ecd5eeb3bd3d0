"""Georeferences: the position of an image on the earth, or in another plane."""

import math
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from .._typing import PathLike
from .decoding import reading, refuse_lost_place
from .rasters import RefusedError, UnplacedError, opened, transform_of

__all__ = ["Georeference", "check_georeference", "read_georeference"]


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
                f"crs={self.crs!r} is not a coordinate reference system ({error}); "
                "give a code such as 'EPSG:32633', or WKT."
            ) from error


def check_georeference(georeference: Any) -> Georeference | None:
    """Refuse anything but None and a georeference."""
    if georeference is not None and not isinstance(georeference, Georeference):
        raise TypeError(
            f"georeference is {type(georeference).__name__}; give a "
            "seal_sk.export.Georeference, for example that of read_georeference(path)."
        )
    return georeference


def read_georeference(path: PathLike, *, crs: str | None = None) -> Georeference | None:
    r"""Read the georeference of an image, as GDAL reads it.

    Parameters
    ----------
    path : path-like
        The image. Its place may be in the file or beside it: in ``.aux.xml``, or in a
        world file with the name of the image and the ending ``.wld``, or ``.tfw`` for a
        ``.tif``, ``.pgw`` for a ``.png``, and so on. A reference system that is neither
        in the file nor in ``.aux.xml`` is read from a ``.prj`` beside it.
    crs : str, optional
        The reference system of an image that has a place, but names no system: an
        authority's code such as ``"EPSG:32633"``, or WKT.

    Returns
    -------
    Georeference or None
        None if the image has no georeference.

    Raises
    ------
    OSError
        If the image does not exist, or if it or a file beside it is damaged.
    ValueError
        If the image is placed by ground control points or rational polynomials, which
        no transform describes. If `crs` is given and is not a reference system, differs
        from that of the image, or the image has no place.

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
    ...     _ = path.with_suffix(".pgw").write_text("2\n0\n0\n-2\n101\n499\n")
    ...     read_georeference(path, crs="EPSG:32633")
    Georeference(crs='EPSG:32633', transform=(2.0, 0.0, 100.0, 0.0, -2.0, 500.0))
    """
    path = Path(path)
    with reading(path):
        found = _read_place(path)
    if crs is None:
        return found
    return _with_crs(found, crs, path)


def _read_place(path: Path) -> Georeference | None:
    from rasterio.errors import RasterioIOError

    try:
        with opened(path) as raster:
            system, transform = raster.crs, transform_of(raster)
            if transform is None:
                _refuse_other_places(raster, path)
                _refuse_unread_world_file(path)
                return None
    except RasterioIOError as error:
        if "missing codec" not in str(error):
            raise
        refuse_lost_place(path)
        return None
    if not all(map(math.isfinite, transform)):
        _refuse_unread_world_file(path)
    if not system:
        system = _read_prj(path)
    return Georeference(_name(system), tuple(transform))


def _refuse_other_places(raster: Any, path: Path) -> None:
    """Refuse places that no transform describes."""
    for is_there, what in (
        (bool(raster.gcps[0]), "ground control points"),
        (raster.rpcs is not None, "rational polynomial coefficients (RPC)"),
    ):
        if is_there:
            raise RefusedError(
                f"{path} is placed by {what}; warp it first, for example with gdalwarp."
            )


def _refuse_unread_world_file(path: Path) -> None:
    """Refuse a world file with something else than a place in it."""
    suffix = path.suffix
    for name in (f"{suffix[:2]}{suffix[-1:]}w", f"{suffix}w", ".wld"):
        for ending in (name.lower(), name.upper()):
            file = path.with_name(path.stem + ending)
            # The identity is a place that GDAL takes for none.
            if file.is_file() and not _is_identity(file):
                raise UnplacedError(
                    f"{file} is not a world file: it must hold the six numbers A, D, "
                    "B, E, C, F, one a line; correct or remove it."
                )


def _is_identity(world_file: Path) -> bool:
    lines = world_file.read_text("utf-8", errors="replace").splitlines()[:6]
    try:
        numbers = [float(line.split()[0].replace(",", ".")) for line in lines]
    except (ValueError, IndexError):
        return False
    return numbers == [1, 0, 0, 1, 0.5, 0.5]


def _read_prj(path: Path) -> Any:
    from rasterio import CRS, Env
    from rasterio.errors import CRSError

    for ending in (".prj", ".PRJ"):
        file = path.with_suffix(ending)
        if file.is_file():
            try:
                with Env():
                    return CRS.from_wkt(file.read_text("utf-8-sig"))
            except (CRSError, UnicodeDecodeError) as error:
                raise UnplacedError(
                    f"{file} does not hold a reference system as WKT; correct or "
                    "remove it."
                ) from error
    return None


def _with_crs(found: Georeference | None, crs: str, path: Path) -> Georeference:
    """A georeference whose system is `crs`, unless the image names another."""
    from rasterio import CRS, Env

    if found is None:
        raise RefusedError(
            f"{path} has no place to which crs={crs!r} could belong; give it one, for "
            "example in a world file, or leave out the system."
        )
    given = replace(found, crs=crs)
    with Env():  # what PROJ says of a wrong system is not printed
        wanted = given.parsed_by(CRS.from_user_input)
        own = found.parsed_by(CRS.from_user_input)
    if own is None:
        return given
    if own != wanted:
        raise RefusedError(
            f"{path} has the reference system {found.crs}, not {crs}; leave out the "
            "system, or warp the image, for example with gdalwarp."
        )
    return found


def _name(crs: Any) -> str | None:
    """The code of a rasterio system if it has exactly one, else its WKT."""
    if not crs:
        return None
    code = crs.to_authority(confidence_threshold=100)
    return crs.to_wkt() if code is None else ":".join(code)
