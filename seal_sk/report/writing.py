"""The report: one HTML page, and figures and tables for papers."""

import base64
from io import BytesIO, StringIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._files import replace_file
from .._typing import PathLike
from ..benchmark.pictures import read_pictures
from ..benchmark.protocols import Protocol, find_protocol, measured_in
from ..benchmark.results import read_results
from ..benchmark.summary import (
    average_over_counts,
    averaged_counts,
    common_images,
    compare,
    summarize,
)
from ..plotting import CurveDisplay
from .figures import draw_combined, draw_quality_time

__all__ = ["report_folder", "sentences", "write_report"]

_TEMPLATE = Path(__file__).parent / "page"


def write_report(
    folder: PathLike,
    out: PathLike | None = None,
    *,
    protocol: str | Protocol = "tu2018",
    pictures: bool = True,
) -> Path:
    """Draw the results of a benchmark.

    Parameters
    ----------
    folder : path-like
        Folder of results of `run_benchmark`.
    out : path-like, optional
        Folder to write to; by default `folder` or, for protocols other than tu2018, a
        folder in it with the name of the protocol. Created if it is missing.
    protocol : str or Protocol, default="tu2018"
        One of `PROTOCOLS`.
    pictures : bool, default=True
        Include the photographs of the data set in the page. A page without them may be
        redistributed, whatever the licence of the data.

    Returns
    -------
    Path
        ``report.html``, which needs no other file. Beside it: ``figures/`` (PNG, SVG)
        and ``tables/`` (CSV, Markdown, LaTeX).

    Raises
    ------
    FileNotFoundError, ValueError
        If the folder has no results, or the protocol does not exist.

    Examples
    --------
    >>> import tempfile
    >>> from seal_sk.benchmark import run_benchmark
    >>> from seal_sk.datasets import Dataset, make_scenes
    >>> from seal_sk.report import write_report
    >>> scenes = Dataset("scenes", *make_scenes(2, shape=(48, 48), random_state=0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = run_benchmark(scenes, ["ers", "fh"], [10, 20], folder)
    ...     write_report(folder).name
    'report.html'
    """
    results = read_results(folder)
    wanted = find_protocol(protocol)
    protocol = measured_in(wanted, results.table.columns)
    lacking = [name for name in wanted.metrics if name not in protocol.metrics]
    out = report_folder(results.folder, protocol.name) if out is None else Path(out)
    for place in (out / "figures", out / "tables"):
        place.mkdir(parents=True, exist_ok=True)

    summary = summarize(results, protocol)
    averages = average_over_counts(results, protocol)
    differences = compare(results, protocol)
    figures = _draw(summary, averages, protocol)
    for name, figure in figures.items():
        for suffix in (".png", ".svg"):
            replace_file(out / "figures" / f"{name}{suffix}", _saved(figure, suffix))
    tables = {
        "summary": summary,
        "averages": averages,
        "differences": differences,
        "wide": _wide(summary, protocol),
    }
    for name, table in tables.items():
        for suffix, text in _written(table).items():
            replace_file(out / "tables" / f"{name}{suffix}", text.encode())

    page = _page(
        results, protocol, lacking, summary, averages, differences, figures, pictures
    )
    replace_file(out / "report.html", page.encode())
    return out / "report.html"


def sentences(
    differences: pd.DataFrame, averages: pd.DataFrame, protocol: Protocol
) -> list[str]:
    """Summarize which differences are real, in one sentence per ranked metric.

    Parameters
    ----------
    differences : DataFrame
        Result of `compare`.
    averages : DataFrame
        Result of `average_over_counts`.
    protocol : Protocol

    Returns
    -------
    list of str
        Methods, the best average first. Between two neighbours is ">" if the first one
        is really better over the numbers of superpixels that both reach, "<" if the
        second one is, "=" if neither is, and "?" if there are no such numbers.
    """
    found = {
        (row["metric"], row["first"], row["second"]): row
        for _, row in differences.iterrows()
    }

    def sign(name, one, other):
        turned = (name, one, other) not in found
        row = found[(name, other, one) if turned else (name, one, other)]
        if np.isnan(row["difference"]):
            return "?"
        if not row["real"]:
            return "="
        above = (row["difference"] > 0) != turned
        return ">" if above == protocol.metrics[name].higher_is_better else "<"

    lines = []
    for name, metric in protocol.metrics.items():
        if metric.at_equal:
            continue
        ranked = averages.sort_values(
            name, ascending=not metric.higher_is_better, kind="stable"
        )["method"]
        text = ranked.iloc[0]
        for one, other in zip(ranked.iloc[:-1], ranked.iloc[1:], strict=True):
            text += f" {sign(name, one, other)} {other}"
        lines.append(f"{name}: {text}")
    return lines


def _draw(summary, averages, protocol):
    from matplotlib.figure import Figure

    def new():
        figure = Figure(figsize=(5.2, 3.7), layout="constrained")
        return figure, figure.subplots()

    def curves(name, against="n_segments"):
        figure, ax = new()
        CurveDisplay.from_results(
            summary, metrics=[name], against=against, protocol=protocol, ax=ax
        )
        return figure

    metrics = protocol.metrics
    figures = {}
    for name, metric in metrics.items():
        partners = [
            other for other in metrics if metrics[other].column in metric.at_equal
        ]
        for other in partners:
            figures[f"{other}-{name}"] = curves(other, against=name)
        if not partners:
            figures[name] = curves(name)
    first, *others = [name for name in metrics if not metrics[name].at_equal] or metrics
    if others:
        figures["combined"], ax = new()
        draw_combined(ax, averages, first, others[0], metrics)
    if summary["seconds"].notna().any():
        figures["time"], ax = new()
        draw_quality_time(ax, summary, first, metrics[first])
    return figures


