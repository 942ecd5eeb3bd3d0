import numpy as np
import pytest
from matplotlib import pyplot
from matplotlib.colors import to_rgba
from matplotlib.figure import Figure
from sklearn.base import BaseEstimator, TransformerMixin
from sklearn.pipeline import make_pipeline

from seal_sk import ERSSuperpixels, SLICSuperpixels
from seal_sk.metrics import (
    asa_score,
    boundary_recall_score,
    compactness_score,
    contour_density,
    explained_variation_score,
    mean_over_pairs,
)
from seal_sk.plotting import CurveDisplay


@pytest.fixture(scope="module")
def data(scenes):
    """Images with one, two and three annotations."""
    images, truths = scenes[0][:3], scenes[1][:3]
    return images, [[truths[i]] + [truths[j] for j in range(i)] for i in range(3)]


class Stripes(TransformerMixin, BaseEstimator):
    """Without a transform_counts, and what it has learned is needed."""

    def __init__(self, n_segments=3):
        self.n_segments = n_segments

    def fit(self, X, y=None):
        self.fitted_ = True
        return self

    def transform(self, X):
        assert self.fitted_
        return [
            np.tile(np.arange(x.shape[1]) * self.n_segments // x.shape[1], (len(x), 1))
            for x in X
        ]


def test_curves_are_means_over_pairs(data):
    X, y = data
    counts = [40, 10]
    display = CurveDisplay.from_estimators(
        {"ERS": ERSSuperpixels(), "SLIC": SLICSuperpixels()},
        X,
        y,
        counts,
        metrics=("asa", "boundary_recall", "explained_variation", "compactness"),
        tolerance=2,
        ax=Figure().subplots(2, 2),
    )
    for name, estimator in (("ERS", ERSSuperpixels()), ("SLIC", SLICSuperpixels())):
        curve = display.curves[name]
        for i, count in enumerate(counts):
            maps = estimator.set_params(n_segments=count).transform(X)
            assert curve["n_segments"][i] == np.mean([m.max() + 1 for m in maps])
            expected = mean_over_pairs(asa_score, y, maps)
            assert curve["asa"][i] == pytest.approx(expected)
            recalls = [
                boundary_recall_score(truth, labels, tolerance=2)
                for truths, labels in zip(y, maps, strict=True)
                for truth in truths
            ]
            assert curve["boundary_recall"][i] == pytest.approx(np.mean(recalls))
            expected = np.mean(list(map(explained_variation_score, X, maps)))
            assert curve["explained_variation"][i] == pytest.approx(expected)
            expected = np.mean(list(map(compactness_score, maps)))
            assert curve["compactness"][i] == pytest.approx(expected)
    # Drawn from few superpixels to many.
    for ax, metric in zip(display.ax_, display.metrics, strict=True):
        for line, name in zip(ax.lines, ("ERS", "SLIC"), strict=True):
            assert line.get_label() == name
            curve = display.curves[name]
            np.testing.assert_array_equal(line.get_xdata(), curve["n_segments"][::-1])
            np.testing.assert_array_equal(line.get_ydata(), curve[metric][::-1])
    assert display.ax_[0].get_ylabel() == "ASA (higher is better)"


def test_more_images_than_are_cut_at_a_time(scenes):
    X, y = scenes
    assert len(X) > 16
    ers = ERSSuperpixels()
    display = CurveDisplay.from_estimators(
        {"ERS": ers}, X, y, [5], metrics=["asa"], ax=Figure().subplots()
    )
    maps = ers.set_params(n_segments=5).transform(X)
    assert display.curves["ERS"]["asa"] == pytest.approx(
        mean_over_pairs(asa_score, y, maps)
    )


def test_estimators_without_transform_counts(data):
    X, y = data
    stripes = Stripes().fit(X)
    display = CurveDisplay.from_estimators(
        {"stripes": stripes}, X, y, (2, 9), metrics=["asa"], ax=Figure().subplots()
    )
    assert list(display.curves["stripes"]["n_segments"]) == [2, 9]
    assert stripes.n_segments == 3
    with pytest.raises(TypeError, match=r"'pipe', a Pipeline, has neither"):
        CurveDisplay.from_estimators({"pipe": make_pipeline(stripes)}, X, y, [2])


def test_ignored_pixels_do_not_count(data):
    truth = data[1][0][0].copy()
    labels = truth.copy()
    labels[:9] = np.arange(9 * labels.shape[1]).reshape(9, -1) % 7
    truth[:9] = 255
    display = CurveDisplay.from_labels(
        {"one": [[labels]]},
        [truth],
        metrics=["asa"],
        ignore_label=255,
        ax=Figure().subplots(),
    )
    assert display.curves["one"]["asa"] == [1.0]


def test_images_of_ignored_pixels_are_left_out(data):
    X, y = data
    blank = [np.full_like(y[0][0], 99)]
    options = {"counts": [5, 9], "ignore_label": 99, "metrics": ("asa", "compactness")}
    methods = {"SLIC": SLICSuperpixels()}
    want = CurveDisplay.from_estimators(methods, X[1:], y[1:], **options)
    got = CurveDisplay.from_estimators(methods, X, [blank, *y[1:]], **options)
    pyplot.close("all")
    for name, values in want.curves["SLIC"].items():
        assert np.array_equal(got.curves["SLIC"][name], values)
    with pytest.raises(ValueError, match="no pixel of the ground truth counts"):
        CurveDisplay.from_estimators(methods, X[:1], [blank], **options)


def test_intervals_become_bands():
    curves = {
        "one": {
            "n_segments": [10, 30, 20],
            "asa": [0.5, 0.7, 0.6],
            "asa_low": [0.4, 0.6, 0.5],
            "asa_high": [0.6, 0.8, 0.7],
        },
        "other": {"n_segments": [10, 20], "asa": [0.2, 0.3]},
    }
    ax = Figure().subplots()
    CurveDisplay(curves, {"asa": "ASA"}).plot(ax)
    (band,) = ax.collections
    box = band.get_paths()[0].get_extents()
    assert (box.x0, box.x1, box.y0, box.y1) == (10, 30, 0.4, 0.8)
    assert tuple(band.get_facecolor()[0][:3]) == to_rgba(ax.lines[0].get_color())[:3]
    assert [text.get_text() for text in ax.get_legend().get_texts()] == ["one", "other"]


def test_many_methods_are_told_apart():
    curves = {
        f"method {i}": {
            "n_segments": [1, 2],
            "asa": [i, i],
            "asa_low": [i, i],
            "asa_high": [i, i],
        }
        for i in range(20)
    }
    axes = Figure().subplots(1, 2)
    CurveDisplay(curves, {"asa": "ASA", "asa_low": "low"}).plot(axes)
    looks = {
        (line.get_color(), line.get_linestyle(), line.get_marker())
        for line in axes[0].lines
    }
    assert len(looks) == 20
    # Bands would hide each other, and the legend is beside the last.
    assert not axes[0].collections
    assert axes[0].get_legend() is None
    assert len(axes[1].get_legend().get_texts()) == 20


@pytest.fixture
def summary():
    pandas = pytest.importorskip("pandas")
    return pandas.DataFrame(
        {
            "method": ["one", "one", "other"],
            "requested": [20, 10, 10],
            "n_images": 12,
            "n_segments": [21.0, 10.0, 9.0],
            "ASA": [0.9, 0.8, 0.7],
            "ASA_low": [0.85, 0.75, 0.65],
            "ASA_high": [0.95, 0.85, 0.75],
            "BR": [0.6, 0.5, 0.4],
            "BR_low": [0.5, 0.4, 0.3],
            "BR_high": [0.7, 0.6, 0.5],
        }
    )


def test_of_a_summary(summary):
    pytest.importorskip("pyarrow")
    axes = Figure().subplots(2)
    display = CurveDisplay.from_results(summary, ax=axes)
    assert list(display.curves) == ["one", "other"]
    assert list(display.curves["one"]["BR"]) == [0.6, 0.5]
    assert [ax.get_ylabel() for ax in axes] == [
        "ASA (higher is better)",
        "Boundary recall (higher is better)",
    ]
    assert [len(ax.collections) for ax in axes] == [2, 2]
    with pytest.raises(ValueError, match=r"no column CD; .*\(results, 'tu2018'\)"):
        CurveDisplay.from_results(summary, metrics=["BR"], against="CD")
    with pytest.raises(ValueError, match=r"no column EV; .*\(results, 'stutz2018'\)"):
        CurveDisplay.from_results(summary, metrics=["EV"], protocol="stutz2018")
    with pytest.raises(ValueError, match=r"metrics=.*'ASA', 'BR'"):
        CurveDisplay.from_results(summary, metrics=["asa"])


def test_recall_of_a_summary_against_density(summary):
    pytest.importorskip("pyarrow")
    summary["CD"] = [0.3, 0.2, 0.25]
    axes = Figure().subplots(3)
    assert list(CurveDisplay.from_results(summary, ax=axes).metrics)[-1] == "CD"
    # It has no better direction of its own.
    assert axes[2].get_ylabel() == "Contour density"
    ax = Figure().subplots()
    CurveDisplay.from_results(summary, metrics=["BR"], against="CD", ax=ax)
    assert ax.get_xlabel() == "Contour density"
    assert ax.get_ylabel() == "Boundary recall (higher is better)"
    one, other = ax.lines
    # From few superpixels to many.
    assert list(one.get_xdata()) == [0.2, 0.3]
    assert list(one.get_ydata()) == [0.5, 0.6]
    assert (other.get_xdata()[0], other.get_ydata()[0]) == (0.25, 0.4)
    box = ax.collections[0].get_paths()[0].get_extents()
    assert (box.x0, box.x1, box.y0, box.y1) == (0.2, 0.3, 0.4, 0.7)
    with pytest.raises(ValueError, match="against='EV' must be one of 'n_segments',"):
        CurveDisplay.from_results(summary, against="EV", ax=ax)


def test_recall_against_density(data):
    X, y = data
    display = CurveDisplay.from_estimators(
        {"ERS": ERSSuperpixels()},
        X,
        y,
        [40, 10],
        metrics=["boundary_recall"],
        against="contour_density",
        ax=Figure().subplots(),
    )
    curve = display.curves["ERS"]
    for i, count in enumerate((40, 10)):
        maps = ERSSuperpixels(count).transform(X)
        expected = np.mean(list(map(contour_density, maps)))
        assert curve["contour_density"][i] == pytest.approx(expected)
    (line,) = display.ax_.lines
    np.testing.assert_array_equal(line.get_xdata(), curve["contour_density"][::-1])
    np.testing.assert_array_equal(line.get_ydata(), curve["boundary_recall"][::-1])
    # Drawn again on other axes, it is the same.
    (again,) = display.plot(Figure().subplots()).ax_.lines
    np.testing.assert_array_equal(again.get_xdata(), line.get_xdata())


def test_of_a_table_of_results(summary):
    pandas = pytest.importorskip("pandas")
    pytest.importorskip("pyarrow")
    from seal_sk.benchmark import summarize

    rng = np.random.default_rng(0)
    table = pandas.DataFrame(
        [
            {
                "image": f"image {i}",
                "annotation": 0,
                "method": method,
                "requested": count,
                "n_segments": count + i % 2,
                "n_regions": count,
                "seconds": 0.1,
                "peak_memory": 1.0,
                "asa": rng.random(),
                "boundary_recall": rng.random(),
            }
            for method in ("b", "a")
            for count in (10, 20)
            for i in range(12)
        ]
    )
    display = CurveDisplay.from_results(table, metrics=["BR"], ax=Figure().subplots())
    expected = summarize(table)
    assert list(display.curves) == ["b", "a"]
    for method, curve in display.curves.items():
        rows = expected[expected["method"] == method]
        for name, values in curve.items():
            np.testing.assert_array_equal(values, rows[name])


def test_a_new_figure_is_opened_and_named_once():
    curves = {"one": {"n_segments": [1, 2], "asa": [0, 1], "br": [1, 0]}}
    display = CurveDisplay(curves, {"asa": "ASA", "br": "BR"}).plot()
    assert len(display.ax_) == 2
    assert display.ax_[0].get_legend() is not None
    assert display.ax_[1].get_legend() is None
    pyplot.close(display.figure_)
    ax = Figure().subplots()
    assert display.metrics.pop("br") == "BR"
    assert display.plot(ax, legend=False).ax_ is ax
    assert ax.get_legend() is None


@pytest.mark.parametrize(
    ("curve", "metrics", "message"),
    [
        ({"n_segments": [1, 2], "br": [0, 1]}, {"asa": "ASA"}, "'one' has no 'asa'"),
        ({"asa": [0, 1]}, {"asa": "ASA"}, "'one' has no 'n_segments'"),
        ({"n_segments": [1, 2], "asa": [0]}, {"asa": "ASA"}, "1 values.*but 2 of"),
        ({"n_segments": [1, 2], "asa": [0, 1]}, {}, "metrics is empty"),
    ],
)
def test_curves_that_lack_something(curve, metrics, message):
    with pytest.raises(ValueError, match=message):
        CurveDisplay({"one": curve}, metrics).plot()
    # And no figure is open: conftest.py sees to it.


class Untouched(Stripes):
    def transform(self, X):
        raise AssertionError("images are cut before all is checked")


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"counts": []}, "counts is empty"),
        ({"counts": [0]}, "counts=0 must be at least 1"),
        ({"metrics": ["ASA"]}, "metrics=.*'asa', 'boundary_recall'"),
        ({"metrics": "asa"}, "must be a tuple or list"),
        ({"estimators": {}}, "give a dict of at least one"),
        ({"estimators": [ERSSuperpixels()]}, "list given.*give a dict"),
        ({"y": [np.zeros((3, 3), dtype=int)]}, "X"),
        ({"ax": Figure().subplots()}, "holds 1 axes, but 3.*metrics"),
        ({"tolerance": -1}, "tolerance=-1"),
        ({"against": "CD"}, "against='CD' must be one of 'n_segments', 'asa'"),
        ({"estimators": {"ERS": ERSSuperpixels}}, "give an estimator: ERSSuperpixels"),
    ],
)
def test_refusals_before_images_are_cut(data, changes, message):
    X, y = data
    options = {
        "estimators": {"stripes": Untouched().fit(X)},
        "X": X,
        "y": y,
        "counts": [3],
    }
    with pytest.raises((ValueError, TypeError), match=message):
        CurveDisplay.from_estimators(**{**options, **changes})


