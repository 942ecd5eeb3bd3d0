"""Training of an affinity network: predict, segment, weigh by the leaks, step.

A training is a state that can be written down after any step and taken up again;
on a CPU it then goes on bit for bit as if it had never stopped.
"""

from __future__ import annotations

import math
import signal
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from copy import deepcopy
from dataclasses import dataclass, field
from functools import partial
from io import BytesIO
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
import torch
from torch.optim.swa_utils import AveragedModel

from .._files import replace_file
from .loss import SEALLoss

if TYPE_CHECKING:
    from .._typing import PathLike
    from .samples import Sample, Samples


__all__ = [
    "Course",
    "TrainingState",
    "read_checkpoint",
    "resolve_device",
    "resolve_precision",
    "train",
    "write_checkpoint",
]

_LR_MIN = 1e-6

# What may differ between a training and its continuation from a checkpoint.
_MAY_DIFFER = ("max_iter", "n_iter_no_change")


@dataclass(frozen=True)
class Course:
    """What decides the course of a training; a resumed one must have the same."""

    loss: str  # as `loss_name` says it
    train_segment_size: float
    ignore_label: int | None
    batch_size: int
    lr: float
    lr_schedule: str
    lr_step: int
    max_iter: int
    weight_decay: float
    precision: str
    crop_size: int | None
    annotations: str
    augmentation: str
    averaging: float
    validate_every: int
    n_iter_no_change: int | None
    n_train: int
    n_validation: int
    seed: int
    data: int  # checksum of images and ground truths

    @classmethod
    def of(cls, params: dict[str, Any], **changes: Any) -> Course:
        """Course of an estimator's parameters, and what they don't say."""
        values = {**params, **changes}
        values = {name: values[name] for name in cls.__dataclass_fields__}
        # NumPy scalars, as a search sets them, can't be read back safely.
        return cls(
            **{
                k: v.item() if isinstance(v, np.generic) else v
                for k, v in values.items()
            }
        )

    def differences(self, saved: dict[str, Any]) -> list[str]:
        """What a saved course, a dict, has otherwise, in words."""
        return [
            f"{name}={value!r} (it was {saved.get(name)!r})"
            for name, value in vars(self).items()
            if name not in _MAY_DIFFER and saved.get(name) != value
        ]

    def check_continues(self, saved: dict[str, Any]) -> None:
        """Refuse to go on with a training that was begun otherwise."""
        differing = self.differences(saved)
        if differing:
            raise ValueError(
                "The training in checkpoint_dir was begun otherwise: "
                f"{', '.join(differing)}. Set them as they were, or give another "
                "checkpoint_dir."
            )

    def lr_at(self, iteration: int) -> float:
        """Learning rate of an iteration, counted from 0."""
        factor = 1.0
        if self.lr_schedule == "step":
            factor = 0.1 ** (iteration // self.lr_step)
        elif self.lr_schedule == "cosine":
            share = min(iteration / self.max_iter, 1.0)
            factor = 0.5 * (1.0 + math.cos(math.pi * share))
        return max(self.lr * factor, min(self.lr, _LR_MIN))


@dataclass
class TrainingState:
    """All that a training has to remember between two steps."""

    net: torch.nn.Module
    optimizer: torch.optim.Optimizer
    seed: int
    iteration: int = 0
    seconds: float = 0.0
    history: list = field(default_factory=list)
    loss_sum: float = 0.0  # since the last line of the history
    loss_count: int = 0
    best_asa: float = -1.0
    best_net: dict | None = None
    stale_validations: int = 0
    average: AveragedModel | None = None  # of the weights, where they are averaged

    @classmethod
    def start(cls, net: Any, course: Course, seed: int) -> TrainingState:
        """State before the first step."""
        net = net.to(memory_format=net.memory_format)
        state = cls(net, _adam(net, course), seed)
        if course.averaging:
            state.average = AveragedModel(
                net,
                multi_avg_fn=partial(_average, decay=course.averaging),
                use_buffers=True,
            )
        return state

    @property
    def kept_net(self) -> Any:
        """The network to validate and to keep."""
        return self.net if self.average is None else self.average.module

    def to_dict(self) -> dict[str, Any]:
        """Copies of all tensors and plain values, on the CPU."""
        modules = ("net", "optimizer", "average")
        plain = {k: v for k, v in vars(self).items() if k not in modules}
        average = self.average and self.average.state_dict()
        return _copy(
            {
                **plain,
                "architecture": self.net.architecture,
                "net": self.net.state_dict(),
                "average": average,
                "optimizer": self.optimizer.state_dict(),
            }
        )

    def load_dict(self, saved: dict[str, Any]) -> None:
        """Take up a saved state; net and optimizer must fit."""
        # A copy, or the steps to come would change what was saved.
        saved = _copy(saved)
        saved.pop("architecture")
        self.net.load_state_dict(saved.pop("net"))
        self.optimizer.load_state_dict(saved.pop("optimizer"))
        average = saved.pop("average")
        if self.average is not None and average is not None:
            self.average.load_state_dict(average)
        for name, value in saved.items():
            setattr(self, name, value)

    def forget_validation(self) -> None:
        """Start the search for the best weights over."""
        self.best_asa, self.best_net, self.stale_validations = -1.0, None, 0

    def finished(self, course: Course) -> bool:
        """Whether there is nothing left to do."""
        patience = course.n_iter_no_change
        return self.iteration >= course.max_iter or (
            patience is not None and self.stale_validations >= patience
        )

    def final_weights(self) -> dict[str, Any]:
        """State dict to keep: the best on validation, or the last without one."""
        return self.best_net or _copy(self.kept_net.state_dict())


def train(
    state: TrainingState,
    course: Course,
    samples: Samples,
    criterion: Callable[..., torch.Tensor],
    *,
    device: torch.device,
    validate: Callable[[Any], float] | None = None,
    max_time: float | None = None,
    n_jobs: int = 1,
    checkpoint: Callable[[], None] | None = None,
    progress: bool = False,
) -> str:
    """Go on with a training until it ends, its time is up, or Ctrl-C.

    Parameters
    ----------
    state : TrainingState
        Changed in place; its network lies on `device`.
    course : Course
        How to train.
    samples : Samples
        Where crops come from.
    criterion : callable
        The loss, as `resolve_loss` gives it, called with a part of the batch at a
        time, by several threads. Parameters of its own are neither trained nor moved
        to `device`.
    device : torch.device
        Where the network computes.
    validate : callable, optional
        Takes the network in evaluation mode, returns its ASA.
    max_time : float, optional
        Seconds that this call may take.
    n_jobs : int
        Threads; their number changes the time only.
    checkpoint : callable, optional
        Called with no argument after each validation, and at the end.
    progress : bool
        Whether to show a bar.

    Returns
    -------
    str
        Why it ended: "finished", "time" or "interrupted".

    Raises
    ------
    TypeError, ValueError
        If `criterion` returns no scalar tensor, or one without a gradient.
    FloatingPointError
        If the training diverges.
    """
    began = time.monotonic()
    reason = "finished"
    with (
        _interrupt_flag() as interrupted,
        _single_threaded_torch(),
        ThreadPoolExecutor(n_jobs) as pool,
        ThreadPoolExecutor(n_jobs) as workers,
        _Bar(progress, state, course) as bar,
    ):
        seconds_before = state.seconds
        stepper = _Stepper(state, course, criterion, device, pool, workers)
        batch = _draw(pool, samples, state.iteration, course)
        while not state.finished(course):
            following = _draw(pool, samples, state.iteration + 1, course)
            loss = stepper.step(batch)
            batch = following
            state.iteration += 1
            state.loss_sum += loss
            state.loss_count += 1
            state.seconds = seconds_before + time.monotonic() - began
            if (
                state.iteration % course.validate_every == 0
                or state.iteration == course.max_iter
            ):
                _close_interval(state, course, validate)
                if checkpoint is not None:
                    checkpoint()
            bar.update()
            if interrupted.is_set():
                reason = "interrupted"
                break
            if max_time is not None and time.monotonic() - began >= max_time:
                reason = "time"
                break
        for future in batch:
            future.cancel()
        if interrupted.is_set():
            reason = "interrupted"
        state.seconds = seconds_before + time.monotonic() - began
        if checkpoint is not None and reason != "finished":
            checkpoint()
    return reason


@contextmanager
def _single_threaded_torch():
    """Let each thread compute by itself.

    The threads inside an operation of torch wait for each other many times a step,
    spinning: on busy cores that takes longer than the work. And their number decides
    how sums are rounded. Several samples at a time use the cores as well.
    """
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


class _Stepper:
    """Steps of the optimizer, with the parts of a batch in threads.

    A part is predicted, cut, weighed and differentiated by one thread while others do
    the same with the next. Gradients are added in the order of the parts, so that the
    number of threads changes nothing.
    """

    def __init__(self, state, course, criterion, device, pool, workers):
        self.state = state
        self.course = course
        self.criterion = criterion
        self.device = device
        self.pool = pool  # cuts superpixels
        self.workers = workers  # each has a part
        # On a GPU the parts are halves, elsewhere single samples; but what is
        # normalised over the batch needs all of it.
        self.at_a_time = 1 if device.type == "cpu" else math.ceil(course.batch_size / 2)
        if state.net.normalizes_batch:
            self.at_a_time = course.batch_size
        # Each part has buffers of its own: running statistics are written to in the
        # prediction. The weights are shared.
        shared = {id(weight): weight for weight in state.net.parameters()}
        self.nets = [
            deepcopy(state.net, dict(shared)) for _ in range(course.batch_size)
        ]

    def step(self, batch):
        """One step on a batch of drawn samples; the loss before it."""
        state = self.state
        for group in state.optimizer.param_groups:
            group["lr"] = self.course.lr_at(state.iteration)
        parts = _same_shape([future.result() for future in batch], self.at_a_time)
        shares = [len(part) / len(batch) for part in parts]
        nets = self.nets[: len(parts)]
        results = self.workers.map(self._gradients, nets, parts, shares)
        losses, gradients = zip(*results, strict=True)
        for weight, parts_of_it in zip(
            state.net.parameters(), zip(*gradients, strict=True), strict=True
        ):
            known = [part for part in parts_of_it if part is not None]
            weight.grad = sum(known[1:], start=known[0]) if known else None
        self._take_over_statistics(nets, shares)
        state.optimizer.step()
        if state.average is not None:
            state.average.update_parameters(state.net)
        return sum(losses)

    def _gradients(self, net, samples, share):
        """Loss of a part of the batch, and its gradients by the weights."""
        ignored = {}
        if self.course.ignore_label is not None:
            ignored["ignore_label"] = self.course.ignore_label
        logits, truth = self._logits(net, samples)
        more = dict(ignored)
        if isinstance(self.criterion, SEALLoss):
            # It trains the affinities that are cut; probabilities, as the other losses
            # make them, are calibrated afterwards.
            logits = net.calibrated(logits)
            cut = partial(self.criterion.leak, **ignored)
            leaks = self.pool.map(cut, logits.detach().cpu(), truth)
            more["leak"] = torch.stack(list(leaks)).to(self.device)
        loss = self.criterion(logits, truth.to(self.device), **more)
        _check_loss(loss)
        loss = loss * share
        _check_finite(loss, "loss", self.state)
        weights = list(net.parameters())
        return loss.item(), torch.autograd.grad(loss, weights, allow_unused=True)

    def _logits(self, net, samples):
        """Logits of samples of one shape, and their truth on the CPU."""
        images, truth = (
            torch.stack([torch.from_numpy(getattr(sample, name)) for sample in samples])
            for name in ("image", "truth")
        )
        inputs = [images.to(self.device, memory_format=net.memory_format)]
        if samples[0].edges is not None:
            edges = torch.stack([torch.from_numpy(sample.edges) for sample in samples])
            inputs.append(edges.to(self.device))
        with torch.no_grad():
            for own, current in zip(
                net.buffers(), self.state.net.buffers(), strict=True
            ):
                own.copy_(current)
        with torch.autocast(
            self.device.type,
            torch.bfloat16,
            enabled=self.course.precision == "bfloat16",
        ):
            logits = net.train().logits(*inputs)
        logits = logits.float()
        _check_finite(logits, "prediction", self.state)
        return logits, truth

    @torch.no_grad()
    def _take_over_statistics(self, nets, shares):
        """Move running statistics by the mean of what the parts moved them by."""
        for current, *moved in zip(
            self.state.net.buffers(), *(net.buffers() for net in nets), strict=True
        ):
            if len(nets) == 1 or not current.is_floating_point():
                current.copy_(moved[-1])
                continue
            current += sum(
                share * (own - current)
                for share, own in zip(shares, moved, strict=True)
            )


def _check_loss(loss):
    """Refuse what is no loss, as a user's own function may return it."""
    if not isinstance(loss, torch.Tensor):
        raise TypeError(
            "loss(logits, truth) must return a scalar tensor, not "
            f"{type(loss).__name__}."
        )
    if loss.shape != ():
        raise TypeError(
            "loss(logits, truth) must return a scalar tensor, not one of shape "
            f"{tuple(loss.shape)}; take its mean() or sum()."
        )
    if not loss.requires_grad:
        raise ValueError(
            "loss(logits, truth) returned a tensor without a gradient; compute it from "
            "logits by torch's functions alone, without detach() or item()."
        )


def _check_finite(tensor, what, state):
    if not tensor.isfinite().all():
        raise FloatingPointError(
            f"The {what} is not finite at iteration {state.iteration}; train with a "
            "smaller lr, or with precision='float32'."
        )


def _close_interval(state, course, validate):
    """Write a line of the history, and remember the network if it is the best."""
    line = {
        "iteration": state.iteration,
        "loss": state.loss_sum / state.loss_count,
        "lr": course.lr_at(state.iteration - 1),
        "seconds": state.seconds,
    }
    state.loss_sum, state.loss_count = 0.0, 0
    if validate is not None:
        line["asa"] = validate(state.kept_net.eval())
        if line["asa"] > state.best_asa:
            state.best_asa = line["asa"]
            state.best_net = _copy(state.kept_net.state_dict())
            state.stale_validations = 0
        else:
            state.stale_validations += 1
    state.history.append(line)


def resolve_device(name: str) -> torch.device:
    """A torch device from a parameter; "auto" is CUDA, then MPS, then the CPU."""
    if name != "auto":
        try:
            device = torch.device(name)
            torch.empty(0, device=device)
        except (RuntimeError, AssertionError) as error:
            raise ValueError(f"device={name!r} can't be used here: {error}") from error
        return device
    if torch.cuda.is_available():
        return torch.device("cuda")
    if torch.backends.mps.is_available():
        return torch.device("mps")
    return torch.device("cpu")


def resolve_precision(name: str, device: torch.device) -> str:
    """Precision of the training; "auto" is bfloat16 where the hardware has it."""
    if name != "auto":
        return name
    if device.type == "cuda":
        return "bfloat16" if torch.cuda.is_bf16_supported(False) else "float32"
    if device.type == "cpu" and hasattr(torch.cpu, "get_capabilities"):
        capabilities = torch.cpu.get_capabilities()
        fast = capabilities.get("avx512_bf16") or capabilities.get("amx_bf16")
        return "bfloat16" if fast else "float32"
    return "float32"


def write_checkpoint(path: PathLike, state: TrainingState, course: Course) -> None:
    """Write all of a training's state, whole or not at all."""
    buffer = BytesIO()
    torch.save({"course": vars(course), "state": state.to_dict()}, buffer)
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    replace_file(path, buffer.getvalue())


def read_checkpoint(path: PathLike) -> tuple[dict[str, Any], dict[str, Any]]:
    """Course and state of `write_checkpoint`, as dicts."""
    try:
        saved = torch.load(path, map_location="cpu", weights_only=True)
        return saved["course"], saved["state"]
    except Exception as error:
        raise ValueError(
            f"{str(path)!r} is truncated or no checkpoint ({type(error).__name__}); "
            "remove it to start over."
        ) from error


def _adam(net, course):
    return torch.optim.Adam(
        net.parameters(), course.lr, (0.9, 0.999), weight_decay=course.weight_decay
    )


@torch.no_grad()
def _average(averaged, current, n_averaged, *, decay):
    """Go on with an exponential average; at first it forgets faster than later."""
    n = float(n_averaged)
    share = 1 - min(decay, (1 + n) / (10 + n))
    for old, new in zip(averaged, current, strict=True):
        if old.is_floating_point():
            old.lerp_(new.to(old.dtype), share)
        else:
            old.copy_(new)


def _draw(pool, samples, iteration, course):
    first = iteration * course.batch_size
    return [pool.submit(samples.draw, first + i) for i in range(course.batch_size)]


def _same_shape(batch, at_a_time):
    """Consecutive samples that can be stacked, at most so many at a time."""
    groups: list[list[Sample]] = []
    for sample in batch:
        if (
            groups
            and len(groups[-1]) < at_a_time
            and groups[-1][0].truth.shape == sample.truth.shape
        ):
            groups[-1].append(sample)
        else:
            groups.append([sample])
    return groups


def _copy(value):
    """Deep copy of nested dicts and lists, with the tensors on the CPU."""
    if isinstance(value, torch.Tensor):
        return value.detach().cpu().clone()
    if isinstance(value, dict):
        return {name: _copy(item) for name, item in value.items()}
    if isinstance(value, list):
        return [_copy(item) for item in value]
    return value


@contextmanager
def _interrupt_flag():
    """Set a flag on the first Ctrl-C instead of stopping in the middle of a step."""
    flag = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield flag
        return
    before = signal.getsignal(signal.SIGINT)

    def on_interrupt(signum, frame):
        if flag.is_set():
            raise KeyboardInterrupt
        flag.set()

    signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield flag
    finally:
        signal.signal(signal.SIGINT, before)


class _Bar:
    """Progress with loss, ASA and speed, or nothing."""

    def __init__(self, shown, state, course):
        self.state = state
        self.bar = None
        if shown:
            from tqdm.auto import tqdm

            self.bar = tqdm(
                total=course.max_iter, initial=state.iteration, unit="it", desc="SEAL"
            )

    def __enter__(self):
        return self

    def __exit__(self, *error):
        if self.bar is not None:
            self.bar.close()

    def update(self):
        if self.bar is None:
            return
        if self.state.history:
            line = self.state.history[-1]
            shown = {"loss": f"{line['loss']:.4f}"}
            if "asa" in line:
                shown["ASA"] = f"{line['asa']:.4f}"
            self.bar.set_postfix(shown, refresh=False)
        self.bar.update()
