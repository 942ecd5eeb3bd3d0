"""The comparison with other programs, as the benchmarks print and draw it."""

import importlib
import json
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import pytest

pd = pytest.importorskip("pandas")
pytest.importorskip("pyarrow")

ROOT = Path(__file__).parents[1]
NAMES = [f"im{i}" for i in range(8)]


@pytest.fixture
def opponents(monkeypatch):
    """The module benchmarks/opponents.py."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    return importlib.import_module("opponents")


@pytest.fixture
def folder(tmp_path):
    """Results of eight images, of which only the first and the fifth are compared."""
    rows = [
        {
            "method": method,
            "requested": requested,
            "image": image,
            "annotation": j,
            "n_segments": n_segments,
            "n_regions": n_segments,
            "seconds": 0.1,
            "peak_memory": 1.0,
            "asa": asa if image == "im0" else asa - 0.2 if image == "im4" else 0.0,
            "boundary_recall": 0.8 if image == "im0" else 0.7 if image == "im4" else 0,
            "contour_density": 0.1 if image == "im0" else 0.3 if image == "im4" else 1,
        }
        for method, requested, n_segments, asa in (
            ("seal", 100, 100, 0.95),
            ("seal", 200, 200, 0.97),
            ("slic", 100, 67, 0.9),
        )
        for image in NAMES
        # The fifth image has three annotations.
        for j in range(3 if image == "im4" else 1)
    ]
    pd.DataFrame(rows).to_parquet(tmp_path / "table.parquet")
    # In any order: images are counted by name.
    dataset = {"name": "bsds500 test", "names": NAMES[::-1]}
    run = {"dataset": dataset, "methods": {"seal": {}, "slic": {}}, "counts": [100]}
    (tmp_path / "run.json").write_text(json.dumps(run))
    return tmp_path


@pytest.fixture
def others(tmp_path):
    path = tmp_path / "others.csv"
    path.write_text(
        "# How it was run.\n"
        "method,paper,requested,n_segments,asa,br,contour_density\n"
        "ETPS,Yao et al.,100,117,0.9305,0.8490,0.23\n"
    )
    return path


def test_scores_are_of_every_fourth_image(opponents, folder, others, capsys):
    out = folder / "drawn.png"
    argv = [str(folder), "--opponents", str(others), "--out", str(out)]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(sys, "argv", ["opponents.py", *argv])
        opponents.main()
    assert capsys.readouterr().out.splitlines() == [
        "| method | K = 100 | K = 200 |",
        "| --- | --- | --- |",
        # Means over four pairs, and over two images.
        "| seal | 0.8000 / 0.7250 / 0.20 | 0.8200 / 0.7250 / 0.20 |",
        "| slic | 0.7500 / 0.7250 / 0.20 (67) |  |",
        "| ETPS | 0.9305 / 0.8490 / 0.23 (117) |  |",
    ]
    assert iio.imread(out).std() > 5


def test_all_methods_are_drawn(opponents, folder, others):
    ours = opponents.every_fourth(opponents.read_results(folder))
    scores = pd.concat([ours, opponents.read_opponents(others)])
    (ax,) = opponents.draw(scores).axes
    assert [line.get_label() for line in ax.lines] == ["seal", "slic", "ETPS"]
    np.testing.assert_allclose(ax.lines[0].get_xydata(), [[0.2, 0.725]] * 2)
    assert ax.lines[2].get_xydata().tolist() == [[0.23, 0.849]]


def test_results_that_cannot_be_compared(opponents, folder):
    results = opponents.read_results(folder)
    table = results.table
    results.table = table[~((table["image"] == "im4") & (table["method"] == "slic"))]
    with pytest.raises(ValueError, match="only 1 of the 2 images have results"):
        opponents.every_fourth(results)
    results.table = table.drop(columns="contour_density")
    with pytest.raises(ValueError, match="has no contour density; run seal-sk bench"):
        opponents.every_fourth(results)
    results.run["dataset"]["name"] = "scenes"
    with pytest.raises(ValueError, match="the results are of 'scenes'; give those"):
        opponents.every_fourth(results)


def test_published_scores_of_other_programs(opponents):
    scores = opponents.read_opponents(opponents.RESULTS / "opponents.csv")
    counts = [100, 200, 300, 400, 600, 800, 1000, 1200]
    for _, rows in scores.groupby("method"):
        assert list(rows["requested"]) == counts
        for name in ("n_segments", "ASA", "BR", "CD"):
            assert rows[name].is_monotonic_increasing
    assert list(scores["method"].unique()) == ["DISF", "SICLE", "SH", "ETPS", "RSS"]
    assert scores[["ASA", "BR", "CD"]].stack().between(0, 1).all()
