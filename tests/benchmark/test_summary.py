import numpy as np
import pandas as pd
import pytest
from scipy.stats import bootstrap, norm, t

from seal_sk.benchmark import average_over_counts, compare, summarize
from seal_sk.benchmark.protocols import PROTOCOLS, Protocol
from seal_sk.benchmark.summary import averaged_counts
from seal_sk.metrics.catalogue import Metric
from seal_sk.report.writing import sentences


def make_table(asa, n_annotations=None, sizes=None):
    """Rows for ``asa[method][requested] = a figure an image``, BR half of it."""
    rows = []
    for method, counts in asa.items():
        for requested, figures in counts.items():
            for i, figure in enumerate(figures):
                for j in range(1 if n_annotations is None else n_annotations[i]):
                    size = requested if sizes is None else sizes[method][requested]
                    rows.append(
                        {
                            "method": method,
                            "requested": requested,
                            "image": f"im{i}",
                            "annotation": j,
                            "n_segments": size,
                            "n_regions": size + 1,
                            "asa": figure,
                            "boundary_recall": figure / 2,
                            "contour_density": figure / 4,
                            "seconds": 0.1 * (i + 1),
                            "peak_memory": float(i),
                        }
                    )
    return pd.DataFrame(rows)


def test_summary_weighs_images_by_their_annotations():
    table = make_table({"a": {100: [0.5, 0.9]}}, n_annotations=[1, 3])
    (row,) = summarize(table).to_dict("records")
    assert row["ASA"] == pytest.approx((0.5 + 3 * 0.9) / 4)
    assert row["BR"] == pytest.approx((0.5 + 3 * 0.9) / 8)
    # Of the superpixels alone: annotations do not count.
    assert row["CD"] == pytest.approx((0.5 + 0.9) / 8)
    assert row["n_images"] == 2
    assert (row["n_segments"], row["n_regions"]) == (100, 101)
    assert row["seconds"] == pytest.approx(0.15)
    assert row["peak_memory"] == 1.0
    (row,) = summarize(table, "best-annotation").to_dict("records")
    assert row["ASA"] == pytest.approx(0.7)


def test_interval_is_the_bootstrap_of_scipy(rng):
    asa = rng.uniform(0.8, 1, 40)
    (row,) = summarize(make_table({"a": {100: asa}})).to_dict("records")
    expected = bootstrap(
        (asa,), np.mean, n_resamples=20_000, method="percentile", random_state=1
    ).confidence_interval
    # Wider than plain percentiles by about t / normal * sqrt(n / (n - 1)).
    wider = t.ppf(0.975, 39) / norm.ppf(0.975) * np.sqrt(40 / 39)
    mean = asa.mean()
    assert row["ASA_low"] == pytest.approx(
        mean + wider * (expected.low - mean), abs=1e-3
    )
    assert row["ASA_high"] == pytest.approx(
        mean + wider * (expected.high - mean), abs=1e-3
    )


@pytest.mark.parametrize("turn", [False, True])
def test_a_real_difference_has_its_direction(turn):
    # "few" is better where both reach, "many" on average, since it goes on.
    methods = {
        "few": {100: 12 * [0.5], 300: 12 * [0.7]},
        "many": {100: 12 * [0.4], 300: 12 * [0.6], 1200: 12 * [0.9]},
    }
    if turn:
        methods = dict(reversed(methods.items()))
    table = make_table(methods)
    averages = average_over_counts(table, counts=(100, 1200))
    lines = sentences(compare(table), averages, PROTOCOLS["tu2018"])
    assert lines[0] == "ASA: many < few"
    averages = average_over_counts(table, counts=(100, 300))
    lines = sentences(compare(table), averages, PROTOCOLS["tu2018"])
    assert lines[0] == "ASA: few > many"


def test_intervals_of_the_density_are_over_images(rng):
    density = rng.uniform(0.1, 0.3, 40)
    n_annotations = rng.integers(1, 9, 40)
    table = make_table({"a": {100: 4 * density}}, n_annotations)
    (row,) = summarize(table).to_dict("records")
    once = make_table({"a": {100: 4 * density}})
    (expected,) = summarize(once).to_dict("records")
    for name in ("CD", "CD_low", "CD_high"):
        assert row[name] == pytest.approx(expected[name])
        assert row[name] != pytest.approx(row[name.replace("CD", "ASA")] / 4, rel=1e-4)


