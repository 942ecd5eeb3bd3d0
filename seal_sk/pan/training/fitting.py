"""From settings and data to a trained network, by a new or a continued training."""

from __future__ import annotations

import zlib
from copy import deepcopy
from dataclasses import dataclass, replace
from numbers import Integral
from pathlib import Path
from typing import Any

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from numpy.typing import NDArray
from sklearn.utils import check_random_state

from ..._typing import Images
from ..._validation import check_bands
from ...affinity import to_eight_connected
from ...metrics import asa_score, mean_over_pairs
from ...segmentation import ers
from ..base import AffinityNet
from ..devices import resolve_device, resolve_precision
from ..loss import SEALLoss, resolve_loss
from ..prediction import Predictor
from ..registry import build
from ..shipped import check_width, net_of_file
from .samples import Samples, check_data
from .settings import CHECKPOINT, Settings
from .state import Course, TrainingState, read_checkpoint, write_checkpoint
from .steps import train

__all__ = ["Fitted", "fit", "partial_fit"]


@dataclass
class Fitted:
    """The result of a training, and the state from which it can be continued."""

    net: AffinityNet  # on the CPU, in evaluation mode
    history: list[dict[str, Any]]
    n_iter: int
    validation_indices: NDArray[np.intp]
    state: dict[str, Any]
    course: dict[str, Any]
    #: Why it ended: "max_iter", "max_time", "no_change", "interrupted" or "diverged".
    stopped_by: str
    error: FloatingPointError | None = None  # if it diverged


def fit(
    settings: Settings,
    X: Images,
    y: Any,
    *,
    X_val: Images | None = None,
    y_val: Any = None,
    groups: NDArray[np.intp] | None = None,
    net: AffinityNet | None = None,
    state: dict[str, Any] | None = None,
    course: dict[str, Any] | None = None,
) -> Fitted:
    """Train a network.

    Parameters
    ----------
    settings : Settings
        Valid settings.
    X, y : sequences
        Images and ground truths, of the same length.
    X_val, y_val : sequences, optional
        Images and ground truths for the validation, instead of some of `X`; of the same
        length.
    groups : ndarray of shape (n_images,), optional
        Number of the group of each image; those held out are of other groups than the
        others.
    net : AffinityNet, optional
        Network of the last training, from which ``warm_start=True`` starts.
    state, course : dict, optional
        State and course of the last training, which ``warm_start=True`` continues.

    Returns
    -------
    Fitted
    """
    _check_loss(settings)
    settings, device = _resolved(settings)
    counts, scorable, checksum, in_channels = check_data(
        X, y, settings.annotations, settings.ignore_label
    )
    validation = None
    if X_val is not None:
        validation = _check_validation(settings, X_val, y_val, in_channels)
    if not settings.warm_start:
        net = state = course = None
    saved_course, saved = _saved(settings, course, state)
    seed = _seed(settings, saved)
    if X_val is None:
        held_out = _held_out(settings, scorable, seed, groups)
        images, truths = X, y
        scored = [int(i) for i in held_out if scorable[i]]
    else:
        held_out = np.arange(0)
        images, truths = X_val, y_val
        scored = list(range(len(X_val)))
    if groups is not None:
        validation = zlib.crc32(held_out.astype("<i8").tobytes())
    training = np.setdiff1d(np.arange(len(X)), held_out)
    planned = Course(
        settings,
        n_train=_n_samples(settings, [counts[i] for i in training]),
        n_validation=len(scored),
        seed=seed,
        data=checksum,
        validation=validation,
    )
    if settings.n_iter_no_change is not None and not len(scored):
        raise ValueError(
            f"n_iter_no_change={settings.n_iter_no_change} needs images held out, but "
            f"validation_fraction={settings.validation_fraction} of {len(X)} images is "
            "none; raise it, or give X_val and y_val."
        )
    path = _checkpoint_path(settings)
    from_file = path is not None and path.exists()
    if from_file:
        planned.check_continues(saved_course)
    net = _initial_net(settings, in_channels, seed, net)
    current = _start(net.to(device), settings, seed, saved, path if from_file else None)
    if saved is not None:
        changed = [] if from_file else planned.differences(saved_course)
        other = [*changed, *planned.other_steps(saved_course)]
        if other and current.iteration >= settings.max_iter:
            raise ValueError(
                f"max_iter={settings.max_iter} steps are done already; to continue "
                f"with {', '.join(other)}, raise max_iter."
            )
        if changed:
            # The best weights so far were chosen on other data or settings.
            current.forget_validation()
        elif planned.is_new_attempt(saved_course):
            current.stale_validations = 0
    n_threads = _n_threads(settings)

    def validate(net):
        label_maps = _superpixels(
            settings, (images[i] for i in scored), net, device, n_threads
        )
        return mean_over_pairs(
            asa_score,
            [truths[i] for i in scored],
            label_maps,
            ignore_label=settings.ignore_label,
        )

    return _run(
        current,
        planned,
        _samples(settings, X, y, training, counts, net, (seed,)),
        device,
        held_out,
        validate=validate if len(scored) else None,
        max_time=settings.max_time,
        checkpoint_path=path,
        from_file=from_file,
    )


