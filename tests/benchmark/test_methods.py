import pickle

import imageio.v3 as iio
import joblib
import numpy as np
import pytest
import tifffile
from scipy.io import savemat
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import FunctionTransformer

from seal_sk import ERSSuperpixels, SEALSuperpixels, SNICSuperpixels
from seal_sk.benchmark import METHODS, LabelMaps, find_methods, run_benchmark
from seal_sk.benchmark.methods import as_method
from seal_sk.superpixels.seal import _auto_cost

from .conftest import COUNTS


def same(images):
    return images


@pytest.mark.parametrize("name", METHODS)
def test_every_name_is_a_method(name, data):
    if name in ("lsc", "seeds"):
        pytest.importorskip("cv2")
    ((found, method),) = find_methods([name]).items()
    assert found == name
    caller = as_method(method)
    labels = caller.segment(data.images[0], data.annotations[0], 12, "scene0")
    assert labels.shape == (40, 48)
    assert 1 < len(np.unique(labels)) <= 16


def test_networks_of_the_package(data):
    methods = find_methods(["bsds500-train", "photographs=bsds500"])
    assert {name: one.weights for name, one in methods.items()} == {
        "bsds500-train": "bsds500-train",
        "photographs": "bsds500",
    }
    caller = as_method(methods["bsds500-train"])
    labels = caller.segment(data.images[0], data.annotations[0], 12, "scene0")
    assert labels.max() == 11


def test_import_paths():
    found = find_methods(
        ["seal_sk:SNICSuperpixels", "mine=seal_sk.superpixels.graph:ERSSuperpixels"]
    )
    assert list(found) == ["SNICSuperpixels", "mine"]
    assert isinstance(found["mine"], ERSSuperpixels)


def test_import_paths_of_instances_and_functions(tmp_path, monkeypatch):
    (tmp_path / "my_methods.py").write_text(
        "from seal_sk import SNICSuperpixels\n"
        "compact = SNICSuperpixels(compactness=30)\n"
        "def loose():\n    return SNICSuperpixels(compactness=3)\n"
        "number = 7\n"
        "def other(x):\n    return x\n"
    )
    monkeypatch.syspath_prepend(tmp_path)
    found = find_methods(["my_methods:compact", "my_methods:loose"])
    assert [m.compactness for m in found.values()] == [30, 3]
    with pytest.raises(ValueError, match="neither an estimator nor a class"):
        find_methods(["my_methods:number"])
    with pytest.raises(ValueError, match="can't be made without arguments"):
        find_methods(["my_methods:other"])
    with pytest.raises(ImportError, match="'my_methods:none' can't be imported"):
        find_methods(["my_methods:none"])
    with pytest.raises(ImportError, match="'no_such_module:none' can't be imported"):
        find_methods(["no_such_module:none"])


def test_pickled_estimators_and_networks(tmp_path, data):
    (tmp_path / "a.pkl").write_bytes(pickle.dumps(SNICSuperpixels(compactness=3)))
    joblib.dump(
        make_pipeline(FunctionTransformer(same), ERSSuperpixels()),
        tmp_path / "b.joblib",
    )
    SEALSuperpixels.load("bsds500").save(tmp_path / "c.safetensors")
    found = find_methods(
        [str(tmp_path / n) for n in ("a.pkl", "b.joblib", "c.safetensors")]
    )
    assert list(found) == ["a", "b", "c"]
    assert found["a"].compactness == 3
    assert isinstance(found["c"], SEALSuperpixels)
    labels = as_method(found["b"]).segment(data.images[0], None, 12, "scene0")
    (expected,) = ERSSuperpixels(12).transform([data.images[0]])
    np.testing.assert_array_equal(labels, expected)


def test_files_that_hold_no_method(tmp_path):
    (tmp_path / "a.pkl").write_bytes(b"no pickle")
    with pytest.raises(ValueError, match=r"a\.pkl.*no pickled estimator"):
        find_methods([str(tmp_path / "a.pkl")])
    (tmp_path / "b.safetensors").write_bytes(b"no weights")
    with pytest.raises(ValueError, match=r"b\.safetensors"):
        find_methods([str(tmp_path / "b.safetensors")])
    with pytest.raises(FileNotFoundError, match=r"no file.*c\.pkl"):
        find_methods([str(tmp_path / "c.pkl")])
    with pytest.raises(ValueError, match="no method 'slick': give one of seal"):
        find_methods(["slick"])
    with pytest.raises(ValueError, match="Two methods are called 'ers'"):
        find_methods(["ers", "ers"])


