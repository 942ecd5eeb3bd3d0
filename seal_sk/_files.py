"""Writing files completely or not at all, and checking their names."""

import os
import threading
from pathlib import Path

from ._typing import PathLike

__all__ = ["check_suffix", "replace_file"]


def replace_file(path: PathLike, content: bytes) -> None:
    """Write bytes to a file, so that a partly written file is never visible."""
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r}; create it first."
        )
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; give a file.")
    # Short, since the name of `path` may be as long as the file system allows.
    part = path.with_name(f".{os.getpid()}.{threading.get_ident()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        # The error names the requested file; that of a full disk names none.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def check_suffix(path: PathLike, suffixes: tuple[str, ...], what: str) -> Path:
    """The path of a file, whose name must end in one of the suffixes."""
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise ValueError(
            f"{str(path)!r} has no suffix of a format in which {what} can be written: "
            f"give a name that ends in {', '.join(suffixes)}."
        )
    return path
