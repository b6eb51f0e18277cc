"""The pure functions behind the pages: numbers by hand, sentences, and charts within bounds."""

from __future__ import annotations

import altair as alt
import numpy as np
import pandas as pd
import pytest

from benchmarks import generated_studies
from benchmarks.generated_results import results
from dashboard.drawing import spec
from dashboard.views import (
    cost,
    forest,
    headline,
    ingredients,
    judge,
    names,
    progress,
    ranking,
    responses,
    sampling,
    selection,
    style,
    transport,
    weights,
)

TARGETS = ("good", "bad")
COLOURS = style.policy_scale("P0", TARGETS)


@pytest.fixture
def frame() -> pd.DataFrame:
    rng = np.random.default_rng(3)
    labels = {"P0": rng.uniform(size=200), "good": rng.uniform(0.2, 1, 200), "bad": rng.uniform(0, 0.5, 200)}
    logs = {"good": rng.normal(0, 0.3, 200), "bad": rng.normal(0, 4, 200)}
    return results(labels, logs, logging_policy="P0", coverage=0.5, seed=1)


def row(**changes: object) -> dict[str, object]:
    return {
        "estimator": "direct", "reward_calibration": "monotone", "weight_calibration": "none",
        "scoring": "deterministic", "policy": "good", "estimate": 0.6, "std_error": 0.02, "ci_low": 0.56,
        "ci_high": 0.64, "truth": 0.61, "truth_std_error": 0.01, "error": -0.01, "covered": True, "n": 100,
        "n_oracle": 50, "ess": None, "ess_fraction": None, "status": "ok", "reason": None, "support": "supported",
        "support_reason": None,
    } | changes  # fmt: skip


def compiled(chart: alt.TopLevelMixin) -> dict[str, object]:
    return chart.to_dict()


# -- style and names --------------------------------------------------------------------------------------------------


def test_a_chart_refuses_more_rows_than_a_browser_draws():
    with pytest.raises(style.TooManyRowsError, match="5001 rows"):
        style.chart(pd.DataFrame({"x": range(5001)}))


def test_the_palette_is_told_apart_without_colour_vision():
    """Simulated deuteranopia and protanopia (Vienot 1999): every two policy colours stay apart in CIELAB."""
    shades = [style.GREY, *style._TARGETS]
    for matrix in (_DEUTERANOPIA, _PROTANOPIA, np.eye(3)):
        seen = [_lab(matrix @ _linear(shade)) for shade in shades]
        gaps = [np.linalg.norm(a - b) for i, a in enumerate(seen) for b in seen[:i]]
        assert min(gaps) > 10


_DEUTERANOPIA = np.array([[0.29275, 0.70725, 0.0], [0.29275, 0.70725, 0.0], [-0.02234, 0.02234, 1.0]])
_PROTANOPIA = np.array([[0.11238, 0.88762, 0.0], [0.11238, 0.88762, 0.0], [0.00401, -0.00401, 1.0]])


def _linear(shade: str) -> np.ndarray:
    values = np.array([int(shade[i : i + 2], 16) for i in (1, 3, 5)]) / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


def _lab(linear: np.ndarray) -> np.ndarray:
    to_xyz = np.array([[0.4124, 0.3576, 0.1805], [0.2126, 0.7152, 0.0722], [0.0193, 0.1192, 0.9505]])
    xyz = to_xyz @ linear.clip(0, 1) / np.array([0.9505, 1.0, 1.089])
    f = np.where(xyz > 216 / 24389, np.cbrt(xyz), (24389 / 27 * xyz + 16) / 116)
    return np.array([116 * f[1] - 16, 500 * (f[0] - f[1]), 200 * (f[1] - f[2])])


@pytest.mark.parametrize("background", ["#FFFFFF", "#0E1117"])
@pytest.mark.parametrize("shade", [style.GREY, *style._TARGETS, *progress.STATES.values()])
def test_every_colour_is_seen_on_both_themes(shade, background):
    light, dark = sorted((float(_linear(c) @ [0.2126, 0.7152, 0.0722]) for c in (shade, background)), reverse=True)
    assert (light + 0.05) / (dark + 0.05) > 1.8


