"""Steps of a training per second, on a quiet machine and on a busy one.

    python benchmarks/training_threads.py

The network is that of the demo (PAN, width 16), on batches of four crops of 96 x 96.
"inside torch" is a batch that goes through the network as a whole, with that many
threads inside torch's operations; "by sample" is what `fit` does, with one sample in
each of that many threads. The busy machine has a process per core that never pauses.
Medians of --repeat rounds in which the variants take turns.
"""

import argparse
import multiprocessing
import os
import statistics
import time

import torch
from torch.nn.functional import binary_cross_entropy_with_logits

from seal_sk import LearnedAffinity
from seal_sk.datasets import make_scenes
from seal_sk.pan import PAN

BATCH, CROP, WIDTH = 4, 96, 16


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--steps", type=int, default=20)
    args = parser.parse_args()
    n_cores = len(os.sched_getaffinity(0))
    images, truths = make_scenes(8, shape=(128, 128), random_state=0)
    variants = {
        (how, threads): run
        for threads in (1, n_cores)
        for how, run in (("inside torch", _inside), ("by sample", _by_sample))
    }
    rates = {key: {} for key in variants}
    for state in ("quiet", "busy"):
        hogs = [multiprocessing.Process(target=_hog) for _ in range(n_cores)]
        for hog in hogs if state == "busy" else []:
            hog.start()
        rounds = {key: [] for key in variants}
        for _ in range(args.repeat):
            for (how, threads), run in variants.items():
                seconds = run(threads, args.steps, images, truths)
                rounds[how, threads].append(args.steps / seconds)
        for hog in hogs if state == "busy" else []:
            hog.kill()
        for key, found in rounds.items():
            rates[key][state] = statistics.median(found)
    print("threads               quiet   busy   steps per second")
    for (how, threads), found in rates.items():
        print(f"{how:12} {threads:4d}  {found['quiet']:9.2f} {found['busy']:6.2f}")


def _hog():
    while True:
        pass


def _inside(threads, steps, images, truths):
    """Prediction and gradient of whole batches."""
    torch.set_num_threads(threads)
    net = PAN(WIDTH).train()
    inputs = torch.rand(BATCH, 3, CROP, CROP), torch.ones(BATCH, 1, CROP, CROP)
    wanted = torch.ones(BATCH, 2, CROP, CROP)
    began = time.monotonic()
    for _ in range(steps):
        net.zero_grad()
        binary_cross_entropy_with_logits(net.logits(*inputs), wanted).backward()
    return time.monotonic() - began


def _by_sample(threads, steps, images, truths):
    """A training of as many steps, crops and optimizer included."""
    affinity = LearnedAffinity(
        width=WIDTH,
        loss="bce",
        precision="float32",
        max_iter=steps,
        batch_size=BATCH,
        crop_size=CROP,
        validation_fraction=0.0,
        n_jobs=threads,
        random_state=0,
    )
    began = time.monotonic()
    affinity.fit(images, truths)
    return time.monotonic() - began


if __name__ == "__main__":
    main()
