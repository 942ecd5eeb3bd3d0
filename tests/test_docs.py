"""The documentation: its code runs, its links lead somewhere, its API is complete."""

import importlib
import os
import re
import subprocess
import sys
from pathlib import Path
from textwrap import dedent

import numpy as np
import pytest

import seal_sk

ROOT = Path(__file__).parents[1]
DOCS = ROOT / "docs"
# Not those of results and decisions, whose code is what gave the figures beside it, on
# data that are not in the repository; nor the README's, which runs where it is read.
PAGES = [
    DOCS / "index.rst",
    DOCS / "getting_started.md",
    *sorted((DOCS / "user_guide").glob("*.md")),
]
MARKDOWN = [*sorted(ROOT.glob("*.md")), *sorted(DOCS.glob("**/*.md"))]
MODULES = [
    "adapters",
    "affinity",
    "benchmark",
    "datasets",
    "export",
    "features",
    "io",
    "labels",
    "metrics",
    "pan",
    "pipeline",
    "plotting",
    "report",
    "segmentation",
    "sources",
    "superpixels",
]


_FENCED = r"^```python\n(?P<fenced>(?s:.*?))^```$"
_INDENTED = (
    r"^\.\. (?:plot::|code-block:: python)\n(?:   :.*\n)*\n"
    r"(?P<indented>(?:(?:   .*)?\n)+)"
)


def blocks(page):
    """Code of a page: fenced, or of the directives that draw or show it."""
    text = page.read_text(encoding="utf-8")
    found = re.finditer(f"{_FENCED}|{_INDENTED}", text, re.MULTILINE)
    return [dedent(match["fenced"] or match["indented"]) for match in found]


def headings(page):
    """Anchors of a page's headings, as forges and MyST make them."""
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M
    )
    titles = re.findall(r"^#+ (.*)$", text, re.MULTILINE)
    return [re.sub(r"[^\w\- ]", "", t.lower()).replace(" ", "-") for t in titles]


def links(page):
    text = re.sub(
        r"^```.*?^```", "", page.read_text(encoding="utf-8"), flags=re.S | re.M
    )
    return [
        link
        for link in re.findall(r"\]\(([^)\s]+)[^)]*\)", text)
        if not link.startswith(("http://", "https://"))
    ]


def public_names():
    """Every public name, by the shortest way to import it."""
    names = {
        f"seal_sk.{name}"
        for name in seal_sk.__all__
        if name not in ("__version__", *MODULES)
    }
    for module in MODULES:
        for name in importlib.import_module(f"seal_sk.{module}").__all__:
            names.add(
                f"seal_sk.{name}"
                if name in seal_sk.__all__
                else f"seal_sk.{module}.{name}"
            )
    return names


def test_there_are_pages_with_code():
    assert len(PAGES) > 12
    assert sum(len(blocks(page)) for page in PAGES) > 40


def test_code_is_found_in_every_form(tmp_path):
    page = tmp_path / "page.md"
    page.write_text(
        "```python\na = 1\n```\ntext\n```bash\nls\n```\n```{eval-rst}\n.. plot::\n"
        "   :include-source:\n\n   b = 2\n\n   if b:\n       c = 3\n```\n"
        "```python\nd = 4\n```\n"
    )
    assert blocks(page) == ["a = 1\n", "b = 2\n\nif b:\n    c = 3\n", "d = 4\n"]


@pytest.mark.slow
@pytest.mark.parametrize(
    "page", [page for page in PAGES if blocks(page)], ids=lambda page: page.name
)
def test_code_runs(page, tmp_path):
    # The blocks of a page follow each other, as they do for its reader.
    script = tmp_path / "page.py"
    script.write_text("\n".join(blocks(page)), encoding="utf-8")
    result = subprocess.run(
        [sys.executable, "-W", "error", script.name],
        cwd=tmp_path,
        env={**os.environ, "MPLBACKEND": "Agg"},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="commands are for a POSIX shell")
