"""The training parameters, and all that repeats them for its readers."""

import argparse
import ast
import inspect
import re

import pytest
from numpydoc.docscrape import NumpyDocString

from seal_sk import LearnedAffinity, SEALSuperpixels
from seal_sk._compat import StrOptions
from seal_sk.cli import _parser
from seal_sk.pan.training.settings import CONSTRAINTS, NAMES, Settings

ESTIMATORS = [LearnedAffinity, SEALSuperpixels]


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_signatures_are_those_of_the_settings(kind):
    parameters = inspect.signature(kind).parameters
    shared = [name for name in parameters if name in NAMES]
    assert shared == NAMES
    defaults = {name: parameters[name].default for name in NAMES}
    assert defaults == vars(Settings())
    for name in NAMES:
        assert kind._parameter_constraints[name] == CONSTRAINTS[name]


def test_the_learned_affinity_has_no_other_parameters():
    assert list(inspect.signature(LearnedAffinity).parameters) == NAMES


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_docstrings_are_those_of_the_settings(kind):
    documented = {
        name: one.type
        for one in NumpyDocString(inspect.cleandoc(kind.__doc__))["Parameters"]
        for name in one.name.split(", ")
    }
    assert [name for name in documented if name in NAMES] == NAMES
    for name, default in vars(Settings()).items():
        said = re.search(r"default=(.*)$", documented[name])
        if said is None:
            assert default is None, name
            assert documented[name].endswith(", optional"), name
        else:
            assert ast.literal_eval(said[1]) == default, name


def test_descriptions_are_the_same_in_both():
    first, second = (
        {
            one.name: one.desc
            for one in NumpyDocString(inspect.cleandoc(kind.__doc__))["Parameters"]
        }
        for kind in ESTIMATORS
    )
    # What transform does with threads differs.
    for name in set(NAMES) - {"n_jobs"}:
        assert first[name] == second[name], name


def options():
    """The options of ``seal-sk train`` that are training parameters."""
    (commands,) = (
        action
        for action in _parser()._actions
        if isinstance(action, argparse._SubParsersAction)
    )
    return [
        option
        for option in commands.choices["train"]._actions
        if option.dest in NAMES
        and option.dest not in ("weights", "ignore_label", "verbose")
    ]


def test_there_are_options():
    assert len(options()) > 12


@pytest.mark.parametrize("option", options(), ids=lambda option: option.dest)
def test_options_are_those_of_the_settings(option):
    default = getattr(Settings(), option.dest)
    assert option.default is None  # not given: what a file of weights says
    if default is None:
        return
    said = re.search(r"\(default: (\S+)\)", option.help)[1]
    assert said == (f"{default:g}" if isinstance(default, float) else str(default))
    for constraint in CONSTRAINTS[option.dest]:
        if isinstance(constraint, StrOptions) and option.choices is not None:
            assert set(option.choices) == constraint.options


@pytest.mark.parametrize("kind", ESTIMATORS)
def test_every_parameter_reaches_the_settings(kind):
    params = {
        name: value + 1 if isinstance(value, (int, float)) else f"{value}!"
        for name, value in vars(Settings()).items()
    }
    assert vars(Settings.of(kind(**params))) == params
