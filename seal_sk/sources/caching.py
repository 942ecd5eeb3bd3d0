"""Caching of fitted sources and affinity maps, so that nothing is computed twice.

The key of a result is everything that determines it: the parameters and weights of the
source, the contents of images and ground truths, and the version of the package.
"""

import pickle
import zlib
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
from .base import AffinitySource
from .reading import unfrozen

__all__ = ["affinity_function", "affinity_maps", "fit_source", "learns"]


def learns(source, y):
    """Whether a source of affinities learns anything from this ground truth."""
    if isinstance(source, FrozenEstimator):
        return False
    if isinstance(source, AffinitySource):
        return source._learns(y)
    return not hasattr(source, "__sklearn_tags__") or get_tags(source).requires_fit


def fit_source(source, X, y, memory, **fit_params):
    """Fit a source of affinities, or return the cached result of the same fit.

    Parameters
    ----------
    source : transformer
        Turns images into affinity maps.
    X, y : sequences
        As for its `fit`.
    memory : None, str or joblib.Memory
        Where to cache results; None caches nothing.
    **fit_params
        What else its `fit` takes.

    Returns
    -------
    transformer
        `source` itself, or an equal one that was fitted before.
    """
    memory = check_memory(memory)
    if (
        memory.location is None
        or not learns(source, y)
        or getattr(source, "warm_start", False)
    ):
        return source.fit(X, y, **fit_params)
    try:
        pickle.dumps(source)
    except (pickle.PicklingError, AttributeError, TypeError) as error:
        raise ValueError(
            f"memory keeps fitted sources in files, and {source} can't be written to "
            f"one ({error}); use functions of a module instead of lambdas and, with "
            "several processes, instead of functions of a script or notebook."
        ) from error
    given = {name: value for name, value in fit_params.items() if value is not None}
    key = (
        _key_of(source),
        _digests(X),
        y is not None and _digests(y),
        {name: _digests(value) for name, value in given.items()},
    )
    # In a search with several processes, one trains while the others wait.
    name = f"{joblib.hash((__version__, key))}.lock"
    Path(memory.location).mkdir(parents=True, exist_ok=True)
    with FileLock(Path(memory.location) / name):
        fitted = memory.cache(_fitted, ignore=["source", "X", "y", "fit_params"])
        return _opened(fitted(source, X, y, fit_params, key, __version__), memory)


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
    # No lambda: joblib's backend "multiprocessing" pickles it.
    return partial(_cached_affinity, reader, memory, _key_of(reader.source))


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


def _fitted(source, X, y, fit_params, key, version):
    return _sealed(source.fit(X, y, **fit_params))


def _cached_affinity(reader, memory, key, image):
    kept = memory.cache(_kept_affinity, ignore=["reader"])
    return _opened(kept(reader, image, key, __version__), memory)


def _kept_affinity(reader, image, key, version):
    return _sealed(reader.affinity_of(image))


def _sealed(value):
    """A value as bytes, with their checksum: joblib's files have none."""
    content = pickle.dumps(value, protocol=5)
    return content, zlib.crc32(content)


def _opened(sealed, memory):
    content, checksum = sealed
    if zlib.crc32(content) != checksum:
        raise ValueError(
            f"A cached result in memory={memory.location!r} is damaged; delete the "
            "folder."
        )
    return pickle.loads(content)


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
