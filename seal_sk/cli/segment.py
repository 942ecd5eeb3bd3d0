"""``seal-sk segment``: segment images into superpixels."""

import traceback
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from .data import add_reading, check_reading, reading_of
from .files import find_images, make_folder, refuse_existing
from .messages import complain, explain, on_terminal, say_note
from .methods import add_method, make_estimator
from .parsing import (
    Commands,
    add_command,
    add_force,
    add_jobs,
    add_n_segments,
    add_output,
    add_quiet,
    add_verbose,
)

if TYPE_CHECKING:
    from ..pipeline import Record

__all__ = ["add_segment"]

_FORMATS = ("png", "tiff", "npy")
_MAX_PNG_SEGMENTS = 2**16

_HELP = """\
Segment images into superpixels, and write one label map per image.

The superpixels follow the affinities of a trained network, by default the
one that comes with the package; other methods (--method) follow colours.
"""

_NOTES = """\
output files, for an image NAME.jpg:
  NAME.png             the label map (--format: .tif, .npy), of the size of
                       the image. Labels start at 0. PNG has 16 bits, npy
                       int32. All TIFFs of a run have one dtype: int32 with
                       --mask, otherwise uint16, or uint32 with
                       --segment-size, --unique-ids or -n above 32768
  NAME_overlay.png     with --overlay: the image with the boundaries drawn
  NAME.csv, .parquet   with --table: one row per superpixel, with its size,
                       position, mean colours, ...
  NAME.geojson, .gpkg  with --polygons: one outline per superpixel, with the
                       columns of the table
A georeference of the image is kept in TIFF files, polygons and tables. Pixels
that the file marks as no data are segmented like the others. With --mask they
are left out: they get label -1, but no polygon and no row, and the -n
superpixels cover the other pixels; an image that is left out as a whole has
no superpixels. Of more than three bands, the first three
are drawn by --overlay.

Existing files are replaced only with --force. After an interruption, the same
command with --skip-existing goes on; it can't know with which options results
were made, so use another folder for other options. With --recursive, the
results lie in the same subfolders as the images. Images are read as they are
stored: an orientation in their EXIF data is not applied. If an image can't be
segmented, it is reported, the others continue, and the exit status is 1. If
the command can't be carried out at all, nothing is written, and the exit
status is 2.

examples:
  seal-sk segment photos -n 300 -o labels
  seal-sk segment 'photos/**/*.jpg' -n 1000 -o labels --overlay --jobs 4
  seal-sk segment photos -o labels --method snic --table csv
  seal-sk segment ortho.tif -n 5000 -o out --bands 4 3 2 --polygons gpkg \\
    --format tiff --mask nodata --value-range 0 3000
  seal-sk segment tiles --recursive --segment-size 400 -o out --skip-existing
"""


def add_segment(commands: Commands) -> None:
    """Add the command to the parser's."""
    segment = add_command(
        commands,
        "segment",
        _segment,
        help="segment images into superpixels",
        description=_HELP,
        epilog=_NOTES,
    )
    segment.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        help="PNG, JPEG or TIFF; a folder of images; or a pattern in quotes, such as "
        "'photos/*.jpg', in which ** stands for any folders",
    )
    add_output(
        segment,
        "DIR",
        "folder for the label maps; created if it is missing",
        required=True,
    )
    add_n_segments(segment)
    segment.add_argument(
        "--format",
        choices=_FORMATS,
        default="png",
        help="format of the label maps (default: %(default)s)",
    )
    segment.add_argument(
        "--overlay",
        action="store_true",
        help="write a copy of the image with the boundaries drawn",
    )
    segment.add_argument(
        "--table", choices=("csv", "parquet"), help="write one row per superpixel"
    )
    segment.add_argument(
        "--polygons",
        choices=("geojson", "gpkg"),
        help="write one outline per superpixel",
    )
    segment.add_argument(
        "--unique-ids",
        action="store_true",
        help="let the labels of an image go on where those of the image before ended; "
        "needs --format tiff or npy",
    )
    reading = segment.add_argument_group("reading")
    add_reading(reading)
    reading.add_argument(
        "--crs",
        metavar="SYSTEM",
        help="reference system, such as EPSG:32633, of images that have a position on "
        "the earth but name no system",
    )
    add_method(segment, default="seal")
    add_jobs(segment, "number of images segmented at a time")
    add_force(segment)
    segment.add_argument(
        "--skip-existing",
        action="store_true",
        help="go on with a run that ended early: leave out images whose results are "
        "all there, and none older than the image",
    )
    add_quiet(segment)
    add_verbose(segment, "one line per image")