@pytest.mark.parametrize(
    ("label_maps", "message"),
    [
        ([[[1]]], "'one' has label maps of 1 images, but y of 3"),
        ([[[1]]] * 4, "'one' has label maps of more images than the 3 of y"),
        ([[[1]], [[1], [1]], [[1]]], "'one' has 2 label maps of image 1, but 1 of the"),
        ([[], [], []], "'one' has no label map of image 0"),
    ],
)
def test_label_maps_that_do_not_fit(label_maps, message):
    truth = np.zeros((2, 2), dtype=int)
    maps = [[np.zeros((2, 2), dtype=int) for _ in one] for one in label_maps]
    with pytest.raises(ValueError, match=message):
        CurveDisplay.from_labels({"one": maps}, [truth] * 3)


def test_explained_variation_needs_images():
    with pytest.raises(ValueError, match="needs images"):
        CurveDisplay.from_labels(
            {"one": [[[[0]]]]}, [[[0]]], metrics=["explained_variation"]
        )
    with pytest.raises(ValueError, match=r"X has 2 .*y has 1"):
        CurveDisplay.from_labels(
            {"one": [[[[0]]]]},
            [[[0]]],
            images=[np.zeros((1, 1))] * 2,
            metrics=["explained_variation"],
        )


def test_no_ground_truth():
    with pytest.raises(ValueError, match="y is empty"):
        CurveDisplay.from_labels({"one": []}, [])
