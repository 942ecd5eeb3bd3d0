"""Images and data sets: the options that say which ones, and how they are read."""

import argparse
from argparse import Namespace
from typing import TYPE_CHECKING, Any

from .messages import say_note
from .parsing import Parser, count, file_or_folder, real, whole

if TYPE_CHECKING:
    from ..datasets import Dataset

__all__ = ["add_data", "add_reading", "check_reading", "load_data", "reading_of"]


def add_data(parser: Parser, *, subset: str) -> "argparse._ArgumentGroup":
    """Add the options of `load_data`.

    `subset` describes the default part in the help text.
    """
    data = parser.add_argument_group("data")
    data.add_argument(
        "--data",
        required=True,
        metavar="NAME_OR_DIR",
        help="bsds500, camvid, cityscapes or nyuv2; scenes, which are generated; or a "
        "folder with images/ and annotations/",
    )
    data.add_argument(
        "--data-home",
        type=file_or_folder,
        metavar="DIR",
        help="folder of the data set (default: $SEAL_SK_DATA, or the user's cache "
        "folder)",
    )
    data.add_argument(
        "--download",
        action="store_true",
        help="download BSDS500 (71 MB, for research only) if it is not found",
    )
    data.add_argument(
        "--subset", metavar="NAME", help=f"part of the data set (default: {subset})"
    )
    data.add_argument(
        "--ignore-label",
        type=whole,
        metavar="N",
        help="label of unknown pixels in the annotations of a folder",
    )
    add_reading(data)
    return data


def add_reading(group: "argparse._ArgumentGroup") -> None:
    """Add the options of `reading_of`."""
    group.add_argument(
        "--recursive",
        action="store_true",
        help="read the images in all subfolders of the folder as well",
    )
    group.add_argument(
        "--bands",
        type=count,
        nargs="+",
        metavar="BAND",
        help="bands of the images to use, counted from 1: three as red, green and "
        "blue, one, or as many as a network reads; give the images first",
    )
    group.add_argument(
        "--drop-alpha",
        action="store_true",
        help="leave out the alpha channel of images that have one",
    )
    group.add_argument(
        "--mask",
        choices=("nodata", "alpha"),
        help="leave out the pixels that a file declares to be no data, or those with "
        "alpha 0",
    )
    group.add_argument(
        "--value-range",
        type=real,
        nargs=2,
        action="append",
        metavar=("BLACK", "WHITE"),
        help="stored values of black and white, such as 0 4095 for 12 bits in 16; once "
        "for all bands, or repeated for each",
    )


def check_reading(args: Namespace) -> None:
    """Refuse options that no image could be read with."""
    if args.bands is not None and args.drop_alpha:
        raise ValueError("--bands leaves out alpha already: leave out --drop-alpha.")
    if args.mask is not None and args.drop_alpha:
        raise ValueError("--mask leaves out alpha already: leave out --drop-alpha.")
    ranges = args.value_range or []
    for black, white in ranges:
        if black >= white:
            raise ValueError(
                "--value-range takes black and white, the lower one first, not "
                f"{black:g} {white:g}."
            )
    if args.bands is not None and len(ranges) not in (0, 1, len(args.bands)):
        raise ValueError(
            f"--value-range is given {len(ranges)} times, but --bands has "
            f"{len(args.bands)}: give it once, or once for each band."
        )


def reading_of(args: Namespace) -> dict[str, Any]:
    """What the options stand for: arguments of `segment_files` and `find_dataset`."""
    ranges = args.value_range
    return {
        "bands": args.bands,
        "drop_alpha": args.drop_alpha,
        "mask": args.mask,
        "value_range": ranges[0] if ranges and len(ranges) == 1 else ranges,
    }


def load_data(
    args: Namespace,
    *,
    subset: str | None = None,
    n_bands: int | None = None,
) -> "Dataset":
    """Find the data set; say once if its images are nearly black.

    `subset` is what is used if none is given, `n_bands` what a network reads.
    """
    from ..datasets.find import find_dataset

    check_reading(args)
    dataset = find_dataset(
        args.data,
        data_home=args.data_home,
        subset=subset if args.subset is None else args.subset,
        ignore_label=args.ignore_label,
        tolerance=getattr(args, "tolerance", None),
        download_if_missing=args.download,
        recursive=args.recursive,
        n_bands=n_bands,
        **reading_of(args),
    )
    if not args.quiet and args.value_range is None:
        _note_darkness(dataset)
    return dataset


def _note_darkness(dataset: "Dataset") -> None:
    from ..io.images import notes_of_darkness

    n = len(dataset.images)
    # The images of a sensor are alike, so that a few of them tell.
    for i in sorted({0, n // 2, n - 1}):
        try:
            image: Any = dataset.images[i]
            mask: Any = None if dataset.masks is None else dataset.masks[i]
        except Exception:  # it is reported where the image is used
            continue
        for note in notes_of_darkness(image, mask):
            say_note(f"{dataset.names[i]}: {note}")
            return
