"""The layout of the package: the one list of its floors.

`python docs/contributing/layout.py` draws it (``layout.svg``) and writes the table in
``CONTRIBUTING.md``; ``tests/test_layers.py`` holds the imports to it.
"""

from pathlib import Path
from textwrap import wrap
from xml.sax.saxutils import escape

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

#: From the ground up: the rooms of a floor (folders, modules and kernels of
#: ``seal_sk/``) and their subjects. A room imports from the floors below it and from
#: itself; on the first floor also from its neighbours.
FLOORS = [
    {
        "_version _typing _compat": "the version; types that signatures share; "
        "scikit-learn's private names",
        "_extras _files _identity": "packages that may be missing; files written whole "
        "or not at all; what tells objects apart",
        "_results": "lists of results, one per image, that scikit-learn's tools join",
        "_environment _interrupts": "the machine and its versions; Ctrl-C",
        "_colors _distance _ers _fh _labels _merge _metrics _refine _snic _split": (
            "compiled loops, which trust their callers; what they share is in `.pxd` "
            "and `.pxi` files"
        ),
    },
    {
        "_validation": "every check of an input, by what is checked: `images`, "
        "`labels`, `affinities`, `sequences`, `scalars`",
    },
    {
        "affinity": "functions from an image to an affinity map: `maps`, and `edges` "
        "(Canny's)",
        "io": "files: `images`, `label_maps`, `georeference`, over `decoding` (which "
        "program decodes which file), `rasters` (what GDAL says) and `mat` (MATLAB's); "
        "`options` (how many images are read)",
        "labels": "label maps (`regions`) and which of their regions touch (`graph`)",
    },
    {
        "segmentation": "a function for each algorithm: `graph` (from affinity maps), "
        "`merging` and `refining` (from label maps, over `colors`), `image` (from "
        "images), `opencv`; `grid` says where the clusters of SNIC start",
        "metrics": "scores of label maps: `overlap`, `boundary`, `shape`, all at once "
        "in `report` and `scoring`; their names in `catalogue`; means in `pairs`; "
        "`scorers`",
        "datasets": "a loader per file, `Dataset` (what they return), generated "
        "`scenes`",
    },
    {
        "pan": "networks (`network`, `unet` over `base`, `convolution`; by name in "
        "`registry`), their files (`weights`, `tensors`, `shipped`, `export`), `loss`, "
        "`prediction`, `calibration`, `devices`; `training/` has `settings` (the "
        "parameters of a training), `samples`, `augmentation`, `state`, `steps` and "
        "`fitting`",
    },
    {
        "sources": "transformers from images to affinity maps: `handmade`, `features`, "
        "`learned` over `base`; `reading` (any source in one way), `caching` (what "
        "`memory=` keeps), `vgg`",
    },
    {
        "superpixels": "estimators that segment images: `graph`, `seal`, `image`, "
        "`opencv` over `base`; their names in `methods`",
    },
    {
        "features": "superpixels described (`description`, `estimator`) and classified "
        "(`classifier`)",
        "benchmark": "`methods` (what is compared), `running` (with `measuring`), "
        "`results` (the folder and its table), `protocols`, `summary`, `pictures`",
    },
    {
        "export": "formats of other programs: `outlines` (polygons), `vectors` (their "
        "files), `tables`, `graph`",
        "plotting": "a display per file, on axes that are given",
    },
    {
        "report": "the page of a benchmark: `writing`, `figures`, and its `page/`",
        "adapters": "what other packages ask for: `segmenting` (LIME), `explanation` "
        "(SHAP, Captum), `viewing` (napari)",
        "demo": "training and comparison on generated scenes",
    },
    {
        "pipeline": "files in, files out: where results go (`planning`), the run "
        "(`running`) over `segmenting` and `writing`",
    },
    {
        "__init__": "the public names, loaded when they are used",
    },
    {
        "cli": "the command line, a file per command: options and sentences",
    },
    {
        "__main__": "`python -m seal_sk`",
    },
]

_WIDTH, _ROW, _GAP = 900, 66, 10


def rooms():
    """(name, number of the floor) of every room, from the ground up."""
    for number, floor in enumerate(FLOORS):
        for names in floor:
            for name in names.split():
                yield name, number


def table():
    """The table of CONTRIBUTING.md, from the ground up."""
    lines = ["| floor | room | subject |", "| --- | --- | --- |"]
    for number, floor in enumerate(FLOORS, 1):
        for names, subject in floor.items():
            shown = " ".join(f"`{name}{_ending(name)}`" for name in names.split())
            lines.append(f"| {number} | {shown} | {subject} |")
    return "\n".join(lines) + "\n"


def picture():
    """The same as SVG: a row per floor, the ground at the bottom."""
    height = len(FLOORS) * (_ROW + _GAP) + _GAP
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {_WIDTH} {height}" '
        'font-family="system-ui, sans-serif" role="img" aria-label="The floors of '
        'seal_sk: each room imports only from the floors below it">',
        "<style>",
        ".room { fill: #dcebf7; stroke: #0072b2; }",
        ".name { font-size: 14px; font-weight: 600; text-anchor: middle; fill: #111; }",
        ".note { font-size: 11px; text-anchor: middle; fill: #333; }",
        "</style>",
        f'<rect width="{_WIDTH}" height="{height}" fill="#ffffff"/>',
    ]
    for number, floor in enumerate(FLOORS):
        y = height - (number + 1) * (_ROW + _GAP)
        width = (_WIDTH - _GAP) / len(floor) - _GAP
        for column, (names, subject) in enumerate(floor.items()):
            x = _GAP + column * (width + _GAP)
            middle = x + width / 2
            parts.append(
                f'<rect class="room" x="{x:g}" y="{y:g}" width="{width:g}" '
                f'height="{_ROW}" rx="6"/>'
            )
            shown = ", ".join(f"{name}{_ending(name)}" for name in names.split())
            lines = [("name", line) for line in wrap(shown, int(width / 8.6))]
            notes = wrap(subject.replace("`", ""), int(width / 5.7))
            room = 4 - len(lines)
            if len(notes) > room:  # the table has all of it
                notes = [*notes[: room - 1], f"{notes[room - 1]} ..."]
            lines += [("note", line) for line in notes]
            for i, (kind, line) in enumerate(lines):
                parts.append(
                    f'<text class="{kind}" x="{middle:g}" y="{y + 18 + 14 * i:g}">'
                    f"{escape(line)}</text>"
                )
    return "\n".join([*parts, "</svg>", ""])


def _ending(name):
    return "/" if (ROOT / "seal_sk" / name).is_dir() else ""


def with_table(text):
    """CONTRIBUTING.md with the table as it should be."""
    before, begin, rest = text.partition("<!-- layout -->\n")
    _, end, after = rest.partition("<!-- end of layout -->\n")
    return before + begin + table() + end + after


if __name__ == "__main__":
    (HERE / "layout.svg").write_text(picture(), encoding="utf-8")
    page = ROOT / "CONTRIBUTING.md"
    page.write_text(with_table(page.read_text(encoding="utf-8")), encoding="utf-8")
