import os
import pickle
import shutil
import subprocess
import sys
import tarfile
import time
from pathlib import Path

import numpy as np
import pooch
import pytest
from scipy.io import savemat
from skimage.io import imsave
from sklearn.model_selection import KFold
from sklearn.utils import _safe_indexing

from seal_sk.datasets import Dataset, bsds500, fetch_bsds500
from seal_sk.datasets.lazy import LazySequence

NAMES = {"train": ["8049", "100075", "22090"], "val": ["3096"], "test": ["2018", "14"]}
SHAPE = (6, 8)


def write_tiny_bsds500(folder):
    """Write images of 6 x 8 pixels in the layout of BSDS500.

    The truth of the i-th image has i + 1 annotations; annotation k has k + 1 labels.
    """
    rng = np.random.default_rng(0)
    for split, names in NAMES.items():
        for kind in ("images", "groundTruth"):
            (folder / kind / split).mkdir(parents=True)
        for i, name in enumerate(names):
            image = rng.integers(0, 256, (*SHAPE, 3), dtype=np.uint8)
            imsave(folder / f"images/{split}/{name}.jpg", image, check_contrast=False)
            cells = np.empty((1, i + 1), dtype=object)
            for k in range(i + 1):
                labels = np.arange(SHAPE[0] * SHAPE[1]).reshape(SHAPE) % (k + 1) + 1
                cells[0, k] = {
                    "Segmentation": labels.astype(np.uint16),
                    "Boundaries": np.zeros(SHAPE, dtype=bool),
                }
            savemat(folder / f"groundTruth/{split}/{name}.mat", {"groundTruth": cells})
    return folder


def real_data_home():
    """Return where the full data set is, or skip the test."""
    repository = Path(__file__).parents[2]
    homes = [os.environ.get("SEAL_SK_DATA"), repository.parent / "shared" / "data"]
    for home in homes:
        if home and bsds500._find(Path(home)) is not None:
            return home
    pytest.skip("needs BSDS500: set SEAL_SK_DATA to the folder that holds it")


@pytest.fixture(autouse=True)
def no_data_of_the_user(monkeypatch, tmp_path, request):
    """Keep the tests off the network and off the user's files."""
    if request.node.name.startswith("test_real"):
        return
    monkeypatch.delenv("SEAL_SK_DATA", raising=False)
    monkeypatch.setattr(pooch, "os_cache", lambda name: tmp_path / "cache" / name)

    def refuse(*args, **kwargs):
        raise AssertionError("this test must not download")

    monkeypatch.setattr(pooch, "retrieve", refuse)


@pytest.fixture
def tiny(tmp_path):
    return write_tiny_bsds500(tmp_path / "tiny")


# The files


@pytest.mark.parametrize(
    ("subset", "names"),
    [
        ("train", ["100075", "22090", "8049"]),
        ("val", ["3096"]),
        ("trainval", ["100075", "22090", "3096", "8049"]),
        ("test", ["14", "2018"]),
    ],
)
def test_subsets_are_sorted_by_name(tiny, subset, names):
    data = fetch_bsds500(subset=subset, data_home=tiny)
    assert data.names == names
    assert len(data.images) == len(data.annotations) == len(names)
    assert [path.stem for path in data.images.items] == names
    assert [path.stem for path in data.annotations.items] == names
    assert "research" in data.DESCR
    assert isinstance(data, Dataset)
    assert (data.name, data.tolerance) == (f"bsds500 {subset}", 1)


def test_images_and_annotations(tiny):
    images, annotations = fetch_bsds500(data_home=tiny, return_X_y=True)
    for image in images:
        assert image.shape == (*SHAPE, 3)
        assert image.dtype == np.uint8
    assert [len(maps) for maps in annotations] == [2, 3, 1]
    maps = annotations[1]
    assert isinstance(maps, list)
    for k, labels in enumerate(maps):
        assert labels.dtype == np.int32
        assert labels.shape == SHAPE
        assert labels.flags.c_contiguous
        np.testing.assert_array_equal(np.unique(labels), np.arange(1, k + 2))


