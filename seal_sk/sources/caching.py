"""Caching of fitted sources and affinity maps, so that nothing is computed twice.

The key of a result is everything that determines it: the parameters and weights of the
source, the contents of images and ground truths, and the version of the package.
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
from .._validation import by_position
from .._version import __version__
from .reading import unfrozen

__all__ = ["affinity_function", "affinity_maps", "fit_source"]


def fit_source(source, X, y, memory):
    """Fit a source of affinities, or return the cached result of the same fit.

    Parameters
    ----------
    source : transformer
        Turns images into affinity maps.
    X, y : sequences
        As for its `fit`.
    memory : None, str or joblib.Memory
        Where to cache results; None caches nothing.

    Returns
    -------
    transformer
        `source` itself, or an equal one that was fitted before.
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
            f"one ({error}); use functions of a module instead of lambdas and, with "
            "several processes, instead of functions of a script or notebook."
        ) from error
    key = (_key_of(source), _digests(X), y is not None and _digests(y))
    # In a search with several processes, one trains while the others wait.
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
        Reader of a source; a source that learns must be fitted.
    memory : None, str or joblib.Memory
        Where to cache maps; None caches nothing.

    Returns
    -------
    callable
        Takes an image, as the source reads it; returns an array (H, W, 2) or (H, W, 4).
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
        As the source reads them. A source that computes several at a time reads ahead.

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
    """A key that tells sources apart, by default from all their attributes."""
    try:
        return joblib.hash(described(unfrozen(source)))
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"memory tells sources apart by their attributes, and {source} has one "
            f"that can't be written to a file ({error}); leave it out, or set "
            "memory=None."
        ) from error


def _digests(sequence):
    """Hashes of the items themselves, since a lazy sequence may hold only names."""
    sequence = by_position(sequence)
    return [joblib.hash(sequence[i]) for i in range(len(sequence))]
