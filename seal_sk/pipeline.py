"""Segment image files, with reading, segmentation and writing in parallel.

``seal-sk segment`` runs `segment_files`. While one batch of images is segmented, the
next one is read and the previous one is written; no other images are in memory.
"""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Literal

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike, NDArray

from ._files import replace_file
from ._typing import PathLike, ValueRange
from ._validation import check_image, check_label_maps, check_option, check_sequence
from .io.georeference import Georeference, read_georeference
from .io.images import (
    check_band_numbers,
    check_value_range,
    notes_of_darkness,
    read_with_notes,
)
from .io.label_maps import write_label_map

__all__ = [
    "LABEL_FORMATS",
    "Outputs",
    "Record",
    "segment_files",
    "segment_images",
]

#: Endings of label maps, by format.
LABEL_FORMATS = {"png": ".png", "tiff": ".tif", "npy": ".npy"}
_TABLES = ("csv", "parquet")
_POLYGONS = ("geojson", "gpkg")


@dataclass(frozen=True)
class Outputs:
    """Paths of the results of one image; None for results that are not requested.

    Parameters
    ----------
    labels : Path
        The label map.
    overlay : Path, optional
        The image with the boundaries drawn into it.
    table : Path, optional
        One row per superpixel.
    polygons : Path, optional
        One outline per superpixel.

    Examples
    --------
    >>> from pathlib import Path
    >>> from seal_sk.pipeline import Outputs
    >>> [path.name for path in Outputs(Path("a.png"), table=Path("a.csv"))]
    ['a.png', 'a.csv']
    """

    labels: Path
    overlay: Path | None = None
    table: Path | None = None
    polygons: Path | None = None

    def __iter__(self) -> Iterator[Path]:
        """The requested ones."""
        places = (self.labels, self.overlay, self.table, self.polygons)
        return (path for path in places if path is not None)


@dataclass(frozen=True)
class Record:
    """Outcome for one image.

    Parameters
    ----------
    path : Path
        Its file, or its name if it was given as an array.
    outputs : Outputs
        The files of its results.
    n_segments : int, optional
        Number of superpixels; None if the image failed or was skipped.
    seconds : float
        Time spent on it: reading, its share of segmenting a batch, and writing.
    notes : tuple of str
        Remarks for the user, for example on nearly black values or lost bits.
    error : Exception, optional
        The error, if it failed.
    skipped : bool
        Whether all its results existed already.

    Examples
    --------
    >>> from pathlib import Path
    >>> from seal_sk.pipeline import Outputs, Record
    >>> Record(Path("a.jpg"), Outputs(Path("a.png")), n_segments=300).error is None
    True
    """

    path: Path
    outputs: Outputs
    n_segments: int | None = None
    seconds: float = 0.0
    notes: tuple[str, ...] = ()
    error: Exception | None = None
    skipped: bool = False


@dataclass
class _Job:
    """An image in the pipeline."""

    item: Any
    record: Record
    image: Any = None
    mask: Any = None
    place: Georeference | None = None
    labels: Any = None

    def spent(self, since: float) -> None:
        seconds = self.record.seconds + time.monotonic() - since
        self.record = replace(self.record, seconds=seconds)

    def fail(self, error: Exception) -> None:
        # A traceback holds the images that the functions in it had.
        traceback.clear_frames(error.__traceback__)
        self.record = replace(self.record, error=error)
        self.item = self.image = self.mask = self.labels = None