def test_methods_state_only_what_differs_between_the_shown_rows():
    one = names.with_methods(pd.DataFrame([row()]))
    assert list(one["method"]) == ["Direct"]
    two = names.with_methods(pd.DataFrame([row(), row(reward_calibration="two_stage")]))
    assert list(two["method"]) == ["Direct (monotone)", "Direct (two-stage)"]


def test_an_estimator_of_a_later_version_is_shown_by_its_own_name():
    frame = names.with_methods(pd.DataFrame([row(estimator="new_one")]))
    assert list(frame["method"]) == ["new one"]
    assert list(frame["family"]) == ["Other"]


@pytest.mark.parametrize(
    ("share", "text"), [(0.0, "0%"), (0.0312, "3.1%"), (0.45, "45%"), (0.0002, "0.02%"), (1, "100%")]
)
def test_percent(share, text):
    assert names.percent(share) == text


# -- estimates --------------------------------------------------------------------------------------------------------


def test_the_main_rows_are_one_for_each_estimator_and_policy(frame):
    chosen = selection.choose_rows(frame, families=list(names.FAMILIES), policies=TARGETS)
    assert not chosen.duplicated(["estimator", "policy"]).any()
    assert set(chosen["estimator"]) == set(names.ESTIMATOR)
    assert set(chosen.loc[chosen["estimator"] == "calibrated_ips", "weight_calibration"]) == {"simcal"}


def test_filters_leave_only_what_they_name(frame):
    chosen = selection.choose_rows(
        frame, families=["Direct"], policies=["bad"], reward="two_stage", weight="all", scoring="all", hide_refused=True
    )
    assert set(chosen["policy"]) == {"bad"}
    assert set(chosen["reward_calibration"]) == {"two_stage"}
    assert set(chosen["scoring"]) == {"deterministic", "uncertainty_aware"}
    assert "refused" not in set(chosen["support"])


def test_the_forest_cuts_what_is_beyond_and_marks_it_with_an_arrow():
    shown = forest.prepare(pd.DataFrame([row(ci_low=-3.0, ci_high=4.0, covered=None)]))
    assert shown["shown_low"][0] == forest.LOWEST
    assert shown["coverage"][0] == "truth unknown"
    inner = compiled(forest.forest(shown, "good", forest.domain(shown)))["layer"][-1]["layer"]
    arrows = [layer for layer in inner if "transform" in layer]
    assert len(arrows) == 2


def test_the_forest_title_counts_the_intervals_that_cover():
    shown = forest.prepare(pd.DataFrame([row(), row(estimator="ips", covered=False)]))
    assert forest.title(shown, "good") == "good: 1 of 2 intervals cover the truth, 0.610"
    unknown = forest.prepare(pd.DataFrame([row(truth=np.nan, covered=None)]))
    assert forest.title(unknown, "good") == "good: 1 estimate, truth unknown"


def test_the_error_title_names_the_smallest_rmse():
    shown = forest.prepare(pd.DataFrame([row(error=0.3), row(estimator="ips", error=-0.1)]))
    assert forest.error_title(shown) == "IPS is closest to the truth (RMSE 0.100 over 1 policy)"


def test_estimate_charts_stay_within_bounds_on_the_whole_grid(frame):
    shown = forest.prepare(frame)
    compiled(forest.forest(shown, "bad", forest.domain(shown)))
    compiled(forest.errors(shown, COLOURS))
    compiled(ranking.agreement(ranking.rankings(shown)))


def test_rankings_by_hand():
    truths = {"a": 0.8, "b": 0.6, "c": 0.59}
    guesses = {"a": 0.7, "b": 0.5, "c": 0.55}
    shown = names.with_methods(
        pd.DataFrame([row(policy=p, estimate=guesses[p], truth=t, truth_std_error=0.01) for p, t in truths.items()])
    )
    only = ranking.rankings(shown).iloc[0]
    # b and c are swapped, and the truth does not tell them apart: 0.01 < 1.96 * 0.0141.
    assert (only["pairs"], only["right"], only["clear_pairs"], only["clear_right"]) == (3, 2, 2, 2)
    assert only["tau"] == pytest.approx(1 / 3)
    assert only["ranking"] == "a > c > b"
    assert ranking.true_ranking(shown) == "a > b > c"
    assert "0 of 1 method order every pair" in ranking.title(ranking.rankings(shown))


