"""Time of the scores as a ratio to NumPy: one label map against five annotations.

    OMP_NUM_THREADS=1 python benchmarks/metrics.py

ASA and boundary recall (tolerance 1) together, for BSDS500 test images with at least
five annotations, of which the first five are used as uint16. The superpixels are those
of skimage.segmentation.slic with 300 segments, int32. On each image NumPy and our
function run in turn, and the minimum of --repeat times counts; the ratio is the median
over the images. The last row is `evaluate`, which also computes all other scores.
"""

import argparse
import statistics
import sys
import time

import numpy as np
from _data import bsds500
from scipy.ndimage import maximum_filter1d
from skimage.segmentation import slic

from seal_sk.metrics import asa_score, boundary_recall_score, evaluate


def asa_and_recall_numpy(annotations, labels, tolerance=1):
    """The two scores as fast as NumPy and SciPy have them: labels from 0, no mask."""
    size = 2 * tolerance + 1
    found = maximum_filter1d(
        maximum_filter1d(_boundary(labels), size, axis=0), size, axis=1
    )
    n_labels = int(labels.max()) + 1
    asa, recall = [], []
    for truth in annotations:
        n_truth = int(truth.max()) + 1
        pairs = (labels * np.int32(n_truth) + truth).ravel()
        table = np.bincount(pairs, minlength=n_labels * n_truth)
        asa.append(table.reshape(n_labels, n_truth).max(axis=1).sum() / labels.size)
        boundary = _boundary(truth).view(bool)
        hits = np.count_nonzero(boundary & found.view(bool))
        recall.append(hits / np.count_nonzero(boundary))
    return np.mean(asa), np.mean(recall)


def _boundary(labels):
    boundary = np.zeros(labels.shape, dtype=np.uint8)
    boundary[:, :-1] = labels[:, :-1] != labels[:, 1:]
    boundary[:-1] |= labels[:-1] != labels[1:]
    return boundary


def asa_and_recall(annotations, labels):
    return asa_score(annotations, labels), boundary_recall_score(annotations, labels)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=15)
    parser.add_argument("--data-home", help="folder that holds BSDS500")
    args = parser.parse_args()

    data = bsds500("test", args.data_home)
    chosen = [i for i in range(len(data.images)) if len(data.annotations[i]) >= 5]
    chosen = chosen[:: len(chosen) // args.images][: args.images]
    calls = (asa_and_recall_numpy, asa_and_recall, evaluate)
    seconds = []
    for i in chosen:
        labels = slic(data.images[i], 300).astype(np.int32)
        annotations = [truth.astype(np.uint16) for truth in data.annotations[i][:5]]
        ours, theirs = (call(annotations, labels) for call in calls[1::-1])
        if not np.allclose(ours, theirs, rtol=0, atol=1e-12):
            sys.exit(f"image {i}: ours {ours}, NumPy {theirs}")
        seconds.append(_least_times(calls, (annotations, labels), args.repeat))

    print(f"{len(chosen)} images     ms  NumPy's time / ours")
    for row, name in enumerate(("NumPy", "ASA + BR", "evaluate")):
        taken = 1e3 * statistics.median(times[row] for times in seconds)
        ratio = statistics.median(times[0] / times[row] for times in seconds)
        print(f"{name:9} {taken:6.2f}  {ratio:19.1f}")


def _least_times(calls, arguments, repeat):
    least = [float("inf")] * len(calls)
    for _ in range(repeat):
        for i, call in enumerate(calls):
            start = time.perf_counter()
            call(*arguments)
            least[i] = min(least[i], time.perf_counter() - start)
    return least


if __name__ == "__main__":
    sys.exit(main())
