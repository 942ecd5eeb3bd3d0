"""Files that are written whole or not at all."""

import errno
import os
import subprocess
import sys
import time

import pytest

from seal_sk import _files
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


def left_over(folder, machine):
    part = folder / f".{machine}.{'0' * 16}.part"
    part.write_bytes(b"half")
    return part


@pytest.fixture
def nothing_cleared(monkeypatch):
    monkeypatch.setattr(_files, "_cleared", set())


def test_the_next_write_removes_what_a_killed_process_left(tmp_path):
    program = (
        "import os, signal, sys; from pathlib import Path; import seal_sk._files as f\n"
        "os.fsync = lambda number: os.kill(os.getpid(), signal.SIGKILL)\n"
        f"f.replace_file(Path({str(tmp_path)!r}) / 'a.bin', b'half')"
    )
    if not hasattr(os, "fork"):
        pytest.skip("no signals to kill with")
    subprocess.run([sys.executable, "-c", program], check=False)
    (part,) = tmp_path.iterdir()
    assert part.suffix == ".part"
    replace_file(tmp_path / "b.bin", b"whole")
    assert [file.name for file in tmp_path.iterdir()] == ["b.bin"]


@pytest.mark.skipif(_files.fcntl is None, reason="no locks of files")
def test_what_a_running_process_writes_is_left_alone(tmp_path, nothing_cleared):
    part, file = _files._new_part(tmp_path)
    with file:
        replace_file(tmp_path / "a.bin", b"whole")
        assert part.exists()
    _files.clear_parts(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]


def test_what_another_machine_left_is_removed_after_a_day(tmp_path, nothing_cleared):
    """A shared disk may not pass on the locks of other machines."""
    part = left_over(tmp_path, "0" * 8)
    stranger = tmp_path / ".1234.part"  # of another program
    stranger.touch()
    replace_file(tmp_path / "a.bin", b"whole")
    assert part.exists()
    day_ago = time.time() - 25 * 3600
    os.utime(part, (day_ago, day_ago))
    os.utime(stranger, (day_ago, day_ago))
    _files.clear_parts(tmp_path)
    assert sorted(file.name for file in tmp_path.iterdir()) == [".1234.part", "a.bin"]


@pytest.mark.skipif(_files.fcntl is None, reason="no locks of files")
def test_a_file_system_without_locks_is_written_and_nothing_removed(
    tmp_path, monkeypatch, nothing_cleared
):
    def no_locks(*_):
        raise OSError(errno.ENOLCK, os.strerror(errno.ENOLCK))

    monkeypatch.setattr(_files.fcntl, "flock", no_locks)
    part = left_over(tmp_path, _files._MACHINE)
    replace_file(tmp_path / "a.bin", b"whole")
    assert (tmp_path / "a.bin").read_bytes() == b"whole"
    assert part.exists()


@pytest.mark.skipif(_files.fcntl is None, reason="no locks of files")
def test_a_file_removed_before_it_was_locked_is_made_anew(tmp_path, monkeypatch):
    lock, removed = _files.fcntl.flock, []

    def too_late(file, operation):
        if not removed:
            removed.append(file.name)
            os.unlink(file.name)
        lock(file, operation)

    monkeypatch.setattr(_files.fcntl, "flock", too_late)
    replace_file(tmp_path / "a.bin", b"whole")
    assert [file.name for file in tmp_path.iterdir()] == ["a.bin"]
