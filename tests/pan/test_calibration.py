"""The calibration that gives the best superpixels."""

import numpy as np
import pytest
import torch

from seal_sk import ers, to_eight_connected
from seal_sk.metrics import asa_score, boundary_recall_score
from seal_sk.pan import PAN, UNet, calibrate
from seal_sk.pan.prediction import predict_affinity

GRID = {"scales": (0.5, 1.0, 3.0), "shifts": (0.0, -4.0)}


@pytest.fixture(params=[UNet, PAN])
def net(request):
    net = request.param(4, **({"edges": None} if request.param is PAN else {}))
    with torch.no_grad():
        for parameter in net.parameters():
            if parameter.ndim == 4:
                parameter.mul_(1.5)
    return net.eval()


def worth(net, images, annotations, counts):
    """By the definition: each calibration is tried on the network itself."""
    scores = []
    for image, maps in zip(images, annotations, strict=True):
        affinity = to_eight_connected(predict_affinity(net, image))
        for truth in maps:
            each = [
                (asa_score(truth, labels), boundary_recall_score(truth, labels))
                for labels in (ers(affinity, count) for count in counts)
            ]
            scores.append(np.mean(each, axis=0))
    return np.mean(scores, axis=0)


@pytest.mark.slow
def test_finds_the_best_of_the_grid(net, scenes):
    images = scenes[0][:3]
    annotations = [[truth] for truth in scenes[1][:3]]
    annotations[0].append(annotations[0][0][::-1].copy())
    found = calibrate(net, images, annotations, n_segments=(10, 30), **GRID)
    *calibration, dither = net.calibration.tolist()
    assert calibration == [found["scale"], found["shift"]]
    assert dither == pytest.approx(0.03)
    best = worth(net, images, annotations, (10, 30))
    np.testing.assert_allclose([found["asa"], found["br"]], best, atol=1e-12)
    for scale in GRID["scales"]:
        for shift in GRID["shifts"]:
            net.set_calibration(scale, shift, 0.03)
            asa, recall = worth(net, images, annotations, (10, 30))
            assert asa + recall / 4 <= found["asa"] + found["br"] / 4 + 1e-12


def test_jobs_change_nothing(net, scenes):
    annotations = [[truth] for truth in scenes[1][:3]]
    one = calibrate(net, scenes[0][:3], annotations, n_segments=(20,), **GRID)
    two = calibrate(net, scenes[0][:3], annotations, n_segments=(20,), n_jobs=2, **GRID)
    assert one == two


def test_bad_input_is_refused(net, scenes):
    with pytest.raises(ValueError, match="2 images and y has 1"):
        calibrate(net, scenes[0][:2], [[scenes[1][0]]])
    with pytest.raises(ValueError, match="empty"):
        calibrate(net, [], [])
    with pytest.raises(ValueError, match="n_segments"):
        calibrate(net, scenes[0][:1], [[scenes[1][0]]], n_segments=())
    for bad in ({"scales": ()}, {"scales": (0,)}, {"shifts": (float("inf"),)}):
        with pytest.raises(ValueError, match=next(iter(bad))):
            calibrate(net, scenes[0][:1], [[scenes[1][0]]], **bad)
    with pytest.raises(TypeError, match="n_segments=10 must be a sequence"):
        calibrate(net, scenes[0][:1], [[scenes[1][0]]], n_segments=10)
