"""The reader of MAT-files against SciPy's, and h5py on damaged files of version 7.3.

    python benchmarks/mat.py

Reads the files of annotations of BSDS500 with both readers in turns, compares the
annotations, and prints the median time of all files. Then changes a file of version 7.3
in one bit or byte at a time, and counts how reading it ends.
"""

import argparse
import multiprocessing
import statistics
import time
from collections import Counter
from pathlib import Path
from tempfile import TemporaryDirectory

import h5py
import numpy as np
from _data import bsds500
from scipy.io import loadmat

from seal_sk.io.mat import read_mat

CHANGES = (1, 2, 4, 8, 16, 32, 64, 128, 255)


def ours(path):
    cells = read_mat(path)["groundTruth"].ravel()
    return [cell[0, 0]["Segmentation"] for cell in cells]


def scipys(path):
    cells = loadmat(path)["groundTruth"].ravel()
    return [cell["Segmentation"][0, 0] for cell in cells]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data-home", help="folder that holds BSDS500")
    parser.add_argument("--turns", type=int, default=3)
    parser.add_argument("--every", type=int, default=7, help="of the changes")
    args = parser.parse_args()

    files = [
        path
        for subset in ("train", "val", "test")
        for path in bsds500(subset, args.data_home).annotations.items
    ]
    seconds = {ours: [], scipys: []}
    for _ in range(args.turns):
        found = {}
        for read, times in seconds.items():
            began = time.perf_counter()
            found[read] = [one for path in files for one in read(path)]
            times.append(time.perf_counter() - began)
    equal = sum(map(np.array_equal, found[ours], found[scipys]))
    n = len(found[scipys])
    print(f"{equal} of {n} annotations in {len(files)} files are equal")
    for read, times in seconds.items():
        print(f"{read.__name__:8s} {statistics.median(times):.2f} s")
    print("damaged files of version 7.3:", damaged(args.every))


def damaged(every):
    """How reading changed files ends, in processes that may be killed by it."""
    with TemporaryDirectory() as folder:
        path = Path(folder, "a.mat")
        labels = np.indices((24, 31)).sum(0) // 3
        with h5py.File(path, "w", userblock_size=512) as file:
            file.create_dataset("labels", data=labels.astype(np.int32), chunks=(8, 31))
        content = bytearray(path.read_bytes())
        content[:10] = b"MATLAB 7.3"
        changes = [(i, bits) for i in range(512, len(content)) for bits in CHANGES]
        changes = changes[::every]
        log, n_done, n_killed = Path(folder, "log"), 0, 0
        log.touch()
        while n_done < len(changes):
            process = multiprocessing.Process(
                target=_read_changed, args=(path, content, changes[n_done:], log)
            )
            process.start()
            process.join()
            n_done = len(log.read_text())
            if process.exitcode != 0:
                n_killed += 1
                with log.open("a") as file:
                    file.write("k")
                n_done += 1
        endings = Counter(log.read_text())
    return f"{endings['r']} read, {endings['e']} OSError, {n_killed} killed"


def _read_changed(path, content, changes, log):
    # A letter per file, written at once, since the process may end.
    with log.open("a") as file:
        for i, bits in changes:
            changed = bytearray(content)
            changed[i] ^= bits
            path.write_bytes(changed)
            try:
                read_mat(path)
            except OSError:
                file.write("e")
            else:
                file.write("r")
            file.flush()


if __name__ == "__main__":
    main()
