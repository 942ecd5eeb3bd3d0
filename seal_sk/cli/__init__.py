"""The command line ``seal-sk``: a module a command."""

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
from .messages import complain, explain
from .parsing import Parser
from .report import add_report
from .segment import add_segment
from .train import add_train
from .weights import add_weights

__all__ = ["main"]

_NOTES = """\
seal-sk COMMAND --help says more about each, with examples.

exit status:
  0    all went well
  1    some images or methods failed and were reported; the others are done
  2    the command could not be carried out, or was not understood
  130  ended by Ctrl-C
  141  ended because nobody reads its output any longer, as with | head
"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit status: 0 if all went well, 1 if some images failed, 2 if the command
        could not be carried out, 130 after Ctrl-C, 141 if nobody reads the output.

    Raises
    ------
    SystemExit
        After ``--help`` and ``--version``, with 0; with 2 if the arguments can't be
        understood.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        # File names may hold what the terminal's encoding does not.
        sys.stdout.reconfigure(errors="backslashreplace")
    argv = sys.argv[1:] if argv is None else list(argv)
    args = None
    try:
        try:
            args = _parser().parse_args(argv)
            args.argv = argv
            if getattr(args, "quiet", False) and getattr(args, "verbose", False):
                raise ValueError("-q and -v contradict each other: leave out one.")
            with quiet_interrupts():
                return args.run(args)
        finally:
            # Now, where a closed pipe can still be told from an error.
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
    """Let the interpreter's last flush go nowhere."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    os.dup2(nowhere, sys.stdout.fileno())


def _parser() -> Parser:
    parser = Parser(
        prog="seal-sk",
        description="Superpixels that are learned: images to label maps, training, "
        "scores.",
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
