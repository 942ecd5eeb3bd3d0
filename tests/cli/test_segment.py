"""``seal-sk segment``: what comes out, what goes in, what is refused."""

import json
import os
import sys

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from seal_sk import SEALSuperpixels, SNICSuperpixels
from seal_sk.cli import main
from seal_sk.datasets import make_scenes
from seal_sk.io.images import read_image
from seal_sk.pipeline import segment_each
from seal_sk.plotting import draw_boundaries
from seal_sk.superpixels.methods import METHODS

SHAPE = (32, 40)
SCENES, _ = make_scenes(4, shape=SHAPE, random_state=0)


def expected(image, n_segments=30, **params):
    estimator = SEALSuperpixels(n_segments, weights="bsds500", **params)
    return estimator.transform([image])[0]


def files_of(folder):
    return sorted(file.name for file in folder.iterdir())


# What comes out


def test_png_label_maps(photos, here, capsys, run):
    assert run("segment photos -n 30 -o out") == 0
    assert files_of(here / "out") == ["a.png", "b.png", "c.png"]
    for name, scene in zip("abc", SCENES, strict=False):
        labels = iio.imread(here / f"out/{name}.png")
        assert labels.dtype == np.uint16
        np.testing.assert_array_equal(labels, expected(scene))
    out, err = capsys.readouterr()
    assert out == ""
    assert err == "seal-sk: segmented 3 of 3 images\n"


def test_tiff_label_maps_and_parameters(photos, here, run):
    command = "segment -n 30 -o a/b --format tiff --balance 2 --connectivity 4 --quiet"
    assert run(command, photos / "b.png", photos / "a.png") == 0
    assert files_of(here / "a/b") == ["a.tif", "b.tif"]
    labels = tifffile.imread(here / "a/b/a.tif")
    assert labels.dtype == np.uint16
    wanted = expected(SCENES[0], balance=2, connectivity=4)
    np.testing.assert_array_equal(labels, wanted)


@pytest.mark.parametrize(
    ("option", "cost"), [("", "auto"), ("auto", "auto"), ("none", None), ("0", 0)]
)
def test_boundary_cost(photos, here, run, option, cost):
    option = option and f"--boundary-cost {option}"
    assert run(f"segment photos/a.png -n 30 -o out -q {option}") == 0
    labels = iio.imread(here / "out/a.png")
    np.testing.assert_array_equal(labels, expected(SCENES[0], boundary_cost=cost))


def test_boundary_cost_of_other_methods_and_files(photos, here, run, network):
    command = "segment photos/a.png -n 30 -q --boundary-cost"
    assert run(f"{command} 3 -o snic --method snic") == 0
    snic = SNICSuperpixels(30, exact=True, boundary_cost=3.0)
    labels = snic.transform(SCENES[:1])[0]
    np.testing.assert_array_equal(iio.imread(here / "snic/a.png"), labels)
    seal = SEALSuperpixels.load(network).set_params(boundary_cost=None)
    seal.save(here / "set.safetensors")
    for option, cost in (("", None), ("--boundary-cost auto", "auto")):
        command = f"segment photos/a.png -n 30 -o out -q --force {option}"
        assert run(f"{command} --weights set.safetensors") == 0
        seal.set_params(n_segments=30, boundary_cost=cost)
        labels = seal.transform(SCENES[:1])[0]
        np.testing.assert_array_equal(iio.imread(here / "out/a.png"), labels)


def test_more_labels_than_16_bits_hold(here, run):
    image = np.zeros((260, 260), dtype=np.uint8)
    iio.imwrite("flat.png", image)
    assert run("segment flat.png -n 67000 -o out --format tiff --quiet") == 0
    labels = tifffile.imread("out/flat.tif")
    assert labels.dtype == np.uint32
    assert len(np.unique(labels)) == 67000


def test_65536_labels_fit_into_a_png(here, run):
    iio.imwrite("flat.png", np.zeros((256, 256), dtype=np.uint8))
    assert run("segment flat.png -n 65536 -o out --quiet") == 0
    labels = iio.imread("out/flat.png")
    np.testing.assert_array_equal(labels.ravel(), np.arange(65536))


