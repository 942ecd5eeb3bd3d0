"""``seal-sk report``: draw the results of ``seal-sk bench``."""

from argparse import Namespace

from .files import refuse_existing
from .parsing import Commands, add_command, add_force, add_output, file_or_folder

__all__ = ["add_report"]

_HELP = """\
Write report.html, which needs no other file, together with figures (PNG, SVG)
and tables (CSV, Markdown, LaTeX). Print the path of report.html.
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
        "results", type=file_or_folder, metavar="DIR", help="folder of seal-sk bench"
    )
    add_output(
        report,
        "DIR",
        "folder to write to (default: the folder of the results, or, for protocols "
        "other than tu2018, a folder in it)",
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
        help="leave out the photographs, which may not be redistributed",
    )
    add_force(report, "replace an existing report")


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
