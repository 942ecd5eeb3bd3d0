"""A benchmark of superpixels: data set x methods x counts -> one tidy table.

`run_benchmark` fills a folder of results, from where it was if it was interrupted;
`read_results` gives its table; `summarize`, `average_over_counts` and `compare` reduce
it under a named protocol; `write_report` draws it. On the command line: ``seal-sk
bench`` and ``seal-sk report``. Needs ``pip install "seal_sk[bench]"``.
"""

from importlib.util import find_spec

_NEEDS = ("pandas", "pyarrow", "jinja2")

if missing := [name for name in _NEEDS if find_spec(name) is None]:
    raise ImportError(
        f"seal_sk.benchmark needs {', '.join(missing)}, which "
        f"{'is' if len(missing) == 1 else 'are'} not installed: pip install "
        '"seal_sk[bench]"'
    )

from .methods import METHODS, LabelMaps, find_methods  # noqa: E402
from .protocols import PROTOCOLS, Metric, Protocol  # noqa: E402
from .report import write_report  # noqa: E402
from .results import Results, read_results  # noqa: E402
from .running import BenchmarkError, run_benchmark  # noqa: E402
from .summary import average_over_counts, compare, summarize  # noqa: E402

__all__ = [
    "METHODS",
    "PROTOCOLS",
    "BenchmarkError",
    "LabelMaps",
    "Metric",
    "Protocol",
    "Results",
    "average_over_counts",
    "compare",
    "find_methods",
    "read_results",
    "run_benchmark",
    "summarize",
    "write_report",
]
