"""The run: every method on every image at every count, from where it was."""

import os
import sys
from pathlib import Path

import joblib
import numpy as np
from filelock import FileLock, Timeout
from joblib import Parallel, delayed
from tqdm import tqdm

from .._validation import check_annotations, check_int
from ..affinity.identity import described
from .measuring import machine, measured, one_thread, versions
from .methods import as_method, find_methods
from .pictures import draw_pictures
from .results import _FORMAT, Results, Store, evenly_spaced
from .scoring import score_label_map

__all__ = ["BenchmarkError", "run_benchmark"]


class BenchmarkError(RuntimeError):
    """Some methods failed on some images; the rest was computed and written."""


def run_benchmark(
    dataset, methods, counts, out, *, n_images=None, n_jobs=1, progress=False
):
    """Score methods on a data set at several counts, and write one tidy table.

    An interrupted run goes on where it was when it is called again: what is written is
    not computed anew, and no file is ever half written. More methods, counts or images
    are added to what is there.

    Parameters
    ----------
    dataset : seal_sk.datasets.Dataset
        Images and annotations.
    methods : dict of str to estimator or LabelMaps, or sequence of str
        By name; a sequence as `find_methods` takes it. Estimators need a parameter
        ``n_segments`` (of a pipeline, of one of its steps) and are not fitted here.
    counts : sequence of int
        Of superpixels, requested from every method.
    out : path-like
        Folder for the results: ``table.parquet`` and ``table.csv``, ``run.json`` with
        what was asked, ``parts/`` with what is done, ``pictures/`` of the images where
        the methods differ most.
    n_images : int, optional
        So many images, evenly spaced over the data set, for a quick look; all by
        default.
    n_jobs : int, default=1
        Processes, as in joblib. Each computes on one thread. Those that run beside
        others slow each other down: for timings take 1.
    progress : bool, default=False
        Show a bar with the time left, on the standard error.

    Returns
    -------
    Results

    Raises
    ------
    ValueError, TypeError, FileNotFoundError
        If a method can't be what is asked for, an image has fewer pixels than a count,
        or `out` holds results on other data.
    BenchmarkError
        If methods failed on some images; the table holds all others, and the same call
        tries those again.

    Notes
    -----
    The table has a row for each image, annotation, method and requested count. Its
    columns: ``dataset``, ``image``, ``annotation``, ``method``, ``requested``; what
    came out, ``n_segments`` (labels) and ``n_regions`` (connected regions); all figures
    of `seal_sk.metrics.evaluate`, and ``thick_boundary_recall`` for the protocol
    stutz2018; ``seconds`` of `transform` on one thread, after a first call that is not
    counted; ``peak_memory`` in MiB, resident memory at its peak over what it was before
    (Linux); ``parameters``, ``versions`` and ``machine``.

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
    counts = sorted({check_int(count, 1, name="a count") for count in counts})
    if not counts:
        raise ValueError("There is no count; give at least one.")
    if not isinstance(methods, dict):
        methods = find_methods(methods)
    if not methods:
        raise ValueError("There is no method; give at least one.")
    for name in methods:
        if not name or name.startswith(".") or set(name) & set("/\\:,"):
            raise ValueError(
                f"{name!r} can't be the name of a method, since a folder is called by "
                "it."
            )
    if n_images is not None:
        n_images = check_int(n_images, 1, name="n_images")
    images = evenly_spaced(len(dataset.images), n_images)
    callers = {name: as_method(method) for name, method in methods.items()}
    for caller in callers.values():
        caller.check(counts, [dataset.names[i] for i in images])

    run = {
        "format": _FORMAT,
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
    out.mkdir(parents=True, exist_ok=True)
    lock = FileLock(out / ".lock")
    try:
        lock.acquire(timeout=0)
    except Timeout:
        raise ValueError(
            f"Another run is writing to {str(out)!r}; wait for it."
        ) from None
    try:
        store = Store(out, run)
        _try_out(
            {name: c for name, c in callers.items() if not store.done(name, images[0])},
            dataset,
            counts,
            images[0],
        )
        failures = _fill(store, dataset, callers, counts, images, n_jobs, progress)
        table = store.write_table()
        results = Results(out, store.run, table)
        if not failures:
            draw_pictures(results, dataset, callers, n_jobs=n_jobs)
    finally:
        lock.release()
        (out / ".lock").unlink(missing_ok=True)
    if failures:
        name, image, error = failures[0]
        raise BenchmarkError(
            f"{len(failures)} of {len(callers) * len(images)} failed and are not in "
            f"the table; the first, {name} on image {image}: {error}"
        )
    return results


def _about(caller):
    """What the run says of a method; two that differ have different fingerprints."""
    about = {
        "parameters": caller.parameters,
        "all_parameters": caller.all_parameters,
    }
    return {**about, "fingerprint": joblib.hash((about, described(caller.state)))}


def _try_out(callers, dataset, counts, first):
    """Let what can't work fail before any work is done."""
    image = dataset.images[first]
    height, width = np.shape(image)[:2]
    if counts[-1] > height * width:
        raise ValueError(
            f"Image {dataset.names[first]} has {height * width} pixels, fewer than the "
            f"{counts[-1]} superpixels asked for."
        )
    annotations = check_annotations(dataset.annotations[first], (height, width))
    for name, caller in callers.items():
        try:
            caller.segment(image, annotations, counts[0], dataset.names[first])
        except Exception as error:  # of a method that may not be ours
            raise ValueError(
                f"The method {name!r} fails on image {dataset.names[first]}: "
                f"{type(error).__name__}: {error}"
            ) from error


def _fill(store, dataset, callers, counts, images, n_jobs, progress):
    """Compute what is not there yet; return what failed."""
    tasks = []
    for i in images:
        for name, caller in callers.items():
            missing = [c for c in counts if c not in store.done(name, i)]
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
        # Images are the outer loop, so that the time left can be told.
        workers = Parallel(n_jobs=n_jobs, return_as="generator_unordered", batch_size=1)
        for name, i, figures, error in workers(run):
            if figures:
                store.add(name, i, figures)
            if error is not None:
                failures.append((name, dataset.names[i], error))
            bar.update()
    return sorted(failures)


# Methods that this process has called.
_warm = set()


def _unit(name, caller, i, counts, one):
    """Figures of one method on one image, by count; and what went wrong."""
    figures = {}
    try:
        with one_thread():
            image = one.images[0]
            shape = np.shape(image)[:2]
            annotations = check_annotations(one.annotations[0], shape)
            if (key := (os.getpid(), caller.parameters)) not in _warm:
                # Libraries load and buffers grow in the first call.
                caller.segment(image, annotations, min(counts), one.names[0])
                _warm.add(key)
            for count in counts:
                labels, seconds, peak = measured(
                    caller.segment, image, annotations, count, one.names[0]
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
                }
    except Exception as error:  # of a method that isn't ours
        return name, i, figures, f"{type(error).__name__}: {error}"
    return name, i, figures, None
