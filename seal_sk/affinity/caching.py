"""Affinities that are kept: nothing is trained or computed twice.

What is kept is found again by what decides it: the parameters and weights of the
source, the images and ground truths themselves, the version of the package.
"""

import pickle
from functools import partial
from inspect import getsource, isfunction
from pathlib import Path

import joblib
import numpy as np
from filelock import FileLock
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import check_memory

from .._version import __version__

__all__ = ["affinity_map", "fit_source", "unfrozen"]


def fit_source(source, X, y, memory):
    """Fit a source of affinities, or take what the same fit gave before.

    Parameters
    ----------
    source : transformer
        From images to affinity maps.
    X, y : sequences
        As for its `fit`.
    memory : None, str or joblib.Memory
        Where results are kept; None keeps none.

    Returns
    -------
    transformer
        `source` itself, or one like it that was fitted before.
    """
    memory = check_memory(memory)
    learns = not isinstance(source, FrozenEstimator) and (
        not hasattr(source, "__sklearn_tags__") or get_tags(source).requires_fit
    )
    if memory.location is None or not learns or getattr(source, "warm_start", False):
        return source.fit(X, y)
    try:
        pickle.dumps(source)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"memory keeps fitted sources in files, and {source} can't be written to "
            f"one ({error}); give it functions of a module in place of lambdas."
        ) from error
    key = (_key_of(source), _digests(X), y is not None and _digests(y))
    # A search in several processes trains in one of them, while the others wait.
    name = f"{joblib.hash((__version__, key))}.lock"
    Path(memory.location).mkdir(parents=True, exist_ok=True)
    with FileLock(Path(memory.location) / name):
        return memory.cache(_fitted, ignore=["source", "X", "y"])(
            source, X, y, key, __version__
        )


def affinity_map(source, image, memory):
    """Affinity map of a checked image, or the one that was computed before.

    Parameters
    ----------
    source : transformer
        From images to affinity maps, fitted if it has to be.
    image : ndarray
        As the source reads it.
    memory : None, str or joblib.Memory
        Where results are kept; None keeps none.

    Returns
    -------
    ndarray of shape (H, W, 2) or (H, W, 4)
    """
    memory = check_memory(memory)
    if memory.location is None:
        return _affinity(source, image)
    return memory.cache(_kept_affinity, ignore=["source"])(
        source, image, _key_of(source), __version__
    )


def unfrozen(source):
    """The source inside of FrozenEstimator, which hides what it can do."""
    return source.estimator if isinstance(source, FrozenEstimator) else source


def _fitted(source, X, y, key, version):
    return source.fit(X, y)


def _kept_affinity(source, image, key, version):
    return _affinity(source, image)


def _affinity(source, image):
    inner = unfrozen(source)
    if hasattr(inner, "_affinity"):
        return inner._affinity(image)
    (affinity,) = source.transform([image])
    return affinity


def _key_of(source):
    """What tells sources apart; by default all that they hold."""
    source = unfrozen(source)
    held = source._cache_key() if hasattr(source, "_cache_key") else vars(source)
    kind = type(source)
    key = {name: described(value) for name, value in held.items()}
    return joblib.hash((kind.__module__, kind.__qualname__, key))


def described(value):
    """`value` as plain data that has the same hash in every process.

    Functions are told apart by their source code, since one of the same name may have
    been edited; networks by their weights and by the attributes of their modules,
    which ``repr`` need not show.
    """
    if hasattr(value, "state_dict"):
        weights = {k: np.asarray(v.cpu()) for k, v in value.state_dict().items()}
        settings = [
            {
                name: described(item)
                for name, item in vars(module).items()
                if not name.startswith("_") and name != "training"
            }
            for module in value.modules()
        ]
        return repr(value), weights, settings
    if isinstance(value, partial):
        return described(value.func), value.args, value.keywords
    if isfunction(value):
        try:
            code = getsource(value)
        except (OSError, TypeError):
            code = value.__code__.co_code, repr(value.__code__.co_consts)
        cells = [described(cell.cell_contents) for cell in value.__closure__ or ()]
        return value.__module__, value.__qualname__, code, value.__defaults__, cells
    if callable(value) and not isinstance(value, type) and hasattr(value, "__dict__"):
        held = {name: described(item) for name, item in vars(value).items()}
        return type(value).__module__, type(value).__qualname__, held
    return value


def _digests(sequence):
    """Of the items themselves: a lazy sequence holds no more than their names."""
    return [joblib.hash(sequence[i]) for i in range(len(sequence))]
