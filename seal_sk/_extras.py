"""Optional packages, which only parts of seal_sk need."""

from importlib import import_module
from importlib.util import find_spec
from typing import Any

__all__ = ["import_extra"]


def import_extra(module: str, extra: str | None, purpose: str) -> Any:
    """Import a module; if it is missing, the error says how to install it."""
    try:
        return import_module(module)
    except ImportError as error:
        name = (error.name or module).partition(".")[0]
        command = name if extra is None else f'"seal_sk[{extra}]"'
        # A package that is there may lack a part of its own.
        if isinstance(error, ModuleNotFoundError) and find_spec(name) is None:
            problem = f"is not installed: pip install {command}."
        else:
            problem = (
                f"can't be imported ({error}); reinstall it: pip install "
                f"--force-reinstall {name}."
            )
        raise ImportError(
            f"{purpose} needs {name}, which {problem}", name=error.name
        ) from error
