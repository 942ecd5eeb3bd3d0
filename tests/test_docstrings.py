"""Docstrings of all that is public are valid numpydoc, and agree with signatures."""

import importlib
import inspect
import pkgutil

import pytest
from numpydoc.validate import ERROR_MSGS, validate

import seal_sk

# Checks that docstrings here do not follow, and why. All the others they pass.
NOT_FOLLOWED = {
    "SS05": "takes nouns that end in s, as in 'Labels of ...', for verbs",
    "ES01": "a summary that says it all needs no second paragraph",
    "PR08": "descriptions begin with a dtype, as in 'uint8 or ...'",
    "RT03": "a type says it all where it is `self` or a name",
    "SA01": "not everything has a relative",
}
# What methods need not have: the example of their class shows them.
NOT_OF_METHODS = {"EX01"}


def public_modules():
    """Names of the modules that list what is public."""
    found = pkgutil.iter_modules(seal_sk.__path__, "seal_sk.")
    # The public interface of `cli` is the command line.
    names = [m.name for m in found if not m.name.startswith("seal_sk._")]
    names.remove("seal_sk.cli")
    return ["seal_sk", *names, "seal_sk.sources.vgg", "seal_sk.pan.loss"]


def methods(kind):
    """Names of the public methods and properties that are of this package."""
    for name in dir(kind):
        owner = next(base for base in kind.__mro__ if name in vars(base))
        found = vars(owner)[name]
        if (
            not name.startswith("_")
            and owner.__module__.startswith("seal_sk")
            and (callable(getattr(kind, name)) or isinstance(found, property))
            and not inspect.isclass(found)
            # Made by scikit-learn, with docstrings of its own.
            and not (name.startswith("set_") and name.endswith("_request"))
        ):
            yield name


def public_objects():
    """Paths of all that is public, each thing once, and the checks it may fail."""
    seen = set()
    for module_name in public_modules():
        module = importlib.import_module(module_name)
        for name in getattr(module, "__all__", ()):
            found = getattr(module, name)
            if inspect.ismodule(found) or not callable(found) or id(found) in seen:
                continue
            seen.add(id(found))
            path = f"{module_name}.{name}"
            yield path, NOT_FOLLOWED.keys()
            if inspect.isclass(found):
                for method in methods(found):
                    yield f"{path}.{method}", NOT_FOLLOWED.keys() | NOT_OF_METHODS


OBJECTS = dict(public_objects())


def test_objects_are_found():
    assert {
        "seal_sk.ers",
        "seal_sk.SEALSuperpixels",
        "seal_sk.SEALSuperpixels.fit",
        "seal_sk.SEALSuperpixels.net_",
        "seal_sk.SEALSuperpixels.transform_counts",
        "seal_sk.metrics.asa_scorer",
        "seal_sk.pan.PAN.forward",
        "seal_sk.benchmark.Protocol.per_image",
    } <= OBJECTS.keys()
    assert not any(path.endswith("_request") for path in OBJECTS)


def test_checks_left_out_exist():
    assert set(NOT_FOLLOWED) | NOT_OF_METHODS <= set(ERROR_MSGS)


@pytest.mark.parametrize("path", OBJECTS)
def test_docstring_is_valid(path):
    errors = [
        f"{path}: {code} {message}"
        for code, message in validate(path)["errors"]
        if code not in OBJECTS[path]
    ]
    if errors:
        pytest.fail("\n".join(errors), pytrace=False)


def found_at(path):
    """The class or function behind a path; of a property, what gets it."""
    names = path.split(".")
    found, parent = seal_sk, None
    for i, name in enumerate(names[1:], 2):
        if inspect.ismodule(found) and not hasattr(found, name):
            importlib.import_module(".".join(names[:i]))
        found, parent = getattr(found, name), found
    if inspect.isclass(parent):
        found = inspect.getattr_static(parent, names[-1])
    if isinstance(found, property):
        return found.fget
    # Methods that scikit-learn hides at times are kept in its descriptor.
    return getattr(found, "__func__", getattr(found, "fn", found))


@pytest.mark.parametrize("path", OBJECTS)
def test_signature_is_typed(path):
    found = found_at(path)
    if inspect.isclass(found):
        found = found.__init__
        if not inspect.isfunction(found):  # an exception's
            return
    signature = inspect.signature(found)
    untyped = [
        name
        for name, parameter in signature.parameters.items()
        if parameter.annotation is parameter.empty and name not in ("self", "cls")
    ]
    assert not untyped
    assert signature.return_annotation is not signature.empty


def test_a_wrong_docstring_is_found(monkeypatch):
    def wrong(labels, n_segments):
        """Cut something.

        Parameters
        ----------
        n_segments : int
            How many.
        label : array-like
            What.
        """
        return labels

    monkeypatch.setattr(seal_sk, "wrong", wrong, raising=False)
    codes = {code for code, _ in validate("seal_sk.wrong")["errors"]}
    assert {"PR01", "PR02", "RT01", "EX01"} <= codes - set(NOT_FOLLOWED)
