"""Ctrl-C: the program ends at once and in order, and says one line."""

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
    """Let Ctrl-C raise KeyboardInterrupt, and nothing else be shown.

    Objects that were just being made can't be thrown away in order, and Python would
    show their errors.
    """
    with on_interrupt(_interrupt):
        yield


def import_torch() -> None:
    """Import torch so that Ctrl-C ends the program at once, with nothing to clean up.

    An exception in the midst of it would abort the process with a message of C++.
    """
    with on_interrupt(_stop):
        import torch  # noqa: F401


def _interrupt(number: int, frame: FrameType | None) -> None:
    sys.unraisablehook = _unraisable
    raise KeyboardInterrupt


def _unraisable(what: Any) -> None:
    # Where an object is thrown away the interrupt itself would be lost.
    if issubclass(what.exc_type, KeyboardInterrupt):
        _stop()


def _stop(*signal_and_frame: Any) -> None:
    complain("interrupted")
    os._exit(130)