def test_rankings_need_two_policies():
    assert ranking.rankings(names.with_methods(pd.DataFrame([row()]))).empty


# -- headline ---------------------------------------------------------------------------------------------------------


def test_the_headline_takes_the_best_supported_and_says_where_there_is_none():
    rows = [
        row(estimator="direct", support="caution", support_reason="few labels"),
        row(estimator="snips", std_error=0.5),
        row(policy="bad", support="refused", support_reason="effective sample size 3 of 100 (3%), below 10%"),
    ]
    table = headline.best(pd.DataFrame(rows), TARGETS)
    assert list(table["estimator"]) == ["snips", "direct"]
    assert np.isnan(table["estimate"][1])
    assert (
        headline.title(table)
        == "The best supported estimate covers the truth for 1 of 1 policy; none is supported for bad"
    )
    said = headline.conclusions(pd.DataFrame(rows), table, "P0", (0.9, 0.01))
    assert said[0].text == "good: SNIPS estimates 0.600 (0.560 to 0.640), which covers the truth 0.610."
    assert said[1].level == "refused"
    assert "below 10%" in said[1].text
    assert said[2].text == "By their labels, with P0 at 0.900: good and bad clearly below P0."


def test_the_headline_says_on_how_many_rows_weights_rest():
    rows = pd.DataFrame(
        [
            row(),
            row(estimator="ips", ess=3.2, ess_fraction=0.032),
            row(estimator="ips", policy="bad", ess=20.0, ess_fraction=0.2),
        ]
    )
    said = [one.text for one in headline.conclusions(rows, headline.best(rows, TARGETS), "P0", None)]
    assert any(
        "say nothing reliable about good: its weights rest on 3 effective rows of 100 (3.2%)" in text for text in said
    )
    assert any("are uncertain for bad: its weights rest on 20 effective rows of 100 (20%)" in text for text in said)


def test_the_headline_draws_a_policy_without_truth_and_without_estimate(frame):
    frame = frame.astype({"covered": object})
    frame.loc[frame["policy"] == "bad", ["truth", "truth_std_error", "covered"]] = None
    table = headline.best(frame, TARGETS)
    compiled(headline.beside_truth(table, 0.5))
    assert headline.conclusions(frame, table, "P0", None)


# -- progress ---------------------------------------------------------------------------------------------------------


def parts(states: list[str], asset: str = "responses") -> pd.DataFrame:
    return pd.DataFrame(
        {
            "asset": asset, "partition": [f"{i:04d}" for i in range(len(states))], "state": states, "detail": "",
            "rows": 10, "modified": 1.0,
        }
    )  # fmt: skip


def test_the_summary_counts_states():
    table = progress.summary(parts(["done", "done", "outdated", "missing", "refused by a check"]))
    checks = pd.DataFrame({"outcome": ["refused", "passed", "warning", "warning"]})
    assert table.loc[0, ["partitions", "usable", "outdated", "missing", "rows"]].tolist() == [5, 3, 1, 1, 50]
    assert (
        progress.title(table, checks)
        == "3 of 5 partitions are materialised, 1 made by another configuration, 1 check failed, 2 warnings"
    )


def test_many_partitions_are_binned_by_the_worst_of_a_cell():
    frame = parts(["done"] * 999 + ["refused by a check"])
    cells = progress.binned(frame, most=100)
    assert len(cells) == 100
    assert (cells["state"] == "refused by a check").sum() == 1
    assert cells["rows"].sum() == 10_000
    assert cells["partition"].iloc[0] == "0000 to 0009"
    compiled(progress.strip(frame))


# -- weights ----------------------------------------------------------------------------------------------------------


def logs(**policies: list[float]) -> pd.DataFrame:
    return pd.concat(
        [
            pd.DataFrame(
                {"prompt_id": [f"p{i}" for i in range(len(v))], "policy": k, "log_weight": v, "n_response_tokens": 5}
            )
            for k, v in policies.items()
        ],
        ignore_index=True,
    )


def test_weight_summary_by_hand():
    table = weights.summary(logs(good=[0.0, np.log(3.0), np.nan]), ["good", "absent"])
    assert len(table) == 1
    assert table["rows"][0] == 2
    assert table["ess"][0] == pytest.approx(16 / 10)  # (1 + 3)^2 / (1 + 9)
    assert table["max_share"][0] == pytest.approx(0.75)


