import pickle

import numpy as np
import pytest
import tifffile
from PIL import Image

from seal_sk.datasets import Dataset, load_image_folder

SHAPE = (4, 6)


def save_image(path, shape=SHAPE, value=100):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(np.full((*shape, 3), value, dtype=np.uint8)).save(path)


def save_labels(path, value, shape=SHAPE):
    path.parent.mkdir(parents=True, exist_ok=True)
    labels = np.full(shape, value, dtype=np.uint8)
    if path.suffix == ".npy":
        np.save(path, labels)
    elif path.suffix == ".tif":
        tifffile.imwrite(path, labels)
    else:
        Image.fromarray(labels).save(path)


@pytest.fixture
def flat(tmp_path):
    for i, name in enumerate(["b.png", "a.jpg", "c.x.tif"]):
        save_image(tmp_path / "photos" / name, value=10 * i)
    for i, name in enumerate(["a.npy", "b.png", "c.x.tif"]):
        save_labels(tmp_path / "maps" / name, i)
    return tmp_path / "photos", tmp_path / "maps"


@pytest.fixture
def several(tmp_path):
    for name in "ab":
        save_image(tmp_path / "photos" / f"{name}.png")
    save_labels(tmp_path / "maps/zoe/a.png", 1)
    save_labels(tmp_path / "maps/zoe/b.png", 2)
    save_labels(tmp_path / "maps/alice/b.npy", 3)
    return tmp_path / "photos", tmp_path / "maps"


def test_one_annotator(flat):
    data = load_image_folder(*flat, ignore_label=9, tolerance=2)
    assert isinstance(data, Dataset)
    assert data.name == "photos"
    assert data.names == ["a", "b", "c.x"]
    assert data.ignore_label == 9
    assert data.tolerance == 2
    assert str(flat[0]) in data.DESCR
    assert [image.shape for image in data.images] == [(*SHAPE, 3)] * 3
    assert data.images[1].max() == 0
    for i, labels in enumerate(data.annotations):
        assert labels.dtype == np.int32
        np.testing.assert_array_equal(labels, np.full(SHAPE, i))


def test_several_annotators(several):
    data = load_image_folder(*map(str, several), name="mine")
    assert data.name == "mine"
    assert data.ignore_label is None
    assert data.tolerance == 1
    first, second = data.annotations
    assert isinstance(first, list)
    assert [labels.max() for labels in first] == [1]
    assert [labels.max() for labels in second] == [3, 2]  # alice, zoe


def test_other_files_are_not_looked_at(flat):
    photos, maps = flat
    for path in (photos / "readme.txt", photos / ".hidden.png", maps / ".b.npy"):
        path.write_text("nothing")
    (photos / "more.png").mkdir()
    save_labels(maps / ".trash" / "z.png", 1)
    (maps / "empty").mkdir()
    assert load_image_folder(photos, maps).names == ["a", "b", "c.x"]


def test_nothing_is_read_before_it_is_asked_for(several):
    for folder in several:
        for path in folder.rglob("*.*"):
            path.write_bytes(b"broken")
    data = pickle.loads(pickle.dumps(load_image_folder(*several)))
    assert data.select([1]).names == ["b"]
    with pytest.raises(OSError, match=r"a\.png can't be read"):
        data.images[0]
    with pytest.raises(OSError, match=r"b\.npy can't be read"):
        data.annotations[1]


@pytest.mark.parametrize("suffix", [".png", ".jpg", ".tif"])
def test_other_size(tmp_path, suffix):
    save_image(tmp_path / f"photos/a{suffix}", shape=(6, 4))
    save_labels(tmp_path / "maps/a.npy", 1)
    data = load_image_folder(tmp_path / "photos", tmp_path / "maps")
    with pytest.raises(ValueError, match=rf"a\.npy has 4 x 6 .*a\{suffix} has 6 x 4"):
        data.annotations[0]


