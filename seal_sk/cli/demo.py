"""``seal-sk demo``: train a network, compare it and draw the results."""

from argparse import Namespace
from pathlib import Path

from .files import check_output
from .interrupts import import_torch
from .messages import on_terminal
from .parsing import (
    Commands,
    add_command,
    add_force,
    add_output,
    add_quiet,
    positive,
    whole,
)

__all__ = ["add_demo"]

_HELP = """\
Train a small network on generated scenes, compare its superpixels with those
of other methods on held-out scenes, and draw them side by side. Needs neither
data nor an internet connection.
"""

_NOTES = """\
examples:
  seal-sk demo
  seal-sk demo -o picture.png --max-time 30 --seed 1
"""


def add_demo(commands: Commands) -> None:
    """Add the command to the parser's."""
    demo = add_command(
        commands,
        "demo",
        _demo,
        help="train a small network and compare it",
        description=_HELP,
        epilog=_NOTES,
    )
    add_output(
        demo,
        "FILE",
        "the picture, a .png file (default: %(default)s)",
        default=Path("seal_sk_demo.png"),
    )
    demo.add_argument(
        "--max-time",
        type=positive,
        metavar="SECONDS",
        help="stop training after this time, finished or not (default: train for a "
        "fixed number of steps)",
    )
    demo.add_argument(
        "--seed",
        type=whole,
        default=0,
        metavar="N",
        help="seed of the scenes and the training (default: %(default)s)",
    )
    add_force(demo)
    add_quiet(demo)


def _demo(args: Namespace) -> int:
    check_output(args.output, (".png",), args.force)

    import_torch()

    from ..demo import run_demo

    run_demo(
        args.output,
        max_time=args.max_time,
        seed=args.seed,
        verbose=0 if args.quiet else 1 + on_terminal(args),
    )
    return 0
