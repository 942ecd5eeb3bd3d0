"""Files in, files out."""

import gc
import json
import os
import threading
import time
import weakref

import imageio.v3 as iio
import numpy as np
import pytest

from seal_sk import ERSSuperpixels, FHSuperpixels, SEALSuperpixels, SNICSuperpixels
from seal_sk.datasets import make_scenes, read_label_map
from seal_sk.io import read_image
from seal_sk.pipeline import check_outputs, segment_files, segment_images
from seal_sk.plotting import draw_boundaries

IMAGES, _ = make_scenes(6, shape=(40, 48), random_state=0)
NAMES = "abcdef"


@pytest.fixture
def folder(tmp_path):
    photos = tmp_path / "photos"
    photos.mkdir()
    for name, image in zip(NAMES, IMAGES, strict=True):
        iio.imwrite(photos / f"{name}.png", image)
    return photos


def paths_of(folder):
    return sorted(folder.iterdir())


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_every_image_has_its_label_map_and_its_record(folder, tmp_path, n_jobs):
    estimator = SNICSuperpixels(20, exact=True, n_jobs=n_jobs)
    paths = paths_of(folder)
    records = list(segment_files(paths, estimator, tmp_path / "out", n_jobs=n_jobs))
    assert [record.path for record in records] == paths
    for record, labels in zip(records, estimator.transform(IMAGES), strict=True):
        assert record.error is None
        assert not record.skipped
        assert record.n_segments == 20
        assert record.seconds > 0
        assert record.outputs.labels == tmp_path / "out" / f"{record.path.stem}.png"
        np.testing.assert_array_equal(iio.imread(record.outputs.labels), labels)


def test_arrays_with_names_and_a_lazy_sequence(tmp_path):
    def images():
        yield from zip(NAMES, IMAGES, strict=True)

    estimator = ERSSuperpixels(15)
    records = list(segment_files(images(), estimator, tmp_path))
    assert [record.path.name for record in records] == list(NAMES)
    expected = estimator.transform(IMAGES)
    for name, labels in zip(NAMES, expected, strict=True):
        np.testing.assert_array_equal(iio.imread(tmp_path / f"{name}.png"), labels)


def test_one_bad_image_ends_nothing(folder, tmp_path):
    (folder / "b.png").write_bytes(b"no picture")
    iio.imwrite(folder / "d.png", IMAGES[3][:2, :2])  # fewer pixels than superpixels
    records = list(segment_files(paths_of(folder), SNICSuperpixels(20), tmp_path))
    failed = {record.path.stem: record.error for record in records if record.error}
    assert failed.keys() == {"b", "d"}
    assert isinstance(failed["b"], OSError)
    assert "20" in str(failed["d"])
    written = {path.stem for path in tmp_path.glob("*.png")}
    assert written == set("acef")


def test_a_result_that_cannot_be_written_fails_alone(folder, tmp_path):
    (tmp_path / "c.png").mkdir()
    records = list(
        segment_files(
            paths_of(folder), SNICSuperpixels(20), tmp_path, existing="replace"
        )
    )
    assert [r.path.stem for r in records if r.error] == ["c"]


def test_what_is_there_is_skipped_unless_it_is_to_be_replaced(folder, tmp_path):
    paths, estimator = paths_of(folder)[:3], SNICSuperpixels(20, exact=True)
    list(segment_files(paths[:2], estimator, tmp_path, table="csv"))
    (tmp_path / "b.csv").unlink()  # half of the results
    stamp = (tmp_path / "a.png").stat().st_mtime_ns
    records = list(segment_files(paths, estimator, tmp_path, table="csv"))
    assert [record.skipped for record in records] == [True, False, False]
    assert records[0].n_segments is None
    assert (tmp_path / "a.png").stat().st_mtime_ns == stamp
    assert (tmp_path / "b.csv").exists()
    records = list(
        segment_files(paths, estimator, tmp_path, table="csv", existing="replace")
    )
    assert not any(record.skipped for record in records)
    assert (tmp_path / "a.png").stat().st_mtime_ns > stamp


def test_only_the_images_in_work_are_held(tmp_path):
    made = []
    most = 0

    def images():
        for i in range(30):
            image = IMAGES[i % 6].copy()
            made.append(weakref.ref(image))
            yield str(i), image

    for _ in segment_files(images(), SNICSuperpixels(10), tmp_path, n_jobs=1):
        gc.collect()
        most = max(most, sum(image() is not None for image in made))
    # One is segmented while the next is read and the one before is written.
    assert 2 <= most <= 5


