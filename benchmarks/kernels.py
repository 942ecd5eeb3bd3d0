"""The compiled kernels compared with alternatives: time, memory, threads.

    OMP_NUM_THREADS=1 python benchmarks/kernels.py

One thread unless noted otherwise. On each of --images BSDS500 test images (481 x 321),
our function and its alternative run in turn, --repeat times. The ratio is that of the
two medians; the table has its median over the images, and the target. The affinity maps
for ERS are computed beforehand; FH and SNIC are whole calls from the image.

The original ERS and SNIC are C++ and C programs without a package. Their times were
measured as ratios to skimage.segmentation.slic(image, 300) on the same image (one
thread, AMD EPYC Zen 4), and so are ours here; the quotient of both ratios is the
speed-up. A first NumPy version of the scores was measured in the same way and took 0.13
of SLIC's time. The other NumPy version is asa_and_recall_numpy in metrics.py, as fast
as possible in NumPy.

Memory is the growth of the peak of a fresh process on a mosaic of 4 megapixels (Linux);
--sizes measures times on mosaics of up to 25 megapixels.
"""

import argparse
import itertools
import multiprocessing
import re
import statistics
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from _data import bsds500
from joblib import Parallel, delayed
from metrics import asa_and_recall, asa_and_recall_numpy
from skimage.measure import label
from skimage.segmentation import felzenszwalb, slic

from seal_sk import ers, fh, fh_image, rgb_affinity, snic
from seal_sk.labels import split_components

