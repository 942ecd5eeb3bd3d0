"""The package as a whole: names, import time, what the README promises."""

import importlib
import re
import statistics
import subprocess
import sys
from pathlib import Path

import pytest

import seal_sk

ROOT = Path(__file__).parents[1]


def run(code):
    result = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    return result.stdout.strip()


def test_every_public_name_is_there():
    for name in seal_sk.__all__:
        assert hasattr(seal_sk, name), name
    assert set(seal_sk.__all__) <= set(dir(seal_sk))
    with pytest.raises(AttributeError, match="attribute nothing"):
        _ = seal_sk.nothing


@pytest.mark.parametrize(
    "module",
    [
        "affinity",
        "datasets",
        "features",
        "io",
        "labels",
        "metrics",
        "pan",
        "pan.loss",
        "pipeline",
        "plotting",
        "report",
        "segmentation",
        "sources",
        "superpixels",
    ],
)
def test_every_module_lists_its_names(module):
    module = importlib.import_module(f"seal_sk.{module}")
    for name in module.__all__:
        assert getattr(module, name).__doc__ or name.isupper()


@pytest.mark.slow
def test_import_is_light():
    loaded = run(
        "import sys, sklearn, seal_sk, seal_sk.superpixels, seal_sk.affinity,"
        "seal_sk.pan, seal_sk.metrics, seal_sk.datasets, seal_sk.cli,"
        "seal_sk.features, seal_sk.features.classifier;"
        "print([m for m in ('torch', 'skimage', 'matplotlib', 'cv2') "
        "if m in sys.modules])"
    )
    assert loaded == "[]"


@pytest.mark.slow
def test_import_adds_little_to_scikit_learn():
    code = (
        "import sklearn, time; start = time.perf_counter(); import seal_sk;"
        "print(time.perf_counter() - start)"
    )
    assert statistics.median(float(run(code)) for _ in range(3)) < 0.1


def test_ci_runs_the_readmes_test_command():
    readme = (ROOT / "README.md").read_text()
    (command,) = re.findall(r"<!-- tests -->\s*```bash\n(.*?)```", readme, re.DOTALL)
    assert "pytest" in command
    assert "-c constraints.txt" in command
    assert "<!-- tests -->" in (ROOT / ".ci" / "run").read_text()
