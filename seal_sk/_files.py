"""Files that are written: their names, and whole or not at all."""

import os
import threading
from pathlib import Path

from ._typing import PathLike

__all__ = ["check_suffix", "replace_file"]


def replace_file(path: PathLike, content: bytes) -> None:
    """Write bytes to a file so that it is never seen half written."""
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(f"There is no folder {str(path.parent)!r}; make it.")
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; give a file.")
    # Short, since a name may be as long as the file system takes.
    part = path.with_name(f".{os.getpid()}.{threading.get_ident()}.part")
    try:
        with part.open("wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    except OSError as error:
        # Of the file that was asked for; a full disk would name none.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        part.unlink(missing_ok=True)


def check_suffix(path: PathLike, suffixes: tuple[str, ...], what: str) -> Path:
    """The path of a file that ends in one of the suffixes."""
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise ValueError(
            f"{str(path)!r} is of no format that {what} is written in: give a name "
            f"that ends in {', '.join(suffixes)}."
        )
    return path
