"""The files of docs/results, as benchmarks/publish.py makes them."""

import importlib
import shutil
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from seal_sk.benchmark import read_results, summarize

ROOT = Path(__file__).parents[2]


@pytest.fixture
def publish(monkeypatch):
    """Function that runs benchmarks/publish.py with arguments."""
    monkeypatch.syspath_prepend(ROOT / "benchmarks")
    module = importlib.import_module("publish")

    def run(*args):
        monkeypatch.setattr(sys, "argv", ["publish.py", *map(str, args)])
        module.main()

    return run


def test_published_results_have_the_same_scores(publish, finished, tmp_path):
    once, twice = tmp_path / "once", tmp_path / "twice"
    publish(finished.folder, once)
    publish(once, twice)
    for out in (once, twice):
        assert (out / "figures/BR-CD.svg").exists()
        assert "CD" in pd.read_csv(out / "stutz2018/summary.csv")
        for name in ("tu2018", "stutz2018", "best-annotation"):
            expected = summarize(finished, name).drop(
                columns=["method", "seconds", "peak_memory"]
            )
            found = summarize(read_results(out), name)[expected.columns]
            np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_results_without_scores_of_a_protocol(publish, finished, tmp_path, capsys):
    shutil.copy(finished.folder / "run.json", tmp_path)
    older = finished.table.drop(columns="contour_density")
    older.to_parquet(tmp_path / "table.parquet")
    with pytest.raises(SystemExit):
        publish(tmp_path, tmp_path / "out")
    assert "has no contour_density; run seal-sk bench" in capsys.readouterr().err
    with pytest.raises(SystemExit):
        publish(tmp_path / "nowhere", tmp_path / "out")
    assert "error: " in capsys.readouterr().err
    assert not (tmp_path / "out").exists()