def write(path, labels):
    path.parent.mkdir(parents=True, exist_ok=True)
    if path.suffix == ".png":
        iio.imwrite(path, labels.astype(np.uint16))
    elif path.suffix == ".tif":
        tifffile.imwrite(path, labels.astype(np.uint32))
    elif path.suffix == ".npy":
        np.save(path, labels)
    elif path.suffix == ".mat":
        savemat(path, {"labels": labels.astype(float)})
    else:
        np.savetxt(path, labels, fmt="%d", delimiter=",")


@pytest.mark.parametrize("suffix", [".png", ".tif", ".npy", ".mat", ".csv"])
def test_label_maps_from_elsewhere_score_as_the_method_itself(
    suffix, data, finished, tmp_path
):
    for count in COUNTS:
        maps = ERSSuperpixels(count).transform(data.images)
        for name, labels in zip(data.names, maps, strict=True):
            write(tmp_path / f"theirs/{count}/{name}{suffix}", labels)
    methods = find_methods([f"{tmp_path / 'theirs'}"])
    table = run_benchmark(data, methods, COUNTS, tmp_path / "out").table
    assert set(table["method"]) == {"theirs"}
    assert table["seconds"].isna().all()
    expected = finished.table[finished.table["method"] == "ers"]
    for name in ("asa", "boundary_recall", "n_segments", "explained_variation"):
        np.testing.assert_array_equal(table[name], expected[name])


def test_label_maps_of_one_count_only(data, tmp_path):
    for name, labels in zip(
        data.names, SNICSuperpixels(20).transform(data.images), strict=True
    ):
        write(tmp_path / f"maps/{name}.npy", labels)
        # As of segment --table.
        (tmp_path / f"maps/{name}.csv").write_text("label,area\n0,12\n")
    table = run_benchmark(
        data, {"snic": LabelMaps(tmp_path / "maps")}, [20], tmp_path / "out"
    ).table
    assert len(table) == 4


def test_missing_and_unfit_label_maps_fail_before_any_work(data, tmp_path):
    folder = tmp_path / "maps"
    for name in data.names[:2]:
        write(folder / f"10/{name}.png", np.zeros((40, 48)))
    with pytest.raises(FileNotFoundError, match=r"no label map .*10/scene2"):
        run_benchmark(data, {"m": LabelMaps(folder)}, [10], tmp_path / "out")
    assert not (tmp_path / "out").exists()
    write(folder / "10/scene2.npy", np.zeros((40, 48), dtype=int))
    write(folder / "10/scene2.png", np.zeros((40, 48)))
    with pytest.raises(ValueError, match="belong to the same image"):
        run_benchmark(data, {"m": LabelMaps(folder)}, [10], tmp_path / "out")
    (folder / "10/scene2.png").unlink()
    write(folder / "10/scene0.png", np.zeros((48, 40)))
    with pytest.raises(ValueError, match="48 x 40 pixels, its image 40 x 48"):
        run_benchmark(data, {"m": LabelMaps(folder)}, [10], tmp_path / "out")
    with pytest.raises(FileNotFoundError, match="no folder"):
        LabelMaps(tmp_path / "nowhere")


def test_estimators_need_one_parameter_for_the_count():
    with pytest.raises(ValueError, match="2 parameters called n_segments"):
        as_method(make_pipeline(ERSSuperpixels(), SNICSuperpixels()))
    with pytest.raises(ValueError, match="0 parameters called n_segments"):
        as_method(FunctionTransformer(same))


def test_parameters_say_what_differs_from_the_defaults():
    assert as_method(SNICSuperpixels(n_segments=5)).parameters == "SNICSuperpixels()"
    changed = as_method(SNICSuperpixels(compactness=3.0, n_jobs=2))
    assert changed.parameters == "SNICSuperpixels(compactness=3.0)"
    assert changed.all_parameters == {
        "boundary_cost": None,
        "compactness": 3.0,
        "exact": False,
    }
    refined = as_method(SNICSuperpixels(boundary_cost=2.0))
    assert refined.parameters == "SNICSuperpixels(boundary_cost=2.0)"


def test_refinement_by_name(data):
    image, cost = data.images[0], _auto_cost(12, 40 * 48)
    for name, ratio, expected in (("seal", 12, cost), ("seal-ers", 1, None)):
        method = as_method(find_methods([name])[name])
        labels = method.segment(image, None, 12, "scene0")
        seal = SEALSuperpixels(12, weights="bsds500", boundary_cost=expected)
        seal.set_params(oversegmentation=ratio)
        assert np.array_equal(labels, seal.transform([image])[0])
