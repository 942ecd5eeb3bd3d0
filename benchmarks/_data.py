"""Location of the data sets for the benchmarks."""

import os
from pathlib import Path

from seal_sk.datasets import fetch_bsds500
from seal_sk.datasets.places import find_data_home

# A data folder beside the repository, shared by its checkouts.
_BESIDE = Path(__file__).parents[2] / "shared" / "data"


def data_home(given=None):
    """Data folder; without any setting, the one beside the repository comes first."""
    if given is None and "SEAL_SK_DATA" not in os.environ and _BESIDE.is_dir():
        return _BESIDE
    return find_data_home(given)


def bsds500(subset, given=None):
    """`fetch_bsds500` from the data folder of the benchmarks."""
    return fetch_bsds500(subset=subset, data_home=data_home(given))
