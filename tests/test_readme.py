"""The README, followed in a clone: what it installs runs what it shows."""

import os
import re
import shutil
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
README = (ROOT / "README.md").read_text(encoding="utf-8")

pytestmark = [
    pytest.mark.skipif(sys.platform == "win32", reason="commands for a POSIX shell"),
    pytest.mark.skipif(
        not (ROOT / "seal_sk" / "_ers.pyx").exists(), reason="not in a checkout"
    ),
]


@pytest.fixture(scope="module")
def clone(tmp_path_factory):
    """A checkout in which nothing is compiled."""
    folder = tmp_path_factory.mktemp("clone")
    ignored = shutil.ignore_patterns("__pycache__", "*.c", "*.so", "*.pyd")
    shutil.copytree(ROOT / "seal_sk", folder / "seal_sk", ignore=ignored)
    for path in ROOT.iterdir():
        if path.is_file() and not path.name.startswith("."):
            shutil.copy(path, folder)
    return folder


def run(commands, folder, **variables):
    result = subprocess.run(
        ["bash", "-ec", commands],
        cwd=folder,
        env={**os.environ, "MPLBACKEND": "Agg", **variables},
        capture_output=True,
        text=True,
    )
    assert result.returncode == 0, result.stdout[-3000:] + result.stderr[-3000:]


def test_a_checkout_that_is_not_compiled_says_so(clone):
    result = subprocess.run(
        [sys.executable, "-c", "import seal_sk"],
        cwd=clone,
        capture_output=True,
        text=True,
    )
    last = result.stderr.splitlines()[-1]
    assert last.startswith(
        f"ImportError: The seal_sk in {str(clone)!r} is not compiled"
    )
    assert "run `pip install -e .` in that folder" in last


@pytest.mark.slow
def test_installed_as_it_says_it_runs_in_the_clone(clone):
    (command,) = re.findall(r"<!-- demo -->\n```bash\n(.*)\n```", README)
    make, activate, install, demo = command.split(" && ")
    assert demo == "seal-sk demo --force"
    run(make, clone)
    # What it needs lies in the environment that the tests run in.
    packages = sysconfig.get_path("purelib")
    (found,) = (clone / ".venv" / "lib").glob("python*/site-packages")
    (found / "packages.pth").write_text(packages)
    run(
        f"{activate} && {install}",
        clone,
        PYTHONPATH=packages,
        PIP_NO_BUILD_ISOLATION="0",  # pip's way to say that there is none
        PIP_NO_INDEX="1",
    )
    blocks = re.findall(r"^```python\n(.*?)^```$", README, re.DOTALL | re.MULTILINE)
    assert len(blocks) > 3
    where = f"import seal_sk\nassert seal_sk.__file__.startswith({str(clone)!r})\n"
    (clone / "snippets.py").write_text(where + "\n".join(blocks), encoding="utf-8")
    run(f"{activate} && python -W error snippets.py", clone)
