"""Time of one training step of PAN on a crop, by precision and memory layout.

    python benchmarks/training_step.py

Milliseconds for the forward and backward pass of one crop of 160 x 160, with all
threads: the median of --repeat rounds in which the variants run in turn.
"""

import argparse
import statistics
import sys
import time
from collections import defaultdict

import torch

from seal_sk.pan import PAN

LAYOUTS = {"contiguous": torch.contiguous_format, "channels-last": torch.channels_last}


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--widths", type=int, nargs="+", default=[16, 32, 128])
    parser.add_argument("--repeat", type=int, default=5)
    args = parser.parse_args()

    print("width  precision  layout         ms")
    for width in args.widths:
        times = defaultdict(list)
        for _ in range(args.repeat):
            for precision in ("float32", "bfloat16"):
                for layout in LAYOUTS:
                    times[precision, layout].append(_time(width, precision, layout))
        for (precision, layout), seconds in times.items():
            middle = 1e3 * statistics.median(seconds)
            print(f"{width:5d}  {precision:9}  {layout:13}  {middle:5.0f}")


def _time(width, precision, layout):
    net = PAN(width).train().to(memory_format=LAYOUTS[layout])
    images = torch.rand(1, 3, 160, 160).contiguous(memory_format=LAYOUTS[layout])
    edges = torch.ones(1, 1, 160, 160)
    for _ in range(2):  # the first is a warm-up
        start = time.perf_counter()
        with torch.autocast("cpu", torch.bfloat16, enabled=precision == "bfloat16"):
            logits = net.logits(images, edges)
        logits.float().square().mean().backward()
        seconds = time.perf_counter() - start
    return seconds


if __name__ == "__main__":
    sys.exit(main())
