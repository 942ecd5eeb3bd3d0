"""ASA and boundary recall on BSDS500 of learned and other superpixels.

    python benchmarks/bsds500.py --weights net.safetensors -n 200 400

ASA and boundary recall (BR, at tolerance 1) are means over all (image, annotation)
pairs; the contour density (CD) and the number of superpixels, which is the one
returned, not the one requested, are means over the images. "seal-ers" is ERS on the
affinities of "seal", without merging, as in the paper. "pidinet", "pidinet-tiny", "xyw"
and "hed" are "seal" along the edges of these detectors (edge_networks.py, which says
where their weights come from and what they have seen). Two methods use the ground
truth: "oracle" segments along the mean of all annotations; "annotators" segments along
the mean of all annotations but one, and is scored against that one. It measures how
consistent people are.
"""

import argparse
import csv
import sys
from collections import defaultdict

import numpy as np
from _data import bsds500
from edge_networks import NAMES as DETECTORS
from edge_networks import edge_network, edge_superpixels
from joblib import Parallel, delayed
from scipy.special import expit
from tqdm import tqdm

from seal_sk import (
    ERSSuperpixels,
    SEALSuperpixels,
    ers,
    lsc,
    oracle_affinity,
    seeds,
    slic,
    snic,
    to_eight_connected,
)
from seal_sk.cli.parsing import cost
from seal_sk.metrics import asa_score, boundary_recall_score, contour_density

# Those that go straight from the image.
PEERS = {"snic": snic, "slic": slic, "lsc": lsc, "seeds": seeds}
# Those whose boundaries can be refined at a cost, and those with a cost of their own.
AUTO = ("seal", *DETECTORS)
REFINED = (*AUTO, "ers")
METHODS = ("seal", "seal-ers", "ers", *DETECTORS, *PEERS, "oracle", "annotators")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", help="network for 'seal' and 'seal-ers'")
    parser.add_argument("-n", "--counts", type=int, nargs="+", default=[200, 400])
    parser.add_argument(
        "--methods",
        nargs="+",
        choices=METHODS,
        help="default: seal (with --weights) and ers",
    )
    parser.add_argument(
        "--subset", default="test", choices=("train", "val", "trainval", "test")
    )
    parser.add_argument(
        "--every",
        type=int,
        nargs="+",
        default=[1],
        help="use every N-th image; several numbers give one table each",
    )
    parser.add_argument(
        "--exact",
        action="store_true",
        help=f"make {', '.join(PEERS)} return the exact number, too",
    )
    parser.add_argument(
        "--boundary-costs",
        type=cost,
        nargs="+",
        metavar="COST",
        help="run 'seal', the detectors and 'ers' once for each of these costs: a "
        "number, none, or auto, which is not for 'ers'",
    )
    parser.add_argument("--edges", help="folder of the detectors' weights")
    parser.add_argument("--data-home", help="folder of the data set")
    parser.add_argument("--jobs", type=int, default=2, help="threads")
    parser.add_argument("--csv", help="also write the score of each pair to this file")
    args = parser.parse_args()
    methods = args.methods or (["seal"] if args.weights else []) + ["ers"]
    if {"seal", "seal-ers"} & set(methods) and not args.weights:
        parser.error("methods 'seal' and 'seal-ers' need --weights")
    costs = {
        method: [c for c in args.boundary_costs or [] if c != "auto" or method in AUTO]
        for method in REFINED
    }
    if args.boundary_costs and not any(costs.get(method) for method in methods):
        parser.error("none of --boundary-costs is for these --methods")

    data = bsds500(args.subset, args.data_home)
    chosen = [i for i in range(len(data.images)) if any(i % n == 0 for n in args.every)]
    cutters = {}
    for method in methods:
        for one in costs.get(method, []):
            refined = {"boundary_cost": None if one == "none" else one}
            cutters[f"{method} {one}"] = _cutter(method, args, **refined)
        if not costs.get(method):
            cutters[method] = _cutter(method, args)
    rows = []  # one a pair
    with Parallel(n_jobs=args.jobs, prefer="threads") as parallel:
        for i in tqdm(chosen, unit="image"):
            image, annotations = data.images[i], data.annotations[i]
            for method, prepare in cutters.items():
                cut = prepare(image, annotations)
                scored = parallel(
                    delayed(_score)(cut, k, annotations) for k in args.counts
                )
                for k, scores in zip(args.counts, scored, strict=True):
                    rows += [(method, k, i, j, *row) for j, row in enumerate(scores)]
    for n in args.every:
        _print_table([row for row in rows if row[2] % n == 0], args.subset)
    if args.csv:
        with open(args.csv, "w", newline="") as file:
            writer = csv.writer(file)
            columns = ["method", "asked", "image", "annotation", "superpixels"]
            writer.writerow([*columns, "asa", "br", "cd"])
            writer.writerows(rows)


