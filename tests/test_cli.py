import os
import subprocess
import sys

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from seal_sk import ERSSuperpixels, SEALSuperpixels, __version__
from seal_sk.cli import main
from seal_sk.datasets import make_scenes
from seal_sk.demo import run_demo
from seal_sk.plotting import draw_boundaries

SHAPE = (32, 40)
SCENES, TRUTHS = make_scenes(4, shape=SHAPE, random_state=0)


@pytest.fixture
def here(tmp_path, monkeypatch):
    """Run in an empty folder."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def photos(here):
    """Three images in the folder `photos`."""
    (here / "photos").mkdir()
    for name, scene in zip("abc", SCENES, strict=False):
        iio.imwrite(here / f"photos/{name}.png", scene)
    return here / "photos"


@pytest.fixture(scope="module")
def network(tmp_path_factory):
    """Write a network that was trained a little."""
    path = tmp_path_factory.mktemp("network") / "net.safetensors"
    SEALSuperpixels(
        n_segments=20, width=4, max_iter=2, batch_size=1, crop_size=24, random_state=0
    ).fit(SCENES, TRUTHS).save(path)
    return path


def run(command, *paths):
    return main([*command.split(), *map(str, paths)])


def expected(image, n_segments=30, **params):
    estimator = SEALSuperpixels(n_segments, weights="bsds500", **params)
    return estimator.transform([image])[0]


def files_of(folder):
    return sorted(file.name for file in folder.iterdir())


# What comes out


def test_png_label_maps(photos, here, capsys):
    assert run("segment photos -n 30 -o out") == 0
    assert files_of(here / "out") == ["a.png", "b.png", "c.png"]
    for name, scene in zip("abc", SCENES, strict=False):
        labels = iio.imread(here / f"out/{name}.png")
        assert labels.dtype == np.uint16
        np.testing.assert_array_equal(labels, expected(scene))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "seal-sk: segmented 3 of 3 images\n"


def test_tiff_label_maps_and_parameters(photos, here):
    command = "segment -n 30 -o a/b --format tiff --balance 2 --connectivity 4 --quiet"
    assert run(command, photos / "b.png", photos / "a.png") == 0
    assert files_of(here / "a/b") == ["a.tif", "b.tif"]
    labels = tifffile.imread(here / "a/b/a.tif")
    assert labels.dtype == np.uint16
    wanted = expected(SCENES[0], balance=2, connectivity=4)
    np.testing.assert_array_equal(labels, wanted)


def test_more_labels_than_16_bits_hold(here):
    image = np.zeros((260, 260), dtype=np.uint8)
    iio.imwrite("flat.png", image)
    assert run("segment flat.png -n 67000 -o out --format tiff --quiet") == 0
    labels = tifffile.imread("out/flat.tif")
    assert labels.dtype == np.uint32
    assert len(np.unique(labels)) == 67000


def test_65536_labels_fit_into_a_png(here):
    iio.imwrite("flat.png", np.zeros((256, 256), dtype=np.uint8))
    assert run("segment flat.png -n 65536 -o out --quiet") == 0
    labels = iio.imread("out/flat.png")
    np.testing.assert_array_equal(labels.ravel(), np.arange(65536))


def test_label_maps_by_colour(photos, here, capsys):
    assert run("segment photos -n 30 -o out --method ers") == 0
    estimator = ERSSuperpixels(n_segments=30)
    for name, labels in zip("abc", estimator.transform(SCENES[:3]), strict=True):
        np.testing.assert_array_equal(iio.imread(here / f"out/{name}.png"), labels)
    capsys.readouterr()
    assert run("segment photos -o no --method ers --weights bsds500") == 2
    assert "--weights is for --method seal" in capsys.readouterr().err
    assert not (here / "no").exists()


def test_label_maps_of_a_network(photos, here, network):
    assert run("segment photos -n 30 -o out --device cpu --weights", network) == 0
    estimator = SEALSuperpixels(n_segments=30, weights=network, device="cpu")
    for name, labels in zip("abc", estimator.transform(SCENES[:3]), strict=True):
        np.testing.assert_array_equal(iio.imread(here / f"out/{name}.png"), labels)


def test_jobs_change_nothing(photos, here):
    assert run("segment photos -n 30 -o one --quiet") == 0
    assert run("segment photos -n 30 -o two --quiet --jobs 2") == 0
    for name in ("a.png", "b.png", "c.png"):
        assert (here / "one" / name).read_bytes() == (here / "two" / name).read_bytes()


def test_overlay(photos, here):
    assert run("segment photos/a.png -n 30 -o out --overlay --quiet") == 0
    assert files_of(here / "out") == ["a.png", "a_overlay.png"]
    drawing = draw_boundaries(SCENES[0], expected(SCENES[0]))
    np.testing.assert_array_equal(iio.imread("out/a_overlay.png"), drawing)


def test_label_maps_are_replaced(photos, here):
    (here / "out").mkdir()
    (here / "out/a.png").write_text("old")
    assert run("segment photos/a.png -n 30 -o out --quiet") == 0
    np.testing.assert_array_equal(iio.imread("out/a.png"), expected(SCENES[0]))


def test_quiet_says_nothing(photos, capsys):
    assert run("segment photos -n 30 -o out --quiet") == 0
    assert capsys.readouterr() == ("", "")


# What goes in


def deep(image):
    """16 bits that differ from the 8 they are made from."""
    return image.astype(np.uint16) * 257 ^ 77


@pytest.mark.parametrize(
    "image",
    [
        SCENES[0],
        SCENES[0][..., 0],
        deep(SCENES[0]),
        deep(SCENES[0][..., 0]),
        (SCENES[0] / 255).astype(np.float32),
    ],
    ids=["rgb8", "grey8", "rgb16", "grey16", "float"],
)
def test_tiff_is_read_as_it_is(image, here):
    tifffile.imwrite("x.TIF", image, photometric="rgb" if image.ndim == 3 else None)
    assert run("segment x.TIF -n 30 -o out --quiet") == 0
    np.testing.assert_array_equal(iio.imread("out/x.png"), expected(image))


def test_tiff_plane_by_plane(here):
    planes = np.moveaxis(SCENES[0], 2, 0)
    tifffile.imwrite("x.tif", planes, photometric="rgb", planarconfig="separate")
    assert run("segment x.tif -n 30 -o out --quiet") == 0
    np.testing.assert_array_equal(iio.imread("out/x.png"), expected(SCENES[0]))


def test_grey_png_keeps_16_bits(here):
    image = np.arange(1280, dtype=np.uint16).reshape(SHAPE)
    iio.imwrite("x.png", image)
    assert run("segment x.png -n 30 -o out --quiet --overlay") == 0
    np.testing.assert_array_equal(iio.imread("out/x.png"), expected(image))


def test_16_bit_colours_in_png_are_noted(here, capsys):
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite("x.png", deep(SCENES[0]))
    assert run("segment x.png -n 30 -o out --quiet") == 0
    assert "note: x.png: 16-bit colours are read as 8" in capsys.readouterr().err


def test_jpeg(here):
    iio.imwrite("x.JPEG", SCENES[0])
    assert run("segment x.JPEG -n 30 -o out --quiet") == 0
    labels = expected(iio.imread("x.JPEG"))
    np.testing.assert_array_equal(iio.imread("out/x.png"), labels)


def test_palette_and_bitmap(here):
    from PIL import Image

    Image.fromarray(SCENES[0]).quantize(8).save("palette.png")
    bits = SCENES[0][..., 0] > 100
    Image.fromarray(bits).save("bits.png")
    assert run("segment palette.png bits.png -n 30 -o out --quiet") == 0
    colors = np.asarray(Image.open("palette.png").convert("RGB"))
    np.testing.assert_array_equal(iio.imread("out/palette.png"), expected(colors))
    bits = bits.astype(np.uint8) * 255
    np.testing.assert_array_equal(iio.imread("out/bits.png"), expected(bits))


def test_alpha_is_dropped_on_demand(here, capsys):
    alpha = np.full((*SHAPE, 1), 200, dtype=np.uint8)
    iio.imwrite("x.png", np.concatenate([SCENES[0], alpha], axis=2))
    assert run("segment x.png -n 30 -o out --quiet") == 1
    assert "x.png: has an alpha channel" in (err := capsys.readouterr().err)
    assert "--drop-alpha" in err
    assert files_of(here / "out") == []
    assert run("segment x.png -n 30 -o out --quiet --drop-alpha") == 0
    np.testing.assert_array_equal(iio.imread("out/x.png"), expected(SCENES[0]))


def test_only_images_of_a_folder_are_read(photos, here):
    (photos / "notes.txt").write_text("not an image")
    (photos / "._a.png").write_bytes(b"\0")
    assert run("segment photos -n 30 -o out --quiet") == 0
    assert files_of(here / "out") == ["a.png", "b.png", "c.png"]


# An image fails, and the others go on


def write_broken(path, kind):
    if kind == "truncated png":
        path = path.with_suffix(".png")
        iio.imwrite(path, SCENES[0])
        path.write_bytes(path.read_bytes()[:1000])
    elif kind == "truncated jpeg":
        path = path.with_suffix(".jpg")
        iio.imwrite(path, SCENES[0])
        path.write_bytes(path.read_bytes()[:600])
    elif kind == "truncated tiff":
        path = path.with_suffix(".tif")
        tifffile.imwrite(path, SCENES[0], compression="zlib")
        path.write_bytes(path.read_bytes()[:1000])
    elif kind == "text":
        path = path.with_suffix(".png")
        path.write_text("hello")
    elif kind == "empty tiff":
        path = path.with_suffix(".tif")
        path.touch()
    elif kind == "pages":
        path = path.with_suffix(".tif")
        tifffile.imwrite(path, np.zeros((3, *SHAPE), np.uint8), photometric=0)
    elif kind == "bands":
        path = path.with_suffix(".tif")
        tifffile.imwrite(
            path, np.zeros((*SHAPE, 5), np.uint8), photometric=1, planarconfig=1
        )
    elif kind == "int32":
        path = path.with_suffix(".tif")
        tifffile.imwrite(path, np.zeros(SHAPE, np.int32))
    elif kind == "bright floats":
        path = path.with_suffix(".tif")
        tifffile.imwrite(path, np.full(SHAPE, 90, np.float32))
    elif kind == "palette tiff":
        path = path.with_suffix(".tif")
        tifffile.imwrite(
            path, SCENES[0][..., 0], colormap=np.zeros((3, 256), np.uint16)
        )
    elif kind == "cmyk":
        from PIL import Image

        path = path.with_suffix(".jpg")
        Image.fromarray(SCENES[0]).convert("CMYK").save(path)
    elif kind == "too small":
        path = path.with_suffix(".png")
        iio.imwrite(path, SCENES[0][:5, :5])
    return path


@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated png", "can't be read"),
        ("truncated jpeg", "can't be read"),
        ("truncated tiff", "can't be read"),
        ("text", "can't be read"),
        ("empty tiff", "is an empty file"),
        ("pages", "several pages or bands"),
        ("bands", "several pages or bands"),
        ("int32", "has dtype int32"),
        ("bright floats", "floats must lie in 0..1"),
        ("palette tiff", "has PALETTE colours"),
        ("cmyk", "convert it to RGB"),
        ("too small", "more than the 25 pixels"),
    ],
)
def test_one_image_fails(photos, here, capsys, kind, message, jobs):
    broken = write_broken(photos / "bad", kind)
    assert run(f"segment photos -n 30 -o out --overlay --jobs {jobs}") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"seal-sk: {broken.relative_to(here)}: ")
    assert message in lines[0]
    assert lines[1:] == ["seal-sk: segmented 3 of 4 images"]
    good = [f"{name}{end}" for name in "abc" for end in (".png", "_overlay.png")]
    assert files_of(here / "out") == good


def test_nothing_half_written_stays(photos, here, capsys, monkeypatch):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run("segment photos -n 30 -o out --quiet --overlay") == 1
    assert "No space left on device" in (err := capsys.readouterr().err)
    assert "segmented 0 of 3 images" in err
    assert files_of(here / "out") == []


# Refused before any work


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("segment photos/a.png nowhere.png", "There is no image 'nowhere.png'"),
        ("segment photos empty", "no image in the folder 'empty'"),
        ("segment photos/a.png notes.txt", "'notes.txt' is of no format"),
        ("segment photos/a.png other/a.jpg", "'photos/a.png' and 'other/a.jpg'"),
        ("segment photos/a.png other/a_overlay.jpg --overlay", "would both be written"),
        ("segment photos photos/a.png", "given more than once"),
        ("segment photos -n 65537", "--format tiff"),
        ("segment photos --balance -1", "balance"),
        ("segment photos --balance nan", "balance"),
        ("segment photos --weights nowhere.pkl", "No weights at 'nowhere.pkl'"),
        ("segment photos --weights=", "No weights at '.'"),
        ("segment photos --weights notes.txt", "'notes.txt' is truncated or no"),
        ("segment photos --weights NETWORK --device rubbish", "device='rubbish'"),
    ],
)
def test_refusals(photos, here, capsys, network, command, message):
    (here / "empty").mkdir()
    (here / "other").mkdir()
    for name in ("a.jpg", "a_overlay.jpg"):
        iio.imwrite(here / "other" / name, SCENES[3])
    (here / "notes.txt").write_text("hello")
    command = command.replace("NETWORK", str(network))
    assert run(f"{command} --quiet -o out") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("seal-sk: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (here / "out").exists()


def test_images_are_not_replaced_by_results(photos, capsys):
    before = [file.read_bytes() for file in sorted(photos.iterdir())]
    assert run("segment photos/a.png photos/b.png -n 30 -o photos") == 2
    assert "is one of the images" in capsys.readouterr().err
    assert [file.read_bytes() for file in sorted(photos.iterdir())] == before


def test_output_folder_is_a_file(photos, here, capsys):
    (here / "out").write_text("")
    assert run("segment photos -n 30 -o out") == 2
    assert "'out'" in capsys.readouterr().err


def test_opencv_is_missing(photos, capsys, monkeypatch, here):
    import torch

    from seal_sk.pan import PAN

    torch.save(PAN(width=4, edges="opencv").state_dict(), "net.pkl")
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert run("segment photos -n 30 -o out --quiet --weights net.pkl") == 2
    err = capsys.readouterr().err
    assert err.startswith("seal-sk: error: ")
    assert "opencv" in err
    assert err.count("\n") == 1


@pytest.mark.parametrize(
    "command",
    [
        "",
        "rubbish",
        "segment photos",
        "segment -o out",
        "segment photos -o out -n 0",
        "segment photos -o out -n 1.5",
        "segment photos -o out --jobs 0",
        "segment photos -o out --connectivity 6",
        "demo --time 0",
        "demo --time soon",
    ],
)
def test_usage(command, capsys):
    with pytest.raises(SystemExit) as stop:
        run(command)
    assert stop.value.code == 2
    assert "usage: seal-sk" in capsys.readouterr().err


def test_interrupt(photos, capsys, monkeypatch):
    def interrupted(self, X):
        raise KeyboardInterrupt

    monkeypatch.setattr(SEALSuperpixels, "transform", interrupted)
    assert run("segment photos -n 30 -o out --quiet") == 130
    assert capsys.readouterr().err == "seal-sk: interrupted\n"


# The rest


def test_version(capsys):
    with pytest.raises(SystemExit) as stop:
        run("--version")
    assert stop.value.code == 0
    assert capsys.readouterr().out == f"seal-sk {__version__}\n"


def test_help_loads_nothing_heavy():
    code = """
