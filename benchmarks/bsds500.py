"""ASA and boundary recall on BSDS500 of learned and other superpixels.

    python benchmarks/bsds500.py --weights net.safetensors -n 200 400

Scores are means over all (image, annotation) pairs, boundary recall at tolerance 1;
the number of superpixels is what came out, not what was asked for.
"""

import argparse
import csv
import sys
from collections import defaultdict

import numpy as np
from _data import bsds500
from joblib import Parallel, delayed
from tqdm import tqdm

from seal_sk import (
    SEALSuperpixels,
    ers,
    lsc,
    oracle_affinity,
    rgb_affinity,
    seeds,
    slic,
    snic,
    to_eight_connected,
)
from seal_sk.metrics import asa_score, boundary_recall_score

# Those that go straight from the image.
PEERS = {"snic": snic, "slic": slic, "lsc": lsc, "seeds": seeds}
METHODS = ("seal", "ers", *PEERS, "oracle")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", help="network for 'seal'")
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
        "--every", type=int, default=1, help="take every so manyth image"
    )
    parser.add_argument(
        "--exact",
        action="store_true",
        help=f"the exact number from {', '.join(PEERS)}, too",
    )
    parser.add_argument("--data-home", help="folder that holds the data set")
    parser.add_argument("--jobs", type=int, default=2, help="threads")
    parser.add_argument("--csv", help="also write the table to this file")
    args = parser.parse_args()
    methods = args.methods or (["seal"] if args.weights else []) + ["ers"]
    if "seal" in methods and not args.weights:
        parser.error("method 'seal' needs --weights")

    data = bsds500(args.subset, args.data_home)
    chosen = range(0, len(data.images), args.every)
    cutters = {method: _cutter(method, args) for method in methods}
    # (method, count) -> one (ASA, BR) a pair, one number of superpixels an image
    pairs, sizes = defaultdict(list), defaultdict(list)
    with Parallel(n_jobs=args.jobs, prefer="threads") as parallel:
        for i in tqdm(chosen, unit="image"):
            image, annotations = data.images[i], data.annotations[i]
            for method, prepare in cutters.items():
                cut = prepare(image, annotations)
                scored = parallel(
                    delayed(_score)(cut, k, annotations) for k in args.counts
                )
                for k, (scores, size) in zip(args.counts, scored, strict=True):
                    pairs[method, k] += scores
                    sizes[method, k].append(size)

    rows = [
        (method, k, np.mean(sizes[method, k]), *np.mean(pairs[method, k], axis=0))
        for method in methods
        for k in args.counts
    ]
    n_pairs = len(pairs[methods[0], args.counts[0]])
    print(f"BSDS500 {args.subset}: {len(chosen)} images, {n_pairs} pairs")
    print("method   asked  superpixels     ASA      BR")
    for method, k, size, asa, recall in rows:
        print(f"{method:8} {k:5d}  {size:11.1f}  {asa:.4f}  {recall:.4f}")
    if args.csv:
        with open(args.csv, "w", newline="") as file:
            writer = csv.writer(file)
            writer.writerow(["method", "asked", "superpixels", "asa", "br"])
            writer.writerows(rows)


def _cutter(method, args):
    """Function of (image, annotations) that gives a function of the count."""
    if method == "seal":
        seal = SEALSuperpixels(weights=args.weights)

        def prepare(image, annotations):
            affinity = to_eight_connected(seal.predict_affinity([image])[0])
            return lambda k: ers(affinity, k)

    elif method == "ers":

        def prepare(image, annotations):
            affinity = rgb_affinity(image)
            return lambda k: ers(affinity, k)

    elif method == "oracle":

        def prepare(image, annotations):
            affinity = oracle_affinity(annotations)
            return lambda k: ers(affinity, k)

    else:

        def prepare(image, annotations):
            return lambda k: PEERS[method](image, k, exact=args.exact)

    return prepare


def _score(cut, k, annotations):
    labels = cut(k)
    scores = [
        (asa_score(truth, labels), boundary_recall_score(truth, labels))
        for truth in annotations
    ]
    return scores, len(np.unique(labels))


if __name__ == "__main__":
    sys.exit(main())
