import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.figure import Figure

from seal_sk import (
    ERSSuperpixels,
    GraphSuperpixels,
    LearnedAffinity,
    SEALSuperpixels,
)
from seal_sk.plotting import LearningCurveDisplay


@pytest.fixture
def history():
    return [
        {"iteration": 10, "loss": 1.5, "lr": 1e-3, "seconds": 1.0, "asa": 0.90},
        {"iteration": 20, "loss": 1.2, "lr": 5e-4, "seconds": 2.0, "asa": 0.95},
        {"iteration": 30, "loss": 1.1, "lr": 1e-4, "seconds": 3.0, "asa": 0.95},
        {"iteration": 35, "loss": 1.3, "lr": 1e-6, "seconds": 4.0, "asa": 0.93},
    ]


def test_panels_hold_the_history(history):
    axes = Figure().subplots(3)
    display = LearningCurveDisplay.from_history(history, ax=axes, name="ABC")
    np.testing.assert_array_equal(display.ax_, axes)
    assert display.figure_ is axes[0].figure
    for ax, name in zip(axes, ["loss", "asa", "lr"], strict=True):
        x, y = ax.lines[0].get_data()
        assert list(x) == [10, 20, 30, 35]
        assert list(y) == [line[name] for line in history]
        # The first of the best is the one whose weights are kept.
        assert list(ax.lines[1].get_xdata()) == [20, 20]
    assert display.best_iteration_ == 20
    assert axes[1].texts[0].get_text() == "best: 0.9500 at 20"
    assert axes[0].get_title() == "ABC"
    assert axes[2].get_yscale() == "log"


def test_without_validation(history):
    for line in history:
        del line["asa"]
    display = LearningCurveDisplay.from_history(history)
    assert [ax.get_ylabel() for ax in display.ax_] == ["training loss", "learning rate"]
    assert [len(ax.lines) for ax in display.ax_] == [1, 1]
    assert display.best_iteration_ is None
    pyplot.close(display.figure_)


def test_lines_of_partial_fit_have_no_validation(history):
    history.append({"iteration": 45, "loss": 1.0, "lr": 1e-3, "seconds": 5.0})
    display = LearningCurveDisplay.from_history(history, ax=Figure().subplots(3))
    assert display.best_iteration_ == 20
    asa = display.ax_[1].lines[0].get_ydata()
    np.testing.assert_array_equal(asa, [0.90, 0.95, 0.95, 0.93, np.nan])


def test_what_is_null_has_not_been_validated(history):
    read = [{**line, "asa": None} for line in history]
    display = LearningCurveDisplay.from_history(read, ax=Figure().subplots(2))
    assert display.best_iteration_ is None


def test_one_panel_on_one_axes(history):
    ax = Figure().subplots()
    display = LearningCurveDisplay.from_history(history, panels=["asa"], ax=ax)
    assert display.ax_ is ax
    assert ax.get_xlabel() == "iteration"


@pytest.fixture(scope="module")
def params():
    return {
        "width": 4,
        "max_iter": 4,
        "validate_every": 2,
        "validation_fraction": 0.2,
        "batch_size": 1,
        "crop_size": 32,
        "random_state": 0,
    }


@pytest.mark.slow
def test_of_estimators(scenes, params):
    X, y = scenes[0][:6], scenes[1][:6]
    for estimator in (
        SEALSuperpixels(**params),
        LearnedAffinity(**params),
        GraphSuperpixels(affinity=LearnedAffinity(**params)),
    ):
        estimator.fit(X, y)
        history = getattr(estimator, "affinity_", estimator).history_
        display = LearningCurveDisplay.from_estimator(
            estimator, ax=Figure().subplots(3)
        )
        assert display.history == history
        assert display.ax_[0].get_title() == type(estimator).__name__
        best = max(history, key=lambda line: line["asa"])
        assert display.best_iteration_ == best["iteration"]


@pytest.mark.parametrize(
    "estimator",
    [
        ERSSuperpixels(),
        SEALSuperpixels(),
        SEALSuperpixels(weights="bsds500"),
        LearnedAffinity(),
    ],
)
def test_estimators_without_a_history(estimator):
    with pytest.raises(
        ValueError, match=f"this {type(estimator).__name__} has no hist"
    ):
        LearningCurveDisplay.from_estimator(estimator)


def test_refusals(history):
    with pytest.raises(ValueError, match="history is empty"):
        LearningCurveDisplay.from_history([])
    with pytest.raises(TypeError, match=r"history is list.*'iteration' each"):
        LearningCurveDisplay.from_history([{"loss": 1.0}])
    with pytest.raises(ValueError, match="history has none of 'loss', 'asa', 'lr'"):
        LearningCurveDisplay.from_history([{"iteration": 10}])
    with pytest.raises(ValueError, match=r"panels=.*'loss', 'asa', 'lr'"):
        LearningCurveDisplay.from_history(history, panels=["seconds"])
    with pytest.raises(ValueError, match="holds 2 axes, but 3"):
        LearningCurveDisplay.from_history(history, ax=Figure().subplots(2))


def test_a_table_is_no_history(history):
    table = pytest.importorskip("pandas").DataFrame(history)
    with pytest.raises(TypeError, match=r"history is DataFrame.*to_dict\('records'\)"):
        LearningCurveDisplay.from_history(table)
    rows = table.to_dict("records")
    display = LearningCurveDisplay.from_history(rows, ax=Figure().subplots(3))
    assert display.best_iteration_ == 20