def test_label_maps_of_a_network(photos, here, network, run):
    assert run("segment photos -n 30 -o out --device cpu --weights", network) == 0
    estimator = SEALSuperpixels(n_segments=30, weights=network, device="cpu")
    for name, labels in zip("abc", estimator.transform(SCENES[:3]), strict=True):
        np.testing.assert_array_equal(iio.imread(here / f"out/{name}.png"), labels)


def test_jobs_change_nothing(photos, here, run):
    assert run("segment photos -n 30 -o one --quiet") == 0
    assert run("segment photos -n 30 -o two --quiet --jobs 2") == 0
    for name in ("a.png", "b.png", "c.png"):
        assert (here / "one" / name).read_bytes() == (here / "two" / name).read_bytes()


def test_overlay(photos, here, run):
    assert run("segment photos/a.png -n 30 -o out --overlay --quiet") == 0
    assert files_of(here / "out") == ["a.png", "a_overlay.png"]
    drawing = draw_boundaries(SCENES[0], expected(SCENES[0]))
    np.testing.assert_array_equal(iio.imread("out/a_overlay.png"), drawing)


@pytest.mark.parametrize(
    ("option", "name"),
    [
        ("", "b.png"),
        ("--overlay", "b_overlay.png"),
        ("--table csv", "b.csv"),
        ("--polygons geojson", "b.geojson"),
    ],
)
def test_nothing_is_replaced_unasked(photos, here, capsys, run, option, name):
    (here / "out").mkdir()
    (here / "out" / name).write_text("old")
    assert run(f"segment photos -n 30 -o out --quiet {option}") == 2
    assert f"'out/{name}' exists already" in (err := capsys.readouterr().err)
    assert "--force" in err
    # Nothing else was begun, either.
    assert files_of(here / "out") == [name]
    assert (here / "out" / name).read_text() == "old"
    assert run(f"segment photos -n 30 -o out --quiet --force {option}") == 0
    assert (here / "out" / name).read_bytes() != b"old"
    np.testing.assert_array_equal(iio.imread("out/b.png"), expected(SCENES[1]))


def test_npy_label_maps(photos, here, run):
    assert run("segment photos -n 30 -o out --format npy --quiet") == 0
    labels = np.load(here / "out/a.npy")
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, expected(SCENES[0]))


@pytest.mark.parametrize("method", METHODS)
def test_methods(photos, here, run, method):
    import seal_sk

    if method in ("lsc", "seeds"):
        pytest.importorskip("cv2")
    assert run(f"segment photos -n 30 -o out --quiet --method {method}") == 0
    estimator = getattr(seal_sk, METHODS[method])(30)
    if "exact" in estimator.get_params():
        estimator.set_params(exact=True)
    if method == "seal":
        estimator.set_params(weights="bsds500")
    for name, labels in zip("abc", estimator.transform(SCENES[:3]), strict=True):
        np.testing.assert_array_equal(iio.imread(here / f"out/{name}.png"), labels)
        assert labels.max() + 1 == 30


def test_methods_are_those_of_the_benchmark():
    import seal_sk
    from seal_sk.benchmark import METHODS as COMPARED

    for name, class_name in METHODS.items():
        made = COMPARED[name]()
        assert type(made) is getattr(seal_sk, class_name)
        if name == "seal":
            assert made.weights == "bsds500"
            assert made.oversegmentation == SEALSuperpixels().oversegmentation


def test_parameters_of_a_saved_network_are_kept(photos, here, run, network):
    SEALSuperpixels.load(network).set_params(balance=4, connectivity=4).save(
        here / "set.safetensors"
    )
    assert run("segment photos/a.png -n 30 -o out -q --weights set.safetensors") == 0
    estimator = SEALSuperpixels(30, weights=network, balance=4, connectivity=4)
    labels = estimator.transform(SCENES[:1])[0]
    np.testing.assert_array_equal(iio.imread(here / "out/a.png"), labels)


