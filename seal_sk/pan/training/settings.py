"""The parameters of a training: names, defaults, constraints, and which are saved."""

# The fields are made by functions that only attach metadata to them.
# ruff: noqa: RUF009

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from numbers import Integral, Real
from pathlib import Path
from typing import Any, Literal

import numpy as np

from ..._compat import Interval, StrOptions
from ..._typing import PathLike
from ..registry import NETWORKS

__all__ = [
    "CHECKPOINT",
    "CONSTRAINTS",
    "DECIDING",
    "NAMES",
    "Settings",
    "plain",
    "saved",
]

#: The file in `checkpoint_dir`.
CHECKPOINT = "checkpoint.pt"

LR_MIN = 1e-6


def _decides(default: Any, *constraint: Any) -> Any:
    """A parameter that determines the course: a resumed training has the same value."""
    return field(default=default, metadata={"constraint": constraint, "decides": True})


def _start(default: Any, *constraint: Any) -> Any:
    """A parameter that determines how a training starts."""
    return field(default=default, metadata={"constraint": constraint})


def _of_a_run(default: Any, *constraint: Any) -> Any:
    """A parameter of a machine or a run, which is not saved."""
    return field(default=default, metadata={"constraint": constraint, "of_a_run": True})


def _choice(*names: str) -> StrOptions:
    return StrOptions(set(names))


def _at_least(least: float, kind: type = Integral) -> Interval:
    return Interval(kind, least, None, closed="left")


_ABOVE_0 = Interval(Real, 0, None, closed="neither")
# Beyond this, steps could not be represented in float32.
_LARGEST = 1e37
_SHARE = Interval(Real, 0, 1, closed="left")


@dataclass(frozen=True)
class Settings:
    """The parameters of a training, which `LearnedAffinity` documents.

    This list defines them. Signatures and docstrings of estimators repeat it for their
    readers, and tests compare them with it.
    """

    network: Literal["pan", "unet", "mobile"] = _start("pan", _choice(*NETWORKS))
    width: int | None = _start(None, None, _at_least(1))
    use_edges: bool = _start(True, "boolean")
    loss: str | Callable[..., Any] = _decides(
        "seal", _choice("seal", "bce", "balanced_bce"), callable
    )
    annotations: Literal["each", "mean"] = _decides("each", _choice("each", "mean"))
    augmentation: Literal["rigid", "full", "disturbed"] = _decides(
        "rigid", _choice("rigid", "full", "disturbed")
    )
    train_segment_size: float = _decides(515, _at_least(1, Real))
    weights: PathLike | None = _of_a_run(None, None, str, Path)
    max_iter: int = _decides(2000, _at_least(0))
    max_time: float | None = _of_a_run(None, None, _ABOVE_0)
    batch_size: int = _decides(4, _at_least(1))
    crop_size: int | None = _decides(160, None, _at_least(8))
    lr: float = _decides(1e-3, Interval(Real, 0, _LARGEST, closed="right"))
    lr_schedule: Literal["cosine", "step", "constant"] = _decides(
        "cosine", _choice("cosine", "step", "constant")
    )
    lr_step: int = _decides(30_000, _at_least(1))
    weight_decay: float = _decides(1e-4, Interval(Real, 0, _LARGEST, closed="both"))
    averaging: float = _decides(0.0, _SHARE)
    # It affects only which images are held out, and the course includes these.
    validation_fraction: float = _start(0.1, _SHARE)
    validate_every: int = _decides(100, _at_least(1))
    n_iter_no_change: int | None = _decides(None, None, _at_least(1))
    ignore_label: int | None = _decides(None, None, Integral)
    precision: Literal["auto", "float32", "bfloat16"] = _decides(
        "auto", _choice("auto", "float32", "bfloat16")
    )
    checkpoint_dir: PathLike | None = _of_a_run(None, None, str, Path)
    warm_start: bool = _of_a_run(False, "boolean")
    device: str = _of_a_run("auto", str)
    n_jobs: int | None = _of_a_run(None, None, Integral)
    random_state: int | np.random.RandomState | None = _of_a_run(None, "random_state")
    verbose: int = _of_a_run(0, "verbose")

    @classmethod
    def of(cls, estimator: Any) -> Settings:
        """The settings of an estimator that has them as parameters."""
        return cls(**{name: plain(getattr(estimator, name)) for name in NAMES})

    def lr_at(self, iteration: int) -> float:
        """Learning rate of an iteration, counted from 0."""
        factor = 1.0
        if self.lr_schedule == "step":
            factor = 0.1 ** (iteration // self.lr_step)
        elif self.lr_schedule == "cosine":
            share = min(iteration / self.max_iter, 1.0)
            factor = 0.5 * (1.0 + math.cos(math.pi * share))
        return max(self.lr * factor, min(self.lr, LR_MIN))


#: All parameters, in the order of the signatures.
NAMES = [one.name for one in fields(Settings)]
#: Those that determine the course of a training.
DECIDING = [one.name for one in fields(Settings) if "decides" in one.metadata]
#: Their constraints, as in `_parameter_constraints` of an estimator.
CONSTRAINTS = {one.name: list(one.metadata["constraint"]) for one in fields(Settings)}

# `memory` is a parameter of the estimators, not of the training.
_OF_A_RUN = {
    "memory",
    *(one.name for one in fields(Settings) if "of_a_run" in one.metadata),
}


def saved(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an estimator that are saved in its file.

    Those of a machine or a run are left out, and so are functions, which can't be
    saved.
    """
    return {
        name: plain(value)
        for name, value in params.items()
        if name not in _OF_A_RUN and not callable(value)
    }


def plain(value: Any) -> Any:
    """A value as a Python type, since NumPy's scalars can't be read back safely."""
    return value.item() if isinstance(value, np.generic) else value
