"""The form of the gallery's pages; that they run is for the build of the site."""

import ast
import re
from itertools import pairwise
from pathlib import Path

import pytest

EXAMPLES = Path(__file__).parents[1] / "examples"
PAGES = sorted(EXAMPLES.rglob("*.py"))
SECTIONS = sorted({page.parent for page in PAGES})

# What scikit-image shows without downloading it, or generates.
PICTURES = {
    "astronaut",
    "binary_blobs",
    "brick",
    "camera",
    "cat",
    "cell",
    "chelsea",
    "coffee",
    "coins",
    "grass",
    "gravel",
    "horse",
    "hubble_deep_field",
    "immunohistochemistry",
    "microaneurysms",
    "moon",
    "page",
    "retina",
    "rocket",
    "shepp_logan_phantom",
    "stereo_motorcycle",
    "text",
}
# What would go to the network.
LOADERS = {"download_all", "fetch", "urlopen", "urlretrieve"}

pages = pytest.mark.parametrize(
    "page", PAGES, ids=lambda page: page.relative_to(EXAMPLES).as_posix()
)


def names_used(tree):
    """Names, attributes and imported names of a module."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Name):
            yield node.id
        elif isinstance(node, ast.Attribute):
            yield node.attr
        elif isinstance(node, ast.alias):
            yield from node.name.split(".")


def pictures(tree):
    """Names that a module takes from skimage.data."""
    data = None
    for node in ast.walk(tree):
        if isinstance(node, ast.ImportFrom) and node.module == "skimage.data":
            yield from (alias.name for alias in node.names)
        if isinstance(node, ast.ImportFrom) and node.module == "skimage":
            for alias in node.names:
                if alias.name == "data":
                    data = alias.asname or alias.name
    for node in ast.walk(tree):
        if (
            isinstance(node, ast.Attribute)
            and isinstance(node.value, ast.Name)
            and node.value.id == data
        ):
            yield node.attr


def text_cells(source):
    """Comments that the gallery sets as text, a string for each cell."""
    cells, lines = [], None
    for line in source.splitlines():
        if line.startswith("# %%"):
            cells.append(lines := [])
        elif not line.startswith("#"):
            lines = None
        elif lines is not None:
            lines.append(line[1:].removeprefix(" "))
    return ["\n".join(lines) for lines in cells]


def headings(text):
    """Pairs of a heading and the line below it."""
    lines = text.splitlines()
    for heading, below in pairwise(lines):
        if re.fullmatch(r"([=~^-])\1{2,}", below):
            yield heading, below


def test_sections_have_pages_and_headers():
    assert all(section.parent == EXAMPLES for section in SECTIONS)
    for folder in [EXAMPLES, *SECTIONS]:
        header = (folder / "GALLERY_HEADER.rst").read_text(encoding="utf-8")
        ((heading, below),) = headings(header)
        assert len(heading) == len(below)


@pages
def test_a_page_has_a_title_and_says_what_it_is_about(page):
    assert page.name.startswith("plot_")
    tree = ast.parse(page.read_text(encoding="utf-8"))
    title, underline, empty, *text = ast.get_docstring(tree).splitlines()
    assert underline == "=" * len(title)
    assert not empty
    assert len(" ".join(text).split()) > 20


@pages
def test_a_page_has_text_between_its_code(page):
    cells = text_cells(page.read_text(encoding="utf-8"))
    assert len(cells) >= 2
    for cell in cells:
        assert cell.strip()
        for heading, below in headings(cell):
            assert len(heading) == len(below)


@pages
def test_a_page_draws(page):
    source = page.read_text(encoding="utf-8")
    assert re.search(r"Display\.from_|\.imshow\(|\.plot\(", source)
    # Among several figures one is chosen for the gallery.
    chosen = re.findall(r"^# sphinx_gallery_thumbnail_number = [1-9]$", source, re.M)
    n_figures = len(re.findall(r"\bsubplots\(|\bsubplot_mosaic\(", source))
    assert len(chosen) == 1 or (not chosen and n_figures == 1)


@pages
def test_a_page_needs_nothing_but_what_is_installed(page):
    source = page.read_text(encoding="utf-8")
    # Settings that say where data and weights of others lie.
    assert "SEAL_SK_" not in source
    tree = ast.parse(source)
    assert set(pictures(tree)) <= PICTURES
    used = set(names_used(tree))
    assert not used & LOADERS
    assert not [name for name in used if name.startswith("fetch_")]


class NoNetwork:
    def __init__(self, folder):
        self.abspath = folder

    def fetch(self, name):
        raise AssertionError(f"{name} would be downloaded")


def test_pictures_come_with_scikit_image(monkeypatch, tmp_path):
    from skimage import data
    from skimage.data import _fetchers

    monkeypatch.setattr(_fetchers, "_image_fetcher", NoNetwork(tmp_path))
    with pytest.raises(AssertionError, match="would be downloaded"):
        data.eagle()
    for picture in PICTURES - {"binary_blobs"}:
        assert len(getattr(data, picture)()) > 0
