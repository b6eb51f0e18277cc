"""Ingredients, the grid and the simulation: numbers by hand, and charts within bounds."""

from __future__ import annotations

import pandas as pd
import pytest

from arena_assets.charts import forest, names, selection, style
from dashboard.drawing import spec
from dashboard.views import ingredients, sampling, scenarios
from tests.made_up import studies
from tests.made_up.result_rows import COLOURS, TARGETS, compiled, row, values

# -- ingredients -------------------------------------------------------------------------------------------------------


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


# -- the grid and the simulation ---------------------------------------------------------------------------------------


def test_the_grid_is_drawn_along_both_axes_for_every_metric():
    shown = sampling.prepare(studies.grid(), "deterministic")
    methods = sampling.first_methods(shown)
    assert methods[:2] == ["Direct (monotone)", "Naive direct"]
    assert len(methods) <= sampling.MOST_LINES
    for metric in sampling.METRICS:
        for axis, fixed in (("sample_size", 1.0), ("oracle_coverage", 5000)):
            points = sampling.along(shown, axis, fixed, methods, metric)
            assert len(points) == 3 * len(methods)
            assert (points["low"] <= points["value"]).all()
            compiled(sampling.along_chart(points, metric, axis, 0.9))
    assert "At 5,000 prompts, Direct (monotone) has the lowest RMSE" in sampling.along_title(
        sampling.along(shown, "sample_size", 1.0, methods, sampling.METRICS[0]), sampling.METRICS[0], "sample_size"
    )


def test_a_grid_without_the_chosen_methods_says_so():
    shown = sampling.prepare(studies.grid(), "deterministic")
    empty = sampling.along(shown, "sample_size", 1.0, ["none"], sampling.METRICS[0])
    assert sampling.along_title(empty, sampling.METRICS[0], "sample_size") == "Nothing of the grid passes these filters"


@pytest.mark.parametrize("kind", scenarios.KINDS)
@pytest.mark.parametrize("estimand", scenarios.ESTIMANDS)
def test_the_simulation_answers_every_question_of_every_method(kind, estimand):
    cells = studies.simulation()
    rows = scenarios.of(cells, kind, estimand)
    assert set(rows["scenario"]) < set(cells["scenario"])
    for method, own in rows.groupby("method"):
        for question in scenarios.QUESTIONS:
            shown = scenarios.answers(own, question)
            assert shown["scenario"].is_unique, method
            assert (shown["low"] <= shown["share"]).all()
            scenarios.title(shown, question)
    compiled(scenarios.chart(scenarios.answers(own, scenarios.QUESTIONS[0]), scenarios.QUESTIONS[0]))


def test_an_estimand_that_a_table_of_before_lacks_is_not_offered():
    cells = studies.simulation()
    assert scenarios.estimands(cells) == list(scenarios.ESTIMANDS)
    before = cells[cells["estimand"] != "best_without_own_labels"]
    assert scenarios.estimands(before) == list(scenarios.ESTIMANDS)[:3]


def test_the_simulation_names_the_worst_scenario_first():
    cells = studies.simulation()
    rows = scenarios.of(cells, "with a difficulty", "value")
    direct = rows[rows["method"] == scenarios.FIRST]
    coverage, gross = scenarios.QUESTIONS[0], scenarios.QUESTIONS[2]
    shown = scenarios.answers(direct, coverage)
    assert shown["scenario"].iloc[0].startswith("hidden shift")
    assert "coverage is at least" in scenarios.title(shown, coverage)
    assert "supported, far off is at most 0%" in scenarios.title(scenarios.answers(direct, gross), gross)
    nothing = scenarios.answers(direct[direct["supported"] == 0], scenarios.QUESTIONS[1])
    assert scenarios.title(nothing, scenarios.QUESTIONS[1]) == "Coverage of supported: nothing here is supported"


# -- small samples -----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("rows", "bins"), [(1, 8), (100, 9), (1000, 20), (10_000, 43), (10**6, 48)])
def test_bins_grow_with_the_rows(rows, bins):
    assert style.bin_count(rows, 48) == bins


def test_a_tooltip_states_the_truth_that_its_error_is_measured_from():
    own = row(estimator="direct_own", estimate=0.6, truth=0.7, error=-0.1)
    both = forest.prepare(pd.DataFrame([row(), own]))
    assert (both["truth"] + both["error"]).tolist() == pytest.approx(both["estimate"].tolist())
    # The band and the title are the policy's truth by all its labels.
    assert "the truth, 0.610" in forest.title(both, "good", values(pd.DataFrame([row()])))


def test_the_specification_sends_each_frame_once_and_equals_the_validated_chart(frame):
    shown = forest.prepare(selection.choose_rows(frame, families=list(names.FAMILIES), policies=TARGETS))
    truths = values(frame)
    chart = forest.forest(shown, "good", forest.domain(shown, truths), truths)
    made, checked = spec(chart), compiled(chart)
    assert len(made["datasets"]) == 2  # the truth, and the estimates
    assert [sorted(layer["encoding"]) for layer in made["layer"][-1]["layer"]] == [
        sorted(layer["encoding"]) for layer in checked["layer"][-1]["layer"]
    ]
