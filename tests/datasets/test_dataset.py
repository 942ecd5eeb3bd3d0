import pickle

import numpy as np
import pytest

from seal_sk.datasets import Dataset
from seal_sk.datasets.lazy import LazySequence


def load(number):
    if number is None:
        raise AssertionError("this one must not be loaded")
    return np.full((2, 3), number)


@pytest.fixture
def dataset():
    return Dataset(
        "numbers",
        LazySequence(load, [0, None, 2]),
        [np.zeros((2, 3), dtype=int), np.ones((2, 3), dtype=int), [np.eye(2, 3)]],
        ["a", "b", "c"],
        ignore_label=9,
        tolerance=3,
        DESCR="Three.",
    )


def test_entries_are_attributes(dataset):
    assert dataset.name == dataset["name"] == "numbers"
    assert dataset.names == ["a", "b", "c"]
    assert dataset.ignore_label == 9
    assert dataset.tolerance == 3
    assert dataset.DESCR == "Three."


def test_defaults():
    dataset = Dataset("one", [np.zeros((2, 2))], [np.zeros((2, 2), dtype=int)])
    assert dataset.names == ["0"]
    assert dataset.ignore_label is None
    assert dataset.tolerance == 1
    assert dataset.DESCR == ""


def test_select_keeps_the_rest_and_stays_lazy(dataset):
    chosen = dataset.select(np.array([2, 1]))
    assert isinstance(chosen, Dataset)
    assert isinstance(chosen.images, LazySequence)
    assert chosen.images.items == (2, None)
    assert chosen.names == ["c", "b"]
    assert chosen.annotations[1] is dataset.annotations[1]
    for name in ("name", "ignore_label", "tolerance", "DESCR"):
        assert chosen[name] == dataset[name]
    assert dataset.names == ["a", "b", "c"]


def test_select_refuses_what_is_not_there_or_twice(dataset):
    with pytest.raises(IndexError):
        dataset.select([3])
    with pytest.raises(ValueError, match="same name 'a'"):
        dataset.select([0, 0])
    with pytest.raises(ValueError, match="empty"):
        dataset.select([])


def test_pickle(dataset):
    copy = pickle.loads(pickle.dumps(dataset))
    assert isinstance(copy, Dataset)
    assert copy.names == dataset.names
    assert copy.images.items == dataset.images.items
    assert copy.select([2]).names == ["c"]


@pytest.mark.parametrize(
    ("parameters", "error", "message"),
    [
        ({"annotations": [np.zeros((2, 2), dtype=int)]}, ValueError, "pair up"),
        ({"annotations": None}, ValueError, "y is None"),
        ({"images": []}, ValueError, "empty"),
        ({"names": ["a"]}, ValueError, "1 names for 2 images"),
        ({"names": ["a", "a"]}, ValueError, "same name 'a'"),
        ({"tolerance": -1}, ValueError, "tolerance"),
        ({"masks": [None]}, ValueError, "pair up"),
        ({"tolerance": 1.5}, TypeError, "tolerance"),
    ],
)
def test_bad_input(parameters, error, message):
    given = {
        "images": [np.zeros((2, 2))] * 2,
        "annotations": [np.zeros((2, 2), dtype=int)] * 2,
    }
    with pytest.raises(error, match=message):
        Dataset("two", **{**given, **parameters})
