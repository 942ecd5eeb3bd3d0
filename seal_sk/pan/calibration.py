"""From probabilities to affinities: scale and shift of a network's logits."""

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

# Among 0.01, 0.03, 0.1 and 0.3 that with the best superpixels of the shipped network.
_DITHER = 0.03

# Boundary recall moves by about four times as much as ASA between methods.
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
    """Choose and set the calibration of a network by the superpixels that come out.

    A network trained by cross-entropy predicts probabilities, which are close to 1
    nearly everywhere; ERS cuts better along ``sigmoid(scale * logit + shift)``, which
    tells the nearly certain from the certain. Every pair of a grid is tried, and the
    dither set to 0.03.

    Parameters
    ----------
    net : PAN or UNet
        Trained; its calibration is set in place.
    images, annotations : sequences
        Images that it was not trained on, and a list of label maps for each.
    n_segments : sequence of int
        Counts that are averaged over.
    scales, shifts : sequences of float
        The grid.
    n_jobs : int, optional
        Threads, as in joblib.

    Returns
    -------
    dict
        ``scale``, ``shift`` and the ``asa`` and ``br`` (boundary recall) that they
        give: the pair with the greatest ``asa + br / 4``.

    Raises
    ------
    ValueError, TypeError
        If images and annotations do not pair up, or a grid is empty or out of range.

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
    check_pairs(images, annotations)
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
    """(ASA, BR) of each annotation, the mean over the counts."""
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
