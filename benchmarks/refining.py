"""Time and memory of refine_boundaries.

    OMP_NUM_THREADS=1 python benchmarks/refining.py

Prints the time as a ratio to scikit-image's SLIC on the same image (481 x 321, 300
regions of SNIC, with affinities of colours), how much faster two threads are on 4
megapixels, the growth of the time with the number of pixels, and the memory beyond the
inputs. Times are medians over the repetitions, which alternate.
"""

import argparse
import sys
import time
import tracemalloc

import numpy as np
from _data import bsds500
from skimage.segmentation import slic

from seal_sk import refine_boundaries, rgb_affinity, snic


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=10, help="images of BSDS500 test")
    parser.add_argument("--repeat", type=int, default=5)
    parser.add_argument("--data-home", help="folder of the data set")
    args = parser.parse_args()
    images = [np.asarray(i) for i in bsds500("test", args.data_home).images]
    ratios = []
    for image in images[:: max(1, len(images) // args.images)]:
        problem = _problem(image, 300)
        ours, theirs = _times(
            args.repeat,
            lambda problem=problem: refine_boundaries(*problem),
            lambda image=image: slic(image, n_segments=300),
        )
        ratios.append(ours / theirs)
    print(f"300 regions, one thread: {np.median(ratios):.3f} of scikit-image's slic")

    seconds = {}
    for side in (1, 4):
        problem = _problem(_enlarged(images[0], side * 1_000_000), side * 1000)
        one, two = _times(
            args.repeat,
            lambda problem=problem: refine_boundaries(*problem, n_jobs=1),
            lambda problem=problem: refine_boundaries(*problem, n_jobs=2),
        )
        seconds[side] = one
        print(f"{side} megapixels: two threads are {one / two:.2f} times as fast")
    print(f"4 megapixels take {seconds[4] / seconds[1]:.2f} times as long as 1")
    tracemalloc.start()
    refine_boundaries(*problem)
    peak = tracemalloc.get_traced_memory()[1] / problem[0].size
    print(f"memory beyond the inputs: {peak:.1f} bytes per pixel")


def _problem(image, n_segments):
    return snic(image, n_segments), image, rgb_affinity(image)


def _enlarged(image, n_pixels):
    """The image repeated, mirrored at the seams."""
    side = round(n_pixels**0.5)
    tile = np.concatenate([image, image[::-1]])
    tile = np.concatenate([tile, tile[:, ::-1]], axis=1)
    times = [-(-side // n) for n in tile.shape[:2]]
    return np.ascontiguousarray(np.tile(tile, (*times, 1))[:side, :side])


def _times(repeat, *functions):
    """Median seconds of each function."""
    seconds = []
    for _ in range(repeat):
        row = []
        for function in functions:
            start = time.perf_counter()
            function()
            row.append(time.perf_counter() - start)
        seconds.append(row)
    return np.median(seconds, axis=0)


if __name__ == "__main__":
    sys.exit(main())
