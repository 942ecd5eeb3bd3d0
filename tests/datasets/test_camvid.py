import pickle
import shutil

import numpy as np
import pooch
import pytest
from PIL import Image

from seal_sk.datasets import Dataset, load_camvid
from seal_sk.datasets.camvid import CLASSES

SHAPE = (4, 8)
NAMES = {
    "train": ["0016E5_00390", "0001TP_006690"],
    "val": ["0016E5_07959"],
    "test": ["Seq05VD_f00000"],
}
ALL = [name for names in NAMES.values() for name in names]


@pytest.fixture(autouse=True)
def no_data_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("SEAL_SK_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)


def image():
    values = np.random.default_rng(0).integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
    return Image.fromarray(values)


def write_segnet(folder):
    for split, names in NAMES.items():
        for kind in (split, f"{split}annot"):
            (folder / kind).mkdir(parents=True)
        for name in names:
            image().save(folder / split / f"{name}.png")
            labels = np.arange(32).reshape(SHAPE) % 12
            labels = Image.fromarray(labels.astype(np.uint8))
            labels.save(folder / f"{split}annot" / f"{name}.png")
    return folder


def write_original(folder, colours=None):
    if colours is None:
        colours = np.array(list(CLASSES.values())).reshape(*SHAPE, 3)
    for kind in ("701_StillsRaw_full", "LabeledApproved_full"):
        (folder / kind).mkdir(parents=True)
    for name in ALL:
        image().save(folder / "701_StillsRaw_full" / f"{name}.png")
        labels = Image.fromarray(colours.astype(np.uint8))
        labels.save(folder / "LabeledApproved_full" / f"{name}_L.png")
    return folder


# SegNet's layout


@pytest.mark.parametrize("subset", ["train", "val", "test", None])
def test_segnet(tmp_path, subset):
    data = load_camvid(write_segnet(tmp_path / "home"), subset=subset)
    assert isinstance(data, Dataset)
    assert data.name == ("camvid" if subset is None else f"camvid {subset}")
    splits = NAMES if subset is None else [subset]
    assert data.names == [name for split in splits for name in sorted(NAMES[split])]
    assert data.ignore_label == 11
    assert data.tolerance == 1
    assert "Brostow" in data.DESCR
    for image, labels in zip(data.images, data.annotations, strict=True):
        assert image.shape == (*SHAPE, 3)
        assert image.dtype == np.uint8
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, np.arange(32).reshape(SHAPE) % 12)


def test_segnet_in_part(tmp_path):
    home = write_segnet(tmp_path / "home")
    shutil.rmtree(home / "train")
    shutil.rmtree(home / "trainannot")
    assert len(load_camvid(home, subset="test").images) == 1
    with pytest.raises(FileNotFoundError, match=r"No \.png file in .*train; unpack"):
        load_camvid(home)
    with pytest.raises(FileNotFoundError, match="train/ and trainannot/"):
        load_camvid(home, subset="train")


@pytest.mark.parametrize("lost", ["train", "trainannot"])
def test_segnet_missing_counterpart(tmp_path, lost):
    home = write_segnet(tmp_path / "home")
    path = home / lost / "0016E5_00390.png"
    path.unlink()
    with pytest.raises(FileNotFoundError, match=f"lacks its counterpart {path} "):
        load_camvid(home)


# The authors' layout


def test_original(tmp_path):
    data = load_camvid(write_original(tmp_path / "home"))
    assert data.name == "camvid"
    assert data.names == sorted(ALL)
    assert data.ignore_label == 30
    assert data.tolerance == 2
    labels = data.annotations[0]
    assert labels.dtype == np.int32
    np.testing.assert_array_equal(labels, np.arange(32).reshape(SHAPE))


def test_the_classes():
    assert len(CLASSES) == len(set(CLASSES.values())) == 32
    assert list(CLASSES) == sorted(CLASSES, key=str.lower)
    assert list(CLASSES)[30] == "Void"
    assert CLASSES["Void"] == (0, 0, 0)


