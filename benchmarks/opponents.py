"""The results of a benchmark beside those of other programs, on the same images.

    python benchmarks/opponents.py docs/results/bsds500

Reads a folder of seal-sk bench, or of publish.py, with all test images of BSDS500, and
docs/results/opponents.csv, whose comments say how the other programs were run. Prints
ASA / boundary recall / contour density on every fourth image as a table in Markdown,
and draws boundary recall against contour density: the longer the contours, the more
boundaries they find. The figure goes to docs/results/opponents.png.
"""

import argparse
import sys
from io import BytesIO
from pathlib import Path

import pandas as pd
from matplotlib.figure import Figure

from seal_sk._files import replace_file
from seal_sk.benchmark import read_results, summarize
from seal_sk.plotting import CurveDisplay

RESULTS = Path(__file__).parents[1] / "docs" / "results"
COLUMNS = ["method", "requested", "n_segments", "ASA", "BR", "CD"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path, help="folder of seal-sk bench")
    parser.add_argument("--opponents", type=Path, default=RESULTS / "opponents.csv")
    parser.add_argument("--out", type=Path, default=RESULTS / "opponents.png")
    args = parser.parse_args()
    try:
        ours = every_fourth(read_results(args.results))
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    scores = pd.concat([ours, read_opponents(args.opponents)], ignore_index=True)
    print(as_markdown(scores))
    picture = BytesIO()
    draw(scores).savefig(picture, format="png", dpi=120)
    replace_file(args.out, picture.getvalue())


def every_fourth(results):
    """Scores on the images on which the other programs were run.

    Parameters
    ----------
    results : Results
        Of all test images of BSDS500.

    Returns
    -------
    DataFrame
        One row per method and requested count, with `COLUMNS`.

    Raises
    ------
    ValueError
        If the results are of other images, or lack the contour density.
    """
    dataset, table = results.run["dataset"], results.table
    if dataset["name"] != "bsds500 test":
        raise ValueError(
            f"the results are of {dataset['name']!r}; give those of all images of "
            "'bsds500 test'."
        )
    if "contour_density" not in table:
        raise ValueError(
            f"the table in {str(results.folder)!r} has no contour density; run seal-sk "
            "bench again."
        )
    chosen = sorted(dataset["names"])[::4]
    summary = summarize(table[table["image"].isin(chosen)])
    n_found = int(summary["n_images"].min())
    if n_found < len(chosen):
        raise ValueError(
            f"only {n_found} of the {len(chosen)} images have results of all methods; "
            "run seal-sk bench on all images."
        )
    return summary[COLUMNS]


def read_opponents(path):
    """Scores of other programs, with the columns of `every_fourth`."""
    names = {"asa": "ASA", "br": "BR", "contour_density": "CD"}
    return pd.read_csv(path, comment="#").rename(columns=names)[COLUMNS]


def as_markdown(scores):
    """One row per method, one column per requested count."""
    counts = sorted(scores["requested"].unique())
    lines = [
        ["method", *(f"K = {count}" for count in counts)],
        ["---"] * (1 + len(counts)),
    ]
    for method, rows in scores.groupby("method", sort=False):
        cells = {row.requested: _cell(row) for row in rows.itertuples()}
        lines.append([method, *(cells.get(count, "") for count in counts)])
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _cell(row):
    # Two digits: those of the other programs are not known to more.
    cell = f"{row.ASA:.4f} / {row.BR:.4f} / {row.CD:.2f}"
    exact = abs(row.n_segments - row.requested) < 0.5
    return cell if exact else f"{cell} ({row.n_segments:.0f})"


def draw(scores):
    """Figure of boundary recall against contour density."""
    figure = Figure(figsize=(7.6, 4.6), layout="constrained")
    ax = figure.subplots()
    CurveDisplay.from_results(scores, metrics=["BR"], against="CD", ax=ax)
    return figure


if __name__ == "__main__":
    sys.exit(main())
