"""``seal-sk segment``: pixels that are left out, and which are black and white."""

import json

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from seal_sk import ERSSuperpixels, SNICSuperpixels
from seal_sk.datasets import make_scenes

SHAPE = (32, 40)
SCENES, _ = make_scenes(1, shape=SHAPE, random_state=0)


def masked_tiff(path, nodata="-7", dtype=np.int16):
    """A scene whose left third is no data; returns which pixels are some."""
    image = SCENES[0].astype(dtype) * 10
    inside = np.ones(SHAPE, dtype=bool)
    inside[:, : SHAPE[1] // 3] = False
    image[~inside] = float(nodata)
    # One band alone having the value is a value like others.
    image[0, -1, 0] = float(nodata)
    tag = [(42113, "s", 0, nodata, True)]
    tifffile.imwrite(path, image, photometric="rgb", extratags=tag)
    return inside


@pytest.mark.parametrize(("nodata", "dtype"), [("-7", np.int16), ("nan", np.float32)])
@pytest.mark.parametrize("method", ["snic", "ers"])
def test_no_data_is_left_out(here, run, nodata, dtype, method):
    pytest.importorskip("pandas")
    inside = masked_tiff("x.tif", nodata, dtype)
    if nodata == "nan":
        # Nothing can be done with a pixel of which a band is missing.
        inside[0, -1] = False
    command = f"segment x.tif -n 12 -o out -q --method {method} --value-range 0 2550"
    assert run(f"{command} --mask nodata --format tiff --polygons geojson") == 0
    labels = tifffile.imread("out/x.tif")
    assert np.array_equal(labels >= 0, inside)
    assert np.array_equal(np.unique(labels), np.arange(-1, 12))
    features = json.loads((here / "out/x.geojson").read_text())["features"]
    assert sum(one["properties"]["area"] for one in features) == inside.sum()
    # The same as from Python.
    image = SCENES[0] / 255
    image[0, -1, 0] = 0.0
    cutter = {"snic": SNICSuperpixels(12, exact=True), "ers": ERSSuperpixels(12)}
    if nodata != "nan":
        (expected,) = cutter[method].transform([image.astype(np.float32)], [inside])
        assert np.array_equal(labels, expected)


def test_transparent_pixels_are_left_out(here, run):
    alpha = np.full((*SHAPE, 1), 200, dtype=np.uint8)
    alpha[:, :9] = 0
    iio.imwrite("x.png", np.concatenate([SCENES[0], alpha], axis=2))
    iio.imwrite("y.png", SCENES[0])
    command = "segment x.png y.png -n 12 -o out -q --method snic --format npy"
    assert run(f"{command} --mask alpha") == 0
    labels = np.load("out/x.npy")
    assert (labels[:, :9] == -1).all()
    assert labels[:, 9:].min() == 0
    assert labels.max() == 11
    assert np.load("out/y.npy").min() == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--mask nodata", "add --format tiff"),
        ("--mask nodata --format tiff --method lsc", "can't be confined to a mask"),
        ("--mask alpha --format npy --drop-alpha", "leave out --drop-alpha"),
        ("--value-range 5 5", "black and white"),
    ],
)
def test_masks_and_ranges_that_are_refused(here, capsys, run, options, message):
    if "lsc" in options:
        pytest.importorskip("cv2")
    masked_tiff("x.tif")
    assert run(f"segment x.tif -n 12 -o out --method snic {options}") in (1, 2)
    assert message in capsys.readouterr().err
    assert not list((here / "out").glob("*"))


def test_fewer_pixels_than_superpixels_are_told_with_options(here, capsys, run):
    inside = masked_tiff("x.tif")
    command = "segment x.tif -n 1250 -o out --method snic --value-range 0 2550"
    assert run(f"{command} --mask nodata --format tiff") == 1
    message = f"x.tif: -n 1250 is more than the {inside.sum()} pixels of the mask"
    assert message in capsys.readouterr().err


def test_a_tile_of_no_data_alone_has_its_results(here, capsys, run):
    tag = [(42113, "s", 0, "0", True)]
    tifffile.imwrite("x.tif", np.zeros((9, 9), np.uint8), extratags=tag)
    command = "segment x.tif -n 2 -o out --method snic --mask nodata --format npy -v"
    assert run(command) == 0
    err = capsys.readouterr().err
    assert "note: x.tif: every pixel is masked by its nodata" in err
    assert "x.tif: 0 superpixels" in err
    assert np.array_equal(np.load("out/x.npy"), np.full((9, 9), -1))


def test_a_tile_of_no_data_alone_changes_no_score(here, capsys, run):
    pytest.importorskip("pandas")
    scenes, truths = make_scenes(3, shape=SHAPE, random_state=1)
    for folder in ("d/images", "d/annotations"):
        (here / folder).mkdir(parents=True)
    for name, scene, truth in zip("abc", scenes, truths, strict=True):
        image = scene / np.float32(255)
        image[: None if name == "b" else 5] = np.nan
        tifffile.imwrite(f"d/images/{name}.tif", image, photometric="rgb")
        np.save(f"d/annotations/{name}.npy", truth)
    data = "--data d --mask nodata"
    train = f"train {data} --width 4 --max-iter 2 --crop-size 16 --batch-size 2"
    commands = [
        f"evaluate {data} --method snic -n 12",
        f"evaluate {data} --method snic --segment-size 90",
        f"bench {data} --methods snic --counts 12 -o out",
        f"{train} --validate-every 1 --validation-data d -o net.safetensors",
    ]
    for command in commands:
        assert run(command) == 0
        assert "b.tif: every pixel is masked by its nodata" in capsys.readouterr().err
    assert run(commands[0]) == 0
    with_b, err = capsys.readouterr()
    assert "scored 2 of 3 images, 1 has no pixel that counts" in err
    for name in ("images/b.tif", "annotations/b.npy"):
        (here / "d" / name).unlink()
    assert run(f"{commands[0]} -q") == 0
    assert capsys.readouterr().out == with_b
    for name in "ac":
        image = np.full((*SHAPE, 3), np.nan, np.float32)
        tifffile.imwrite(f"d/images/{name}.tif", image, photometric="rgb")
    for command in (commands[0], f"{commands[2]}2", f"{train} -o n2.safetensors"):
        assert run(command) == 2
        assert "is ignored" in capsys.readouterr().err