def test_stray_colours_are_void(tmp_path):
    colours = np.full((20, 20, 3), 128)
    colours[3, 4] = 1, 2, 3
    colours[5, 6] = 255
    home = write_original(tmp_path / "home", colours)
    for path in (home / "701_StillsRaw_full").iterdir():
        Image.new("RGB", (20, 20)).save(path)
    expected = np.full((20, 20), list(CLASSES).index("Sky"))
    expected[3, 4] = expected[5, 6] = 30
    np.testing.assert_array_equal(load_camvid(home).annotations[0], expected)


def test_photographs_are_no_label_maps(tmp_path):
    home = write_original(tmp_path / "home")
    path = home / "LabeledApproved_full" / "0001TP_006690_L.png"
    image().save(path)
    with pytest.raises(ValueError, match=r"0001TP_006690_L\.png has .* belong to no"):
        load_camvid(home).annotations[0]
    Image.new("L", SHAPE[::-1]).save(path)
    with pytest.raises(ValueError, match=r"0001TP_006690_L\.png is grey"):
        load_camvid(home).annotations[0]


@pytest.mark.parametrize(
    "lost",
    [
        "701_StillsRaw_full/0016E5_00390.png",
        "LabeledApproved_full/0016E5_00390_L.png",
    ],
)
def test_original_missing_counterpart(tmp_path, lost):
    home = write_original(tmp_path / "home")
    (home / lost).unlink()
    with pytest.raises(FileNotFoundError, match=f"lacks its counterpart {home / lost}"):
        load_camvid(home)


def test_original_has_no_parts(tmp_path):
    home = write_original(tmp_path / "home")
    with pytest.raises(ValueError, match="no subsets; leave out subset='test'"):
        load_camvid(home, subset="test")


# Both


@pytest.mark.parametrize("write", [write_segnet, write_original])
@pytest.mark.parametrize("location", [".", "camvid", "CamVid"])
@pytest.mark.parametrize("how", ["argument", "environment", "cache"])
def test_where_it_looks(tmp_path, monkeypatch, write, location, how):
    home = tmp_path / ("cache/seal_sk" if how == "cache" else "data")
    write(home / location)
    if how == "environment":
        monkeypatch.setenv("SEAL_SK_DATA", str(home))
    data = load_camvid(str(home) if how == "argument" else None)
    assert len(data.images) == 4


@pytest.mark.parametrize("write", [write_segnet, write_original])
def test_nothing_is_read_before_it_is_asked_for(tmp_path, write):
    home = write(tmp_path / "home")
    for path in home.rglob("*.png"):
        path.write_bytes(path.read_bytes()[:40])
    data = pickle.loads(pickle.dumps(load_camvid(home)))
    name = data.names[0]
    assert data.select([0]).names == [name]
    with pytest.raises(OSError, match=rf"{name}\.png can't be read"):
        data.images[0]
    with pytest.raises(OSError, match=rf"{name}(_L)?\.png can't be read"):
        data.annotations[0]


@pytest.mark.parametrize("write", [write_segnet, write_original])
def test_other_size(tmp_path, write):
    home = write(tmp_path / "home")
    for kind in ("701_StillsRaw_full", "train"):
        if (home / kind).is_dir():
            Image.new("RGB", (5, 6)).save(home / kind / "0001TP_006690.png")
    with pytest.raises(ValueError, match=r"has 4 x 8 .*0001TP_006690\.png has 6 x 5"):
        load_camvid(home).annotations[0]


def test_missing(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"train/.*701_StillsRaw_full/.*SEAL_S"):
        load_camvid(tmp_path)


def test_unknown_subset(tmp_path):
    with pytest.raises(ValueError, match="must be one of"):
        load_camvid(tmp_path, subset="trainval")
