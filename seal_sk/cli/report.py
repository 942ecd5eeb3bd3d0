"""``seal-sk report``: results of ``seal-sk bench`` drawn."""

from argparse import Namespace

from .files import refuse_existing
from .parsing import Commands, add_command, add_force, add_output, file_or_folder

__all__ = ["add_report"]

_HELP = """\
Write report.html, which needs no other file, and beside it figures (PNG, SVG)
and tables (CSV, Markdown, LaTeX). Prints where the page is.
"""

_NOTES = """\
examples:
  seal-sk report results
  seal-sk report results --protocol stutz2018
  seal-sk report results -o paper --no-pictures --force
"""


def add_report(commands: Commands) -> None:
    """Add the command to the parser's."""
    report = add_command(
        commands,
        "report",
        _report,
        help="draw the results of bench",
        description=_HELP,
        epilog=_NOTES,
    )
    report.add_argument(
        "results", type=file_or_folder, metavar="DIR", help="what seal-sk bench filled"
    )
    add_output(
        report,
        "DIR",
        "where to write (default: the folder of the results, or for other protocols "
        "than tu2018 one in it)",
    )
    report.add_argument(
        "--protocol",
        default="tu2018",
        metavar="NAME",
        help="tu2018, stutz2018 or best-annotation (default: %(default)s)",
    )
    report.add_argument(
        "--no-pictures",
        action="store_true",
        help="leave out the photographs, whose licence may not let them be passed on",
    )
    add_force(report, "replace a report that is there already")


def _report(args: Namespace) -> int:
    from ..report.writing import report_folder, write_report

    out = args.output or report_folder(args.results, args.protocol)
    refuse_existing(
        [out / name for name in ("report.html", "figures", "tables")], args.force
    )
    print(
        write_report(
            args.results, out, protocol=args.protocol, pictures=not args.no_pictures
        )
    )
    return 0
