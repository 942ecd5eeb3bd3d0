"""Ctrl-C: end the program at once, cleanly and with a message of one line."""

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

from .._interrupts import on_interrupt
from .messages import complain

__all__ = ["import_torch", "quiet_interrupts"]


@contextmanager
def quiet_interrupts() -> Iterator[None]:
    """Let Ctrl-C raise KeyboardInterrupt, without further messages.

    Destroying half-made objects fails, and Python would print the errors.
    """
    with on_interrupt(_interrupt):
        yield


def import_torch() -> None:
    """Import torch so that Ctrl-C ends the program at once, without cleaning up.

    An exception during the import would abort the process with a message from C++.
    """
    with on_interrupt(_stop):
        import torch  # noqa: F401


def _interrupt(number: int, frame: FrameType | None) -> None:
    sys.unraisablehook = _unraisable
    raise KeyboardInterrupt


def _unraisable(what: Any) -> None:
    # During the destruction of an object the interrupt itself would be lost.
    if issubclass(what.exc_type, KeyboardInterrupt):
        _stop()


def _stop(*signal_and_frame: Any) -> None:
    complain("interrupted")
    os._exit(130)