@pytest.mark.parametrize("kind", ["csv", "parquet"])
def test_table(photos, here, run, kind):
    pd = pytest.importorskip("pandas")
    assert run(f"segment photos/a.png -n 30 -o out -q --table {kind}") == 0
    assert files_of(here / "out") == sorted(["a.png", f"a.{kind}"])
    table = getattr(pd, f"read_{kind}")(here / f"out/a.{kind}")
    labels = iio.imread(here / "out/a.png")
    np.testing.assert_array_equal(table["label"], np.arange(30))
    np.testing.assert_array_equal(table["area"], np.bincount(labels.ravel()))


def test_polygons(photos, here, run):
    pytest.importorskip("pandas")
    assert run("segment photos/a.png -n 30 -o out -q --polygons geojson") == 0
    assert files_of(here / "out") == ["a.geojson", "a.png"]
    found = json.loads((here / "out/a.geojson").read_text())["features"]
    assert len(found) == 30
    labels = iio.imread(here / "out/a.png")
    areas = [one["properties"]["area"] for one in found]
    np.testing.assert_array_equal(areas, np.bincount(labels.ravel()))


def test_a_georeference_is_kept(here, run):
    rasterio = pytest.importorskip("rasterio")
    transform = rasterio.Affine(0.5, 0, 400000, 0, -0.5, 5600000)
    with rasterio.open(
        here / "x.tif",
        "w",
        driver="GTiff",
        height=SHAPE[0],
        width=SHAPE[1],
        count=4,
        dtype="uint8",
        crs="EPSG:25832",
        transform=transform,
    ) as file:
        file.write(np.moveaxis(SCENES[0], 2, 0), [1, 2, 3])
        file.write(SCENES[0][..., 0], 4)
    command = "segment x.tif -n 30 -o out -q --bands 1 2 3 --format tiff"
    assert run(f"{command} --polygons gpkg") == 0
    with rasterio.open(here / "out/x.tif") as file:
        assert (file.transform, file.crs.to_epsg()) == (transform, 25832)
        np.testing.assert_array_equal(file.read(1), expected(SCENES[0]))
    assert files_of(here / "out") == ["x.gpkg", "x.tif"]
    # A PNG has no place for it, and needs none.
    assert run("segment x.tif -n 30 -o png -q --bands 1 2 3") == 0
    assert files_of(here / "png") == ["x.png"]


@pytest.mark.parametrize("missing", ["pandas", "pyogrio"])
def test_what_is_not_installed_is_named_before_any_work(
    photos, here, capsys, monkeypatch, run, missing
):
    monkeypatch.setitem(sys.modules, missing, None)
    assert run("segment photos -n 30 -o out --polygons gpkg") == 2
    err = capsys.readouterr().err
    assert missing in err
    assert "pip install" in err
    assert not (here / "out").exists()


def test_quiet_says_nothing(photos, capsys, run):
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
def test_tiff_is_read_as_it_is(image, here, run):
    tifffile.imwrite("x.TIF", image, photometric="rgb" if image.ndim == 3 else None)
    assert run("segment x.TIF -n 30 -o out --quiet") == 0
    np.testing.assert_array_equal(iio.imread("out/x.png"), expected(image))


def test_tiff_plane_by_plane(here, run):
    planes = np.moveaxis(SCENES[0], 2, 0)
    tifffile.imwrite("x.tif", planes, photometric="rgb", planarconfig="separate")
    assert run("segment x.tif -n 30 -o out --quiet") == 0
    np.testing.assert_array_equal(iio.imread("out/x.png"), expected(SCENES[0]))


def test_grey_png_keeps_16_bits(here, run):
    image = np.arange(1280, dtype=np.uint16).reshape(SHAPE)
    iio.imwrite("x.png", image)
    assert run("segment x.png -n 30 -o out --quiet --overlay") == 0
    np.testing.assert_array_equal(iio.imread("out/x.png"), expected(image))


def test_16_bit_colours_in_png_are_noted(here, capsys, run):
    cv2 = pytest.importorskip("cv2")
    cv2.imwrite("x.png", deep(SCENES[0]))
    assert run("segment x.png -n 30 -o out") == 0
    assert "note: x.png: 16-bit colours are read as 8" in capsys.readouterr().err
    assert run("segment x.png -n 30 -o out --quiet --force") == 0
    assert capsys.readouterr().err == ""