def test_the_clone_is_exact_or_it_is_not():
    assert weights.clone_sentence(weights.summary(logs(pi=[0.0] * 4), ["pi"]), ["pi"]) == (
        True,
        "pi equals P0, and all 4 of its log ratios are exactly 0.0",
    )
    exact, text = weights.clone_sentence(weights.summary(logs(pi=[0.0, -1e-7]), ["pi"]), ["pi"])
    assert not exact
    assert "1e-07 nats" in text
    assert weights.clone_sentence(weights.summary(logs(good=[0.0, 1.0]), ["good"]), ["pi"]) is None


def test_histograms_hold_every_row_and_stay_small():
    values = np.random.default_rng(0).normal(0, 5, 50_000).tolist()
    bins = weights.histogram(logs(good=values), "good")
    assert bins["rows"].sum() == 50_000
    assert len(bins) == weights.MOST_BINS
    assert bins["share"].sum() == pytest.approx(1)


def test_concentration_and_tail_are_thinned_and_end_right():
    frame = logs(good=np.random.default_rng(0).normal(0, 5, 50_000).tolist())
    curve, tail = weights.concentration(frame, ["good"]), weights.tail(frame, ["good"])
    assert len(curve) <= 120
    assert len(tail) <= 120
    assert curve["carried"].iloc[-1] == pytest.approx(1)
    assert curve["carried"].is_monotonic_increasing
    assert tail["share"].iloc[-1] == 1
    compiled(weights.concentration_chart(curve, COLOURS))
    compiled(weights.tail_chart(tail, COLOURS))


def test_enormous_log_weights_do_not_overflow():
    frame = logs(good=[5000.0, -5000.0, 0.0])
    assert weights.summary(frame, ["good"])["ess"][0] == pytest.approx(1)
    assert np.isfinite(weights.tail(frame, ["good"])["weight"]).all()
    assert weights.heaviest(frame, "good")["share"].iloc[0] == pytest.approx(1)


def test_the_heaviest_rows_are_in_order_with_their_shares():
    top = weights.heaviest(logs(good=[0.0, np.log(2.0), np.log(7.0)]), "good", most=2)
    assert list(top["prompt_id"]) == ["p2", "p1"]
    assert top["cumulative"].tolist() == pytest.approx([0.7, 0.9])


# -- judge ------------------------------------------------------------------------------------------------------------


def scored(seed: int = 0, n: int = 300) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    frames = []
    for policy, shift in (("P0", 0.0), ("good", 0.0), ("bad", -0.3)):
        score = rng.uniform(0.2, 0.8, n) if policy != "bad" else rng.uniform(0.0, 0.6, n)
        label = (score + shift + rng.normal(0, 0.05, n)).clip(0, 1)
        frames.append(
            pd.DataFrame(
                {
                    "prompt_id": [f"p{i}" for i in range(n)], "policy": policy, "judge_score": score,
                    "judge_mean": score, "oracle_label": label,
                }
            )
        )  # fmt: skip
    return pd.concat(frames, ignore_index=True)


def test_transport_is_judged_by_the_mean_residual():
    frame = scored()
    curve = judge.calibrate(frame, "P0", "judge_score")
    table = transport.residuals(frame, curve, ["P0", "good", "bad"], "judge_score").set_index("policy")
    assert table.loc["P0", "residual"] == pytest.approx(0, abs=1e-9)  # isotonic regression keeps the mean
    assert table.loc["good", "low"] < 0 < table.loc["good", "high"]
    assert table.loc["bad", "high"] < -0.1
    assert "does not carry over to bad (worse than its scores say" in transport.residual_title(
        table.reset_index(), "P0"
    )


def test_support_counts_scores_outside_the_labelled_range():
    frame = scored()
    curve = judge.calibrate(frame, "P0", "judge_score")
    table = transport.support(frame, curve, ["good", "bad"], "judge_score")
    outside = frame[(frame["policy"] == "bad") & (frame["judge_score"] < curve.low)]
    assert table.set_index(["policy", "side"]).loc[("bad", "below"), "rows"] == len(outside)
    assert "No level may be claimed for bad" in transport.support_title(table)


