"""``seal-sk bench``: methods compared on a data set."""

import argparse
import sys
from pathlib import Path

from .parsing import complain, count

__all__ = ["add_bench"]

_HELP = """\
Score superpixels of several methods on a data set, at several counts, into one table.

A run that was interrupted goes on where it was when the same command is given again;
other methods, counts and images are added to what is there.
"""

_NOTES = """\
methods, each with or without NAME= before it:
  seal seal-ers ers fh snic slic lsc seeds oracle
  package.module:Class     an estimator, a class, or a function that returns one
  net.safetensors          a network of SEALSuperpixels.save, or of the authors (.pkl)
  estimator.pkl            pickled; unpickling runs what the file says
  folder                   label maps from elsewhere: COUNT/IMAGE.png or .tif, .npy,
                           .mat, .csv

data:
  bsds500 cityscapes camvid nyuv2     looked for in --data-home (see --download)
  scenes                              generated
  folder                              its images/ and annotations/

examples:
  seal-sk bench --data scenes --methods seal ers slic --counts 40 100
  seal-sk bench --data bsds500 --download --methods seal ers --counts 100 300 1000
  seal-sk bench --data photos --methods seal theirs=maps --counts 300 --out results
  seal-sk report results

The exit status is 0 if all went well, 1 if some methods failed on some images, 2 if
the command could not be carried out.
"""


def add_bench(commands):
    """Add the command to the parser's."""
    bench = commands.add_parser(
        "bench",
        help="compare methods on a data set",
        description=_HELP,
        epilog=_NOTES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    bench.set_defaults(run=_bench)
    bench.add_argument(
        "--data", required=True, metavar="NAME_OR_DIR", help="the data set, see below"
    )
    bench.add_argument(
        "--data-home",
        type=Path,
        metavar="DIR",
        help="folder that holds the data set (default: $SEAL_SK_DATA, or a cache of "
        "the user)",
    )
    bench.add_argument(
        "--download",
        action="store_true",
        help="download BSDS500 (71 MB, for research only) where it is not found",
    )
    bench.add_argument(
        "--subset",
        metavar="NAME",
        help="part of the data set (default: test of bsds500, val of cityscapes, of "
        "others all)",
    )
    bench.add_argument(
        "--ignore-label",
        type=int,
        metavar="N",
        help="label of unknown pixels in a folder's annotations",
    )
    bench.add_argument(
        "--tolerance",
        type=int,
        metavar="PIXELS",
        help="of boundary scores (default: the data set's, 1 for a folder)",
    )
    bench.add_argument(
        "--methods", nargs="+", required=True, metavar="METHOD", help="see below"
    )
    bench.add_argument(
        "--counts",
        nargs="+",
        type=count,
        required=True,
        metavar="N",
        help="superpixels asked for",
    )
    bench.add_argument(
        "--images",
        type=count,
        metavar="N",
        help="so many images, evenly spaced, for a quick look (default: all)",
    )
    bench.add_argument(
        "--out",
        type=Path,
        default=Path("results"),
        metavar="DIR",
        help="folder for the results (default: %(default)s)",
    )
    bench.add_argument(
        "--jobs",
        type=count,
        default=1,
        metavar="N",
        help="processes, each on one thread; for timings take 1 (default: %(default)s)",
    )
    bench.add_argument(
        "--quiet", action="store_true", help="no progress bar and no table at the end"
    )


def _bench(args):
    from ..benchmark import BenchmarkError, find_methods, run_benchmark
    from ..datasets.find import find_dataset

    # Modules of the folder that the command is given in can be named.
    sys.path.insert(0, "")
    methods = find_methods(args.methods)
    dataset = find_dataset(
        args.data,
        data_home=args.data_home,
        subset=args.subset,
        ignore_label=args.ignore_label,
        tolerance=args.tolerance,
        download_if_missing=args.download,
    )
    try:
        results = run_benchmark(
            dataset,
            methods,
            args.counts,
            args.out,
            n_images=args.images,
            n_jobs=args.jobs,
            progress=not args.quiet,
        )
    except BenchmarkError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("the same command goes on from here")
        raise
    if not args.quiet:
        _print_summary(results)
    return 0


def _print_summary(results):
    from ..benchmark import PROTOCOLS, summarize

    protocol = PROTOCOLS["tu2018"]
    names = list(protocol.metrics)
    summary = summarize(results, protocol)
    n_images = int(summary["n_images"].max())
    print(f"{results.run['dataset']['name']}, {n_images} images, {protocol.name}")
    if n_images < (n_all := results.table["image"].nunique()):
        print(f"(means over the {n_images} of {n_all} images that all methods have)")
    width = max(6, *map(len, summary["method"]))
    heads = "  ".join(f"{name:>6}" for name in names)
    print(f"{'method':{width}}  asked  superpixels  {heads}  seconds")
    for _, row in summary.iterrows():
        scores = "  ".join(f"{row[name]:.4f}" for name in names)
        print(
            f"{row['method']:{width}}  {row['requested']:5d}  "
            f"{row['n_segments']:11.1f}  {scores}  {row['seconds']:7.3f}"
        )
    print(f"The table is in {results.folder}; draw it with: seal-sk report ", end="")
    print(results.folder)
