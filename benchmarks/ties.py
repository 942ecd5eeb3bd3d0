"""Effect of the order of ties on RGB ERS, measured on mirrored and rotated images.

    python benchmarks/ties.py

Integer colours give many equal affinities, and ERS breaks ties by the position of an
edge. If a mirrored or rotated photograph is segmented and the labels are turned back,
only this order has changed. Every fourth test image of BSDS500; ASA and BR are means
over all (image, annotation) pairs, and the contour density (CD) is the mean over the
images.
"""

import argparse
import sys

import numpy as np
from _data import bsds500
from joblib import Parallel, delayed

from seal_sk import ers, rgb_affinity
from seal_sk.metrics import asa_score, boundary_recall_score, contour_density

# Each undoes itself.
TURNS = {
    "as it is": lambda a: a,
    "mirrored": lambda a: a[:, ::-1],
    "upside down": lambda a: a[::-1],
    "turned by 180": lambda a: a[::-1, ::-1],
    "transposed": lambda a: a.swapaxes(0, 1),
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("-n", "--counts", type=int, nargs="+", default=[100, 300])
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data-home", help="folder that holds BSDS500")
    args = parser.parse_args()

    data = bsds500("test", args.data_home)
    chosen = range(0, len(data.images), 4)
    print(f"{len(chosen)} images, K = {args.counts}: ASA / BR / CD")
    for name, turn in TURNS.items():
        found = Parallel(n_jobs=args.jobs, prefer="threads")(
            delayed(_scores)(data.images[i], data.annotations[i], turn, args.counts)
            for i in chosen
        )
        scores, densities = zip(*found, strict=True)
        means = np.c_[
            np.concatenate(scores, axis=1).mean(axis=1), np.mean(densities, axis=0)
        ]
        cells = (" / ".join(f"{value:.4f}" for value in row) for row in means)
        print(f"{name:14}", *cells, sep="  ")


def _scores(image, annotations, turn, counts):
    """(count, pair, (ASA, BR)) of one image, and its density by count."""
    affinity = rgb_affinity(np.ascontiguousarray(turn(image)))
    maps = [turn(labels) for labels in ers(affinity, counts)]
    scores = [
        [
            (asa_score(truth, labels), boundary_recall_score(truth, labels))
            for truth in annotations
        ]
        for labels in maps
    ]
    return scores, [contour_density(labels) for labels in maps]


if __name__ == "__main__":
    sys.exit(main())