def segment_files(
    images: Iterable[PathLike | tuple[str, ArrayLike]],
    estimator: Any,
    folder: PathLike,
    *,
    label_format: Literal["png", "tiff", "npy"] = "png",
    overlay: bool = False,
    table: Literal["csv", "parquet"] | None = None,
    polygons: Literal["geojson", "gpkg"] | None = None,
    bands: Sequence[int] | None = None,
    drop_alpha: bool = False,
    mask: Literal["nodata", "alpha"] | None = None,
    value_range: ValueRange | None = None,
    existing: Literal["skip", "replace"] = "skip",
    n_jobs: int | None = None,
) -> Iterator[Record]:
    """Segment images and write label maps and, on request, other results.

    Parameters
    ----------
    images : iterable of path-like, or of (str, array-like)
        Files, or pairs of a name for the results and an image. It may be lazy: items
        are taken only when they are processed. Then the results of files go into
        another folder, since they could replace images to come.
    estimator : transformer
        Its ``transform`` returns one label map per image. It has to be fitted already,
        if it needs fitting.
    folder : path-like
        Folder for the results; created if it is missing.
    label_format : {"png", "tiff", "npy"}, default="png"
        Format of the label maps, ``NAME.png``, ``NAME.tif`` or ``NAME.npy``. A TIFF
        keeps the georeference of the image.
    overlay : bool, default=False
        Write a copy of the image with the boundaries drawn, ``NAME_overlay.png``.
    table : {"csv", "parquet"}, optional
        Write one row per superpixel, ``NAME.csv`` or ``NAME.parquet``.
    polygons : {"geojson", "gpkg"}, optional
        Write one outline per superpixel, ``NAME.geojson`` or ``NAME.gpkg``.
    bands : sequence of int, optional
        As for `seal_sk.io.read_image`; so are `drop_alpha` and `value_range`. These,
        and `mask`, are for files: they are refused for arrays.
    drop_alpha : bool, default=False
        Leave out the alpha channel.
    mask : {"nodata", "alpha"}, optional
        Which pixels to leave out, as for `seal_sk.io.read_masked_image`.
    value_range : (float, float) or sequence of these, optional
        The stored values of black and white, for all bands or one pair for each.
    existing : {"skip", "replace"}, default="skip"
        What to do if all results of an image exist already.
    n_jobs : int, optional
        Number of files read and written at a time, as in joblib. The estimator decides
        how many images are segmented at a time.

    Returns
    -------
    iterator of Record
        One per image, in their order. It comes when its results are written, at the
        latest once the next batch of images is segmented. The record of an image that
        fails has an ``error``; the others continue.

    Raises
    ------
    ValueError
        If an option is not as described, or if two results would be the same file, or a
        result would replace one of the images. Raised before any work if `images` is a
        list or tuple.
    ImportError
        If the format of the table or the polygons needs a package that is missing.
    OSError
        If the folder can't be created.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> from seal_sk import SNICSuperpixels
    >>> from seal_sk.datasets import make_scenes
    >>> from seal_sk.pipeline import segment_files
    >>> images, _ = make_scenes(2, shape=(48, 64), random_state=0)
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     named = zip(["first", "second"], images)
    ...     for record in segment_files(named, SNICSuperpixels(20, exact=True), folder):
    ...         print(record.outputs.labels.name, record.n_segments)
    first.png 20
    second.png 20
    """
    check_option(label_format, list(LABEL_FORMATS), name="label_format")
    check_option(existing, ("skip", "replace"), name="existing")
    if isinstance(images, (str, os.PathLike)):
        raise TypeError("images is a single path; give a list of them.")
    if bands is not None:
        bands = check_band_numbers(bands)
    if value_range is not None:
        check_value_range(value_range, None if bands is None else len(bands))
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0; give a number of files.")
    if table is not None:
        check_option(table, _TABLES, name="table")
    if polygons is not None:
        check_option(polygons, _POLYGONS, name="polygons")
    if mask is not None:
        check_option(mask, ("nodata", "alpha"), name="mask")
        if label_format == "png":
            raise ValueError(
                "PNG has no label for masked pixels; set label_format to 'tiff' or "
                "'npy'."
            )
    folder = Path(folder)
    planned = _Plan(folder, label_format, overlay, table, polygons)
    if isinstance(images, (list, tuple)):
        # All at once, so that an error is found before any work.
        checked = _Plan(folder, label_format, overlay, table, polygons)
        for plan in (checked, planned):
            plan.add_inputs(images)
        for item in images:
            checked.outputs(item)
    _try_writers(table, polygons)
    folder.mkdir(parents=True, exist_ok=True)
    reading = {
        "bands": bands,
        "drop_alpha": drop_alpha,
        "where": mask,
        "value_range": value_range,
    }
    return _run(images, estimator, planned, reading, existing == "skip", n_jobs)


def check_outputs(
    paths: Sequence[PathLike],
    folder: PathLike,
    *,
    label_format: Literal["png", "tiff", "npy"] = "png",
    overlay: bool = False,
    table: Literal["csv", "parquet"] | None = None,
    polygons: Literal["geojson", "gpkg"] | None = None,
) -> list[Outputs]:
    """Paths that `segment_files` would write, without any work.

    Parameters are those of `segment_files`. ValueError is raised if two results would
    be the same file, or a result would replace one of the images.
    """
    plan = _Plan(Path(folder), label_format, overlay, table, polygons)
    plan.add_inputs(paths)
    return [plan.outputs(path) for path in paths]