@pytest.mark.parametrize(
    ("image", "said"),
    [
        (SCENES[0].astype(np.uint16) * 4, "of 65535, nearly black, and"),
        ((SCENES[0] / 2550).astype(np.float32), "of 1, nearly black, and"),
        (SCENES[0].astype(np.uint16) * 64, ""),
        (SCENES[0] // 16, ""),
        (np.zeros(SHAPE, np.uint16), ""),
    ],
)
def test_images_of_few_of_their_values_are_noted(here, capsys, run, image, said):
    if image.ndim == 3:
        image[0, 0] = 0.9 if image.dtype.kind == "f" else np.iinfo(image.dtype).max
    colours = "rgb" if image.ndim == 3 else "minisblack"
    tifffile.imwrite("x.tif", image, photometric=colours)
    assert run("segment x.tif -n 30 -o out --method snic") == 0
    err = capsys.readouterr().err
    assert said in err
    assert err.count("note: x.tif: 99 % of the values") == bool(said)


def test_jpeg(here, run):
    iio.imwrite("x.JPEG", SCENES[0])
    assert run("segment x.JPEG -n 30 -o out --quiet") == 0
    labels = expected(iio.imread("x.JPEG"))
    np.testing.assert_array_equal(iio.imread("out/x.png"), labels)


def test_palette_and_bitmap(here, run):
    from PIL import Image

    Image.fromarray(SCENES[0]).quantize(8).save("palette.png")
    bits = SCENES[0][..., 0] > 100
    Image.fromarray(bits).save("bits.png")
    assert run("segment palette.png bits.png -n 30 -o out --quiet") == 0
    colors = np.asarray(Image.open("palette.png").convert("RGB"))
    np.testing.assert_array_equal(iio.imread("out/palette.png"), expected(colors))
    bits = bits.astype(np.uint8) * 255
    np.testing.assert_array_equal(iio.imread("out/bits.png"), expected(bits))


def test_alpha_is_dropped_on_demand(here, capsys, run):
    alpha = np.full((*SHAPE, 1), 200, dtype=np.uint8)
    iio.imwrite("x.png", np.concatenate([SCENES[0], alpha], axis=2))
    assert run("segment x.png -n 30 -o out --quiet") == 1
    assert "x.png: has an alpha channel" in (err := capsys.readouterr().err)
    assert "--drop-alpha" in err
    assert files_of(here / "out") == []
    assert run("segment x.png -n 30 -o out --quiet --drop-alpha") == 0
    np.testing.assert_array_equal(iio.imread("out/x.png"), expected(SCENES[0]))


def test_only_images_of_a_folder_are_read(photos, here, run):
    (photos / "notes.txt").write_text("not an image")
    (photos / "._a.png").write_bytes(b"\0")
    assert run("segment photos -n 30 -o out --quiet") == 0
    assert files_of(here / "out") == ["a.png", "b.png", "c.png"]


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("photos/*.png", "abc"),
        ("photos/[ab].png", "ab"),
        ("*/?.png", "abc"),
        ("**/*.png", "abcd"),
        ("photos/*", "abc"),
    ],
)
def test_patterns_in_quotes(photos, here, run, pattern, found):
    (here / "photos/more.png").mkdir()
    iio.imwrite(here / "photos/more.png/d.png", SCENES[3])
    (photos / "notes.txt").write_text("not an image")
    assert run("segment -n 30 -q -o out", pattern) == 0
    assert files_of(here / "out") == [f"{name}.png" for name in found]


def test_a_name_with_brackets_is_no_pattern(here, run):
    iio.imwrite(here / "x[1].png", SCENES[0])
    assert run("segment -n 30 -q -o out x[1].png") == 0
    np.testing.assert_array_equal(iio.imread("out/x[1].png"), expected(SCENES[0]))