def _saved(figure, suffix):
    import matplotlib

    buffer = BytesIO()
    # Text stays text, and nothing differs from run to run.
    with matplotlib.rc_context({"svg.fonttype": "none", "svg.hashsalt": "seal_sk"}):
        metadata = {"Date": None} if suffix == ".svg" else None
        figure.savefig(buffer, format=suffix[1:], dpi=160, metadata=metadata)
    return buffer.getvalue()


def _wide(summary, protocol):
    """The scores as in papers: one row per method, one column per requested count."""
    names = list(protocol.metrics)
    cells = summary.assign(
        cell=[
            " / ".join(f"{row[name]:.4f}" for name in names)
            + (
                ""
                if abs(row["n_segments"] - row["requested"]) < 0.5
                else f" ({row['n_segments']:.0f})"
            )
            for _, row in summary.iterrows()
        ]
    )
    wide = cells.pivot(index="method", columns="requested", values="cell")
    wide = wide.loc[summary["method"].unique()].reset_index()
    wide.columns = ["method", *(f"K = {count}" for count in wide.columns[1:])]
    return wide.fillna("")


def _written(table):
    """Return the table in each format."""
    shown = table.copy()
    for name in shown.select_dtypes("float"):
        shown[name] = shown[name].map(lambda v: "" if np.isnan(v) else f"{v:.4f}")
    header = list(shown.columns)
    lines = [header, *shown.astype(str).values.tolist()]
    markdown = StringIO()
    for i, line in enumerate(lines):
        cells = [cell.replace("|", r"\|") for cell in line]
        print("| " + " | ".join(cells) + " |", file=markdown)
        if i == 0:
            print("|" + " --- |" * len(line), file=markdown)
    columns = f"l{'r' * (len(header) - 1)}"
    return {
        ".csv": table.to_csv(index=False, float_format="%.6g"),
        ".md": markdown.getvalue(),
        ".tex": shown.to_latex(index=False, escape=True, column_format=columns),
    }


def report_folder(results: Path, protocol: str) -> Path:
    """Where the report of a protocol goes if no folder is given."""
    return results if protocol == "tu2018" else results / protocol


def _page(
    results, protocol, lacking, summary, averages, differences, figures, pictures
):
    from jinja2 import Environment, FileSystemLoader, StrictUndefined
    from jinja2.utils import htmlsafe_json_dumps

    environment = Environment(
        loader=FileSystemLoader(_TEMPLATE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    table = results.table
    n_used = common_images(results)["image"].nunique()
    run = results.run
    low, high = averaged_counts(results)
    return environment.get_template("report.html").render(
        run=run,
        protocol=protocol,
        metrics=list(protocol.metrics),
        beside=[m.title.lower() for m in protocol.metrics.values() if m.at_equal],
        lacking=lacking,
        n_images=table["image"].nunique(),
        n_used=n_used,
        span=f"at {low} superpixels"
        if low == high
        else f"averaged over {low} to {high} superpixels",
        n_pairs=len(table[["image", "annotation"]].drop_duplicates()),
        versions=sorted(table["versions"].astype(str).unique()),
        machines=sorted(table["machine"].astype(str).unique()),
        summary=summary.to_dict("records"),
        averages=averages.to_dict("records"),
        differences=differences.to_dict("records"),
        sentences=sentences(differences, averages, protocol),
        figures={name: _inline(figure) for name, figure in figures.items()},
        style=(_TEMPLATE / "report.css").read_text(),
        script=(_TEMPLATE / "report.js").read_text(),
        missing=[name for name in run["methods"] if name not in results.methods],
        # Names may hold any characters, and this is part of a script.
        browser=htmlsafe_json_dumps(_browser(results, protocol) if pictures else None),
    )


def _inline(figure):
    svg = _saved(figure, ".svg").decode()
    return svg[svg.index("<svg") :]


def _browser(results, protocol):
    """Photographs, boundaries and scores for the image browser; None without any."""
    found = read_pictures(results.folder)
    if not found:
        return None
    rows = protocol.per_image(results.table).set_index(["image", "method", "requested"])
    names = list(protocol.metrics)
    images = []
    for image, folder in found.items():
        layers: dict[str, Any] = {}
        for method in results.methods:
            for count in results.run["counts"]:
                file = folder / f"{method}-{count}.png"
                if not file.is_file() or (image, method, count) not in rows.index:
                    continue
                row = rows.loc[(image, method, count)]
                layers.setdefault(method, {})[str(count)] = {
                    "boundary": _data_uri(file),
                    "n": int(row["n_segments"]),
                    "text": ", ".join(f"{n} {row[n]:.3f}" for n in names),
                }
        images.append(
            {
                "name": image,
                "photo": _data_uri(folder / "image.jpg"),
                "truth": _data_uri(folder / "truth.png"),
                "methods": layers,
            }
        )
    return {"images": images, "counts": results.run["counts"]}


def _data_uri(path):
    kind = {".jpg": "jpeg", ".png": "png"}[path.suffix]
    content = base64.b64encode(path.read_bytes()).decode()
    return f"data:image/{kind};base64,{content}"
