"""``seal-sk segment``: images to label maps."""

import argparse
from collections import Counter
from pathlib import Path

from .parsing import EXPECTED, complain, count, one_line

__all__ = ["add_segment"]

_TIFF = (".tif", ".tiff")
_SUFFIXES = (".png", ".jpg", ".jpeg", *_TIFF)
_MAX_PNG_SEGMENTS = 2**16

_SEGMENT_HELP = """\
Cut many images into superpixels and write a label map for each.

The superpixels follow the affinities of a trained network, by default the one that
comes with the package; with --method ers they follow colours.
"""

_SEGMENT_NOTES = """\
Label maps are images of the size of the input, named after it: labels from 0, in 16
bits; in TIFF in 32 bits where there are more than 65536. A label map that is there
already is replaced. Images are taken as they are stored: an orientation in their EXIF
data is not applied. An image that can't be segmented is reported, and the others go
on; the exit status is then 1. It is 2, and nothing is written, when the command can't
be carried out at all.
"""


def add_segment(commands):
    """Add the command to the parser's."""
    segment = commands.add_parser(
        "segment",
        help="cut images into superpixels",
        description=_SEGMENT_HELP,
        epilog=_SEGMENT_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    segment.set_defaults(run=_segment)
    segment.add_argument(
        "images",
        metavar="IMAGE",
        nargs="+",
        type=Path,
        help="PNG, JPEG or TIFF, grey or RGB; or a folder: the images in it",
    )
    segment.add_argument(
        "-n",
        "--n-segments",
        type=count,
        default=300,
        metavar="N",
        help="superpixels per image (default: %(default)s)",
    )
    segment.add_argument(
        "-o",
        "--output",
        type=Path,
        required=True,
        metavar="DIR",
        help="folder for the label maps; made if it is not there",
    )
    segment.add_argument(
        "--method",
        choices=("seal", "ers"),
        default="seal",
        help="learned affinities, or differences of colour (default: %(default)s)",
    )
    segment.add_argument(
        "--weights",
        metavar="NAME_OR_FILE",
        help="the network of --method seal: bsds500, which comes with the package and "
        "is the default; a file of SEALSuperpixels.save; or one of the paper's authors",
    )
    segment.add_argument(
        "--format",
        choices=("png", "tiff"),
        default="png",
        help="of the label maps (default: %(default)s)",
    )
    segment.add_argument(
        "--overlay",
        action="store_true",
        help="also write NAME_overlay.png, the image with the boundaries drawn",
    )
    segment.add_argument(
        "--drop-alpha",
        action="store_true",
        help="leave out the alpha channel of images that have one",
    )
    segment.add_argument(
        "--balance",
        type=float,
        default=0.5,
        metavar="B",
        help="weight of equal sizes, at least 0 (default: %(default)s)",
    )
    segment.add_argument(
        "--connectivity",
        type=int,
        choices=(4, 8),
        default=8,
        help="neighbours of a pixel in the graph (default: %(default)s)",
    )
    segment.add_argument(
        "--device",
        default="auto",
        help="where the network computes: auto, cpu, cuda, ... (default: %(default)s)",
    )
    segment.add_argument(
        "--jobs",
        type=count,
        default=1,
        metavar="N",
        help="images segmented at a time (default: %(default)s)",
    )
    segment.add_argument(
        "--quiet", action="store_true", help="report nothing but what went wrong"
    )


def _segment(args):
    if args.format == "png" and args.n_segments > _MAX_PNG_SEGMENTS:
        raise ValueError(
            f"-n {args.n_segments} labels do not fit into the 16 bits of a PNG; add "
            "--format tiff."
        )
    paths = _find_images(args.images)
    outputs = _plan_outputs(paths, args)
    estimator = _make_estimator(args)
    args.output.mkdir(parents=True, exist_ok=True)

    from tqdm import tqdm

    # None shows the bar on a terminal only.
    hide = True if args.quiet else None
    # Threads that cut are kept busy by a few images each; one is done at a time.
    step = 1 if args.jobs == 1 else 4 * args.jobs
    n_done = 0
    with tqdm(total=len(paths), unit="image", disable=hide) as bar:
        for start in range(0, len(paths), step):
            batch = paths[start : start + step]
            for path, failure in _segment_batch(batch, estimator, outputs, args):
                if failure is None:
                    n_done += 1
                else:
                    bar.clear()
                    complain(f"{path}: {failure}")
                bar.update()
    if not args.quiet or n_done < len(paths):
        complain(f"segmented {n_done} of {len(paths)} images")
    return 0 if n_done == len(paths) else 1


def _find_images(given):
    """Files to read, those of folders included; all of them are there."""
    paths = []
    for path in given:
        if path.is_dir():
            found = sorted(
                file
                for file in path.iterdir()
                if file.suffix.lower() in _SUFFIXES and not file.name.startswith(".")
            )
            if not found:
                raise FileNotFoundError(
                    f"There is no image in the folder {str(path)!r}: none of its "
                    f"files ends in {', '.join(_SUFFIXES)}."
                )
            paths += found
        elif not path.exists():
            raise FileNotFoundError(f"There is no image {str(path)!r}.")
        elif path.suffix.lower() not in _SUFFIXES:
            raise ValueError(
                f"{str(path)!r} is of no format that is read: give files that end in "
                f"{', '.join(_SUFFIXES)}."
            )
        else:
            paths.append(path)
    return paths


def _plan_outputs(paths, args):
    """For each image its label map and its overlay (or None); no two are the same."""
    suffix = ".png" if args.format == "png" else ".tif"
    outputs = {}
    writers = {}  # output -> the image that it comes from
    inputs = {path.resolve() for path in paths}
    for path, times in Counter(paths).items():
        if times > 1:
            raise ValueError(f"{str(path)!r} is given more than once.")
        labels = args.output / f"{path.stem}{suffix}"
        overlay = args.output / f"{path.stem}_overlay.png" if args.overlay else None
        for output in filter(None, (labels, overlay)):
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
        outputs[path] = labels, overlay
    return outputs


def _make_estimator(args):
    """Make the estimator, and try it."""
    import numpy as np

    if args.method == "ers":
        from ..superpixels import ERSSuperpixels

        if args.weights is not None:
            raise ValueError("--weights is for --method seal: leave one of them out.")
        estimator = ERSSuperpixels()
    else:
        from ..superpixels import SEALSuperpixels

        estimator = SEALSuperpixels.load(
            "bsds500" if args.weights is None else args.weights
        )
        estimator.set_params(device=args.device)
    estimator.set_params(
        n_segments=1,
        balance=args.balance,
        connectivity=args.connectivity,
        n_jobs=args.jobs,
    )
    # What is wrong with parameters, device or installation shows before any work.
    estimator.transform([np.zeros((16, 16, 3), dtype=np.uint8)])
    return estimator.set_params(n_segments=args.n_segments)


def _segment_batch(paths, estimator, outputs, args):
    """Segment images and write their label maps; yield (path, what failed or None)."""
    loaded = []
    for path in paths:
        try:
            loaded.append((path, _read_image(path, args.drop_alpha)))
        except (*EXPECTED, MemoryError) as error:
            # The path is said by the caller.
            yield path, one_line(error).removeprefix(f"{path} ")
    label_maps = _label_maps(estimator, loaded)
    for (path, image), labels in zip(loaded, label_maps, strict=True):
        try:
            if isinstance(labels, Exception):
                raise labels
            label_file, overlay_file = outputs[path]
            # The label map comes last: where it is, the overlay is as well.
            if overlay_file is not None:
                _write_overlay(overlay_file, image, labels)
            _write_labels(label_file, labels)
        except (*EXPECTED, MemoryError) as error:
            yield path, one_line(error)
        else:
            yield path, None


def _label_maps(estimator, loaded):
    """Return a label map for each image, or the error that it made."""
    images = [image for _, image in loaded]
    if not images:
        return []
    try:
        return estimator.transform(images)
    except (ValueError, TypeError, MemoryError) as error:
        if len(images) == 1:
            return [error]
    # One of them spoils the batch: find out which.
    return [_label_maps(estimator, [one])[0] for one in loaded]


def _read_image(path, drop_alpha):
    """One grey or RGB image, with the depth that it is stored in."""
    from ..datasets.images import read_image

    image = read_image(path, drop_alpha=drop_alpha)
    with path.open("rb") as file:
        head = file.read(26)
    # Bit depth and colour type of a PNG; its decoder has no colours of 16 bits.
    if head[:4] == b"\x89PNG" and head[24] == 16 and head[25] != 0:
        complain(f"note: {path}: 16-bit colours are read as 8 in PNG, not in TIFF")
    return image


def _write_labels(path, labels):
    from io import BytesIO

    import numpy as np

    from .._files import replace_file

    labels = labels.astype(np.uint16 if labels.max() < 2**16 else np.uint32)
    if path.suffix == ".png":
        content = _png(labels)
    else:
        import tifffile

        buffer = BytesIO()
        tifffile.imwrite(buffer, labels, compression="zlib")
        content = buffer.getvalue()
    replace_file(path, content)


def _write_overlay(path, image, labels):
    from .._files import replace_file
    from ..plotting import draw_boundaries

    replace_file(path, _png(draw_boundaries(image, labels)))


def _png(array):
    import imageio.v3 as iio

    return iio.imwrite("<bytes>", array, extension=".png")
