"""``seal-sk segment``: images to label maps."""

import time
import traceback
from argparse import Namespace
from collections.abc import Iterator
from dataclasses import dataclass, fields
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any

from .files import find_images, make_folder, refuse_existing
from .messages import complain, explain, on_terminal
from .methods import add_method, batch_size, make_estimator, segment_each
from .parsing import (
    Commands,
    add_command,
    add_force,
    add_jobs,
    add_n_segments,
    add_output,
    add_quiet,
    add_verbose,
    count,
    real,
)

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from ..export import Georeference

__all__ = ["add_segment"]

_SUFFIXES = {"png": ".png", "tiff": ".tif", "npy": ".npy"}
_MAX_PNG_SEGMENTS = 2**16

_HELP = """\
Cut images into superpixels, and write a label map for each.

The superpixels follow the affinities of a trained network, by default the
one that comes with the package; other methods (--method) follow colours.
"""

_NOTES = """\
what is written, for an image NAME.jpg:
  NAME.png             the label map (--format: .tif, .npy), of the image's
                       size: labels from 0, in 16 bits; in TIFF in 32 where
                       there are more than 65536, in npy as int32
  NAME_overlay.png     with --overlay, the image with the boundaries drawn
  NAME.csv, .parquet   with --table, a row for each superpixel: size, place,
                       mean colours, ...
  NAME.geojson, .gpkg  with --polygons, an outline for each superpixel, and
                       the columns of the table
A georeference of the image is kept in TIFF, polygons and tables. What the file
marks as no data is segmented like the rest, unless --mask leaves it out: label
-1, no polygon, no row; -n superpixels are within the rest.

Nothing is written over what is there, unless --force says so. Images are
taken as they are stored: an orientation in their EXIF data is not applied. An
image that can't be segmented is reported, and the others go on; the exit
status is then 1. It is 2, and nothing is written, when the command can't be
carried out at all.

examples:
  seal-sk segment photos -n 300 -o labels
  seal-sk segment 'photos/**/*.jpg' -n 1000 -o labels --overlay --jobs 4
  seal-sk segment photos -o labels --method snic --table csv
  seal-sk segment ortho.tif -n 5000 -o out --bands 4 3 2 --polygons gpkg \\
    --format tiff --mask nodata --value-range 0 3000
"""


def add_segment(commands: Commands) -> None:
    """Add the command to the parser's."""
    segment = add_command(
        commands,
        "segment",
        _segment,
        help="cut images into superpixels",
        description=_HELP,
        epilog=_NOTES,
    )
    segment.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="PNG, JPEG or TIFF, grey or RGB; a folder: the images in it; or a pattern "
        "in quotes, as in 'photos/*.jpg', in which ** stands for any folders",
    )
    add_output(
        segment,
        "DIR",
        "folder for the label maps; made if it is not there",
        required=True,
    )
    add_n_segments(segment, default=300)
    segment.add_argument(
        "--format",
        choices=_SUFFIXES,
        default="png",
        help="of the label maps (default: %(default)s)",
    )
    segment.add_argument(
        "--overlay", action="store_true", help="draw the boundaries into the image"
    )
    segment.add_argument(
        "--table", choices=("csv", "parquet"), help="write a row for each superpixel"
    )
    segment.add_argument(
        "--polygons",
        choices=("geojson", "gpkg"),
        help="write an outline for each superpixel",
    )
    segment.add_argument(
        "--bands",
        type=count,
        nargs="+",
        metavar="BAND",
        help="of an image of several bands the three to take as red, green and blue, "
        "or one; counted from 1; give the images first",
    )
    segment.add_argument(
        "--drop-alpha",
        action="store_true",
        help="leave out the alpha channel of images that have one",
    )
    segment.add_argument(
        "--mask",
        choices=("nodata", "alpha"),
        help="leave out the pixels that a TIFF declares to be no data, or those of "
        "alpha 0; needs --format tiff or npy",
    )
    segment.add_argument(
        "--value-range",
        type=real,
        nargs=2,
        metavar=("BLACK", "WHITE"),
        help="stored values that are black and white, as 0 4095 of 12 bits in 16",
    )
    add_method(segment, default="seal")
    add_jobs(segment, "images segmented at a time")
    add_force(segment)
    add_quiet(segment)
    add_verbose(segment, "a line for each image")


@dataclass(frozen=True)
class _Outputs:
    """Where the results of one image go; None where they are not asked for."""

    labels: Path
    overlay: Path | None
    table: Path | None
    polygons: Path | None

    def __iter__(self) -> Iterator[Path]:
        """Those that are asked for."""
        places = (getattr(self, field.name) for field in fields(self))
        return (path for path in places if path is not None)