def write_bands(path, **settings):
    """Five bands, the first three of them a scene backwards."""
    image = np.dstack([SCENES[0][..., ::-1], SCENES[1][..., :2]])
    if settings.get("planarconfig") != "contig":
        image = np.moveaxis(image, 2, 0)
    tifffile.imwrite(path, image, photometric="minisblack", **settings)


@pytest.mark.slow
@pytest.mark.parametrize("config", ["contig", "separate", None])
def test_bands(here, run, config):
    write_bands("x.tif", **({"planarconfig": config} if config else {}))
    assert run("segment x.tif -n 30 -q -o out --bands 3 2 1") == 0
    np.testing.assert_array_equal(iio.imread("out/x.png"), expected(SCENES[0]))
    assert run("segment x.tif -n 30 -q -o one --bands 4") == 0
    np.testing.assert_array_equal(iio.imread("one/x.png"), expected(SCENES[1][..., 0]))
    with pytest.raises(ValueError, match="bands"):
        read_image("x.tif")


@pytest.mark.parametrize(
    ("bands", "status", "message"),
    [
        ("6 2 1", 1, "x.tif: has 5 bands, so there is no band 6"),
        ("1 2", 2, "The network reads three bands, or one, but --bands names 2"),
        ("1 2 3 --drop-alpha", 2, "leave out --drop-alpha"),
    ],
)
def test_bands_that_are_not_there(here, capsys, run, bands, status, message):
    write_bands("x.tif", planarconfig="contig")
    assert run(f"segment x.tif -n 30 -q -o out --bands {bands}") == status
    assert message in capsys.readouterr().err


# An image fails, and the others continue


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
    elif kind == "cielab tiff":
        path = path.with_suffix(".tif")
        tifffile.imwrite(path, SCENES[0], photometric="cielab")
    elif kind == "cmyk":
        from PIL import Image

        path = path.with_suffix(".jpg")
        Image.fromarray(SCENES[0]).convert("CMYK").save(path)
    elif kind == "too small":
        path = path.with_suffix(".png")
        iio.imwrite(path, SCENES[0][:5, :5])
    return path


@pytest.mark.slow
@pytest.mark.parametrize("jobs", [1, 2])
@pytest.mark.parametrize(
    ("kind", "message"),
    [
        ("truncated png", "can't be read"),
        ("truncated jpeg", "can't be read"),
        ("truncated tiff", "can't be read"),
        ("text", "does not hold an image of a known format"),
        ("empty tiff", "is an empty file"),
        ("pages", "several pages or bands"),
        ("bands", "several pages or bands"),
        ("int32", "has dtype int32"),
        ("bright floats", "floats must lie in 0..1"),
        ("cielab tiff", "has CIELAB colours"),
        ("cmyk", "convert it to RGB"),
        ("too small", "more than the 25 pixels"),
    ],
)
def test_one_image_fails(photos, here, capsys, kind, message, jobs, run):
    broken = write_broken(photos / "bad", kind)
    assert run(f"segment photos -n 30 -o out --overlay --jobs {jobs}") == 1
    lines = capsys.readouterr().err.splitlines()
    assert lines[0].startswith(f"seal-sk: {broken.relative_to(here)}: ")
    assert message in lines[0]
    assert lines[1:] == ["seal-sk: segmented 3 of 4 images"]
    good = [f"{name}{end}" for name in "abc" for end in (".png", "_overlay.png")]
    assert files_of(here / "out") == good


def test_nothing_half_written_stays(photos, here, capsys, monkeypatch, run):
    def full(*args):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    assert run("segment photos -n 30 -o out --quiet --overlay") == 1
    assert "No space left on device" in (err := capsys.readouterr().err)
    assert "segmented 0 of 3 images" in err
    assert files_of(here / "out") == []


def test_a_bad_georeference_is_found_before_the_work(photos, capsys, run, monkeypatch):
    (photos / "b.pgw").write_text("1 2 3")
    cut = []

    def count_images(estimator, images, masks, counts):
        cut.extend(image for image in images if not isinstance(image, Exception))
        return segment_each(estimator, images, masks, counts)

    monkeypatch.setattr("seal_sk.pipeline.running.segment_each", count_images)
    command = "segment photos -n 30 -o out --method snic --format tiff -q"
    assert run(command) == 1
    err = capsys.readouterr().err
    assert "photos/b.png: " in err.replace(os.sep, "/")
    assert "is not a world file" in err
    assert len(cut) == 2


