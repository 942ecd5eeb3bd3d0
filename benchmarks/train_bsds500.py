"""Train the shipped network, or the paper's, on BSDS500, with resumption.

    python benchmarks/train_bsds500.py runs/train --iterations 12000
    python benchmarks/train_bsds500.py runs/pan --network pan --width 128

Writes to the given folder: checkpoint.pt, from which the same command continues after
an interruption; net.safetensors; and curve.csv, with a line every few minutes: ASA and
BR on every fifth image of val (K = 300, each after a calibration on these images). With
`--subset trainval` these images are trained on, and the scores have no meaning.
"""

import argparse
import csv
import sys
import time
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import torch
from _data import bsds500
from imagenet_features import use_features

from seal_sk import LearnedAffinity
from seal_sk.affinity.maps import mean_affinity
from seal_sk.pan import MobileUNet, UNet, calibrate
from seal_sk.pan.weights import write_weights


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder of the run")
    parser.add_argument("--network", default="unet", choices=("unet", "mobile", "pan"))
    parser.add_argument("--width", type=int)
    parser.add_argument(
        "--multiples", type=int, nargs=5, help="channels of the scales by width"
    )
    parser.add_argument("--small", action="store_true", help="the small 'mobile'")
    parser.add_argument(
        "--imagenet",
        action="store_true",
        help="begin 'mobile' with ImageNet's features (imagenet_features.py)",
    )
    parser.add_argument(
        "--subset",
        default="train",
        choices=("train", "trainval", "none"),
        help="annotated images to learn from; with none, only the photographs",
    )
    parser.add_argument(
        "--photographs",
        type=Path,
        help="folder of photographs NAME.jpg and affinities NAME.npy, as "
        "label_photographs.py writes them; an annotated image that is labelled there, "
        "too, has the mean of these affinities and of its annotations as its truth",
    )
    parser.add_argument(
        "--repeats",
        type=int,
        help="how many times the annotated images occur beside the photographs; by "
        "default, so many that about half of the samples are of either kind",
    )
    parser.add_argument("--init", help="initial weights")
    parser.add_argument("--iterations", type=int, default=12_000)
    parser.add_argument("--batch", type=int, default=8, help="crops per step")
    parser.add_argument("--crop", type=int, default=160, help="side of the crops")
    parser.add_argument("--lr", type=float, default=2e-3)
    parser.add_argument(
        "--loss", default="bce", choices=("bce", "balanced_bce", "seal")
    )
    parser.add_argument(
        "--augmentation", default="full", choices=("full", "rigid", "disturbed")
    )
    parser.add_argument(
        "--scales",
        type=float,
        nargs="+",
        default=[1.0, 1.5],
        help="scales of the calibration",
    )
    parser.add_argument("--shifts", type=float, nargs="+", default=[-5.0, -6.0, -7.0])
    parser.add_argument(
        "--every", type=float, default=300, help="seconds between lines"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--data-home", help="folder of the data set")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)

    images, truths = [], []
    if args.subset != "none":
        data = bsds500(args.subset, args.data_home)
        images = [np.asarray(image) for image in data.images]
        truths = [list(maps) for maps in data.annotations]
    if args.photographs:
        photographs, soft = _photographs(args.photographs)
        if images:
            labels = [args.photographs / f"bsds500-{name}.npy" for name in data.names]
            truths = list(map(_with_teachers, truths, labels))
        repeats = args.repeats or max(1, round(len(photographs) / max(1, len(images))))
        images = repeats * images + photographs
        truths = repeats * truths + soft
    val = bsds500("val", args.data_home)
    val_images, val_annotations = val.images[::5], val.annotations[::5]
    if not args.init and (args.multiples or args.network == "mobile"):
        args.init = args.folder / "initial.safetensors"
        args.folder.mkdir(parents=True, exist_ok=True)
        write_weights(args.init, _initial(args))
    affinity = LearnedAffinity(
        network=args.network,
        width=args.width,
        loss=args.loss,
        annotations="mean" if args.loss == "bce" else "each",
        augmentation=args.augmentation,
        averaging=0.998,
        weights=args.init,
        max_iter=args.iterations,
        max_time=args.every,
        batch_size=args.batch,
        crop_size=args.crop,
        lr=args.lr,
        validation_fraction=0.0,
        validate_every=500,
        checkpoint_dir=args.folder,
        warm_start=True,
        n_jobs=args.threads,
        random_state=args.seed,
    )
    curve = args.folder / "curve.csv"
    while True:
        affinity.fit(images, truths)
        found = calibrate(
            affinity.net_,
            val_images,
            val_annotations,
            n_segments=(300,),
            scales=args.scales,
            shifts=args.shifts,
            n_jobs=args.threads,
        )
        line = {
            "iteration": affinity.n_iter_,
            "minutes": round(affinity._state["seconds"] / 60, 1),
            "loss": round(
                affinity._state["loss_sum"] / max(affinity._state["loss_count"], 1), 4
            ),
            **found,
        }
        _append(curve, line)
        print(time.strftime("%H:%M"), line, flush=True)
        write_weights(args.folder / "net.safetensors", affinity.net_)
        if affinity.n_iter_ >= args.iterations:
            return


def _initial(args):
    """A new network of several scales."""
    settings = {"seed": args.seed}
    if args.width:
        settings["width"] = args.width
    if args.multiples:
        settings["multiples"] = args.multiples
    if args.network == "unet":
        return UNet(**settings)
    net = MobileUNet(**settings, small=args.small)
    if args.imagenet:
        use_features(net)
    return net


def _photographs(folder):
    """The photographs in a folder, and their affinities."""
    files = [
        file
        for file in sorted(folder.glob("*.jpg"))
        if file.with_suffix(".npy").exists()
    ]
    if not files:
        raise SystemExit(f"There is no photograph with affinities in {folder}.")
    return list(map(iio.imread, files)), [_labels(f.with_suffix(".npy")) for f in files]


def _labels(file):
    return np.load(file) / np.float32(255)


def _with_teachers(annotations, file):
    """The annotations of an image, or their mean with its affinities in a file."""
    if not file.exists():
        return annotations
    affinity, known = mean_affinity(annotations)
    labels = _labels(file)
    return np.where(known, (affinity + labels) / 2, labels).astype(np.float32)


def _append(path, line):
    new = not path.exists()
    with path.open("a", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(line))
        if new:
            writer.writeheader()
        writer.writerow(line)


if __name__ == "__main__":
    sys.exit(main())
