"""The run of a benchmark: every method on every image at every count."""

import math
import os
import sys
from collections.abc import Mapping, Sequence
from concurrent.futures.process import BrokenProcessPool
from pathlib import Path
from typing import Any

import joblib
import numpy as np
from filelock import FileLock, Timeout
from joblib import Parallel, delayed
from tqdm import tqdm

from .._environment import machine
from .._identity import described
from .._typing import PathLike
from .._validation import check_annotations, check_int
from ..datasets import Dataset
from ..metrics.maps import counts_somewhere
from ..metrics.scoring import score_label_map
from .measuring import measured, one_thread, versions
from .methods import as_method, find_methods
from .pictures import draw_pictures
from .results import FORMAT, Results, Store, evenly_spaced

__all__ = ["BenchmarkError", "run_benchmark"]


class BenchmarkError(RuntimeError):
    """Raised if methods failed on some images; all other results are written.

    Examples
    --------
    >>> from seal_sk.benchmark import BenchmarkError, run_benchmark
    >>> try:
    ...     run_benchmark(dataset, ["ers"], [300], "results")  # doctest: +SKIP
    ... except BenchmarkError as error:
    ...     print(error)
    """


def run_benchmark(
    dataset: Dataset,
    methods: Mapping[str, Any] | Sequence[str],
    counts: Sequence[int],
    out: PathLike,
    *,
    n_images: int | None = None,
    n_jobs: int = 1,
    progress: bool = False,
) -> Results:
    """Score methods on a data set at several counts, and write one tidy table.

    After an interruption, the same call continues the run: existing results are not
    computed again, and no file is ever incomplete. More methods, counts or images are
    added to the existing results.

    Parameters
    ----------
    dataset : seal_sk.datasets.Dataset
        Images and annotations.
    methods : dict of str to estimator or LabelMaps, or sequence of str
        Methods by name, or a sequence as for `find_methods`. Estimators need a
        parameter ``n_segments`` (in a pipeline, one of its steps does) and are not
        fitted here.
    counts : sequence of int
        Numbers of superpixels to request from every method.
    out : path-like
        Folder for the results: ``table.parquet`` and ``table.csv``, ``run.json`` with
        the description of the run, ``parts/`` with intermediate results, and
        ``pictures/`` of the images on which the methods differ most.
    n_images : int, optional
        Number of images, evenly spaced over the data set, for a quick look; by default
        all.
    n_jobs : int, default=1
        Number of processes, as in joblib, each with one thread. Parallel processes slow
        each other down: use 1 for timings.
    progress : bool, default=False
        Show a progress bar with the remaining time, on the standard error.

    Returns
    -------
    Results
        As returned by `read_results`.

    Raises
    ------
    ValueError, TypeError, FileNotFoundError
        If a method is invalid, an image has fewer pixels than a count, or `out` holds
        results on other data.
    BenchmarkError
        If methods failed on some images. The table has all other results, and the same
        call tries the failed ones again.

    Notes
    -----
    The table has one row per image, annotation, method and requested count, without
    annotations in which every pixel is ignored. Its columns are ``dataset``, ``image``,
    ``annotation``, ``method``, ``requested``; the returned numbers ``n_segments``
    (labels) and ``n_regions`` (connected regions); all scores of
    `seal_sk.metrics.evaluate`, and ``thick_boundary_recall`` for the protocol
    stutz2018; ``seconds`` of `transform` on one thread, after a first call that does
    not count; ``peak_memory`` in MiB, the peak of resident memory minus the memory
    before the call (Linux); ``parameters``, ``versions`` and ``machine``.

    Examples
    --------
    >>> import tempfile
    >>> from seal_sk.benchmark import run_benchmark
    >>> from seal_sk.datasets import Dataset, make_scenes
    >>> scenes = Dataset("scenes", *make_scenes(2, shape=(48, 48), random_state=0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = run_benchmark(scenes, ["ers", "slic"], [10, 20], folder)
    >>> results.table[["method", "requested", "n_segments"]].head(2)
      method  requested  n_segments
    0    ers         10          10
    1    ers         20          20
    """
    out = Path(out)
    if not isinstance(dataset, Dataset):
        raise TypeError(
            f"dataset is {type(dataset).__name__}; give a seal_sk.datasets.Dataset, as "
            "the loaders return it."
        )
    counts = _checked_counts(counts)
    n_jobs = check_int(n_jobs, -math.inf, name="n_jobs")
    if n_jobs == 0:
        raise ValueError("n_jobs must not be 0; give a number of processes.")
    methods = _checked_methods(methods)
    if n_images is not None:
        n_images = check_int(n_images, 1, name="n_images")
    images = evenly_spaced(len(dataset.images), n_images)
    callers = {name: as_method(method) for name, method in methods.items()}
    for caller in callers.values():
        caller.check(counts, [dataset.names[i] for i in images])

    run = {
        "format": FORMAT,
        "dataset": {
            "name": dataset.name,
            "names": list(dataset.names),
            "tolerance": dataset.tolerance,
            "ignore_label": dataset.ignore_label,
        },
        "methods": {name: _about(caller) for name, caller in callers.items()},
        "counts": counts,
        "images": images,
        "versions": versions(),
        "machine": machine(),
    }
    if out.exists() and not out.is_dir():
        raise ValueError(f"{str(out)!r} is a file; give a folder.")
    store = Store(out, run)
    new = {
        name: caller
        for name, caller in callers.items()
        if not store.done(name, images[0])[0]
    }
    _try_out(new, dataset, counts, images)

    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"Another run is writing to {str(out)!r}; wait for it."
        ) from None
    try:
        # Read again, because another run may have ended in between.
        store = Store(out, run)
        store.begin()
        failures = _fill(store, dataset, callers, counts, images, n_jobs, progress)
        if failures and not store.has_any():
            raise _all_of(failures, len(callers) * len(images))
        results = Results(out, store.run, store.write_table())
        draw_pictures(results, dataset, callers, n_jobs=n_jobs)
    finally:
        # The file stays: another run may already hold its lock.
        lock.release()
    if failures:
        raise _all_of(failures, len(callers) * len(images))
    return results


