"""Time and memory of one call, and the versions and machine of a run."""

import ctypes
import platform
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any

from threadpoolctl import threadpool_limits

from .._environment import OPENCV
from .._version import __version__

__all__ = ["measured", "one_thread", "versions"]

_PACKAGES = ("numpy", "scipy", "scikit-image", "scikit-learn", "torch")


@cache
def versions() -> str:
    """Versions of the packages, in one line."""
    names = [f"seal_sk {__version__}", f"Python {platform.python_version()}"]
    for package in _PACKAGES:
        names.append(f"{package} {version(package)}")
    for package in OPENCV:
        try:
            names.append(f"opencv {version(package)}")
            break
        except ImportError:
            pass
    return ", ".join(names)


@contextmanager
def one_thread() -> Iterator[None]:
    """Limit linear algebra, OpenCV and torch, if installed, to one thread."""
    torch, cv2 = sys.modules.get("torch"), sys.modules.get("cv2")
    before = (
        None if torch is None else torch.get_num_threads(),
        None if cv2 is None else cv2.getNumThreads(),
    )
    with threadpool_limits(1):
        if torch is not None:
            torch.set_num_threads(1)
        if cv2 is not None:
            cv2.setNumThreads(1)
        try:
            yield
        finally:
            if torch is not None:
                torch.set_num_threads(before[0])
            if cv2 is not None:
                cv2.setNumThreads(before[1])


def measured(
    function: Callable[..., Any], *args: Any
) -> tuple[Any, float, float | None]:
    """Result of a function, its seconds, and the MiB that it needed at its peak.

    The peak is that of the resident memory of the process, minus the memory before the
    call; None where the system does not report it (all but Linux).
    """
    before = _reset_peak()
    start = time.perf_counter()
    result = function(*args)
    seconds = time.perf_counter() - start
    peak = None if before is None else (_peak() - before) / 1024
    return result, seconds, peak


def _reset_peak() -> int | None:
    """Resident memory now, in KiB; `_peak` counts from here."""
    try:
        # Memory that the allocator keeps would hide the needs of the function.
        ctypes.CDLL(None).malloc_trim(0)
        Path("/proc/self/clear_refs").write_text("5")
        return _peak()
    except (OSError, AttributeError, TypeError):
        return None


def _peak() -> int:
    for line in Path("/proc/self/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1])
    raise OSError("/proc/self/status has no VmHWM")
