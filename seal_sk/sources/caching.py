"""Affinities that are kept: nothing is trained or computed twice.

What is kept is found again by what decides it: the parameters and weights of the
source, the images and ground truths themselves, the version of the package.
"""

import pickle
from functools import partial
from pathlib import Path

import joblib
from filelock import FileLock
from sklearn.frozen import FrozenEstimator
from sklearn.utils import get_tags
from sklearn.utils.validation import check_memory

from .._identity import described
from .._version import __version__
from .reading import unfrozen

__all__ = ["affinity_function", "affinity_maps", "fit_source"]


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
            f"one ({error}); give it functions of a module in place of lambdas, and "
            "in several processes also in place of those of a script or notebook."
        ) from error
    key = (_key_of(source), _digests(X), y is not None and _digests(y))
    # A search in several processes trains in one of them, while the others wait.
    name = f"{joblib.hash((__version__, key))}.lock"
    Path(memory.location).mkdir(parents=True, exist_ok=True)
    with FileLock(Path(memory.location) / name):
        return memory.cache(_fitted, ignore=["source", "X", "y"])(
            source, X, y, key, __version__
        )


def affinity_function(reader, memory):
    """A function from a checked image to its affinity map.

    Parameters
    ----------
    reader : SourceReader
        Of a source that is fitted, if it has to be.
    memory : None, str or joblib.Memory
        Where maps are kept and found again; None keeps none.

    Returns
    -------
    callable
        From an image, as the source reads it, to an array (H, W, 2) or (H, W, 4).
    """
    memory = check_memory(memory)
    if memory.location is None or reader.source is None:
        return reader.affinity_of
    kept = memory.cache(_kept_affinity, ignore=["reader"])
    return partial(kept, reader, key=_key_of(reader.source), version=__version__)


def affinity_maps(reader, memory, images):
    """Affinity maps of checked images, one after the other.

    Parameters
    ----------
    reader, memory
        As for `affinity_function`.
    images : iterable of ndarray
        As the source reads them. One that can do several at a time reads ahead.

    Returns
    -------
    iterator of ndarray
    """
    if check_memory(memory).location is None:
        return iter(reader.affinities_of(images))
    return map(affinity_function(reader, memory), images)


def _fitted(source, X, y, key, version):
    return source.fit(X, y)


def _kept_affinity(reader, image, key, version):
    return reader.affinity_of(image)


def _key_of(source):
    """What tells sources apart; by default all that they hold."""
    try:
        return joblib.hash(described(unfrozen(source)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"memory tells sources apart by what they hold, and {source} holds what "
            f"can't be written to a file ({error}); leave that out, or memory unset."
        ) from error


def _digests(sequence):
    """Of the items themselves: a lazy sequence holds no more than their names."""
    return [joblib.hash(sequence[i]) for i in range(len(sequence))]
