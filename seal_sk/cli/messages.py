"""Messages of the commands."""

import sys
from argparse import Namespace

__all__ = [
    "EXPECTED",
    "complain",
    "explain",
    "on_terminal",
    "one_line",
]

#: Errors whose message is one sentence for the user.
EXPECTED = (ValueError, TypeError, OSError, ImportError, FloatingPointError)


def complain(text: str) -> None:
    """Print a message to the standard error."""
    print(f"seal-sk: {text}", file=sys.stderr, flush=True)


def one_line(error: BaseException) -> str:
    """The message of an error, without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def explain(error: Exception) -> str:
    """Describe any error in one sentence."""
    # torch's error is not a MemoryError; its name tells, without importing torch.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "memory ran out; fewer --jobs or smaller images need less."
    if arguments := getattr(error, "arguments", None):
        # Arguments in Python, which have the names of the options.
        options = " or ".join(f"--{name.replace('_', '-')}" for name in arguments)
        return f"{one_line(error).rpartition(' (')[0]} ({options})"
    if isinstance(error, OSError) and error.strerror:
        # Without the error number that Python puts first.
        place = "" if error.filename is None else f": {str(error.filename)!r}"
        return f"{error.strerror}{place}."
    if isinstance(error, EXPECTED):
        return one_line(error)
    return (
        f"this is a bug in seal-sk ({type(error).__name__}: {one_line(error)}); please "
        "report it, with the output of the same command with --debug."
    )


def on_terminal(args: Namespace) -> bool:
    """Whether to show a progress bar."""
    return not args.quiet and sys.stderr is not None and sys.stderr.isatty()
