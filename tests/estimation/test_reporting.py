"""The tables beside the estimates: by hand, against known shifts, and in agreement with the estimates themselves."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from arena_assets import pipeline
from arena_assets.estimation import BASIC, EvaluationData, Method, Scenario, analyze, complete_analysis, draw
from arena_assets.estimation.data.evaluation import TargetData
from arena_assets.estimation.preparation import Preparation
from arena_assets.estimation.reporting.accuracy_table import method_accuracy
from arena_assets.estimation.reporting.overlap_tables import weight_curve, weight_diagnostics
from arena_assets.estimation.reporting.policy_table import policy_values
from arena_assets.estimation.studies.scenarios import draw_targets
from arena_assets.tables import ABLATION_RESULTS, TABLES

BESIDE = tuple(TABLES[name] for name in pipeline.RESULTS.beside)

METHODS = (*(m for m in BASIC if m.scoring == "deterministic"), Method("direct_own", "monotone"))


def small(log_weights: list[float], labels: list[float], own: list[float]) -> EvaluationData:
    """As many prompts as `log_weights`, a judge that gives 0, 1, ... tenths, labels of P0 and of one target."""
    n = len(log_weights)
    ids = np.array([f"p{i}" for i in range(n)], dtype=object)
    nothing, scores = np.full(n, np.nan), {"deterministic": np.arange(n) / 10}
    target = TargetData(np.array(log_weights), ids, scores, nothing, nothing, np.array(own, float))
    return EvaluationData("p0", ids, scores, nothing, nothing, np.array(labels, float), {"pi": target})


@pytest.fixture(scope="module")
def shifted() -> EvaluationData:
    rng = np.random.default_rng(0)
    return draw_targets({"clone": (0.0, 0.0, 0.0), "hidden": (0.0, -0.8, 0.0)}, n=4000, n_labels=2000, rng=rng)


@pytest.fixture(scope="module")
def tables(shifted: EvaluationData) -> dict[str, pd.DataFrame]:
    return complete_analysis(shifted, methods=METHODS, level=0.9)


def test_every_table_holds_its_contract(tables: dict[str, pd.DataFrame]) -> None:
    assert set(tables) == {ABLATION_RESULTS.name, *(table.name for table in BESIDE)}
    for contract in (ABLATION_RESULTS, *BESIDE):
        assert tuple(tables[contract.name].columns) == contract.names
        contract.to_arrow(tables[contract.name])
        assert len(tables[contract.name])


def test_the_estimates_are_those_of_the_analysis_alone(
    shifted: EvaluationData, tables: dict[str, pd.DataFrame]
) -> None:
    pd.testing.assert_frame_equal(
        tables["ablation_results"], analyze(shifted, methods=METHODS, level=0.9), check_exact=True
    )


def test_a_hidden_shift_and_poor_overlap_are_found(tables: dict[str, pd.DataFrame]) -> None:
    weights = tables["weight_diagnostics"].set_index("policy")
    assert weights.loc["clone", ["ess_fraction", "exactly_one", "capped"]].tolist() == [1, 4000, 0]
    assert weights.loc["hidden", "ess_fraction"] == pytest.approx(np.exp(-0.64), abs=0.05)
    found = tables["calibration_diagnostics"].set_index(["policy", "reward_calibration"]).xs("monotone", level=1)
    for policy in found.index.difference(["hidden"]):
        assert abs(found.loc[policy, "residual"]) < 4 * found.loc[policy, "residual_std_error"]
    assert found.loc["hidden", "residual_ci_high"] < -2 * found.loc["hidden", "residual_std_error"]
    assert found.loc["hidden", "transport"] < -4 * found.loc["hidden", "transport_std_error"]


def test_effective_sizes_are_those_of_the_estimates(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["ablation_results"].query("estimator == 'snips' and reward_calibration == 'monotone'")
    known = tables["weight_diagnostics"].set_index("policy")["ess"]
    for policy, size in zip(rows["policy"], rows["ess"], strict=True):
        assert known[policy] == size


def test_the_truth_is_that_of_the_estimates_and_the_level_is_stated(tables: dict[str, pd.DataFrame]) -> None:
    rows = tables["ablation_results"].query("estimator == 'direct'").set_index("policy")
    values = tables["policy_values"].set_index("policy")
    assert set(values["level"]) == {0.9}
    for policy in ("clone", "hidden"):
        assert (
            values.loc[policy, ["value", "std_error"]].tolist()
            == rows.loc[policy, ["truth", "truth_std_error"]].tolist()
        )
    assert list(values.index[values["is_logging_policy"]]) == ["p0"]


def test_the_headline_needs_no_label_of_the_target(tables: dict[str, pd.DataFrame]) -> None:
    assert set(tables["ablation_results"]["estimator"]) >= {"direct_own"}
    assert "direct_own" not in set(tables["policy_values"]["estimator"])


def test_weights_by_hand_and_a_cut_one_is_counted() -> None:
    data = small([0.0, np.log(3.0), np.nan], [0.0, 0.5, 1.0], [0, 0, 1])
    row = weight_diagnostics(data).iloc[0]
    assert row["ess"] == pytest.approx(16 / 10)  # (1 + 3)^2 / (1 + 9)
    assert row[["n", "without_weight", "exactly_one", "max_weight_share"]].tolist() == [2, 1, 1, 0.75]
    assert row[["mean_weight", "mean_weight_std_error"]].tolist() == pytest.approx([2, 1])
    huge = small([5000.0, -5000.0, 0.0], [0.0, 0.5, 1.0], [0, 0, 1])
    assert weight_diagnostics(huge).iloc[0][["ess", "capped", "largest_abs_log_weight"]].tolist() == [1, 1, 5000]
    assert weight_curve(huge)["carried"].tolist() == [1, 1, 1]


def test_a_target_without_any_weight_has_a_row_that_says_so() -> None:
    row = weight_diagnostics(small([np.nan] * 3, [0, 0, 1], [0, 0, 1])).iloc[0]
    assert row[["n", "without_weight"]].tolist() == [0, 3]
    assert np.isnan(row["ess"])


def test_the_curve_of_weights_is_thinned_and_ends_with_all() -> None:
    rng = np.random.default_rng(0)
    data = small(rng.normal(0, 5, 5000).tolist(), [np.nan] * 5000, [np.nan] * 5000)
    curve = weight_curve(data)
    assert 90 < len(curve) <= 120
    assert curve["rank"].iloc[[0, -1]].tolist() == [1, 5000]
    assert curve["carried"].is_monotonic_increasing
    assert curve[["share_of_rows", "carried"]].iloc[-1].tolist() == pytest.approx([1, 1])


def test_target_typical_coverage_of_a_clone_is_the_target_mass() -> None:
    rng = np.random.default_rng(0)
    data = draw(Scenario("clone", True, 100, n=1000), rng)
    data = replace(data, logprobs=-rng.exponential(30, 1000), response_length=np.log1p(rng.integers(5, 50, 1000)))
    seen = weight_diagnostics(data).iloc[0]
    assert seen["ttc"] == pytest.approx(0.9, abs=0.002)
    assert seen["cle"] == pytest.approx(np.sqrt(0.9), abs=0.01)


def test_values_by_hand() -> None:
    data = small([0.0] * 4, [0.0, 0.0, 1.0, 1.0], [1.0, 1.0, 1.0, 0.0])
    p0, pi = (row for _, row in policy_values(Preparation(data), level=0.9).iterrows())
    assert (pi["value"], pi["prompts"], pi["df"]) == (0.75, 4, 3)
    assert pi["std_error"] == pytest.approx(0.25)
    assert pi["ci_high"] - pi["value"] == pytest.approx(2.353 * 0.25, abs=1e-3)  # t(0.95; 3)
    assert pi["minus_logging"] == 0.25
    df = (1 / 12 + 1 / 16) ** 2 / ((1 / 12) ** 2 / 3 + (1 / 16) ** 2 / 3)
    assert 5.7 < df < 5.9
    assert pi["minus_logging_ci_high"] - 0.25 == pytest.approx(1.9497 * np.sqrt(1 / 12 + 1 / 16), abs=5e-3)
    assert np.isnan(p0["minus_logging"])


def test_one_label_has_a_value_and_no_error() -> None:
    row = policy_values(Preparation(small([0.0] * 3, [0, 1, 1], [np.nan, 0.5, np.nan]))).iloc[1]
    assert row["value"] == 0.5
    assert row[["std_error", "ci_low", "minus_logging_ci_low"]].isna().all()


def test_rankings_by_hand() -> None:
    truths, guesses = {"a": 0.8, "b": 0.6, "c": 0.59}, {"a": 0.7, "b": 0.5, "c": 0.55}
    method = {"estimator": "direct", "reward_calibration": "monotone", "weight_calibration": "none"}
    rows = [
        method
        | {"scoring": "deterministic", "policy": name, "estimate": value, "error": value - truths[name]}
        | {"covered": name == "a", "support": "supported"}
        for name, value in guesses.items()
    ]
    values = pd.DataFrame(
        {"policy": list(truths), "is_logging_policy": False, "value": truths.values(), "std_error": 0.01, "df": 1000.0}
    )
    only = method_accuracy(pd.DataFrame(rows), values).iloc[0]
    # b and c are swapped, and the truth does not tell them apart: 0.01 < 1.96 * 0.0141.
    assert only[["pairs", "pairs_right", "clear_pairs", "clear_pairs_right"]].tolist() == [3, 2, 2, 2]
    assert only["kendall_tau"] == pytest.approx(1 / 3)
    assert only["ranking"] == "a > c > b"
    assert only[["policies", "covered", "without_estimate"]].tolist() == [3, 1, 0]
    assert only["rmse"] == pytest.approx(np.sqrt((0.01 + 0.01 + 0.0016) / 3))


def test_bins_hold_every_label_once_and_know_the_calibration(
    shifted: EvaluationData, tables: dict[str, pd.DataFrame]
) -> None:
    bins = tables["calibration_bins"].query("reward_calibration == 'monotone'")
    assert bins.groupby("policy")["labels"].sum().to_dict() == {
        "p0": int(np.count_nonzero(~np.isnan(shifted.labels))),
        **{name: int(np.count_nonzero(~np.isnan(one.labels))) for name, one in shifted.targets.items()},
    }
    assert ((bins["ci_low"] < bins["label"]) & (bins["label"] < bins["ci_high"])).all()
    assert bins.loc[bins["policy"] == "hidden", "residual"].max() < 0.05


@pytest.mark.parametrize("lost", [0.4, 2.0])
def test_the_calibrated_range_is_that_of_all_labels_whatever_weights_are_missing(lost: float) -> None:
    data = draw(Scenario("good", True, 250), np.random.default_rng(0))
    gone = data.scores["deterministic"] < lost
    target = data.targets["target"]
    without = replace(target, log_weights=np.where(gone, np.nan, target.log_weights))
    whole, found = (
        complete_analysis(one, methods=[Method("direct", "monotone")])["calibration_diagnostics"]
        for one in (data, replace(data, targets={"target": without}))
    )
    columns = ["policy", "range_low", "range_high", "share_below", "share_above", "beyond_low", "beyond_high"]
    assert not whole[columns].isna().any(axis=None)
    pd.testing.assert_frame_equal(found[columns], whole[columns], check_exact=True)


def test_contrasts_with_p0_are_there_whatever_methods_were_asked_for(shifted: EvaluationData) -> None:
    found = complete_analysis(shifted, methods=[Method("snips", "monotone")])["policy_contrasts"]
    assert set(found["estimator"]) == {"snips"}
    assert set(zip(found["policy"], found["reference"], strict=True)) == {
        ("clone", "p0"),
        ("hidden", "p0"),
        ("hidden", "clone"),
    }


def test_without_labels_the_tables_say_why_nothing_is_calibrated() -> None:
    data = small([0.0, 0.1, 0.2], [np.nan] * 3, [np.nan] * 3)
    found = complete_analysis(data, methods=[Method("naive_direct")])
    assert found["calibration_curve"].empty
    assert found["calibration_bins"].empty
    assert found["calibration_diagnostics"]["reason"].notna().all()
    assert found["policy_values"]["value"].isna().all()
    for contract in BESIDE:
        contract.to_arrow(found[contract.name])
