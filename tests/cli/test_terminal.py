"""The installed program in a real terminal, and where there is none."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

on_posix = pytest.mark.skipif(os.name != "posix", reason="only on POSIX systems")


def many(photos, n):
    """The folder `many`, of n copies of an image."""
    folder = photos.parent / "many"
    folder.mkdir()
    for i in range(n):
        shutil.copy(photos / "a.png", folder / f"{i:04d}.png")
    return folder


@pytest.mark.slow
def test_a_progress_bar_in_the_terminal_and_results_in_the_pipe(data, here, terminal):
    one = terminal("evaluate", "--method", "snic", "-n", "20", "--data", "data")
    status, out, seen = one.end()
    assert status == 0, seen
    assert re.search(r"100%\|.*\| 3/3 ", seen)
    assert [line.split()[0] for line in out.splitlines()] == ["image", "mean"]


@pytest.mark.slow
def test_quiet_shows_no_bar(photos, here, terminal):
    status, out, seen = terminal("segment", photos, "-o", "out", "-n", "9", "-q").end()
    assert (status, out, seen) == (0, "", "")


@pytest.mark.slow
def test_no_bar_without_a_terminal(photos, here, start):
    done = start("segment", "photos/*.png", "-o", "out", "-n", "9", "--method", "snic")
    assert (done.returncode, done.stdout) == (0, "")
    assert done.stderr == "seal-sk: segmented 3 of 3 images\n"


@pytest.mark.slow
def test_what_is_said_does_not_break_the_bar(photos, here, terminal):
    (photos / "b.png").write_text("hello")
    one = terminal("segment", photos, "-o", "out", "-n", "9", "--method", "snic", "-v")
    status, _, seen = one.end()
    assert status == 1
    lines = [line.split("\r")[-1] for line in seen.split("\r\n")]
    said = [line for line in lines if line.startswith("seal-sk: ")]
    assert [line.split(":")[1] for line in said[:3]] == [
        f" {photos / name}" for name in ("a.png", "b.png", "c.png")
    ]
    assert said[3:] == ["seal-sk: segmented 2 of 3 images"]


@pytest.mark.slow
def test_ctrl_c_leaves_whole_files_only(photos, here, terminal):
    folder = many(photos, 2000)
    command = ["segment", folder, "-o", "out", "-n", "30", "--overlay"]
    one = terminal(*command, "--method", "snic")
    one.wait_for("/2000 ")
    one.wait_for("%|")
    while len(list((here / "out").glob("*.png"))) < 6:
        one.wait_for("image/s")
        one.seen = ""
    one.press_ctrl_c()
    status, out, seen = one.end()
    assert (status, out) == (130, "")
    assert seen.splitlines()[-1] == "seal-sk: interrupted"
    assert "Traceback" not in seen
    written = sorted((here / "out").iterdir())
    assert 6 <= len(written) < 4000
    for path in written:
        # A half of one would not be read.
        assert iio.imread(path).shape[:2] == (32, 40)
        if not path.stem.endswith("_overlay"):
            assert path.with_name(f"{path.stem}_overlay.png").exists()


@on_posix
def test_ctrl_c_while_torch_is_imported(tmp_path, start):
    # torch's C++ aborts where an exception comes out of what it calls.
    (tmp_path / "torch").mkdir()
    (tmp_path / "torch/__init__.py").write_text(
        "import os, signal\n"
        "try:\n"
        "    os.kill(os.getpid(), signal.SIGINT)\n"
        "except KeyboardInterrupt:\n"
        "    os.abort()\n"
    )
    environment = {**os.environ, "PYTHONPATH": str(tmp_path)}
    done = start("weights", "list", env=environment)
    assert (done.returncode, done.stdout) == (130, "")
    assert done.stderr == "seal-sk: interrupted\n"


@pytest.mark.parametrize(
    ("errors", "status", "out", "err"),
    [
        ("raise AttributeError('half made')", 0, "in order\n", ""),
        # One that is lost in __del__ would leave the program running.
        ("os.kill(os.getpid(), signal.SIGINT)", 130, "", "seal-sk: interrupted\n"),
    ],
)
@on_posix
def test_what_ctrl_c_breaks_is_not_shown(errors, status, out, err):
    code = f"""
import os, signal
from seal_sk.cli.interrupts import quiet_interrupts
class HalfMade:
    def __del__(self):
        {errors}
with quiet_interrupts():
    try:
        half = HalfMade()
        os.kill(os.getpid(), signal.SIGINT)
    except KeyboardInterrupt:
        del half
        print("in order", flush=True)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert (done.returncode, done.stdout, done.stderr) == (status, out, err)


@pytest.mark.slow
@on_posix
def test_names_of_any_bytes(photos, here, start):
    names = [b"with space.png", b"caf\xc3\xa9.png", b"latin\xe9.png", b"-n.png"]
    folder = bytes(here / "odd")
    Path(here / "odd").mkdir()
    try:
        for name in names:
            Path((folder + b"/" + name).decode("utf-8", "surrogateescape")).write_bytes(
                (photos / "a.png").read_bytes()
            )
    except OSError:
        pytest.skip("this file system takes no such names")
    done = start("segment", "odd", "-o", "out", "-n", "9", "-v", "--method", "snic")
    assert done.returncode == 0, done.stderr
    assert "latin\\udce9.png: 9 superpixels" in done.stderr
    assert sorted(
        bytes(path.name, "utf-8", "surrogateescape")
        for path in (here / "out").iterdir()
    ) == sorted(names)
    # On the standard output as well.
    truths = here / "odd-truths"
    truths.mkdir()
    for path in (here / "odd").iterdir():
        labels = np.arange(32 * 40).reshape(32, 40) // 160
        np.save(truths / f"{path.stem}.npy", labels)
    (here / "data").mkdir()
    (here / "odd").rename(here / "data/images")
    truths.rename(here / "data/annotations")
    done = start("evaluate", "out", "--data", "data", "-v", "--out", "scores.json")
    assert done.returncode == 0, done.stderr
    assert "latin\\udce9" in done.stdout
    assert "latin\\udce9" in (here / "scores.json").read_text()
