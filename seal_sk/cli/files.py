"""Input and output files of the commands."""

import glob
import tempfile
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

__all__ = ["check_output", "find_images", "make_folder", "refuse_existing"]


def find_images(given: Sequence[str], *, recursive: bool = False) -> list[Path]:
    """Images to read, including those of folders and patterns; all of them exist.

    Parameters
    ----------
    given : sequence of str
        Files, folders, and patterns with ``*``, ``?``, ``[...]`` and ``**``.
    recursive : bool
        Whether to read the subfolders of folders.

    Returns
    -------
    list of Path
    """
    from ..datasets.folder import files_of
    from ..io.images import IMAGE_SUFFIXES, may_be_image

    endings = ", ".join(IMAGE_SUFFIXES)
    paths = []
    for text in given:
        if not text:
            raise ValueError("The name of an image is empty.")
        path = Path(text)
        # The name of an existing file is not a pattern, even with brackets.
        if path.is_dir():
            found = _only_images(files_of(path, recursive), IMAGE_SUFFIXES)
            if not found and _only_images(files_of(path, True), IMAGE_SUFFIXES):
                raise FileNotFoundError(
                    f"There is no image in the folder {text!r}, but in its subfolders: "
                    "add --recursive."
                )
            if not found:
                raise FileNotFoundError(
                    f"There is no image in the folder {text!r}: none of its files "
                    f"ends in {endings}."
                )
            paths += found
        elif path.exists():
            if not may_be_image(path):
                raise ValueError(
                    f"The format of {text!r} is not supported: give files that end in "
                    f"{endings}, or others that GDAL reads."
                )
            paths.append(path)
        elif glob.has_magic(text):
            matches = map(Path, glob.iglob(str(path.expanduser()), recursive=True))
            found = _only_images(matches, IMAGE_SUFFIXES)
            if not found:
                raise FileNotFoundError(
                    f"There is no image that matches {text!r} and ends in {endings}."
                )
            paths += found
        else:
            raise FileNotFoundError(f"There is no image {text!r}.")
    for path, times in Counter(paths).items():
        if times > 1:
            raise ValueError(f"{str(path)!r} is given more than once.")
    return paths


def _only_images(paths: Iterable[Path], suffixes: tuple[str, ...]) -> list[Path]:
    return sorted(
        path
        for path in paths
        if path.suffix.lower() in suffixes
        and not path.name.startswith(".")
        and path.is_file()
    )


def refuse_existing(paths: Iterable[Path], force: bool) -> None:
    """Refuse to overwrite files, unless told to."""
    there = [path for path in paths if path.exists() or path.is_symlink()]
    if not there or force:
        return
    if len(there) == 1:
        raise FileExistsError(
            f"{str(there[0])!r} exists already; replace it with --force, or write to "
            "another place with -o."
        )
    raise FileExistsError(
        f"{len(there)} of the files to write exist already, for example "
        f"{str(there[0])!r}; replace them with --force, or write to another place "
        "with -o."
    )


def check_output(path: Path, suffixes: tuple[str, ...], force: bool) -> None:
    """Refuse, before any work, an output file that could not be written."""
    if path.suffix.lower() not in suffixes:
        raise ValueError(f"{str(path)!r} must end in {' or '.join(suffixes)}.")
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; give a file.")
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(path.parent)!r}; create it.")
    refuse_existing([path], force)
    _try_to_write(path.parent)


def make_folder(path: Path) -> None:
    """Create a folder if it is missing, and check that it is writable."""
    if path.exists() and not path.is_dir():
        raise NotADirectoryError(f"{str(path)!r} is a file; give a folder.")
    path.mkdir(parents=True, exist_ok=True)
    _try_to_write(path)


def _try_to_write(folder: Path) -> None:
    try:
        with tempfile.TemporaryFile(dir=folder):
            pass
    except OSError as error:
        raise OSError(
            f"The folder {str(folder)!r} is not writable ({error.strerror})."
        ) from error
