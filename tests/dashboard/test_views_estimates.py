"""Estimates: numbers by hand, sentences, and charts within bounds."""

from __future__ import annotations

import json
from typing import Any

import altair as alt
import numpy as np
import pandas as pd
import pytest

from arena_assets.charts import (
    clones,
    errors,
    forest,
    headline,
    method_axis,
    names,
    nearness,
    ranking,
    selection,
    style,
)
from arena_assets.estimation import ESTIMATORS
from arena_assets.estimation.reporting.accuracy_table import method_accuracy
from dashboard.views import progress
from tests.made_up.result_rows import COLOURS, TARGETS, compiled, row, values

# -- style and names ---------------------------------------------------------------------------------------------------


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


# -- estimates ---------------------------------------------------------------------------------------------------------


def test_the_main_rows_are_one_for_each_estimator_and_policy(frame):
    chosen = selection.choose_rows(frame, families=list(names.FAMILIES), policies=TARGETS)
    assert not chosen.duplicated(["estimator", "policy"]).any()
    assert set(chosen["estimator"]) == set(ESTIMATORS)
    assert set(chosen.loc[chosen["estimator"] == "calibrated_ips", "weight_calibration"]) == {"simcal"}


def test_filters_leave_only_what_they_name(frame):
    chosen = selection.choose_rows(
        frame, families=["Direct"], policies=["bad"], reward="two_stage", weight="all", scoring="all", hide_refused=True
    )
    assert set(chosen["policy"]) == {"bad"}
    assert set(chosen["reward_calibration"]) == {"two_stage"}
    assert set(chosen["scoring"]) == {"deterministic", "uncertainty_aware"}
    assert "refused" not in set(chosen["support"])


def marks(chart: alt.LayerChart) -> list[dict[str, Any]]:
    """Every layer of a chart, those of layers included."""
    left, found = [compiled(chart)], []
    while left:
        one = left.pop(0)
        left += one.get("layer", [])
        found += [one] if "mark" in one else []
    return found


def test_the_forest_cuts_what_is_beyond_and_marks_it_with_an_arrow():
    shown = forest.prepare(pd.DataFrame([row(ci_low=-3.0, ci_high=4.0, covered=None)]))
    assert shown["shown_low"][0] == forest.LOWEST
    assert shown["coverage"][0] == "truth unknown"
    drawn = marks(forest.forest(shown, "good", forest.domain(shown, values(shown)), values(shown)))
    arrows = [one["mark"] for one in drawn if str(one["mark"].get("shape", "")).startswith("triangle")]
    assert [(one["shape"], one["filled"]) for one in arrows] == [("triangle-left", True), ("triangle-right", True)]


@pytest.mark.parametrize(("estimate", "shape"), [(18.06, "triangle-right"), (-7.0, "triangle-left")])
def test_an_estimate_beyond_the_plot_is_no_dot_at_its_end(estimate: float, shape: str):
    frame = pd.DataFrame([row(estimate=estimate, ci_low=estimate - 1, ci_high=estimate + 1, error=estimate - 0.61)])
    shown = forest.prepare(frame)
    bounds = forest.domain(shown, values(frame))
    for chart in (forest.forest(shown, "good", bounds, values(frame)), errors.chart(shown, COLOURS)):
        heads = [one for one in marks(chart) if one["mark"].get("shape") == shape]
        assert [one["mark"]["filled"] for one in heads] == [False]
        dots = [one for one in marks(chart) if "shape" in one["encoding"]]
        assert all(one["transform"][0]["filter"].split(" == ")[0].startswith("datum.") for one in dots)
        numbers = [one["encoding"]["text"]["field"] for one in marks(chart) if one["mark"]["type"] == "text"]
        assert numbers in (["estimate"], ["error"])
    legend = style.estimate_legend()
    assert "Beyond the plot" in legend
    assert "the estimate itself, with its number" in legend


def test_names_are_whole_and_values_in_sight_however_many_methods_there_are(frame):
    shown = forest.prepare(frame)
    methods = list(dict.fromkeys(shown["method"]))
    lines = json.loads(method_axis.rows(methods).to_dict()["axis"]["labelExpr"].split("[datum")[0].strip("()"))
    assert len({tuple(own) for own in lines.values()}) == len(methods) > 60
    assert max(len(line) for own in lines.values() for line in own) <= 27
    order = method_axis.domain(methods)
    breaks = [place for place, name in enumerate(order) if name not in set(methods)]
    assert breaks == list(range(0, len(order), 21))
    drawn = marks(forest.forest(shown, "bad", forest.domain(shown, values(shown)), values(shown)))
    assert sum(one["mark"]["type"] == "text" and one["encoding"]["x"]["field"] == "at" for one in drawn) == 1
    assert method_axis.values(methods[:10], (0.0, 1.0), alt.Scale()) == []


