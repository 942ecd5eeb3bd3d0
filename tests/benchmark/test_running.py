"""Runs: what comes out, and that it does whatever happens on the way."""

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from filelock import FileLock
from sklearn.base import BaseEstimator, TransformerMixin

from seal_sk import ERSSuperpixels, SNICSuperpixels
from seal_sk.benchmark import (
    BenchmarkError,
    LabelMaps,
    average_over_counts,
    read_results,
    run_benchmark,
    running,
    summarize,
)
from seal_sk.datasets import Dataset, make_scenes
from seal_sk.metrics import asa_score, boundary_recall_score, evaluate

from .conftest import COUNTS, make_data

TIMES = ["seconds", "peak_memory"]


def without_times(table):
    return table.drop(columns=TIMES)


class Failing(TransformerMixin, BaseEstimator):
    """ERS that fails on an image whose mean is `bad`."""

    def __init__(self, n_segments=5, bad=None):
        self.n_segments = n_segments
        self.bad = bad

    def transform(self, X):
        """Label maps."""
        if np.mean(X[0]) == self.bad:
            raise RuntimeError("bad image")
        return ERSSuperpixels(self.n_segments).transform(X)


def test_a_row_for_each_image_annotation_method_and_count(finished, data):
    table = finished.table
    key = ["image", "annotation", "method", "requested"]
    assert not table.duplicated(key).any()
    assert len(table) == 4 * 3 * 2
    assert (
        list(table["method"].unique()) == finished.methods == ["ers", "snic", "oracle"]
    )
    assert set(table["dataset"]) == {"scenes"}
    assert sorted(table["image"].unique()) == data.names
    row = table.query(
        "image == 'scene2' and annotation == 1 and method == 'snic' and requested == 30"
    ).iloc[0]
    (labels,) = SNICSuperpixels(30).transform([data.images[2]])
    truth = data.annotations[2][1]
    scores = evaluate(truth, labels, image=data.images[2])
    assert row["asa"] == asa_score(truth, labels)
    assert row["boundary_recall"] == boundary_recall_score(truth, labels)
    for name, value in scores.items():
        assert row[name] == value
    assert row["n_segments"] == row["n_regions"] == labels.max() + 1
    assert row["parameters"] == "SNICSuperpixels()"
    assert "seal_sk" in row["versions"]
    assert "cores" in row["machine"]
    assert 0 < row["seconds"] < 5
    if sys.platform == "linux":
        assert 0 <= row["peak_memory"] < 1000


def test_oracle_sees_the_truth(finished):
    averages = average_over_counts(finished, counts=(10, 30)).set_index("method")
    assert averages["ASA"].idxmax() == "oracle"


def test_parquet_and_csv_hold_the_same(finished):
    table = read_results(finished.folder).table
    pd.testing.assert_frame_equal(table, finished.table)
    csv = pd.read_csv(finished.folder / "table.csv")
    assert list(csv.columns) == list(table.columns)
    np.testing.assert_allclose(csv["asa"], table["asa"], rtol=1e-12)


def test_parallel_runs_give_the_same(finished, data, tmp_path):
    again = run_benchmark(data, ["ers", "snic", "oracle"], COUNTS, tmp_path, n_jobs=2)
    pd.testing.assert_frame_equal(
        without_times(again.table), without_times(finished.table)
    )


def test_nothing_is_computed_twice(data, tmp_path, monkeypatch):
    run_benchmark(data, ["ers"], COUNTS, tmp_path)
    before = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("parts/*/*")}
    assert len(before) == 3

    def refuse(*args, **kwargs):
        raise AssertionError("computed twice")

    monkeypatch.setattr(ERSSuperpixels, "transform", refuse)
    run_benchmark(data, ["ers"], COUNTS, tmp_path)
    run_benchmark(data, ["ers", "snic"], COUNTS, tmp_path)
    after = {path: path.stat().st_mtime_ns for path in tmp_path.rglob("parts/ers/*")}
    assert after == before


def test_methods_counts_and_images_are_added(data, finished, tmp_path):
    run_benchmark(data, ["ers"], [10], tmp_path, n_images=2)
    run_benchmark(data, ["snic", "oracle"], [30], tmp_path)
    run_benchmark(data, ["ers", "snic", "oracle"], COUNTS, tmp_path)
    grown = read_results(tmp_path).table
    key = ["method", "requested", "image", "annotation"]
    pd.testing.assert_frame_equal(
        without_times(grown).sort_values(key, ignore_index=True).astype(object),
        without_times(finished.table)
        .sort_values(key, ignore_index=True)
        .astype(object),
    )


