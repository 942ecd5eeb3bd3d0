import numpy as np
import pytest

from seal_sk.export import Georeference

#: Projected, geographic, a rotated image, one whose rows go north.
PLACES = {
    "utm": Georeference("EPSG:32633", (0.5, 0, 500_000, 0, -0.5, 5_000_000)),
    "degrees": Georeference("EPSG:4326", (1e-4, 0, 13.4, 0, -1e-4, 52.5)),
    "rotated": Georeference("EPSG:2056", (0.3, 0.4, 2.6e6, 0.4, -0.3, 1.2e6)),
    "south up": Georeference("EPSG:3857", (10, 0, 1e6, 0, 10, 6e6)),
}


@pytest.fixture(params=list(PLACES))
def place(request):
    return PLACES[request.param]


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
