import json
from pathlib import Path

import pytest

from seal_sk import SEALSuperpixels
from seal_sk.pan.shipped import ABOUT, SHIPPED


def test_figures_are_those_of_the_model_card():
    card = (Path(__file__).parents[2] / "docs" / "model_card.md").read_text()
    for about in ABOUT.values():
        assert f"{about.asa:.4f} / {about.br:.4f}" in card.replace(" /\n", " / ")


def test_list_has_all_that_ship(capsys, run):
    assert run("weights list") == 0
    out = capsys.readouterr().out
    assert run("weights list --json") == 0
    found = json.loads(capsys.readouterr().out)
    assert [one["name"] for one in found] == list(SHIPPED)
    for one in found:
        assert f"{one['name']}: {one['purpose']}\n" in out
        assert f"ASA {one['asa']:.4f}, BR {one['br']:.4f}\n" in out
        net = SEALSuperpixels.load(one["name"]).net_
        assert one["parameters"] == sum(p.numel() for p in net.parameters())
        assert f"{one['parameters']:,} parameters" in out


def test_info(network, capsys, run):
    assert run("weights info --json", network) == 0
    about = json.loads(capsys.readouterr().out)
    assert about["file"] == str(network)
    assert about["bytes"] == network.stat().st_size
    assert (about["network"], about["width"], about["in_channels"]) == ("pan", 4, 3)
    assert about["edges"] == "skimage"
    # For each pixel and direction: 1 x 7 from 3 to 4 channels, six of 3 x 3 from 4 to
    # 4, and 1 x 1 from 4 to 1, 2 to 8 and 8 to 1.
    per_pixel = 2 * (3 * 7 * 4 + 6 * 9 * 4 * 4 + 4 * 1 + 2 * 8 + 8 * 1)
    assert about["multiply_adds"] == 321 * 481 * per_pixel
    assert about["calibration"] == {"scale": 1.0, "shift": 0.0, "dither": 0.0}
    assert about["saved_with"]["max_iter"] == 2
    assert run("weights info", network) == 0
    lines = [line.split("  ")[0] for line in capsys.readouterr().out.splitlines()]
    assert lines[:3] == ["file", "size", "network"]
    assert "saved with crop_size" in lines


def test_info_of_a_network_of_the_authors(here, capsys, run):
    import torch

    from seal_sk.pan import PAN

    torch.save(PAN(width=4, edges="opencv").state_dict(), "net.pkl")
    assert run("weights info net.pkl --json") == 0
    about = json.loads(capsys.readouterr().out)
    assert about["edges"] == "opencv"
    assert about["saved_with"] == {}


@pytest.mark.parametrize(
    ("make", "message"),
    [
        (lambda path, net: path.write_bytes(net.read_bytes()[:300]), "is truncated"),
        (lambda path, net: path.write_text("hello"), "is truncated or not"),
        (lambda path, net: path.write_bytes(b""), "is truncated or not"),
        (lambda path, net: path.mkdir(), "No weights at"),
        (lambda path, net: None, "No weights at"),
    ],
)
def test_what_is_no_network(here, network, capsys, run, make, message):
    make(here / "bad.safetensors", network)
    assert run("weights info bad.safetensors") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert message in err
    assert err.count("\n") == 1