def test_missing_folders(flat, tmp_path):
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*elsewhere"):
        load_image_folder(tmp_path / "elsewhere", flat[1])
    with pytest.raises(FileNotFoundError, match=r"There is no folder .*elsewhere"):
        load_image_folder(flat[0], tmp_path / "elsewhere")
    (tmp_path / "empty").mkdir()
    with pytest.raises(FileNotFoundError, match=r"no image in .*empty.*\.jpeg"):
        load_image_folder(tmp_path / "empty", flat[1])
    with pytest.raises(FileNotFoundError, match=r"no label map in .*empty.*\.csv"):
        load_image_folder(flat[0], tmp_path / "empty")


def test_missing_counterpart(flat):
    photos, maps = flat
    (maps / "b.png").rename(maps / "d.png")
    with pytest.raises(
        FileNotFoundError, match=r"b\.png lacks .*maps/b\{\.png,.*\(2 s"
    ):
        load_image_folder(photos, maps)
    (photos / "b.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"d\.png lacks .*photos/d\{\.png,"):
        load_image_folder(photos, maps)


def test_every_image_needs_an_annotator(several):
    photos, maps = several
    (maps / "zoe" / "a.png").unlink()
    with pytest.raises(FileNotFoundError, match=r"a\.png lacks its counterpart"):
        load_image_folder(photos, maps)


def test_same_names(flat):
    photos, maps = flat
    save_image(photos / "a.png")
    with pytest.raises(ValueError, match=r"a\.jpg and .*a\.png have the same name"):
        load_image_folder(photos, maps)
    (photos / "a.png").unlink()
    save_labels(maps / "b.npy", 1)
    with pytest.raises(ValueError, match=r"b\.npy and .*b\.png have the same name"):
        load_image_folder(photos, maps)


def test_label_maps_beside_annotators(flat):
    photos, maps = flat
    save_labels(maps / "zoe" / "a.png", 1)
    with pytest.raises(ValueError, match=r"both label maps and folders of them \(zoe"):
        load_image_folder(photos, maps)


def test_labels_of_another_kind(flat):
    photos, maps = flat
    save_image(maps / "b.png")
    with pytest.raises(ValueError, match=r"b\.png holds colours"):
        load_image_folder(photos, maps).annotations[1]


def write_tree(folder, places=("", "a", "a/deep")):
    for i, place in enumerate(places):
        save_image(folder / "images" / place / "x.png", value=i)
        save_labels(folder / "annotations" / place / "x.png", i)
    return folder


def test_a_tree_has_its_paths_as_names(tmp_path):
    tree = write_tree(tmp_path)
    (tree / "images/.hidden").mkdir()
    save_image(tree / "images/.hidden/x.png")
    data = load_image_folder(tree / "images", tree / "annotations", recursive=True)
    assert data.names == ["a/deep/x", "a/x", "x"]
    assert [int(truth.max()) for truth in data.annotations] == [2, 1, 0]
    assert [int(image.max()) for image in data.images] == [2, 1, 0]
    top = load_image_folder(tree / "images", flat_truth(tree))
    assert top.names == ["x"]


def flat_truth(tree):
    save_labels(tree / "top/x.png", 0)
    return tree / "top"


@pytest.mark.parametrize("places", [("a", "b"), ("", "a")])
def test_a_tree_with_several_annotators(tmp_path, places):
    for place in places:
        save_image(tmp_path / "images" / place / "x.png")
        for i, name in enumerate(("ada", "bo")):
            save_labels(tmp_path / "annotations" / name / place / "x.png", i)
    data = load_image_folder(
        tmp_path / "images", tmp_path / "annotations", recursive=True
    )
    assert len(data.images) == 2
    for truths in data.annotations:
        assert [int(truth.max()) for truth in truths] == [0, 1]


def test_only_subfolders_have_images(tmp_path):
    tree = write_tree(tmp_path, ("a",))
    with pytest.raises(FileNotFoundError, match="subfolders have some: set recursive"):
        load_image_folder(tree / "images", tree / "annotations")
    save_labels(tree / "annotations/b/y.png", 0)
    with pytest.raises(FileNotFoundError, match="lacks its counterpart"):
        load_image_folder(tree / "images", tree / "annotations", recursive=True)


@pytest.fixture
def transparent(tmp_path):
    """An image whose left half is transparent, and two annotators."""
    pixels = np.full((*SHAPE, 4), 255, np.uint8)
    pixels[:, :3] = 0
    (tmp_path / "images").mkdir()
    Image.fromarray(pixels).save(tmp_path / "images/x.png")
    for i, name in enumerate(("ada", "bo")):
        save_labels(tmp_path / "annotations" / name / "x.png", 5 + i)
    return tmp_path / "images", tmp_path / "annotations"


@pytest.mark.parametrize(("ignore_label", "filled"), [(None, -1), (255, 255)])
def test_pixels_outside_the_mask_are_ignored(transparent, ignore_label, filled):
    data = load_image_folder(*transparent, mask="alpha", ignore_label=ignore_label)
    assert data.ignore_label == filled
    assert data.images[0].shape == (*SHAPE, 3)
    # Black where they are transparent, which no estimator should see.
    assert (data.images[0] == 255).all()
    assert not data.masks[0][:, :3].any()
    assert data.masks[0][:, 3:].all()
    for i, truth in enumerate(data.annotations[0]):
        assert (truth[:, :3] == filled).all()
        assert (truth[:, 3:] == 5 + i).all()
    again = pickle.loads(pickle.dumps(data.select([0])))
    np.testing.assert_array_equal(again.masks[0], data.masks[0])


def test_an_image_outside_the_mask_everywhere_is_ignored(transparent):
    folder, annotations = transparent
    Image.fromarray(np.zeros((*SHAPE, 4), np.uint8)).save(folder / "x.png")
    data = load_image_folder(folder, annotations, mask="alpha")
    with pytest.warns(UserWarning, match="every pixel is masked by its alpha"):
        assert data.images[0].shape == (*SHAPE, 3)
    assert not data.masks[0].any()
    assert all((truth == -1).all() for truth in data.annotations[0])


def test_images_are_read_with_the_options(transparent):
    data = load_image_folder(*transparent, bands=[2], value_range=(0, 510))
    assert data.masks is None
    assert data.images[0].shape == (*SHAPE, 1)
    assert data.images[0].max() == np.float32(0.5)
    with pytest.raises(ValueError, match="drop_alpha="):
        load_image_folder(*transparent).images[0]
    assert load_image_folder(*transparent, drop_alpha=True).images[0].shape[2] == 3


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mask": "white"}, "mask='white' must be one of"),
        ({"bands": []}, "at least one band"),
        ({"value_range": (3, 1)}, "the lower one first"),
        ({"n_bands": 0}, "n_bands"),
    ],
)
def test_options_that_no_file_can_be_read_with(flat, options, message):
    with pytest.raises(ValueError, match=message):
        load_image_folder(*flat, **options)


@pytest.mark.parametrize("nodata", [255, 7])
def test_no_data_of_an_annotation_is_unknown(tmp_path, nodata):
    """It is read as -1, whichever label stands for unknown pixels."""
    labels = np.zeros(SHAPE, np.uint8)
    labels[0, 0], labels[1, 1] = 255, nodata
    save_image(tmp_path / "images/x.png")
    (tmp_path / "truths").mkdir()
    tag = [(42113, "s", 0, str(nodata), True)]
    tifffile.imwrite(tmp_path / "truths/x.tif", labels, extratags=tag)
    folders = (tmp_path / "images", tmp_path / "truths")
    (truth,) = load_image_folder(*folders, ignore_label=255).annotations
    assert truth[0, 0] == truth[1, 1] == 255
    with pytest.warns(UserWarning, match="ignore_label=-1"):
        (truth,) = load_image_folder(*folders).annotations
    assert truth[1, 1] == -1


def test_files_are_found_from_any_folder(flat, monkeypatch, tmp_path):
    monkeypatch.chdir(tmp_path)
    data = load_image_folder("photos", "maps")
    monkeypatch.chdir("photos")
    assert data.images[1].shape == (*SHAPE, 3)
    assert data.annotations[1].max() == 1
