"""Fine-tuning on twenty images, compared with the given network and with colours.

    python benchmarks/fine_tuning.py --steps 60 300 --augmentation rigid full

The images are tiles of scikit-image's picture of stained tissue. They show the blue
stain (nuclei) in grey; the ground truth is where the brown stain (glands) is. Ten tiles
on one side of the picture are for the test, twenty on the other side for the training,
with a gap of 32 pixels between them; this is done for each of the four sides. ASA and
contour density (CD) are means over all test tiles of a side, boundary recall (BR) over
those with an outline; then all are averaged over sides and seeds.
"""

import argparse
import sys
import time
from itertools import product

import numpy as np
from skimage.color import rgb2hed
from skimage.data import immunohistochemistry
from skimage.filters import gaussian, threshold_otsu
from skimage.measure import label
from skimage.morphology import area_closing, area_opening

from seal_sk import ERSSuperpixels, SEALSuperpixels
from seal_sk.labels import boundaries
from seal_sk.metrics import asa_score, boundary_recall_score, contour_density

SIDES = ("bottom", "top", "right", "left")


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--weights", default="bsds500")
    parser.add_argument("-n", "--counts", type=int, nargs="+", default=[20, 40, 80])
    parser.add_argument("--steps", type=int, nargs="+", default=[60])
    parser.add_argument(
        "--augmentation",
        nargs="+",
        choices=["rigid", "full", "disturbed"],
        default=["rigid"],
    )
    parser.add_argument("--lr", type=float, nargs="+", default=[1e-3])
    parser.add_argument("--loss", nargs="+", default=["bce"])
    parser.add_argument("--seeds", type=int, default=1, help="trainings on each side")
    parser.add_argument("--jobs", type=int, default=2, help="threads")
    args = parser.parse_args()
    picture = grey_and_truth()
    splits = [split(picture, side) for side in SIDES]

    print(f"{'ASA / BR / CD':34}", *(f"{f'K = {count}':24}" for count in args.counts))
    for name, method in {
        "ERS, colours": ERSSuperpixels(),
        # Closer to the contour density of SEAL, which refines by default.
        "ERS, refined": ERSSuperpixels(boundary_cost=5.0),
        "given network": SEALSuperpixels(weights=args.weights),
    }.items():
        show(name, [scores(method, *test, args.counts) for _, test in splits])
    for loss, augmentation, lr, steps in product(
        args.loss, args.augmentation, args.lr, args.steps
    ):
        found, seconds = [], 0.0
        for (training, test), seed in product(splits, range(args.seeds)):
            began = time.perf_counter()
            tuned = SEALSuperpixels(
                weights=args.weights,
                loss=loss,
                augmentation=augmentation,
                lr=lr,
                max_iter=steps,
                crop_size=80,
                validation_fraction=0.0,
                n_jobs=args.jobs,
                random_state=seed,
            ).fit(*training)
            seconds += time.perf_counter() - began
            found.append(scores(tuned, *test, args.counts))
        name = f"{loss}, {augmentation}, {lr:g}, {steps} steps"
        show(name, found, f"  {seconds / len(found):.0f} s a training")


def grey_and_truth():
    """The blue stain as a grey picture (uint8), and a label map by the brown one."""
    blue, _, brown = np.moveaxis(rgb2hed(immunohistochemistry()), -1, 0)
    grey = 255 * np.clip(blue / np.percentile(blue, 99.5), 0, 1) + 0.5
    brown = gaussian(brown, 3)
    glands = area_closing(area_opening(brown > threshold_otsu(brown), 400), 400)
    return grey.astype(np.uint8), label(glands, background=-1, connectivity=1)


def split(picture, side):
    """(images, truths) of twenty tiles for the training, and ten for the test."""
    first = side in ("top", "left")
    training, test = (
        (slice(192, 512), slice(0, 160)) if first else (slice(0, 320), slice(352, 512))
    )
    across = side in ("bottom", "top")
    return tuple(
        tuple(tiles(array, part, n, across) for array in picture)
        for part, n in ((training, 4), (test, 2))
    )


def tiles(array, part, n, across):
    """Some rows of an array in `n` x 5 tiles (`across`), or some columns in 5 x `n`."""
    part, shape = (array[part], (n, 5)) if across else (array[:, part], (5, n))
    return [
        np.ascontiguousarray(tile)
        for row in np.array_split(part, shape[0])
        for tile in np.array_split(row, shape[1], axis=1)
    ]


def scores(method, images, truths, counts):
    """(count, (ASA, BR, CD)) of a method on the tiles of one side."""
    return np.nanmean(
        [
            [
                (
                    asa_score(truth, labels),
                    # Without an outline there is nothing to find.
                    boundary_recall_score(truth, labels)
                    if boundaries(truth).any()
                    else np.nan,
                    contour_density(labels),
                )
                for labels in maps
            ]
            for maps, truth in zip(
                method.transform_counts(images, counts), truths, strict=True
            )
        ],
        axis=0,
    )


def show(name, found, more=""):
    """Print the mean over what was found on the sides, and with the seeds."""
    cells = [
        f"{asa:.4f} / {recall:.3f} / {density:.3f}  "
        for asa, recall, density in np.mean(found, axis=0)
    ]
    print(f"{name:34}", *cells, more, flush=True)


if __name__ == "__main__":
    sys.exit(main())