# Refused before any work


@pytest.mark.parametrize(
    ("command", "message"),
    [
        ("segment photos/a.png nowhere.png", "There is no image 'nowhere.png'"),
        ("segment photos empty", "no image in the folder 'empty'"),
        ("segment photos nowhere/*.png", "no image that matches 'nowhere/*.png'"),
        ("segment photos photos/*.png", "given more than once"),
        ("segment EMPTY", "The name of an image is empty"),
        ("segment photos --method ers --weights bsds500", "is for seal: leave"),
        ("segment photos --method snic --balance 1", "is for ers, seal: leave"),
        ("segment photos --method slic --device cpu", "has no --device"),
        ("segment photos/a.png notes.txt", "format of 'notes.txt' is not supported"),
        ("segment photos/a.png other/a.jpg", "'photos/a.png' and 'other/a.jpg'"),
        ("segment photos/a.png other/a_overlay.jpg --overlay", "would both be written"),
        ("segment photos photos/a.png", "given more than once"),
        ("segment photos -n 65537", "--format tiff"),
        ("segment photos --balance -1", "balance"),
        (
            "segment photos --method fh --boundary-cost auto",
            "which is for seal: give a number or none",
        ),
        ("segment photos --weights nowhere.pkl", "No weights at 'nowhere.pkl'"),
        (
            "segment photos --weights bsds-train",
            "a name that seal-sk weights list prints.",
        ),
        ("segment photos --weights=", "No weights at '.'"),
        ("segment photos --weights notes.txt", "'notes.txt' is truncated or not"),
        ("segment photos --weights NETWORK --device rubbish", "device='rubbish'"),
    ],
)
def test_refusals(photos, here, capsys, network, command, message, run):
    (here / "empty").mkdir()
    (here / "other").mkdir()
    for name in ("a.jpg", "a_overlay.jpg"):
        iio.imwrite(here / "other" / name, SCENES[3])
    (here / "notes.txt").write_text("hello")
    command = command.replace("NETWORK", str(network))
    words = ["" if word == "EMPTY" else word for word in command.split()]
    assert main([*words, "--quiet", "-o", "out"]) == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("seal-sk: error: ")
    assert message in err
    assert err.count("\n") == 1
    assert not (here / "out").exists()


@pytest.mark.slow
def test_results_are_not_put_among_the_images(photos, capsys, run):
    assert run("segment photos -n 30 --format tiff -o photos/../photos") == 2
    assert "is the folder of the images" in capsys.readouterr().err
    assert files_of(photos) == ["a.png", "b.png", "c.png"]
    assert run("segment photos -n 30 -o photos/labels --quiet") == 0
    assert run("segment photos/a.png -n 30 -o photos --format npy --quiet") == 0


def test_images_are_not_replaced_by_results(photos, capsys, run):
    before = [file.read_bytes() for file in sorted(photos.iterdir())]
    assert run("segment photos/a.png photos/b.png -n 30 -o photos") == 2
    assert "is one of the images" in capsys.readouterr().err
    assert [file.read_bytes() for file in sorted(photos.iterdir())] == before


def test_output_folder_is_a_file(photos, here, capsys, run):
    (here / "out").write_text("")
    assert run("segment photos -n 30 -o out") == 2
    assert "'out'" in capsys.readouterr().err


def test_opencv_is_missing(photos, capsys, monkeypatch, here, run):
    import torch

    from seal_sk.pan import PAN

    torch.save(PAN(width=4, edges="opencv").state_dict(), "net.pkl")
    monkeypatch.setitem(sys.modules, "cv2", None)
    assert run("segment photos -n 30 -o out --quiet --weights net.pkl") == 2
    err = capsys.readouterr().err
    assert err.startswith("seal-sk: error: ")
    assert "opencv" in err
    assert err.count("\n") == 1
