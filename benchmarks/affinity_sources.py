"""Sources of affinities: the choices behind them, by ASA, BR and CD of ERS.

    python benchmarks/affinity_sources.py

Images of BSDS500 train, evenly spaced; means over all (image, annotation) pairs. The
edge between two pixels is the max, mean or min of their edge values, or the value of
the first one. Diagonals are derived from the four edges around (`to_eight_connected`),
or computed directly and divided by sqrt(2). The scale of features is a share of the
mean distance (over all images, or per image), of its root mean square, or of the
median.
"""

import argparse
import sys

import numpy as np
import torch
from _data import bsds500
from joblib import Parallel, delayed
from skimage import filters
from skimage.color import rgb2gray, rgb2lab

from seal_sk import (
    EdgeAffinity,
    OracleAffinity,
    RGBAffinity,
    ers,
    feature_affinity,
    to_eight_connected,
)
from seal_sk._validation import FROM_TO
from seal_sk.affinity.edges import canny
from seal_sk.affinity.maps import METRICS
from seal_sk.metrics import (
    asa_score,
    boundary_recall_score,
    contour_density,
    mean_over_pairs,
)

COUNTS = [100, 300]
RULES = {
    "max": np.maximum,
    "mean": lambda first, second: (first + second) / 2,
    "min": np.minimum,
    "first": lambda first, second: first,
}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data-home", help="folder that holds BSDS500")
    args = parser.parse_args()

    torch.set_num_threads(1)
    data = bsds500("train", args.data_home)
    chosen = range(0, len(data.images), len(data.images) // args.images)[: args.images]
    images = [data.images[i] for i in chosen]
    truths = [data.annotations[i] for i in chosen]

    def report(name, maps):
        cut = Parallel(n_jobs=args.jobs, prefer="threads")(
            delayed(ers)(affinity, COUNTS) for affinity in maps
        )
        cells = []
        for labels in zip(*cut, strict=True):
            asa = mean_over_pairs(asa_score, truths, labels)
            recall = mean_over_pairs(boundary_recall_score, truths, labels)
            density = np.mean([contour_density(one) for one in labels])
            cells.append(f"{asa:.4f} / {recall:.4f} / {density:.4f}")
        print(f"{name:32s}", *cells, sep="  ", flush=True)

    print(f"{len(images)} images, K = {COUNTS}: ASA / BR / CD")
    report("colours", RGBAffinity().transform(images))
    report("oracle", OracleAffinity().transform(truths))
    for name in ("canny", "sobel", "scharr", "prewitt", "roberts", "farid"):
        report(name, EdgeAffinity(name).transform(images))

    _compare_edges(report, images)
    _compare_scales(report, images)


def _compare_edges(report, images):
    gradients = [filters.sobel(rgb2gray(image)) for image in images]
    thin = [canny(image, "skimage").astype(float) for image in images]
    for kind, edges in (
        ("canny", thin),
        ("sobel", [_soft(g, 0.03) for g in gradients]),
    ):
        for rule in RULES:
            for own in (False, True):
                diagonals = "own" if own else "derived"
                maps = [_join(e, rule, own) for e in edges]
                report(f"{kind} {rule} {diagonals}", maps)
    for scale in (0.01, 0.02, 0.03, 0.04, 0.05, 0.1):
        maps = [_join(_soft(g, scale), "max", False) for g in gradients]
        report(f"sobel, gradient {scale}", maps)


def _compare_scales(report, images):
    for kind, function in (("CIELAB", _lab), ("RGB", _rgb), ("random", _Conv())):
        features = [function(image) for image in images]
        for metric in ("l2", "cosine"):
            distances = [_distances(f, metric) for f in features]
            every = np.concatenate(distances)
            choices = {
                f"{share} mean": share * every.mean() for share in (0.25, 0.5, 0.75, 1)
            }
            share = METRICS[metric]
            choices[f"{share} own mean"] = [share * d.mean() for d in distances]
            choices["0.25 rms"] = 0.25 * np.sqrt((every**2).mean())
            choices["0.5 rms"] = 0.5 * np.sqrt((every**2).mean())
            choices["median"] = np.median(every)
            for choice, scales in choices.items():
                scales = np.broadcast_to(scales, len(images))
                pairs = zip(features, scales, strict=True)
                maps = [feature_affinity(f, metric=metric, scale=s) for f, s in pairs]
                report(f"{kind} {metric} {choice}", maps)


def _soft(gradient, scale):
    return 1 - np.exp(-((gradient / scale) ** 2) / 2)


def _join(edges, rule, own):
    affinity = np.zeros((*edges.shape, 4), dtype=np.float32)
    for channel, (start, end) in enumerate(FROM_TO):
        affinity[(*start, channel)] = 1 - RULES[rule](edges[start], edges[end])
    if own:
        affinity[..., 2:] /= np.sqrt(2.0)
        return affinity
    return to_eight_connected(affinity[..., :2])


def _distances(features, metric):
    features = features.astype(float)
    if metric == "cosine":
        length = np.sqrt((features**2).sum(axis=0))
        features /= np.where(length > 0, length, 1)
    found = []
    for start, end in FROM_TO[:2]:
        squared = (
            (features[(slice(None), *start)] - features[(slice(None), *end)]) ** 2
        ).sum(axis=0)
        found.append((np.sqrt(squared) if metric == "l2" else squared / 2).ravel())
    return np.concatenate(found)


def _lab(image):
    return rgb2lab(image).transpose(2, 0, 1)


def _rgb(image):
    return image.transpose(2, 0, 1) / 255.0


class _Conv:
    """64 random filters of 3 x 3 and a ReLU: VGG16's first layer, untrained."""

    def __init__(self):
        torch.manual_seed(0)
        self.layers = torch.nn.Sequential(
            torch.nn.BatchNorm2d(3, affine=False, track_running_stats=False),
            torch.nn.Conv2d(3, 64, 3, padding=1),
            torch.nn.ReLU(),
        )

    def __call__(self, image):
        with torch.inference_mode():
            return self.layers(torch.from_numpy(_rgb(image)).float()[None])[0].numpy()


if __name__ == "__main__":
    sys.exit(main())
