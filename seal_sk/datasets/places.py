"""Search for the folders of data sets, and pair their files."""

import os
from collections.abc import Callable, Sequence
from pathlib import Path

from .._typing import PathLike

__all__ = ["DATA_HOME_ADVICE", "find_data_home", "find_place", "pair_files"]

DATA_HOME_ADVICE = (
    "Give its folder as data_home or in the environment variable SEAL_SK_DATA."
)


def find_data_home(data_home: PathLike | None = None) -> Path:
    """The given folder, that of ``SEAL_SK_DATA``, or the user's cache folder.

    It is absolute, since files are read later, also by processes started elsewhere.
    """
    if data_home is None:
        data_home = os.environ.get("SEAL_SK_DATA")
    if not data_home:
        import pooch

        data_home = pooch.os_cache("seal_sk")
    return Path(data_home).expanduser().absolute()


def find_place(
    home: Path, locations: Sequence[str], folders: Sequence[str]
) -> Path | None:
    """The first of several folders of `home` that has all of `folders`, or None."""
    for location in locations:
        place = home / location
        if all((place / folder).is_dir() for folder in folders):
            return place
    return None


def pair_files(
    images: dict[str, Path],
    truths: dict[str, Path],
    image_of: Callable[[str], object],
    truth_of: Callable[[str], object],
    *,
    advice: str = "Get it, or remove both.",
) -> dict[str, tuple[Path, Path]]:
    """Pair the files of images with those of their ground truths, sorted by name.

    Parameters
    ----------
    images, truths : dict of str to Path
        Files, by the name of the image.
    image_of, truth_of : callable
        Functions from a name to the expected path.
    advice : str
        What the user can do about a missing file.

    Returns
    -------
    dict of str to (Path, Path)

    Raises
    ------
    FileNotFoundError
        If a file is missing; the message names it.
    """
    if alone := sorted(images.keys() ^ truths.keys()):
        name = alone[0]
        there = images.get(name) or truths[name]
        other = image_of(name) if name in truths else truth_of(name)
        raise FileNotFoundError(
            f"{there} lacks its counterpart {other} ({len(alone)} such files). {advice}"
        )
    return {name: (images[name], truths[name]) for name in sorted(images)}
