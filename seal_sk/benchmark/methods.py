"""What is compared: estimators by name, path or file, and folders of label maps."""

import hashlib
import re
from collections.abc import Callable, Sequence
from copy import deepcopy
from importlib import import_module
from inspect import signature
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.base import clone

from .. import superpixels
from .._typing import PathLike
from ..io.label_maps import LABEL_SUFFIXES, find_label_map, read_label_map
from ..sources import OracleAffinity
from ..superpixels.methods import METHODS as ESTIMATORS
from ..superpixels.methods import method_class

__all__ = ["METHODS", "LabelMaps", "as_method", "find_methods"]


def _seal(oversegmentation):
    return superpixels.SEALSuperpixels.load("bsds500").set_params(
        oversegmentation=oversegmentation
    )


#: Methods by name: functions that make the estimator.
METHODS: dict[str, Callable[[], Any]] = {
    "seal": lambda: _seal(3),
    "seal-ers": lambda: _seal(1),
    **{name: method_class(name) for name in ESTIMATORS if name != "seal"},
    "oracle": lambda: superpixels.GraphSuperpixels(affinity=OracleAffinity()),
}

_PICKLES = (".pkl", ".pickle", ".joblib")


def find_methods(specs: Sequence[str]) -> dict[str, Any]:
    """Methods from what the command line says about them.

    Parameters
    ----------
    specs : sequence of str
        Each is, with or without ``NAME=`` before it:

        - a key of `METHODS`, as in ``ers``;
        - an import path, as in ``package.module:attribute``, of an estimator, of a
          class, or of a function without arguments that returns one;
        - a file: a network of `SEALSuperpixels.save` or of the paper's authors, or
          a pickled estimator (``.pkl``, ``.pickle``, ``.joblib``). Unpickling runs
          whatever the file says: take only those that you trust;
        - a folder of label maps, for `LabelMaps`.

    Returns
    -------
    dict of str to estimator or LabelMaps
        In the order given.

    Raises
    ------
    ValueError, ImportError, FileNotFoundError
        If one is none of these, or two have the same name.

    Examples
    --------
    >>> from seal_sk.benchmark import find_methods
    >>> find_methods(["ers", "plain=seal_sk:SLICSuperpixels"])
    {'ers': ERSSuperpixels(), 'plain': SLICSuperpixels()}
    """
    methods = {}
    for spec in specs:
        name, equals, what = spec.partition("=")
        if not equals:
            name, what = None, spec
        default, method = _find(what)
        name = name or default
        if name in methods:
            raise ValueError(
                f"Two methods are called {name!r}; give one another name with "
                f"OTHER={what}."
            )
        methods[name] = method
    return methods


def _find(what):
    """(name, estimator or label maps) for one spec."""
    if what in METHODS:
        return what, METHODS[what]()
    path = Path(what)
    if path.is_dir():
        return path.resolve().name, LabelMaps(path)
    if path.suffix in (".safetensors", *_PICKLES):
        return path.stem, _load(path)
    if ":" in what:
        return what.rpartition(":")[2], _imported(what)
    raise ValueError(
        f"There is no method {what!r}: give one of {', '.join(METHODS)}; "
        "package.module:Class; a file of SEALSuperpixels.save or a pickled estimator; "
        "or a folder of label maps."
    )


def _load(path):
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    try:
        # Weights first, which load without running code.
        return superpixels.SEALSuperpixels.load(path)
    except ValueError:
        if path.suffix == ".safetensors":
            raise
    import joblib

    try:
        return joblib.load(path)
    except Exception as error:  # whatever the pickle does
        raise ValueError(
            f"{str(path)!r} holds no pickled estimator that can be loaded "
            f"({type(error).__name__}: {error})."
        ) from error


def _imported(what):
    module, _, attribute = what.partition(":")
    try:
        found = import_module(module)
        for part in attribute.split("."):
            found = getattr(found, part)
    except Exception as error:  # of a module that may do anything
        raise ImportError(
            f"{what!r} can't be imported ({type(error).__name__}: {error})."
        ) from error
    if hasattr(found, "transform") and not isinstance(found, type):
        return found
    if not callable(found):
        raise ValueError(f"{what!r} is {found!r}, neither an estimator nor a class.")
    try:
        return found()
    except Exception as error:  # as above
        raise ValueError(
            f"{what!r} can't be made without arguments ({type(error).__name__}: "
            f"{error}); give the path of a function without arguments that returns it."
        ) from error