def test_no_method_is_ranked_by_contour_density():
    table = make_table({"short": {100: 12 * [0.4]}, "long": {100: 12 * [0.8]}})
    found = compare(table)
    assert found.set_index("metric").loc["CD", "difference"] == pytest.approx(-0.1)
    lines = sentences(found, average_over_counts(table), PROTOCOLS["tu2018"])
    assert lines == ["ASA: long > short", "BR: long > short"]


def test_the_direction_of_errors_is_turned():
    table = make_table({"bad": {100: 12 * [0.5]}, "good": {100: 12 * [0.4]}})
    errors = Protocol("errors", "mean", {"E": Metric("asa", "Error", False)}, "")
    averages = average_over_counts(table, errors)
    assert sentences(compare(table, errors), averages, errors) == ["E: good > bad"]


def test_few_images_have_no_interval_and_nothing_is_real():
    table = make_table({"a": {100: 9 * [0.5]}, "b": {100: 9 * [0.9]}})
    assert np.isnan(summarize(table)["ASA_low"]).all()
    assert not compare(table)["real"].any()
    table = make_table({"a": {100: 10 * [0.5]}, "b": {100: 10 * [0.9]}})
    assert compare(table)["real"].all()


@pytest.mark.slow
def test_chance_is_rarely_called_real():
    rng = np.random.default_rng(1)
    real = []
    for _ in range(300):
        figures = {m: {100: rng.normal(0.9, 0.02, 12)} for m in "ab"}
        real.append(compare(make_table(figures)).iloc[0]["real"])
    assert np.mean(real) < 0.08


def test_methods_without_a_common_number_are_not_compared():
    table = make_table({"few": {20: 12 * [0.5]}, "many": {100: 12 * [0.9]}})
    found = compare(table)
    assert found["difference"].isna().all()
    assert not found["real"].any()
    lines = sentences(found, average_over_counts(table), PROTOCOLS["tu2018"])
    assert lines[0] == "ASA: many ? few"


def test_methods_are_compared_where_both_reach():
    # Alike where both are; "many" goes on to where it is better.
    table = make_table(
        {
            "few": {100: 12 * [0.5], 300: 12 * [0.7]},
            "many": {200: 12 * [0.6], 300: 12 * [0.7], 900: 12 * [0.9]},
        }
    )
    row = compare(table).iloc[0]
    assert (row["from"], row["to"]) == (200, 300)
    assert row["difference"] == pytest.approx(0)
    assert np.isnan(compare(table, at=500).iloc[0]["difference"])


@pytest.mark.parametrize("confidence", [0, 1, 95])
def test_confidence_is_a_share(confidence):
    with pytest.raises(ValueError, match="confidence"):
        summarize(make_table({"a": {100: [0.5]}}), confidence=confidence)


def test_what_is_no_results():
    with pytest.raises(TypeError, match="give the results of read_results"):
        summarize("results")


def test_only_images_that_all_have_count():
    table = make_table({"a": {100: [0.5, 0.9]}, "b": {100: [0.6]}})
    summary = summarize(table).set_index("method")
    assert summary.loc["a", "ASA"] == pytest.approx(0.5)
    assert list(summary["n_images"]) == [1, 1]
    table = table[~((table["method"] == "a") & (table["image"] == "im0"))]
    with pytest.raises(ValueError, match="No image has results of all methods"):
        summarize(table)


def test_average_is_the_mean_height_of_the_line():
    table = make_table({"a": {100: [0.5], 300: [0.7], 1200: [0.8]}})
    (row,) = average_over_counts(table).to_dict("records")
    area = 200 * (0.5 + 0.7) / 2 + 900 * (0.7 + 0.8) / 2
    assert row["ASA"] == pytest.approx(area / 1100)
    (row,) = average_over_counts(table, counts=(200, 300)).to_dict("records")
    assert row["ASA"] == pytest.approx(0.65)


