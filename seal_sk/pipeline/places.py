"""Reference systems for images that lie on the earth, but name none."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

from .._extras import import_extra
from ..io.georeference import Georeference

__all__ = ["check_crs", "with_crs"]


def check_crs(crs: str) -> None:
    """Refuse what is not a reference system."""
    _parsed(Georeference(crs, (1, 0, 0, 0, 1, 0)))


def with_crs(place: Georeference | None, crs: str, path: Path) -> Georeference:
    """The georeference of an image, in a system that it may not have named."""
    if place is None:
        raise ValueError(
            f"{path} has no position on the earth, to which crs={crs!r} could belong; "
            "segment it without crs."
        )
    placed = replace(place, crs=crs)
    if place.crs is not None and _parsed(place) != _parsed(placed):
        raise ValueError(
            f"{path} is in {place.crs!r}, not in crs={crs!r}; segment it without crs."
        )
    return placed


def _parsed(place: Georeference) -> Any:
    rasterio = import_extra("rasterio", "geo", "A reference system")
    return place.parsed_by(rasterio.crs.CRS.from_user_input)
