"""The training loop: predict, segment, weight by the leaks, step."""

from __future__ import annotations

import math
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from copy import deepcopy
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple

import torch

from ..._interrupts import interrupt_flag
from ..convolution import share_samples
from ..loss import SEALLoss, affinity_target, balanced_bce_loss, bce_loss
from .settings import Settings
from .state import TrainingState, copy_of

if TYPE_CHECKING:
    from .samples import Sample, Samples


__all__ = ["train"]


def train(
    state: TrainingState,
    settings: Settings,
    samples: Samples,
    criterion: Callable[..., torch.Tensor],
    *,
    device: torch.device,
    validate: Callable[[Any], float] | None = None,
    max_time: float | None = None,
    n_jobs: int = 1,
    checkpoint: Callable[[dict[str, Any]], None] | None = None,
    progress: bool = False,
) -> str:
    """Continue a training until it ends, its time is up, or Ctrl-C is pressed.

    Parameters
    ----------
    state : TrainingState
        State to start from, changed in place; its network is on `device`.
    settings : Settings
        How to train.
    samples : Samples
        Source of the crops.
    criterion : callable
        The loss, as `resolve_loss` returns it. It is called with the whole batch; if
        its samples differ in size, with all those of one size at a time. Its own
        parameters are neither trained nor moved to `device`.
    device : torch.device
        Where the network computes.
    validate : callable, optional
        Takes the network in evaluation mode, and returns its ASA.
    max_time : float, optional
        Seconds that this call may take.
    n_jobs : int
        Number of threads; it affects only the time.
    checkpoint : callable, optional
        Called with the state, a dict, after each validation, and at the end.
    progress : bool
        Whether to show a progress bar.

    Returns
    -------
    str
        Why the training ended: "max_iter", "no_change" (no validation was better for
        ``settings.n_iter_no_change`` of them), "max_time" or "interrupted".

    Raises
    ------
    TypeError, ValueError
        If `criterion` does not return a scalar tensor with a gradient.
    FloatingPointError
        If the training diverges: a loss, a gradient, a weight or a prediction is not
        finite. `state` is then that of the last validation, or of the start.
    """
    from tqdm.auto import tqdm

    began = time.monotonic()
    stopped_by = None
    with (
        interrupt_flag() as interrupted,
        _single_threaded_torch,
        ThreadPoolExecutor(n_jobs) as pool,
        ThreadPoolExecutor(n_jobs) as workers,
        tqdm(
            total=settings.max_iter,
            initial=state.iteration,
            unit="step",
            desc="training",
            disable=not progress,
        ) as bar,
    ):
        seconds_before = state.seconds
        stepper = _Stepper(state, settings, criterion, device, pool, workers)
        sound = state.to_dict()  # to return to if the training diverges
        batch = _draw(pool, samples, state.iteration, settings)
        try:
            while not state.finished(settings):
                following = _draw(pool, samples, state.iteration + 1, settings)
                loss = stepper.step(batch)
                sample, batch = batch[0].result(), following
                state.iteration += 1
                _check_finite(state.tensors(), "state of the network", state)
                state.loss_sum += loss
                state.loss_count += 1
                state.seconds = seconds_before + time.monotonic() - began
                if (
                    state.iteration % settings.validate_every == 0
                    or state.iteration == settings.max_iter
                ):
                    stepper.check_prediction(sample)
                    _close_interval(state, settings, validate)
                    sound = state.to_dict()
                    if checkpoint is not None:
                        checkpoint(sound)
                if state.history:
                    bar.set_postfix(_in_short(state.history[-1]), refresh=False)
                bar.update()
                if interrupted.is_set():
                    stopped_by = "interrupted"
                elif (
                    max_time is not None
                    and time.monotonic() - began >= max_time
                    and not state.finished(settings)
                ):
                    stopped_by = "max_time"
                if stopped_by is not None:
                    stepper.check_prediction(sample)
                    break
        except FloatingPointError as error:
            message = f"{error} {_advice(state, sound, settings)}"
            state.load_dict(sound)
            # Ctrl-C ends whatever runs around the training as well.
            if not interrupted.is_set():
                raise FloatingPointError(message) from error
        finally:
            for future in batch:
                future.cancel()
        if interrupted.is_set():
            stopped_by = "interrupted"
        state.seconds = seconds_before + time.monotonic() - began
        if checkpoint is not None and stopped_by is not None:
            checkpoint(state.to_dict())
    if stopped_by is not None:
        return stopped_by
    return "max_iter" if state.iteration >= settings.max_iter else "no_change"


def _advice(state, sound, settings):
    """What to do after a training has diverged, a sentence."""
    other = "" if settings.precision == "float32" else ", or precision='float32'"
    if state.iteration == 0:
        return (
            "No step was made yet, so a smaller lr can't help: check the loss function "
            f"and the weights to start from{other}."
        )
    smaller = f"a smaller lr than {settings.lr:g}{other}"
    if sound["iteration"] == 0:
        return f"Train with {smaller}."
    return (
        f"The state after {sound['iteration']} steps is kept: go on from there, with "
        f"warm_start=True in fit, and {smaller}."
    )