def test_reading_segmenting_and_writing_overlap(tmp_path, monkeypatch):
    threads = set()

    class Slow(SNICSuperpixels):
        def transform(self, X, mask=None):
            threads.add(("segment", threading.get_ident()))
            time.sleep(0.05)
            return super().transform(X)

    def images():
        yield from zip(NAMES, IMAGES, strict=True)

    from seal_sk.pipeline import running

    write = running.write_results

    def slow_write(*args, **kwargs):
        threads.add(("write", threading.get_ident()))
        time.sleep(0.05)
        write(*args, **kwargs)

    monkeypatch.setattr(running, "write_results", slow_write)
    began = time.monotonic()
    assert len(list(segment_files(images(), Slow(10), tmp_path))) == 6
    assert time.monotonic() - began < 6 * 0.1
    assert len({identity for _, identity in threads}) == 2


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"label_format": "jpeg"}, "label_format='jpeg' must be one of"),
        ({"table": "xlsx"}, "table='xlsx' must be one of"),
        ({"polygons": "shp"}, "polygons='shp' must be one of"),
        ({"mask": "white"}, "mask='white' must be one of"),
        ({"mask": "alpha"}, "PNG has no label for masked pixels"),
        ({"existing": "ask"}, "existing='ask' must be one of"),
    ],
)
def test_options_are_checked_before_any_work(folder, tmp_path, options, message):
    with pytest.raises(ValueError, match=message):
        segment_files(paths_of(folder), SNICSuperpixels(9), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_results_that_would_meet_are_refused(folder, tmp_path):
    iio.imwrite(folder / "a.jpg", IMAGES[0])
    with pytest.raises(ValueError, match="would both be written to"):
        segment_files(paths_of(folder), SNICSuperpixels(9), tmp_path / "out")
    (folder / "a.jpg").unlink()
    with pytest.raises(ValueError, match="is one of the images"):
        segment_files(paths_of(folder), SNICSuperpixels(9), folder)
    named = [("same", image) for image in IMAGES[:2]]
    with pytest.raises(ValueError, match="would both be written to"):
        segment_files(named, SNICSuperpixels(9), tmp_path / "out")
    assert not (tmp_path / "out").exists()
    # Of a lazy sequence it shows on the way.
    first, second = segment_files(iter(named), SNICSuperpixels(9), tmp_path / "lazy")
    assert first.error is None
    assert "would both be written to" in str(second.error)


def test_a_lazy_sequence_has_its_results_elsewhere(folder):
    """They could replace images that are still to come."""
    before = {path: path.read_bytes() for path in paths_of(folder)}
    records = segment_files(
        iter(paths_of(folder)), SNICSuperpixels(9), folder, existing="replace"
    )
    assert all("images to come" in str(record.error) for record in records)
    assert {path: path.read_bytes() for path in paths_of(folder)} == before


def test_names_of_arrays_are_names_of_files(tmp_path):
    named = [("tile.1", IMAGES[0]), ("tile.2", IMAGES[1])]
    for record in segment_files(named, SNICSuperpixels(9), tmp_path):
        assert record.error is None
    assert (tmp_path / "tile.1.png").is_file()
    assert (tmp_path / "tile.2.png").is_file()
    for name in ("", "x/y", "..", "a\\b"):
        with pytest.raises(ValueError, match="can't be the name of a file"):
            segment_files([(name, IMAGES[0])], SNICSuperpixels(9), tmp_path)


@pytest.mark.parametrize(
    "options", [{"bands": [1]}, {"value_range": (0, 9)}, {"drop_alpha": True}]
)
def test_options_of_files_are_not_ignored_for_arrays(tmp_path, options):
    named = [("a", IMAGES[0])]
    (record,) = segment_files(named, SNICSuperpixels(9), tmp_path, **options)
    assert "are for files" in str(record.error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"bands": ()}, "at least one band"),
        ({"bands": 5}, "list of integers"),
        ({"value_range": (5, 1)}, "the lower one first"),
        ({"value_range": 5}, "two finite numbers"),
        ({"n_jobs": 0}, "n_jobs must not be 0"),
    ],
)
def test_what_no_image_can_have_is_refused_at_once(folder, tmp_path, options, message):
    with pytest.raises((ValueError, TypeError), match=message):
        segment_files(paths_of(folder), SNICSuperpixels(9), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_results_need_a_folder(folder, tmp_path):
    (tmp_path / "file").write_text("mine")
    with pytest.raises(NotADirectoryError, match="is a file; give a folder"):
        segment_files(sorted(folder.iterdir()), SNICSuperpixels(9), tmp_path / "file")


def test_a_path_alone_is_no_list(folder, tmp_path):
    with pytest.raises(TypeError, match="single path"):
        segment_files(str(folder / "a.png"), SNICSuperpixels(9), tmp_path)
    with pytest.raises(TypeError, match="give its path, or a tuple"):
        segment_files([IMAGES[0]], SNICSuperpixels(9), tmp_path)
    lazy = iter([None, ("b", IMAGES[0])])
    bad, good = segment_files(lazy, SNICSuperpixels(9), tmp_path)
    assert isinstance(bad.error, TypeError)
    assert good.error is None


def test_what_a_sequence_raises_comes_after_the_images_before(tmp_path):
    def images():
        yield from zip("ab", IMAGES[:2], strict=True)
        raise OSError("a broken disk")

    records = segment_files(images(), SNICSuperpixels(9), tmp_path)
    assert [next(records).error, next(records).error] == [None, None]
    with pytest.raises(OSError, match="a broken disk"):
        next(records)
    assert {path.name for path in tmp_path.iterdir()} == {"a.png", "b.png"}


@pytest.mark.parametrize("returned", [[], [np.zeros((2, 2), int)] * 2, None, [None]])
def test_an_estimator_that_returns_no_label_map(tmp_path, returned):
    class Wrong:
        def transform(self, X):
            return returned

    (record,) = segment_files([("a", IMAGES[0])], Wrong(), tmp_path)
    assert isinstance(record.error, (TypeError, ValueError))
    assert not list(tmp_path.iterdir())


def test_failed_images_are_not_held(tmp_path):
    made = []

    def images():
        for i in range(8):
            image = IMAGES[0].copy()
            made.append(weakref.ref(image))
            yield str(i), image

    # More superpixels than pixels.
    records = list(segment_files(images(), SNICSuperpixels(10**6), tmp_path))
    assert all(record.error is not None for record in records)
    gc.collect()
    assert sum(image() is not None for image in made) <= 1


def test_places_are_known_before(folder, tmp_path):
    first, *_ = check_outputs(
        paths_of(folder), tmp_path, overlay=True, polygons="geojson"
    )
    names = ["a.png", "a_overlay.png", "a.geojson"]
    assert [path.name for path in first] == names


def test_notes_come_with_the_image(folder, tmp_path):
    dark = (IMAGES[0].astype(np.uint16) * 4) % 4096
    import tifffile

    tifffile.imwrite(folder / "dark.tif", dark, photometric="rgb")
    (record,) = segment_files([folder / "dark.tif"], SNICSuperpixels(9), tmp_path)
    assert "nearly black" in record.notes[0]
    (record,) = segment_files(
        [folder / "dark.tif"],
        SNICSuperpixels(9),
        tmp_path,
        value_range=(0, 4095),
        existing="replace",
    )
    assert record.notes == ()


def test_a_consumer_may_stop(folder, tmp_path):
    records = segment_files(paths_of(folder), SNICSuperpixels(9), tmp_path)
    next(records)
    records.close()
    assert len(list(tmp_path.glob("*.png"))) < 6


def test_images_of_any_sequence_one_by_one():
    class Lazy:
        def __len__(self):
            return 3

        def __getitem__(self, i):
            if i == 1:
                raise OSError("a broken disk")
            return IMAGES[i]

    found = list(segment_images(SNICSuperpixels(20, exact=True), Lazy(), n_jobs=2))
    assert isinstance(found[1], OSError)
    assert found[0].max() == found[2].max() == 19


def test_16_bit_colours_of_a_png_warn(tmp_path):
    import cv2

    cv2.imwrite(str(tmp_path / "deep.png"), IMAGES[0].astype(np.uint16) * 257)
    with pytest.warns(UserWarning, match="16-bit colours are read as 8 bits"):
        assert read_image(tmp_path / "deep.png").dtype == np.uint8


def write_tree(folder):
    """The same names in two subfolders, of different sizes."""
    for place, size in (("x", 40), ("y/z", 24)):
        (folder / place).mkdir(parents=True)
        for name, image in zip("ab", IMAGES, strict=False):
            iio.imwrite(folder / place / f"{name}.png", image[:size, :size])
    return sorted(folder.rglob("*.png"))


def test_results_mirror_the_tree_of_the_images(tmp_path):
    paths = write_tree(tmp_path / "tree")
    root = tmp_path / "tree"
    records = list(
        segment_files(paths, SNICSuperpixels(9), tmp_path / "out", root=root)
    )
    assert [record.error for record in records] == [None] * 4
    found = sorted((tmp_path / "out").rglob("*.png"))
    assert [file.relative_to(tmp_path / "out") for file in found] == [
        path.relative_to(root) for path in paths
    ]
    with pytest.raises(ValueError, match="give a root that holds all images"):
        segment_files(paths, SNICSuperpixels(9), tmp_path / "out", root=root / "x")
    with pytest.raises(ValueError, match="would both be written to"):
        segment_files(paths, SNICSuperpixels(9), tmp_path / "out")


def test_what_is_older_than_its_image_is_done_again(folder, tmp_path):
    paths = paths_of(folder)[:2]
    list(segment_files(paths, SNICSuperpixels(9), tmp_path))
    later = (tmp_path / "a.png").stat().st_mtime + 10
    os.utime(paths[0], (later, later))
    records = list(segment_files(paths, SNICSuperpixels(9), tmp_path))
    assert [record.skipped for record in records] == [False, True]


@pytest.mark.parametrize("n_jobs", [1, 2])
def test_superpixels_of_one_size_in_images_of_any(tmp_path, n_jobs):
    paths = write_tree(tmp_path / "tree")
    estimator = SNICSuperpixels(7, exact=True)
    records = list(
        segment_files(
            paths,
            estimator,
            tmp_path / "out",
            root=tmp_path / "tree",
            segment_size=50,
            n_jobs=n_jobs,
        )
    )
    counts = [round(40 * 40 / 50)] * 2 + [round(24 * 24 / 50)] * 2
    assert [record.n_segments for record in records] == counts
    assert estimator.n_segments == 7
    for record, n_segments in zip(records, counts, strict=True):
        wanted = SNICSuperpixels(n_segments, exact=True)
        (labels,) = wanted.transform([iio.imread(record.path)])
        np.testing.assert_array_equal(iio.imread(record.outputs.labels), labels)


def test_a_size_leaves_a_superpixel_to_each_area_of_a_mask():
    mask = np.zeros((30, 40), dtype=bool)
    mask[:5, :5] = mask[10:12, 10:12] = mask[20:, 30:] = True
    (labels,) = segment_images(
        ERSSuperpixels(300), [IMAGES[0][:30, :40]], mask=[mask], segment_size=1000
    )
    np.testing.assert_array_equal(labels >= 0, mask)
    assert labels.max() + 1 == 3
    (labels,) = segment_images(
        ERSSuperpixels(300), [IMAGES[0][:30, :40]], mask=[mask], segment_size=10
    )
    assert labels.max() + 1 == round(mask.sum() / 10)


@pytest.mark.parametrize("size", [0, 0.5, -1, np.inf, np.nan, "9"])
def test_sizes_that_no_superpixel_has(size):
    with pytest.raises(ValueError, match="segment_size="):
        next(segment_images(SNICSuperpixels(9), IMAGES, segment_size=size))


def test_a_size_needs_a_number_to_set(tmp_path):
    class Fixed:
        def transform(self, X):
            return [np.zeros(x.shape[:2], dtype=int) for x in X]

    named = [("a", IMAGES[0])]
    with pytest.raises(ValueError, match="no parameter n_segments"):
        segment_files(named, Fixed(), tmp_path, segment_size=9)


@pytest.mark.parametrize("n_jobs", [1, 3])
@pytest.mark.parametrize("label_format", ["tiff", "npy"])
def test_labels_that_no_two_images_share(folder, tmp_path, label_format, n_jobs):
    pd = pytest.importorskip("pandas")
    (folder / "c.png").write_bytes(b"no picture")
    estimator = SNICSuperpixels(12, exact=True)
    records = list(
        segment_files(
            paths_of(folder),
            estimator,
            tmp_path,
            label_format=label_format,
            table="csv",
            polygons="geojson",
            unique_ids=True,
            existing="replace",
            n_jobs=n_jobs,
        )
    )
    start = 0
    for record, image in zip(records, IMAGES, strict=True):
        if record.error is not None:
            continue
        labels = read_label_map(record.outputs.labels)
        (own,) = estimator.transform([image])
        np.testing.assert_array_equal(labels, own + start)
        ids = list(range(start, start + 12))
        assert pd.read_csv(record.outputs.table)["label"].tolist() == ids
        shapes = json.loads(record.outputs.polygons.read_text())["features"]
        assert [shape["properties"]["label"] for shape in shapes] == ids
        start += 12
    assert start == 60


def test_labels_beyond_32_bits_fail_before_they_are_written(tmp_path, monkeypatch):
    from seal_sk.pipeline import running

    monkeypatch.setattr(running, "_LAST_LABEL", 15)
    named = list(zip("ab", IMAGES, strict=False))
    options = {"label_format": "npy", "unique_ids": True, "existing": "replace"}
    estimator = SNICSuperpixels(12, exact=True)
    first, second = segment_files(named, estimator, tmp_path, **options)
    assert first.error is None
    assert "go beyond 15" in str(second.error)


def test_pixels_left_out_have_no_number(tmp_path):
    alpha = np.full((40, 48, 1), 255, np.uint8)
    alpha[:, :9] = 0
    for name, image in zip("ab", IMAGES, strict=False):
        iio.imwrite(tmp_path / f"{name}.png", np.concatenate([image, alpha], axis=2))
    options = {"label_format": "tiff", "mask": "alpha", "existing": "replace"}
    paths = [tmp_path / "a.png", tmp_path / "b.png"]
    estimator = SNICSuperpixels(12, exact=True)
    for record in segment_files(
        paths, estimator, tmp_path / "out", **options, unique_ids=True
    ):
        labels = read_label_map(record.outputs.labels)
        assert (labels[:, :9] == -1).all()
    assert labels[:, 9:].min() == 12
    assert labels.max() == 23


@pytest.mark.parametrize("label_format", ["tiff", "npy"])
@pytest.mark.parametrize("more", [{}, {"segment_size": 80, "unique_ids": True}])
def test_an_image_that_is_masked_everywhere(tmp_path, label_format, more):
    for package in ("pandas", "geopandas", "pyarrow"):
        pytest.importorskip(package)
    import geopandas
    import pandas

    paths = [tmp_path / f"{name}.png" for name in "abc"]
    for path, image in zip(paths, IMAGES, strict=False):
        alpha = np.full((40, 48, 1), 0 if path.stem == "b" else 255, np.uint8)
        iio.imwrite(path, np.concatenate([image, alpha], axis=2))
    options = {"label_format": label_format, "mask": "alpha", "existing": "replace"}
    options |= {"overlay": True, "table": "parquet", "polygons": "gpkg"}
    estimator = SNICSuperpixels(12, exact=True)
    first, second, third = segment_files(
        paths, estimator, tmp_path / "out", **options, **more
    )
    assert [one.error for one in (first, second, third)] == [None] * 3
    assert second.n_segments == 0
    assert second.notes == ("every pixel is masked by its alpha",)
    labels = read_label_map(second.outputs.labels)
    assert np.array_equal(labels, np.full((40, 48), -1))
    if label_format == "tiff":
        import tifffile

        stored = [tifffile.imread(one.outputs.labels) for one in (first, second)]
        assert stored[0].dtype == stored[1].dtype == np.int32
    tables = [pandas.read_parquet(one.outputs.table) for one in (first, second)]
    assert len(tables[1]) == 0
    assert tables[1].dtypes.equals(tables[0].dtypes)
    frames = [geopandas.read_file(one.outputs.polygons) for one in (first, second)]
    assert len(frames[1]) == 0
    assert list(frames[1].columns) == list(frames[0].columns)
    assert not iio.imread(second.outputs.overlay).any()
    start = first.n_segments if more else 0
    assert read_label_map(third.outputs.labels).min() == start


class Leaving:
    """An estimator of another package, which leaves out pixels on its own."""

    def transform(self, X):
        label_maps = []
        for image in X:
            label_maps.append(np.zeros(image.shape[:2], dtype=np.int64))
            label_maps[-1][:, :3] = -(image.shape[0] == 40)
        return label_maps


@pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
@pytest.mark.parametrize(
    ("estimator", "options", "dtype"),
    [
        (SNICSuperpixels(9), {}, "uint16"),
        (SNICSuperpixels(2**15 + 1, exact=True), {}, "uint32"),
        (FHSuperpixels(9), {}, "uint16"),
        (SNICSuperpixels(9), {"segment_size": 100}, "uint32"),
        (SNICSuperpixels(9), {"unique_ids": True, "existing": "replace"}, "uint32"),
        (SNICSuperpixels(9), {"mask": "nodata"}, "int32"),
        (Leaving(), {}, "int32"),
    ],
)
def test_one_dtype_in_a_run_whatever_the_images_hold(
    tmp_path, estimator, options, dtype
):
    import rasterio
    import tifffile

    paths = []
    for name, side in (("a", 40), ("b", 200)):
        paths.append(tmp_path / f"{name}.tif")
        image = np.resize(IMAGES[0], (side, side, 3))
        image = np.maximum(image, 1)
        image[:2, :2] = 0 if name == "a" else 1
        tag = [(42113, "s", 0, "0", True)]
        tifffile.imwrite(paths[-1], image, photometric="rgb", extratags=tag)
    records = segment_files(
        paths, estimator, tmp_path / "out", label_format="tiff", **options
    )
    kinds = set()
    for record in records:
        if record.error is not None:  # fewer pixels than superpixels
            continue
        with rasterio.open(record.outputs.labels) as file:
            kinds.add((file.dtypes[0], file.nodata))
    assert kinds == {(dtype, -1 if dtype == "int32" else None)}


def write_placed(path, crs):
    import rasterio

    transform = rasterio.Affine(0.5, 0, 400000, 0, -0.5, 5600000)
    with rasterio.open(
        path,
        "w",
        driver="GTiff",
        height=40,
        width=48,
        count=3,
        dtype="uint8",
        crs=crs,
        transform=transform,
    ) as file:
        file.write(np.moveaxis(IMAGES[0], 2, 0))
    return path


def test_a_reference_system_for_what_names_none(tmp_path):
    import rasterio

    paths = [
        write_placed(tmp_path / "none.tif", None),
        write_placed(tmp_path / "same.tif", "EPSG:25832"),
        write_placed(tmp_path / "other.tif", "EPSG:25833"),
        tmp_path / "nowhere.png",
    ]
    iio.imwrite(paths[-1], IMAGES[0])
    options = {"label_format": "tiff", "crs": "EPSG:25832"}
    records = list(
        segment_files(paths, SNICSuperpixels(9), tmp_path / "out", **options)
    )
    for record in records[:2]:
        with rasterio.open(record.outputs.labels) as file:
            assert file.crs.to_epsg() == 25832
    assert "EPSG:25833, not EPSG:25832" in str(records[2].error)
    assert "no place to which" in str(records[3].error)


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"unique_ids": True}, "none can be skipped"),
        ({"unique_ids": True, "label_format": "png"}, "too few for the labels"),
        ({"crs": "EPSG:25832", "label_format": "npy"}, "kept in TIFFs and polygons"),
        ({"crs": "rubbish"}, "is not a coordinate reference system"),
        ({"segment_size": -3}, "at least 1"),
    ],
)
def test_options_that_contradict_each_other(folder, tmp_path, options, message):
    options = {"label_format": "tiff", **options}
    with pytest.raises(ValueError, match=message):
        segment_files(paths_of(folder), SNICSuperpixels(9), tmp_path / "out", **options)
    assert not (tmp_path / "out").exists()


def test_files_with_as_many_bands_as_a_network_need_no_bands(tmp_path):
    import tifffile

    images, truths = make_scenes(2, shape=(32, 32), random_state=0)
    images = [np.concatenate([image, image[..., :2]], axis=2) for image in images]
    seal = SEALSuperpixels(
        12, width=2, max_iter=1, batch_size=1, crop_size=16, random_state=0
    ).fit(images, truths)
    settings = {"photometric": "minisblack", "planarconfig": "contig"}
    tifffile.imwrite(tmp_path / "a.tif", images[0], **settings)
    (record,) = segment_files(
        [tmp_path / "a.tif"], seal, tmp_path / "out", overlay=True, table="csv"
    )
    assert record.error is None
    (labels,) = seal.transform(images[:1])
    np.testing.assert_array_equal(iio.imread(record.outputs.labels), labels)
    drawing = draw_boundaries(images[0][..., :3], labels)
    np.testing.assert_array_equal(iio.imread(record.outputs.overlay), drawing)
    assert "mean_4" in record.outputs.table.read_text().splitlines()[0]