def test_calibration_needs_two_labels_on_two_scores():
    frame = scored(n=4).assign(judge_score=0.5)
    assert judge.calibrate(frame, "P0", "judge_score") is None
    assert judge.calibrate(frame.assign(oracle_label=np.nan), "P0", "judge_mean") is None


def test_bins_hold_every_label_once():
    points = judge.binned(scored(), ["P0", "good", "bad"], "judge_score")
    assert (points.groupby("policy")["rows"].sum() == 300).all()
    assert ((points["low"] <= points["label"]) & (points["label"] <= points["high"])).all()


@pytest.mark.parametrize(
    ("noise", "words"), [(0.01, "follows the oracle closely"), (50.0, "says next to nothing about the oracle's label")]
)
def test_the_judge_is_called_what_its_correlation_says(noise, words):
    frame = scored(n=2000)
    frame["oracle_label"] = frame["oracle_label"] + np.random.default_rng(1).normal(0, noise, len(frame))
    assert words in judge.calibration_title(judge.correlations(frame, ["P0"], "judge_score"), "P0")


def test_equal_scoring_modes_are_said_to_be_equal():
    assert judge.modes_title(scored()) == "Both scoring modes give the same score"
    assert judge.modes(scored())["rows"].sum() == 900


def test_judge_charts_compile_with_and_without_a_curve():
    frame = scored()
    points = judge.binned(frame, ["P0", "good"], "judge_score")
    curve = judge.calibrate(frame, "P0", "judge_score")
    for each in (curve, None):
        compiled(judge.calibration_chart(points, judge.curve_points(each), COLOURS))
    compiled(judge.distribution_chart(judge.distributions(frame, ["P0"], "judge_score"), COLOURS))
    compiled(judge.modes_chart(judge.modes(frame)))
    compiled(transport.by_score_chart(transport.residuals_by_score(points, curve, ["good"]), COLOURS))


def test_a_judge_with_one_score_only_has_a_distribution():
    assert judge.distributions(scored().assign(judge_score=0.5), ["P0"], "judge_score")["rows"].sum() == 300


def test_cost_sums_what_is_known_and_never_takes_an_unknown_price_for_zero():
    frame = pd.DataFrame(
        {
            "policy": "P0", "model": "m", "status": ["ok", "failed"], "reason": [None, "timeout"],
            "prompt_tokens": [5, 5], "completion_tokens": [1, 0], "cost_usd": [None, None],
        }
    )  # fmt: skip
    table = cost.spending({"judge": frame})
    assert table["cost_usd"].isna().all()
    said = "2 responses scored with 11 tokens, no price (no paid model); 1 response could not be scored"
    assert cost.title(table) == said
    assert cost.reasons({"judge": frame})["reason"].tolist() == ["timeout"]


# -- ingredients ------------------------------------------------------------------------------------------------------


def test_pairs_match_the_same_method_on_the_same_policy_by_hand():
    frame = pd.DataFrame(
        [
            row(estimator="naive_direct", reward_calibration="none", error=0.3),
            row(estimator="direct", reward_calibration="monotone", error=-0.1),
            row(estimator="direct", reward_calibration="monotone", error=0.2, policy="bad"),
        ]
    )
    error = ingredients.MEASURES[0]
    paired = ingredients.pairs(frame, ingredients.INGREDIENTS[0], error)
    assert len(paired) == 1
    assert paired["difference"][0] == pytest.approx(-0.2)
    table = ingredients.summary(frame, error)
    assert table["better"].tolist() == [1]
    assert "it lowers the error in 1 of 1 pairs" in ingredients.summary_title(table, error)


@pytest.mark.parametrize("measure", ingredients.MEASURES)
def test_ingredients_of_the_whole_grid(frame, measure):
    table = ingredients.summary(frame, measure)
    assert list(table["key"]) == [one.key for one in ingredients.INGREDIENTS]
    compiled(ingredients.summary_chart(table, measure))
    for ingredient in ingredients.INGREDIENTS:
        paired = ingredients.pairs(frame, ingredient, measure)
        compiled(ingredients.detail_chart(paired, measure, COLOURS))


# -- responses --------------------------------------------------------------------------------------------------------


