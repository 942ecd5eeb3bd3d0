"""Affinities for photographs without ground truth: the mean of several teachers.

    python benchmarks/label_photographs.py photographs --teachers pidinet xyw bsds500

Writes NAME.npy beside every NAME.jpg of the folder, for `train_bsds500.py
--photographs`: affinities to the right and down, (H, W, 2), as uint8 in 255ths. Each
is written completely or not at all, and photographs that have one are left out. So an
interrupted run continues when it is started again; delete the files to label with other
teachers. With `--shard 1/3`, `2/3` and `3/3`, three runs share the work. With `--subset
train`, images of BSDS500 are labelled, too, as bsds500-NAME.npy in the same folder.

A teacher is an edge detector of edge_networks.py (which says where the weights come
from and what they have seen), a network that comes with the package, or one in a file.
On one core of an AMD EPYC (Zen 4), PiDiNet takes 0.7 s for 481 x 321 pixels, XYW-Net
0.7 s and PiDiNet-tiny 0.12 s; with `--bfloat16`, where the CPU has it, half of that.
"""

import argparse
import sys
from io import BytesIO
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import torch
from _data import bsds500
from edge_networks import NAMES, edge_network
from tqdm import tqdm

from seal_sk import EdgeAffinity, LearnedAffinity
from seal_sk._files import replace_file
from seal_sk._validation import check_bands

__all__ = ["label", "mean_affinity", "shard", "teacher"]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder of photographs, .jpg")
    parser.add_argument(
        "--teachers",
        nargs="+",
        default=["pidinet", "xyw"],
        metavar="TEACHER",
        help=f"{', '.join(NAMES)}, bsds500, bsds500-train, or a .safetensors file",
    )
    parser.add_argument("--edges", help="folder of the detectors' weights")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument(
        "--subset",
        choices=("train", "val", "trainval"),
        help="label these images of BSDS500, too",
    )
    parser.add_argument("--data-home", help="folder of the data set")
    parser.add_argument(
        "--shard", default="1/1", metavar="I/N", help="label the I-th of N parts only"
    )
    parser.add_argument(
        "--bfloat16", action="store_true", help="run the detectors in bfloat16"
    )
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    try:
        photographs = [
            (path, path.with_suffix(".npy"))
            for path in sorted(args.folder.glob("*.jpg"))
        ]
        if args.subset:
            data = bsds500(args.subset, args.data_home)
            photographs += [
                (image, args.folder / f"bsds500-{name}.npy")
                for image, name in zip(data.images, data.names, strict=True)
            ]
        photographs = shard(photographs, args.shard)
        sources = [teacher(name, args.edges) for name in args.teachers]
    except (ImportError, OSError, ValueError) as error:
        parser.error(str(error))
    if not photographs:
        parser.error(f"there is no .jpg to label in {args.folder}")
    failed = 0
    with torch.autocast("cpu", torch.bfloat16, enabled=args.bfloat16):
        for photograph, path in tqdm(photographs):
            try:
                label(photograph, path, sources)
            except (OSError, ValueError) as error:
                tqdm.write(f"{photograph} is left out: {error}", file=sys.stderr)
                failed += 1
    return 1 if failed else 0


def teacher(name, folder=None):
    """The source of affinities with a name.

    Parameters
    ----------
    name : str
        An edge detector of edge_networks.py, a network that comes with the package, or
        the file of one.
    folder : path-like, optional
        Where the detectors' weights are, as for `edge_network`.

    Returns
    -------
    EdgeAffinity or LearnedAffinity

    Raises
    ------
    ImportError, FileNotFoundError, ValueError
        As from `edge_network` and `LearnedAffinity.load`.
    """
    if name in NAMES:
        return EdgeAffinity(edge_network(name, folder), connectivity=4)
    source = LearnedAffinity.load(name)
    # The dither breaks ties between superpixels, and would be noise to learn.
    scale, shift, _ = source.net_.calibration.tolist()
    source.net_.set_calibration(scale, shift, dither=0)
    return source


def mean_affinity(image, sources):
    """Mean affinities of an image over several sources.

    Parameters
    ----------
    image : array-like of shape (H, W), (H, W, 1) or (H, W, 3)
        Grey or RGB; uint8, uint16, or floating point in 0..1.
    sources : sequence of transformers
        As `teacher` returns them.

    Returns
    -------
    ndarray of shape (H, W, 2), float32
        Affinities to the right and down, in 0..1.

    Raises
    ------
    ValueError, TypeError
        If the image is not as described.
    """
    maps = [source.transform([image])[0] for source in sources]
    return np.mean(maps, axis=0, dtype=np.float32)


def label(photograph, path, sources):
    """Write the affinities of a photograph to a file, unless it is there.

    Parameters
    ----------
    photograph : Path or array-like
        A grey or RGB image, or its file.
    path : Path
        File to write.
    sources : sequence of transformers
        As `teacher` returns them.

    Raises
    ------
    OSError, ValueError
        If the photograph can't be read, has other channels, or there is no room.
    """
    if path.exists():
        return
    image = iio.imread(photograph) if isinstance(photograph, Path) else photograph
    affinity = mean_affinity(check_bands(image, 3, name="the image"), sources)
    content = BytesIO()
    np.save(content, np.rint(255 * affinity).astype(np.uint8))
    replace_file(path, content.getvalue())


def shard(items, part):
    """Every n-th item from the i-th, for `part` "i/n" with i in 1..n."""
    try:
        first, n = map(int, part.split("/"))
        if not 1 <= first <= n:
            raise ValueError
    except ValueError:
        raise ValueError(
            f"--shard {part} is no part of a whole; give 1/3, 2/3 or 3/3, for example."
        ) from None
    return items[first - 1 :: n]


if __name__ == "__main__":
    sys.exit(main())
