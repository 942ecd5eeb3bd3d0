"""Files as GDAL sees them: where an image lies, and which of its pixels are data.

Everything here goes through rasterio. `decoding` says which images it reads.
"""

import logging
import re
import threading
import warnings
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from xml.etree import ElementTree

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "RefusedError",
    "UnknownFormatError",
    "UnplacedError",
    "alpha_of",
    "holds_data",
    "is_declared",
    "no_warning_of_identity",
    "opened",
    "refuse_subdatasets",
    "transform_of",
]

_FILTERS = threading.RLock()


class RefusedError(ValueError):
    """Raised for a file that is whole, but not one image that can be read."""


class UnknownFormatError(OSError):
    """Raised for a file that holds no image of a known format."""


# Nothing is read from a network: a request would go to a proxy that is not there.
_OFFLINE = {
    "GDAL_HTTP_PROXY": "127.0.0.1:9",
    "GDAL_HTTPS_PROXY": "127.0.0.1:9",
    "GDAL_HTTP_MAX_RETRY": 0,
}
_REMOTE = re.compile(
    r"/vsi(curl|s3|gs|az|adls|oss|swift|hdfs|webhdfs)|(https?|ftp)://|"
    r"(WMS|WMTS|WCS|EEDAI?|OGCAPI|STACIT|STACTA|PLMOSAIC):",
    re.IGNORECASE,
)


class UnplacedError(OSError):
    """Raised for a damaged file that was to say where an image lies."""


@contextmanager
def opened(path: Path, page: int | None = None) -> Iterator[Any]:
    """A file as a dataset of rasterio, or one of the pages of a TIFF.

    Warnings of a missing georeference are silenced, and networks are not used.
    """
    import rasterio

    # Python prints records of loggers without a handler.
    logging.getLogger("rasterio").addHandler(logging.NullHandler())
    if path.suffix.lower() == ".vrt":
        _refuse_remote(path)
    with _named(path.absolute()) as named, rasterio.Env(**_OFFLINE):
        # An absolute path is never taken for a driver's prefix or an option.
        name = str(named) if page is None else f"GTIFF_DIR:{page + 1}:{named}"
        with no_warning_of_identity(rasterio):
            try:
                raster = rasterio.open(name)
            except rasterio.errors.RasterioIOError as error:
                if "not recognized as being in a supported" not in str(error):
                    raise
                raise UnknownFormatError(
                    f"{path} can't be read: it does not hold an image of a known "
                    "format."
                ) from error
        with raster:
            yield raster


@contextmanager
def _named(path: Path) -> Iterator[Path]:
    """A path in UTF-8, which GDAL needs: if it is not, a link to the file."""
    try:
        str(path).encode()
    except UnicodeEncodeError:
        with TemporaryDirectory() as folder:
            for file in path.parent.iterdir():
                # With the files beside it, such as world files.
                if file.name.startswith(path.stem):
                    rest = file.name.removeprefix(path.stem)
                    Path(folder, f"image{rest}").symlink_to(file)
            yield Path(folder, f"image{path.suffix}")
    else:
        yield path


@contextmanager
def no_warning_of_identity(rasterio: Any) -> Iterator[None]:
    """Silence rasterio's warning that the identity is no georeference."""
    # All threads share the filters of warnings.
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("ignore", rasterio.errors.NotGeoreferencedWarning)
        yield


def _refuse_remote(path: Path) -> None:
    """Refuse a virtual raster whose sources lie in a network."""
    try:
        names = [
            (element.text or "").strip()
            for element in ElementTree.parse(path).iter()
            if element.tag in ("SourceFilename", "SourceDataset")
        ]
    except ElementTree.ParseError:
        return  # GDAL says what is wrong
    for name in names:
        if _REMOTE.match(name):
            raise RefusedError(
                f"{path} refers to {name}, and images are not read from a network; "
                "download it first, or write the raster to a file with gdal_translate."
            )


def refuse_subdatasets(raster: Any, path: Path) -> None:
    """Refuse several images in one file; pages of a TIFF are counted elsewhere."""
    if raster.subdatasets and raster.driver != "GTiff":
        raise RefusedError(
            f"{path} holds {len(raster.subdatasets)} images; save one of them, for "
            f"example with gdal_translate {raster.subdatasets[0]} image.tif."
        )


def is_declared(raster: Any) -> bool:
    """Whether a dataset has a place, no data, a mask, or files beside it.

    Alpha and palettes count, since GDAL also has tags of its own for them.
    """
    return (
        raster.crs is not None
        or transform_of(raster) is not None
        or bool(raster.gcps[0])
        or raster.rpcs is not None
        or any(_hides_pixels(flags) for flags in raster.mask_flag_enums)
        or any(one.name in ("alpha", "palette") for one in raster.colorinterp)
        or len(raster.files) > 1
    )


def transform_of(raster: Any) -> Any:
    """The transform of a dataset, as rasterio's Affine, or None."""
    from rasterio import Affine
    from rasterio.errors import NotGeoreferencedWarning

    # All threads share the filters of warnings.
    with _FILTERS, warnings.catch_warnings():
        warnings.simplefilter("error", NotGeoreferencedWarning)
        try:
            # Some drivers leave the numbers unset if they warn of no transform.
            transform = Affine.from_gdal(*raster.read_transform())
        except NotGeoreferencedWarning:
            return None
    return None if transform.is_identity else transform


def _hides_pixels(flags: Sequence[Any]) -> bool:
    """Whether a band has no data, or a mask other than alpha."""
    names = {flag.name for flag in flags}
    return "nodata" in names or ("per_dataset" in names and "alpha" not in names)


def alpha_of(raster: Any) -> int | None:
    """Index of the band of a dataset that is alpha, counted from 0."""
    names = [one.name for one in raster.colorinterp]
    return names.index("alpha") if "alpha" in names else None


def holds_data(
    path: Path, bands: Sequence[int], pages: Sequence[int] | None = None
) -> NDArray[np.bool_] | None:
    """Mask of the pixels that are data in any of some bands, counted from 1.

    It is what GDAL says: no data is compared with the tolerance of the dtype, and a
    mask of the file, beside it, or its alpha goes before. None is returned for a file
    that declares nothing of this. `pages` are those of a TIFF that stand for its bands,
    counted from 0.
    """
    places = [(None, band) for band in bands]
    if pages is not None:
        places = [(pages[band - 1], 1) for band in bands]
    valid, declared = np.zeros((1, 1), dtype=bool), False
    for page, band in places:
        with opened(path, page) as raster:
            flags = {flag.name for flag in raster.mask_flag_enums[band - 1]}
            declared |= flags != {"all_valid"}
            valid = valid | (raster.read_masks(band) != 0)
    return valid if declared else None
