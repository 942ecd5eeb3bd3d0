"""``seal-sk report``: results of ``seal-sk bench`` drawn."""

from pathlib import Path

__all__ = ["add_report"]


def add_report(commands):
    """Add the command to the parser's."""
    report = commands.add_parser(
        "report",
        help="draw the results of bench",
        description="Write report.html, which needs no other file, and beside it "
        "figures (PNG, SVG) and tables (CSV, Markdown, LaTeX).",
    )
    report.set_defaults(run=_report)
    report.add_argument(
        "results", type=Path, metavar="DIR", help="what seal-sk bench filled"
    )
    report.add_argument(
        "--out",
        type=Path,
        metavar="DIR",
        help="where to write (default: the folder of the results)",
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


def _report(args):
    from ..benchmark import write_report

    page = write_report(
        args.results,
        args.out,
        protocol=args.protocol,
        pictures=not args.no_pictures,
    )
    print(page)
    return 0
