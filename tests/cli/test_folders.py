"""``seal-sk segment``: trees of folders, interrupted runs, labels of whole runs."""

import imageio.v3 as iio
import numpy as np
import pytest

from seal_sk.datasets import make_scenes, read_label_map

SCENES, _ = make_scenes(3, shape=(32, 40), random_state=0)
COMMAND = "segment tree --recursive -n 12 --method snic -o out"


@pytest.fixture
def tree(here):
    """The same names in two folders, one of which is deep."""
    for place in ("a", "b/c"):
        (here / "tree" / place).mkdir(parents=True)
        for i, scene in enumerate(SCENES):
            iio.imwrite(here / "tree" / place / f"{i}.png", scene)
    (here / "tree/.hidden").mkdir()
    iio.imwrite(here / "tree/.hidden/x.png", SCENES[0])
    return here / "tree"


def names_of(folder):
    files = (path for path in folder.rglob("*") if path.is_file())
    return sorted(path.relative_to(folder).as_posix() for path in files)


def test_the_tree_is_mirrored(tree, here, capsys, run):
    assert run(f"{COMMAND} --overlay -v") == 0
    wanted = [
        f"{place}/{i}{end}"
        for place in ("a", "b/c")
        for i in range(3)
        for end in (".png", "_overlay.png")
    ]
    assert names_of(here / "out") == wanted
    assert "segmented 6 of 6 images" in capsys.readouterr().err
    assert run("segment tree/a -n 12 --method snic -o one -q") == 0
    assert (here / "one/1.png").read_bytes() == (here / "out/a/1.png").read_bytes()


@pytest.mark.parametrize("jobs", [1, 2])
def test_an_interrupted_run_goes_on(tree, here, capsys, run, jobs):
    command = f"{COMMAND} --table csv --jobs {jobs}"
    assert run(f"{command} -q") == 0
    before = {
        path: (path.read_bytes(), path.stat().st_mtime_ns)
        for path in (here / "out").rglob("*.*")
    }
    (here / "out/a/1.csv").unlink()
    (here / "out/b/c/2.png").unlink()
    assert run(command) == 2
    assert "--force" in capsys.readouterr().err
    assert run(f"{command} --skip-existing -v") == 0
    err = capsys.readouterr().err
    assert "segmented 2 of 6 images, 4 were there" in err
    assert "0.png: there already" in err
    for path, (content, changed) in before.items():
        assert path.read_bytes() == content
        done_again = path.stem == {"a": "1", "c": "2"}[path.parent.name]
        assert (path.stat().st_mtime_ns != changed) == done_again
    assert run(f"{command} --skip-existing -q") == 0
    assert capsys.readouterr().err == ""


def test_a_number_that_depends_on_the_size(here, capsys, run):
    (here / "photos").mkdir()
    iio.imwrite("photos/a.png", SCENES[0])
    iio.imwrite("photos/b.png", SCENES[1][:16, :20])
    command = "segment photos --segment-size 40 --method snic"
    assert run(f"{command} -o out -v") == 0
    err = capsys.readouterr().err
    assert "a.png: 32 superpixels" in err
    assert "b.png: 8 superpixels" in err
    (here / "data/annotations").mkdir(parents=True)
    (here / "photos").rename(here / "data/images")
    for name, size in (("a", (32, 40)), ("b", (16, 20))):
        np.save(here / f"data/annotations/{name}.npy", np.zeros(size, int))
    assert run("evaluate --data data --method snic --segment-size 40 -q -v") == 2
    assert run("evaluate --data data --method snic --segment-size 40 -v") == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert [row[1] for row in rows[1:]] == ["32.0", "8.0", "20.0"]


def test_labels_of_a_run_without_repetition(tree, here, run):
    assert run(f"{COMMAND} --unique-ids --format tiff -q") == 0
    starts = [
        int(read_label_map(here / f"out/{place}/{i}.tif").min())
        for place in ("a", "b/c")
        for i in range(3)
    ]
    assert starts == [0, 12, 24, 36, 48, 60]


@pytest.mark.parametrize(
    ("command", "message"),
    [
        (f"{COMMAND} --force --skip-existing", "contradict each other"),
        (f"{COMMAND} --unique-ids", "16 bits of a PNG: add --format tiff"),
        (f"{COMMAND} --unique-ids --format npy --skip-existing", "leave out --skip"),
        (f"{COMMAND} --crs EPSG:25832", "add --format tiff or --polygons"),
        (f"{COMMAND} --crs x --format tiff", "--crs 'x' is not a coordinate"),
        (COMMAND.replace("-o out", "-o tree/out"), "is inside the folder"),
        ("segment tree/a/0.png --recursive -o out", "--recursive takes one folder"),
        ("segment tree tree/a --recursive -o out", "--recursive takes one folder"),
        ("segment tree -o out", "but in its subfolders: add --recursive"),
        ("segment tree/**/*.png -o out", "that holds them. (--recursive)"),
    ],
)
def test_refusals(tree, here, capsys, run, command, message):
    assert run(f"{command} -q") == 2
    err = capsys.readouterr().err
    assert message in err
    assert err.count("\n") == 1
    assert not (here / "out").exists()


def test_systems_that_do_not_fit_are_reported(here, capsys, run):
    import rasterio

    transform = rasterio.Affine(0.5, 0, 400000, 0, -0.5, 5600000)
    for name, crs in (("none", None), ("other", "EPSG:25833")):
        with rasterio.open(
            f"{name}.tif",
            "w",
            driver="GTiff",
            height=32,
            width=40,
            count=3,
            dtype="uint8",
            crs=crs,
            transform=transform,
        ) as file:
            file.write(np.moveaxis(SCENES[0], 2, 0))
    command = "segment none.tif other.tif -n 9 --method snic -o out --format tiff"
    assert run(f"{command} --crs EPSG:25832 -q") == 1
    assert "other.tif: has the reference system EPSG:25833" in capsys.readouterr().err
    with rasterio.open("out/none.tif") as file:
        assert file.crs.to_epsg() == 25832
