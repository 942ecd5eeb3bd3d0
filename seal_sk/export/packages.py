"""Packages that a way out needs, and the package does not."""

from importlib import import_module
from typing import Any

__all__ = ["import_extra"]


def import_extra(module: str, extra: str, purpose: str) -> Any:
    """A module, or an error that says how to get it."""
    try:
        return import_module(module)
    except ImportError as error:
        name = error.name or module
        raise ImportError(
            f"{purpose} needs {name.partition('.')[0]}, which is not installed: "
            f'pip install "seal_sk[{extra}]".',
            name=error.name,
        ) from error
