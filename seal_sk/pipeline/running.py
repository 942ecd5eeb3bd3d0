"""The run over many files, and what came of each."""

from __future__ import annotations

import os
import time
import traceback
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
from joblib import effective_n_jobs
from numpy.typing import ArrayLike

from .._typing import PathLike, ValueRange
from .._validation import check_image, check_option
from ..io.georeference import Georeference, read_georeference
from ..io.images import notes_of_darkness
from ..io.options import ReadingOptions
from .planning import LABEL_FORMATS, Outputs, Plan, dtype_of_run
from .segmenting import (
    bands_of,
    batch_size,
    check_segment_size,
    count_of,
    segment_each,
)
from .writing import keeps_place, try_writers, write_results

__all__ = ["Record", "segment_files"]

_TABLES = ("csv", "parquet")
_POLYGONS = ("geojson", "gpkg")
_PNG_LABELS = 2**16
_LAST_LABEL = 2**31 - 1


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
    count: int | None = None  # of superpixels, if it depends on the image
    labels: Any = None
    first_label: int = 0

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
    crs: str | None = None,
    segment_size: float | None = None,
    unique_ids: bool = False,
    root: PathLike | None = None,
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
        keeps the georeference of the image. All TIFFs of a run have the same dtype,
        which follows from the arguments: int32 with -1 declared as no data if there is
        a `mask` or the estimator is not of this package; otherwise uint16 if its
        `n_segments` is at most 32768; uint32 if it is more, and with `segment_size` or
        `unique_ids`.
    overlay : bool, default=False
        Write a copy of the image with the boundaries drawn, ``NAME_overlay.png``. Of
        more than three bands, the first three are red, green and blue.
    table : {"csv", "parquet"}, optional
        Write one row per superpixel, ``NAME.csv`` or ``NAME.parquet``.
    polygons : {"geojson", "gpkg"}, optional
        Write one outline per superpixel, ``NAME.geojson`` or ``NAME.gpkg``.
    bands : sequence of int, optional
        As for `seal_sk.io.read_image`; so are `drop_alpha` and `value_range`. These,
        and `mask` and `crs`, are for files: they are refused for arrays. Without
        `bands`, files may have as many bands as the network of the estimator reads.
    drop_alpha : bool, default=False
        Leave out the alpha channel.
    mask : {"nodata", "alpha"}, optional
        Which pixels to leave out, as for `seal_sk.io.read_masked_image`. An image of
        which none is left has a label map of -1, and an empty table and polygons.
    value_range : (float, float) or sequence of these, optional
        The stored values of black and white, for all bands or for each.
    crs : str, optional
        Reference system of images that have a position on the earth, but name no
        system: a code such as "EPSG:32633", or WKT. An image that names another system,
        or has no position, is an error.
    segment_size : float, optional
        Mean size of the superpixels in pixels, in place of the estimator's
        `n_segments`: an image has ``round(pixels / segment_size)`` superpixels, where
        only pixels inside the mask count, and at least one in each area of the mask.
    unique_ids : bool, default=False
        Number the superpixels of a run without repetition: the labels of an image, also
        in its table and polygons, go on where those of the image before it ended.
        Images that fail take no labels. Needs TIFF or npy.
    root : path-like, optional
        Folder that holds all image files. The results of a file lie in the same
        subfolder of `folder` as the file in `root`.
    existing : {"skip", "replace"}, default="skip"
        What to do with an image whose results exist already. It is skipped only if all
        of them exist and none is older than the image. With which parameters they were
        made is not known: use another folder for other parameters.
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
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0; give a number of files.")
    if table is not None:
        check_option(table, _TABLES, name="table")
    if polygons is not None:
        check_option(polygons, _POLYGONS, name="polygons")
    reading = ReadingOptions(
        bands, drop_alpha, mask, value_range, n_bands=bands_of(estimator)
    )
    if mask is not None and label_format == "png":
        raise ValueError(
            "PNG has no label for masked pixels; set label_format to 'tiff' or 'npy'."
        )
    if unique_ids and label_format == "png":
        raise ValueError(
            "PNG has 16 bits, too few for the labels of a whole run; set label_format "
            "to 'tiff' or 'npy', or leave out unique_ids."
        )
    if unique_ids and existing == "skip":
        raise ValueError(
            "with unique_ids, labels depend on all images before, so that none can be "
            "skipped; set existing='replace'."
        )
    if segment_size is not None:
        check_segment_size(segment_size, estimator)
    if crs is not None:
        _check_crs(crs)
        if label_format != "tiff" and polygons is None:
            raise ValueError(
                "crs is kept in TIFFs and polygons only; set label_format='tiff' or "
                "polygons, or leave it out."
            )
    folder = Path(folder)
    planned = Plan(folder, label_format, overlay, table, polygons, root)
    if isinstance(images, (list, tuple)):
        # All at once, so that an error is found before any work.
        checked = Plan(folder, label_format, overlay, table, polygons, root)
        for plan in (checked, planned):
            plan.add_inputs(images)
        for item in images:
            checked.outputs(item)
    if folder.exists() and not folder.is_dir():
        raise NotADirectoryError(f"{str(folder)!r} is a file; give a folder.")
    try_writers(table, polygons)
    folder.mkdir(parents=True, exist_ok=True)
    run = _Run(
        estimator,
        planned,
        reading,
        crs=crs,
        segment_size=segment_size,
        unique_ids=unique_ids,
        dtype=dtype_of_run(
            estimator,
            label_format,
            masked=mask is not None,
            counted=segment_size is None and not unique_ids,
        ),
        skip=existing == "skip",
        n_jobs=n_jobs,
    )
    return run.records(images)