def test_images_are_evenly_spaced(tmp_path):
    data = make_data(8)
    results = run_benchmark(data, ["snic"], [10], tmp_path, n_images=4)
    assert list(results.table["image"].unique()) == [f"scene{i}" for i in (0, 2, 4, 6)]


def test_several_annotators_ignored_pixels_and_tolerance(data, tmp_path):
    annotations = [[maps[0].copy()] for maps in data.annotations]
    for (truth,) in annotations:
        truth[:10] = 255
    other = Dataset(
        "other", data.images, annotations, data.names, ignore_label=255, tolerance=3
    )
    table = run_benchmark(other, ["snic"], [30], tmp_path).table
    (labels,) = SNICSuperpixels(30).transform([data.images[0]])
    assert table.iloc[0]["boundary_recall"] == boundary_recall_score(
        annotations[0][0], labels, tolerance=3, ignore_label=255
    )
    assert table.iloc[0]["asa"] == asa_score(
        annotations[0][0], labels, ignore_label=255
    )


# Interruptions


_KILLED = """
import sys, time
import numpy as np
from seal_sk import SNICSuperpixels
from seal_sk.benchmark import run_benchmark
sys.path.insert(0, {tests!r})
from conftest import make_data

class Slow(SNICSuperpixels):
    def transform(self, X):
        time.sleep(0.15)
        return super().transform(X)

if __name__ == "__main__":
    run_benchmark(make_data(6), {{"slow": SNICSuperpixels(), "slower": Slow()}},
                  [10, 30], {out!r}, n_jobs=2)
"""


@pytest.mark.slow
@pytest.mark.skipif(not hasattr(os, "killpg"), reason="kills a group of processes")
def test_a_run_that_is_killed_twice_goes_on(tmp_path):
    out = tmp_path / "out"
    script = tmp_path / "script.py"
    script.write_text(_KILLED.format(tests=str(Path(__file__).parent), out=str(out)))

    def parts():
        found = out.glob("parts/*/*.json")
        return {path: path.read_bytes() for path in found}

    done = {}
    for _ in range(2):
        process = subprocess.Popen(
            [sys.executable, script], start_new_session=True, stderr=subprocess.DEVNULL
        )
        deadline = time.monotonic() + 120
        while len(parts()) < len(done) + 3:
            assert process.poll() is None, "it ended before it was killed"
            assert time.monotonic() < deadline
            time.sleep(0.01)
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()
        assert not (out / "table.parquet").exists()
        for path, content in done.items():
            assert path.read_bytes() == content
        done = parts()
        for content in done.values():
            json.loads(content)
    assert len(done) < 12
    subprocess.run([sys.executable, script], check=True, timeout=120)
    # What was there was not computed again: even its times are the same.
    for path, content in done.items():
        assert path.read_bytes() == content
    assert len(parts()) == 12
    assert [path.name for path in out.rglob(".*")] == [".lock"]
    table = read_results(out).table
    assert len(table) == 2 * 2 * 7
    whole = run_benchmark(
        make_data(6), {"slow": SNICSuperpixels()}, COUNTS, tmp_path / "w"
    )
    pd.testing.assert_frame_equal(
        without_times(table[table["method"] == "slow"])
        .reset_index(drop=True)
        .astype(object),
        without_times(whole.table).astype(object),
    )


def test_methods_that_fail_on_some_images_are_reported(data, tmp_path):
    bad = Failing(bad=np.mean(data.images[1]))
    with pytest.raises(BenchmarkError, match=r"1 of 6 .*scene1: RuntimeError: bad im"):
        run_benchmark(data, {"failing": bad, "ers": ERSSuperpixels()}, COUNTS, tmp_path)
    table = read_results(tmp_path).table
    assert table.groupby("method", observed=True)["image"].nunique().to_dict() == {
        "ers": 3,
        "failing": 2,
    }
    assert list(summarize(table)["n_images"]) == 4 * [2]


# What is refused


