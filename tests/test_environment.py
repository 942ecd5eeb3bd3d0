"""What a report of a problem says about the machine."""

import importlib.metadata
import os
import platform
import sys

import numpy
import pytest
import sklearn

import seal_sk
from seal_sk import _environment


@pytest.fixture
def shown(capsys):
    def show():
        assert seal_sk.show_versions() is None
        captured = capsys.readouterr()
        assert captured.err == ""
        return captured.out.splitlines()

    return show


def test_versions_are_those_of_what_is_imported(shown):
    import torch

    lines = shown()
    assert lines[0] == f"seal_sk: {seal_sk.__version__}"
    assert lines[1].startswith(f"Python: {platform.python_version()} ")
    assert f"  numpy: {numpy.__version__}" in lines
    assert f"  scikit-learn: {sklearn.__version__}" in lines
    assert f"  torch: {torch.__version__}" in lines
    assert f"torch's threads: {torch.get_num_threads()}" in lines
    assert any(line.startswith("blas: ") for line in lines)
    assert any(line.startswith("CUDA: ") for line in lines)
    assert any(line.startswith("MPS: ") for line in lines)


def test_extras_are_listed_apart_without_those_of_development(shown):
    lines = shown()
    assert "needed:" in lines
    extra = lines.index("for seal_sk[opencv]:")
    assert lines[extra + 1].startswith("  opencv-contrib-python-headless: ")
    assert not any("pytest" in line or "seal_sk[test]" in line for line in lines)


def test_nothing_private_is_shown(shown):
    text = "\n".join(shown())
    assert os.path.expanduser("~") not in text
    assert sys.prefix not in text
    assert os.getcwd() not in text


def test_missing_and_broken_packages_are_said_to_be_so(shown, monkeypatch):
    def version(name):
        if name == "opencv-contrib-python":
            return "4.10"
        if name in ("scipy", "opencv-contrib-python-headless"):
            raise importlib.metadata.PackageNotFoundError(name)
        if name == "numpy":
            raise KeyError("Version")
        return importlib.metadata.version(name)

    monkeypatch.setattr(_environment, "version", version)
    # As an import behaves where a package is there but can't be loaded.
    monkeypatch.setitem(sys.modules, "torch", None)
    monkeypatch.setitem(sys.modules, "threadpoolctl", None)
    lines = shown()
    assert "  scipy: not installed" in lines
    assert "  numpy: unknown (KeyError: 'Version')" in lines
    assert "  opencv-contrib-python-headless: 4.10 (as opencv-contrib-python)" in lines
    assert any(line.startswith("torch can't be used: ModuleNotF") for line in lines)
    assert any(line.startswith("thread pools can't be read: ") for line in lines)


def test_a_package_that_is_not_installed_says_so(shown, monkeypatch):
    def requires(name):
        raise importlib.metadata.PackageNotFoundError(name)

    monkeypatch.setattr(_environment, "requires", requires)
    lines = shown()
    assert "packages: unknown, since seal_sk is not installed, only imported" in lines
    assert "needed:" not in lines


def test_requirements_are_read_from_the_metadata(monkeypatch):
    lines = [
        "numpy>=1.26",
        "scikit-image >=0.23 ; python_version >= '3.10'",
        'pandas>=2.1; extra == "tables"',
        "seal_sk[tables]; extra == 'bench'",
        "jinja2>=3.1; extra == 'bench'",
        'pytest>=8; extra == "test"',
    ]
    monkeypatch.setattr(_environment, "requires", lambda _: lines)
    assert _environment._requirements() == {
        "": ["numpy", "scikit-image"],
        "tables": ["pandas"],
        "bench": ["jinja2"],
    }


def test_machine_is_one_line():
    assert "\n" not in _environment.machine()
    assert f"{platform.system()} {platform.machine()}" in _environment.machine()
