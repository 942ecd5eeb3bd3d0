"""The types that users see, by mypy."""

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import seal_sk
import seal_sk.pan

HERE = Path(__file__).parent

pytest.importorskip("mypy", reason="mypy checks types: pip install mypy")


def strictly_checked(folder, *programs):
    """What mypy --strict says: file, line and text of each error."""
    config = folder / "mypy.ini"
    # As of any installed package, nothing is said of what is inside of seal_sk.
    config.write_text(
        "[mypy]\nstrict = True\n[mypy-seal_sk.*]\nfollow_imports = silent\n"
    )
    command = [sys.executable, "-m", "mypy", "--config-file", config, *programs]
    place = Path(seal_sk.__file__).parents[1]
    installed = "site-packages" in place.parts
    result = subprocess.run(
        [*command, "--no-error-summary", "--hide-error-context", "--no-pretty"],
        capture_output=True,
        text=True,
        cwd=folder,
        # mypy finds by itself what is installed, and is told of a checkout.
        env={**os.environ, **({} if installed else {"MYPYPATH": str(place)})},
    )
    assert result.returncode in (0, 1), result.stdout + result.stderr
    errors = re.findall(r"^(.*\.py):(\d+): error: (.*)$", result.stdout, re.MULTILINE)
    return [(Path(file).name, int(line), text) for file, line, text in errors]


@pytest.mark.slow
def test_users_see_types_and_mistakes(tmp_path):
    # Both at once, for what takes time is to read the packages that they import.
    program, wrong = HERE / "program.py", HERE / "wrong_uses.py"
    errors = strictly_checked(tmp_path, program, wrong)
    assert [error for error in errors if error[0] != wrong.name] == []
    lines = wrong.read_text(encoding="utf-8").splitlines()
    marked = {i for i, line in enumerate(lines, 1) if line.endswith("  # wrong")}
    assert len(marked) > 20
    assert {line for _, line, _ in errors} == marked


def test_package_says_that_it_is_typed():
    assert (Path(seal_sk.__file__).parent / "py.typed").is_file()
