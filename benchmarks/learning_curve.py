"""Train PAN on BSDS500 train+val and record loss and held-out ASA over time.

    python benchmarks/learning_curve.py --iterations 2000 --max-time 600 --out docs

Writes learning_curve.csv and learning_curve.png to --out, and the network to --save.
"""

import argparse
import csv
import sys
from pathlib import Path

from _data import bsds500

from seal_sk import ERSSuperpixels, SEALSuperpixels
from seal_sk.metrics import evaluate_scorer


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--iterations", type=int, default=2000)
    parser.add_argument("--max-time", type=float, help="seconds")
    parser.add_argument("--width", type=int, default=32)
    parser.add_argument("--loss", default="seal")
    parser.add_argument("-n", "--n-segments", type=int, default=300)
    parser.add_argument("--jobs", type=int, default=2)
    parser.add_argument("--data-home", help="folder that holds the data set")
    parser.add_argument(
        "--checkpoint-dir", help="folder of the state, to continue from"
    )
    parser.add_argument("--out", type=Path, default=Path())
    parser.add_argument("--save", type=Path, help="file for the trained network")
    args = parser.parse_args()

    data = bsds500("trainval", args.data_home)
    seal = SEALSuperpixels(
        args.n_segments,
        oversegmentation=1,  # as the curve is scored
        width=args.width,
        loss=args.loss,
        max_iter=args.iterations,
        max_time=args.max_time,
        validation_fraction=0.04,
        checkpoint_dir=args.checkpoint_dir,
        warm_start=args.checkpoint_dir is not None,
        n_jobs=args.jobs,
        random_state=0,
        verbose=1,
    )
    seal.fit(data.images, data.annotations)
    if args.save:
        seal.save(args.save)

    held_out = seal.validation_indices_
    images, annotations = data.images[held_out], data.annotations[held_out]
    colour = ERSSuperpixels(args.n_segments, n_jobs=args.jobs)
    colour_asa = colour.score(images, annotations)
    last = seal.history_[-1]
    print(
        f"{seal.n_iter_} iterations in {last['seconds']:.0f} s; "
        f"{len(held_out)} images held out, K = {args.n_segments}"
    )
    for name, estimator in (("SEAL", seal), ("ERS on RGB", colour)):
        scores = evaluate_scorer(estimator, images, annotations)
        print(
            f"{name:10}  ASA {scores['asa']:.4f}  BR {scores['boundary_recall']:.4f}  "
            f"CD {-scores['neg_contour_density']:.4f}"
        )

    args.out.mkdir(parents=True, exist_ok=True)
    with open(args.out / "learning_curve.csv", "w", newline="") as file:
        writer = csv.DictWriter(file, fieldnames=list(last))
        writer.writeheader()
        writer.writerows(seal.history_)
    _draw(seal.history_, colour_asa, args)


def _draw(history, colour_asa, args):
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as plt

    minutes = [line["seconds"] / 60 for line in history]
    figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.2), layout="constrained")
    left.plot(minutes, [line["loss"] for line in history], color="#1b6ca8")
    left.set(xlabel="minutes", ylabel="training loss")
    asa = [line["asa"] for line in history]
    right.plot(minutes, asa, color="#1b6ca8", label=f"PAN, {args.width} channels")
    right.axhline(colour_asa, color="#b5541c", ls="--", label="ERS on RGB")
    right.set(xlabel="minutes", ylabel=f"ASA, held out (K = {args.n_segments})")
    right.legend(frameon=False)
    for axes in (left, right):
        axes.spines[["top", "right"]].set_visible(False)
    figure.savefig(args.out / "learning_curve.png", dpi=120)


if __name__ == "__main__":
    sys.exit(main())
