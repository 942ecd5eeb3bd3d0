"""Packages that may be missing."""

import sys

import pytest

from seal_sk._extras import import_extra


def test_a_missing_package_is_to_be_installed(monkeypatch):
    monkeypatch.setitem(sys.modules, "cv2", None)
    with pytest.raises(
        ImportError, match=r'needs cv2, .* "seal_sk\[opencv\]"'
    ) as found:
        import_extra("cv2", "opencv", "This")
    assert found.value.name == "cv2"
    with pytest.raises(ImportError, match="not installed: pip install no_such_package"):
        import_extra("no_such_package", None, "This")


@pytest.mark.parametrize(
    "content",
    ["import half_a_package.compiled", "raise ImportError('libfoo.so is missing')"],
)
def test_a_package_that_lacks_a_part_is_to_be_reinstalled(
    tmp_path, monkeypatch, content
):
    (tmp_path / "half_a_package").mkdir()
    (tmp_path / "half_a_package/__init__.py").write_text(content)
    monkeypatch.syspath_prepend(tmp_path)
    with pytest.raises(ImportError, match=r"can't be imported .* reinstall it"):
        import_extra("half_a_package", "geo", "This")
