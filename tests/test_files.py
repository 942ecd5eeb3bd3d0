"""Files that are written whole or not at all."""

import errno
import os

import pytest

from seal_sk._files import replace_file


def test_a_file_is_replaced(tmp_path):
    path = tmp_path / "file.bin"
    for content in (b"first", b"second"):
        replace_file(path, content)
        assert path.read_bytes() == content
    assert list(tmp_path.iterdir()) == [path]


def test_a_name_of_any_length(tmp_path):
    path = tmp_path / ("n" * 251 + ".bin")
    replace_file(path, b"content")
    assert [file.name for file in tmp_path.iterdir()] == [path.name]


@pytest.mark.parametrize(
    ("code", "kind"), [(errno.ENOSPC, OSError), (errno.EACCES, PermissionError)]
)
def test_a_failure_names_the_file_and_leaves_what_was_there(
    tmp_path, monkeypatch, code, kind
):
    path = tmp_path / "file.bin"
    path.write_bytes(b"first")

    def fail(_):
        raise OSError(code, os.strerror(code))

    monkeypatch.setattr("os.fsync", fail)
    with pytest.raises(kind, match=os.strerror(code)) as caught:
        replace_file(path, b"second")
    assert caught.value.filename == str(path)
    assert path.read_bytes() == b"first"
    assert list(tmp_path.iterdir()) == [path]


def test_a_place_that_can_hold_no_file_is_refused(tmp_path):
    with pytest.raises(FileNotFoundError, match="There is no folder"):
        replace_file(tmp_path / "none" / "file.bin", b"")
    with pytest.raises(IsADirectoryError, match="is a folder"):
        replace_file(tmp_path, b"")
