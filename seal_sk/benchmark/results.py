"""A folder of results: the run, one file per image and method, and one table."""

from __future__ import annotations

import json
import os
import zlib
from dataclasses import dataclass
from io import BytesIO
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd

from .._files import clear_parts, replace_file
from .._typing import PathLike

__all__ = ["FORMAT", "Results", "Store", "evenly_spaced", "read_results"]

_RUN = "run.json"
_TABLE = "table.parquet"
_CSV = "table.csv"
FORMAT = 2

# Columns of text with the same value in many rows.
_REPEATED = ("dataset", "image", "method", "parameters", "versions", "machine")


@dataclass
class Results:
    """Results of a benchmark, as `read_results` returns them.

    Parameters
    ----------
    folder : Path
        Folder of the results.
    run : dict
        Description of the run: the data set, its images, the methods with all their
        parameters, and the counts.
    table : DataFrame
        One row per image, annotation, method and requested count, with the columns
        listed in `run_benchmark`.

    Examples
    --------
    >>> import tempfile
    >>> from seal_sk.benchmark import run_benchmark
    >>> from seal_sk.datasets import Dataset, make_scenes
    >>> scenes = Dataset("scenes", *make_scenes(2, shape=(48, 48), random_state=0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     results = run_benchmark(scenes, ["ers", "fh"], [10, 20], folder)
    >>> results.methods, len(results.table)
    (['ers', 'fh'], 8)
    """

    folder: Path
    run: dict[str, Any]
    table: pd.DataFrame

    @property
    def methods(self) -> list[str]:
        """Names of the methods, in the order of the run."""
        return [m for m in self.run["methods"] if m in set(self.table["method"])]


def read_results(folder: PathLike) -> Results:
    """Read the results in a folder of `run_benchmark`.

    Parameters
    ----------
    folder : path-like
        The argument `out` of `run_benchmark`.

    Returns
    -------
    Results
        The description of the run, and the table.

    Raises
    ------
    FileNotFoundError
        If the folder has no results.
    ValueError
        If a file is damaged.

    Examples
    --------
    >>> import tempfile
    >>> from seal_sk.benchmark import read_results, run_benchmark
    >>> from seal_sk.datasets import Dataset, make_scenes
    >>> scenes = Dataset("scenes", *make_scenes(2, shape=(48, 48), random_state=0))
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     _ = run_benchmark(scenes, ["ers"], [10], folder)
    ...     results = read_results(folder)
    >>> results.run["counts"]
    [10]
    """
    folder = Path(folder)
    run = _read_json(folder / _RUN)
    if run is None or not (folder / _TABLE).is_file():
        raise FileNotFoundError(
            f"There are no results in {str(folder)!r}: {_RUN} or {_TABLE} of seal-sk "
            "bench is missing."
        )
    if not {"dataset", "methods", "counts"} <= set(run):
        raise ValueError(f"{folder / _RUN} was not written by seal-sk bench.")
    try:
        table = pd.read_parquet(folder / _TABLE)
    except Exception as error:  # readers raise various errors on damaged files
        raise ValueError(
            f"{folder / _TABLE} can't be read ({type(error).__name__}: {error}); run "
            "the same seal-sk bench again to write it."
        ) from error
    return Results(folder, run, table)


