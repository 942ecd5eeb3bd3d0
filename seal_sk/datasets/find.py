"""Data sets by name."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Literal

from .._typing import PathLike, ValueRange
from .._validation import check_int
from .bsds500 import fetch_bsds500
from .camvid import load_camvid
from .cityscapes import load_cityscapes
from .dataset import Dataset
from .folder import load_image_folder
from .nyuv2 import load_nyuv2
from .scenes import make_scenes

__all__ = ["find_dataset"]


def find_dataset(
    name: str,
    *,
    data_home: PathLike | None = None,
    subset: str | None = None,
    ignore_label: int | None = None,
    tolerance: int | None = None,
    download_if_missing: bool = False,
    recursive: bool = False,
    bands: Sequence[int] | None = None,
    drop_alpha: bool = False,
    mask: Literal["nodata", "alpha"] | None = None,
    value_range: ValueRange | None = None,
    n_bands: int | None = None,
) -> Dataset:
    """Load a data set by its name, or a folder of images and annotations.

    Parameters
    ----------
    name : str
        "bsds500", "camvid", "cityscapes", "nyuv2", "scenes" (20 of `make_scenes`), or
        a folder with ``images/`` and ``annotations/``, as for `load_image_folder`.
    data_home : path-like, optional
        Folder of the data set, as for its loader; not for scenes and folders.
    subset : str, optional
        Part of the data set; by default the test images of BSDS500, the validation
        images of Cityscapes, and all images of the others.
    ignore_label : int, optional
        Label of unknown pixels in the annotations of a folder; the other data sets have
        their own.
    tolerance : int, optional
        Tolerance of boundary scores, in pixels; by default that of the data set, 1 for
        a folder.
    download_if_missing : bool, default=False
        Download BSDS500 if it is not found, as `fetch_bsds500` does. Other data sets
        can't be downloaded.
    recursive : bool, default=False
        As for `load_image_folder`; so are the parameters below. The other data sets are
        read in their own way, and take none of these but `n_bands`, which they ignore.
    bands : sequence of int, optional
        Which bands to use.
    drop_alpha : bool, default=False
        Leave out the alpha channel.
    mask : {"nodata", "alpha"}, optional
        Which pixels do not belong to the images.
    value_range : (float, float) or sequence of these, optional
        The stored values of black and white.
    n_bands : int, optional
        Number of bands that a network reads.

    Returns
    -------
    Dataset
        As returned by its loader.

    Raises
    ------
    ValueError
        If there is no data set of this name, or an argument is not for it.
    FileNotFoundError, OSError
        If the data set is missing or incomplete.

    Examples
    --------
    >>> from seal_sk.datasets import find_dataset
    >>> scenes = find_dataset("scenes")
    >>> scenes.name, len(scenes.images)
    ('scenes', 20)
    """
    options: dict[str, Any] = {
        "recursive": recursive,
        "bands": bands,
        "drop_alpha": drop_alpha,
        "mask": mask,
        "value_range": value_range,
    }
    folder = Path(name)
    if name not in _NAMES and not folder.is_dir():
        raise ValueError(
            f"There is no data set {str(name)!r}: give one of {', '.join(_NAMES)}, "
            "or a folder with images/ and annotations/."
        )
    if download_if_missing and name != "bsds500":
        raise ValueError(
            f"{str(name)!r} can't be downloaded, only bsds500; leave out "
            "download_if_missing=True."
        )
    if data_home is not None and (name == "scenes" or name not in _NAMES):
        raise ValueError(
            f"{str(name)!r} has no other folder; leave out "
            f"data_home={str(data_home)!r}."
        )
    if name in _NAMES:
        if given := [key for key, value in options.items() if value]:
            raise ValueError(
                f"{name!r} is read in its own way; leave out "
                f"{', '.join(f'{key}={options[key]!r}' for key in given)}."
            )
        if ignore_label is not None:
            raise ValueError(
                f"{name!r} has its own ignore label; leave out "
                f"ignore_label={ignore_label!r}."
            )
        if name == "scenes":
            _refuse_subset(name, subset)
            data = Dataset(name, *make_scenes(20, random_state=0))
        elif name == "bsds500":
            part: Any = subset or "test"
            data = fetch_bsds500(
                subset=part,
                data_home=data_home,
                download_if_missing=download_if_missing,
            )
        else:
            loader, default = _LOADERS[name]
            data = loader(data_home, subset=subset or default)
        if tolerance is not None:
            data.tolerance = check_int(tolerance, 0, name="tolerance")
        return data
    _refuse_subset(folder, subset)
    return load_image_folder(
        folder / "images",
        folder / "annotations",
        name=folder.resolve().name,
        ignore_label=ignore_label,
        tolerance=1 if tolerance is None else tolerance,
        **options,
        n_bands=n_bands,
    )


def _refuse_subset(name, subset):
    if subset is not None:
        raise ValueError(f"{str(name)!r} has no subsets; leave out subset={subset!r}.")


# Loaders of a folder, and their default subset.
_LOADERS: dict[str, tuple[Callable[..., Dataset], str | None]] = {
    "camvid": (load_camvid, None),
    "cityscapes": (load_cityscapes, "val"),
    "nyuv2": (load_nyuv2, None),
}
_NAMES = ("bsds500", *_LOADERS, "scenes")