import sys
from seal_sk.cli import main
try:
    main(["segment", "--help"])
except SystemExit:
    pass
heavy = {"torch", "numpy", "sklearn", "skimage", "matplotlib"} & set(sys.modules)
sys.exit(f"imported: {heavy}" if heavy else 0)
"""
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    assert "--drop-alpha" in done.stdout


def test_module_runs_as_a_program(here):
    done = subprocess.run(
        [sys.executable, "-m", "seal_sk", "segment", "no.png", "-o", "out"],
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 2
    assert done.stderr == "seal-sk: error: There is no image 'no.png'.\n"


def test_demo(here, capsys):
    table = run_demo(
        "demo.png",
        max_time=0.5,
        n_train=3,
        n_test=2,
        shape=(64, 64),
        counts=(20, 40),
        verbose=0,
    )
    out = capsys.readouterr().out
    assert [(row["method"], row["asked"]) for row in table] == [
        (method, asked)
        for asked in (20, 40)
        for method in ("SEAL", "ERS", "SLIC", "oracle")
    ]
    for row in table:
        if row["method"] != "SLIC":
            assert row["superpixels"] == row["asked"]
        assert 0 < row["boundary_recall"] <= 1
        assert f"{row['asa']:.3f}" in out
        assert row["method"] in out
        if row["method"] == "oracle":
            assert row["asa"] > 0.97
    assert "comes with the package" in out.replace("\n", " ")
    assert out.splitlines()[-1].endswith("demo.png")
    picture = iio.imread("demo.png")
    assert min(picture.shape[:2]) > 900
    assert files_of(here) == ["demo.png"]


def test_demo_refuses_before_the_training(here, capsys):
    assert run("demo --output picture.jpg") == 2
    assert "must end in .png" in capsys.readouterr().err
    assert run("demo --output nowhere/picture.png") == 2
    assert "There is no folder 'nowhere'" in capsys.readouterr().err