@pytest.mark.parametrize(
    ("page", "made"),
    [
        (
            "command_line.md",
            [
                "labels/cat_overlay.png",
                "shapes/cat.geojson",
                "mine/coffee.png",
                "scores.csv",
                "results/report.html",
                "demo.png",
                "bsds500.onnx",
            ],
        ),
        ("export.md", ["out/aerial.tif", "out/aerial.gpkg", "out/aerial.csv"]),
    ],
)
def test_commands_run(page, made, tmp_path):
    text = (DOCS / "user_guide" / page).read_text(encoding="utf-8")
    commands = re.findall(r"^```bash\n(.*?)^```$", text, re.DOTALL | re.MULTILINE)
    if page == "export.md":
        rasterio = pytest.importorskip("rasterio")
        profile = {"count": 3, "dtype": "uint8", "crs": "EPSG:32633"}
        transform = rasterio.Affine(0.5, 0, 4e5, 0, -0.5, 5e6)
        with rasterio.open(
            tmp_path / "aerial.tif",
            "w",
            height=64,
            width=80,
            transform=transform,
            **profile,
        ) as raster:
            raster.write(np.arange(3 * 64 * 80).reshape(3, 64, 80) % 251)
    else:
        for extra in ("pandas", "onnxruntime"):
            pytest.importorskip(extra)
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    result = subprocess.run(
        ["bash", "-e", "-c", "\n".join(commands)],
        cwd=tmp_path,
        env={**os.environ, "PATH": path},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stderr[-3000:]
    for name in made:
        assert (tmp_path / name).is_file(), name


@pytest.mark.parametrize("page", MARKDOWN, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_somewhere(page):
    for link in links(page):
        path, _, anchor = link.partition("#")
        target = page.parent / path if path else page
        assert target.exists(), link
        if anchor and target.suffix == ".md":
            assert anchor in headings(target), link


def test_every_public_name_is_in_the_api_reference():
    text = (DOCS / "api" / "index.rst").read_text(encoding="utf-8")
    summaries = re.findall(r"^   ([\w.]+)$", text, re.MULTILINE)
    described = [f"seal_sk.{name}" for name in summaries]
    described += re.findall(r"^\.\. autodata:: ([\w.]+)$", text, re.MULTILINE)
    assert len(described) == len(set(described))
    assert set(described) == public_names()


def test_the_api_reference_knows_every_public_module():
    public = {
        path.stem
        for path in (ROOT / "seal_sk").iterdir()
        if path.suffix in (".py", "") and not path.name.startswith((".", "_"))
    }
    assert public - {"cli", "demo"} == set(MODULES)


@pytest.mark.parametrize(
    ("link", "complaint"),
    [
        ("other.html#there", None),
        ("other.html?digest=1", None),
        ("folder/", None),
        ("#top", None),
        ("https://nowhere.invalid/page", None),
        ("other.html#missing", "has no such anchor"),
        ("missing.html", "is not there"),
        ("folder/missing%20picture.png", "is not there"),
    ],
)
def test_links_of_a_built_site_are_checked(link, complaint, tmp_path):
    pytest.importorskip("bs4")
    (tmp_path / "folder").mkdir()
    (tmp_path / "folder" / "index.html").write_text("<p>text</p>")
    (tmp_path / "other.html").write_text('<h1 id="there">Title</h1>')
    (tmp_path / "index.html").write_text(f'<p id="top"><a href="{link}">link</a></p>')
    result = subprocess.run(
        [sys.executable, str(DOCS / "check_links.py"), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert result.returncode == (complaint is not None), result.stderr
    assert (complaint or "") in result.stderr


def test_a_site_without_pages_is_no_success(tmp_path):
    pytest.importorskip("bs4")
    result = subprocess.run(
        [sys.executable, str(DOCS / "check_links.py"), str(tmp_path)],
        capture_output=True,
        text=True,
    )
    assert result.returncode == 1
    assert "build the site first" in result.stderr
