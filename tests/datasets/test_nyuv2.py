import pickle
import sys

import h5py
import numpy as np
import pooch
import pytest
from scipy.io import savemat

from seal_sk.datasets import Dataset, load_nyuv2

N, H, W = 5, 3, 4
FILE = "nyu_depth_v2_labeled.mat"


@pytest.fixture(autouse=True)
def no_data_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("SEAL_SK_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)


@pytest.fixture
def arrays():
    """Images (N, H, W, 3), classes and instances (N, H, W), as they ought to be."""
    rng = np.random.default_rng(0)
    return {
        "images": rng.integers(0, 256, (N, H, W, 3), dtype=np.uint8),
        "labels": rng.integers(0, 894, (N, H, W), dtype=np.uint16)
        * rng.integers(0, 2, (N, H, W), dtype=np.uint16),
        "instances": rng.integers(0, 30, (N, H, W), dtype=np.uint8),
    }


def write(path, arrays):
    """Write what MATLAB does for arrays (H, W, 3, N) and (H, W, N)."""
    path.parent.mkdir(parents=True, exist_ok=True)
    with h5py.File(path, "w", userblock_size=512) as file:
        for name, array in arrays.items():
            stored = np.moveaxis(array, -1, 1).swapaxes(-1, -2)
            if array.ndim == 3:
                stored = array.swapaxes(-1, -2)
            file.create_dataset(name, data=stored, compression="gzip")
        file.create_dataset("depths", data=np.zeros((N, W, H), dtype=np.float32))
    return path


def write_splits(path):
    savemat(path, {"trainNdxs": [[5], [2]], "testNdxs": [[1], [3], [4]]})


@pytest.fixture
def file(tmp_path, arrays):
    write_splits(tmp_path / "splits.mat")
    return write(tmp_path / FILE, arrays)


def test_all(file, arrays):
    data = load_nyuv2(file)
    assert isinstance(data, Dataset)
    assert data.name == "nyuv2"
    assert data.names == ["0001", "0002", "0003", "0004", "0005"]
    assert data.ignore_label == 0
    assert data.tolerance == 1
    assert "Silberman" in data.DESCR
    for i in range(N):
        image, labels = data.images[i], data.annotations[i]
        assert image.dtype == np.uint8
        assert image.flags.c_contiguous
        np.testing.assert_array_equal(image, arrays["images"][i])
        assert labels.dtype == np.int32
        assert labels.flags.c_contiguous
        classes = arrays["labels"][i].astype(int)
        expected = np.where(classes > 0, 1000 * classes + arrays["instances"][i], 0)
        np.testing.assert_array_equal(labels, expected)


def test_classes_alone(file, arrays):
    data = load_nyuv2(file, instances=False)
    np.testing.assert_array_equal(data.annotations[3], arrays["labels"][3])
    assert data.annotations[3].dtype == np.int32


@pytest.mark.parametrize(("subset", "chosen"), [("train", [1, 4]), ("test", [0, 2, 3])])
def test_subsets(tmp_path, file, arrays, subset, chosen):
    data = load_nyuv2(file, subset=subset)
    assert data.name == f"nyuv2 {subset}"
    assert data.names == [f"{i + 1:04d}" for i in chosen]
    for image, i in zip(data.images, chosen, strict=True):
        np.testing.assert_array_equal(image, arrays["images"][i])
    (tmp_path / "splits.mat").rename(tmp_path / "other.mat")
    with pytest.raises(FileNotFoundError, match=r"splits\.mat"):
        load_nyuv2(file, subset=subset)
    data = load_nyuv2(file, subset=subset, splits=str(tmp_path / "other.mat"))
    assert len(data.names) == len(chosen)


@pytest.mark.parametrize("location", [".", "nyuv2", "nyu_depth_v2"])
@pytest.mark.parametrize("how", ["argument", "environment", "cache"])
def test_where_it_looks(tmp_path, monkeypatch, arrays, location, how):
    home = tmp_path / ("cache/seal_sk" if how == "cache" else "data")
    write(home / location / FILE, arrays)
    if how == "environment":
        monkeypatch.setenv("SEAL_SK_DATA", str(home))
    data = load_nyuv2(str(home) if how == "argument" else None)
    assert len(data.images) == N


def test_pickled_and_read_one_by_one(file):
    data = pickle.loads(pickle.dumps(load_nyuv2(file)))
    assert data.select([4, 0]).names == ["0005", "0001"]
    np.testing.assert_array_equal(data.images[4], load_nyuv2(file).images[4])
    file.unlink()  # it isn't held open, and was not kept in memory
    with pytest.raises(FileNotFoundError, match=FILE):
        data.images[0]
    with pytest.raises(FileNotFoundError, match=FILE):
        data.annotations[0]


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=rf"{tmp_path}.*{FILE}.*SEAL_SK_DATA"):
        load_nyuv2(tmp_path)
    with pytest.raises(FileNotFoundError, match=r"missing\.mat"):
        load_nyuv2(tmp_path / "missing.mat")


