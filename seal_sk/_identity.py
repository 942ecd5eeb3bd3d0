"""Functions, networks and transformers as plain data, to tell them apart.

As far as possible, two objects that compute the same give the same data, in every
process, and two that don't give different data. In doubt, they count as different.
"""

import sys
import sysconfig
from dis import get_instructions
from functools import cache, partial
from inspect import isfunction, ismethod
from numbers import Number
from pathlib import Path
from types import CodeType, ModuleType

import numpy as np

__all__ = ["described"]

_PLAIN = (Number, str, bytes, tuple, list, dict, set, frozenset, np.ndarray, type(None))


def described(value, around=()):
    """`value` as plain data that has the same hash in every process.

    Functions and classes are told apart by their code, constants, defaults, and all
    that they use from modules that are not installed, since one of the same name may
    have been edited. Networks are told apart by their weights and attributes, other
    objects by their attributes.

    Parameters
    ----------
    value : object
        Object to describe.
    around : tuple
        The objects that contain it, to detect objects that contain themselves.
    """
    if any(value is outer for outer in around):
        return "one that holds this"
    inner = partial(described, around=(*around, value))
    if isinstance(value, (list, tuple)):
        return type(value).__name__, [inner(item) for item in value]
    if isinstance(value, dict):
        return type(value).__name__, [(inner(k), inner(v)) for k, v in value.items()]
    if isinstance(value, partial):
        return "partial", inner(value.func), inner(value.args), inner(value.keywords)
    if ismethod(value):
        return "method", inner(value.__func__), inner(value.__self__)
    if isfunction(value):
        return _function(value, inner)
    if isinstance(value, type):
        return _kind(value, inner)
    torch = sys.modules.get("torch")
    if torch is not None and isinstance(value, torch.Tensor):
        # Bytes, since NumPy lacks some of the dtypes.
        flat = value.detach().cpu().contiguous().flatten().view(torch.uint8)
        return str(value.dtype), tuple(value.shape), flat.numpy().copy()
    if torch is not None and isinstance(value, torch.nn.Module):
        return _module(value, inner)
    if hasattr(value, "_cache_key"):
        return _kind(type(value), inner), inner(value._cache_key())
    if hasattr(value, "__dict__") and (
        callable(value) or hasattr(value, "transform") or hasattr(value, "get_params")
    ):
        return _kind(type(value), inner), inner(vars(value))
    return value


def _function(function, inner):
    cells = [inner(cell.cell_contents) for cell in function.__closure__ or ()]
    return (
        function.__module__,
        function.__qualname__,
        _code(function.__code__),
        inner(function.__defaults__),
        inner(function.__kwdefaults__),
        cells,
        inner(dict(_reached(function))),
    )


def _code(code):
    """The contents of a code object, without its place in a file."""
    constants = [
        _code(constant) if isinstance(constant, CodeType) else described(constant)
        for constant in code.co_consts
    ]
    # Lists, since the hash of equal tuples depends on whether they are one object.
    names = [list(code.co_names), list(code.co_varnames), list(code.co_freevars)]
    return code.co_code, constants, names


def _reached(function):
    """Names and values of the globals that a function uses."""
    if _installed(function.__module__):
        return
    names, attributes = _names(function.__code__)
    for name in sorted(names & function.__globals__.keys()):
        value = function.__globals__[name]
        if isinstance(value, ModuleType):
            if not _installed(value.__name__):
                for attribute in sorted(attributes & vars(value).keys()):
                    yield f"{name}.{attribute}", vars(value)[attribute]
        elif isinstance(value, _PLAIN) or callable(value):
            yield name, value


def _names(code):
    """Names of the globals and attributes in a code object and those inside it."""
    instructions = list(get_instructions(code))
    names = {
        step.argval
        for step in instructions
        if step.opname in ("LOAD_GLOBAL", "LOAD_NAME")
    }
    attributes = set(code.co_names)
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            more_names, more_attributes = _names(constant)
            names |= more_names
            attributes |= more_attributes
    return names, attributes


def _kind(kind, inner):
    """A class by its name and, unless it is installed, by its contents."""
    bodies = [
        {
            name: inner(getattr(value, "__func__", getattr(value, "fget", value)))
            for name, value in sorted(vars(base).items())
            if name not in ("__dict__", "__weakref__", "__doc__")
            and (
                isinstance(value, (*_PLAIN, property, staticmethod, classmethod))
                or isfunction(value)
            )
        }
        for base in kind.__mro__
        if not _installed(base.__module__)
    ]
    return kind.__module__, kind.__qualname__, bodies


def _module(module, inner):
    """A network by the classes, weights, buffers and attributes of all its parts."""
    if hasattr(module, "inlined_graph"):  # TorchScript, which has no classes.
        return repr(module), str(module.inlined_graph), inner(module.state_dict())
    return _kind(type(module), inner), inner(vars(module))


@cache
def _installed(name):
    """Whether a module is in the standard library, an installed package, or here."""
    if name is None or name == "__main__":
        return False
    if name.partition(".")[0] == __name__.partition(".")[0]:
        return True
    if name in sys.builtin_module_names:
        return True
    file = getattr(sys.modules.get(name), "__file__", None)
    if file is None:
        return False
    if file.startswith(sysconfig.get_path("stdlib")):
        return True
    # By the folders' names, which covers the user's packages and the system's too.
    return not {"site-packages", "dist-packages"}.isdisjoint(Path(file).parts)
