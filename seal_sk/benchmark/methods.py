"""Methods to compare: estimators by name, path or file, or folders of label maps."""

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
from ..pan.shipped import SHIPPED
from ..sources import OracleAffinity
from ..superpixels.methods import METHODS as ESTIMATORS
from ..superpixels.methods import method_class

__all__ = ["METHODS", "LabelMaps", "as_method", "find_methods"]


def _seal(**parameters):
    return superpixels.SEALSuperpixels.load("bsds500").set_params(**parameters)


#: Methods by name: functions that return the estimator.
METHODS: dict[str, Callable[[], Any]] = {
    "seal": _seal,
    "seal-ers": lambda: _seal(oversegmentation=1),
    **{name: method_class(name) for name in ESTIMATORS if name != "seal"},
    "oracle": lambda: superpixels.GraphSuperpixels(affinity=OracleAffinity()),
}

_PICKLES = (".pkl", ".pickle", ".joblib")


def find_methods(specs: Sequence[str]) -> dict[str, Any]:
    """Find methods from their descriptions on the command line.

    Parameters
    ----------
    specs : sequence of str
        Each is one of the following, optionally preceded by ``NAME=``:

        - a key of `METHODS`, such as ``ers``;
        - an import path, such as ``package.module:attribute``, of an estimator, of its
          class, or of a function without arguments that returns one;
        - a network of the package, such as ``bsds500-train``;
        - a file: a network from `SEALSuperpixels.save` or from the paper's authors, or
          a pickled estimator (``.pkl``, ``.pickle``, ``.joblib``). Unpickling runs code
          in the file: use only files that you trust;
        - a folder of label maps, for `LabelMaps`.

    Returns
    -------
    dict of str to estimator or LabelMaps
        Methods by name, in the given order.

    Raises
    ------
    ValueError, ImportError, FileNotFoundError
        If one is not one of these, or two have the same name.

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
                f"Two methods are called {name!r}; give one of them another name with "
                f"OTHER={what}."
            )
        methods[name] = method
    return methods


def _find(what):
    """Return (name, estimator or label maps) for one spec."""
    if what in METHODS:
        return what, METHODS[what]()
    if what in SHIPPED:
        return what, superpixels.SEALSuperpixels.load(what)
    path = Path(what)
    if path.is_dir():
        return path.resolve().name, LabelMaps(path)
    if path.suffix in (".safetensors", *_PICKLES):
        return path.stem, _load(path)
    if ":" in what:
        return what.rpartition(":")[2], _imported(what)
    raise ValueError(
        f"There is no method {what!r}: give one of {', '.join(METHODS)}; "
        f"{', '.join(SHIPPED)}; package.module:Class; a file of SEALSuperpixels.save "
        "or a pickled estimator; or a folder of label maps."
    )


def _load(path):
    if not path.is_file():
        raise FileNotFoundError(f"There is no file {str(path)!r}.")
    try:
        # Weights first, because they load without running code.
        return superpixels.SEALSuperpixels.load(path)
    except ValueError:
        if path.suffix == ".safetensors":
            raise
    import joblib

    try:
        return joblib.load(path)
    except Exception as error:  # pickles may raise anything
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
    except Exception as error:  # modules may raise anything
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
    """Label maps of another program, in place of a method.

    Parameters
    ----------
    folder : path-like
        Folder with one subfolder per requested count, as in ``300/NAME.png``, each with
        one label map per image of the data set; or, if only one count is requested,
        with the label maps themselves. PNG, TIFF, npy, MAT or CSV, as
        `seal_sk.datasets.read_label_map` reads them.

    Raises
    ------
    FileNotFoundError
        If the folder does not exist.

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
        self.folder = Path(folder).absolute()
        if not self.folder.is_dir():
            raise FileNotFoundError(f"There is no folder {str(self.folder)!r}.")

    def __repr__(self) -> str:
        """Return the class and the folder."""
        return f"LabelMaps({str(self.folder)!r})"

    def find(self, count: int, name: str) -> Path:
        """Return the path of one label map.

        Parameters
        ----------
        count : int
            Requested number of superpixels.
        name : str
            Name of the image.

        Returns
        -------
        Path

        Raises
        ------
        FileNotFoundError
            If there is no such label map.
        ValueError
            If there are several such label maps.
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
    """An estimator, with the interface of the benchmark."""

    measured = True

    def __init__(self, estimator: Any) -> None:
        self.estimator = estimator
        if not hasattr(estimator, "transform") or isinstance(estimator, type):
            raise TypeError(
                f"{estimator!r} is not an estimator with a transform: give one, or "
                "LabelMaps."
            )
        params = estimator.get_params() if hasattr(estimator, "get_params") else {}
        names = [
            name
            for name in params
            if name == "n_segments" or name.endswith("__n_segments")
        ]
        if len(names) != 1:
            raise ValueError(
                f"{estimator!r} has {len(names)} parameters called n_segments, but "
                "needs exactly one, for the count."
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
        """The class, its parameters and its fitted attributes.

        Without parameters that do not change labels.
        """
        return type(self.estimator), {
            name: value
            for name, value in vars(self.estimator).items()
            if name not in (self._name, *_NO_RESULT)
        }

    def source(self, count, name):
        """Everything that a label map depends on besides the image."""
        return None

    def _shortly(self):
        """The class, and the parameters that differ from the defaults."""
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
        """Raise errors before any work."""

    def segment(self, image, annotations, count, name, mask=None):
        """Return one label map."""
        what = annotations if self._sees_truth else image
        inside = [] if mask is None else [[mask]]
        estimator = self.estimator.set_params(**{self._name: count})
        (labels,) = estimator.transform([what], *inside)
        return labels


class _Folder:
    """Label maps, with the interface of the benchmark."""

    measured = False

    def __init__(self, label_maps: LabelMaps) -> None:
        self._label_maps = label_maps
        self.state = None
        self.parameters = f"LabelMaps({label_maps.folder.name!r})"
        self.all_parameters = {"folder": label_maps.folder.name}

    def check(self, counts, names):
        """Raise errors before any work."""
        folder = self._label_maps.folder
        if len(counts) > 1 and not any((folder / str(c)).is_dir() for c in counts):
            raise ValueError(
                f"{str(folder)!r} has no subfolders for the counts, such as "
                f"{folder / str(counts[0])}: its label maps can be used for only one "
                f"count, but {len(counts)} are requested."
            )
        for count in counts:
            for name in names:
                self._label_maps.find(count, name)

    def source(self, count, name):
        """Everything that a label map depends on: its file."""
        content = self._label_maps.find(count, name).read_bytes()
        return hashlib.sha256(content).hexdigest()

    def segment(self, image, annotations, count, name, mask=None):
        """Return one label map."""
        path = self._label_maps.find(count, name)
        labels = read_label_map(path)
        if labels.shape != np.shape(image)[:2]:
            raise ValueError(
                f"{path} has {labels.shape[0]} x {labels.shape[1]} pixels, its image "
                f"{np.shape(image)[0]} x {np.shape(image)[1]}."
            )
        return labels


# Parameters that do not change labels.
_NO_RESULT = ("n_jobs", "verbose", "memory", "checkpoint_dir")


def as_method(method: Any) -> _Folder | _Estimator:
    """Wrap an estimator or label maps in the interface of the benchmark."""
    if isinstance(method, LabelMaps):
        return _Folder(method)
    # A copy, because its count is set; it stays fitted.
    return _Estimator(deepcopy(method))


def _plain(value):
    """A parameter for the table: unchanged if JSON can hold it, files by content."""
    # Not every string that happens to be the name of a file.
    named = isinstance(value, Path) or (isinstance(value, str) and Path(value).suffix)
    if named and Path(value).is_file():
        digest = hashlib.sha256(Path(value).read_bytes()).hexdigest()
        return f"{Path(value).name} (sha256 {digest[:12]})"
    if value is None or isinstance(value, (bool, int, float, str)):
        return value
    text = repr(clone(value) if hasattr(value, "get_params") else value)
    # Addresses in memory have no meaning.
    return re.sub(r" at 0x[0-9a-fA-F]+", "", text)
