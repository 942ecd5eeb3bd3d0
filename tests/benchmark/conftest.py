import pytest

from seal_sk.benchmark import run_benchmark
from seal_sk.datasets import Dataset, make_scenes

COUNTS = [10, 30]


def make_data(n=3):
    """Scenes of 40 x 48 pixels; the last has two annotations."""
    images, truths = make_scenes(n, shape=(40, 48), random_state=0)
    annotations = [[truth] for truth in truths]
    annotations[-1].append(truths[-1] // 2)
    return Dataset("scenes", images, annotations, [f"scene{i}" for i in range(n)])


@pytest.fixture(scope="session")
def data():
    return make_data()


@pytest.fixture(scope="session")
def finished(data, tmp_path_factory):
    """Results of three methods that nothing may change."""
    out = tmp_path_factory.mktemp("results")
    return run_benchmark(data, ["ers", "snic", "oracle"], COUNTS, out)