def _segment(args: Namespace) -> int:
    _check_options(args)
    _keep_apart(args)
    paths = find_images(args.images)
    outputs = _plan_outputs(paths, args)
    refuse_existing([path for one in outputs.values() for path in one], args.force)
    estimator = make_estimator(args, args.n_segments, masked=args.mask is not None)
    _try_writers(args)
    make_folder(args.output)

    from tqdm import tqdm

    step = batch_size(args.jobs)
    n_done = 0
    with tqdm(total=len(paths), unit="image", disable=not on_terminal(args)) as bar:
        for start in range(0, len(paths), step):
            batch = paths[start : start + step]
            for path, failure in _segment_batch(batch, estimator, outputs, args, bar):
                if failure is None:
                    n_done += 1
                else:
                    _say(bar, f"{path}: {failure}")
                bar.update()
    if not args.quiet or n_done < len(paths):
        complain(f"segmented {n_done} of {len(paths)} images")
    return 0 if n_done == len(paths) else 1


def _check_options(args: Namespace) -> None:
    if args.format == "png" and args.n_segments > _MAX_PNG_SEGMENTS:
        raise ValueError(
            f"-n {args.n_segments} labels do not fit into the 16 bits of a PNG; add "
            "--format tiff."
        )
    if args.bands is not None and len(args.bands) not in (1, 3):
        raise ValueError(
            f"--bands takes three bands (red, green, blue) or one, not "
            f"{len(args.bands)}."
        )
    if args.bands is not None and args.drop_alpha:
        raise ValueError("--bands leaves out alpha already: leave out --drop-alpha.")
    if args.mask is not None and args.format == "png":
        raise ValueError(
            "PNG has no number for pixels that are left out by --mask: add --format "
            "tiff, or npy."
        )
    if args.mask is not None and args.drop_alpha:
        raise ValueError("--mask leaves out alpha already: leave out --drop-alpha.")


def _keep_apart(args: Namespace) -> None:
    """Refuse results among the images, which the next run would take for images."""
    for text in args.images:
        if Path(text).is_dir() and Path(text).resolve() == args.output.resolve():
            raise ValueError(
                f"-o {args.output} is the folder of the images, and label maps in it "
                "would be taken for images the next time; give another folder."
            )


def _say(bar: Any, text: str) -> None:
    """Say something without breaking the progress bar."""
    bar.clear()
    complain(text)


def _plan_outputs(paths: list[Path], args: Namespace) -> dict[Path, _Outputs]:
    """Where the results of each image go; no two are the same."""
    outputs = {}
    writers: dict[Path, Path] = {}  # output -> the image that it comes from
    inputs = {path.resolve() for path in paths}
    for path in paths:
        base = args.output / path.stem
        outputs[path] = _Outputs(
            labels=_with_end(base, _SUFFIXES[args.format]),
            overlay=_with_end(base, "_overlay.png") if args.overlay else None,
            table=_with_end(base, f".{args.table}") if args.table else None,
            polygons=_with_end(base, f".{args.polygons}") if args.polygons else None,
        )
        for output in outputs[path]:
            if output in writers:
                raise ValueError(
                    f"{str(writers[output])!r} and {str(path)!r} would both be written "
                    f"to {str(output)!r}; segment them into different folders."
                )
            if output.resolve() in inputs:
                raise ValueError(
                    f"{str(output)!r} is one of the images, and would be replaced by "
                    "a result; give another folder with -o."
                )
            writers[output] = path
    return outputs


def _with_end(path: Path, end: str) -> Path:
    return path.with_name(f"{path.name}{end}")


def _try_writers(args: Namespace) -> None:
    """Write a small table and polygons, since that takes packages of their own."""
    import numpy as np

    labels = np.zeros((2, 2), dtype=np.int32)
    with TemporaryDirectory() as folder:
        _write_shapes(
            Path(folder, f"try.{args.table}") if args.table else None,
            Path(folder, f"try.{args.polygons}") if args.polygons else None,
            np.zeros((2, 2, 3), dtype=np.uint8),
            labels,
            None,
        )


