"""What the commands say, and where."""

import sys
from argparse import Namespace

__all__ = [
    "EXPECTED",
    "complain",
    "explain",
    "on_terminal",
    "one_line",
]

#: Errors that say in one sentence what was wrong.
EXPECTED = (ValueError, TypeError, OSError, ImportError, FloatingPointError)


def complain(text: str) -> None:
    """Say something on the standard error."""
    print(f"seal-sk: {text}", file=sys.stderr, flush=True)


def one_line(error: BaseException) -> str:
    """What an error says, without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def explain(error: Exception) -> str:
    """One sentence for any error."""
    # torch's own is no MemoryError, and torch need not be imported to know it.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "memory ran out; fewer --jobs or smaller images take less."
    if arguments := getattr(error, "arguments", None):
        # Those of Python, whose names the options have.
        options = " or ".join(f"--{name.replace('_', '-')}" for name in arguments)
        return f"{one_line(error).rpartition(' (')[0]} ({options})"
    if isinstance(error, OSError) and error.strerror:
        # Without the number that Python puts before it.
        place = "" if error.filename is None else f": {str(error.filename)!r}"
        return f"{error.strerror}{place}."
    if isinstance(error, EXPECTED):
        return one_line(error)
    return (
        f"this is a bug of seal-sk ({type(error).__name__}: {one_line(error)}); please "
        "report it with what the same command says with --debug."
    )


def on_terminal(args: Namespace) -> bool:
    """Whether to show a progress bar."""
    return not args.quiet and sys.stderr is not None and sys.stderr.isatty()
