import csv
import json

import imageio.v3 as iio
import numpy as np
import pytest
import tifffile

from seal_sk import SEALSuperpixels, SLICSuperpixels
from seal_sk.datasets import load_image_folder
from seal_sk.metrics import evaluate

COLUMNS = {
    "ASA": "asa",
    "BR": "boundary_recall",
    "CD": "contour_density",
    "BP": "boundary_precision",
    "UE": "corrected_undersegmentation_error",
    "EV": "explained_variation",
    "CO": "compactness",
}


@pytest.fixture
def maps(data, here):
    """Label maps of the data set in the folder `maps`, in three formats."""
    dataset = load_image_folder(data / "images", data / "annotations")
    label_maps = SLICSuperpixels(20).transform(list(dataset.images))
    (here / "maps").mkdir()
    iio.imwrite(here / "maps/a.png", label_maps[0].astype(np.uint8))
    tifffile.imwrite(here / "maps/b.tif", label_maps[1].astype(np.uint16))
    np.save(here / "maps/c.npy", label_maps[2])
    return here / "maps"


def scores_of(data, label_maps, **settings):
    """Scores by name, an array with an entry a pair or an image."""
    dataset = load_image_folder(data / "images", data / "annotations")
    rows = [
        evaluate(truths, labels, image=image, average=False, **settings)
        for image, truths, labels in zip(
            dataset.images, dataset.annotations, label_maps, strict=True
        )
    ]
    return {name: [np.atleast_1d(row[name]) for row in rows] for name in (*rows[0],)}


def means_of(data, label_maps, **settings):
    scores = scores_of(data, label_maps, **settings)
    return {name: np.concatenate(values).mean() for name, values in scores.items()}


def slic_maps(data):
    dataset = load_image_folder(data / "images", data / "annotations")
    return SLICSuperpixels(20).transform(list(dataset.images))


def printed(out):
    """Figures of the line `mean`."""
    lines = out.splitlines()
    return dict(
        zip(lines[0].split()[1:], map(float, lines[-1].split()[1:]), strict=True)
    )


def test_label_maps(data, maps, capsys, run):
    assert run("evaluate maps --data data") == 0
    out, err = capsys.readouterr()
    assert err == "seal-sk: scored 3 of 3 images\n"
    found = printed(out)
    assert len(out.splitlines()) == 2
    wanted = means_of(data, slic_maps(data))
    for head, name in COLUMNS.items():
        assert found[head] == pytest.approx(wanted[name], abs=5.1e-5)
    assert found["superpixels"] == pytest.approx(wanted["n_segments"], abs=0.051)


def test_a_line_for_each_image(data, maps, capsys, run):
    assert run("evaluate maps --data data -v") == 0
    out, err = capsys.readouterr()
    assert err == "seal-sk: scored 3 of 3 images\n"
    lines = [line.split() for line in out.splitlines()]
    assert [line[0] for line in lines] == ["image", "a", "b", "c", "mean"]
    wanted = scores_of(data, slic_maps(data))["asa"]
    assert [line[2] for line in lines[1:4]] == [f"{one.mean():.4f}" for one in wanted]


def test_a_mean_is_over_pairs(data, maps, capsys, run):
    # Of one image there is only one annotation now.
    (data / "annotations/bo/a.png").unlink()
    assert run("evaluate maps --data data -q") == 0
    found = printed(capsys.readouterr().out)["ASA"]
    scores = scores_of(data, slic_maps(data))["asa"]
    assert [len(one) for one in scores] == [1, 2, 2]
    assert found == pytest.approx(np.concatenate(scores).mean(), abs=5.1e-5)
    assert found != pytest.approx(np.mean([one.mean() for one in scores]), abs=1e-4)


@pytest.mark.parametrize("suffix", ["csv", "json"])
def test_files(data, maps, here, capsys, run, suffix):
    assert run(f"evaluate maps --data data -q --out scores.{suffix}") == 0
    wanted = scores_of(data, slic_maps(data))
    text = (here / f"scores.{suffix}").read_text()
    rows = (
        list(csv.DictReader(text.splitlines()))
        if suffix == "csv"
        else json.loads(text)["images"]
    )
    assert [row["image"] for row in rows] == ["a", "b", "c"]
    for name, values in wanted.items():
        found = [float(row[name]) for row in rows]
        assert found == pytest.approx([value.mean() for value in values], rel=1e-12)
    if suffix == "json":
        about = json.loads(text)
        assert about["protocol"] == "tu2018"
        assert about["tolerance"] == 1
        assert about["mean"] == pytest.approx(means_of(data, slic_maps(data)))
    before = text
    assert run(f"evaluate maps --data data -q --out scores.{suffix}") == 2
    assert "exists already" in capsys.readouterr().err
    assert (here / f"scores.{suffix}").read_text() == before
    assert run(f"evaluate maps --data data -q --out scores.{suffix} --force") == 0


def test_figures_are_those_of_the_benchmark(data, maps, here, capsys, run):
    pd = pytest.importorskip("pandas")
    assert run("evaluate maps --data data -q") == 0
    found = printed(capsys.readouterr().out)
    assert run("bench --data data --methods maps --counts 20 -q") == 0
    table = pd.read_csv(here / "results/table.csv")
    for head in ("ASA", "BR", "CD", "BP", "UE"):
        assert found[head] == pytest.approx(table[COLUMNS[head]].mean(), abs=5.1e-5)