# Ratios to SLIC, at 300 and at 1000 segments.
_ORIGINAL_ERS = {4: (6.3, 6.2), 8: (10.8, 11.8)}
_ORIGINAL_SNIC = (0.66, 0.72)
_FIRST_NUMPY_SCORES = 0.13
_COUNTS = (300, 1000)


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--images", type=int, default=20)
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--data-home", help="folder that holds BSDS500")
    parser.add_argument(
        "--sizes", action="store_true", help="time by pixels, 0.1 to 25 megapixels"
    )
    args = parser.parse_args()

    data = bsds500("test", args.data_home)
    chosen = [i for i in range(len(data.images)) if len(data.annotations[i]) >= 5]
    chosen = chosen[:: len(chosen) // args.images][: args.images]
    images = [data.images[i] for i in chosen]
    if args.sizes:
        by_pixels(images)
        return
    annotations = [data.annotations[i][:5] for i in chosen]
    times(images, annotations, args.repeat)
    memory(images)
    threads(images)


def times(images, annotations, repeat):
    print(f"{'':34}{'ms':>8}{'ratio':>8}  faster than          target")
    baseline = f"slic of scikit-image, {len(images)} images"
    print(f"{baseline:34}{1e3 * _median_seconds(_slic, images, repeat):8.1f}")
    for connectivity in (4, 8):
        affinities = [rgb_affinity(i, connectivity=connectivity) for i in images]
        for k, original in zip(_COUNTS, _ORIGINAL_ERS[connectivity], strict=True):
            ms, ratio = _against(
                lambda pair, k=k: ers(pair[1], k),
                lambda pair: _slic(pair[0]),
                zip(images, affinities, strict=True),
                repeat,
            )
            name = f"ers, {connectivity} neighbours, K = {k}"
            _row(name, ms, ratio, f"original {original / ratio:.1f}x", 8)
    counts = [100, 200, 300, 400, 600, 800]
    for name, call in (
        ("six counts of ers in one call", lambda a: ers(a, counts)),
        ("the same, nested", lambda a: ers(a, counts, nested=True)),
    ):
        ms, ratio = _against(
            call, lambda a: [ers(a, k) for k in counts], affinities, repeat
        )
        _row(name, ms, ratio, f"six calls {1 / ratio:.2f}x", None)
    ms, ratio = _against(fh_image, _felzenszwalb, images, repeat)
    _row("fh_image", ms, ratio, f"felzenszwalb {1 / ratio:.1f}x", 3)
    ms, ratio = _against(
        lambda image: fh_image(image, n_segments=300), _felzenszwalb, images, repeat
    )
    _row("fh_image, K = 300", ms, ratio, f"felzenszwalb {1 / ratio:.1f}x", None)
    for k, original in zip(_COUNTS, _ORIGINAL_SNIC, strict=True):
        ms, ratio = _against(lambda i, k=k: snic(i, k), _slic, images, repeat)
        _row(f"snic, K = {k}", ms, ratio, f"original {original / ratio:.1f}x", 1.5)
    _pysnic(images, repeat)
    raw = [slic(image, 300, enforce_connectivity=False) for image in images]
    ms, ratio = _against(
        split_components,
        lambda labels: label(labels, background=-1, connectivity=1),
        raw,
        3 * repeat,
    )
    _row("split_components", ms, ratio, f"skimage label {1 / ratio:.1f}x", None)
    pairs = [
        ([truth.astype(np.uint16) for truth in truths], slic(image, 300))
        for image, truths in zip(images, annotations, strict=True)
    ]
    ms, ratio = _against(
        lambda pair: asa_and_recall(*pair),
        lambda pair: asa_and_recall_numpy(*pair),
        pairs,
        3 * repeat,
    )
    _row("ASA + BR, five annotations", ms, ratio, f"best NumPy {1 / ratio:.1f}x", None)
    ms, ratio = _against(
        lambda item: asa_and_recall(*item[0]),
        lambda item: _slic(item[1]),
        zip(pairs, images, strict=True),
        repeat,
    )
    faster = f"first NumPy {_FIRST_NUMPY_SCORES / ratio:.0f}x"
    _row("ASA + BR, five annotations", ms, ratio, faster, 5)
    for name, call in _opencv():
        ms, ratio = _against(call, _slic, images, repeat)
        _row(f"for comparison: {name}", ms, ratio, "", None)


def memory(images):
    print(f"\n{'':34}bytes per pixel beyond the input   target")
    for name, (_, _, most) in _CASES.items():
        used = _peak_bytes_a_pixel(name, images)
        print(f"{name:34}{used:13.0f}{f'at most {most}' if most else '':>28}")


def threads(images):
    print(f"\n{'n_jobs=2 against 1, threads':34}{'speed-up':>8}{'target':>12}")
    for name, (prepare, call, _) in _CASES.items():
        inputs = [prepare(image) for image in images] * 3
        seconds = {1: [], 2: []}
        for n_jobs in (1, 2) * 3:
            start = time.perf_counter()
            Parallel(n_jobs=n_jobs, prefer="threads")(delayed(call)(i) for i in inputs)
            seconds[n_jobs].append(time.perf_counter() - start)
        one, two = (statistics.median(seconds[n]) for n in (1, 2))
        print(f"{name:34}{one / two:8.2f}{1.8:12.1f}")


def by_pixels(images):
    print(f"{'nanoseconds/pixel at K = 1000':34}  megapixels")
    sides = (316, 632, 1265, 2530, 5000)
    print(f"{'':34}" + "".join(f"{side * side / 1e6:8.1f}" for side in sides))
    for name, (prepare, call, _) in _CASES.items():
        row = []
        for side in sides:
            array = prepare(_mosaic(images, side))
            runs = max(1, min(5, (2000 // side) ** 2))
            row.append(_seconds(lambda c=call, a=array: c(a), runs) / side**2)
        print(f"{name:34}" + "".join(f"{1e9 * taken:8.0f}" for taken in row))


# What is segmented, how, and the most memory that is allowed, in bytes per pixel.
_CASES = {
    "ers, 4 neighbours": (
        lambda image: rgb_affinity(image, connectivity=4),
        lambda affinity: ers(affinity, 1000),
        40,
    ),
    "ers, 8 neighbours": (rgb_affinity, lambda affinity: ers(affinity, 1000), 64),
    "fh, 8 neighbours": (rgb_affinity, lambda affinity: fh(affinity), None),
    "fh_image, 8 neighbours": (lambda image: image, lambda i: fh_image(i), None),
    "snic": (lambda image: image, lambda image: snic(image, 1000), None),
}


def _peak_bytes_a_pixel(case, images, side=2000):
    prepare, _, _ = _CASES[case]
    context = multiprocessing.get_context("spawn")
    receiver, sender = context.Pipe(duplex=False)
    with tempfile.NamedTemporaryFile(suffix=".npy") as file:
        np.save(file, prepare(_mosaic(images, side)))
        file.flush()
        process = context.Process(target=_send_growth, args=(case, file.name, sender))
        process.start()
        grown = receiver.recv()
        process.join()
    return grown / side**2


def _send_growth(case, path, sender):
    _, call, _ = _CASES[case]
    array = np.load(path)
    # A first call loads what is loaded once.
    call(array[:100, :100].copy())
    # The peak starts anew from here: a process inherits its parent's.
    Path("/proc/self/clear_refs").write_text("5")
    before = _kilobytes("VmHWM")
    call(array)
    sender.send(1024 * (_kilobytes("VmHWM") - before))


def _kilobytes(field):
    status = Path("/proc/self/status").read_text()
    return int(re.search(rf"^{field}:\s+(\d+) kB", status, re.MULTILINE)[1])


def _mosaic(images, side):
    upright = [i if i.shape[0] < i.shape[1] else i.swapaxes(0, 1) for i in images]
    height, width = upright[0].shape[:2]
    tiles = itertools.cycle(upright)
    rows = [
        np.concatenate([next(tiles) for _ in range(-(-side // width))], axis=1)
        for _ in range(-(-side // height))
    ]
    return np.ascontiguousarray(np.concatenate(rows)[:side, :side])


def _slic(image):
    return slic(image, 300)


def _felzenszwalb(image):
    return felzenszwalb(image, scale=100, sigma=0.8, min_size=20)


def _pysnic(images, repeat):
    try:
        from pysnic.algorithms.snic import snic as pysnic
    except ImportError:
        print("pysnic is not installed: left out (pip install pysnic)")
        return
    from skimage.color import rgb2lab

    crops = [image[:96, :128] for image in images[:3]]
    ms, ratio = _against(
        lambda image: snic(image, 50),
        lambda image: pysnic(rgb2lab(image).tolist(), 50, 10),
        crops,
        1 if repeat < 3 else 2,
    )
    _row("snic, 96 x 128, K = 50", ms, ratio, f"pysnic {1 / ratio:.0f}x", None)


def _opencv():
    try:
        import cv2
        from cv2 import ximgproc
    except ImportError:
        print("OpenCV (contrib) is not installed: left out")
        return
    cv2.setNumThreads(1)

    def run(segmenter, iterations):
        segmenter.iterate(iterations)
        return segmenter.getLabels()

    def lab(image):
        return cv2.cvtColor(image, cv2.COLOR_RGB2LAB)

    yield (
        "OpenCV SLIC",
        lambda i: run(ximgproc.createSuperpixelSLIC(lab(i), 101, 23, 10.0), 10),
    )
    yield (
        "OpenCV LSC",
        lambda i: run(ximgproc.createSuperpixelLSC(lab(i), 23, 0.075), 10),
    )

    def seeds(image):
        height, width = image.shape[:2]
        segmenter = ximgproc.createSuperpixelSEEDS(width, height, 3, 300, 4, 2, 5)
        segmenter.iterate(lab(image), 10)
        return segmenter.getLabels()

    yield "OpenCV SEEDS", seeds


def _against(ours, peer, inputs, repeat):
    """Our milliseconds, and our time over the peer's: medians over the inputs."""
    mine, ratios = [], []
    for item in inputs:
        taken = ([], [])
        for _ in range(repeat):
            for call, seconds in zip((ours, peer), taken, strict=True):
                seconds.append(_seconds(lambda c=call, i=item: c(i), 1))
        mine.append(statistics.median(taken[0]))
        ratios.append(mine[-1] / statistics.median(taken[1]))
    return 1e3 * statistics.median(mine), statistics.median(ratios)


def _median_seconds(call, inputs, repeat):
    return statistics.median(
        _seconds(lambda i=item: call(i), repeat) for item in inputs
    )


def _seconds(call, repeat):
    seconds = []
    for _ in range(repeat):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return statistics.median(seconds)


def _row(name, ms, ratio, faster, target):
    wanted = "" if target is None else f"{target:g}x"
    print(f"{name:34}{ms:8.2f}{ratio:8.3f}  {faster:20} {wanted}", flush=True)


if __name__ == "__main__":
    sys.exit(main())
