"""``seal-sk bench`` and ``seal-sk report``, as a user gives them."""

import subprocess
import sys

import imageio.v3 as iio
import numpy as np
import pandas as pd
import pytest

from seal_sk import SNICSuperpixels
from seal_sk.cli import main
from seal_sk.datasets import make_scenes
from seal_sk.metrics import asa_score, boundary_recall_score

COUNTS = "--counts 10 30"


@pytest.fixture
def here(tmp_path, monkeypatch):
    """A folder with a data set `photos` of three images and two annotators."""
    images, truths = make_scenes(3, shape=(40, 48), random_state=0)
    for i, (image, truth) in enumerate(zip(images, truths, strict=True)):
        for kind, array in (
            ("images", image),
            ("annotations/ada", truth.astype(np.uint8)),
            ("annotations/bo", (truth // 2).astype(np.uint8)),
        ):
            path = tmp_path / f"photos/{kind}/{i}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            iio.imwrite(path, array)
    monkeypatch.chdir(tmp_path)
    return tmp_path


def run(command):
    return main(command.split())


@pytest.mark.slow
def test_bench_and_report(here, capsys):
    (here / "mine.py").write_text(
        "from seal_sk import SNICSuperpixels\n"
        "def loose():\n    return SNICSuperpixels(compactness=3)\n"
    )
    maps = here / "maps/10"
    maps.mkdir(parents=True)
    for i in range(3):
        image = iio.imread(here / f"photos/images/{i}.png")
        (labels,) = SNICSuperpixels(10).transform([image])
        iio.imwrite(maps / f"{i}.png", labels.astype(np.uint16))
    assert run(f"bench --data photos --methods ers loose=mine:loose {COUNTS}") == 0
    out, err = capsys.readouterr()
    lines = out.splitlines()
    assert lines[0] == "photos, 3 images, tu2018"
    assert lines[1].split() == [
        "method",
        "asked",
        "superpixels",
        "ASA",
        "BR",
        "CD",
        "seconds",
    ]
    assert [line.split()[0] for line in lines[2:6]] == ["ers", "ers", "loose", "loose"]
    # No progress bar, where there is no terminal.
    assert err == (
        "seal-sk: the results are in results; to draw them: seal-sk report results\n"
    )
    command = "bench --data photos --methods theirs=maps --counts 10 --quiet"
    assert run(command) == 0
    out, err = capsys.readouterr()
    assert out.splitlines()[-1].split()[:2] == ["theirs", "10"]
    assert err == ""
    table = pd.read_csv(here / "results/table.csv")
    assert len(table) == 3 * 2 * (2 + 2 + 1)

    assert run("report results --no-pictures") == 0
    assert capsys.readouterr().out.strip() == "results/report.html"
    assert run("report results --out paper --protocol stutz2018") == 0
    assert "theirs" in (here / "paper/report.html").read_text()


def test_ignore_label_and_tolerance_of_a_folder(here):
    for path in (here / "photos/annotations").rglob("*.png"):
        labels = iio.imread(path)
        labels[:10] = 255
        iio.imwrite(path, labels)
    command = "bench --data photos --methods snic --counts 30 --quiet"
    assert run(f"{command} --ignore-label 255 --tolerance 3") == 0
    row = pd.read_csv(here / "results/table.csv").iloc[0]
    (labels,) = SNICSuperpixels(30).transform(
        [iio.imread(here / "photos/images/0.png")]
    )
    truth = iio.imread(here / "photos/annotations/ada/0.png")
    assert row["boundary_recall"] == pytest.approx(
        boundary_recall_score(truth, labels, tolerance=3, ignore_label=255), abs=1e-12
    )


@pytest.mark.slow
def test_images_and_jobs(here):
    command = f"bench --data photos --methods snic {COUNTS} --images 2 --jobs 2 --quiet"
    assert run(command) == 0
    assert pd.read_csv(here / "results/table.csv")["image"].nunique() == 2


def test_scenes_need_no_data(here):
    assert run("bench --data scenes --methods snic --counts 20 --images 2 --quiet") == 0


def test_cityscapes_by_the_papers_protocol(here):
    # Half of the image is road (7), a quarter sky (23), the rest out of the camera (3).
    ids = np.full((64, 128), 7, dtype=np.uint8)
    ids[:32, :64], ids[:32, 64:] = 23, 3
    for split, name, array in (
        ("leftImg8bit", "leftImg8bit", make_scenes(1, shape=(64, 128))[0][0]),
        ("gtFine", "gtFine_labelIds", ids),
    ):
        path = here / f"data/{split}/val/ulm/ulm_000000_000019_{name}.png"
        path.parent.mkdir(parents=True)
        iio.imwrite(path, array)
    command = "bench --data cityscapes --data-home data --methods snic --counts 8"
    assert run(f"{command} --quiet") == 0
    row = pd.read_csv(here / "results/table.csv").iloc[0]
    assert row["dataset"].startswith("cityscapes val")
    (path,) = (here / "data/leftImg8bit/val/ulm").iterdir()
    (labels,) = SNICSuperpixels(8).transform([iio.imread(path)])
    expected = {"tolerance": 3, "ignore_label": 3}
    assert row["boundary_recall"] == pytest.approx(
        boundary_recall_score(ids, labels, **expected), abs=1e-12
    )
    assert row["asa"] == pytest.approx(
        asa_score(ids, labels, ignore_label=3), abs=1e-12
    )
    without = boundary_recall_score(ids, labels, tolerance=3)
    assert row["boundary_recall"] != pytest.approx(without)


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ("--data nothing --methods ers", "no data set 'nothing': give one of bsds500"),
        ("--data photos --methods slick", "no method 'slick'"),
        ("--data photos --methods ers --subset test", "has no subsets"),
        ("--data scenes --methods ers --ignore-label 3", "its own ignore label"),
        ("--data scenes --methods ers --tolerance -1", "tolerance"),
        ("--data bsds500 --data-home empty --methods ers", "BSDS500 not found"),
        ("--data photos --methods gone.safetensors", "no file 'gone.safetensors'"),
        ("--data photos --methods ers --out photos", "holds other files"),
    ],
)
def test_errors_are_one_sentence(here, capsys, arguments, message):
    assert run(f"bench {arguments} --counts 10") == 2
    out, err = capsys.readouterr()
    assert out == ""
    assert err.startswith("seal-sk: error: ")
    assert message in err
    assert err.count("\n") == 1


