"""The course of a training, and its state, which can be saved.

A training can be resumed after any step. On a CPU, the result is then bitwise equal to
that of an uninterrupted training.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import Any

import torch
from torch.optim.swa_utils import AveragedModel

from ..._files import replace_file
from ..._typing import PathLike
from ..loss import loss_name
from ..tensors import load_torch
from .settings import DECIDING, Settings

__all__ = ["Course", "TrainingState", "copy_of", "read_checkpoint", "write_checkpoint"]

# Settings that may change when a training is continued from a checkpoint: how the next
# steps are made, and how long it lasts. What was best until then stays comparable.
_OF_STEPS = {"lr", "lr_schedule", "lr_step", "weight_decay"}
_MAY_DIFFER = {*_OF_STEPS, "max_iter", "n_iter_no_change", "precision"}


# Checksums, which say nothing to a reader.
_CHECKSUMS = {
    "data": "other images or ground truths",
    "validation": "other images to validate on",
}


@dataclass(frozen=True)
class Course:
    """The values that determine a training; a resumed one must have the same."""

    settings: Settings  # with the precision chosen by "auto"
    n_train: int
    n_validation: int
    seed: int
    data: int  # checksum of images and ground truths
    # Checksum of the images to validate on, if they were given or chosen by group.
    validation: int | None = None

    def to_dict(self) -> dict[str, Any]:
        """The values that are compared, and written to checkpoints."""
        decided = {name: getattr(self.settings, name) for name in DECIDING}
        others = {k: v for k, v in vars(self).items() if k != "settings"}
        return {**decided, "loss": loss_name(self.settings.loss), **others}

    def differences(self, saved: dict[str, Any]) -> list[str]:
        """The differences from a saved course, a dict, in words.

        Those that are allowed in a continued training are left out.
        """
        return self._differences(saved, self.to_dict().keys() - _MAY_DIFFER)

    def other_steps(self, saved: dict[str, Any]) -> list[str]:
        """How the next steps differ from those of a saved course, in words."""
        return self._differences(saved, _OF_STEPS)

    def _differences(self, saved, names):
        return [
            _CHECKSUMS.get(name, f"{name}={value!r} (it was {saved.get(name)!r})")
            for name, value in self.to_dict().items()
            if name in names and saved.get(name) != value
        ]

    def is_new_attempt(self, saved: dict[str, Any]) -> bool:
        """Whether more steps, more patience or other steps are requested than before.

        The precision does not count, since it may be that of another machine.
        """
        return any(
            saved.get(name) != value
            for name, value in self.to_dict().items()
            if name in _MAY_DIFFER - {"precision"}
        )

    def check_continues(self, saved: dict[str, Any]) -> None:
        """Refuse to continue a training that was started with other settings."""
        differing = self.differences(saved)
        if differing:
            raise ValueError(
                "The training in checkpoint_dir was started with other values: "
                f"{', '.join(differing)}. Set them as they were, or give another "
                "checkpoint_dir."
            )


@dataclass
class TrainingState:
    """The state of a training between two steps."""

    net: torch.nn.Module
    optimizer: torch.optim.Optimizer
    seed: int
    iteration: int = 0
    seconds: float = 0.0
    history: list = field(default_factory=list)
    loss_sum: float = 0.0  # since the last entry of the history
    loss_count: int = 0
    best_asa: float = -1.0
    best_net: dict | None = None
    stale_validations: int = 0
    average: AveragedModel | None = None  # of the weights, if they are averaged

    @classmethod
    def start(cls, net: Any, settings: Settings, seed: int) -> TrainingState:
        """The state before the first step."""
        net = net.to(memory_format=net.memory_format)
        state = cls(net, _adam(net, settings), seed)
        if settings.averaging:
            state.average = AveragedModel(
                net,
                multi_avg_fn=partial(_average, decay=settings.averaging),
                use_buffers=True,
            )
        return state

    @property
    def kept_net(self) -> Any:
        """The network to validate and to keep."""
        return self.net if self.average is None else self.average.module

    def tensors(self) -> list[torch.Tensor]:
        """All numbers that the training changes, which must stay finite."""
        moments = [
            value
            for of_weight in self.optimizer.state.values()
            for value in of_weight.values()
            if isinstance(value, torch.Tensor)
        ]
        # Those without a dimension count steps.
        both = (*self.net.state_dict().values(), *moments)
        return [tensor for tensor in both if tensor.ndim]

    def to_dict(self) -> dict[str, Any]:
        """Copies of all tensors and plain values, on the CPU."""
        modules = ("net", "optimizer", "average")
        plain = {k: v for k, v in vars(self).items() if k not in modules}
        average = self.average and self.average.state_dict()
        return copy_of(
            {
                **plain,
                "architecture": self.net.architecture,
                "net": self.net.state_dict(),
                "average": average,
                "optimizer": self.optimizer.state_dict(),
            }
        )

    def load_dict(self, saved: dict[str, Any]) -> None:
        """Restore a saved state; net and optimizer must fit."""
        # A copy, since the next steps would change the saved state.
        saved = copy_of(saved)
        saved.pop("architecture")
        self.net.load_state_dict(saved.pop("net"))
        self.optimizer.load_state_dict(saved.pop("optimizer"))
        average = saved.pop("average")
        if self.average is not None and average is not None:
            self.average.load_state_dict(average)
        for name, value in saved.items():
            setattr(self, name, value)

    def is_sound(self) -> bool:
        """Whether a restored state is one from which the training can go on."""
        weights, best = self.net.state_dict(), self.best_net
        if best is None:
            best = weights
        counts = (self.seed, self.iteration, self.loss_count, self.stale_validations)
        numbers = (*counts, self.seconds, self.loss_sum, self.best_asa)
        return (
            all(isinstance(count, int) and count >= 0 for count in counts)
            and all(isinstance(number, (int, float)) for number in numbers)
            and isinstance(self.history, list)
            and all(isinstance(line, dict) for line in self.history)
            and best.keys() == weights.keys()
            and all(best[name].shape == weights[name].shape for name in weights)
            and all(
                value.shape == weight.shape
                for weight, moments in self.optimizer.state.items()
                for value in moments.values()
                if value.ndim
            )
            and all(tensor.isfinite().all() for tensor in self.tensors())
            and all(tensor.isfinite().all() for tensor in best.values())
        )

    def forget_validation(self) -> None:
        """Start the search for the best weights again."""
        self.best_asa, self.best_net, self.stale_validations = -1.0, None, 0

    def finished(self, settings: Settings) -> bool:
        """Whether the training is complete."""
        patience = settings.n_iter_no_change
        return self.iteration >= settings.max_iter or (
            patience is not None and self.stale_validations >= patience
        )

    def final_weights(self) -> dict[str, Any]:
        """State dict to keep: the best one in validation; without it, the last one."""
        return self.best_net or copy_of(self.kept_net.state_dict())


def write_checkpoint(path: PathLike, state: dict[str, Any], course: Course) -> None:
    """Write the state of a training, a dict, completely or not at all."""
    buffer = BytesIO()
    torch.save({"course": course.to_dict(), "state": state}, buffer)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, buffer.getvalue())


def read_checkpoint(path: PathLike) -> tuple[dict[str, Any], dict[str, Any]]:
    """Read the course and state that `write_checkpoint` wrote, as dicts."""
    advice = "remove it to start over."
    saved = load_torch(Path(path), "a checkpoint", advice)
    parts = ("course", "state")
    if not isinstance(saved, dict) or not all(
        isinstance(saved.get(part), dict) for part in parts
    ):
        raise ValueError(f"{str(path)!r} is not a checkpoint; {advice}")
    return saved["course"], saved["state"]


def _adam(net, settings):
    return torch.optim.Adam(
        net.parameters(), settings.lr, (0.9, 0.999), weight_decay=settings.weight_decay
    )


@torch.no_grad()
def _average(averaged, current, n_averaged, *, decay):
    """Update an exponential average; at first, it forgets faster than later."""
    n = float(n_averaged)
    share = 1 - min(decay, (1 + n) / (10 + n))
    for old, new in zip(averaged, current, strict=True):
        if old.is_floating_point():
            old.lerp_(new.to(old.dtype), share)
        else:
            old.copy_(new)


def copy_of(value):
    """Deep copy of nested dicts and lists, with tensors on the CPU."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {name: copy_of(item) for name, item in value.items()}
    if isinstance(value, list):
        return [copy_of(item) for item in value]
    return value