def test_a_network(data, capsys, run, network):
    command = "evaluate --data data -n 25 -q --device cpu"
    assert run(f"{command} --weights", network) == 0
    found = printed(capsys.readouterr().out)
    assert run(f"{command} --jobs 2 --weights", network) == 0
    assert printed(capsys.readouterr().out) == found
    dataset = load_image_folder(data / "images", data / "annotations")
    estimator = SEALSuperpixels(25, weights=network)
    wanted = means_of(data, estimator.transform(list(dataset.images)))
    assert found["ASA"] == pytest.approx(wanted["asa"], abs=5.1e-5)
    assert found["superpixels"] == 25


def test_ignore_label_and_tolerance(data, maps, capsys, run):
    for path in (data / "annotations").rglob("*.png"):
        labels = iio.imread(path)
        labels[:10] = 255
        iio.imwrite(path, labels)
    assert run("evaluate maps --data data -q --ignore-label 255 --tolerance 3") == 0
    found = printed(capsys.readouterr().out)
    wanted = means_of(data, slic_maps(data), ignore_label=255, tolerance=3)
    assert found["BR"] == pytest.approx(wanted["boundary_recall"], abs=5.1e-5)
    assert found["ASA"] == pytest.approx(wanted["asa"], abs=5.1e-5)


def test_annotations_that_know_nothing_are_left_out(data, maps, capsys, run):
    path = data / "annotations/bo/a.png"
    iio.imwrite(path, np.full_like(iio.imread(path), 255))
    assert run("evaluate maps --data data -q --ignore-label 255") == 0
    found = printed(capsys.readouterr().out)
    path.unlink()
    assert run("evaluate maps --data data -q --ignore-label 255") == 0
    assert printed(capsys.readouterr().out) == found


def test_images_of_which_nothing_is_known_have_no_score(data, maps, capsys, run):
    for folder in ("ada", "bo"):
        path = data / f"annotations/{folder}/a.png"
        iio.imwrite(path, np.full_like(iio.imread(path), 255))
    assert run("evaluate maps --data data --ignore-label 255") == 0
    out, err = capsys.readouterr()
    assert "scored 2 of 3 images, 1 has no pixel that counts" in err
    found = printed(out)
    for kind in ("images", "annotations/ada", "annotations/bo"):
        (data / kind / "a.png").unlink()
    assert run("evaluate maps --data data -q --ignore-label 255") == 0
    assert printed(capsys.readouterr().out) == found


def test_tables_beside_label_maps_are_no_label_maps(data, maps, capsys, run):
    (maps / "a.csv").write_text("label,area\n0,12\n")
    assert run("evaluate maps --data data -q") == 0
    (maps / "a.csv").write_text("0,1\n0,1\n")
    assert run("evaluate maps --data data -q") == 2
    assert "belong to the same image" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("write", "message"),
    [
        (lambda path: path.write_text("hello"), "can't be read"),
        (lambda path: path.write_bytes(path.read_bytes()[:60]), "can't be read"),
        (
            lambda path: iio.imwrite(path, np.zeros((3, 4), np.uint8)),
            "(3, 4)",
        ),
    ],
)
def test_one_label_map_fails(data, maps, capsys, run, write, message):
    write(maps / "a.png")
    assert run("evaluate maps --data data -v") == 1
    out, err = capsys.readouterr()
    assert [line.split()[0] for line in out.splitlines()] == ["image", "b", "c", "mean"]
    lines = err.splitlines()
    assert lines[0].startswith("seal-sk: a: ")
    assert message in lines[0]
    assert lines[1:] == ["seal-sk: scored 2 of 3 images"]


def test_masked_pixels_are_refused(data, maps, capsys, run):
    labels = np.load(maps / "c.npy")
    labels[0, :2] = -1
    np.save(maps / "c.npy", labels)
    assert run("evaluate maps --data data -q") == 1
    assert "c: the label map leaves out 2 pixels" in capsys.readouterr().err


def test_none_can_be_scored(data, maps, capsys, run):
    for path in (data / "images").iterdir():
        path.write_text("hello")
    assert run("evaluate maps --data data -q --out scores.csv") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.splitlines()[-1] == (
        "seal-sk: error: none of the label maps could be scored."
    )


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--data data", "There is nothing to score"),
        ("--data data -n 3", "There is nothing to score"),
        ("maps --data data -n 3", "are in 'maps': leave out -n"),
        ("maps --data data --method ers", "leave out --method"),
        ("maps --data data --boundary-cost 3", "leave out --boundary-cost"),
        ("maps --data data --weights bsds500 -n 3", "leave out --weights, -n"),
        ("nowhere --data data", "no folder 'nowhere'"),
        ("maps/a.png --data data", "is a file; give the folder of the label maps"),
        ("maps --data data -q -v", "-q and -v contradict each other"),
        ("--method ers --data bsds500 --data-home .", "on the command line --download"),
        (
            "data --data data",
            "3 of 3 images have no label map in 'data', for example 'a'",
        ),
        ("maps --data nothing", "no data set 'nothing'"),
        ("maps --data data --tolerance -1", "tolerance"),
        ("maps --data data --out scores.txt", "must end in .csv or .json"),
        ("--method slic --weights bsds500 --data data", "is for seal"),
    ],
)
def test_refusals(data, maps, here, capsys, run, arguments, message):
    assert run(f"evaluate {arguments}") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("seal-sk: error: ")
    assert message in err
    assert err.count("\n") == 1
