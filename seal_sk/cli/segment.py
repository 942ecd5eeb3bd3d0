"""``seal-sk segment``: images to label maps."""

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
        choices=_FORMATS,
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
                # Not into the progress bar.
                bar.clear()
                complain(text)
            n_done += record.error is None
            bar.update()
    if not args.quiet or n_done < len(paths):
        complain(f"segmented {n_done} of {len(paths)} images")
    return 0 if n_done == len(paths) else 1


def _sentences(record: "Record", args: Namespace) -> Iterator[str]:
    """What to say of one image."""
    if not args.quiet:
        for note in record.notes:
            yield f"note: {record.path}: {note.replace('value_range', '--value-range')}"
    if record.error is not None:
        if args.debug:
            traceback.print_exception(record.error)
        # Most errors name the file, which is said already.
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
