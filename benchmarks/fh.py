"""FH: time as a ratio to scikit-image's felzenszwalb, memory, and ASA by number.

    python benchmarks/fh.py

One thread, images of BSDS500 test. Times are those of whole calls at scale 100, with
both implementations in turn: the median of --repeat runs per image, then the median
over the images. For ASA, `n_segments` is compared with a search for the largest scale
that leaves at least this many segments, both with the default `min_size` of
`n_segments`.
"""

import argparse
import statistics
import sys
import time
import tracemalloc

from _data import bsds500
from skimage.segmentation import felzenszwalb

from seal_sk import fh, fh_image, rgb_affinity
from seal_sk.metrics import asa_score, boundary_recall_score, contour_density


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--data-home", help="folder that holds BSDS500")
    args = parser.parse_args()

    data = bsds500("test", args.data_home)
    chosen = range(0, len(data.images), len(data.images) // args.images)[: args.images]
    images = [data.images[i] for i in chosen]
    truths = [data.annotations[i] for i in chosen]

    calls = {
        "felzenszwalb": lambda image: felzenszwalb(image, 100, 0.8, 20),
        "8 neighbours": lambda image: fh_image(image),
        "4 neighbours": lambda image: fh_image(image, connectivity=4),
        "300 segments": lambda image: fh_image(image, n_segments=300),
    }
    seconds = [_median_times(calls.values(), image, args.repeat) for image in images]
    print(f"{len(images)} images      ms  felzenszwalb / this    bytes/pixel")
    for i, (name, call) in enumerate(calls.items()):
        tracemalloc.start()
        call(images[0])
        peak = tracemalloc.get_traced_memory()[1] / images[0][..., 0].size
        tracemalloc.stop()
        milliseconds = 1e3 * statistics.median(s[i] for s in seconds)
        ratio = statistics.median(s[0] / s[i] for s in seconds)
        print(f"{name:12s}  {milliseconds:6.1f}  {ratio:19.2f}  {peak:13.0f}")

    affinities = [rgb_affinity(image) for image in images]
    print(f"{'K':>17}  {'n_segments ASA / BR / CD':>24}  {'by scale':>24}  (segments)")
    for name, call, inputs in (("image", fh_image, images), ("rgb", fh, affinities)):
        for k in (100, 300, 1000):
            exact = [call(array, n_segments=k) for array in inputs]
            searched = [_by_scale(call, array, k) for array in inputs]
            count = statistics.mean(labels.max() + 1 for labels in searched)
            print(
                f"{name:12s} {k:4d}  {_scores(truths, exact):>24s}  "
                f"{_scores(truths, searched):>24s}  {count:10.1f}"
            )


def _median_times(calls, image, repeat):
    calls = list(calls)
    times = [[] for _ in calls]
    for _ in range(repeat):
        for call, its_times in zip(calls, times, strict=True):
            start = time.perf_counter()
            call(image)
            its_times.append(time.perf_counter() - start)
    return [statistics.median(its_times) for its_times in times]


def _by_scale(call, array, k):
    min_size = array.shape[0] * array.shape[1] // (8 * k)
    low, high = 1e-3, 1e6
    for _ in range(20):
        scale = (low * high) ** 0.5
        if call(array, scale=scale, min_size=min_size).max() + 1 >= k:
            low = scale
        else:
            high = scale
    return call(array, scale=low, min_size=min_size)


def _scores(truths, maps):
    pairs = list(zip(truths, maps, strict=True))
    asa = statistics.mean(asa_score(*pair) for pair in pairs)
    recall = statistics.mean(boundary_recall_score(*pair) for pair in pairs)
    density = statistics.mean(map(contour_density, maps))
    return f"{asa:.4f} / {recall:.4f} / {density:.4f}"


if __name__ == "__main__":
    sys.exit(main())
