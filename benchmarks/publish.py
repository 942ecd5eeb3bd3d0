"""Reduce a folder of seal-sk bench to the files in docs/results.

    python benchmarks/publish.py results docs/results/bsds500

Writes the table, with the columns that the protocols need, in single precision; its
report, without the photographs, which may not be redistributed; and the tables of the
other protocols.
"""

import argparse
import shutil
import sys
from io import BytesIO
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from seal_sk._files import replace_file
from seal_sk.benchmark import PROTOCOLS, read_results
from seal_sk.report import write_report

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

    try:
        results = read_results(args.results)
    except (FileNotFoundError, ValueError) as error:
        parser.error(str(error))
    if missing := [name for name in KEPT if name not in results.table]:
        parser.error(
            f"the table in {str(args.results)!r} has no {', '.join(missing)}; run "
            "seal-sk bench again."
        )
    table = results.table[KEPT]
    if args.no_times:
        table = table.assign(seconds=np.nan, peak_memory=np.nan)
    # Times are not known to more.
    table = table.round({"seconds": 3, "peak_memory": 0})
    floats = list(table.select_dtypes("floating"))
    # By annotation; the other figures repeat from row to row, which packs by itself.
    scores = ["asa", *(name for name in floats if "recall" in name)]
    buffer = BytesIO()
    table.astype(dict.fromkeys(floats, np.float32)).to_parquet(
        buffer,
        index=False,
        compression="zstd",
        compression_level=19,
        use_dictionary=[name for name in table if name not in floats],
        column_encoding=dict.fromkeys(scores, "BYTE_STREAM_SPLIT"),
    )
    args.out.mkdir(parents=True, exist_ok=True)
    replace_file(args.out / "table.parquet", buffer.getvalue())
    replace_file(args.out / "run.json", (results.folder / "run.json").read_bytes())
    write_report(args.out, pictures=False)
    for name in PROTOCOLS.keys() - {"tu2018"}:
        with TemporaryDirectory() as folder:
            write_report(args.out, folder, protocol=name, pictures=False)
            tables = Path(folder) / "tables"
            shutil.copytree(tables, args.out / name, dirs_exist_ok=True)


if __name__ == "__main__":
    sys.exit(main())
