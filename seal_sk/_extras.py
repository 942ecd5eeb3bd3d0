"""Packages that parts of seal_sk need, and seal_sk itself does not."""

from importlib import import_module
from typing import Any

__all__ = ["import_extra"]


def import_extra(module: str, extra: str | None, purpose: str) -> Any:
    """A module, or an error that says how to get it: by the extra, if one has it."""
    try:
        return import_module(module)
    except ImportError as error:
        name = (error.name or module).partition(".")[0]
        command = name if extra is None else f'"seal_sk[{extra}]"'
        if isinstance(error, ModuleNotFoundError):
            problem = f"is not installed: pip install {command}."
        else:
            problem = (
                f"can't be imported ({error}); install it anew: pip install "
                f"--force-reinstall {name}."
            )
        raise ImportError(
            f"{purpose} needs {name}, which {problem}", name=error.name
        ) from error
