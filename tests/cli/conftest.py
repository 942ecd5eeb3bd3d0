import os
import select
import struct
import subprocess
import sys
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

from seal_sk import SEALSuperpixels
from seal_sk.cli import main
from seal_sk.datasets import make_scenes

SHAPE = (32, 40)
SCENES, TRUTHS = make_scenes(4, shape=SHAPE, random_state=0)


@pytest.fixture(scope="session")
def small_scenes():
    """Four generated scenes of 32 x 40 pixels: images and ground truths."""
    return SCENES, TRUTHS


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(here):
    """Three images in the folder `photos`: a.png, b.png, c.png."""
    (here / "photos").mkdir()
    for name, scene in zip("abc", SCENES, strict=False):
        iio.imwrite(here / f"photos/{name}.png", scene)
    return here / "photos"


@pytest.fixture
def data(here):
    """A data set in the folder `data`: three images, two annotators."""
    for name, scene, truth in zip("abc", SCENES, TRUTHS, strict=False):
        for kind, array in (
            ("images", scene),
            ("annotations/ada", truth.astype(np.uint8)),
            ("annotations/bo", (truth // 2).astype(np.uint8)),
        ):
            path = here / f"data/{kind}/{name}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            iio.imwrite(path, array)
    return here / "data"


@pytest.fixture(scope="session")
def network(tmp_path_factory):
    """File of a network that was trained a little."""
    path = tmp_path_factory.mktemp("network") / "net.safetensors"
    SEALSuperpixels(
        n_segments=20, width=4, max_iter=2, batch_size=1, crop_size=24, random_state=0
    ).fit(SCENES, TRUTHS).save(path)
    return path


@pytest.fixture(scope="session")
def run():
    """Function that runs a command in this process; returns its exit status."""

    def call(command, *arguments):
        return main([*command.split(), *map(str, arguments)])

    return call


@pytest.fixture(scope="session")
def program():
    """The installed program."""
    path = Path(sys.executable).with_name("seal-sk")
    if not path.exists():
        pytest.fail(f"{path} is not there: install the package.")
    return str(path)


@pytest.fixture(scope="session")
def start(program):
    """Function that runs the installed program in a process of its own."""

    def call(*arguments, **settings):
        return subprocess.run(
            [program, *map(os.fspath, arguments)],
            **{"capture_output": True, "text": True, "timeout": 60, **settings},
        )

    return call


class Terminal:
    """The installed program in a real terminal, with its standard output in a pipe."""

    def __init__(self, command):
        import fcntl
        import pty
        import termios

        self._master, slave = pty.openpty()
        rows_and_columns = struct.pack("HHHH", 24, 80, 0, 0)
        fcntl.ioctl(slave, termios.TIOCSWINSZ, rows_and_columns)
        self.process = subprocess.Popen(
            command,
            stdin=slave,
            stdout=subprocess.PIPE,
            stderr=slave,
            start_new_session=True,
            preexec_fn=lambda: fcntl.ioctl(0, termios.TIOCSCTTY, 0),
        )
        os.close(slave)
        self.seen = ""

    def wait_for(self, text, seconds=60):
        """Read what the terminal shows until there is `text`."""
        end = time.monotonic() + seconds
        while text not in self.seen:
            assert self._read(end), f"no {text!r} in {self.seen!r}"

    def press_ctrl_c(self):
        os.write(self._master, b"\x03")

    def end(self, seconds=60):
        """Wait for the end; return status, standard output, all that was shown."""
        end = time.monotonic() + seconds
        while self._read(end):
            pass
        out = self.process.stdout.read().decode()
        return self.process.wait(5), out, self.seen

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
            self.process.wait()
        self.process.stdout.close()
        os.close(self._master)

    def _read(self, end):
        ready, _, _ = select.select(
            [self._master], [], [], max(0, end - time.monotonic())
        )
        if not ready:
            return False
        try:
            found = os.read(self._master, 65536)
        except OSError:  # what Linux says when the other end is closed
            return False
        self.seen += found.decode(errors="replace")
        return bool(found)


@pytest.fixture
def terminal(program):
    """Function that starts the program in a terminal."""
    pytest.importorskip("pty", reason="no terminals to be had on this system")
    started = []

    def start(*arguments):
        started.append(Terminal([program, *map(str, arguments)]))
        return started[-1]

    yield start
    for one in started:
        one.close()
