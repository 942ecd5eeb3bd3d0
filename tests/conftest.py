import os
from pathlib import Path

# Before NumPy and torch: processes side by side get a thread each, since threads that
# share cores wait for each other.
if "PYTEST_XDIST_WORKER" in os.environ:
    os.environ.setdefault("OMP_NUM_THREADS", "1")

import matplotlib
import numpy as np
import pytest

matplotlib.use("Agg")

ROOT = Path(__file__).parents[1]


@pytest.fixture(scope="session")
def golden():
    """Outputs of the original programs."""
    return Path(__file__).parent / "golden"


@pytest.fixture(scope="session")
def reference():
    """Function from a name to a file too large (or not ours) to be kept here."""

    def find(name):
        folder = Path(os.environ.get("SEAL_SK_REFERENCE", ROOT.parent / "shared"))
        if not (folder / name).exists():
            pytest.skip(
                f"{name} is not in {folder}; set SEAL_SK_REFERENCE to a folder with it"
            )
        return folder / name

    return find


@pytest.fixture(scope="session")
def scenes():
    """Two dozen small generated scenes: images and ground truths."""
    from seal_sk.datasets import make_scenes

    return make_scenes(24, shape=(64, 72), random_state=0)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def assert_same_partition():
    """Function that compares two label maps up to the names of the labels."""

    def check(labels, expected):
        pairs = np.unique(np.stack([labels.ravel(), expected.ravel()]), axis=1)
        assert len(np.unique(labels)) == len(np.unique(expected)) == pairs.shape[1]

    return check


@pytest.fixture
def assert_label_map():
    """Function that checks the contract of a label map."""
    from skimage.measure import label

    def check(labels, shape, n_segments, connectivity=8):
        assert labels.dtype == np.int32
        assert labels.shape == shape
        assert np.array_equal(np.unique(labels), np.arange(n_segments))
        regions = label(labels, background=-1, connectivity=connectivity // 4)
        assert regions.max() == n_segments

    return check


@pytest.fixture(scope="session")
def masks():
    """Strategy for a mask or none, with where it is True and how many areas it has."""
    from hypothesis import strategies as st
    from hypothesis.extra.numpy import arrays
    from skimage.measure import label

    @st.composite
    def draw(draw, shape, connectivity):
        mask = draw(st.none() | arrays(bool, shape))
        if mask is None:
            return None, np.ones(shape, dtype=bool), 1
        if not mask.any():
            mask[draw(st.integers(0, shape[0] - 1)), 0] = True
        return mask, mask, label(mask, connectivity=connectivity // 4).max()

    return draw


@pytest.fixture(params=["utm", "degrees", "rotated", "south up"])
def place(request):
    """Where an image lies: projected, geographic, rotated, with rows that go north."""
    from seal_sk.export import Georeference

    return {
        "utm": Georeference("EPSG:32633", (0.5, 0, 500_000, 0, -0.5, 5_000_000)),
        "degrees": Georeference("EPSG:4326", (1e-4, 0, 13.4, 0, -1e-4, 52.5)),
        "rotated": Georeference("EPSG:2056", (0.3, 0.4, 2.6e6, 0.4, -0.3, 1.2e6)),
        "south up": Georeference("EPSG:3857", (10, 0, 1e6, 0, 10, 6e6)),
    }[request.param]


class Interrupted(Exception):
    pass


@pytest.fixture
def interrupt(monkeypatch):
    """Make the next write fail when everything is written but nothing is in place."""

    def fail(*_):
        raise Interrupted

    def start():
        monkeypatch.setattr("os.fsync", fail)
        return pytest.raises(Interrupted)

    return start


@pytest.fixture
def labels():
    """Superpixels one of which has a hole, one two parts; some pixels are masked."""
    return np.array(
        [
            [0, 0, 0, 0, 1, 1],
            [0, 2, 2, 0, 1, -1],
            [0, 2, 3, 0, 1, -1],
            [0, 0, 0, 0, 4, 4],
            [5, 5, 5, 4, 5, 5],
        ]
    )
