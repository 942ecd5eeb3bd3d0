"""Location of BSDS500 for the benchmarks."""

import os
from pathlib import Path

from seal_sk.datasets import fetch_bsds500

# A data folder beside the repository, shared by its checkouts.
_BESIDE = Path(__file__).parents[2] / "shared" / "data"


def bsds500(subset, data_home=None):
    """`fetch_bsds500`, which without any setting looks beside the repository first."""
    if data_home is None and "SEAL_SK_DATA" not in os.environ and _BESIDE.is_dir():
        data_home = _BESIDE
    return fetch_bsds500(subset=subset, data_home=data_home)