def test_the_forest_title_counts_the_intervals_that_cover():
    shown = forest.prepare(pd.DataFrame([row(), row(estimator="ips", covered=False)]))
    assert forest.title(shown, "good", values(shown)) == "good: 1 of 2 intervals cover the truth, 0.610"
    unknown = forest.prepare(pd.DataFrame([row(truth=np.nan, covered=None)]))
    assert forest.title(unknown, "good", values(unknown)) == "good: 1 estimate, truth unknown"


def test_the_error_title_names_the_smallest_rmse():
    shown = forest.prepare(pd.DataFrame([row(error=0.3), row(estimator="ips", error=-0.1)]))
    assert nearness.title(shown) == "IPS is closest to the truth (RMSE 0.100 over 1 policy)"


def test_estimate_charts_stay_within_bounds_on_the_whole_grid(frame):
    shown = forest.prepare(frame)
    compiled(forest.forest(shown, "bad", forest.domain(shown, values(shown)), values(shown)))
    compiled(errors.chart(shown, COLOURS))
    accuracy = method_accuracy(frame, values(frame))
    compiled(ranking.agreement(ranking.rankings(accuracy, shown)))


def test_rankings_show_the_methods_that_are_shown_over_all_policies():
    truths, guesses = {"a": 0.8, "b": 0.6, "c": 0.59}, {"a": 0.7, "b": 0.5, "c": 0.55}
    frame = pd.DataFrame(
        [
            row(policy=p, estimator=name, estimate=guesses[p], truth=t, error=guesses[p] - t)
            for p, t in truths.items()
            for name in ("direct", "ips")
        ]
    )
    shown = names.with_methods(frame[(frame["estimator"] == "direct") & (frame["policy"] != "b")])
    ranks = ranking.rankings(method_accuracy(frame, values(frame)), shown)
    assert ranks[["method", "pairs", "pairs_right"]].to_numpy().tolist() == [["Direct", 3, 2]]
    assert ranks["kendall_tau"][0] == pytest.approx(1 / 3)
    assert ranking.true_ranking(values(frame)) == "a > b > c"
    assert "0 of 1 method order every pair" in ranking.title(ranks)


def test_rankings_need_two_policies():
    frame = names.with_methods(pd.DataFrame([row()]))
    assert ranking.rankings(method_accuracy(frame, values(frame)), frame).empty


def test_methods_are_compared_on_the_policies_that_all_of_them_have():
    easy, hard = row(estimator="ips", error=0.1), row(policy="bad", error=0.9)
    rows = [
        easy,
        row(error=0.05),
        hard,
        row(policy="bad", estimator="snips", error=0.9),
        row(estimator="snips", error=0.2),
    ]
    assert nearness.title(forest.prepare(pd.DataFrame(rows))) == (
        "Direct is closest to the truth (RMSE 0.050 over the 1 of 2 policies that all 3 methods estimate)"
    )
    apart = forest.prepare(pd.DataFrame([easy, hard]))
    assert nearness.title(apart) == "No policy has an estimate of all 2 methods, so none can be called closest"
    none = forest.prepare(pd.DataFrame([row(error=np.nan)]))
    assert "no policy has a truth yet" in nearness.title(none)


def test_a_method_that_is_made_of_the_truths_own_labels_is_not_called_closest():
    rows = [row(estimator="direct_own", error=0.0), row(error=0.2)]
    assert nearness.title(forest.prepare(pd.DataFrame(rows))).startswith("Direct is closest to the truth (RMSE 0.200")


def test_the_level_and_the_width_of_the_band_are_the_analysis_own():
    frame = pd.DataFrame([row()])
    known = values(frame, level=0.9).assign(ci_low=0.5, ci_high=0.7)
    shown = forest.prepare(frame)
    drawn = json.dumps(compiled(forest.forest(shown, "good", (0.0, 1.0), known)))
    drawn += json.dumps(compiled(headline.beside_truth(headline.best(frame, known, TARGETS), known)))
    assert "90% from" in drawn
    assert "95%" not in drawn
    assert '"low": 0.5, "high": 0.7' in drawn


def test_a_clone_says_why_weights_of_1_do_not_settle_its_estimates():
    rows = [row(policy="pi_clone"), row(policy="pi_clone", estimator="ips")]
    said = clones.sentence(names.with_methods(pd.DataFrame(rows)), "P0")
    assert said.endswith("so all its weights are 1, and the gates support all 2 estimates of it.")
    rows[0] |= {"support": "refused", "support_reason": "no level may be claimed; and more"}
    said = clones.sentence(names.with_methods(pd.DataFrame(rows)), "P0")
    assert "That proves the log-probabilities, not the judge" in said
    assert said.endswith("Withheld: Direct (refused: no level may be claimed).")
