"""Time from image to superpixels with the networks that ship, compared with SLIC.

    python benchmarks/inference.py --threads 1

Ten images of BSDS500 val, K = 300. SEAL with each network, in both precisions, and
scikit-image's SLIC run in turn. Printed are medians, and ratios to SLIC on the same
image.
"""

import argparse
import os
import sys
import time
from pathlib import Path

parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument(
    "--weights", nargs="+", default=["bsds500"], help="names or files of networks"
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
    calls = {}
    for weights in args.weights:
        name = Path(weights).stem
        for precision in ("float32", "bfloat16"):
            seal = SEALSuperpixels.load(weights)
            seal.set_params(n_segments=300, precision=precision)
            calls[f"{name}, {precision}"] = seal.transform
            calls[f"{name}, {precision}, network alone"] = seal.predict_affinity
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
        print(f"{name:40}  {np.median(times):.3f} s  {ratio:.2f} of SLIC")


if __name__ == "__main__":
    sys.exit(main())