def test_finding_takes_text_as_text():
    prompts = pd.DataFrame({"prompt_id": ["p1", "p2", "p3"], "prompt": ["A (question", "other", "third"]})
    answers = pd.DataFrame(
        {"prompt_id": ["p2", "p3"], "policy": ["P0", "x"], "response": ["Says QUESTION", "question"]}
    )
    assert list(responses.find(prompts, answers, "question", ["P0"])) == ["p1", "p2"]
    assert list(responses.find(prompts, answers, "(", ["P0"])) == ["p1"]
    assert list(responses.find(prompts, answers, "p3", ["P0"])) == ["p3"]
    assert len(responses.find(prompts, answers, "  ", [])) == 3


def test_orders_put_the_largest_first_and_the_unknown_last():
    ids = pd.Series(["p1", "p2", "p3"])
    frame = pd.DataFrame({"prompt_id": ["p1", "p2"], "policy": "good", "log_weight": [0.1, 2.0]})
    empty = pd.DataFrame(columns=["prompt_id", "policy"])
    order = responses.ordered(ids, "weight", weights=frame, scored=empty, responses=empty, policies=["good"])
    assert order == ["p2", "p1", "p3"]


@pytest.mark.parametrize(("number", "ids", "shown"), [(1, 7, 1), (9, 7, 2), (0, 7, 1), (1, 0, 1)])
def test_pages_are_brought_within_range(number, ids, shown):
    page, at, pages = responses.page_of([str(i) for i in range(ids)], number, 5)
    assert at == shown
    assert pages == max(1, -(-ids // 5))
    assert len(page) <= 5


# -- the grid and the simulation --------------------------------------------------------------------------------------


def test_the_grid_is_drawn_along_both_axes_for_every_metric():
    shown = sampling.prepare(generated_studies.grid(), "deterministic")
    methods = sampling.first_methods(shown)
    assert methods[:2] == ["Direct (monotone)", "Naive direct"]
    assert len(methods) <= sampling.MOST_LINES
    for metric in sampling.METRICS:
        for axis, fixed in (("sample_size", 1.0), ("oracle_coverage", 5000)):
            points = sampling.along(shown, axis, fixed, methods, metric)
            assert len(points) == 3 * len(methods)
            assert (points["low"] <= points["value"]).all()
            compiled(sampling.along_chart(points, metric, axis))
    assert "At 5,000 prompts, Direct (monotone) has the lowest RMSE" in sampling.along_title(
        sampling.along(shown, "sample_size", 1.0, methods, sampling.METRICS[0]), sampling.METRICS[0], "sample_size"
    )


def test_a_grid_without_the_chosen_methods_says_so():
    shown = sampling.prepare(generated_studies.grid(), "deterministic")
    empty = sampling.along(shown, "sample_size", 1.0, ["none"], sampling.METRICS[0])
    assert sampling.along_title(empty, sampling.METRICS[0], "sample_size") == "Nothing of the grid passes these filters"


def test_the_simulation_says_what_supported_results_cover():
    cells = generated_studies.simulation()
    assert sampling.simulation_title(cells).startswith(
        "Where the gates support a result, 95% of the 95% intervals cover"
    )
    rows = sampling.simulation_cells(cells, transports=False, n_labels=50)
    assert set(rows["overlap"]) == {"good", "fair", "poor"}
    compiled(sampling.simulation_chart(rows))


# -- small samples ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "bins"), [(1, 8), (100, 9), (1000, 20), (10_000, 43), (10**6, 48)])
def test_bins_grow_with_the_rows(rows, bins):
    assert style.bin_count(rows, 48) == bins


def test_a_method_that_is_tested_on_other_labels_shows_the_same_truth():
    both = forest.prepare(pd.DataFrame([row(), row(estimator="direct_own", truth=0.7, truth_std_error=0.02)]))
    assert both["truth"].tolist() == [0.61, 0.61]


def test_the_specification_sends_each_frame_once_and_equals_the_validated_chart(frame):
    shown = forest.prepare(selection.choose_rows(frame, families=list(names.FAMILIES), policies=TARGETS))
    chart = forest.forest(shown, "good", forest.domain(shown))
    made, checked = spec(chart), compiled(chart)
    assert len(made["datasets"]) == 2  # the truth, and the estimates
    assert [sorted(layer["encoding"]) for layer in made["layer"][-1]["layer"]] == [
        sorted(layer["encoding"]) for layer in checked["layer"][-1]["layer"]
    ]