class _SingleThreadedTorch:
    """Let torch use a single thread in each operation.

    The threads inside an operation wait for each other many times per step, spinning:
    on busy cores, this takes longer than the work. Their number also affects how sums
    are rounded. Processing several samples at a time uses the cores just as well.

    The number of threads is the process's, in which several trainings may run: the last
    one to end restores it.
    """

    def __init__(self) -> None:
        self.lock = threading.Lock()
        self.n_users = 0
        self.before = 1

    def __enter__(self) -> None:
        with self.lock:
            if self.n_users == 0:
                self.before = torch.get_num_threads()
            self.n_users += 1
            torch.set_num_threads(1)

    def __exit__(self, *error: object) -> None:
        with self.lock:
            self.n_users -= 1
            if self.n_users == 0:
                torch.set_num_threads(self.before)


_single_threaded_torch = _SingleThreadedTorch()


class _Predicted(NamedTuple):
    """The prediction for a part of a batch: samples of one shape."""

    logits: torch.Tensor
    truth: torch.Tensor
    leak: torch.Tensor | None


class _Stepper:
    """Steps of the optimizer, with the parts of a batch in threads.

    Each part is predicted and segmented by one thread, while others do the same with
    the next parts. The loss is computed once, from the predictions of the whole batch,
    and its gradient handed back to the parts, each of which is differentiated by one
    thread. Gradients are added in the order of the parts, so the result does not depend
    on the number of threads.
    """

    def __init__(self, state, settings, criterion, device, pool, workers):
        self.state = state
        self.settings = settings
        self.criterion = criterion
        self.device = device
        self.pool = pool  # makes superpixels
        self.options = {}
        if settings.ignore_label is not None:
            self.options["ignore_label"] = settings.ignore_label
        # Each worker has a part: a sample on the CPU, elsewhere half of the batch.
        self.map = workers.map
        self.at_a_time = (
            1 if device.type == "cpu" else math.ceil(settings.batch_size / 2)
        )
        if state.net.normalizes_batch:
            # This needs the whole batch. Workers share the samples of a convolution.
            self.map = map
            self.at_a_time = settings.batch_size
        # Each part has its own buffers, since predicting changes the running
        # statistics. The weights are shared.
        shared = {id(weight): weight for weight in state.net.parameters()}
        self.nets = [
            deepcopy(state.net, dict(shared)) for _ in range(settings.batch_size)
        ]
        if state.net.normalizes_batch and device.type == "cpu":
            for net in self.nets:
                share_samples(net, workers)

    def step(self, batch):
        """Make one step on a batch of drawn samples; return the loss before it."""
        state = self.state
        for group in state.optimizer.param_groups:
            group["lr"] = self.settings.lr_at(state.iteration)
        parts = _same_shape([future.result() for future in batch], self.at_a_time)
        nets = self.nets[: len(parts)]
        predicted = list(self.map(self._predict, nets, parts))
        loss, handed_back = self._loss(predicted)
        logits = [part.logits for part in predicted]
        gradients = list(self.map(self._gradients, nets, logits, handed_back))
        for weight, parts_of_it in zip(
            state.net.parameters(), zip(*gradients, strict=True), strict=True
        ):
            known = [part for part in parts_of_it if part is not None]
            weight.grad = sum(known[1:], start=known[0]) if known else None
        _check_finite(
            [w.grad for w in state.net.parameters() if w.grad is not None],
            "gradient of the loss",
            state,
        )
        self._take_over_statistics(nets, [len(part) / len(batch) for part in parts])
        state.optimizer.step()
        if state.average is not None:
            state.average.update_parameters(state.net)
        return loss

    @torch.no_grad()
    def check_prediction(self, sample):
        """Check that the network to keep still predicts, on a sample of the batch."""
        _, inputs = self._tensors([sample])
        logits = self.state.kept_net.eval().logits(*inputs)
        _check_finite([logits], "prediction", self.state)

    def _predict(self, net, samples):
        """The logits of a part of the batch, and what its loss takes beside them."""
        logits, truth = self._logits(net, samples)
        leak = None
        if isinstance(self.criterion, SEALLoss):
            # It trains the affinities that are segmented; probabilities, which the
            # other losses produce, are calibrated afterwards.
            logits = net.calibrated(logits)
            make_leak = partial(self.criterion.leak, **self.options)
            leak = torch.stack(
                list(self.pool.map(make_leak, logits.detach().cpu(), truth))
            ).to(self.device)
        return _Predicted(logits, truth.to(self.device), leak)

    def _loss(self, predicted):
        """The loss of the batch, and its gradient by the logits of each part."""
        given = [part.logits.detach().requires_grad_() for part in predicted]
        groups: dict[tuple[int, ...], list[int]] = {}
        for i, part in enumerate(predicted):
            groups.setdefault(tuple(part.truth.shape[1:]), []).append(i)
        losses, counts = [], []
        for members in groups.values():
            truth = torch.cat([predicted[i].truth for i in members])
            options = dict(self.options)
            if isinstance(self.criterion, SEALLoss):
                options["leak"] = torch.cat([predicted[i].leak for i in members])
            loss = self.criterion(
                torch.cat([given[i] for i in members]), truth, **options
            )
            _check_loss(loss)
            losses.append(loss)
            # A mean over edges goes by their number, another loss by its samples.
            counts.append(
                _n_known_edges(truth, **self.options)
                if len(groups) > 1 and _is_mean_over_edges(self.criterion)
                else len(truth)
            )
        total = max(sum(counts), 1)
        parts = [loss * (n / total) for loss, n in zip(losses, counts, strict=True)]
        loss = sum(parts[1:], start=parts[0])
        _check_finite([loss.detach()], "loss", self.state)
        gradients = torch.autograd.grad(loss, given, allow_unused=True)
        if all(gradient is None for gradient in gradients):
            raise ValueError(_NO_GRADIENT)
        return loss.item(), gradients

    @staticmethod
    def _gradients(net, logits, gradient):
        weights = list(net.parameters())
        if gradient is None:
            return [None] * len(weights)
        return torch.autograd.grad(logits, weights, gradient, allow_unused=True)

    def _tensors(self, samples):
        """Truth of samples of one shape, on the CPU, and the network's inputs."""
        images, truth = (
            torch.stack([torch.from_numpy(getattr(sample, name)) for sample in samples])
            for name in ("image", "truth")
        )
        memory_format = self.state.net.memory_format
        inputs = [images.to(self.device, memory_format=memory_format)]
        if samples[0].edges is not None:
            edges = torch.stack([torch.from_numpy(sample.edges) for sample in samples])
            inputs.append(edges.to(self.device))
        return truth, inputs

    def _logits(self, net, samples):
        """Logits of samples of one shape, and their truth on the CPU."""
        truth, inputs = self._tensors(samples)
        with torch.no_grad():
            for own, current in zip(
                net.buffers(), self.state.net.buffers(), strict=True
            ):
                own.copy_(current)
        with torch.autocast(
            self.device.type,
            torch.bfloat16,
            enabled=self.settings.precision == "bfloat16",
            cache_enabled=False,  # all threads would share the cache
        ):
            logits = net.train().logits(*inputs)
        logits = logits.float()
        _check_finite([logits.detach()], "prediction", self.state)
        return logits, truth

    @torch.no_grad()
    def _take_over_statistics(self, nets, shares):
        """Change the running statistics by the mean of the changes of all parts."""
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