def test_split_and_pickled_without_decoding(tiny):
    images, annotations = fetch_bsds500(data_home=tiny, return_X_y=True)
    shutil.rmtree(tiny)  # nothing below may read a file
    for train, test in KFold(3).split(images, annotations):
        assert isinstance(_safe_indexing(images, train), LazySequence)
        assert len(_safe_indexing(annotations, test)) == 1
    assert pickle.loads(pickle.dumps(images)).items == images.items


@pytest.mark.parametrize(
    "location", [".", "bsds500", "BSDS500/data", "BSR/BSDS500/data"]
)
@pytest.mark.parametrize("how", ["argument", "environment", "cache"])
def test_where_it_looks(tmp_path, monkeypatch, location, how):
    home = tmp_path / "cache" / "seal_sk" if how == "cache" else tmp_path / "home"
    write_tiny_bsds500(home / location)
    data_home = None
    if how == "argument":
        data_home = str(home)
        monkeypatch.setenv("SEAL_SK_DATA", str(tmp_path / "elsewhere"))
    elif how == "environment":
        monkeypatch.setenv("SEAL_SK_DATA", str(home))
    assert len(fetch_bsds500(data_home=data_home).images) == 3


# What can go wrong


@pytest.mark.parametrize("subset", ["all", "Train", None, 1])
def test_unknown_subset(tiny, subset):
    with pytest.raises(ValueError, match="subset must be one of"):
        fetch_bsds500(subset=subset, data_home=tiny)


def test_missing_and_not_to_be_downloaded(tmp_path):
    with pytest.raises(FileNotFoundError, match="SEAL_SK_DATA") as error:
        fetch_bsds500(data_home=tmp_path / "home", download_if_missing=False)
    assert str(tmp_path / "home") in str(error.value)
    assert "on the command line --download" in str(error.value)
    assert not (tmp_path / "home").exists()


@pytest.mark.parametrize(
    ("lost", "named"),
    [
        ("images/train/22090.jpg", "22090.jpg"),
        ("groundTruth/train/22090.mat", "22090.mat"),
    ],
)
def test_missing_counterpart(tiny, lost, named):
    (tiny / lost).unlink()
    with pytest.raises(FileNotFoundError, match=f"{named}.*Restore it from"):
        fetch_bsds500(data_home=tiny)
    assert len(fetch_bsds500(subset="test", data_home=tiny).images) == 2


def test_missing_split(tiny):
    shutil.rmtree(tiny / "images" / "val")
    with pytest.raises(FileNotFoundError, match=r"No \.jpg file in .*val"):
        fetch_bsds500(subset="val", data_home=tiny)


def test_files_lost_after_the_call(tiny):
    data = fetch_bsds500(data_home=tiny)
    shutil.rmtree(tiny)
    with pytest.raises(FileNotFoundError, match=r"100075\.jpg can't be read"):
        data.images[0]
    with pytest.raises(FileNotFoundError, match=r"100075\.mat can't be read"):
        data.annotations[0]


