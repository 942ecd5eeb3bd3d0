import re
import sys

import numpy as np
import pytest

from seal_sk import SEALSuperpixels
from seal_sk.cli.export import _TOLERANCE, _difference
from seal_sk.pan import PAN

pytest.importorskip("onnxscript")


@pytest.mark.slow
@pytest.mark.filterwarnings("default")  # of onnxruntime's own
def test_export(network, here, capsys, run):
    onnxruntime = pytest.importorskip("onnxruntime")
    (here / "net.onnx").write_text("old")
    assert run("export -o net.onnx", network) == 2
    assert "'net.onnx' exists already" in capsys.readouterr().err
    assert (here / "net.onnx").read_text() == "old"
    assert run("export -o net.onnx -v --force", network) == 0
    out, err = capsys.readouterr()
    difference = re.fullmatch(
        r"largest difference of affinities from torch: (\S+)\n", out
    )
    assert float(difference.group(1)) < 1e-5
    assert "input image: float32 (any, 3, any, any)" in err
    assert "input edges: float32 (any, 1, any, any)" in err
    assert err.endswith("seal-sk: wrote net.onnx\n")
    session = onnxruntime.InferenceSession(
        here / "net.onnx", providers=["CPUExecutionProvider"]
    )
    net = SEALSuperpixels.load(network).net_
    assert _difference(net, session) < 1e-5
    # Another network's affinities differ by far more than is let through.
    other = PAN(4, seed=5)
    assert _difference(other, session) > 10 * _TOLERANCE
    image = np.full((1, 3, 20, 30), 0.5, dtype=np.float32)
    edges = np.ones((1, 1, 20, 30), dtype=np.float32)
    (found,) = session.run(None, {"image": image, "edges": edges})
    estimator = SEALSuperpixels(weights=network)
    wanted = estimator.predict_affinity([np.full((20, 30, 3), 0.5)])[0]
    np.testing.assert_allclose(found[0, 0, :, :-1], wanted[:, :-1, 0], atol=1e-5)


def test_a_wrong_file_is_not_written(network, here, capsys, monkeypatch, run):
    import seal_sk.pan.export

    monkeypatch.setattr(
        seal_sk.pan.export, "export_onnx", lambda net, path: path.write_bytes(b"onnx")
    )
    monkeypatch.setattr(seal_sk.cli.export, "_session", lambda content, args: content)
    for difference in (0.5, float("nan")):
        monkeypatch.setattr(
            seal_sk.cli.export, "_difference", lambda *both, found=difference: found
        )
        assert run("export -o net.onnx", network) == 2
        assert "'net.onnx' was not written" in capsys.readouterr().err
        assert list(here.iterdir()) == []


def test_without_onnxruntime_it_says_so(network, here, capsys, monkeypatch, run):
    import seal_sk.pan.export as module

    monkeypatch.setattr(
        module, "export_onnx", lambda net, path: path.write_bytes(b"onnx")
    )
    monkeypatch.setitem(sys.modules, "onnxruntime", None)
    assert run("export -o net.onnx", network) == 0
    assert "note: the file was not checked" in capsys.readouterr().err
    assert (here / "net.onnx").read_bytes() == b"onnx"


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("bsds500 -o net.pb", "must end in .onnx"),
        ("bsds500 -o nowhere/net.onnx", "no folder 'nowhere'"),
        ("nowhere -o net.onnx", "No weights at 'nowhere'"),
    ],
)
def test_refusals(here, capsys, run, arguments, message):
    assert run(f"export {arguments}") == 2
    assert message in (err := capsys.readouterr().err)
    assert err.count("\n") == 1
    assert list(here.iterdir()) == []


def test_missing_packages_are_named(network, here, capsys, monkeypatch, run):
    monkeypatch.setitem(sys.modules, "onnxscript", None)
    assert run("export -o net.onnx", network) == 2
    assert 'pip install "seal_sk[onnx]"' in capsys.readouterr().err
