"""The commands in the documentation are understood."""

import re
import shlex
from pathlib import Path

import pytest

from seal_sk.cli import _parser

ROOT = Path(__file__).parents[2]
PAGES = [
    page
    for page in [*ROOT.glob("*.md"), *sorted(ROOT.glob("docs/**/*.md"))]
    if re.search(r"^seal-sk ", page.read_text(encoding="utf-8"), re.MULTILINE)
]


def test_there_are_pages():
    assert ROOT / "docs/user_guide/command_line.md" in PAGES
    assert ROOT / "README.md" in PAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_commands_are_understood(page):
    text = page.read_text(encoding="utf-8").replace("\\\n", " ")
    for line in re.findall(r"^seal-sk .*$", text, re.MULTILINE):
        command = re.split(r"\s(?:>|\||&&|#)\s", line)[0]
        args = _parser().parse_args(shlex.split(command)[1:])
        assert callable(args.run), line


def test_the_page_shows_every_command():
    page = (ROOT / "docs/user_guide/command_line.md").read_text(encoding="utf-8")
    (commands,) = (a for a in _parser()._actions if a.dest != "help" and a.choices)
    for command in commands.choices:
        assert f"seal-sk {command}" in page
