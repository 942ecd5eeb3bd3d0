"""What docs/results holds of a folder that seal-sk bench filled.

    python benchmarks/publish.py results docs/results/bsds500

The table, with the columns that the protocols need, in single precision; and of it the
report by every protocol, without photographs, whose licence forbids to pass them on.
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
    parser.add_argument(
        "--no-times",
        action="store_true",
        help="leave out seconds and memory, where affinities were kept between counts",
    )
    args = parser.parse_args()

    results = read_results(args.results)
    table = results.table[KEPT]
    if args.no_times:
        table = table.assign(seconds=np.nan, peak_memory=np.nan)
    single = dict.fromkeys(table.select_dtypes("float64"), np.float32)
    buffer = BytesIO()
    table.astype(single).to_parquet(buffer, index=False, compression="zstd")
    args.out.mkdir(parents=True, exist_ok=True)
    replace_file(args.out / "table.parquet", buffer.getvalue())
    replace_file(args.out / "run.json", (results.folder / "run.json").read_bytes())
    for name in PROTOCOLS:
        write_report(args.out, protocol=name, pictures=False)


if __name__ == "__main__":
    sys.exit(main())
