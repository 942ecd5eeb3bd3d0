"""Ctrl-C, for a while."""

import os
import signal
import threading

import pytest

from seal_sk import _interrupts
from seal_sk._interrupts import interrupt_flag, on_interrupt


@pytest.mark.skipif(os.name != "posix", reason="sends a signal")
def test_a_flag_first_then_an_exception():
    before = signal.getsignal(signal.SIGINT)
    with interrupt_flag() as flag:
        assert not flag.is_set()
        os.kill(os.getpid(), signal.SIGINT)
        assert flag.is_set()
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)
    assert signal.getsignal(signal.SIGINT) is before


def test_a_handler_that_is_not_pythons_is_left_alone(monkeypatch):
    """`signal.getsignal` returns None for it, which can't be set again."""
    calls = []
    monkeypatch.setattr(_interrupts.signal, "getsignal", lambda number: None)
    monkeypatch.setattr(_interrupts.signal, "signal", lambda *args: calls.append(args))
    with interrupt_flag() as flag:
        assert not flag.is_set()
    assert calls == []


def test_threads_leave_handlers_alone():
    before, seen = signal.getsignal(signal.SIGINT), []

    def work():
        with on_interrupt(lambda *args: None):
            seen.append(signal.getsignal(signal.SIGINT))

    thread = threading.Thread(target=work)
    thread.start()
    thread.join()
    assert seen == [before]
