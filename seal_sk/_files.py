"""Writing files completely or not at all, and checking their names."""

import os
import platform
import re
import secrets
import threading
import time
import zlib
from contextlib import suppress
from pathlib import Path
from typing import BinaryIO

from ._typing import PathLike

try:
    import fcntl
except ImportError:  # Windows, where an open file can't be deleted
    fcntl = None  # type: ignore[assignment]

__all__ = ["check_suffix", "clear_parts", "replace_file"]

#: Partly written files: the machine, and a random number. The name is short, since that
#: of the finished file may be as long as the file system allows.
_PART = re.compile(r"\.([0-9a-f]{8})\.[0-9a-f]{16}\.part")
_MACHINE = f"{zlib.crc32(platform.node().encode()):08x}"
# Seconds after which a file that nobody has locked is left over, from another machine
# and from this one. Some shared disks keep locks to one machine; Windows has none
# between the end of the writing and the renaming.
_OLD_ELSEWHERE = 24 * 3600.0
_OLD = 60.0 if fcntl is None else 0.0

_cleared: set[Path] = set()
_clearing = threading.Lock()


def replace_file(path: PathLike, content: bytes) -> None:
    """Write bytes to a file, so that a partly written file is never visible.

    The first write of a process into a folder removes what killed processes have left
    there.
    """
    path = Path(path)
    if not path.parent.is_dir():
        raise FileNotFoundError(
            f"There is no folder {str(path.parent)!r}; create it first."
        )
    if path.is_dir():
        raise IsADirectoryError(f"{str(path)!r} is a folder; give a file.")
    _clear_once(path.parent)
    part = None
    try:
        part, file = _new_part(path.parent)
        with file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
            if fcntl is not None:
                # Still locked, so that nobody takes it for one left over.
                part.replace(path)
        if fcntl is None:
            part.replace(path)
    except OSError as error:
        # The error names the requested file; that of a full disk names none.
        raise OSError(error.errno, error.strerror, str(path)) from error
    finally:
        if part is not None:
            part.unlink(missing_ok=True)


def clear_parts(folder: Path) -> None:
    """Remove partly written files of a folder that no running process writes."""
    try:
        names = [entry.name for entry in os.scandir(folder)]
    except OSError:
        return
    for name in names:
        match = _PART.fullmatch(name)
        if match is not None:
            _clear(folder / name, _OLD if match[1] == _MACHINE else _OLD_ELSEWHERE)


def _clear_once(folder: Path) -> None:
    """`clear_parts` once per process: a folder may have very many files."""
    place = folder.resolve()
    with _clearing:
        if place in _cleared:
            return
        _cleared.add(place)
    clear_parts(place)


def _clear(part: Path, age: float) -> None:
    """Remove a partly written file if it is old enough and its writer is gone."""
    try:
        if time.time() - part.stat().st_mtime < age:
            return
        # The system releases the lock of a process that ends, however it ends. Windows
        # does not delete a file that is open.
        with part.open("r+b") as file:
            if fcntl is not None:
                fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
                part.unlink()
        if fcntl is None:
            part.unlink()
    except OSError:
        # It is being written, is gone already, or can't be judged.
        return


def _new_part(folder: Path) -> tuple[Path, BinaryIO]:
    """A new file in a folder, open and locked."""
    while True:
        part = folder / f".{_MACHINE}.{secrets.token_hex(8)}.part"
        file = part.open("xb")
        if fcntl is None:
            return part, file
        # Waits for a process that takes it for one left over, and removes it. Where a
        # file system has no locks, nobody does.
        with suppress(OSError):
            fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file.fileno()).st_nlink > 0:
            return part, file
        file.close()


def check_suffix(path: PathLike, suffixes: tuple[str, ...], what: str) -> Path:
    """The path of a file, whose name must end in one of the suffixes."""
    path = Path(path)
    if path.suffix.lower() not in suffixes:
        raise ValueError(
            f"{str(path)!r} has no suffix of a format in which {what} can be written: "
            f"give a name that ends in {', '.join(suffixes)}."
        )
    return path
