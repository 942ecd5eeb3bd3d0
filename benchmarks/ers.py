"""Time of ERS as a ratio to scikit-image's SLIC, and its memory.

    python benchmarks/ers.py

One thread, median of --repeat runs on an image, then the median over BSDS500 test
images. The affinity map is made beforehand; SLIC is skimage.segmentation.slic with 300
segments on the same image.
"""

import argparse
import statistics
import sys
import time
import tracemalloc

from _data import bsds500
from skimage.segmentation import slic

from seal_sk import ers, rgb_affinity


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--data-home", help="folder that holds BSDS500")
    args = parser.parse_args()

    images = bsds500("test", args.data_home).images
    images = images[:: len(images) // args.images][: args.images]
    cases = [(c, k) for c in (4, 8) for k in (300, 1000)]
    ratios = {case: [] for case in cases}
    seconds = []
    for image in images:
        peer = _median_time(lambda image=image: slic(image, 300), args.repeat)
        seconds.append(peer)
        for connectivity, k in cases:
            affinity = rgb_affinity(image, connectivity=connectivity)
            ours = _median_time(lambda a=affinity, k=k: ers(a, k), args.repeat)
            ratios[connectivity, k].append(ours / peer)

    print(f"{len(images)} images; SLIC takes {1e3 * statistics.median(seconds):.0f} ms")
    print("connectivity     K  time / SLIC  bytes a pixel")
    for connectivity, k in cases:
        affinity = rgb_affinity(images[0], connectivity=connectivity)
        tracemalloc.start()
        ers(affinity, k)
        peak = tracemalloc.get_traced_memory()[1] / affinity[..., 0].size
        tracemalloc.stop()
        ratio = statistics.median(ratios[connectivity, k])
        print(f"{connectivity:12d}  {k:4d}  {ratio:11.2f}  {peak:13.0f}")


def _median_time(call, repeat):
    times = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        times.append(time.perf_counter() - start)
    return statistics.median(times)


if __name__ == "__main__":
    sys.exit(main())