def segment_images(
    estimator: Any, images: Any, *, n_jobs: int | None = None
) -> Iterator[NDArray[np.int32] | Exception]:
    """Yield the label map of each image, or the error that it raised.

    Parameters
    ----------
    estimator : transformer
        As for `segment_files`.
    images : sequence
        Images; a lazy sequence is loaded a few at a time.
    n_jobs : int, optional
        Number of images that the estimator segments at a time.

    Yields
    ------
    ndarray of shape (H, W), int32, or Exception
        The label map, or the error raised by loading or segmenting the image.

    Examples
    --------
    >>> import numpy as np
    >>> from seal_sk import SNICSuperpixels
    >>> from seal_sk.pipeline import segment_images
    >>> images = [np.zeros((8, 9), np.uint8), np.full((8, 9), np.nan)]
    >>> [type(found).__name__ for found in segment_images(SNICSuperpixels(4), images)]
    ['ndarray', 'ValueError']
    """
    images = check_sequence(images, name="images")
    step = _batch_size(n_jobs)
    for start in range(0, len(images), step):
        loaded: list[Any] = []
        for i in range(start, min(start + step, len(images))):
            try:
                loaded.append(images[i])
            except Exception as error:
                loaded.append(error)
        yield from segment_each(estimator, loaded)


def segment_each(
    estimator: Any, images: Sequence[Any], masks: Sequence[Any] | None = None
) -> list[Any]:
    """For each image of a batch, its label map, or the error that it raised.

    Errors in place of images are returned as they are. A mask may be None.
    """
    if masks is None:
        masks = [None] * len(images)
    pairs = zip(images, masks, strict=True)
    good = [pair for pair in pairs if not isinstance(pair[0], Exception)]
    found: list[Any] = []
    if good:
        inside = [mask for _, mask in good]
        more = [inside] if any(mask is not None for mask in inside) else []
        try:
            found = estimator.transform([image for image, _ in good], *more)
            check_label_maps(found, good)
        except Exception as error:
            if len(good) == 1:
                found = [error]
            else:
                # One image makes the batch fail: find out which.
                found = [segment_each(estimator, [i], [m])[0] for i, m in good]
    results = iter(found)
    return [i if isinstance(i, Exception) else next(results) for i in images]


def _batch_size(n_jobs: int | None) -> int:
    """Number of images to segment at a time: a few per thread, to keep it busy."""
    threads = effective_n_jobs(n_jobs)
    return 1 if threads == 1 else 4 * threads


class _Plan:
    """Paths of results: all different, and different from the images."""

    def __init__(self, folder, label_format, overlay, table, polygons):
        self.folder = folder
        self.ends = {
            "labels": LABEL_FORMATS[label_format],
            "overlay": "_overlay.png" if overlay else None,
            "table": f".{table}" if table else None,
            "polygons": f".{polygons}" if polygons else None,
        }
        self.writers: dict[Path, str] = {}  # result -> its image
        self.inputs: set[Path] = set()

    def add_inputs(self, items: Iterable[Any]) -> None:
        """Files that no result may replace."""
        files = (item for item in items if isinstance(item, (str, os.PathLike)))
        self.inputs.update(Path(item).resolve() for item in files)

    def outputs(self, item: Any) -> Outputs:
        """Paths of the results of an image, which is planned once."""
        name = _name_of(item)
        shown = str(item[0] if isinstance(item, tuple) else item)
        places: Any = {
            kind: None if end is None else self.folder / f"{name}{end}"
            for kind, end in self.ends.items()
        }
        outputs = Outputs(**places)
        for output in outputs:
            if output in self.writers:
                raise ValueError(
                    f"{self.writers[output]!r} and {shown!r} would both be written to "
                    f"{str(output)!r}; segment them into different folders."
                )
            if output.resolve() in self.inputs:
                raise ValueError(
                    f"{str(output)!r} is one of the images, and would be replaced "
                    "by a result; give another folder."
                )
        self.writers.update((output, shown) for output in outputs)
        return outputs


def _name_of(item: Any) -> str:
    """The name of an image's results."""
    if isinstance(item, (str, os.PathLike)):
        return Path(item).stem
    if not isinstance(item, tuple) or len(item) != 2 or not isinstance(item[0], str):
        raise TypeError(
            f"an image is given as {type(item).__name__}; give its path, or a tuple of "
            "a name and an array."
        )
    name = item[0]
    if not name or name in (".", "..") or set(name) & set("/\\\0"):
        raise ValueError(f"{name!r} can't be the name of a file; give another name.")
    return name


def _jobs_of(items, plan, reading, known):
    """Jobs for some of the images, with what is wrong with one as its error."""
    for item in items:
        try:
            if not known:
                _refuse_results_beside(item, plan.folder)
                plan.add_inputs([item])
            if isinstance(item, tuple) and any(
                value not in (None, False) for value in reading.values()
            ):
                raise ValueError(
                    "bands, drop_alpha, mask and value_range are for files; apply them "
                    "to the array."
                )
            outputs = plan.outputs(item)
        except Exception as error:
            name = item[0] if isinstance(item, tuple) and item else item
            job = _Job(None, Record(Path(str(name)), Outputs(plan.folder)))
            job.fail(error)
        else:
            path = Path(item[0] if isinstance(item, tuple) else item)
            job = _Job(item, Record(path, outputs))
        yield job


