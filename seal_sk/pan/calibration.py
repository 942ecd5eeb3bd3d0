"""Calibration: the scale and shift that turn a network's logits into affinities."""

from collections.abc import Sequence
from itertools import product
from math import inf

import numpy as np
from joblib import Parallel, delayed

from .._typing import Images, Truths
from .._validation import check_annotations, check_bands, check_pairs, check_real
from ..affinity import to_eight_connected
from ..metrics import asa_score, boundary_recall_score
from ..segmentation import ers
from .base import AffinityNet
from .prediction import Predictor

__all__ = ["calibrate"]

# Of 0.01, 0.03, 0.1 and 0.3, this gave the best superpixels with the shipped network.
_DITHER = 0.03

# Boundary recall varies about four times as much between methods as ASA.
_RECALL_WEIGHT = 0.25


def calibrate(
    net: AffinityNet,
    images: Images,
    annotations: Truths,
    *,
    n_segments: Sequence[int] = (100, 300, 600),
    scales: Sequence[float] = (1.0, 1.5, 2.0),
    shifts: Sequence[float] = (-3.0, -4.0, -5.0, -6.0, -7.0, -8.0, -9.0),
    n_jobs: int | None = None,
) -> dict[str, float]:
    """Choose and set the calibration of a network by the quality of superpixels.

    A network trained with cross-entropy predicts probabilities, which are close to 1
    nearly everywhere. ERS makes better superpixels from ``sigmoid(scale * logit +
    shift)``, which spreads the probabilities near 1. All pairs of a grid are tried; the
    dither is set to 0.03.

    Parameters
    ----------
    net : AffinityNet
        A trained network; its calibration is set in place.
    images, annotations : sequences
        Images that it was not trained on, and a list of label maps for each.
    n_segments : sequence of int
        Numbers of superpixels, over which scores are averaged.
    scales, shifts : sequences of float
        The grid of values to try.
    n_jobs : int, optional
        Number of threads, as in joblib.

    Returns
    -------
    dict
        ``scale`` and ``shift`` with the largest ``asa + br / 4``, and the ``asa`` and
        ``br`` (boundary recall) that they give.

    Raises
    ------
    ValueError, TypeError
        If images and annotations differ in length, or a grid is empty or out of range.

    Examples
    --------
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.pan import UNet, calibrate
    >>> images, truths = make_scenes(2, shape=(32, 32), random_state=0)
    >>> net = UNet(width=4).eval()
    >>> best = calibrate(net, images, truths, n_segments=[10], shifts=[-3.0, -5.0])
    >>> net.calibration.tolist()[:2] == [best["scale"], best["shift"]]
    True
    """
    images, annotations = check_pairs(images, annotations)
    for name, values in (
        ("n_segments", n_segments),
        ("scales", scales),
        ("shifts", shifts),
    ):
        if not np.ndim(values):
            raise TypeError(f"{name}={values!r} must be a sequence.")
        if not len(values):
            raise ValueError(f"{name} is empty; give at least one value.")
    for scale, shift in product(scales, shifts):
        check_real(scale, 0, name="scales", exclusive=True)
        check_real(shift, -inf, name="shifts")
    checked = (
        check_bands(images[i], net.in_channels, name=f"images[{i}]")
        for i in range(len(images))
    )
    predictor = Predictor(net)
    predictor.dither = _DITHER
    logits = list(predictor.logits(checked))
    truths = [
        check_annotations(annotations[i], logits[i].shape[:2], name=f"annotations[{i}]")
        for i in range(len(logits))
    ]
    best: dict[str, float] = {}
    with Parallel(n_jobs=n_jobs, prefer="threads") as parallel:
        for scale, shift in product(scales, shifts):
            predictor.scale, predictor.shift = scale, shift
            jobs = (
                delayed(_scores)(predictor.affinity(one), maps, n_segments)
                for one, maps in zip(logits, truths, strict=True)
            )
            scores = np.concatenate(parallel(jobs))
            asa, recall = scores.mean(axis=0).tolist()
            found = {"scale": scale, "shift": shift, "asa": asa, "br": recall}
            if not best or _worth(found) > _worth(best):
                best = found
    net.set_calibration(best["scale"], best["shift"], _DITHER)
    return best


def _worth(found):
    return found["asa"] + _RECALL_WEIGHT * found["br"]


def _scores(affinity, annotations, n_segments):
    """(ASA, BR) of each annotation, averaged over the counts."""
    label_maps = ers(to_eight_connected(affinity), list(n_segments))
    return np.mean(
        [
            [
                (asa_score(truth, labels), boundary_recall_score(truth, labels))
                for truth in annotations
            ]
            for labels in label_maps
        ],
        axis=0,
    )
