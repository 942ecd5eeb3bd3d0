"""The report of a benchmark: one HTML page, and figures and tables for papers.

On the command line: ``seal-sk report``. Needs ``pip install "seal_sk[bench]"``.
"""

from .writing import write_report

__all__ = ["write_report"]
