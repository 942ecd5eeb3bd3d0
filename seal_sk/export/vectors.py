"""Files with polygons of superpixels, for a GIS."""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Iterator
from io import BytesIO
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from .._extras import import_extra
from .._files import check_suffix, replace_file
from .._typing import PathLike
from ..io.georeference import Georeference, check_georeference
from .outlines import Coverage, trace
from .tables import check_table, plain_columns

if TYPE_CHECKING:
    from pandas import DataFrame

__all__ = ["write_polygons"]

_SUFFIXES = (".geojson", ".gpkg")
# Decimals of degrees in GeoJSON: a tenth of a millimetre.
_DECIMALS = 9
# What pyogrio raises for values that no field can hold.
_UNFIT = (NotImplementedError, OverflowError, UnicodeEncodeError)


def write_polygons(
    path: PathLike,
    labels: ArrayLike,
    *,
    table: DataFrame | None = None,
    georeference: Georeference | None = None,
    simplify: float | None = None,
) -> None:
    """Write the outline of each superpixel, with its attributes.

    The file is written completely or not at all.

    Parameters
    ----------
    path : path-like
        - ``.geojson``: GeoJSON (RFC 7946). With a georeference, points are longitude
          and latitude (WGS 84) with 9 decimals, converted from other reference systems
          if needed (needs pyproj: ``pip install "seal_sk[geo]"``).
        - ``.gpkg``: a GeoPackage with one layer, with the name of the file (after an
          underscore if GDAL takes no layer of this name), in the reference system of
          the georeference (needs geopandas: the same extra).

        An existing file is replaced.
    labels : array-like of shape (H, W)
        Superpixels 0..n-1, all of them present, of any integer dtype. Negative labels
        are masked pixels, which get no polygon.
    table : DataFrame of n rows, optional
        Attributes, row i for superpixel i, for example from `superpixel_table`.
    georeference : Georeference, optional
        Position of the image on the earth, for example from `read_georeference`.
        Without it, points are [column, row] in pixels from the upper left corner, and
        rows grow downwards.
    simplify : float, optional
        As in `polygons`, in pixels.

    Raises
    ------
    ValueError
        If an argument is not as described, or the format can't hold the polygons.
    TypeError
        If an argument is not as described.
    OSError
        If the file can't be written.
    ImportError
        If the format needs a package that is missing.

    See Also
    --------
    polygons : The geometries as objects.
    superpixel_table : Attributes of superpixels.

    Notes
    -----
    Each feature has the attribute ``label`` and the columns of the table. Missing
    values (NaN, None) are null.

    Examples
    --------
    >>> import json, tempfile
    >>> from pathlib import Path
    >>> from seal_sk.export import write_polygons
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     path = Path(folder, "superpixels.geojson")
    ...     write_polygons(path, [[0, 1], [0, 1]])
    ...     second = json.loads(path.read_text())["features"][1]
    >>> second["properties"], second["geometry"]["coordinates"]
    ({'label': 1}, [[[1, 0], [2, 0], [2, 2], [1, 2], [1, 0]]])
    """
    path = check_suffix(path, _SUFFIXES, "polygons")
    georeference = check_georeference(georeference)
    coverage = trace(labels, simplify)
    n = len(coverage.superpixels) - 1
    if table is not None:
        check_table(table, n)
    if path.suffix.lower() == ".geojson":
        if georeference is not None:
            coverage = coverage.moved(_degrees(coverage, georeference))
        columns = {"label": list(range(n))} | plain_columns(table)
        content = "".join(_geojson(coverage, columns)).encode()
    else:
        if georeference is not None:
            coverage = coverage.moved(georeference.points(coverage.points))
        content = _geopackage(coverage, table, georeference, _layer_name(path.stem))
    replace_file(path, content)


