"""``seal-sk evaluate``: score label maps, or one method."""

import csv
import json
import traceback
from argparse import Namespace
from collections.abc import Iterator
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING, Any, TypeAlias

from .data import add_data, load_data
from .files import check_output
from .messages import complain, explain, on_terminal
from .methods import (
    add_method,
    given_options,
    make_estimator,
)
from .parsing import (
    Commands,
    add_command,
    add_force,
    add_jobs,
    add_n_segments,
    add_output,
    add_quiet,
    add_verbose,
    file_or_folder,
    whole,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from ..datasets import Dataset

__all__ = ["add_evaluate"]

# The name of an image, and its scores by name.
_Row: TypeAlias = dict[str, Any]

_HELP = """\
Score existing label maps, or those of one method, against the annotations of
a data set. To compare several methods at several counts, use seal-sk bench.
"""

_NOTES = """\
The protocol is that of Tu et al. (CVPR 2018), tu2018 in seal-sk report:
boundaries are one pixel thick. Scores against ground truth (ASA, BR, BP, UE)
are means over all pairs of an image and an annotation; the others (CD, EV,
CO) are means over images.
  ASA  achievable segmentation accuracy
  BR   boundary recall
  CD   contour density
  BP   boundary precision
  UE   corrected undersegmentation error
  EV   explained variation
  CO   compactness
Higher is better, except for UE. Longer contours find more boundaries: compare
BR at equal CD; at equal BR, lower CD is better. --out writes all scores of
seal_sk.metrics.evaluate: for each image, the means over its annotations.

Label maps have the names of the images: NAME.png, .tif, .npy, .mat or .csv;
with --recursive they lie in the same subfolders. Pixels left out of a label
map (labels below 0) must be ignored by the annotations, by --ignore-label or
because of the same --mask as in seal-sk segment; otherwise they are an error.
Images whose label maps can't be scored are reported and left out of the
means; the exit status is then 1. An image of which the annotations ignore
every pixel has no scores, and changes nothing.

examples:
  seal-sk evaluate labels --data photos
  seal-sk evaluate labels --data bsds500 -v --out scores.csv
  seal-sk evaluate --weights net.safetensors -n 300 --data photos
  seal-sk evaluate --method slic -n 40 --data scenes
  seal-sk evaluate out --data tiles --mask nodata --recursive
"""

# Columns of the table.
_COLUMNS = (
    "asa",
    "boundary_recall",
    "contour_density",
    "boundary_precision",
    "corrected_undersegmentation_error",
    "explained_variation",
    "compactness",
)


def add_evaluate(commands: Commands) -> None:
    """Add the command to the parser's."""
    evaluate = add_command(
        commands,
        "evaluate",
        _evaluate,
        help="score label maps or a method against ground truth",
        description=_HELP,
        epilog=_NOTES,
    )
    evaluate.add_argument(
        "labels",
        nargs="?",
        type=file_or_folder,
        metavar="DIR",
        help="folder of label maps; alternatively, give --method or --weights",
    )
    data = add_data(
        evaluate, subset="test of bsds500, val of cityscapes, all of others"
    )
    data.add_argument(
        "--tolerance",
        type=whole,
        metavar="PIXELS",
        help="tolerance of boundary scores (default: the data set's, 1 for a folder)",
    )
    add_method(evaluate, default="seal, with --weights")
    add_n_segments(evaluate)
    add_output(evaluate, "FILE", "file for all scores, .csv or .json")
    add_jobs(evaluate, "number of images segmented at a time")
    add_force(evaluate)
    add_quiet(evaluate)
    add_verbose(evaluate, "one row of the table per image")


def _evaluate(args: Namespace) -> int:
    given = given_options(args)
    if args.labels is None and not {"--method", "--weights"} & set(given):
        raise ValueError(
            "There is nothing to score: give a folder of label maps, --method or "
            "--weights."
        )
    for option, name in (("-n", "n_segments"), ("--segment-size", "segment_size")):
        if args.labels is not None and getattr(args, name) is not None:
            given.append(option)
    if args.labels is not None and given:
        raise ValueError(
            f"The label maps to score are in {str(args.labels)!r}: leave out "
            f"{', '.join(given)}."
        )
    if args.output is not None:
        check_output(args.output, (".csv", ".json"), args.force)

    from ..io.label_maps import find_label_maps
    from ..metrics.pairs import mean_of_rows
    from ..pipeline import segment_images
    from ..pipeline.segmenting import bands_of

    label_maps: Iterator[Any]
    if args.labels is not None:
        dataset = load_data(args)
        label_maps = _read_each(find_label_maps(args.labels, dataset.names))
    else:
        estimator = make_estimator(args, masked=args.mask is not None)
        dataset = load_data(args, n_bands=bands_of(estimator))
        label_maps = segment_images(
            estimator,
            dataset.images,
            mask=dataset.masks,
            segment_size=args.segment_size,
            n_jobs=args.jobs,
        )
    rows, n_blank = _score_each(dataset, label_maps, args)
    n_wanted = len(dataset.images) - n_blank
    if not n_wanted:
        raise ValueError(
            "There is nothing to score: every pixel of every annotation is ignored."
        )
    if not rows:
        complain("error: none of the label maps could be scored.")
        return 2
    mean = mean_of_rows(rows, [name for name in rows[0] if name != "image"])
    if args.output is not None:
        _write(args.output, dataset, rows, mean)
    _print_table(rows, mean, args.verbose)
    if not args.quiet or len(rows) < n_wanted:
        have = "has" if n_blank == 1 else "have"
        more = f", {n_blank} {have} no pixel that counts" if n_blank else ""
        complain(f"scored {len(rows)} of {len(dataset.images)} images{more}")
    return 0 if len(rows) == n_wanted else 1


def _read_each(files: list[Path]) -> Iterator[Any]:
    """Yield each label map, or the error that it raised."""
    from ..io.label_maps import read_label_map

    for path in files:
        try:
            labels = read_label_map(path)
        except Exception as error:
            yield error
        else:
            yield labels


def _score_each(
    dataset: "Dataset", label_maps: Iterator[Any], args: Namespace
) -> tuple[list[_Row], int]:
    """All scores of each image that can be scored; the others are reported.

    Also the number of images whose ground truth is ignored everywhere, which have no
    scores.
    """
    from tqdm import tqdm

    rows, n_blank = [], 0
    total = len(dataset.images)
    with tqdm(total=total, unit="image", disable=not on_terminal(args)) as bar:
        for i, labels in enumerate(label_maps):
            try:
                if isinstance(labels, Exception):
                    raise labels
                annotations = _annotations_that_count(dataset, i)
                if annotations:
                    scores = _score(dataset, i, labels, annotations)
                    rows.append({"image": dataset.names[i], **scores})
                else:
                    n_blank += 1
            except Exception as error:
                if args.debug:
                    traceback.print_exception(error)
                bar.clear()
                complain(f"{dataset.names[i]}: {explain(error)}")
            bar.update()
    return rows, n_blank


def _annotations_that_count(dataset: "Dataset", i: int) -> list[Any]:
    """Annotations of an image in which not every pixel is ignored."""
    from ..metrics.maps import counts_somewhere

    found: Any = dataset.annotations[i]
    annotations = found if isinstance(found, list) else [found]
    return [
        one for one in annotations if counts_somewhere(one, None, dataset.ignore_label)
    ]


def _score(
    dataset: "Dataset", i: int, labels: "NDArray[Any]", annotations: list[Any]
) -> _Row:
    """Scores of one label map; arrays over the annotations where these matter."""
    from ..metrics.scoring import evaluate_label_map

    image: Any = dataset.images[i]
    scores, _ = evaluate_label_map(
        labels,
        image,
        annotations,
        tolerance=dataset.tolerance,
        ignore_label=dataset.ignore_label,
    )
    return scores


def _plain(row: _Row) -> _Row:
    """A row with means over the annotations in place of arrays."""
    import numpy as np

    return {
        name: value if isinstance(value, (str, int)) else float(np.mean(value))
        for name, value in row.items()
    }


def _write(
    path: Path, dataset: "Dataset", rows: list[_Row], mean: dict[str, float]
) -> None:
    from .._files import replace_file

    plain = [_plain(row) for row in rows]
    if path.suffix.lower() == ".csv":
        text = StringIO()
        writer = csv.DictWriter(text, plain[0], lineterminator="\n")
        writer.writeheader()
        writer.writerows(plain)
        content = text.getvalue()
    else:
        content = json.dumps(
            {
                "data": dataset.name,
                "protocol": "tu2018",
                "tolerance": dataset.tolerance,
                "mean": mean,
                "images": plain,
            },
            indent=1,
        )
        content += "\n"
    replace_file(path, content.encode("utf-8", "backslashreplace"))


def _print_table(rows: list[_Row], mean: dict[str, float], verbose: bool) -> None:
    from ..metrics.catalogue import METRICS

    shown = [_plain(row) for row in rows] if verbose else []
    shown.append({"image": "mean", **mean})
    width = max(len(row["image"]) for row in shown)
    heads = "  ".join(f"{METRICS[name].abbreviation:>6}" for name in _COLUMNS)
    print(f"{'image':{max(5, width)}}  superpixels  {heads}")
    for row in shown:
        scores = "  ".join(f"{row[name]:6.4f}" for name in _COLUMNS)
        print(f"{row['image']:{max(5, width)}}  {row['n_segments']:11.1f}  {scores}")