def _segment(args: Namespace) -> int:
    _check_options(args)
    _keep_apart(args)
    paths = find_images(args.images, recursive=args.recursive)

    from ..pipeline import check_outputs, segment_files

    formats = {
        "label_format": args.format,
        "overlay": args.overlay,
        "table": args.table,
        "polygons": args.polygons,
        "root": args.images[0] if args.recursive else None,
    }
    outputs = check_outputs(paths, args.output, **formats)
    if not args.skip_existing:
        refuse_existing([path for one in outputs for path in one], args.force)
    estimator = make_estimator(args, masked=args.mask is not None)
    records = segment_files(
        paths,
        estimator,
        args.output,
        **formats,
        **reading_of(args),
        crs=args.crs,
        segment_size=args.segment_size,
        unique_ids=args.unique_ids,
        existing="skip" if args.skip_existing else "replace",
        n_jobs=args.jobs,
    )
    make_folder(args.output)

    from tqdm import tqdm

    n_done = n_skipped = 0
    with tqdm(total=len(paths), unit="image", disable=not on_terminal(args)) as bar:
        for record in records:
            # Not in the middle of the progress bar.
            bar.clear()
            _report(record, args)
            n_done += record.error is None
            n_skipped += record.skipped
            bar.update()
    if not args.quiet or n_done < len(paths):
        more = f", {n_skipped} were there" if n_skipped else ""
        complain(f"segmented {n_done - n_skipped} of {len(paths)} images{more}")
    return 0 if n_done == len(paths) else 1


def _report(record: "Record", args: Namespace) -> None:
    """Print the messages about one image."""
    if not args.quiet:
        for note in record.notes:
            say_note(f"{record.path}: {note}")
    if record.error is not None:
        if args.debug:
            traceback.print_exception(record.error)
        # Most errors name the file, which the message does already.
        failure = explain(record.error).removeprefix(f"{record.path} ")
        complain(f"{record.path}: {failure}")
    elif args.verbose and record.skipped:
        complain(f"{record.path}: there already, {record.outputs.labels}")
    elif args.verbose:
        complain(
            f"{record.path}: {record.n_segments} superpixels, {record.seconds:.2f} s, "
            f"{record.outputs.labels}"
        )


def _check_options(args: Namespace) -> None:
    check_reading(args)
    png = args.format == "png"
    if png and (args.n_segments or 0) > _MAX_PNG_SEGMENTS:
        raise ValueError(
            f"-n {args.n_segments} labels do not fit into the 16 bits of a PNG; add "
            "--format tiff."
        )
    if png and args.unique_ids:
        raise ValueError(
            "The labels of --unique-ids do not fit into the 16 bits of a PNG: add "
            "--format tiff, or --format npy."
        )
    if png and args.mask is not None:
        raise ValueError(
            "PNG has no label for pixels left out by --mask: add --format tiff, or "
            "--format npy."
        )
    if args.skip_existing and args.force:
        raise ValueError(
            "--skip-existing and --force contradict each other: leave out one."
        )
    if args.skip_existing and args.unique_ids:
        raise ValueError(
            "The labels of --unique-ids depend on all images before, so that none can "
            "be skipped: leave out --skip-existing, or --unique-ids."
        )
    if args.crs is not None and args.format != "tiff" and args.polygons is None:
        raise ValueError(
            "--crs is kept in TIFFs and polygons only: add --format tiff or "
            "--polygons, or leave it out."
        )
    if args.recursive and (len(args.images) > 1 or not Path(args.images[0]).is_dir()):
        raise ValueError(
            "--recursive takes one folder, whose subfolders the results have as well: "
            "give only this folder of images."
        )


def _keep_apart(args: Namespace) -> None:
    """Refuse an output folder in which the next run would find label maps as images."""
    output = args.output.resolve()
    for text in args.images:
        if not Path(text).is_dir():
            continue
        folder = Path(text).resolve()
        if output == folder:
            raise ValueError(
                f"-o {args.output} is the folder of the images, and the next run would "
                "take the label maps for images; give another folder."
            )
        if args.recursive and output.is_relative_to(folder):
            raise ValueError(
                f"-o {args.output} is inside the folder of the images, and the next "
                "run with --recursive would take the label maps for images; give a "
                "folder outside."
            )