@pytest.mark.parametrize("content", [b"", b"no image", None])
def test_corrupt_files(tiny, content):
    image = tiny / "images/train/100075.jpg"
    truth = tiny / "groundTruth/train/100075.mat"
    for path in (image, truth):
        whole = path.read_bytes()
        path.write_bytes(whole[: len(whole) // 2] if content is None else content)
    data = fetch_bsds500(data_home=tiny)
    with pytest.raises(OSError, match=r"100075\.jpg can't be read.*Restore it"):
        data.images[0]
    with pytest.raises(OSError, match=r"100075\.mat can't be read.*Restore it"):
        data.annotations[0]


def test_files_of_another_kind(tiny):
    grey = np.zeros(SHAPE, dtype=np.uint8)
    path = tiny / "images/train/100075.jpg"
    imsave(path, grey, check_contrast=False)
    savemat(tiny / "groundTruth/train/100075.mat", {"other": grey})
    data = fetch_bsds500(data_home=tiny)
    with pytest.raises(OSError, match="not an 8-bit RGB image"):
        data.images[0]
    with pytest.raises(OSError, match="groundTruth"):
        data.annotations[0]


# The download


def pack(folder, archive, *, extra=()):
    with tarfile.open(archive, "w:gz") as tar:
        tar.add(folder, "BSR/BSDS500/data")
        for member in extra:
            tar.addfile(member)
    return archive


@pytest.fixture
def download(monkeypatch, tmp_path, tiny):
    """Serve a tiny archive instead of the official one, and count how often."""
    served = []
    retrieve = vars(pooch.core)["retrieve"]

    def serve(archive, *, n_images=None, content=None):
        def copy(url, output_file, pooch_):
            served.append(url)
            shutil.copyfile(archive, output_file)

        def local(url, known_hash, **kwargs):
            return retrieve(url, known_hash, downloader=copy, **kwargs)

        monkeypatch.setattr(pooch, "retrieve", local)
        sha256 = pooch.file_hash(archive)
        monkeypatch.setattr(bsds500, "ARCHIVE_SHA256", sha256)
        counts = {split: len(names) for split, names in NAMES.items()}
        monkeypatch.setattr(bsds500, "N_IMAGES", n_images or counts)
        digest = content or bsds500._content_digest(tiny)
        monkeypatch.setattr(bsds500, "CONTENT_SHA256", digest)
        return served

    return serve


@pytest.mark.parametrize("how", ["argument", "environment", "cache"])
def test_download(tmp_path, monkeypatch, capsys, tiny, download, how):
    served = download(pack(tiny, tmp_path / "archive.tgz"))
    home = tmp_path / "cache" / "seal_sk" if how == "cache" else tmp_path / "new" / "in"
    if how == "environment":
        monkeypatch.setenv("SEAL_SK_DATA", str(home))
    data_home = home if how == "argument" else None
    data = fetch_bsds500(data_home=data_home)
    expected = fetch_bsds500(data_home=tiny)
    assert data.names == expected.names
    np.testing.assert_array_equal(data.images[0], expected.images[0])
    assert list(home.iterdir()) == [home / "bsds500"]

    said = capsys.readouterr().err
    for fact in (bsds500.ARCHIVE_URL, "71 MB", "research", str(home)):
        assert fact in said

    fetch_bsds500(data_home=data_home, subset="test")
    assert served == [bsds500.ARCHIVE_URL]
    assert capsys.readouterr().err == ""


def test_a_download_removes_what_one_that_was_killed_left(tmp_path, tiny, download):
    download(pack(tiny, tmp_path / "archive.tgz"))
    home = tmp_path / "home"
    for name, age in ((".bsds500-old", 25 * 3600), (".bsds500-running", 60)):
        (home / name).mkdir(parents=True)
        before = time.time() - age
        os.utime(home / name, (before, before))
    fetch_bsds500(data_home=home)
    assert sorted(p.name for p in home.iterdir()) == [".bsds500-running", "bsds500"]


def test_download_of_a_damaged_archive(tmp_path, monkeypatch, tiny, download):
    download(pack(tiny, tmp_path / "archive.tgz"))
    monkeypatch.setattr(bsds500, "ARCHIVE_SHA256", "0" * 64)
    with pytest.raises(OSError, match=r"could not be downloaded.*SEAL_SK_DATA"):
        fetch_bsds500(data_home=tmp_path / "home")
    assert list((tmp_path / "home").iterdir()) == []


def test_download_of_an_incomplete_archive(tmp_path, tiny, download):
    counts = {"train": 3, "val": 2, "test": 2}
    download(pack(tiny, tmp_path / "archive.tgz"), n_images=counts)
    with pytest.raises(OSError, match="1 images in 'val' instead of 2"):
        fetch_bsds500(data_home=tmp_path / "home")
    assert list((tmp_path / "home").iterdir()) == []


def test_download_of_other_content_warns(tmp_path, tiny, download):
    download(pack(tiny, tmp_path / "archive.tgz"), content="0" * 64)
    with pytest.warns(UserWarning, match="differs from the copy") as record:
        data = fetch_bsds500(data_home=tmp_path / "home")
    assert record[0].filename == __file__
    assert len(data.images) == 3


def test_only_known_files_are_unpacked(tmp_path, tiny, download):
    data = "BSR/BSDS500/data"
    extra = [
        tarfile.TarInfo("../outside.txt"),
        tarfile.TarInfo(f"{data}/images/test/../../../../../../outside.jpg"),
        tarfile.TarInfo(str(tmp_path / "absolute.jpg")),
        tarfile.TarInfo(f"{data}/images/test/Thumbs.db"),
        tarfile.TarInfo("BSR/bench/readme.txt"),
    ]
    link = tarfile.TarInfo(f"{data}/images/test/link.jpg")
    link.type, link.linkname = tarfile.SYMTYPE, "/etc/hostname"
    extra.append(link)
    download(pack(tiny, tmp_path / "archive.tgz", extra=extra))
    fetch_bsds500(data_home=tmp_path / "home")
    unpacked = {
        path.relative_to(tmp_path / "home" / "bsds500")
        for path in (tmp_path / "home").rglob("*")
        if not path.is_dir()
    }
    assert unpacked == {
        path.relative_to(tiny) for path in tiny.rglob("*") if path.is_file()
    }
    assert not list(tmp_path.rglob("outside*"))
    assert not list(tmp_path.rglob("absolute*"))


def test_download_does_not_touch_a_folder_in_the_way(tmp_path):
    target = tmp_path / "bsds500"
    target.mkdir()
    (target / "notes.txt").write_text("mine")
    with pytest.raises(FileNotFoundError, match=r"exists but lacks images/"):
        fetch_bsds500(data_home=tmp_path)
    assert (target / "notes.txt").read_text() == "mine"


def test_download_by_another_process_meanwhile(tmp_path, tiny, download, monkeypatch):
    download(pack(tiny, tmp_path / "archive.tgz"))
    home = tmp_path / "home"
    unpack = bsds500._unpack

    def slow_unpack(archive, folder):
        unpack(archive, folder)
        shutil.copytree(tiny, home / "bsds500")

    monkeypatch.setattr(bsds500, "_unpack", slow_unpack)
    assert len(fetch_bsds500(data_home=home).images) == 3
    assert list(home.iterdir()) == [home / "bsds500"]


@pytest.mark.slow
def test_importing_stays_light():
    code = (
        "import sys, seal_sk.datasets;"
        "heavy = {'torch', 'skimage', 'scipy.io', 'matplotlib', 'pooch'};"
        "print(sorted(heavy & set(sys.modules)))"
    )
    output = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True
    )
    assert output.stdout.strip() == "[]"


# The full data set


@pytest.mark.slow
@pytest.mark.parametrize(
    ("subset", "n_images", "n_annotations"),
    [
        ("train", 200, None),
        ("val", 100, None),
        ("trainval", 300, 1633),
        ("test", 200, 1063),
    ],
)
def test_real_counts(subset, n_images, n_annotations):
    data = fetch_bsds500(
        subset=subset, data_home=real_data_home(), download_if_missing=False
    )
    assert len(data.images) == len(data.annotations) == n_images
    assert data.names == sorted(data.names)
    if n_annotations is not None:
        assert sum(len(maps) for maps in data.annotations) == n_annotations


def test_real_images_and_annotations_match():
    data = fetch_bsds500(
        subset="trainval", data_home=real_data_home(), download_if_missing=False
    )
    chosen = np.linspace(0, 299, 12).astype(int)
    for image, maps in zip(data.images[chosen], data.annotations[chosen], strict=True):
        assert image.dtype == np.uint8
        assert image.shape in {(321, 481, 3), (481, 321, 3)}
        assert 4 <= len(maps) <= 9
        for labels in maps:
            assert labels.dtype == np.int32
            assert labels.shape == image.shape[:2]
            assert labels.min() == 1


def test_real_content():
    folder = bsds500._find(Path(real_data_home()))
    assert bsds500._content_digest(folder) == bsds500.CONTENT_SHA256
