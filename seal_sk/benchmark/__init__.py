"""A benchmark of superpixels: data set x methods x counts -> one tidy table.

`run_benchmark` writes a folder of results, and continues an interrupted run.
`read_results` returns its table. `summarize`, `average_over_counts` and `compare`
reduce the table under a named protocol. `seal_sk.report.write_report` draws it. On the
command line: ``seal-sk bench`` and ``seal-sk report``. Needs ``pip install
"seal_sk[bench]"``.
"""

from .._extras import import_extra

for _package in ("pandas", "pyarrow", "jinja2"):
    import_extra(_package, "bench", "seal_sk.benchmark")

from ..metrics.catalogue import Metric  # noqa: E402
from .methods import METHODS, LabelMaps, find_methods  # noqa: E402
from .protocols import PROTOCOLS, Protocol  # noqa: E402
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
]