def partial_fit(
    settings: Settings,
    X: Images,
    y: Any,
    *,
    net: AffinityNet | None = None,
    state: dict[str, Any] | None = None,
) -> Fitted:
    """Make one pass over more data; the parameters are as for `fit`."""
    _check_loss(settings)
    settings, device = _resolved(settings)
    counts, _, checksum, in_channels = check_data(
        X, y, settings.annotations, settings.ignore_label
    )
    seed = _seed(settings, state)
    iteration = 0 if state is None else state["iteration"]
    n_train = _n_samples(settings, counts)
    settings = replace(
        settings,
        lr_schedule="constant",
        max_iter=iteration + -(-n_train // settings.batch_size),
        n_iter_no_change=None,
    )
    kept = net
    net = _initial_net(settings, in_channels, seed, kept)
    current = _start(net.to(device), settings, seed, state)
    if kept is not None:
        # Continue from the best weights, which `fit` keeps, not from the last ones.
        current.net.load_state_dict(kept.state_dict())
    current.forget_validation()
    samples = _samples(
        settings,
        X,
        y,
        range(len(X)),
        counts,
        net,
        (seed, iteration),
        first=iteration * settings.batch_size,
    )
    # No images are held out any longer.
    course = Course(settings, n_train, 0, seed, checksum)
    return _run(current, course, samples, device, np.arange(0))


def _check_loss(settings):
    if settings.annotations == "mean" and (
        settings.loss in ("seal", "balanced_bce") or isinstance(settings.loss, SEALLoss)
    ):
        raise ValueError(
            f"loss={settings.loss!r} needs label maps, but annotations='mean' gives "
            "mean affinities; set loss='bce' or annotations='each'."
        )


def _resolved(settings):
    """The settings with the precision chosen by "auto", and the device."""
    device = resolve_device(settings.device)
    precision = resolve_precision(settings.precision, device)
    return replace(settings, precision=precision), device


def _check_validation(settings, X_val, y_val, in_channels):
    """Check the data of a validation set, and return their checksum."""
    _, _, checksum, n_channels = check_data(
        X_val, y_val, None, settings.ignore_label, names=("X_val", "y_val")
    )
    if n_channels != in_channels and (n_channels, in_channels) != (1, 3):
        raise ValueError(
            f"X_val has {n_channels} channels, but X has {in_channels}; give images of "
            "one kind."
        )
    return checksum


def _held_out(settings, scorable, seed, groups):
    """Sorted indices of the images that are not trained on."""
    n, fraction = len(scorable), settings.validation_fraction
    rng = np.random.default_rng([seed, 2])
    scorable = np.flatnonzero(scorable)
    if groups is None:
        order = rng.permutation(n)
        chosen = order[np.isin(order, scorable)]
        return np.sort(chosen[: min(round(fraction * n), n - 1)]).astype(np.intp)
    n_groups = groups.max() + 1
    n_held_out = min(round(fraction * n_groups), n_groups - 1)
    order = rng.permutation(n_groups)
    chosen = order[np.isin(order, groups[scorable])][:n_held_out]
    if fraction and not len(chosen):
        raise ValueError(
            f"validation_fraction={fraction} of {n_groups} groups is none; raise it to "
            "hold out at least one of two or more, or set it to 0."
        )
    return np.flatnonzero(np.isin(groups, chosen))


def _n_samples(settings, counts):
    """Number of samples in an epoch, given the number of annotations per image."""
    return sum(counts) if settings.annotations == "each" else len(counts)


def _superpixels(settings, images, net, device, n_threads):
    """Label maps for the validation of a network."""

    def cut(affinity):
        if not np.isfinite(affinity).all():
            raise FloatingPointError(
                "The prediction for an image held out is not finite."
            )
        n_pixels = affinity.shape[0] * affinity.shape[1]
        n_segments = max(1, round(n_pixels / settings.train_segment_size))
        return ers(to_eight_connected(affinity), n_segments)

    predictor = Predictor(net, device)
    checked = (check_bands(image, net.in_channels) for image in images)
    # At most as many at a time as in a step, since these fit into memory.
    parallel = Parallel(min(n_threads, settings.batch_size), prefer="threads")
    if device.type == "cpu":
        return parallel(
            delayed(lambda image: cut(*predictor([image])))(image) for image in checked
        )
    # Threads segment one image while the network processes the next.
    return parallel(delayed(cut)(affinity) for affinity in predictor(checked))


def _initial_net(settings, in_channels, seed, net):
    if net is not None:
        source, net = "net_", deepcopy(net)
    elif settings.weights is not None:
        source = repr(str(settings.weights))
        net = deepcopy(net_of_file(settings.weights))
    else:
        return build(
            settings.network,
            settings.width,
            in_channels,
            use_edges=settings.use_edges,
            seed=seed,
        )
    check_width(net, settings.width, source)
    _check_channels(net, in_channels, source)
    return net


def _n_threads(settings):
    n_threads = effective_n_jobs(settings.n_jobs)
    if settings.n_jobs is None:
        return max(n_threads, torch.get_num_threads())
    return n_threads


def _check_channels(net, in_channels, source):
    # For a network of three channels, grey images are repeated.
    if in_channels != net.in_channels and (in_channels, net.in_channels) != (1, 3):
        raise ValueError(
            f"X has {in_channels} channels, but the network in {source} reads "
            f"{net.in_channels}; train a new one."
        )


def _seed(settings, saved):
    """Seed of a training; a continued one keeps its seed unless one is requested."""
    if saved is not None and not isinstance(settings.random_state, Integral):
        return saved["seed"]
    return int(check_random_state(settings.random_state).randint(2**31 - 1))


def _checkpoint_path(settings):
    if settings.checkpoint_dir is None:
        return None
    return Path(settings.checkpoint_dir) / CHECKPOINT


def _saved(settings, course, state):
    """Course and state to continue from, or None."""
    path = _checkpoint_path(settings)
    if path is not None and path.exists():
        if not settings.warm_start:
            raise ValueError(
                f"{str(path)!r} holds a training already; set warm_start=True to "
                "continue it, or give another checkpoint_dir."
            )
        return read_checkpoint(path)
    return course, state


def _start(net, settings, seed, saved, path=None):
    state = TrainingState.start(net, settings, seed)
    if saved is None:
        return state
    if saved.get("architecture", net.architecture) != net.architecture:
        raise ValueError(
            f"The saved training is of {saved['architecture']}, but the "
            f"parameters define {net.architecture}."
        )
    if path is None:
        state.load_dict(saved)
    else:
        _load_checkpoint(state, saved, path)
    state.seed = seed
    for group in state.optimizer.param_groups:
        group["weight_decay"] = settings.weight_decay
    return state


def _load_checkpoint(state, saved, path):
    """Restore the state in a file, unless the training could not go on from it."""
    cause = None
    try:
        state.load_dict(saved)
        sound = state.is_sound()
    except (AttributeError, KeyError, RuntimeError, TypeError, ValueError) as error:
        sound, cause = False, error
    if not sound:
        raise ValueError(
            f"The training in {str(path)!r} can't go on, since some of its numbers are "
            "missing, not finite or of another network; remove it to start over."
        ) from cause


def _samples(settings, X, y, indices, counts, net, seed, first=0):
    return Samples(
        X,
        y,
        indices,
        counts,
        crop_size=settings.crop_size,
        in_channels=net.in_channels,
        edges=net.edges,
        annotations=settings.annotations,
        augmentation=settings.augmentation,
        ignore_label=settings.ignore_label,
        seed=seed,
        first=first,
    )


def _run(
    state,
    course,
    samples,
    device,
    held_out,
    validate=None,
    max_time=None,
    checkpoint_path=None,
    from_file=False,
):
    settings = course.settings
    start, error = state.iteration, None
    try:
        stopped_by = train(
            state,
            settings,
            samples,
            resolve_loss(settings.loss, settings.train_segment_size),
            device=device,
            validate=validate,
            max_time=max_time,
            n_jobs=_n_threads(settings),
            checkpoint=(
                (lambda saved: write_checkpoint(checkpoint_path, saved, course))
                if checkpoint_path
                else None
            ),
            progress=settings.verbose > 0,
        )
    except FloatingPointError as diverged:
        if state.iteration == start and not from_file:
            raise  # Nothing was learned, so the last training stays as it is.
        stopped_by, error = "diverged", diverged
    net = state.net.cpu().eval()
    saved = state.to_dict()
    net.load_state_dict(state.final_weights())
    return Fitted(
        net=net,
        history=state.history,
        n_iter=state.iteration,
        validation_indices=held_out,
        state=saved,
        course=course.to_dict(),
        stopped_by=stopped_by,
        error=error,
    )
