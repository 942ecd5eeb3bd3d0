"""Handling Ctrl-C temporarily in another way."""

import signal
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import FrameType
from typing import Any

__all__ = ["interrupt_flag", "on_interrupt"]


@contextmanager
def on_interrupt(handler: Callable[[int, FrameType | None], Any]) -> Iterator[None]:
    """Call `handler` on Ctrl-C.

    It does nothing outside the main thread, since only that thread may set handlers. It
    also does nothing if a handler was not set by Python, since that one could not be
    restored.
    """
    main = threading.current_thread() is threading.main_thread()
    if not main or signal.getsignal(signal.SIGINT) is None:
        yield
        return
    before = signal.signal(signal.SIGINT, handler)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


@contextmanager
def interrupt_flag() -> Iterator[threading.Event]:
    """Set a flag on the first Ctrl-C; the second one raises KeyboardInterrupt."""
    flag = threading.Event()

    def handler(number: int, frame: FrameType | None) -> None:
        if flag.is_set():
            raise KeyboardInterrupt
        flag.set()

    with on_interrupt(handler):
        yield flag
