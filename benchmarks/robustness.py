"""Learned affinities on images unlike those of training, compared with colour ERS.

    python benchmarks/robustness.py --weights bsds500

BSDS500 val, unchanged and disturbed, and generated scenes: those of `make_scenes`, and
streets in perspective. ASA and BR are means over all (image, annotation) pairs, and
the contour density (CD) is the mean over the images; the ground truth of a disturbed
image is that of the image itself.
"""

import argparse
import sys

import numpy as np
from _data import bsds500
from _disturbances import DISTURBANCES, scaled
from _streets import street
from joblib import Parallel, delayed

from seal_sk import ERSSuperpixels, SEALSuperpixels
from seal_sk.cli.parsing import cost
from seal_sk.datasets import make_scenes
from seal_sk.metrics import asa_score, boundary_recall_score, contour_density


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", default="bsds500")
    parser.add_argument("-n", "--counts", type=int, nargs="+", default=[100, 300, 1000])
    parser.add_argument(
        "--every", type=int, default=5, help="use every N-th image of val"
    )
    parser.add_argument(
        "--scenes", type=int, default=20, help="generated scenes per kind"
    )
    parser.add_argument(
        "--boundary-cost",
        type=cost,
        default="auto",
        metavar="COST",
        help="cost that SEAL refines boundaries with: a number, none, or auto",
    )
    parser.add_argument("--jobs", type=int, default=2, help="threads")
    parser.add_argument("--data-home", help="folder of the data set")
    args = parser.parse_args()
    seal = SEALSuperpixels.load(args.weights).set_params(
        boundary_cost=None if args.boundary_cost == "none" else args.boundary_cost,
        n_jobs=args.jobs,
    )
    print(f"{'images':32} {'K':>5}  {'SEAL ASA / BR / CD':24}  RGB ERS ASA / BR / CD")
    for name, images, annotations, tolerance in _sets(args):
        learned = seal.transform_counts(images, args.counts)
        colours = ERSSuperpixels(n_jobs=args.jobs).transform_counts(images, args.counts)
        with Parallel(n_jobs=args.jobs, prefer="threads") as parallel:
            jobs = (
                delayed(_scores)(maps, truths, tolerance)
                for *maps, truths in zip(learned, colours, annotations, strict=True)
            )
            scores = np.concatenate(parallel(jobs)).mean(axis=0)
        densities = [
            [
                np.mean([contour_density(labels) for labels in of_count])
                for of_count in maps
            ]
            for maps in (zip(*learned, strict=True), zip(*colours, strict=True))
        ]
        for k, scores_of_k, *its in zip(args.counts, scores, *densities, strict=True):
            cells = [
                f"{asa:.4f} / {recall:.4f} / {density:.4f}"
                for (asa, recall), density in zip(scores_of_k, its, strict=True)
            ]
            print(f"{name:32} {k:5}", *cells, sep="  ", flush=True)


def _scores(maps, annotations, tolerance):
    """(pair, count, method, (ASA, BR)) of one image."""
    return [
        [
            [
                (
                    asa_score(truth, labels),
                    boundary_recall_score(truth, labels, tolerance=tolerance),
                )
                for labels in of_count
            ]
            for of_count in zip(*maps, strict=True)
        ]
        for truth in annotations
    ]


def _sets(args):
    """(name, images, annotations, tolerance) of each kind of images."""
    data = bsds500("val", args.data_home)
    images = [np.asarray(image) for image in data.images[:: args.every]]
    annotations = [list(maps) for maps in data.annotations[:: args.every]]
    yield "BSDS500 val", images, annotations, 1
    for name, disturb in DISTURBANCES.items():
        rng = np.random.default_rng(0)
        yield name, [disturb(image, rng) for image in images], annotations, 1
    for factor in (0.5, 2):
        scale = scaled(factor)
        yield (
            f"scaled by {factor}",
            [scale(image, 1) for image in images],
            [[scale(truth, 0) for truth in maps] for maps in annotations],
            1,
        )
    scenes, truths = make_scenes(args.scenes, random_state=0)
    yield "generated scenes", scenes, [[truth] for truth in truths], 1
    scenes, truths = zip(*map(street, range(args.scenes)), strict=True)
    yield "generated streets, tolerance 3", list(scenes), [[t] for t in truths], 3


if __name__ == "__main__":
    sys.exit(main())
