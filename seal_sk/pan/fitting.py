"""From the parameters of an estimator to a training, a new one or one gone on with."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from numbers import Integral
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
import torch
from joblib import Parallel, delayed, effective_n_jobs
from sklearn.utils import check_random_state

from .._typing import Images
from .._validation import check_bands
from ..affinity import to_eight_connected
from ..metrics import asa_score, mean_over_pairs
from ..segmentation import ers
from .loss import SEALLoss, loss_name, resolve_loss
from .network import PAN
from .prediction import Predictor
from .samples import Samples, check_data
from .training import (
    Course,
    TrainingState,
    read_checkpoint,
    resolve_device,
    resolve_precision,
    train,
    write_checkpoint,
)
from .unet import UNet

if TYPE_CHECKING:
    from ..affinity import LearnedAffinity


__all__ = ["fit", "partial_fit"]

_DEFAULT_WIDTH = {"pan": 32, "unet": 24}
_CHECKPOINT = "checkpoint.pt"


def fit(estimator: LearnedAffinity, X: Images, y: Any) -> None:
    """Train the network of a LearnedAffinity, and set its fitted attributes.

    Parameters
    ----------
    estimator : LearnedAffinity
        With valid parameters.
    X, y : sequences
        As many ground truths as images.
    """
    _check_loss(estimator)
    device = resolve_device(estimator.device)
    counts, checksum, in_channels = check_data(
        X, y, estimator.annotations, estimator.ignore_label
    )
    saved_course, saved = _saved(estimator)
    seed = _seed(estimator, saved)
    order = np.random.default_rng([seed, 2]).permutation(len(X))
    # An affinity map is no ground truth to score label maps by.
    scorable = [i for i in order if counts[i]]
    n_held_out = round(estimator.validation_fraction * len(X))
    n_held_out = min(n_held_out, len(X) - 1, len(scorable))
    held_out = np.sort(order[np.isin(order, scorable[:n_held_out])])
    training = np.setdiff1d(order, held_out)
    course = _course(
        estimator,
        device,
        n_train=_n_samples(estimator, [counts[i] for i in training]),
        n_validation=len(held_out),
        seed=seed,
        data=checksum,
    )
    if estimator.n_iter_no_change is not None and not n_held_out:
        raise ValueError(
            f"n_iter_no_change={estimator.n_iter_no_change} needs images held out, but "
            f"validation_fraction={estimator.validation_fraction} of {len(X)} is none."
        )
    path = _checkpoint_path(estimator)
    from_file = path is not None and path.exists()
    if from_file:
        course.check_continues(saved_course)
    net = _initial_net(estimator, seed, in_channels)
    state = _start(net.to(device), course, seed, saved)
    if saved is not None:
        changed = not from_file and course.differences(saved_course)
        if changed and state.iteration >= course.max_iter:
            raise ValueError(
                f"max_iter={course.max_iter} steps are done already; to go on with "
                f"{', '.join(changed)}, raise max_iter."
            )
        if changed:
            # What was best on other images is not what is looked for now.
            state.forget_validation()
        elif vars(course) != saved_course:
            # Asked for more steps, or more patience, than before.
            state.stale_validations = 0

    n_threads = _n_threads(estimator.n_jobs)

    def validate(net):
        images = (X[i] for i in held_out)
        label_maps = _superpixels(estimator, images, net, device, n_threads)
        score = partial(asa_score, ignore_label=estimator.ignore_label)
        return mean_over_pairs(score, [y[i] for i in held_out], label_maps)

    estimator.validation_indices_ = held_out
    _run(
        estimator,
        state,
        course,
        _samples(estimator, X, y, training, counts, net, (seed,)),
        device,
        validate=validate if n_held_out else None,
        max_time=estimator.max_time,
        checkpoint_path=path,
    )


def partial_fit(estimator: LearnedAffinity, X: Images, y: Any) -> None:
    """Make one pass over more data; parameters as for `fit`."""
    _check_loss(estimator)
    device = resolve_device(estimator.device)
    counts, checksum, in_channels = check_data(
        X, y, estimator.annotations, estimator.ignore_label
    )
    saved = getattr(estimator, "_state", None)
    seed = _seed(estimator, saved)
    iteration = saved["iteration"] if saved else 0
    course = _course(
        estimator,
        device,
        n_train=_n_samples(estimator, counts),
        n_validation=0,
        seed=seed,
        data=checksum,
        lr_schedule="constant",
        max_iter=iteration
        + -(-_n_samples(estimator, counts) // int(estimator.batch_size)),
        n_iter_no_change=None,
    )
    goes_on = hasattr(estimator, "net_")
    if goes_on:
        net = deepcopy(estimator.net_)
        _check_channels(net, in_channels, "net_")
    else:
        net = _initial_net(estimator, seed, in_channels)
    state = _start(net.to(device), course, seed, saved)
    if goes_on:
        # `fit` keeps the best weights, which need not be the last ones.
        state.net.load_state_dict(estimator.net_.state_dict())
    state.forget_validation()
    samples = _samples(
        estimator,
        X,
        y,
        range(len(X)),
        counts,
        net,
        (seed, iteration),
        first=iteration * int(estimator.batch_size),
    )
    _run(estimator, state, course, samples, device)
    # None of them is held out any longer.
    estimator.validation_indices_ = np.arange(0)


def _check_loss(estimator):
    if estimator.annotations == "mean" and (
        estimator.loss in ("seal", "balanced_bce")
        or isinstance(estimator.loss, SEALLoss)
    ):
        raise ValueError(
            f"loss={estimator.loss!r} needs label maps, and annotations='mean' gives "
            "mean affinities; set loss='bce' or annotations='each'."
        )


def _n_samples(estimator, counts):
    """Samples in an epoch, of images with so many annotations each."""
    return sum(counts) if estimator.annotations == "each" else len(counts)


def _superpixels(estimator, images, net, device, n_threads):
    """Label maps that the network is validated by."""

    def cut(affinity):
        n_pixels = affinity.shape[0] * affinity.shape[1]
        n_segments = max(1, round(n_pixels / estimator.train_segment_size))
        return ers(to_eight_connected(affinity), n_segments)

    predictor = Predictor(net, device)
    checked = (check_bands(image, net.in_channels) for image in images)
    # No more at a time than in a step, which is what fits into memory.
    parallel = Parallel(min(n_threads, int(estimator.batch_size)), prefer="threads")
    if device.type == "cpu":
        return parallel(
            delayed(lambda image: cut(*predictor([image])))(image) for image in checked
        )
    # Threads cut one image while the network looks at the next.
    return parallel(delayed(cut)(affinity) for affinity in predictor(checked))


def _course(estimator, device, **changes):
    return Course.of(
        estimator.get_params(deep=False),
        loss=loss_name(estimator.loss),
        precision=resolve_precision(estimator.precision, device),
        **changes,
    )


def _initial_net(estimator, seed, in_channels):
    if estimator.warm_start and hasattr(estimator, "net_"):
        source, net = "net_", deepcopy(estimator.net_)
    elif estimator.weights is not None:
        source = repr(str(estimator.weights))
        net = deepcopy(estimator.net_of_weights())
    else:
        width = estimator.width or _DEFAULT_WIDTH[estimator.network]
        if estimator.network == "unet":
            return UNet(width, in_channels, seed)
        edges: Literal["skimage"] | None = "skimage" if estimator.use_edges else None
        return PAN(width, in_channels, edges, seed)
    estimator.check_width(net, source)
    _check_channels(net, in_channels, source)
    return net


def _n_threads(n_jobs):
    n_threads = effective_n_jobs(n_jobs)
    return max(n_threads, torch.get_num_threads()) if n_jobs is None else n_threads


def _check_channels(net, in_channels, source):
    # Grey images are repeated for a network of three channels.
    if in_channels != net.in_channels and (in_channels, net.in_channels) != (1, 3):
        raise ValueError(
            f"X has {in_channels} channels, but the network in {source} reads "
            f"{net.in_channels}; train a new one."
        )


def _seed(estimator, saved):
    """Seed of a training; one that goes on keeps its own, if none is asked for."""
    if saved is not None and not isinstance(estimator.random_state, Integral):
        return saved["seed"]
    return int(check_random_state(estimator.random_state).randint(2**31 - 1))


def _checkpoint_path(estimator):
    if estimator.checkpoint_dir is None:
        return None
    return Path(estimator.checkpoint_dir) / _CHECKPOINT


def _saved(estimator):
    """Course and state to go on from; None where there is none."""
    path = _checkpoint_path(estimator)
    if path is not None and path.exists():
        if not estimator.warm_start:
            raise ValueError(
                f"{str(path)!r} holds a training already; set warm_start=True to "
                "go on with it, or give another checkpoint_dir."
            )
        return read_checkpoint(path)
    if not estimator.warm_start or not hasattr(estimator, "_state"):
        return None, None
    return estimator._course, estimator._state


def _start(net, course, seed, saved):
    state = TrainingState.start(net, course, seed)
    if saved is None:
        return state
    if saved["architecture"] != net.architecture:
        raise ValueError(
            f"The saved training is of {saved['architecture']}, but the "
            f"parameters ask for {net.architecture}."
        )
    state.load_dict(saved)
    state.seed = seed
    for group in state.optimizer.param_groups:
        group["weight_decay"] = course.weight_decay
    return state


def _samples(estimator, X, y, indices, counts, net, seed, first=0):
    return Samples(
        X,
        y,
        indices,
        counts,
        crop_size=estimator.crop_size,
        in_channels=net.in_channels,
        edges=net.edges,
        annotations=estimator.annotations,
        augmentation=estimator.augmentation,
        ignore_label=estimator.ignore_label,
        seed=seed,
        first=first,
    )


def _run(
    estimator,
    state,
    course,
    samples,
    device,
    validate=None,
    max_time=None,
    checkpoint_path=None,
):
    reason = train(
        state,
        course,
        samples,
        resolve_loss(estimator.loss, estimator.train_segment_size),
        device=device,
        validate=validate,
        max_time=max_time,
        n_jobs=_n_threads(estimator.n_jobs),
        checkpoint=(
            (lambda: write_checkpoint(checkpoint_path, state, course))
            if checkpoint_path
            else None
        ),
        progress=estimator.verbose > 0,
    )
    net = state.net.cpu().eval()
    estimator._course, estimator._state = dict(vars(course)), state.to_dict()
    net.load_state_dict(state.final_weights())
    estimator.net_ = net
    estimator.history_ = state.history
    estimator.n_iter_ = state.iteration
    if reason == "interrupted":
        raise KeyboardInterrupt