def _is_mean_over_edges(criterion):
    """Whether a loss is a mean over all known edges, as those of the package are."""
    return criterion in (bce_loss, balanced_bce_loss) or isinstance(criterion, SEALLoss)


def _n_known_edges(truth, ignore_label=None):
    """Number of known edges of label maps or affinities, as for `bce_loss`."""
    if truth.is_floating_point():
        return int((~truth.isnan()).sum())
    return int(affinity_target(truth, ignore_label)[1].sum())


_NO_GRADIENT = (
    "loss(logits, truth) returned a tensor without a gradient; compute it from logits "
    "with torch's functions only, without detach() or item()."
)


def _check_loss(loss):
    """Refuse invalid results of a user's loss function."""
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
        raise ValueError(_NO_GRADIENT)


def _check_finite(tensors, what, state):
    # A finite sum has finite parts, and is quick; others may have overflowed.
    sums = torch.stack([tensor.sum() for tensor in tensors])
    if not (sums.isfinite().all() or all(t.isfinite().all() for t in tensors)):
        raise FloatingPointError(
            f"The {what} is not finite after {state.iteration} steps."
        )


def _close_interval(state, settings, validate):
    """Add an entry to the history, and keep the network if it is the best so far."""
    line = {
        "iteration": state.iteration,
        "loss": state.loss_sum / state.loss_count,
        "lr": settings.lr_at(state.iteration - 1),
        "seconds": state.seconds,
    }
    state.loss_sum, state.loss_count = 0.0, 0
    if validate is not None:
        line["asa"] = validate(state.kept_net.eval())
        if line["asa"] > state.best_asa:
            state.best_asa = line["asa"]
            state.best_net = copy_of(state.kept_net.state_dict())
            state.stale_validations = 0
        else:
            state.stale_validations += 1
    state.history.append(line)


def _in_short(line):
    """An entry of the history, for the progress bar."""
    shown = {"loss": f"{line['loss']:.4f}"}
    return {**shown, "ASA": f"{line['asa']:.4f}"} if "asa" in line else shown


def _draw(pool, samples, iteration, settings):
    first = iteration * settings.batch_size
    return [pool.submit(samples.draw, first + i) for i in range(settings.batch_size)]


def _same_shape(batch, at_a_time):
    """Groups of consecutive samples of one shape, at most `at_a_time` in each."""
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
