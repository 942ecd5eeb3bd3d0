"""Where results go, and which dtype the label maps of a run have."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from numbers import Integral
from pathlib import Path
from typing import Any, Literal

from .._typing import PathLike
from ..io.images import ArgumentNeededError
from ..superpixels.base import SuperpixelTransformer

__all__ = ["LABEL_FORMATS", "Outputs", "Plan", "check_outputs", "dtype_of_run"]

#: Endings of label maps, by format.
LABEL_FORMATS = {"png": ".png", "tiff": ".tif", "npy": ".npy"}

# Superpixels up to which 16 bits are enough, even if an estimator makes more of them
# than requested.
_FEW = 2**15


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


def check_outputs(
    paths: Sequence[PathLike],
    folder: PathLike,
    *,
    label_format: Literal["png", "tiff", "npy"] = "png",
    overlay: bool = False,
    table: Literal["csv", "parquet"] | None = None,
    polygons: Literal["geojson", "gpkg"] | None = None,
    root: PathLike | None = None,
) -> list[Outputs]:
    """Paths that `segment_files` would write, without any work.

    Parameters are those of `segment_files`. ValueError is raised if two results would
    be the same file, or a result would replace one of the images.
    """
    plan = Plan(Path(folder), label_format, overlay, table, polygons, root)
    plan.add_inputs(paths)
    return [plan.outputs(path) for path in paths]


class Plan:
    """Paths of results: all different, and different from the images."""

    def __init__(self, folder, label_format, overlay, table, polygons, root):
        self.folder = folder
        self.root = None if root is None else Path(root).resolve()
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
        place = self.folder_of(item)
        places: Any = {
            kind: None if end is None else place / f"{name}{end}"
            for kind, end in self.ends.items()
        }
        outputs = Outputs(**places)
        for output in outputs:
            if output in self.writers:
                raise ArgumentNeededError(
                    f"{self.writers[output]!r} and {shown!r} would both be written to "
                    f"{str(output)!r}; segment them into different folders, or mirror "
                    "the tree of folders that holds them.",
                    "root",
                )
            if output.resolve() in self.inputs:
                raise ValueError(
                    f"{str(output)!r} is one of the images, and would be replaced "
                    "by a result; give another folder."
                )
        self.writers.update((output, shown) for output in outputs)
        return outputs

    def folder_of(self, item: Any) -> Path:
        """The folder for the results of an image."""
        if self.root is None or isinstance(item, tuple):
            return self.folder
        # Not resolved itself: a link lies where it is, not where it leads.
        parent = Path(item).parent.resolve()
        if not parent.is_relative_to(self.root):
            raise ValueError(
                f"{str(item)!r} is not in {str(self.root)!r}; give a root that holds "
                "all images."
            )
        return self.folder / parent.relative_to(self.root)


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


def dtype_of_run(
    estimator: Any, label_format: str, masked: bool, counted: bool
) -> Literal["uint16", "uint32", "int32"] | None:
    """The dtype of all label maps of a run, for TIFFs.

    It depends on no label map, since those of one run are put together again.

    Parameters
    ----------
    estimator : transformer
    label_format : str
    masked : bool
        Whether pixels are left out, so that the label maps hold -1.
    counted : bool
        Whether the number of labels follows from `n_segments` of the estimator.
    """
    if label_format != "tiff":
        return None
    if masked or not isinstance(estimator, SuperpixelTransformer):
        # Other estimators may leave out pixels on their own.
        return "int32"
    n_segments = estimator.n_segments
    if counted and isinstance(n_segments, Integral) and n_segments <= _FEW:
        return "uint16"
    return "uint32"
