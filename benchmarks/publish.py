"""What docs/results holds of a folder that seal-sk bench filled.

    python benchmarks/publish.py results docs/results/bsds500

The report without photographs, whose licence forbids to pass them on; the figures of
every protocol; and the table, with the columns that the protocols need, in single
precision.
"""

import argparse
import sys
from io import BytesIO
from pathlib import Path

import numpy as np

from seal_sk._files import replace_file
from seal_sk.benchmark import PROTOCOLS, read_results, write_report

KEPT = [
    *("dataset", "image", "annotation", "method", "requested", "n_segments"),
    *("n_regions", "seconds", "peak_memory", "parameters", "versions", "machine"),
    *sorted({m.column for p in PROTOCOLS.values() for m in p.metrics.values()}),
]


def main():
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("results", type=Path)
    parser.add_argument("out", type=Path)
    args = parser.parse_args()

    for name in PROTOCOLS:
        place = args.out if name == "tu2018" else args.out / name
        write_report(args.results, place, protocol=name, pictures=False)
    results = read_results(args.results)
    table = results.table[KEPT]
    single = dict.fromkeys(table.select_dtypes("float64"), np.float32)
    buffer = BytesIO()
    table.astype(single).to_parquet(buffer, index=False, compression="zstd")
    replace_file(args.out / "table.parquet", buffer.getvalue())
    replace_file(args.out / "run.json", (results.folder / "run.json").read_bytes())


if __name__ == "__main__":
    sys.exit(main())
