"""``seal-sk bench``: compare methods on a data set."""

import shlex
import sys
from argparse import Namespace
from pathlib import Path
from typing import TYPE_CHECKING

from .data import add_data, load_data
from .messages import complain, on_terminal
from .parsing import (
    Commands,
    add_command,
    add_jobs,
    add_output,
    add_quiet,
    count,
    whole,
)

if TYPE_CHECKING:
    from ..benchmark import Results

__all__ = ["add_bench"]

_HELP = """\
Score the superpixels of several methods on a data set, at several counts, and
collect the scores in one table.

After an interruption, run the same command again to continue. Other methods,
counts and images are added to the existing results.

Methods run with their default settings, so some return only approximately the
requested number of superpixels (segment and evaluate make every method return
exactly this many). The table gives the number returned.
"""

_NOTES = """\
methods, each optionally preceded by NAME=:
  seal seal-ers ers fh snic slic lsc seeds oracle
  bsds500-fast             network that comes with the package
  package.module:Class     an estimator, its class, or a function returning one
  net.safetensors          network from seal-sk train, or an authors' .pkl file
  estimator.pkl            pickled estimator; unpickling runs code in the file
  folder                   existing label maps: COUNT/IMAGE.png or .tif, .npy,
                           .mat, .csv

examples:
  seal-sk bench --data scenes --methods seal ers slic --counts 40 100
  seal-sk bench --data bsds500 --download --methods seal ers --counts 100 300
  seal-sk bench --data photos --methods seal theirs=maps --counts 300 -o out
  seal-sk report results
"""


def add_bench(commands: Commands) -> None:
    """Add the command to the parser's."""
    bench = add_command(
        commands,
        "bench",
        _bench,
        help="compare methods on a data set",
        description=_HELP,
        epilog=_NOTES,
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
        help="requested numbers of superpixels",
    )
    add_output(
        bench,
        "DIR",
        "folder for the results; an earlier run in it continues (default: %(default)s)",
        default=Path("results"),
    )
    data = add_data(bench, subset="test of bsds500, val of cityscapes, all of others")
    data.add_argument(
        "--tolerance",
        type=whole,
        metavar="PIXELS",
        help="tolerance of boundary scores (default: the data set's, 1 for a folder)",
    )
    data.add_argument(
        "--images",
        type=count,
        metavar="N",
        help="number of images, evenly spaced, for a quick look (default: all)",
    )
    add_jobs(bench, "number of processes, each with one thread; use 1 for timings")
    add_quiet(bench)


def _bench(args: Namespace) -> int:
    from ..benchmark import BenchmarkError, find_methods, run_benchmark
    from ..pipeline.segmenting import bands_of

    # Methods may be modules in the current folder.
    sys.path.insert(0, "")
    methods = find_methods(args.methods)
    # Grey and RGB images suit every method; other numbers of bands, only networks.
    numbers = [bands_of(method) or 3 for method in methods.values()]
    dataset = load_data(args, n_bands=max(numbers))
    try:
        results = run_benchmark(
            dataset,
            methods,
            args.counts,
            args.output,
            n_images=args.images,
            n_jobs=args.jobs,
            progress=on_terminal(args),
        )
    except BenchmarkError as error:
        complain(str(error))
        return 1
    except KeyboardInterrupt:
        complain("run the same command again to continue")
        raise
    _print_summary(results)
    if not args.quiet:
        complain(
            f"the results are in {results.folder}; to draw them: seal-sk report "
            f"{shlex.quote(str(results.folder))}"
        )
    return 0


def _print_summary(results: "Results") -> None:
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