def _refuse_results_beside(item, folder):
    """Of a lazy sequence, nobody knows which files are images to come."""
    if isinstance(item, tuple):
        return
    if Path(item).resolve().parent == folder.resolve():
        raise ValueError(
            f"{str(folder)!r} is the folder of the image, whose results could replace "
            "images to come; give another folder, or a list of images."
        )


def _run(images, estimator, plan, reading, skip, n_jobs):
    known = isinstance(images, (list, tuple))
    items = iter(images)
    broken: list[Exception] = []  # what the sequence raised, if anything
    threads = effective_n_jobs(n_jobs)
    with (
        ThreadPoolExecutor(threads) as readers,
        ThreadPoolExecutor(threads) as writers,
    ):

        def read_batch() -> list[Future[_Job]]:
            some: list[Any] = []
            while not broken and len(some) < _batch_size(n_jobs):
                try:
                    some.append(next(items))
                except StopIteration:
                    break
                except Exception as error:
                    broken.append(error)
            jobs = _jobs_of(some, plan, reading, known)
            return [readers.submit(_read, job, reading, skip) for job in jobs]

        coming = read_batch()
        leaving: list[Future[Record]] = []
        while coming:
            jobs = [future.result() for future in coming]
            coming = read_batch()
            while leaving and leaving[0].done():
                yield leaving.pop(0).result()
            _segment(estimator, jobs)
            for future in leaving:
                yield future.result()
            leaving = [writers.submit(_write, job) for job in jobs]
            del jobs
        for future in leaving:
            yield future.result()
    if broken:
        raise broken[0]


def _read(job, reading, skip):
    if job.record.error is not None:
        return job
    began = time.monotonic()
    try:
        item, outputs = job.item, job.record.outputs
        if skip and all(output.is_file() for output in outputs):
            job.record = replace(job.record, skipped=True)
            return job
        notes: list[str] = []
        if isinstance(item, tuple):
            job.image = check_image(item[1], name=item[0])
        else:
            path = job.record.path
            if any((outputs.table, outputs.polygons, _keeps_place(outputs.labels))):
                job.place = read_georeference(path)
            job.image, job.mask, notes = read_with_notes(path, **reading)
        if reading["value_range"] is None:
            notes += notes_of_darkness(job.image, job.mask)
        job.record = replace(job.record, notes=tuple(notes))
    except Exception as error:
        job.fail(error)
    job.item = None
    job.spent(began)
    return job


def _segment(estimator, jobs):
    work = [job for job in jobs if job.image is not None]
    began = time.monotonic()
    label_maps = segment_each(
        estimator, [job.image for job in work], [job.mask for job in work]
    )
    seconds = (time.monotonic() - began) / max(1, len(work))
    for job, labels in zip(work, label_maps, strict=True):
        job.spent(time.monotonic() - seconds)
        if isinstance(labels, Exception):
            job.fail(labels)
        else:
            job.labels = labels


def _write(job):
    if job.record.error is not None or job.record.skipped:
        return job.record
    began = time.monotonic()
    outputs, labels, place = job.record.outputs, job.labels, job.place
    try:
        # The label map is written last: if it exists, so do the others.
        if outputs.overlay is not None:
            _write_overlay(outputs.overlay, job.image, labels)
        _write_shapes(outputs.table, outputs.polygons, job.image, labels, place)
        kept = place if _keeps_place(outputs.labels) else None
        write_label_map(outputs.labels, labels, georeference=kept)
    except Exception as error:
        job.fail(error)
    else:
        n_segments = int(labels.max()) + 1
        job.record = replace(job.record, n_segments=n_segments)
    job.spent(began)
    return job.record


def _keeps_place(path):
    return path.suffix == LABEL_FORMATS["tiff"]


def _write_overlay(path, image, labels):
    import imageio.v3 as iio

    from .plotting import draw_boundaries

    drawing = draw_boundaries(image, labels)
    replace_file(path, iio.imwrite("<bytes>", drawing, extension=".png"))


def _write_shapes(table_file, polygon_file, image, labels, place):
    if table_file is None and polygon_file is None:
        return
    from .export import superpixel_table, write_polygons, write_table

    table = superpixel_table(image, labels, georeference=place)
    if table_file is not None:
        write_table(table_file, table)
    if polygon_file is not None:
        write_polygons(polygon_file, labels, table=table, georeference=place)


def _try_writers(table, polygons):
    """Write a small table and polygons, to see whether their packages are there."""
    labels = np.zeros((2, 2), dtype=np.int32)
    with TemporaryDirectory() as folder:
        _write_shapes(
            Path(folder, f"try.{table}") if table else None,
            Path(folder, f"try.{polygons}") if polygons else None,
            np.zeros((2, 2, 3), dtype=np.uint8),
            labels,
            None,
        )
