"""The machine, and the versions of the packages that seal_sk needs or can use."""

import os
import platform
import re
from collections.abc import Iterator
from functools import cache
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from packaging.requirements import Requirement

from ._version import __version__

__all__ = ["OPENCV", "machine", "show_versions"]

#: Packages that contain OpenCV with its contributed modules; either will do.
OPENCV = ("opencv-contrib-python-headless", "opencv-contrib-python")

# Extras for people who change the package, not for those who use it.
_OF_DEVELOPMENT = ("docs", "test")


@cache
def machine() -> str:
    """One line with the processor, the number of usable cores, and the system."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else None
    return (
        f"{_processor()}, {cores or os.cpu_count()} cores, "
        f"{platform.system()} {platform.machine()}"
    )


def _processor() -> str:
    try:
        for line in Path("/proc/cpuinfo").read_text().splitlines():
            if line.startswith("model name"):
                return line.partition(":")[2].strip()
    except OSError:
        pass
    return platform.processor() or "unknown processor"


def show_versions() -> None:
    """Print the information about the environment that a bug report needs.

    It lists the versions of seal_sk, of Python and of every package that seal_sk needs
    or can use; the processor; the devices that torch can use; and the libraries that
    compute in threads. It names no folder and no user. On the command line:
    ``python -c "import seal_sk; seal_sk.show_versions()"``.

    See Also
    --------
    sklearn.show_versions : The same for scikit-learn.

    Notes
    -----
    Packages that are missing or can't be imported are listed as such; no error is
    raised.

    Examples
    --------
    >>> import seal_sk
    >>> seal_sk.show_versions()
    seal_sk: ...
    Python: ...
    """
    for line in _lines():
        print(line)


def _lines() -> Iterator[str]:
    yield f"seal_sk: {__version__}"
    yield f"Python: {platform.python_version()} ({platform.python_implementation()})"
    yield f"platform: {platform.platform()}"
    yield f"machine: {machine()}"
    requirements = _requirements()
    if not requirements:
        yield "packages: unknown, since seal_sk is not installed, only imported"
    for extra, packages in requirements.items():
        yield ""
        yield f"for seal_sk[{extra}]:" if extra else "needed:"
        for package in packages:
            yield f"  {package}: {_version(package)}"
    yield ""
    yield from _torch()
    yield ""
    yield from _thread_pools()


def _requirements() -> dict[str, list[str]]:
    """Packages by the extra that requires them; "" for those always needed."""
    try:
        lines = requires("seal_sk") or []
    except PackageNotFoundError:  # imported from a folder, not installed
        return {}
    found: dict[str, list[str]] = {}
    for requirement in map(Requirement, lines):
        extra = re.search(r"extra == \"([\w-]+)\"", str(requirement.marker or ""))
        group = extra[1] if extra else ""
        # An extra may include another one, which is listed separately.
        if requirement.name != "seal_sk" and group not in _OF_DEVELOPMENT:
            found.setdefault(group, []).append(requirement.name)
    return found


def _version(package: str) -> str:
    for name in OPENCV if package in OPENCV else (package,):
        try:
            found = version(name)
        except PackageNotFoundError:
            continue
        except Exception as error:  # of damaged metadata
            return f"unknown ({type(error).__name__}: {error})"
        return found if name == package else f"{found} (as {name})"
    return "not installed"


def _torch() -> Iterator[str]:
    try:
        import torch

        if torch.cuda.is_available():
            names = [
                torch.cuda.get_device_name(i) for i in range(torch.cuda.device_count())
            ]
            yield f"CUDA: {torch.version.cuda}, {', '.join(names)}"
        else:
            yield "CUDA: not available"
        mps = torch.backends.mps.is_available()
        yield f"MPS: {'available' if mps else 'not available'}"
        yield f"torch's threads: {torch.get_num_threads()}"
    except Exception as error:  # whatever a broken installation raises
        yield f"torch can't be used: {type(error).__name__}: {error}"


def _thread_pools() -> Iterator[str]:
    """The loaded libraries of linear algebra and of threads."""
    try:
        from threadpoolctl import threadpool_info

        for pool in threadpool_info():
            name = " ".join(filter(None, (pool["internal_api"], pool["version"])))
            yield f"{pool['user_api']}: {name}, {pool['num_threads']} threads"
    except Exception as error:  # as above
        yield f"thread pools can't be read: {type(error).__name__}: {error}"