def _checked_counts(counts):
    """Numbers of superpixels, in order."""
    counts = np.atleast_1d(np.asarray(counts, dtype=object)).tolist()
    counts = sorted({check_int(count, 1, name="a count") for count in counts})
    if not counts:
        raise ValueError("counts is empty; give at least one.")
    return counts


def _checked_methods(methods):
    """Estimators by the names of their folders."""
    if not isinstance(methods, dict):
        methods = [methods] if isinstance(methods, str) else methods
        if not isinstance(methods, (list, tuple)) or not all(
            isinstance(method, str) for method in methods
        ):
            raise TypeError(
                "methods is neither a dict of estimators by name nor a list of strings."
            )
        methods = find_methods(methods)
    if not methods:
        raise ValueError("methods is empty; give at least one.")
    for name in methods:
        if not isinstance(name, str):
            raise TypeError(f"{name!r} can't be the name of a method; give a string.")
        if not name or name.startswith(".") or set(name) & set("/\\:,"):
            raise ValueError(
                f"{name!r} can't be the name of a method, because a folder is named "
                "after it."
            )
    return methods


def _all_of(failures, n):
    """One error for all failures."""
    name, image, error = failures[0]
    return BenchmarkError(
        f"{len(failures)} of {n} failed and are not in the table; the first is {name} "
        f"on image {image}: {error}"
    )


def _about(caller):
    """Description of a method; different methods have different fingerprints."""
    about = {
        "parameters": caller.parameters,
        "all_parameters": caller.all_parameters,
    }
    return {**about, "fingerprint": joblib.hash((about, described(caller.state)))}


def _try_out(callers, dataset, counts, images):
    """Raise errors before any work is done."""
    for first in images:
        image = dataset.images[first]
        height, width = np.shape(image)[:2]
        annotations = check_annotations(dataset.annotations[first], (height, width))
        if _any_counts(annotations, dataset.ignore_label):
            break
    else:
        raise ValueError(
            f"every pixel of every annotation has the label {dataset.ignore_label}, "
            "which is ignored; there is nothing to score."
        )
    if counts[-1] > height * width:
        raise ValueError(
            f"Image {dataset.names[first]} has {height * width} pixels, fewer than the "
            f"{counts[-1]} superpixels requested."
        )
    mask = None if dataset.masks is None else dataset.masks[first]
    for name, caller in callers.items():
        try:
            labels = caller.segment(
                np.array(image), annotations, counts[0], dataset.names[first], mask
            )
            score_label_map(
                labels,
                image,
                annotations,
                tolerance=dataset.tolerance,
                ignore_label=dataset.ignore_label,
            )
        except Exception as error:  # methods of others may raise anything
            raise ValueError(
                f"The method {name!r} fails on image {dataset.names[first]}: "
                f"{type(error).__name__}: {error}"
            ) from error


