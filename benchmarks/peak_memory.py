"""Peak memory of whole calls on large images, from the image to the label map.

    python benchmarks/peak_memory.py

Each row is the growth of the peak memory (`ru_maxrss`) of a process during one call.
The process is a fresh one that has segmented a small image before, so libraries and the
network are loaded already. The image (8-bit RGB) exists before the call and does not
count; the label map does. Images are a repeated generated scene, with one superpixel
requested per 500 pixels. Linux and macOS.
"""

import argparse
import json
import subprocess
import sys

_METHODS = ("snic", "slic", "fh", "ers", "seal-ers", "seal")
_MEGAPIXELS = (1, 4, 16)
_PIXELS_A_SEGMENT = 500
_TILE = 250


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--methods", nargs="+", default=_METHODS, choices=_METHODS)
    parser.add_argument("--megapixels", nargs="+", type=int, default=_MEGAPIXELS)
    args = parser.parse_args()

    print(f"{'':10}" + "".join(f"{f'{m} megapixels':>22}" for m in args.megapixels))
    for method in args.methods:
        cells = []
        for megapixels in args.megapixels:
            grown = _in_fresh_process(method, megapixels)
            cells.append(
                f"{grown / 2**20:6.0f} MiB {grown / megapixels / 1e6:5.0f} B/px"
            )
        print(f"{method:10}" + "".join(f"{cell:>22}" for cell in cells), flush=True)


def _in_fresh_process(method, megapixels):
    # A child's peak starts at the size of its parent, which imports nothing large.
    command = f"from peak_memory import measure; measure({method!r}, {megapixels})"
    result = subprocess.run(
        [sys.executable, "-c", command],
        cwd=sys.path[0],
        stdout=subprocess.PIPE,
        check=True,
    )
    return json.loads(result.stdout)


def measure(method, megapixels):
    """Print by how many bytes one call raises the peak of this process."""
    import numpy as np

    from seal_sk.benchmark import METHODS
    from seal_sk.datasets import make_scenes

    ((scene,), _) = make_scenes(1, shape=(_TILE, _TILE), random_state=0)
    rows = round((megapixels * 1e6 / _TILE**2) ** 0.5)
    image = np.tile(scene, (rows, rows, 1))
    estimator = METHODS[method]()
    estimator.set_params(n_segments=20).transform([scene])
    estimator.set_params(
        n_segments=image.shape[0] * image.shape[1] // _PIXELS_A_SEGMENT
    )
    before = _peak()
    estimator.transform([image])
    print(json.dumps(_peak() - before))


def _peak():
    import resource

    unit = 1 if sys.platform == "darwin" else 1024
    return unit * resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


if __name__ == "__main__":
    main()