def _segment_batch(
    paths: list[Path],
    estimator: Any,
    outputs: dict[Path, _Outputs],
    args: Namespace,
    bar: Any,
) -> Iterator[tuple[Path, str | None]]:
    """Segment images and write the results; yield (path, what failed or None)."""
    began = time.monotonic()
    images: list[Any] = []
    masks: list[Any] = []
    places: list[Any] = []
    for path in paths:
        place: Any = None
        image: Any = None
        mask: Any = None
        try:
            # Here, so that no image is cut for nothing where it can't be read.
            place = _read_place(path, outputs[path])
            image, mask = _read_image(path, args, bar)
        except Exception as error:
            image = error
        places.append(place)
        images.append(image)
        masks.append(mask)
    label_maps = segment_each(estimator, images, masks)
    seconds = (time.monotonic() - began) / len(paths)
    for path, image, place, labels in zip(
        paths, images, places, label_maps, strict=True
    ):
        try:
            if isinstance(labels, Exception):
                raise labels
            _write(outputs[path], image, labels, place)
        except Exception as error:
            # The path is said by the caller.
            yield path, _failure(error, args).removeprefix(f"{path} ")
        else:
            if args.verbose:
                n_segments = labels.max() + 1
                file = outputs[path].labels
                _say(bar, f"{path}: {n_segments} superpixels, {seconds:.2f} s, {file}")
            yield path, None


def _failure(error: Exception, args: Namespace) -> str:
    if args.debug:
        traceback.print_exception(error)
    return explain(error)


def _read_image(
    path: Path, args: Namespace, bar: Any
) -> "tuple[NDArray[Any], NDArray[np.bool_] | None]":
    """One grey or RGB image, and where it is to be cut if not everywhere."""
    from ..datasets.images import read_image, read_masked_image

    options = {"bands": args.bands, "value_range": args.value_range}
    mask = None
    if args.mask is None:
        image = read_image(path, drop_alpha=args.drop_alpha, **options)
    else:
        image, mask = read_masked_image(path, args.mask, **options)
    if args.quiet:
        return image, mask
    note = _note_of_darkness(image if mask is None else image[mask])
    if note is not None and args.value_range is None:
        _say(bar, f"note: {path}: {note}")
    with path.open("rb") as file:
        head = file.read(26)
    # Bit depth and colour type of a PNG; its decoder has no colours of 16 bits.
    if head[:4] == b"\x89PNG" and head[24] == 16 and head[25] != 0:
        _say(bar, f"note: {path}: 16-bit colours are read as 8 in PNG, not in TIFF")
    return image, mask


def _note_of_darkness(image: "NDArray[Any]") -> str | None:
    """What is to say of sensors that leave most of the range of a dtype unused."""
    import numpy as np

    if image.dtype == np.uint8:
        return None
    white = np.iinfo(image.dtype).max if image.dtype.kind == "u" else 1
    # A few bright pixels, such as clouds, don't make up for the others.
    high = np.percentile(image, 99)
    if not 0 < high < white / 8:
        return None
    return (
        f"99 % of the values are at most {high:.6g} of {white}, nearly black, and "
        "borders may be missed; say which are black and white with --value-range"
    )


def _read_place(path: Path, outputs: _Outputs) -> "Georeference | None":
    """Where an image lies, if that goes into a result."""
    from ..export import read_georeference

    kept = outputs.labels.suffix == ".tif"
    wanted = kept or outputs.table is not None or outputs.polygons is not None
    return read_georeference(path) if wanted else None


def _write(
    outputs: _Outputs,
    image: "NDArray[Any]",
    labels: "NDArray[np.int32]",
    georeference: "Georeference | None",
) -> None:
    from ..export import write_label_map

    kept = outputs.labels.suffix == ".tif"
    # The label map comes last: where it is, the rest is as well.
    if outputs.overlay is not None:
        _write_overlay(outputs.overlay, image, labels)
    _write_shapes(outputs.table, outputs.polygons, image, labels, georeference)
    write_label_map(outputs.labels, labels, georeference=georeference if kept else None)


def _write_shapes(
    table_file: Path | None,
    polygon_file: Path | None,
    image: "NDArray[Any]",
    labels: "NDArray[np.int32]",
    georeference: "Georeference | None",
) -> None:
    if table_file is None and polygon_file is None:
        return
    from ..export import superpixel_table, write_polygons, write_table

    table = superpixel_table(image, labels, georeference=georeference)
    if table_file is not None:
        write_table(table_file, table)
    if polygon_file is not None:
        write_polygons(polygon_file, labels, table=table, georeference=georeference)


def _write_overlay(path, image, labels):
    import imageio.v3 as iio

    from .._files import replace_file
    from ..plotting import draw_boundaries

    drawing = draw_boundaries(image, labels)
    replace_file(path, iio.imwrite("<bytes>", drawing, extension=".png"))