class LabelMaps:
    """Label maps made elsewhere, in place of a method.

    Parameters
    ----------
    folder : path-like
        Holds a folder for each requested count, as in ``300/NAME.png``, with a label
        map for each image of the data set; or the label maps themselves, which then
        stand for the only count asked for. PNG, TIFF, npy, MAT or CSV, as
        `seal_sk.datasets.read_label_map` reads them.

    Raises
    ------
    FileNotFoundError
        If there is no such folder.

    Examples
    --------
    >>> import tempfile
    >>> from pathlib import Path
    >>> import numpy as np
    >>> from seal_sk.benchmark import LabelMaps
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     (Path(folder) / "300").mkdir()
    ...     np.save(Path(folder) / "300" / "tree.npy", np.zeros((2, 3), dtype=int))
    ...     LabelMaps(folder).find(300, "tree").name
    'tree.npy'
    """

    def __init__(self, folder: PathLike) -> None:
        self.folder = Path(folder)
        if not self.folder.is_dir():
            raise FileNotFoundError(f"There is no folder {str(self.folder)!r}.")

    def __repr__(self) -> str:
        """Return where they are."""
        return f"LabelMaps({str(self.folder)!r})"

    def find(self, count: int, name: str) -> Path:
        """The file of one label map.

        Parameters
        ----------
        count : int
            As requested.
        name : str
            Of the image.

        Returns
        -------
        Path

        Raises
        ------
        FileNotFoundError
            If there is none.
        ValueError
            If there are several.
        """
        place = self.folder / str(count)
        if not place.is_dir():
            place = self.folder
        found = find_label_map(place, name)
        if found is None:
            raise FileNotFoundError(
                f"There is no label map of {name!r} for {count} superpixels: "
                f"{self.folder / str(count) / name} with any of the endings "
                f"{', '.join(LABEL_SUFFIXES)}."
            )
        return found


class _Estimator:
    """An estimator as the benchmark calls it."""

    measured = True

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        if not hasattr(estimator, "transform") or isinstance(estimator, type):
            raise TypeError(
                f"{estimator!r} is no estimator, an object with transform: give one, "
                "or LabelMaps."
            )
        params = estimator.get_params() if hasattr(estimator, "get_params") else {}
        names = [
            name
            for name in params
            if name == "n_segments" or name.endswith("__n_segments")
        ]
        if len(names) != 1:
            raise ValueError(
                f"{estimator!r} has {len(names)} parameters called n_segments, where "
                "one is needed to set the count."
            )
        self._name = names[0]
        self._sees_truth = any(
            isinstance(value, OracleAffinity) for value in params.values()
        )
        self.all_parameters = {
            name: _plain(value)
            for name, value in sorted(params.items())
            if name != self._name and not name.endswith(_NO_RESULT)
        }
        self.parameters = self._shortly()

    @property
    def state(self):
        """What computes, what it holds, and what was fitted.

        All but what changes no label.
        """
        return type(self.estimator), {
            name: value
            for name, value in vars(self.estimator).items()
            if name not in (self._name, *_NO_RESULT)
        }

    def source(self, count, name):
        """What a label map depends on besides the image."""
        return None

    def _shortly(self):
        """The class, and the parameters that are not its defaults."""
        kind = type(self.estimator)
        usual = {
            name: parameter.default
            for name, parameter in signature(kind).parameters.items()
        }
        changed = [
            f"{name}={value!r}"
            for name, value in self.all_parameters.items()
            if name in usual and value != usual[name]
        ]
        return f"{kind.__qualname__}({', '.join(changed)})"

    def check(self, counts, names):
        """Refuse before any work what can't work."""

    def segment(self, image, annotations, count, name):
        """One label map."""
        what = annotations if self._sees_truth else image
        (labels,) = self.estimator.set_params(**{self._name: count}).transform([what])
        return labels


class _Folder:
    """Label maps as the benchmark calls them."""

    measured = False

    def __init__(self, label_maps: LabelMaps) -> None:
        self._label_maps = label_maps
        self.state = None
        self.parameters = f"LabelMaps({label_maps.folder.name!r})"
        self.all_parameters = {"folder": label_maps.folder.name}

    def check(self, counts, names):
        """Refuse before any work what can't work."""
        folder = self._label_maps.folder
        if len(counts) > 1 and not any((folder / str(c)).is_dir() for c in counts):
            raise ValueError(
                f"{str(folder)!r} has no folder for each count, as in "
                f"{folder / str(counts[0])}: its label maps can stand for one count "
                f"only, and {len(counts)} are asked for."
            )
        for count in counts:
            for name in names:
                self._label_maps.find(count, name)

    def source(self, count, name):
        """What a label map depends on: its file."""
        content = self._label_maps.find(count, name).read_bytes()
        return hashlib.sha256(content).hexdigest()

    def segment(self, image, annotations, count, name):
        """One label map."""
        path = self._label_maps.find(count, name)
        labels = read_label_map(path)
        if labels.shape != np.shape(image)[:2]:
            raise ValueError(
                f"{path} has {labels.shape[0]} x {labels.shape[1]} pixels, its image "
                f"{np.shape(image)[0]} x {np.shape(image)[1]}."
            )
        return labels


# Parameters that change no label.
_NO_RESULT = ("n_jobs", "verbose", "memory", "checkpoint_dir")


def as_method(method: Any) -> _Folder | _Estimator:
    """What the benchmark calls, from an estimator or label maps."""
    if isinstance(method, LabelMaps):
        return _Folder(method)
    # A copy, since its count is set; what was fitted goes with it.
    return _Estimator(deepcopy(method))


def _plain(value):
    """A parameter for the table: as it is if JSON has it, a file by its content."""
    # Not any string that a file happens to be called.
    named = isinstance(value, Path) or (isinstance(value, str) and Path(value).suffix)
    if named and Path(value).is_file():
        digest = hashlib.sha256(Path(value).read_bytes()).hexdigest()
        return f"{Path(value).name} (sha256 {digest[:12]})"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    text = repr(clone(value) if hasattr(value, "get_params") else value)
    # Where an object lies says nothing about it.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
