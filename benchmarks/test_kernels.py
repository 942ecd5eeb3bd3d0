"""Times of the kernels, for comparing commits.

    pip install pytest-benchmark
    pytest benchmarks/test_kernels.py --benchmark-autosave
    pytest benchmarks/test_kernels.py --benchmark-compare

The second line saves the times of a commit; the third compares those of another commit
with the last saved ones. Nothing here is part of the test suite.
"""

import numpy as np
import pytest
from skimage import data

from seal_sk import ers, fh, fh_image, rgb_affinity, snic
from seal_sk.labels import force_n_segments, merge_small, split_components
from seal_sk.metrics import evaluate

IMAGE = data.astronaut()[:321, :481]
AFFINITY = {
    connectivity: rgb_affinity(IMAGE, connectivity=connectivity)
    for connectivity in (4, 8)
}
LABELS = snic(IMAGE, 300)
TRUTHS = [snic(IMAGE, n).astype(np.uint16) for n in (5, 10, 20, 40, 80)]
RAW = np.random.default_rng(0).integers(0, 3, IMAGE.shape[:2]) + 3 * LABELS

CALLS = {
    "ers, 4 neighbours": lambda: ers(AFFINITY[4], 300),
    "ers, 8 neighbours": lambda: ers(AFFINITY[8], 300),
    "ers, nested": lambda: ers(AFFINITY[8], [100, 300, 1000], nested=True),
    "fh": lambda: fh(AFFINITY[8]),
    "fh_image": lambda: fh_image(IMAGE),
    "fh_image, exact": lambda: fh_image(IMAGE, n_segments=300),
    "snic": lambda: snic(IMAGE, 300),
    "split_components": lambda: split_components(RAW),
    "merge_small": lambda: merge_small(RAW, 20, image=IMAGE),
    "force_n_segments": lambda: force_n_segments(LABELS, 250, image=IMAGE),
    "evaluate": lambda: evaluate(TRUTHS, LABELS, image=IMAGE),
}


@pytest.mark.parametrize("name", list(CALLS))
def test_time(benchmark, name):
    benchmark(CALLS[name])
