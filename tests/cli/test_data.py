"""How images are read, the same in all commands."""

import json
import re

import numpy as np
import pytest
import tifffile

from seal_sk import SEALSuperpixels, SNICSuperpixels
from seal_sk.datasets import load_image_folder, make_scenes, read_label_map
from seal_sk.metrics import asa_score, mean_over_pairs

SHAPE = (32, 40)
SCENES, TRUTHS = make_scenes(3, shape=SHAPE, random_state=0)
TRAIN = (
    "train -o net.safetensors --width 4 --max-iter 2 --batch-size 1 --crop-size 24 "
    "--train-segment-size 40 --validation-fraction 0.4 --jobs 1"
)


def write_data(folder, images, truths=TRUTHS, **settings):
    for name in ("images", "annotations"):
        (folder / name).mkdir(parents=True)
    for i, (image, truth) in enumerate(zip(images, truths, strict=True)):
        tifffile.imwrite(folder / f"images/{i}.tif", image, **settings)
        np.save(folder / f"annotations/{i}.npy", truth)
    return folder


def asa(out):
    """The ASA in the table of evaluate."""
    return float(out.splitlines()[-1].split()[2])


@pytest.fixture
def dark(here):
    """Images of 11 bits in 16."""
    images = [scene.astype(np.uint16) * 8 for scene in SCENES]
    return write_data(here / "dark", images, photometric="rgb")


def test_a_range_of_values_means_the_same_everywhere(dark, here, capsys, run):
    options = "--method snic -n 30"
    values = "--value-range 0 2040"
    assert run(f"segment dark/images {options} -o out -q {values}") == 0
    assert run("evaluate out --data dark -q") == 0
    wanted = asa(capsys.readouterr().out)
    assert run(f"evaluate --data dark {options} {values}") == 0
    out, err = capsys.readouterr()
    assert asa(out) == wanted
    assert "black" not in err
    assert run(f"bench --data dark --methods snic --counts 30 -q {values}") == 0
    label_maps = SNICSuperpixels(30).transform([s / np.float32(255) for s in SCENES])
    wanted = mean_over_pairs(asa_score, TRUTHS, label_maps)
    (line,) = re.findall(r"^snic .*", capsys.readouterr().out, re.MULTILINE)
    assert float(line.split()[3]) == pytest.approx(wanted, abs=5.1e-5)


@pytest.mark.parametrize(
    "command",
    [
        "evaluate --method snic -n 30",
        "bench --methods snic --counts 30",
        TRAIN,
    ],
)
def test_nearly_black_images_are_noted_once(dark, capsys, run, command):
    assert run(f"{command} --data dark") == 0
    assert capsys.readouterr().err.count("note: 0: 99 % of the values") == 1
    again = "" if command.startswith("bench") else "--force"
    assert run(f"{command} --data dark -q {again}") == 0
    assert "note" not in capsys.readouterr().err


def test_a_range_for_each_band(here, capsys, run):
    image = np.dstack([SCENES[0][..., 0].astype(np.uint16) * k for k in (1, 2, 3)])
    tifffile.imwrite("x.tif", image, photometric="rgb")
    ranges = " ".join(f"--value-range 0 {255 * k}" for k in (1, 2, 3))
    assert run(f"segment x.tif -n 30 --method snic -o out -q {ranges}") == 0
    grey = SCENES[0][..., 0] / np.float32(255)
    (wanted,) = SNICSuperpixels(30, exact=True).transform([np.dstack([grey] * 3)])
    np.testing.assert_array_equal(read_label_map("out/x.png"), wanted)
    two = "--bands 1 2 3 --value-range 0 255 --value-range 0 510"
    assert run(f"segment x.tif -n 30 --method snic -o two {two}") == 2
    assert "--value-range is given 2 times, but --bands has 3" in (
        capsys.readouterr().err
    )