@pytest.mark.parametrize("content", [b"", b"no HDF5", None])
def test_damaged(file, content):
    whole = file.read_bytes()
    file.write_bytes(whole[: len(whole) // 2] if content is None else content)
    with pytest.raises(OSError, match=f"{FILE} (is an empty file|can't be read)"):
        load_nyuv2(file)


def test_one_damaged_image(tmp_path, file):
    data = load_nyuv2(file)
    with h5py.File(file, "r") as opened:
        chunk = opened["images"].id.get_chunk_info(0)
    content = bytearray(file.read_bytes())
    start = 512 + chunk.byte_offset if content[:4] != b"\x89HDF" else chunk.byte_offset
    for offset in {start, chunk.byte_offset}:
        content[offset : offset + chunk.size] = b"\xff" * chunk.size
    file.write_bytes(content)
    with pytest.raises(OSError, match=f"{FILE} can't be read"):
        data.images[0]


@pytest.mark.parametrize(
    "change",
    [
        lambda arrays: arrays.pop("labels"),
        lambda arrays: arrays.update(instances=arrays["instances"][:-1]),
        lambda arrays: arrays.update(labels=arrays["labels"][:, :-1]),
        lambda arrays: arrays.update(images=arrays["images"][..., :2]),
        lambda arrays: arrays.update(images=arrays["images"].astype(np.float32)),
        lambda arrays: arrays.clear(),
    ],
    ids=["no labels", "too few", "other size", "two channels", "floats", "nothing"],
)
def test_other_content(tmp_path, arrays, change):
    change(arrays)
    path = write(tmp_path / FILE, arrays)
    with pytest.raises(ValueError, match=f"{FILE} must hold unsigned integers"):
        load_nyuv2(path)


def test_too_many_instances(tmp_path, arrays):
    arrays["instances"] = arrays["instances"].astype(np.uint16) + 1000
    data = load_nyuv2(write(tmp_path / FILE, arrays))
    with pytest.raises(ValueError, match=f"{FILE} has an instance .* in image 2"):
        data.annotations[1]


@pytest.mark.parametrize(
    ("variables", "message"),
    [
        ({"testNdxs": [[1], [6]]}, "images 1 to 6, but there are 5"),
        ({"testNdxs": [[0], [1]]}, "images 0 to 1"),
        ({"trainNdxs": [[1]]}, "no numbers of images 'testNdxs'"),
    ],
)
def test_other_splits(tmp_path, file, variables, message):
    savemat(tmp_path / "splits.mat", variables)
    with pytest.raises(ValueError, match=rf"splits\.mat.*{message}"):
        load_nyuv2(file, subset="test")


def test_damaged_splits(tmp_path, file):
    (tmp_path / "splits.mat").write_bytes(b"nothing")
    with pytest.raises(OSError, match=r"splits\.mat can't be read"):
        load_nyuv2(file, subset="test")


def test_unknown_subset(file):
    with pytest.raises(ValueError, match="must be one of"):
        load_nyuv2(file, subset="val")


def test_h5py_is_asked_for(file, monkeypatch):
    monkeypatch.setitem(sys.modules, "h5py", None)
    with pytest.raises(ImportError, match=rf"{FILE} needs h5py.*pip install h5py"):
        load_nyuv2(file)
