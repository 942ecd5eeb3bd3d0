"""The parameters of a training: names, defaults, constraints, and what is saved."""

# The fields are made by functions that only attach what else is known of them.
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
    """A parameter that decides the course: a training is resumed with the same."""
    return field(default=default, metadata={"constraint": constraint, "decides": True})


def _start(default: Any, *constraint: Any) -> Any:
    """A parameter that decides which network is trained."""
    return field(default=default, metadata={"constraint": constraint})


def _of_a_run(default: Any, *constraint: Any) -> Any:
    """A parameter of a machine or a run, which is not saved."""
    return field(default=default, metadata={"constraint": constraint, "of_a_run": True})


def _choice(*names: str) -> StrOptions:
    return StrOptions(set(names))


def _at_least(least: float, kind: type = Integral) -> Interval:
    return Interval(kind, least, None, closed="left")


_ABOVE_0 = Interval(Real, 0, None, closed="neither")
_SHARE = Interval(Real, 0, 1, closed="left")


@dataclass(frozen=True)
class Settings:
    """The parameters of a training, which `LearnedAffinity` documents.

    This is the only list of them. Signatures and docstrings of estimators repeat it for
    their readers, and tests compare them with it.
    """

    network: Literal["pan", "unet"] = _start("pan", _choice(*NETWORKS))
    width: int | None = _start(None, None, _at_least(1))
    use_edges: bool = _start(True, "boolean")
    loss: str | Callable[..., Any] = _decides(
        "seal", _choice("seal", "bce", "balanced_bce"), callable
    )
    annotations: Literal["each", "mean"] = _decides("each", _choice("each", "mean"))
    augmentation: Literal["rigid", "full"] = _decides("rigid", _choice("rigid", "full"))
    train_segment_size: float = _decides(515, _at_least(1, Real))
    weights: PathLike | None = _of_a_run(None, None, str, Path)
    max_iter: int = _decides(2000, _at_least(1))
    max_time: float | None = _of_a_run(None, None, _ABOVE_0)
    batch_size: int = _decides(4, _at_least(1))
    crop_size: int | None = _decides(160, None, _at_least(8))
    lr: float = _decides(1e-3, _ABOVE_0)
    lr_schedule: Literal["cosine", "step", "constant"] = _decides(
        "cosine", _choice("cosine", "step", "constant")
    )
    lr_step: int = _decides(30_000, _at_least(1))
    weight_decay: float = _decides(1e-4, _at_least(0, Real))
    averaging: float = _decides(0.0, _SHARE)
    # Acts through the images that are held out, of which the course knows.
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
        """Those of an estimator that has them as parameters."""
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


#: All of them, in the order of the signatures.
NAMES = [one.name for one in fields(Settings)]
#: Those that decide the course of a training.
DECIDING = [one.name for one in fields(Settings) if "decides" in one.metadata]
#: As `_parameter_constraints` of an estimator has them.
CONSTRAINTS = {one.name: list(one.metadata["constraint"]) for one in fields(Settings)}

# With the cache of the estimators around it.
_OF_A_RUN = {
    "memory",
    *(one.name for one in fields(Settings) if "of_a_run" in one.metadata),
}


def saved(params: Mapping[str, Any]) -> dict[str, Any]:
    """The parameters of an estimator that its file keeps.

    Those of a machine or a run are left out, and functions, which can't be saved.
    """
    return {
        name: plain(value)
        for name, value in params.items()
        if name not in _OF_A_RUN and not callable(value)
    }


def plain(value: Any) -> Any:
    """A value without NumPy's scalar types, which can't be read back safely."""
    return value.item() if isinstance(value, np.generic) else value