class Store:
    """The folder of results during a benchmark.

    Nothing is written before `begin`.

    Parameters
    ----------
    folder : Path
    run : dict
        Description of the run. Existing results must be of the same data set, and
        methods with the same name must be the same; other methods, counts and images
        are added.

    Raises
    ------
    ValueError
        If the folder has other results.
    """

    def __init__(self, folder: Path, run: dict[str, Any]) -> None:
        self.folder = folder
        before = _read_json(folder / _RUN)
        if before is not None:
            run = self._joined(before, run)
        elif folder.is_dir() and any(folder.glob("[!.]*")):
            raise ValueError(
                f"{str(folder)!r} holds other files and no {_RUN}; give an empty or "
                "new folder."
            )
        self.run = run

    def begin(self) -> None:
        """Create the folder, and write the description of the run."""
        self.folder.mkdir(parents=True, exist_ok=True)
        self._write(_RUN, json.dumps(self.run, indent=1))
        (self.folder / "parts").mkdir(exist_ok=True)
        # Not all of these folders are written to again.
        for place, _, _ in os.walk(self.folder):
            clear_parts(Path(place))

    def _joined(self, before, run):
        def refuse(what):
            raise ValueError(
                f"{str(self.folder)!r} holds results of {what} give another folder for "
                "these."
            )

        if before.get("format") != FORMAT:
            refuse(f"another version (format {before.get('format')});")
        if before["dataset"] != run["dataset"]:
            refuse(
                f"other data: {_brief(before['dataset'])} instead of "
                f"{_brief(run['dataset'])};"
            )
        for name, method in run["methods"].items():
            known = before["methods"].get(name, method)
            if known["fingerprint"] != method["fingerprint"]:
                refuse(
                    f"another method {name!r} ({known['parameters']}); call this one "
                    f"OTHER={name}, or"
                )
        return {
            **run,
            "methods": {**before["methods"], **run["methods"]},
            "counts": sorted({*before["counts"], *run["counts"]}),
            "images": sorted({*before["images"], *run["images"]}),
        }

    def part(self, method: str, image: int) -> Path:
        """Path of the scores of one method on one image."""
        return self.folder / "parts" / method / f"{image:06d}.json"

    def picture(self, method: str, image: int, count: int) -> Path:
        """Path of the boundaries of one label map, if they are drawn."""
        return self.folder / "pictures" / f"{image:06d}" / f"{method}-{count}.png"

    def done(self, method, image):
        """Existing scores by count, and the digest of the image and annotations."""
        path = self.part(method, image)
        part = _read_json(path)
        if part is None:
            return {}, None
        # Parts of earlier versions have no checksum.
        if not {"counts", "data"} <= set(part) or (
            "checksum" in part and part["checksum"] != _checksum(part["counts"])
        ):
            raise ValueError(f"{path} is damaged; {_remedy(path)}.")
        return part["counts"], part["data"]

    def add(self, method, image, figures, data):
        """Write the scores of more counts, and remove outdated drawings."""
        path = self.part(method, image)
        path.parent.mkdir(parents=True, exist_ok=True)
        for count in figures:
            self.picture(method, image, count).unlink(missing_ok=True)
        figures = {**self.done(method, image)[0], **figures}
        part = {"data": data, "counts": figures, "checksum": _checksum(figures)}
        replace_file(path, json.dumps(part).encode())

    def has_any(self) -> bool:
        """Whether there are any scores yet."""
        return any(self.folder.glob("parts/*/*.json"))

    def write_table(self) -> pd.DataFrame:
        """Join the parts to one table, and write it as Parquet and CSV.

        Returns
        -------
        DataFrame
        """
        table = pd.DataFrame(list(self._rows()))
        for name in _REPEATED:
            table[name] = table[name].astype("category")
        self._write(_CSV, table.to_csv(index=False))
        buffer = BytesIO()
        table.to_parquet(buffer, index=False, compression="zstd")
        replace_file(self.folder / _TABLE, buffer.getvalue())
        return table

    def _rows(self):
        dataset = self.run["dataset"]
        for method, about in self.run["methods"].items():
            for image in self.run["images"]:
                figures, _ = self.done(method, image)
                for count in self.run["counts"]:
                    if str(count) not in figures:
                        continue
                    found = dict(figures[str(count)])
                    del found["source"]
                    for i in range(len(found["annotation"])):
                        yield {
                            "dataset": dataset["name"],
                            "image": dataset["names"][image],
                            "method": method,
                            "requested": count,
                            **{
                                name: value[i] if isinstance(value, list) else value
                                for name, value in found.items()
                            },
                            "parameters": about["parameters"],
                        }

    def _write(self, name, text):
        replace_file(self.folder / name, text.encode())


def _read_json(path):
    """Contents of a file; None if there is none."""
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return None
    except (ValueError, OSError) as error:
        raise ValueError(f"{path} can't be read ({error}); {_remedy(path)}.") from error
    if not isinstance(content, dict):
        raise ValueError(f"{path} is damaged; {_remedy(path)}.")
    return content


def _remedy(path):
    if path.name == _RUN:
        return "run the benchmark in another folder"
    return "remove it to compute it again"


def _checksum(figures):
    """A number that tells damage: JSON gives back the same numbers and order."""
    return zlib.crc32(json.dumps(figures).encode())


def _brief(dataset):
    return (
        f"{dataset['name']} ({len(dataset['names'])} images, tolerance "
        f"{dataset['tolerance']}, ignore label {dataset['ignore_label']})"
    )


def evenly_spaced(n: int, n_chosen: int | None) -> list[int]:
    """`n_chosen` of n positions, evenly spaced, starting with the first."""
    if n_chosen is None or n_chosen >= n:
        return list(range(n))
    return sorted({int(i) for i in np.arange(n_chosen) * n // n_chosen})
