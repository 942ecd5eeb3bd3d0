"""Calibrate a trained network by the superpixels of the whole method, and save it.

    python benchmarks/calibrate_network.py runs/x/net.safetensors -o bsds500.safetensors

Prints ASA / BR / CD on BSDS500 val for each scale and shift, and the mean over the
numbers of superpixels of ASA + BR / 25. With `-o`, the best is written as the package
ships networks: kernels in float16, and with the parameters that `SEALSuperpixels.load`
and the command line use; with `--fast`, 4 neighbours instead of 8. The network must not
have been trained on val.

`seal_sk.pan.calibrate` does the same for ERS alone, in a fraction of the time: logits
are computed once.
"""

import argparse
import sys
import tempfile
from itertools import product
from pathlib import Path

import numpy as np
from _data import bsds500
from joblib import Parallel, delayed

from seal_sk import SEALSuperpixels
from seal_sk.metrics import asa_score, boundary_recall_score, contour_density
from seal_sk.pan import read_weights, write_weights

# How to train further; the augmentation is that of a short training.
_TRAINING = {
    "network": "mobile",
    "loss": "bce",
    "annotations": "mean",
    "augmentation": "rigid",
    "averaging": 0.998,
}
_FAST = {"connectivity": 4}
_DITHER = 0.03


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("net", type=Path, help="file of the trained network")
    parser.add_argument("--scales", type=float, nargs="+", default=[2.0, 2.25, 2.5])
    parser.add_argument("--shifts", type=float, nargs="+", default=[-9.0, -10.5, -12.0])
    parser.add_argument(
        "-n", "--counts", type=int, nargs="+", default=[100, 300, 600, 1000]
    )
    parser.add_argument(
        "--every", type=int, default=4, help="use every N-th image of val"
    )
    parser.add_argument("--fast", action="store_true", help="along 4 neighbours")
    parser.add_argument("-o", "--output", type=Path, help="file to write")
    parser.add_argument("--jobs", type=int, default=2, help="threads")
    parser.add_argument("--data-home", help="folder of the data set")
    args = parser.parse_args()
    net, _ = read_weights(args.net)
    params = {**_TRAINING, "width": net.width, **(_FAST if args.fast else {})}
    data = bsds500("val", args.data_home)
    images = [np.asarray(image) for image in data.images[:: args.every]]
    truths = [list(maps) for maps in data.annotations[:: args.every]]
    best = None
    print(f"{len(images)} images of val; K = {', '.join(map(str, args.counts))}")
    print("scale  shift  ASA + BR / 25  ASA / BR / CD")
    with tempfile.TemporaryDirectory() as folder:
        file = Path(folder) / "net.safetensors"
        for scale, shift in product(args.scales, args.shifts):
            net.set_calibration(scale, shift, _DITHER)
            write_weights(file, net, params, half=True)
            scores = measure(file, images, truths, args.counts, args.jobs)
            worth = float(np.mean(scores[:, 0] + scores[:, 1] / 25))
            cells = [f"{a:.4f} / {r:.4f} / {d:.4f}" for a, r, d in scores]
            print(
                f"{scale:5g}  {shift:5g}  {worth:13.5f}", *cells, sep="  ", flush=True
            )
            if best is None or worth > best[0]:
                best = worth, scale, shift
    if args.output:
        net.set_calibration(*best[1:], _DITHER)
        write_weights(args.output, net, params, half=True)


def measure(file, images, truths, counts, jobs):
    """Mean scores of a network in a file, (count, (ASA, BR, CD)).

    ASA and BR are means over all pairs of an image and an annotation, CD over images.
    """
    seal = SEALSuperpixels.load(file).set_params(n_jobs=jobs)
    label_maps = seal.transform_counts(images, counts)
    with Parallel(n_jobs=jobs, prefer="threads") as parallel:
        scores = parallel(map(delayed(_scores), label_maps, truths))
    pairs = np.concatenate([of_image for of_image, _ in scores], axis=1).mean(axis=1)
    densities = np.mean([of_image for _, of_image in scores], axis=0)
    return np.column_stack([pairs, densities])


def _scores(maps, annotations):
    """ASA and BR of one image, (count, annotation, 2), and CD of each count."""
    pairs = [
        [
            (asa_score(truth, labels), boundary_recall_score(truth, labels))
            for truth in annotations
        ]
        for labels in maps
    ]
    return np.array(pairs), [contour_density(labels) for labels in maps]


if __name__ == "__main__":
    sys.exit(main())
