"""The types that users see, by mypy."""

import re
import subprocess
import sys
from pathlib import Path

import pytest

import seal_sk
import seal_sk.pan

HERE = Path(__file__).parent
ROOT = HERE.parents[1]

pytest.importorskip("mypy", reason="mypy checks types: pip install mypy")


@pytest.fixture(scope="module")
def reported(tmp_path_factory, pytestconfig):
    """What mypy --strict says of both programs: (file, line, text) for each error."""
    config = tmp_path_factory.mktemp("mypy") / "mypy.ini"
    # seal_sk as users have it: installed, where only its signatures count.
    config.write_text(
        "[mypy]\nstrict = True\n[mypy-seal_sk.*]\nfollow_imports = silent\n"
    )
    result = subprocess.run(
        [
            *(sys.executable, "-m", "mypy", "--config-file", config),
            *("--cache-dir", pytestconfig.cache.mkdir("mypy")),
            *("--no-error-summary", "--hide-error-context", "--no-pretty"),
            *(HERE / "program.py", HERE / "wrong_uses.py"),
        ],
        capture_output=True,
        text=True,
        cwd=ROOT,
    )
    assert result.returncode in (0, 1), result.stdout + result.stderr
    errors = re.findall(r"^(.*\.py):(\d+): error: (.*)$", result.stdout, re.MULTILINE)
    return [(Path(file).name, int(line), text) for file, line, text in errors]


def test_a_users_program_sees_types(reported):
    assert [error for error in reported if error[0] != "wrong_uses.py"] == []


def test_wrong_uses_are_reported(reported):
    lines = (HERE / "wrong_uses.py").read_text().splitlines()
    wrong = {i for i, line in enumerate(lines, 1) if line.endswith("  # wrong")}
    assert len(wrong) > 20
    assert {line for file, line, _ in reported if file == "wrong_uses.py"} == wrong


@pytest.mark.parametrize("package", [seal_sk, seal_sk.pan])
def test_names_for_type_checkers_are_those_that_are_loaded(package):
    source = Path(package.__file__).read_text()
    imports = re.findall(
        r"^    from \.(\w*) import (\w+) as (\w+)$", source, re.MULTILINE
    )
    assert all(name == alias for _, name, alias in imports)
    modules = {(name, "") for name in getattr(package, "_MODULES", ())}
    assert {(name, home) for home, name, _ in imports} == {
        *package._HOME.items(),
        *modules,
    }


def test_package_says_that_it_is_typed():
    assert (Path(seal_sk.__file__).parent / "py.typed").is_file()