def _degrees(coverage: Coverage, georeference: Georeference) -> NDArray[np.float64]:
    """Longitude and latitude of each point."""
    if georeference.crs is None:
        raise ValueError(
            "GeoJSON holds longitude and latitude, but the georeference names no "
            "reference system to convert from; give one, such as crs='EPSG:32633', or "
            "write a .gpkg."
        )
    pyproj = import_extra("pyproj", "geo", "GeoJSON with a georeference")
    source = georeference.parsed_by(pyproj.CRS.from_user_input)
    points = georeference.points(coverage.points)
    wgs84 = pyproj.CRS.from_user_input("OGC:CRS84")
    converted = not source.equals(wgs84, ignore_axis_order=True)
    if converted:
        convert = pyproj.Transformer.from_crs(source, wgs84, always_xy=True)
        points = np.column_stack(convert.transform(*points.T))
    points = points.round(_DECIMALS)
    # Points outside the area of the system become infinite, and fail the test too.
    if not (np.abs(points) <= (180, 90)).all():
        raise ValueError(
            "part of the image lies beyond 180 degrees of longitude or 90 of latitude, "
            "which GeoJSON does not allow; write a .gpkg, which keeps the reference "
            "system, or correct the georeference."
        )
    longitude, rings = points[:, 0], coverage.rings[:-1]
    width = np.maximum.reduceat(longitude, rings) - np.minimum.reduceat(
        longitude, rings
    )
    if converted and (width > 180).any():
        raise ValueError(
            "the image crosses the antimeridian, where GeoJSON polygons would have to "
            "be cut; write a .gpkg, which keeps the reference system."
        )
    return points


def _geojson(coverage: Coverage, columns: dict[str, list[Any]]) -> Iterator[str]:
    yield '{"type": "FeatureCollection", "features": ['
    separator = "\n"
    rows = zip(*columns.values(), strict=True)
    for row, geometry in zip(rows, coverage.geometries(), strict=True):
        feature = {
            "type": "Feature",
            "properties": dict(zip(columns, row, strict=True)),
            "geometry": geometry,
        }
        try:
            yield separator + json.dumps(feature, allow_nan=False)
        except (TypeError, ValueError) as error:
            raise ValueError(
                f"GeoJSON can't hold the table ({error}); give finite numbers, "
                "strings (table[name].astype(str) for dates) and booleans, or write a "
                ".gpkg."
            ) from error
        separator = ",\n"
    yield "\n]}\n"


def _layer_name(stem: str) -> str:
    """A name that GDAL takes: not all names of files are."""
    # File names may be other bytes than UTF-8; names of layers may not.
    name = stem.encode(errors="replace").decode()
    reserved = name.startswith("gpkg") or name.lower().startswith("sqlite_")
    reserved |= name.lower() == "ogr_empty_table"  # which GDAL leaves out
    # A sign at the start is refused.
    return f"_{name}" if reserved or re.match(r"[^\w\s]", name) else name


def _geopackage(
    coverage: Coverage,
    table: DataFrame | None,
    georeference: Georeference | None,
    layer: str,
) -> bytes:
    geopandas = import_extra("geopandas", "geo", "A GeoPackage")
    pyogrio = import_extra("pyogrio", "geo", "A GeoPackage")
    crs = None
    if georeference is not None:
        pyproj = import_extra("pyproj", "geo", "A GeoPackage")
        crs = georeference.parsed_by(pyproj.CRS.from_user_input)
    columns = {"label": np.arange(len(coverage.superpixels) - 1)}
    if table is not None:
        columns |= {str(name): table[name].array for name in table.columns}
    _check_field_names(columns)
    buffer = BytesIO()
    with warnings.catch_warnings():
        # Pixel coordinates and world files have no reference system.
        warnings.filterwarnings("ignore", "'crs' was not provided", UserWarning)
        try:
            frame = geopandas.GeoDataFrame(
                columns, geometry=coverage.to_shapely(), crs=crs
            )
            frame.to_file(
                buffer,
                driver="GPKG",
                layer=layer,
                engine="pyogrio",
                geometry_type="MultiPolygon",
            )
        except (*_UNFIT, pyogrio.errors.FieldError) as error:
            raise ValueError(
                f"a GeoPackage can't hold the table ({error}); give floats of 32 or 64 "
                "bits, integers below 2**63, strings, booleans and dates."
            ) from error
        except RuntimeError as error:
            raise OSError(
                f"GDAL can't write the GeoPackage ({error}); write a .geojson instead."
            ) from error
    return buffer.getvalue()


def _check_field_names(names: Iterable[str]) -> None:
    """Refuse names that a GeoPackage reserves, or takes for the same."""
    taken = {"fid", "geom", "geometry"}
    for name in names:
        if name.lower() in taken:
            raise ValueError(
                f"table has a column {name!r}, a name that a GeoPackage has already "
                "(capital letters make no difference); rename it."
            )
        taken.add(name.lower())