def _fill(store, dataset, callers, counts, images, n_jobs, progress):
    """Compute missing results, and return the failures."""
    tasks = []
    for i in images:
        digest = None
        for name, caller in callers.items():
            figures, data = store.done(name, i)
            if data is not None:
                digest = digest or _digest(
                    dataset.images[i],
                    dataset.annotations[i],
                    None if dataset.masks is None else dataset.masks[i],
                )
                if data != digest:
                    raise ValueError(
                        f"{str(store.folder)!r} holds scores of an older "
                        f"{dataset.names[i]!r}: the image, its mask or its annotations "
                        "have changed. Give another folder."
                    )
            missing = [
                count
                for count in counts
                if figures.get(str(count), {"source": ""})["source"]
                != caller.source(count, dataset.names[i])
            ]
            if missing:
                tasks.append((name, caller, i, missing))
    failures = []
    run = (
        delayed(_unit)(name, caller, i, missing, dataset.select([i]))
        for name, caller, i, missing in tasks
    )
    with tqdm(
        total=len(callers) * len(images),
        initial=len(callers) * len(images) - len(tasks),
        unit="image",
        disable=not progress,
        desc="bench",
        file=sys.stderr,
    ) as bar:
        # Images are the outer loop, so that the remaining time can be estimated.
        workers = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
        try:
            for name, i, figures, data, error in workers(run):
                if figures:
                    store.add(name, i, figures, data)
                if error is not None:
                    failures.append((name, dataset.names[i], error))
                bar.update()
        except BrokenProcessPool as error:
            raise BenchmarkError(
                "A process was killed: a method crashed, or memory ran out (fewer jobs "
                "need less). The same call continues the run."
            ) from error
    return sorted(failures)


def _any_counts(annotations, ignore_label):
    return any(counts_somewhere(one, None, ignore_label) for one in annotations)


def _digest(image, annotations, mask):
    """Digest that identifies an image, its annotations and its mask."""
    annotations = check_annotations(annotations, np.shape(image)[:2])
    inside = [] if mask is None else [np.asarray(mask)]
    return joblib.hash([np.asarray(image), *annotations, *inside])


# Methods that this process has already called.
_warm: set[tuple[int, str, str]] = set()


def _unit(name, caller, i, counts, one):
    """Scores of one method on one image, by count; and the error, if any."""
    figures: dict[str, Any] = {}
    digest = None
    try:
        with one_thread():
            image = one.images[0]
            shape = np.shape(image)[:2]
            annotations = check_annotations(one.annotations[0], shape)
            mask = None if one.masks is None else one.masks[0]
            more = (one.names[0], mask)
            if not _any_counts(annotations, one.ignore_label):
                return name, i, figures, digest, None
            digest = _digest(image, annotations, mask)
            if (key := (os.getpid(), name, caller.parameters)) not in _warm:
                # The first call loads libraries and grows buffers.
                caller.segment(np.array(image), annotations, min(counts), *more)
                _warm.add(key)
            for count in counts:
                # A copy, because a method may change its input.
                labels, seconds, peak = measured(
                    caller.segment, np.array(image), annotations, count, *more
                )
                figures[str(count)] = {
                    **score_label_map(
                        labels,
                        image,
                        annotations,
                        tolerance=one.tolerance,
                        ignore_label=one.ignore_label,
                    ),
                    "seconds": seconds if caller.measured else None,
                    "peak_memory": peak if caller.measured else None,
                    "versions": versions(),
                    "machine": machine(),
                    "source": caller.source(count, one.names[0]),
                }
    except Exception as error:  # methods of others may raise anything
        return name, i, figures, digest, f"{type(error).__name__}: {error}"
    return name, i, figures, digest, None