@pytest.mark.parametrize("n_bands", [4, 7])
def test_a_network_of_many_bands_from_training_to_scores(here, capsys, run, n_bands):
    images = [np.tile(scene, (1, 1, 3))[..., :n_bands] for scene in SCENES]
    settings = {"photometric": "minisblack", "planarconfig": "contig"}
    write_data(here / "data", images, **settings)
    bands = " ".join(map(str, range(1, n_bands + 1)))
    assert run(f"{TRAIN} --data data -q --bands {bands}") == 0
    seal = SEALSuperpixels.load("net.safetensors")
    options = "--weights net.safetensors -n 20 -q"
    # The network knows how many bands there are.
    assert run(f"segment data/images {options} -o out --overlay --table csv") == 0
    assert run(f"segment data/images {options} -o named --bands {bands}") == 0
    channels = images[0] if n_bands == 7 else np.tile(images[0], (1, 1, 2))
    (wanted,) = seal.set_params(n_segments=20).transform([channels])
    for folder in ("out", "named"):
        labels = read_label_map(f"{folder}/0.png")
        np.testing.assert_array_equal(labels, wanted)
    assert (here / "out/0_overlay.png").is_file()
    capsys.readouterr()
    assert run("evaluate out --data data -q --bands 1 2 3") == 0
    first = asa(capsys.readouterr().out)
    assert run(f"evaluate --data data {options}") == 0
    assert asa(capsys.readouterr().out) == first
    bench = "bench --data data --methods net.safetensors --counts 20 -q"
    assert run(bench) == 0
    assert f"{first:.4f}" in capsys.readouterr().out
    # As many as the network has not.
    assert run(f"segment data/images {options} -o x --bands 1 2 3") == 2
    assert "but --bands names 3" in capsys.readouterr().err
    assert run(f"segment data/images {options} -o x --method snic") == 2
    assert run("segment data/images -n 20 -q -o x --method snic") == 1
    assert "(--bands)" in capsys.readouterr().err


@pytest.fixture
def masked(here):
    """Images whose left quarter is declared to be no data."""
    images = [np.maximum(scene, 1) for scene in SCENES]
    for image in images:
        image[:, :10] = 0
    tag = [(42113, "s", 0, "0", True)]
    return write_data(here / "masked", images, photometric="rgb", extratags=tag)


def test_pixels_left_out_count_nowhere(masked, here, capsys, run):
    method = "--method snic -n 20 -q"
    command = f"segment masked/images {method} -o out --mask nodata"
    assert run(f"{command} --format tiff") == 0
    labels = [read_label_map(here / f"out/{i}.tif") for i in range(3)]
    assert all((one[:, :10] == -1).all() for one in labels)
    truths = [np.where(one < 0, -1, t) for one, t in zip(labels, TRUTHS, strict=True)]
    wanted = np.mean(
        [
            asa_score(truth, one, ignore_label=-1)
            for truth, one in zip(truths, labels, strict=True)
        ]
    )
    assert run("evaluate out --data masked -q --mask nodata") == 0
    assert asa(capsys.readouterr().out) == pytest.approx(wanted, abs=5.1e-5)
    assert run(f"evaluate --data masked {method} --mask nodata") == 0
    assert asa(capsys.readouterr().out) == pytest.approx(wanted, abs=5.1e-5)
    bench = "bench --data masked --methods out --counts 20 -q --mask nodata"
    assert run(bench) == 0
    assert f"{wanted:.4f}" in capsys.readouterr().out
    bench = "bench --data masked --methods snic --counts 20 -q --mask nodata -o new"
    assert run(bench) == 0
    # Without the mask, the label maps would be scored on easier pixels.
    assert run("evaluate out --data masked -q") == 2
    err = capsys.readouterr().err
    assert "leaves out 320 pixels" in err


