"""Time from image to superpixels with the networks that ship, compared with SLIC.

    python benchmarks/inference.py --threads 1

Ten images of BSDS500 val, K = 300. SEAL with each network, in both precisions, and
scikit-image's SLIC run in turn. Printed are medians, and ratios to SLIC on the same
image; with `--parts`, also those of the steps from image to labels, in float32.
"""

import argparse
import os
import sys
import time
from contextlib import ExitStack
from functools import partial
from pathlib import Path
from unittest.mock import patch

parser = argparse.ArgumentParser(
    description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
)
parser.add_argument(
    "--weights", nargs="+", default=["bsds500"], help="names or files of networks"
)
parser.add_argument("--parts", action="store_true", help="time the steps, too")
parser.add_argument("--threads", type=int, default=1)
parser.add_argument("--data-home", help="folder that holds the data set")
args = parser.parse_args()
os.environ["OMP_NUM_THREADS"] = str(args.threads)  # before the libraries read it

import numpy as np  # noqa: E402
import torch  # noqa: E402
from _data import bsds500  # noqa: E402
from skimage.segmentation import slic  # noqa: E402

from seal_sk import SEALSuperpixels  # noqa: E402
from seal_sk.pan import Predictor  # noqa: E402
from seal_sk.segmentation import merging  # noqa: E402

# The steps after the network, and where they are called.
STEPS = {
    "network": (Predictor, "_logits"),
    "affinities by colours": (merging, "color_affinity"),
    "first cut": (SEALSuperpixels, "_cut"),
    "merging": (merging, "_merged"),
    "boundaries refined": (merging, "sweep"),
}


def main():
    torch.set_num_threads(args.threads)
    images = bsds500("val", args.data_home).images[::10]
    estimators = {
        (Path(weights).stem, precision): SEALSuperpixels.load(weights).set_params(
            n_segments=300, precision=precision, n_jobs=args.threads
        )
        for weights in args.weights
        for precision in ("float32", "bfloat16")
    }
    calls = {
        f"{name}, {precision}": lambda image, seal=seal: seal.transform([image])
        for (name, precision), seal in estimators.items()
    }
    calls["SLIC"] = partial(slic, n_segments=300)
    seconds = {name: [] for name in calls}
    for call in calls.values():
        call(images[0])
    for image in images:
        for name, call in calls.items():
            seconds[name].append(timed(call, image))
    peer = seconds["SLIC"]
    print(f"{len(images)} images, {args.threads} threads")
    for name, times in seconds.items():
        show(name, times, peer)
    if args.parts:
        for (name, precision), seal in estimators.items():
            if precision == "float32":
                print(f"\nsteps of {name}")
                for step, times in times_of_steps(seal, images).items():
                    show(step, times, peer)


def timed(call, image):
    began = time.perf_counter()
    call(image)
    return time.perf_counter() - began


def show(name, times, peer):
    ratio = np.median(np.divide(times, peer))
    print(f"{name:28}  {np.median(times):.3f} s  {ratio:.2f} of SLIC")


def times_of_steps(seal, images):
    """Seconds of each step, (image,), and of all that is between them."""
    seconds = {step: np.zeros(len(images)) for step in [*STEPS, "the rest"]}
    with ExitStack() as stack:
        for step, (owner, name) in STEPS.items():
            original = getattr(owner, name)

            def watched(*args, original=original, step=step, **kwargs):
                began, before = time.perf_counter(), seconds[step][i]
                result = original(*args, **kwargs)
                # A step that calls itself is not counted twice.
                seconds[step][i] = before + time.perf_counter() - began
                return result

            stack.enter_context(patch.object(owner, name, watched))
        for i, image in enumerate(images):
            whole = timed(lambda image: seal.transform([image]), image)
            seconds["the rest"][i] = whole - sum(times[i] for times in seconds.values())
    return seconds


if __name__ == "__main__":
    sys.exit(main())