def test_report_without_results(here, capsys):
    assert run("report photos") == 2
    assert "There are no results in 'photos'" in capsys.readouterr().err


@pytest.mark.slow
def test_a_report_is_not_replaced_unasked(here, capsys):
    assert run("bench --data photos --methods snic --counts 10 -q -o made") == 0
    page = here / "made/report.html"
    page.write_text("mine")
    assert run("report made") == 2
    assert "'made/report.html' exists already" in capsys.readouterr().err
    assert page.read_text() == "mine"
    # That of another protocol lies elsewhere.
    (here / "made/stutz2018/tables").mkdir(parents=True)
    assert run("report made --protocol stutz2018") == 2
    assert "'made/stutz2018/tables' exists already" in capsys.readouterr().err
    assert run("report made --force") == 0
    assert "snic" in page.read_text()


def test_failures_are_told(here, capsys):
    (here / "broken.py").write_text(
        "import numpy as np\n"
        "from seal_sk import SNICSuperpixels\n"
        "class Broken(SNICSuperpixels):\n"
        "    def transform(self, X):\n"
        "        if self.n_segments == 30:\n"
        "            raise RuntimeError('thirty')\n"
        "        return super().transform(X)\n"
    )
    methods = "--methods broken:Broken snic"
    assert run(f"bench --data photos {methods} {COUNTS} --quiet") == 1
    assert "3 of 6 failed" in capsys.readouterr().err
    table = pd.read_csv(here / "results/table.csv")
    assert table.groupby("method")["requested"].nunique().to_dict() == {
        "Broken": 1,
        "snic": 2,
    }


def test_what_is_not_installed_is_named(here):
    code = (
        "import sys\n"
        "sys.modules['pyarrow'] = None\n"
        "from seal_sk.cli import main\n"
        "raise SystemExit(main('report results'.split()))\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True)
    assert done.returncode == 2
    assert done.stderr == (
        "seal-sk: error: seal_sk.benchmark needs pyarrow, which is not installed: "
        'pip install "seal_sk[bench]".\n'
    )