def test_a_method_that_fails_at_once_stops_the_run(data, tmp_path):
    bad = Failing(bad=np.mean(data.images[0]))
    with pytest.raises(ValueError, match="'failing' fails on image scene0: Runtime"):
        run_benchmark(data, {"failing": bad}, COUNTS, tmp_path)
    assert not list(tmp_path.glob("parts/*"))


def test_other_data_is_refused(finished, data, tmp_path):
    run_benchmark(data, ["snic"], [10], tmp_path)
    other = Dataset("scenes", data.images, data.annotations, tolerance=2)
    with pytest.raises(ValueError, match=r"holds results of other data.*tolerance 1"):
        run_benchmark(other, ["snic"], [10], tmp_path)


def test_another_method_of_the_same_name_is_refused(data, tmp_path):
    run_benchmark(data, {"snic": SNICSuperpixels()}, [10], tmp_path)
    with pytest.raises(ValueError, match="another method 'snic'"):
        run_benchmark(data, {"snic": SNICSuperpixels(compactness=20)}, [10], tmp_path)
    with pytest.raises(ValueError, match="another method 'snic'"):
        run_benchmark(data, {"snic": SNICSuperpixels(boundary_cost=9)}, [10], tmp_path)
    # What changes no label is the same method.
    run_benchmark(
        data, {"snic": SNICSuperpixels(n_segments=7, n_jobs=2)}, [10], tmp_path
    )


def changed(data, images=None, annotations=None, masks=None):
    return Dataset(
        data.name,
        images or data.images,
        annotations or data.annotations,
        data.names,
        masks=masks,
    )


def test_changed_images_annotations_and_masks_are_refused(data, tmp_path):
    run_benchmark(data, ["snic"], [10], tmp_path)
    images = [*data.images[:2], 255 - data.images[2]]
    more = [[*maps, maps[0]] for maps in data.annotations]
    masks = [None, None, np.ones(images[2].shape[:2], dtype=bool)]
    for other in (
        changed(data, images=images),
        changed(data, annotations=more),
        changed(data, masks=masks),
    ):
        for methods in (["snic"], ["ers", "snic"]):
            with pytest.raises(ValueError, match=r"scores of an older .*have changed"):
                run_benchmark(other, methods, [10], tmp_path)
    run_benchmark(changed(data), ["snic"], [10], tmp_path)


def test_changed_label_maps_are_scored_anew(data, tmp_path):
    for name, labels in zip(
        data.names, SNICSuperpixels(10).transform(data.images), strict=True
    ):
        np.save(tmp_path / f"{name}.npy", labels)
    maps = {"maps": LabelMaps(tmp_path)}
    before = run_benchmark(data, maps, [10], tmp_path / "out").table
    (drawn,) = (tmp_path / "out/pictures").glob("000001/maps-10.png")
    picture = drawn.read_bytes()
    np.save(tmp_path / "scene1.npy", np.zeros((40, 48), dtype=int))
    after = run_benchmark(data, maps, [10], tmp_path / "out").table
    differs = before["asa"] != after["asa"]
    assert set(before["image"][differs]) == {"scene1"}
    assert after["n_segments"][differs].eq(1).all()
    assert drawn.read_bytes() != picture


def test_code_of_the_user_is_part_of_a_method(data, tmp_path, monkeypatch):
    monkeypatch.syspath_prepend(tmp_path)
    code = (
        "from seal_sk import SNICSuperpixels\n"
        "class Mine(SNICSuperpixels):\n"
        "    def transform(self, X):\n"
        "        return [m // {} for m in super().transform(X)]\n"
    )
    for name, divisor in (("mine_1", 1), ("mine_2", 2)):
        (tmp_path / f"{name}.py").write_text(code.format(divisor))
    run_benchmark(data, ["a=mine_1:Mine"], [10], tmp_path / "out")
    run_benchmark(data, ["a=mine_1:Mine"], [10], tmp_path / "out")
    with pytest.raises(ValueError, match="another method 'a'"):
        run_benchmark(data, ["a=mine_2:Mine"], [10], tmp_path / "out")


def test_methods_do_not_share_what_they_change(data, tmp_path):
    class Vandal(SNICSuperpixels):
        def transform(self, X):
            labels = super().transform(X)
            X[0][:] = 0
            return labels

    copies = [image.copy() for image in data.images]
    other = changed(data, images=copies)
    methods = {"vandal": Vandal(), "snic": SNICSuperpixels()}
    table = run_benchmark(other, methods, COUNTS, tmp_path).table
    for image, copy in zip(data.images, copies, strict=True):
        np.testing.assert_array_equal(image, copy)
    both = [table[table["method"] == m].reset_index() for m in methods]
    for column in ("asa", "explained_variation"):
        np.testing.assert_array_equal(both[0][column], both[1][column])


