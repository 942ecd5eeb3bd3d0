"""Quality and speed of the operations on label maps, on BSDS500.

    OMP_NUM_THREADS=1 python benchmarks/labels.py

Label maps of scikit-image are changed to other numbers of segments, with and without
colours. Printed are the mean ASA and boundary recall over all (image, annotation)
pairs, the mean contour density over the images, then the times on one image, each the
minimum of several runs.
"""

import argparse
import sys
import time
from collections import defaultdict

import numpy as np
from _data import bsds500
from skimage.color import rgb2lab
from skimage.measure import label
from skimage.segmentation import felzenszwalb, slic

from seal_sk.labels import (
    boundaries,
    force_n_segments,
    merge_small,
    relabel_consecutive,
    split_components,
)
from seal_sk.metrics import asa_score, boundary_recall_score, contour_density


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--every", type=int, default=20, help="use every N-th image")
    parser.add_argument("--data-home", help="folder of the data set")
    args = parser.parse_args()
    data = bsds500("test", args.data_home)

    scores, densities = defaultdict(list), defaultdict(list)
    for i in range(0, len(data.images), args.every):
        image, annotations = data.images[i], data.annotations[i]
        colors = {"none": None, "RGB": image, "Lab": rgb2lab(image)}
        for name, labels, n in cases(image):
            for space, seen in colors.items():
                forced = force_n_segments(labels, n, image=seen)
                densities[name, space].append(contour_density(forced))
                scores[name, space] += [
                    (asa_score(truth, forced), boundary_recall_score(truth, forced))
                    for truth in annotations
                ]
    print("from                    colours     ASA      BR      CD")
    for (name, space), pairs in scores.items():
        asa, recall = np.mean(pairs, axis=0)
        density = np.mean(densities[name, space])
        print(f"{name:22}  {space:7}  {asa:.4f}  {recall:.4f}  {density:.4f}")

    image = data.images[0]
    raw = slic(image, 300, start_label=0, enforce_connectivity=False)
    labels = slic(image, 300, start_label=0)
    n = labels.max() + 1
    print("\nmilliseconds")
    for name, call in {
        "skimage.measure.label": lambda: label(raw, background=-1, connectivity=1),
        "split_components": lambda: split_components(raw),
        "relabel_consecutive": lambda: relabel_consecutive(raw),
        "boundaries": lambda: boundaries(raw),
        "merge_small": lambda: merge_small(raw, 100),
        "merge_small, RGB": lambda: merge_small(raw, 100, image=image),
        "20 fewer, RGB": lambda: force_n_segments(labels, n - 20, image=image),
        "20 more, RGB": lambda: force_n_segments(labels, n + 20, image=image),
        "twice as many, RGB": lambda: force_n_segments(labels, 2 * n, image=image),
    }.items():
        print(f"{name:22}  {fastest(call):6.2f}")


def cases(image):
    """Names, label maps and how many segments are wanted of each."""
    yield "SLIC 300, unconnected", slic(image, 300, enforce_connectivity=False), 300
    yield "SLIC 600 to 300", slic(image, 600, start_label=0), 300
    yield "SLIC 1500 to 300", slic(image, 1500, start_label=0), 300
    yield "FH, thousands to 300", felzenszwalb(image, scale=15, min_size=10), 300
    labels = slic(image, 300, start_label=0)
    n = labels.max() + 1
    yield "SLIC, 20 more", labels, n + 20
    yield "SLIC, twice as many", labels, 2 * n
    yield "one to 300", np.zeros(image.shape[:2], dtype=int), 300


def fastest(call, repeats=20):
    times = []
    for _ in range(repeats):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return 1e3 * min(times)


if __name__ == "__main__":
    sys.exit(main())
