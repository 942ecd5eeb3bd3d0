"""The worked pages for contributors: followed word by word, they work."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

import seal_sk

ROOT = Path(__file__).parents[1]
PAGES = sorted((ROOT / "docs" / "contributing").glob("*.md"))
# A file and what to write or change in it; or commands.
STEP = re.compile(
    r"`(?P<file>[\w./]+)`:\n```(?P<kind>python|diff)\n(?P<text>.*?)^```$"
    r"|^```bash\n(?P<commands>.*?)^```$",
    re.DOTALL | re.MULTILINE,
)


@pytest.fixture
def copy(tmp_path):
    """A copy of what a contributor changes."""
    ignored = shutil.ignore_patterns("__pycache__", "*.c")
    # Built, wherever that is.
    package = Path(seal_sk.__file__).parent
    for folder in (package, ROOT / "tests"):
        shutil.copytree(folder, tmp_path / folder.name, ignore=ignored)
    (tmp_path / "docs" / "api").mkdir(parents=True)
    shutil.copy(ROOT / "docs" / "api" / "index.rst", tmp_path / "docs" / "api")
    shutil.copy(ROOT / "pyproject.toml", tmp_path)
    return tmp_path


def change(text, diff):
    """`text` with lines replaced, which must be there once."""
    lines = diff.splitlines(keepends=True)
    before = "".join(line[1:] for line in lines if line[0] in " -")
    after = "".join(line[1:] for line in lines if line[0] in " +")
    assert text.count(before) == 1, f"{text.count(before)} times there:\n{before}"
    return text.replace(before, after)


def run(commands, folder):
    result = subprocess.run(
        ["bash", "-e", "-c", commands],
        cwd=folder,
        env={
            **os.environ,
            "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
            "PYTHONPATH": str(folder),
        },
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]


@pytest.mark.slow
@pytest.mark.skipif(sys.platform == "win32", reason="commands are for a POSIX shell")
@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.stem)
def test_followed_word_by_word(page, copy):
    text = page.read_text(encoding="utf-8")
    steps = list(STEP.finditer(text))
    assert len(steps) == text.count("\n```") // 2, "a block without its file"
    files = {step["file"] for step in steps} - {None}
    for step in steps:
        if step["commands"]:
            run(step["commands"], copy)
            continue
        file = copy / step["file"]
        if step["kind"] == "diff":
            content = change(file.read_text(encoding="utf-8"), step["text"])
        else:
            assert not file.exists()
            content = step["text"]
        file.parent.mkdir(exist_ok=True)
        file.write_text(content, encoding="utf-8")
    files = " ".join(sorted(file for file in files if file.endswith(".py")))
    run(f"ruff check {files} && ruff format --check {files}", copy)