def test_average_goes_by_what_came_out_and_keeps_the_nearest_beyond():
    table = make_table(
        {"a": {100: [0.5], 300: [0.7]}}, sizes={"a": {100: 200, 300: 400}}
    )
    (row,) = average_over_counts(table, counts=(100, 500)).to_dict("records")
    assert row["ASA"] == pytest.approx((100 * 0.5 + 200 * 0.6 + 100 * 0.7) / 400)
    assert (row["reached_low"], row["reached_high"]) == (200, 400)


def test_averages_run_over_what_all_were_asked_for():
    few = make_table({"a": {100: [0.5], 300: [0.7]}})
    assert averaged_counts(few) == (100, 300)
    more = {"a": {100: [0.5], 300: [0.7]}, "b": {200: [0.5], 1200: [0.7]}}
    assert averaged_counts(make_table(more)) == (200, 300)
    apart = {"a": {300: [0.5]}, "b": {100: [0.5]}}
    assert averaged_counts(make_table(apart)) == (100, 300)
    assert average_over_counts(make_table(apart))["ASA"].tolist() == [0.5, 0.5]


def test_a_method_that_gives_the_same_number_twice():
    table = make_table(
        {"a": {100: [0.5], 300: [0.7], 400: [0.7]}},
        sizes={"a": {100: 100, 300: 300, 400: 300}},
    )
    (row,) = average_over_counts(table, counts=(100, 300)).to_dict("records")
    assert row["ASA"] == pytest.approx(0.6)


def test_real_differences_are_told_from_chance(rng):
    base = rng.uniform(0.8, 1, 60)
    noise = rng.normal(0, 0.02, 60)
    table = make_table(
        {
            "base": {100: base, 1200: base},
            # The images differ far more than the methods: only pairing shows it.
            "better": {100: base + 0.003, 1200: base + 0.003},
            "other": {100: base + noise - noise.mean(), 1200: base},
        }
    )
    found = compare(table)
    assert list(found["metric"]) == 3 * ["ASA"] + 3 * ["BR"] + 3 * ["CD"]
    asa = found[found["metric"] == "ASA"].set_index(["first", "second"])
    assert asa.loc[("base", "better"), "difference"] == pytest.approx(-0.003)
    assert asa.loc[("base", "better"), "real"]
    assert not asa.loc[("base", "other"), "real"]
    assert asa.loc[("base", "other"), "low"] < 0 < asa.loc[("base", "other"), "high"]
    lines = sentences(found, average_over_counts(table), PROTOCOLS["tu2018"])
    assert lines[0] in ("ASA: better > base = other", "ASA: better > other = base")


def test_intervals_of_more_pairs_are_wider(rng):
    methods = {m: {100: rng.uniform(0.8, 1, 30)} for m in "abcd"}
    two = compare(make_table({m: methods[m] for m in "ab"}), at=100).iloc[0]
    four = compare(make_table(methods), at=100)
    four = four.query("metric == 'ASA' and first == 'a' and second == 'b'").iloc[0]
    assert four["difference"] == pytest.approx(two["difference"])
    assert four["low"] < two["low"] < two["high"] < four["high"]


def test_comparison_at_one_count_goes_by_what_came_out():
    # "few" is as good as "many" where both have 200, though it was asked for 400.
    table = make_table(
        {"many": {100: [0.5, 0.6], 300: [0.7, 0.8]}, "few": {400: [0.6, 0.7]}},
        sizes={"many": {100: 100, 300: 300}, "few": {400: 200}},
    )
    assert compare(table, at=200).iloc[0]["difference"] == pytest.approx(0)


def test_one_method_has_nothing_to_be_compared_with():
    table = make_table({"a": {100: [0.5, 0.6]}})
    assert len(compare(table)) == 0
    lines = sentences(compare(table), average_over_counts(table), PROTOCOLS["tu2018"])
    assert lines == ["ASA: a", "BR: a"]


def test_unknown_protocol():
    with pytest.raises(ValueError, match="no protocol 'cvpr'; give one of tu2018"):
        summarize(make_table({"a": {100: [0.5]}}), "cvpr")
