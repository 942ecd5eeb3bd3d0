import pickle
import shutil

import numpy as np
import pooch
import pytest
from PIL import Image

from seal_sk.datasets import Dataset, load_cityscapes

SHAPE = (4, 9)
NAMES = {
    "train": ["aachen_000000_000019"],
    "val": ["munster_000001_000019", "frankfurt_000000_000294"],
    "test": ["berlin_000000_000019"],
}
# Each class once, and nothing is labelled in the last two pixels.
CLASSES = np.append(np.arange(34), [0, 0]).reshape(SHAPE)
VOID = [0, 1, 2, 3, 4, 5, 6, 9, 10, 14, 15, 16, 18, 29, 30]


@pytest.fixture(autouse=True)
def no_data_of_the_user(monkeypatch, tmp_path):
    monkeypatch.delenv("SEAL_SK_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)


def write_cityscapes(folder):
    rng = np.random.default_rng(0)
    instances = np.where(CLASSES >= 24, 1000 * CLASSES + 3, CLASSES)
    instances[2, 8] = 26  # a group of cars
    maps = {
        "labelIds": CLASSES.astype(np.uint8),
        "labelTrainIds": np.where(CLASSES < 7, 255, CLASSES - 7).astype(np.uint8),
        "instanceIds": instances.astype(np.uint16),
    }
    for split, names in NAMES.items():
        for name in names:
            city = name.split("_")[0]
            for kind in ("leftImg8bit", "gtFine"):
                (folder / kind / split / city).mkdir(parents=True)
            image = rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
            path = folder / "leftImg8bit" / split / city / f"{name}_leftImg8bit.png"
            Image.fromarray(image).save(path)
            for kind, labels in maps.items():
                path = folder / "gtFine" / split / city / f"{name}_gtFine_{kind}.png"
                Image.fromarray(labels).save(path)
            path.with_name(f"{name}_gtFine_color.png").write_bytes(b"not looked at")
    return folder


@pytest.fixture
def home(tmp_path):
    return write_cityscapes(tmp_path / "home")


def test_default(home):
    data = load_cityscapes(home)
    assert isinstance(data, Dataset)
    assert data.name == "cityscapes val"
    assert data.names == ["frankfurt_000000_000294", "munster_000001_000019"]
    assert data.ignore_label == 255
    assert data.tolerance == 3
    assert "non-commercial" in data.DESCR
    for image, labels in zip(data.images, data.annotations, strict=True):
        assert image.shape == (*SHAPE, 3)
        assert image.dtype == np.uint8
        assert labels.dtype == np.int32
        expected = np.where(np.isin(CLASSES, VOID), 255, CLASSES)
        np.testing.assert_array_equal(labels, expected)


@pytest.mark.parametrize("subset", ["train", "val", "test"])
def test_subsets(home, subset):
    data = load_cityscapes(str(home), subset=subset)
    assert data.name == f"cityscapes {subset}"
    assert data.names == sorted(NAMES[subset])
    assert len(data.images) == len(data.annotations) == len(data.names)


def test_train_ids_are_as_they_are(home):
    labels = load_cityscapes(home, labels="labelTrainIds").annotations[0]
    np.testing.assert_array_equal(labels, np.where(CLASSES < 7, 255, CLASSES - 7))


def test_instances(home):
    labels = load_cityscapes(home, labels="instanceIds").annotations[0]
    assert labels[2, 8] == 26
    assert (labels[CLASSES == 33] == 33003).all()
    classes = np.where(labels >= 1000, labels // 1000, labels)
    void = np.isin(CLASSES, VOID)
    assert (labels[void] == 255).all()
    np.testing.assert_array_equal(classes[~void], CLASSES[~void])


@pytest.mark.parametrize("location", [".", "cityscapes"])
@pytest.mark.parametrize("how", ["argument", "environment", "cache"])
def test_where_it_looks(tmp_path, monkeypatch, location, how):
    home = tmp_path / ("cache/seal_sk" if how == "cache" else "data")
    write_cityscapes(home / location)
    if how == "environment":
        monkeypatch.setenv("SEAL_SK_DATA", str(home))
    data = load_cityscapes(home if how == "argument" else None)
    assert len(data.images) == 2


def test_nothing_is_read_before_it_is_asked_for(home):
    for path in home.rglob("*.png"):
        path.write_bytes(b"")
    data = pickle.loads(pickle.dumps(load_cityscapes(home)))
    assert data.select([1]).names == ["munster_000001_000019"]
    with pytest.raises(OSError, match=r"frankfurt.*leftImg8bit\.png is an empty file"):
        data.images[0]
    with pytest.raises(OSError, match=r"frankfurt.*labelIds\.png is an empty file"):
        data.annotations[0]


@pytest.mark.parametrize("lost", ["leftImg8bit", "gtFine", "."])
def test_missing(home, lost):
    shutil.rmtree(home / lost)
    with pytest.raises(FileNotFoundError, match=r"leftImg8bit/ and gtFine/.*SEAL_SK_D"):
        load_cityscapes(home)


def test_missing_split(home):
    for kind in ("leftImg8bit", "gtFine"):
        shutil.rmtree(home / kind / "val")
    with pytest.raises(FileNotFoundError, match=r"No file \*_leftImg8bit\.png.*val"):
        load_cityscapes(home)


@pytest.mark.parametrize(
    "lost",
    [
        "leftImg8bit/val/munster/munster_000001_000019_leftImg8bit.png",
        "gtFine/val/munster/munster_000001_000019_gtFine_labelIds.png",
    ],
)
def test_missing_counterpart(home, lost):
    (home / lost).unlink()
    with pytest.raises(FileNotFoundError, match=f"lacks its counterpart {home / lost}"):
        load_cityscapes(home)
    assert len(load_cityscapes(home, subset="train").images) == 1


def test_half_of_the_download(home):
    shutil.rmtree(home / "gtFine" / "val")
    with pytest.raises(FileNotFoundError, match=r"frankfurt.*labelIds.*2 such files"):
        load_cityscapes(home)


def test_train_ids_that_were_not_made(home):
    for path in home.rglob("*labelTrainIds.png"):
        path.unlink()
    with pytest.raises(FileNotFoundError, match=r"labelTrainIds.*authors' scripts"):
        load_cityscapes(home, labels="labelTrainIds")


def test_other_size(home):
    path = home / "gtFine/val/frankfurt/frankfurt_000000_000294_gtFine_labelIds.png"
    Image.new("L", (5, 5)).save(path)
    with pytest.raises(ValueError, match=r"labelIds\.png has 5 x 5 .* 4 x 9"):
        load_cityscapes(home).annotations[0]


@pytest.mark.parametrize("given", [{"subset": "all"}, {"labels": "polygons"}])
def test_unknown_options(home, given):
    with pytest.raises(ValueError, match="must be one of"):
        load_cityscapes(home, **given)
