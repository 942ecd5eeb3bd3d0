"""Time from image to superpixels with the shipped network, compared with SLIC.

    python benchmarks/inference.py --threads 1

Ten images of BSDS500 val, K = 300. SEAL in both precisions and scikit-image's SLIC run
in turn. Printed are medians, and ratios to SLIC on the same image.
"""

import argparse
import os
import sys
import time

parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--data-home", help="folder that holds the data set")
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)  # before the libraries read it

import numpy as np  # noqa: E402
import torch  # noqa: E402
from _data import bsds500  # noqa: E402
from skimage.segmentation import slic  # noqa: E402

from seal_sk import SEALSuperpixels  # noqa: E402


def main():
    torch.set_num_threads(args.threads)
    images = bsds500("val", args.data_home).images[::10]
    methods = {
        precision: SEALSuperpixels(300, weights="bsds500", precision=precision)
        for precision in ("float32", "bfloat16")
    }
    calls = {f"SEAL, {name}": seal.transform for name, seal in methods.items()}
    calls["network, float32"] = methods["float32"].predict_affinity
    calls["network, bfloat16"] = methods["bfloat16"].predict_affinity
    calls["SLIC"] = lambda one: slic(one[0], n_segments=300)
    seconds = {name: [] for name in calls}
    for call in calls.values():
        call([images[0]])
    for image in images:
        for name, call in calls.items():
            began = time.perf_counter()
            call([image])
            seconds[name].append(time.perf_counter() - began)
    print(f"{len(images)} images, {args.threads} threads")
    for name, times in seconds.items():
        ratio = np.median(np.divide(times, seconds["SLIC"]))
        print(f"{name:18}  {np.median(times):.3f} s  {ratio:.2f} of SLIC")


if __name__ == "__main__":
    sys.exit(main())
