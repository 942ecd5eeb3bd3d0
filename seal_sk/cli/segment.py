"""``seal-sk segment``: segment images into superpixels."""

import traceback
from argparse import Namespace
from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

from .files import find_images, make_folder, refuse_existing
from .messages import complain, explain, on_terminal
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
    count,
    real,
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
                       the image. Labels start at 0. PNG has 16 bits; TIFF
                       has 32 where there are more than 65536 labels; npy
                       has int32
  NAME_overlay.png     with --overlay: the image with the boundaries drawn
  NAME.csv, .parquet   with --table: one row per superpixel, with its size,
                       position, mean colours, ...
  NAME.geojson, .gpkg  with --polygons: one outline per superpixel, with the
                       columns of the table
A georeference of the image is kept in TIFF files, polygons and tables. Pixels
that the file marks as no data are segmented like the others. With --mask they
are left out: they get label -1, but no polygon and no row, and the -n
superpixels cover the other pixels.

Existing files are replaced only with --force. Images are read as they are
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
        help="PNG, JPEG or TIFF, grey or RGB; a folder of images; or a pattern in "
        "quotes, such as 'photos/*.jpg', in which ** stands for any folders",
    )
    add_output(
        segment,
        "DIR",
        "folder for the label maps; created if it is missing",
        required=True,
    )
    add_n_segments(segment, default=300)
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
        "--bands",
        type=count,
        nargs="+",
        metavar="BAND",
        help="bands of the image to use as red, green and blue, or one band, counted "
        "from 1; give the images first",
    )
    segment.add_argument(
        "--drop-alpha",
        action="store_true",
        help="leave out the alpha channel of images that have one",
    )
    segment.add_argument(
        "--mask",
        choices=("nodata", "alpha"),
        help="leave out the pixels that a TIFF declares to be no data, or those with "
        "alpha 0; needs --format tiff or npy",
    )
    segment.add_argument(
        "--value-range",
        type=real,
        nargs=2,
        metavar=("BLACK", "WHITE"),
        help="stored values of black and white, such as 0 4095 for 12 bits in 16",
    )
    add_method(segment, default="seal")
    add_jobs(segment, "number of images segmented at a time")
    add_force(segment)
    add_quiet(segment)
    add_verbose(segment, "one line per image")


def _segment(args: Namespace) -> int:
    _check_options(args)
    _keep_apart(args)
    paths = find_images(args.images)

    from ..pipeline import check_outputs, segment_files

    formats = {
        "label_format": args.format,
        "overlay": args.overlay,
        "table": args.table,
        "polygons": args.polygons,
    }
    outputs = check_outputs(paths, args.output, **formats)
    refuse_existing([path for one in outputs for path in one], args.force)
    estimator = make_estimator(args, args.n_segments, masked=args.mask is not None)
    records = segment_files(
        paths,
        estimator,
        args.output,
        **formats,
        bands=args.bands,
        drop_alpha=args.drop_alpha,
        mask=args.mask,
        value_range=args.value_range,
        existing="replace",
        n_jobs=args.jobs,
    )
    make_folder(args.output)

    from tqdm import tqdm

    n_done = 0
    with tqdm(total=len(paths), unit="image", disable=not on_terminal(args)) as bar:
        for record in records:
            for text in _sentences(record, args):
                # Not in the middle of the progress bar.
                bar.clear()
                complain(text)
            n_done += record.error is None
            bar.update()
    if not args.quiet or n_done < len(paths):
        complain(f"segmented {n_done} of {len(paths)} images")
    return 0 if n_done == len(paths) else 1


def _sentences(record: "Record", args: Namespace) -> Iterator[str]:
    """Messages about one image."""
    if not args.quiet:
        for note in record.notes:
            yield f"note: {record.path}: {note.replace('value_range', '--value-range')}"
    if record.error is not None:
        if args.debug:
            traceback.print_exception(record.error)
        # Most errors name the file, which the message does already.
        failure = explain(record.error).removeprefix(f"{record.path} ")
        yield f"{record.path}: {failure}"
    elif args.verbose:
        yield (
            f"{record.path}: {record.n_segments} superpixels, {record.seconds:.2f} s, "
            f"{record.outputs.labels}"
        )


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
    if args.value_range is not None and args.value_range[0] >= args.value_range[1]:
        raise ValueError(
            "--value-range takes black and white, the lower one first, not "
            f"{args.value_range[0]:g} {args.value_range[1]:g}."
        )
    if args.mask is not None and args.format == "png":
        raise ValueError(
            "PNG has no label for pixels left out by --mask: add --format tiff, or "
            "--format npy."
        )
    if args.mask is not None and args.drop_alpha:
        raise ValueError("--mask leaves out alpha already: leave out --drop-alpha.")


def _keep_apart(args: Namespace) -> None:
    """Refuse an output folder in which the next run would find label maps as images."""
    for text in args.images:
        if Path(text).is_dir() and Path(text).resolve() == args.output.resolve():
            raise ValueError(
                f"-o {args.output} is the folder of the images, and the next run would "
                "take the label maps for images; give another folder."
            )
