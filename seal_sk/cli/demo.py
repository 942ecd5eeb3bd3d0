"""``seal-sk demo``: train, compare, draw."""

from pathlib import Path

from .parsing import seconds

__all__ = ["add_demo"]


def add_demo(commands):
    """Add the command to the parser's."""
    demo = commands.add_parser(
        "demo",
        help="train a small network and compare its superpixels, in two minutes",
        description="Train a small network on generated scenes, compare its "
        "superpixels with others on scenes held out, and draw them side by side. "
        "Needs no data and no network connection.",
    )
    demo.set_defaults(run=_demo)
    demo.add_argument(
        "--output",
        type=Path,
        default=Path("seal_sk_demo.png"),
        metavar="FILE",
        help="the picture (default: %(default)s)",
    )
    demo.add_argument(
        "--time",
        type=seconds,
        default=75.0,
        metavar="SECONDS",
        help="of training, at most (default: %(default)g)",
    )
    demo.add_argument(
        "--seed",
        type=int,
        default=0,
        help="of the scenes and the training (default: %(default)s)",
    )


def _demo(args):
    from ..demo import run_demo

    run_demo(args.output, max_time=args.time, seed=args.seed)
    return 0