def _print_table(rows, subset):
    of_pairs, of_images = defaultdict(list), defaultdict(lambda: defaultdict(list))
    for method, k, image, _, size, asa, recall, density in rows:
        of_pairs[method, k].append((asa, recall))
        of_images[method, k][image].append((size, density))
    one = next(iter(of_pairs))
    n_images, n_pairs = len(of_images[one]), len(of_pairs[one])
    print(f"BSDS500 {subset}: {n_images} images, {n_pairs} pairs")
    print("method             asked  superpixels     ASA      BR      CD")
    for (method, k), values in of_pairs.items():
        asa, recall = np.mean(values, axis=0)
        images = [np.mean(maps, axis=0) for maps in of_images[method, k].values()]
        size, density = np.mean(images, axis=0)
        print(
            f"{method:18} {k:5d}  {size:11.1f}  {asa:.4f}  {recall:.4f}  {density:.4f}"
        )


def _cutter(method, args, **params):
    """Function of (image, annotations) that gives a function of the count."""
    if method in (*REFINED, "seal-ers"):
        if method == "ers":
            estimator = ERSSuperpixels(**params)
        elif method in DETECTORS:
            estimator = edge_superpixels(edge_network(method, args.edges), **params)
        else:
            estimator = SEALSuperpixels.load(args.weights).set_params(**params)
        if method == "seal-ers":
            estimator.set_params(oversegmentation=1, boundary_cost=None)

        def prepare(image, annotations):
            (maps,) = estimator.transform_counts([image], args.counts)
            return dict(zip(args.counts, maps, strict=True)).get

    elif method == "oracle":

        def prepare(image, annotations):
            affinity = oracle_affinity(annotations)
            return lambda k: ers(affinity, k)

    elif method == "annotators":

        def prepare(image, annotations):
            affinities = [
                _sharpened(annotations[:j] + annotations[j + 1 :])
                for j in range(len(annotations))
            ]
            return lambda k: [ers(affinity, k) for affinity in affinities]

    else:

        def prepare(image, annotations):
            return lambda k: PEERS[method](image, k, exact=args.exact)

    return prepare


def _sharpened(annotations):
    """The oracle's affinities, calibrated as the shipped network's are."""
    probability = oracle_affinity(annotations, connectivity=4)
    odds = (probability + 1e-3) / (1 - probability + 1e-3)
    return to_eight_connected(expit(1.5 * np.log(odds) - 7))


def _score(cut, k, annotations):
    """(superpixels, ASA, BR, CD) of each annotation."""
    maps = cut(k)
    if not isinstance(maps, list):
        maps = len(annotations) * [maps]
    return [
        (
            len(np.unique(labels)),
            asa_score(truth, labels),
            boundary_recall_score(truth, labels),
            contour_density(labels),
        )
        for truth, labels in zip(annotations, maps, strict=True)
    ]


if __name__ == "__main__":
    sys.exit(main())