def test_a_training_sees_no_truth_outside_the_mask(masked, here, run):
    assert run(f"{TRAIN} --data masked -q --mask nodata") == 0
    first = (here / "net.safetensors").read_bytes()
    for i, truth in enumerate(TRUTHS):
        other = truth.copy()
        other[:, :10] = 7
        np.save(here / f"masked/annotations/{i}.npy", other)
    assert run(f"{TRAIN} --data masked -q --mask nodata --force") == 0
    again = SEALSuperpixels.load("net.safetensors")
    (here / "first.safetensors").write_bytes(first)
    before = SEALSuperpixels.load("first.safetensors")
    assert again.ignore_label == -1
    for one, two in zip(before.net_.parameters(), again.net_.parameters(), strict=True):
        assert (one == two).all()


@pytest.mark.parametrize(
    "command",
    [
        "segment alpha/images -o out --method snic",
        "evaluate --data alpha --method snic",
        f"{TRAIN} --data alpha",
        "bench --data alpha --methods snic --counts 9",
    ],
)
def test_what_is_needed_has_the_name_of_an_option(here, capsys, run, command):
    opaque = np.full((*SHAPE, 1), 255, np.uint8)
    images = [np.concatenate([scene, opaque], axis=2) for scene in SCENES]
    write_data(here / "alpha", images, photometric="rgb", extrasamples=["unassalpha"])
    assert run(f"{command} -q") in (1, 2)
    assert "(--drop-alpha or --bands or --mask alpha)" in capsys.readouterr().err
    assert run(f"{command} -q --drop-alpha") == 0


def test_no_data_is_to_be_masked(here, capsys, run):
    image = SCENES[0].astype(np.float32) / 255
    image[:9] = np.nan
    tifffile.imwrite(here / "a.tif", image, photometric="rgb")
    assert run("segment a.tif -o out --method snic --format npy") == 1
    assert "mask these pixels as no data. (--mask nodata)" in capsys.readouterr().err
    assert run("segment a.tif -o out --method snic --format npy --mask nodata") == 0


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ("--bands 1 --drop-alpha", "leave out --drop-alpha"),
        ("--mask alpha --drop-alpha", "leave out --drop-alpha"),
        ("--value-range 9 9", "the lower one first"),
    ],
)
@pytest.mark.parametrize(
    "command",
    [
        "segment photos -o out --format npy",
        "evaluate --data data --method snic",
        f"{TRAIN} --data data",
        "bench --data data --methods snic --counts 9",
    ],
)
def test_refusals(photos, data, capsys, run, command, options, message):
    assert run(f"{command} {options}") == 2
    assert message in capsys.readouterr().err


@pytest.mark.parametrize("option", ["--bands 1", "--mask alpha", "--recursive"])
def test_other_data_sets_have_a_way_of_their_own(capsys, run, option):
    assert run(f"evaluate --data scenes --method snic {option}") == 2
    name = option.split()[0]
    said = f"'scenes' is read in its own way; leave out {name}."
    assert said in capsys.readouterr().err


def test_a_tree_of_label_maps_is_scored(here, capsys, run):
    for folder in ("a", "b"):
        for kind, arrays in (("images", SCENES), ("annotations", TRUTHS)):
            (here / f"tree/{kind}/{folder}").mkdir(parents=True)
            for i, array in enumerate(arrays):
                tifffile.imwrite(here / f"tree/{kind}/{folder}/{i}.tif", array)
    method = "--method snic -n 20 -q"
    assert run(f"segment tree/images {method} -o out --recursive") == 0
    assert run("evaluate out --data tree --recursive --out scores.json -q") == 0
    rows = json.loads((here / "scores.json").read_text())["images"]
    assert [row["image"] for row in rows] == ["a/0", "a/1", "a/2", "b/0", "b/1", "b/2"]
    first = asa(capsys.readouterr().out)
    assert run(f"evaluate --data tree {method} --recursive") == 0
    assert asa(capsys.readouterr().out) == first
    bench = "bench --data tree --methods out --counts 20 -q --recursive"
    assert run(bench) == 0
    assert f"{first:.4f}" in capsys.readouterr().out
    dataset = load_image_folder("tree/images", "tree/annotations", recursive=True)
    assert len(dataset.images) == 6
    assert run("evaluate out --data tree -q") == 2
    assert "subfolders have some: set --recursive." in capsys.readouterr().err