def _check_crs(crs: str) -> None:
    """Refuse what is not a reference system."""
    from rasterio import CRS, Env

    with Env():  # what PROJ says of a wrong system is not printed
        Georeference(crs, (1, 0, 0, 0, 1, 0)).parsed_by(CRS.from_user_input)


class _Run:
    """A run with its settings, and the state that goes from image to image."""

    def __init__(
        self,
        estimator: Any,
        plan: Plan,
        reading: ReadingOptions,
        *,
        crs: str | None,
        segment_size: float | None,
        unique_ids: bool,
        dtype: Literal["uint16", "uint32", "int32"] | None,
        skip: bool,
        n_jobs: int | None,
    ) -> None:
        self.estimator = estimator
        self.plan = plan
        self.reading = reading
        self.crs = crs
        self.segment_size = segment_size
        self.unique_ids = unique_ids
        self.dtype = dtype
        self.skip = skip
        self.n_jobs = n_jobs
        self.next_label = 0

    def records(self, images: Iterable[Any]) -> Iterator[Record]:
        """Outcomes, in the order of the images."""
        known = isinstance(images, (list, tuple))
        items = iter(images)
        broken: list[Exception] = []  # what the sequence raised, if anything
        threads = effective_n_jobs(self.n_jobs)
        with (
            ThreadPoolExecutor(threads) as readers,
            ThreadPoolExecutor(threads) as writers,
        ):

            def read_batch() -> list[Future[_Job]]:
                some: list[Any] = []
                while not broken and len(some) < batch_size(self.n_jobs):
                    try:
                        some.append(next(items))
                    except StopIteration:
                        break
                    except Exception as error:
                        broken.append(error)
                jobs = [self._job_of(item, known) for item in some]
                return [readers.submit(self._read, job) for job in jobs]

            coming = read_batch()
            leaving: list[Future[Record]] = []
            while coming:
                jobs = [future.result() for future in coming]
                coming = read_batch()
                while leaving and leaving[0].done():
                    yield leaving.pop(0).result()
                self._segment(jobs)
                for future in leaving:
                    yield future.result()
                leaving = [writers.submit(self._write, job) for job in jobs]
                del jobs
            for future in leaving:
                yield future.result()
        if broken:
            raise broken[0]

    def _job_of(self, item: Any, known: bool) -> _Job:
        """The job for an image, with what is wrong with it as its error."""
        try:
            if not known:
                self._refuse_results_beside(item)
                self.plan.add_inputs([item])
            given = [*self.reading.given, *(["crs"] if self.crs is not None else [])]
            if isinstance(item, tuple) and given:
                raise ValueError(
                    f"{', '.join(given)} are for files; apply them to the array."
                )
            outputs = self.plan.outputs(item)
        except Exception as error:
            name = item[0] if isinstance(item, tuple) and item else item
            job = _Job(None, Record(Path(str(name)), Outputs(self.plan.folder)))
            job.fail(error)
            return job
        path = Path(item[0] if isinstance(item, tuple) else item)
        return _Job(item, Record(path, outputs))

    def _refuse_results_beside(self, item: Any) -> None:
        """Of a lazy sequence, nobody knows which files are images to come."""
        if isinstance(item, tuple):
            return
        if Path(item).resolve().parent == self.plan.folder_of(item).resolve():
            raise ValueError(
                f"{str(self.plan.folder)!r} is the folder of the image, whose results "
                "could replace images to come; give another folder, or a list of "
                "images."
            )

    def _read(self, job: _Job) -> _Job:
        if job.record.error is not None:
            return job
        began = time.monotonic()
        try:
            item, outputs = job.item, job.record.outputs
            if self.skip and _are_done(item, outputs):
                job.record = replace(job.record, skipped=True)
                return job
            notes: list[str] = []
            if isinstance(item, tuple):
                job.image = check_image(item[1], name=item[0])
            else:
                path = job.record.path
                if any((outputs.table, outputs.polygons, keeps_place(outputs.labels))):
                    job.place = read_georeference(path, crs=self.crs)
                job.image, job.mask, notes = self.reading.read(path)
            if self.reading.value_range is None:
                notes += notes_of_darkness(job.image, job.mask)
            job.record = replace(job.record, notes=tuple(notes))
            if self.segment_size is not None:
                self._count(job, self.segment_size)
        except Exception as error:
            job.fail(error)
        job.item = None
        job.spent(began)
        return job

    def _count(self, job: _Job, segment_size: float) -> None:
        job.count = count_of(job.image, job.mask, segment_size, self.estimator)
        if job.count > _PNG_LABELS and job.record.outputs.labels.suffix == ".png":
            raise ValueError(
                f"segment_size={segment_size:g} makes {job.count} superpixels, "
                "but PNG has 16 bits; set label_format to 'tiff' or 'npy'."
            )

    def _segment(self, jobs: list[_Job]) -> None:
        work = [job for job in jobs if job.image is not None]
        began = time.monotonic()
        label_maps = segment_each(
            self.estimator,
            [job.image for job in work],
            [job.mask for job in work],
            [job.count for job in work],
        )
        seconds = (time.monotonic() - began) / max(1, len(work))
        for job, labels in zip(work, label_maps, strict=True):
            job.spent(time.monotonic() - seconds)
            if isinstance(labels, Exception):
                job.fail(labels)
            else:
                job.labels = labels
                if self.unique_ids:
                    self._number(job)

    def _number(self, job: _Job) -> None:
        """Let the labels of an image go on where those before it ended."""
        n_segments = int(np.max(job.labels)) + 1
        if self.next_label + n_segments - 1 > _LAST_LABEL:
            job.fail(
                ValueError(
                    f"the labels of this run go beyond {_LAST_LABEL}, which no format "
                    "holds; segment fewer images at a time."
                )
            )
            return
        job.first_label = self.next_label
        self.next_label += n_segments

    def _write(self, job: _Job) -> Record:
        if job.record.error is not None or job.record.skipped:
            return job.record
        began = time.monotonic()
        try:
            write_results(
                job.record.outputs,
                job.image,
                job.labels,
                place=job.place,
                dtype=self.dtype,
                first_label=job.first_label,
            )
        except Exception as error:
            job.fail(error)
        else:
            n_segments = int(job.labels.max()) + 1
            job.record = replace(job.record, n_segments=n_segments)
        job.spent(began)
        return job.record


def _are_done(item: Any, outputs: Outputs) -> bool:
    """Whether all results exist, and none is older than the file of the image."""
    if not all(output.is_file() for output in outputs):
        return False
    if isinstance(item, tuple):
        return True
    changed = Path(item).stat().st_mtime_ns
    return all(output.stat().st_mtime_ns >= changed for output in outputs)
