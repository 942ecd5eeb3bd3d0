"""ONNX files: the same affinities, for images of any size."""

import logging
import sys

import numpy as np
import pytest
import torch

from seal_sk.pan import PAN, MobileUNet, UNet, export_onnx


@pytest.fixture(
    params=[
        lambda: UNet(4),
        lambda: UNet(4, in_channels=5),
        lambda: MobileUNet(4, small=True),
        lambda: PAN(4),
        lambda: PAN(4, edges=None),
    ],
    ids=["unet", "unet of 5 bands", "mobile", "pan", "pan without edges"],
)
def net(request):
    net = request.param()
    with torch.no_grad():
        for _ in range(3):
            images = torch.rand(2, net.in_channels, 32, 32)
            edges = [] if net.edges is None else [torch.ones(2, 1, 32, 32)]
            net(*[images, *edges])
    return net.eval().set_calibration(1.5, -2.0)


# What torch's exporter says of torch's own code.
@pytest.mark.slow
@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")
def test_the_same_affinities_at_any_size(net, tmp_path, rng, monkeypatch):
    onnxruntime = pytest.importorskip("onnxruntime")
    pytest.importorskip("onnxscript")
    monkeypatch.setattr(logging.root, "disabled", True)
    path = tmp_path / "net.onnx"
    export_onnx(net, path)
    session = onnxruntime.InferenceSession(path)
    for n, height, width in ((1, 48, 64), (2, 33, 71), (1, 5, 1), (1, 120, 160)):
        image = rng.random((n, net.in_channels, height, width), dtype=np.float32)
        inputs = {"image": image}
        # The network itself reads blue, green, red.
        values = image[:, ::-1].copy() if net.in_channels == 3 else image
        tensors = [torch.from_numpy(values)]
        if net.edges is not None:
            edges = rng.integers(0, 2, (n, 1, height, width)).astype(np.float32)
            inputs["edges"] = edges
            tensors.append(torch.from_numpy(edges))
        (affinity,) = session.run(["affinity"], inputs)
        with torch.no_grad():
            expected = net(*tensors).numpy()
        assert expected.shape == (n, 2, height, width)
        np.testing.assert_allclose(affinity, expected, atol=1e-4)


def test_says_what_is_missing(net, tmp_path, monkeypatch):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    with pytest.raises(ImportError, match=r'pip install "seal_sk\[onnx\]"'):
        export_onnx(net, tmp_path / "net.onnx")
    assert not list(tmp_path.iterdir())
