"""The parser, and the options that several commands share."""

import argparse
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any, NoReturn, TypeAlias

__all__ = [
    "N_SEGMENTS",
    "Commands",
    "Parser",
    "add_command",
    "add_device",
    "add_force",
    "add_jobs",
    "add_n_segments",
    "add_output",
    "add_quiet",
    "add_verbose",
    "cost",
    "count",
    "file_or_folder",
    "fraction",
    "positive",
    "real",
    "whole",
]

#: Superpixels per image, if neither their number nor their size is given.
N_SEGMENTS = 300

_NEGATIVE = re.compile(r"-((\d+\.?\d*|\.\d+)(e[+-]?\d+)?|inf(inity)?)$", re.IGNORECASE)


class Parser(argparse.ArgumentParser):
    """A parser that accepts no abbreviations, with errors in one sentence."""

    messages: "argparse._ArgumentGroup"  # the group of options about messages

    def __init__(self, **settings: Any) -> None:
        settings.setdefault("formatter_class", argparse.RawDescriptionHelpFormatter)
        super().__init__(allow_abbrev=False, **settings)
        # argparse's own takes -1e-3, -1. and -inf for options.
        self._negative_number_matcher = _NEGATIVE

    def error(self, message: str) -> NoReturn:
        """Print the error, and exit with status 2."""
        self.exit(2, f"seal-sk: error: {message}; see {self.prog} --help\n")


#: The return value of ``add_subparsers``.
Commands: TypeAlias = "argparse._SubParsersAction[Parser]"

#: Options are added to a parser, or to a group of one.
_Container: TypeAlias = "Parser | argparse._ArgumentGroup"


def add_command(
    commands: Commands,
    name: str,
    run: Callable[[argparse.Namespace], int],
    *,
    help: str,
    description: str,
    epilog: str,
) -> Parser:
    """Add a command, which calls ``run(args)``.

    Parameters
    ----------
    commands : Commands
        The parser's commands.
    name : str
        Name of the command.
    run : callable
        Takes the arguments and returns the exit status.
    help : str
        One line for the list of commands.
    description, epilog : str
        Printed as they are: at most 78 characters per line.

    Returns
    -------
    Parser
    """
    parser = commands.add_parser(
        name, help=help, description=description, epilog=epilog
    )
    parser.set_defaults(run=run)
    parser.messages = parser.add_argument_group("messages")
    parser.messages.add_argument(
        "--debug", action="store_true", help="show the traceback of an error"
    )
    return parser


def add_output(parser: Parser, metavar: str, text: str, **settings: Any) -> None:
    """Add the option for the output."""
    parser.add_argument(
        "-o",
        "--output",
        "--out",
        dest="output",
        type=file_or_folder,
        metavar=metavar,
        help=text,
        **settings,
    )


def add_force(parser: Parser, text: str = "replace existing files") -> None:
    """Add the option to overwrite files."""
    parser.add_argument("--force", action="store_true", help=text)


def add_quiet(parser: Parser) -> None:
    """Add the option for fewer messages; results on the standard output stay."""
    parser.messages.add_argument(
        "-q",
        "--quiet",
        action="store_true",
        help="show no progress bar and no remarks, only errors and results",
    )


def add_verbose(parser: Parser, text: str) -> None:
    """Add the option for more output; `text` describes it."""
    parser.messages.add_argument("-v", "--verbose", action="store_true", help=text)


def add_n_segments(parser: Parser) -> None:
    """Add the options for the number of superpixels."""
    either = parser.add_mutually_exclusive_group()
    either.add_argument(
        "-n",
        "--n-segments",
        type=count,
        metavar="N",
        help=f"superpixels per image (default: {N_SEGMENTS})",
    )
    either.add_argument(
        "--segment-size",
        type=positive,
        metavar="PIXELS",
        help="mean size of the superpixels instead of -n, so that images of different "
        "sizes get superpixels of one size",
    )


def add_jobs(parser: Parser, text: str, default: int | None = 1) -> None:
    """Add the option for parallel work, described by `text`; None is torch's choice."""
    parser.add_argument(
        "--jobs",
        type=count,
        default=default,
        metavar="N",
        help=f"{text} (default: {default or 'those of torch'})",
    )


def add_device(parser: _Container) -> None:
    """Add the option for the device of the network."""
    parser.add_argument(
        "--device",
        help="device of the network: auto, cpu, cuda, ... (default: auto)",
    )


def file_or_folder(text: str) -> Path:
    """A path; an empty one, which Python takes for the current folder, is an error."""
    if not text:
        raise argparse.ArgumentTypeError("the name of a file or folder is empty")
    return Path(text)


def count(text: str) -> int:
    """A whole number of 1 or more."""
    if not text.isascii() or not text.isdigit() or int(text) < 1:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number of 1 or more")
    return int(text)


def whole(text: str) -> int:
    """A whole number."""
    try:
        return int(text)
    except ValueError:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number") from None


def positive(text: str) -> float:
    """A number above 0."""
    value = _number(text)
    if not 0 < value < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def fraction(text: str) -> float:
    """A number of at least 0 and less than 1."""
    value = _number(text)
    if not 0 <= value < 1:
        raise argparse.ArgumentTypeError(
            f"{text!r} is not a number of at least 0 and less than 1"
        )
    return value


def real(text: str) -> float:
    """A finite number."""
    value = _number(text)
    if not abs(value) < float("inf"):
        raise argparse.ArgumentTypeError(f"{text!r} is not a finite number")
    return value


def cost(text: str) -> float | str:
    """A number of at least 0, or "auto" or "none"."""
    if text in ("auto", "none"):
        return text
    value = _number(text)
    if not 0 <= value < float("inf"):
        raise argparse.ArgumentTypeError(
            f"{text!r} is neither a number of at least 0 nor auto or none"
        )
    return value


def _number(text: str) -> float:
    try:
        return float(text)
    except ValueError:
        return float("nan")
