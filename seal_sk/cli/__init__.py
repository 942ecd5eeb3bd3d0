"""The command line: ``seal-sk segment``, ``bench``, ``report``, ``demo``."""

import argparse

from .._version import __version__
from .bench import add_bench
from .demo import add_demo
from .parsing import EXPECTED, complain, one_line
from .report import add_report
from .segment import add_segment

__all__ = ["main"]


def main(argv=None):
    """Run the command line.

    Parameters
    ----------
    argv : list of str, optional
        Arguments; those of the process by default.

    Returns
    -------
    int
        Exit status: 0 if all went well, 1 if some images failed, 2 if the command
        could not be carried out, 130 after Ctrl-C.
    """
    args = _parser().parse_args(argv)
    try:
        return args.run(args)
    except KeyboardInterrupt:
        complain("interrupted")
        return 130
    except EXPECTED as error:
        complain(f"error: {one_line(error)}")
        return 2


def _parser():
    parser = argparse.ArgumentParser(prog="seal-sk", description="Learned superpixels.")
    parser.add_argument("--version", action="version", version=f"seal-sk {__version__}")
    commands = parser.add_subparsers(metavar="COMMAND", required=True)
    for add in (add_segment, add_bench, add_report, add_demo):
        add(commands)
    return parser
