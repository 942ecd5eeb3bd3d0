"""The command line ``seal-sk``: one module per command."""

import io
import os
import sys
import traceback
from collections.abc import Sequence

from .._version import __version__
from .bench import add_bench
from .completion import add_completion
from .demo import add_demo
from .evaluate import add_evaluate
from .export import add_export
from .interrupts import quiet_interrupts
from .messages import complain, explain, warnings_as_notes
from .parsing import Parser
from .report import add_report
from .segment import add_segment
from .train import add_train
from .weights import add_weights

__all__ = ["main"]

_NOTES = """\
seal-sk COMMAND --help describes a command, with examples.

exit status:
  0    success
  1    some images or methods failed and were reported; the others succeeded
  2    the command is invalid or could not be carried out
  130  interrupted by Ctrl-C
  141  the output was closed early, for example by | head
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; by default those of the process.

    Returns
    -------
    int
        Exit status: 0 for success, 1 if some images failed, 2 if the command could
        not be carried out, 130 after Ctrl-C, 141 if the output was closed early.

    Raises
    ------
    SystemExit
        With status 0 after ``--help`` and ``--version``; with status 2 if the
        arguments are invalid.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names may have characters that the terminal can't encode.
        sys.stdout.reconfigure(errors="backslashreplace")
    argv = sys.argv[1:] if argv is None else list(argv)
    args = None
    try:
        try:
            args = _parser().parse_args(argv)
            args.argv = argv
            if getattr(args, "quiet", False) and getattr(args, "verbose", False):
                raise ValueError("-q and -v contradict each other: leave out one.")
            with quiet_interrupts(), warnings_as_notes(args):
                return args.run(args)
        finally:
            # Flush here, where a closed pipe can still be told from other errors.
            if sys.stdout is not None:
                sys.stdout.flush()
    except BrokenPipeError:
        _close_output()
        return 141
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except Exception as error:
        if args is not None and args.debug:
            traceback.print_exc()
        complain(f"error: {explain(error)}")
        return 2


def _close_output() -> None:
    """Redirect the interpreter's last flush to the null device."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _parser() -> Parser:
    parser = Parser(
        prog="seal-sk",
        description="Learned superpixels: segment images, train networks, and score "
        "the results.",
        epilog=_NOTES,
    )
    parser.add_argument("--version", action="version", version=f"seal-sk {__version__}")
    commands = parser.add_subparsers(
        metavar="COMMAND", required=True, parser_class=Parser
    )
    for add in (
        add_segment,
        add_train,
        add_evaluate,
        add_bench,
        add_report,
        add_demo,
        add_export,
        add_weights,
    ):
        add(commands)
    add_completion(commands, parser)
    return parser
