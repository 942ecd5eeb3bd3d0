import pickle

import numpy as np
import pytest
from sklearn.model_selection import KFold, train_test_split
from sklearn.utils import _safe_indexing

from seal_sk.datasets.lazy import LazySequence


class Counter:
    """Loads squares, and remembers of what."""

    def __init__(self):
        self.loaded = []

    def __call__(self, number):
        self.loaded.append(number)
        return number**2


def fail(number):
    raise IndexError(f"broken item {number}")


@pytest.fixture
def squares():
    return LazySequence(Counter(), range(6))


def test_integer_index_loads_one_item(squares):
    assert squares[2] == 4
    assert squares[-1] == 25
    assert squares[np.int64(3)] == 9
    assert squares.load.loaded == [2, 5, 3]
    with pytest.raises(IndexError):
        squares[6]


@pytest.mark.parametrize(
    ("key", "expected"),
    [
        (slice(1, None, 2), [1, 9, 25]),
        (np.array([4, -1, 4]), [16, 25, 16]),
        ([2, 0], [4, 0]),
        (np.array([True, False, False, False, True, True]), [0, 16, 25]),
        ([], []),
        (np.array([], dtype=int), []),
    ],
)
def test_other_index_selects_without_loading(squares, key, expected):
    chosen = squares[key]
    assert isinstance(chosen, LazySequence)
    assert len(chosen) == len(expected)
    assert squares.load.loaded == []
    assert list(chosen) == expected


@pytest.mark.parametrize(
    ("key", "error"),
    [
        ("a", TypeError),
        (1.5, TypeError),
        (None, TypeError),
        (True, TypeError),
        ([0.0, 1.0], TypeError),
        ([[0, 1]], TypeError),
        ([7], IndexError),
        ([True, False], IndexError),
    ],
)
def test_bad_index(squares, key, error):
    with pytest.raises(error):
        squares[key]


def test_iteration_does_not_hide_an_error_of_the_loader():
    with pytest.raises(IndexError, match="broken item 0"):
        list(LazySequence(fail, range(3)))


def test_pickle_and_repr():
    lazy = LazySequence(abs, [-1, -2])
    assert list(pickle.loads(pickle.dumps(lazy))) == [1, 2]
    assert repr(lazy) == "LazySequence(abs, n_items=2)"


def test_scikit_learn_splits_it_without_loading(squares):
    for indices in (np.array([3, 1]), [3, 1], np.arange(6) < 2, slice(2)):
        assert isinstance(_safe_indexing(squares, indices), LazySequence)
    train, test = train_test_split(squares, test_size=2, random_state=0)
    assert (len(train), len(test)) == (4, 2)
    for fold, (_, indices) in enumerate(KFold(3).split(squares)):
        assert _safe_indexing(squares, indices).items == (2 * fold, 2 * fold + 1)
    assert squares.load.loaded == []
    assert _safe_indexing(squares, 2) == 4
