"""Affinities for photographs without ground truth, by a network that uses HED edges.

    python benchmarks/label_photographs.py photographs

Trains a teacher on BSDS500 train, from RGB and HED's six edge maps (their weights:
benchmarks/hed_edges.py), and writes NAME.npy beside every NAME.jpg of the folder, for
`train_bsds500.py --photographs`.
"""

import argparse
import sys
from pathlib import Path

import imageio.v3 as iio
import numpy as np
import torch
from _data import bsds500
from hed_edges import hed_edges
from tqdm import tqdm

from seal_sk import LearnedAffinity


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder of photographs, .jpg")
    parser.add_argument(
        "--iterations", type=int, default=1200, help="iterations of the teacher"
    )
    parser.add_argument(
        "--images", type=int, help="number of training images, for a quick look"
    )
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--data-home", help="folder of the data set")
    args = parser.parse_args()
    torch.set_num_threads(args.threads)
    photographs = sorted(args.folder.glob("*.jpg"))
    if not photographs:
        parser.error(f"there is no .jpg in {args.folder}")

    net = hed_edges().net
    data = bsds500("train", args.data_home)
    chosen = slice(args.images)
    images = [
        _bands(np.asarray(image), net)
        for image in tqdm(data.images[chosen], desc="HED, train")
    ]
    teacher = LearnedAffinity(
        network="unet",
        width=16,
        loss="bce",
        annotations="mean",
        augmentation="full",
        averaging=0.99,
        max_iter=args.iterations,
        batch_size=8,
        lr=2e-3,
        validation_fraction=0.0,
        n_jobs=args.threads,
        random_state=0,
        verbose=1,
    )
    teacher.fit(images, [list(maps) for maps in data.annotations[chosen]])
    for file in tqdm(photographs, desc="photographs"):
        image = iio.imread(file)
        if image.ndim != 3 or image.shape[2] != 3:
            print(f"{file} is not RGB: left out", file=sys.stderr)
            continue
        (affinity,) = teacher.transform([_bands(image, net)])
        np.save(file.with_suffix(".npy"), affinity.astype(np.float16))


@torch.inference_mode()
def _bands(image, net):
    """RGB and HED's side maps and their fusion, (H, W, 9) in 0..1."""
    values = image.astype(np.float32) / 255
    images = torch.from_numpy(values.transpose(2, 0, 1).copy())[None]
    with torch.autocast("cpu", torch.bfloat16):
        sides = net.side_maps(images).float()
        fused = net.fuse(sides).float()
    edges = torch.sigmoid(torch.cat([sides, fused], dim=1) / 2)[0]
    return np.concatenate([values, edges.permute(1, 2, 0).numpy()], axis=2)


if __name__ == "__main__":
    sys.exit(main())
