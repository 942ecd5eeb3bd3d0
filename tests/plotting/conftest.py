import os
from pathlib import Path

import numpy as np
import pytest
from matplotlib import pyplot, rc_context, rcParamsDefault
from matplotlib.figure import Figure
from matplotlib.testing.compare import compare_images
from matplotlib.text import Text

BASELINES = Path(__file__).parent / "baseline"
WRITE = bool(os.environ.get("SEAL_SK_WRITE_BASELINES"))
# Root mean square of the differences, of 255: between matplotlib 3.8 and 3.11 it is
# below 0.5, with lines half a pixel of the image off above 20.
TOLERANCE = 2.0


@pytest.fixture
def labels():
    """A label map of twelve cells of different shapes, 24 x 32."""
    centres = [
        (3, 4), (2, 13), (4, 21), (3, 29), (10, 2), (11, 10),
        (9, 17), (12, 26), (20, 5), (19, 14), (21, 22), (18, 30),
    ]  # fmt: skip
    rows, columns = np.indices((24, 32))
    distances = [(rows - r) ** 2 + (columns - c) ** 2 for r, c in centres]
    return np.argmin(distances, axis=0).astype(np.int32)


@pytest.fixture
def image():
    """Colours that change in steps along both sides, 24 x 32."""
    rows, columns = np.indices((24, 32))
    return np.stack([8 * columns, 10 * rows, 240 - 7 * columns], 2).astype(np.uint8)


@pytest.fixture
def figure():
    """A figure of matplotlib's own look: eight pixels for each of the image."""
    with rc_context():
        # The backend is not ours to set.
        pyplot.rcParams.update(
            {k: v for k, v in rcParamsDefault.items() if not k.startswith("backend")}
        )
        yield Figure(figsize=(2.56, 1.92), dpi=100)


@pytest.fixture
def assert_baseline(tmp_path):
    """Function that compares a figure, but for its text, with a committed picture."""

    def check(figure, name):
        figure.draw_without_rendering()
        for text in figure.findobj(Text):
            text.set_visible(False)
        drawn = tmp_path / f"{name}.png"
        figure.savefig(drawn, metadata={"Software": None})
        expected = BASELINES / drawn.name
        if WRITE:
            expected.parent.mkdir(exist_ok=True)
            expected.write_bytes(drawn.read_bytes())
        assert expected.stat().st_size < 40_000
        # Its picture of the differences lies beside what it is given.
        there = tmp_path / "expected" / drawn.name
        there.parent.mkdir()
        there.write_bytes(expected.read_bytes())
        assert compare_images(str(there), str(drawn), TOLERANCE) is None

    return check


@pytest.fixture(autouse=True)
def no_figure_is_left():
    """Whatever a test opens it closes."""
    assert not pyplot.get_fignums()
    yield
    left = pyplot.get_fignums()
    pyplot.close("all")
    assert not left