class Floats(SNICSuperpixels):
    """Not integers."""

    def transform(self, X):
        """Label maps."""
        return [labels.astype(float) for labels in super().transform(X)]


class Masking(SNICSuperpixels):
    """Leaves pixels out."""

    def transform(self, X):
        """Label maps."""
        return [labels - 1 for labels in super().transform(X)]


@pytest.mark.parametrize(
    ("method", "message"),
    [(Floats(), "dtype float64"), (Masking(), "leaves out .* pixels")],
)
def test_what_is_no_label_map_is_refused_at_once(data, tmp_path, method, message):
    with pytest.raises(ValueError, match=message):
        run_benchmark(data, {"m": method}, [10], tmp_path / "out")
    assert not (tmp_path / "out").exists()


def test_refused_requests_leave_nothing_behind(data, tmp_path):
    with pytest.raises(ValueError, match="fewer than the"):
        run_benchmark(data, ["snic"], [10, 10**6], tmp_path)
    results = run_benchmark(data, ["snic"], [10], tmp_path)
    assert results.run["counts"] == [10]


@pytest.mark.slow
def test_the_same_method_in_another_process_is_the_same(data, tmp_path):
    # The default repr of `Edges` says where it lies in memory.
    (tmp_path / "mine.py").write_text(
        "from seal_sk import EdgeAffinity, GraphSuperpixels\n"
        "class Edges:\n"
        "    def __init__(self, level):\n        self.level = level\n"
        "    def __call__(self, image):\n"
        "        return (image[..., 0] > self.level).astype(float)\n"
        "def make(level=100):\n"
        "    return GraphSuperpixels(affinity=EdgeAffinity(Edges(level)))\n"
        "def other():\n    return make(200)\n"
    )

    def bench(function):
        command = f"bench --data scenes --methods e=mine:{function} --counts 9 --quiet"
        return subprocess.run(
            [sys.executable, "-m", "seal_sk", *command.split(), "--images", "1"],
            cwd=tmp_path,
            capture_output=True,
            text=True,
        )

    for _ in range(2):
        done = bench("make")
        assert done.returncode == 0, done.stderr
    assert "another method 'e'" in bench("other").stderr
    assert " at 0x" not in (tmp_path / "results/run.json").read_text()


def test_images_of_unknown_pixels_have_no_rows(data, tmp_path):
    annotations = list(data.annotations)
    shape = np.shape(annotations[0])[-2:]
    annotations[0] = [np.full(shape, 99)]
    annotations[2] = [np.full(shape, 99), np.zeros(shape, int)]
    images = Dataset("d", data.images, annotations, data.names, ignore_label=99)
    for _ in range(2):
        results = run_benchmark(images, ["snic", "ers"], [10], tmp_path / "a")
        rows = results.table[results.table["method"] == "snic"]
        assert data.names[0] not in set(rows["image"])
        assert rows["annotation"][rows["image"] == data.names[2]].tolist() == [1]
    nothing = Dataset("d", data.images[:1], annotations[:1], ignore_label=99)
    with pytest.raises(ValueError, match="every pixel of every annotation has the"):
        run_benchmark(nothing, ["snic"], [10], tmp_path / "b")


def test_a_folder_of_other_files_is_left_alone(data, tmp_path):
    (tmp_path / "thesis.tex").write_text("chapter")
    with pytest.raises(ValueError, match=r"holds other files and no run\.json"):
        run_benchmark(data, ["snic"], [10], tmp_path)
    assert [path.name for path in tmp_path.iterdir()] == ["thesis.tex"]


def test_two_runs_do_not_share_a_folder(data, tmp_path):
    with (
        FileLock(tmp_path / ".lock"),
        pytest.raises(ValueError, match="Another run is writing"),
    ):
        run_benchmark(data, ["snic"], [10], tmp_path)


