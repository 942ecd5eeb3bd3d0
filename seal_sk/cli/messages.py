"""Messages of the commands."""

import re
import sys
import warnings
from argparse import Namespace
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

__all__ = [
    "EXPECTED",
    "complain",
    "explain",
    "on_terminal",
    "one_line",
    "say_note",
    "warnings_as_notes",
]

#: Errors whose message is one sentence for the user.
EXPECTED = (ValueError, TypeError, OSError, ImportError, FloatingPointError)

# Arguments of Python in messages of the package: with a value; by their name alone,
# unless it is a word; and those whose value is what is wrong.
_ARGUMENT = re.compile(
    r"\b(bands|mask|recursive|subset|value_range|drop_alpha|unique_ids"
    r"|data_home|download_if_missing)="
    r"(?:[\[(].*[\])]|'[^']*'|[\w.+-]*\w)"
    r"|\b(value_range|drop_alpha|unique_ids)\b"
)
_WITH_VALUE = re.compile(
    r"\b(crs|ignore_label|n_segments|segment_size|precision|averaging|lr|max_iter"
    r"|n_iter_no_change|validation_fraction)="
)
# Those that are named without a value; not parts of the names of files.
_ALONE = re.compile(r"(?<![\w/.'-])(max_iter|crop_size|batch_size)(?![\w/'-]|\.\w)")


def complain(text: str) -> None:
    """Print a message to the standard error."""
    print(f"seal-sk: {text}", file=sys.stderr, flush=True)


def say_note(text: str) -> None:
    """Print a remark, in which arguments have the names of options."""
    complain(f"note: {_with_options(text)}")


@contextmanager
def warnings_as_notes(args: Namespace) -> Iterator[None]:
    """Print the package's warnings as notes: each once, and none with -q."""
    said: set[str] = set()

    def say(message: Any, category: type[Warning], *more: Any, **named: Any) -> None:
        if category is not UserWarning:
            usual(message, category, *more, **named)
        elif (text := one_line(message)) not in said:
            said.add(text)
            if not getattr(args, "quiet", False):
                say_note(text)

    with warnings.catch_warnings():
        warnings.filterwarnings("always", category=UserWarning, module="seal_sk")
        usual = warnings.showwarning
        warnings.showwarning = say
        yield


def _with_options(text: str) -> str:
    """A message in which arguments have the names of options."""
    text = text.replace("warm_start=True in fit", "--resume")
    text = text.replace("a smaller lr", "a smaller --lr")
    text = text.replace("X_val and y_val", "--validation-data")
    text = text.replace("checkpoint_dir", "--checkpoint")
    text = _ARGUMENT.sub(lambda match: _option(match[1] or match[2]), text)
    text = _WITH_VALUE.sub(lambda match: f"{_option(match[1])} ", text)
    return _ALONE.sub(lambda match: _option(match[1]), text)


def _option(argument: str) -> str:
    """The option for an argument of Python."""
    named = {
        "root": "--recursive",
        "download_if_missing": "--download",
        "n_segments": "-n",
    }
    return named.get(argument, f"--{argument.replace('_', '-')}")


def one_line(error: BaseException) -> str:
    """The message of an error, without line breaks."""
    return " ".join(str(error).split()) or type(error).__name__


def explain(error: Exception) -> str:
    """Describe any error in one sentence."""
    # torch's error is not a MemoryError; its name tells, without importing torch.
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return (
            "memory ran out; fewer jobs, smaller images or smaller batches need less."
        )
    if arguments := getattr(error, "arguments", None):
        # Arguments in Python, which have the names of the options.
        message = " ".join(getattr(error, "message", "").split())
        return f"{message} ({' or '.join(map(_option, arguments))})"
    if isinstance(error, OSError) and error.strerror:
        # Without the error number that Python puts first.
        place = "" if error.filename is None else f": {str(error.filename)!r}"
        return f"{error.strerror}{place}."
    if isinstance(error, EXPECTED):
        return _with_options(one_line(error))
    return (
        f"this is a bug in seal-sk ({type(error).__name__}: {one_line(error)}); please "
        "report it, with the output of the same command with --debug."
    )


def on_terminal(args: Namespace) -> bool:
    """Whether to show a progress bar."""
    return not args.quiet and sys.stderr is not None and sys.stderr.isatty()
