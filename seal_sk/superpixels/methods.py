"""The methods of the command line and of the benchmark, by name."""

from __future__ import annotations

from importlib import import_module
from typing import Any

__all__ = ["METHODS", "method_class"]

#: The estimator of each method; its module is imported when needed.
METHODS = {
    "ers": "ERSSuperpixels",
    "fh": "FHSuperpixels",
    "lsc": "LSCSuperpixels",
    "seal": "SEALSuperpixels",
    "seeds": "SEEDSSuperpixels",
    "slic": "SLICSuperpixels",
    "snic": "SNICSuperpixels",
}


def method_class(name: str) -> type[Any]:
    """The estimator of a method."""
    return getattr(import_module(__package__), METHODS[name])