def test_the_end_of_a_run_leaves_the_lock_of_the_next(data, tmp_path, monkeypatch):
    following = FileLock(tmp_path / ".lock")

    class First(FileLock):
        def release(self, force=False):
            super().release(force)
            following.acquire(timeout=0)

    with monkeypatch.context() as patched:
        patched.setattr(running, "FileLock", First)
        run_benchmark(data, ["snic"], [10], tmp_path)
    with pytest.raises(ValueError, match="Another run is writing"):
        run_benchmark(data, ["ers"], [10], tmp_path)
    following.release(force=True)
    assert len(run_benchmark(data, ["ers"], [10], tmp_path).methods) == 2


@pytest.mark.parametrize(
    ("methods", "counts", "message"),
    [
        ([], [10], "methods is empty"),
        (["snic"], [], "counts is empty"),
        (["snic"], [0], "a count"),
        (["snic"], [10**6], "1920 pixels, fewer than the 1000000"),
        ({"a/b": SNICSuperpixels()}, [10], "can't be the name"),
        ({"a": object()}, [10], "is not an estimator"),
        ({"a": SNICSuperpixels}, [10], "is not an estimator"),
        ({1: SNICSuperpixels()}, [10], "give a string"),
        ([SNICSuperpixels()], [10], "neither a dict of estimators"),
        (SNICSuperpixels(), [10], "neither a dict of estimators"),
    ],
)
def test_requests_that_cannot_be_met(data, tmp_path, methods, counts, message):
    with pytest.raises((ValueError, TypeError), match=message):
        run_benchmark(data, methods, counts, tmp_path / "out")


def test_the_oracle_alone(data, tmp_path):
    assert len(run_benchmark(data, ["oracle"], [10], tmp_path).table) == 4


def test_one_count_and_one_name_will_do(data, tmp_path):
    assert len(run_benchmark(data, "snic", 10, tmp_path).table) == 4


def test_other_requests_that_cannot_be_met(data, tmp_path):
    with pytest.raises(TypeError, match=r"give a seal_sk\.datasets\.Dataset"):
        run_benchmark((data.images, data.annotations), ["snic"], [10], tmp_path)
    with pytest.raises(ValueError, match="n_jobs must not be 0"):
        run_benchmark(data, ["snic"], [10], tmp_path, n_jobs=0)
    (tmp_path / "file").write_text("")
    with pytest.raises(ValueError, match="is a file"):
        run_benchmark(data, ["snic"], [10], tmp_path / "file")


def test_results_that_are_not_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no results"):
        read_results(tmp_path)


def test_damaged_results(finished, tmp_path):
    (tmp_path / "run.json").write_text("{")
    with pytest.raises(ValueError, match=r"run\.json can't be read"):
        read_results(tmp_path)
    (tmp_path / "run.json").write_text("{}")
    (tmp_path / "table.parquet").write_text("")
    with pytest.raises(ValueError, match="was not written by seal-sk bench"):
        read_results(tmp_path)
    shutil.copy(finished.folder / "run.json", tmp_path)
    content = (finished.folder / "table.parquet").read_bytes()
    (tmp_path / "table.parquet").write_bytes(content[:200])
    with pytest.raises(ValueError, match=r"table\.parquet can't be read.*again"):
        read_results(tmp_path)


def test_a_damaged_part_is_named(data, tmp_path):
    run_benchmark(data, ["snic"], [10], tmp_path)
    part = next(tmp_path.glob("parts/snic/*"))
    content = part.read_text()
    asa = content.index('"asa": [0.') + 10
    changed_digit = content[:asa] + str(9 - int(content[asa])) + content[asa + 1 :]
    for damaged in ('{"10": ', "[]", "{}", changed_digit):
        part.write_text(damaged)
        message = f"{part.name}.*remove it to compute it again"
        with pytest.raises(ValueError, match=message):
            run_benchmark(data, ["snic"], [10], tmp_path)
    part.unlink()
    run_benchmark(data, ["snic"], [10], tmp_path)
    assert part.read_text().startswith(content[:asa])
    (tmp_path / "run.json").write_text("[]")
    with pytest.raises(ValueError, match=r"run\.json is damaged.*another folder"):
        run_benchmark(data, ["snic"], [10], tmp_path)


def test_scenes_of_one_kind(tmp_path):
    images, truths = make_scenes(1, shape=(20, 20), random_state=1)
    grey = [image[..., 0] for image in images]
    table = run_benchmark(Dataset("grey", grey, truths), ["ers"], [5], tmp_path).table
    assert len(table) == 1
