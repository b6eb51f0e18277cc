"""Rules of `logprobs` and `ablation_results`: what keeps wrong weights and broken estimates out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arena_assets.config import Experiment
from arena_assets.rules import Batch, Finding, apply, refusals
from arena_assets.rules.thresholds import CLONE_LOG_RATIO_TOLERANCE
from tests.conftest import ConfigFolder
from tests.made_up import frames

N = 60


@pytest.fixture
def batch(config_folder: ConfigFolder) -> Batch:
    return frames.batch(config_folder.load(prompts=N, batch_size=N), "logprobs")


def finding(batch: Batch, name: str) -> Finding:
    return {found.name: found for found in apply(batch)}[name]


def with_target(batch: Batch, policy: str, values: dict[int, Any]) -> Batch:
    """The batch with other log-probabilities of `policy` in the rows."""
    logps = [row | {policy: values.get(number, row[policy])} for number, row in enumerate(batch.table["target_logps"])]
    return replace(batch, table=batch.table.assign(target_logps=logps))


def with_p0(batch: Batch, values: dict[int, float]) -> Batch:
    column = [values.get(number, value) for number, value in enumerate(batch.table["total_logprob"])]
    return replace(batch, table=batch.table.assign(total_logprob=pd.Series(column, dtype=float)))


def test_a_missing_field_an_unknown_policy_and_a_missing_prompt_are_counted(batch: Batch) -> None:
    rows = list(batch.table["target_logps"])
    rows[0] = {name: value for name, value in rows[0].items() if name != "pi_bad"}
    rows[1] = rows[1] | {"pi_other": -1.0}
    table = batch.table.assign(target_logps=rows).drop(index=5)
    found = finding(replace(batch, table=table), "precomputed_sampler_fields")
    assert not found.passed
    assert found.figures["offending"] == 3
    for row in (0, 1, 5):
        assert batch.table.loc[row, "prompt_id"] in found.text


@pytest.mark.filterwarnings("ignore:invalid value")
@pytest.mark.parametrize("value", [1e-9, np.inf])
def test_impossible_values_are_refused(batch: Batch, value: float) -> None:
    spoiled = with_target(with_p0(batch, {3: value}), "pi_bad", {4: value})
    found = finding(spoiled, "possible_values")
    assert (found.passed, found.blocking) == (False, True)
    assert f"2 of {4 * N} log-probabilities are above 0, or P0's own infinite" in found.text
    assert f"{batch.table.loc[3, 'prompt_id']}/p0" in found.text
    assert f"{batch.table.loc[4, 'prompt_id']}/pi_bad" in found.text


@pytest.mark.filterwarnings("ignore:invalid value")
def test_minus_infinity_is_impossible_of_p0_and_a_weight_of_0_of_a_target(batch: Batch) -> None:
    found = finding(with_target(with_p0(batch, {3: -np.inf}), "pi_bad", {4: -np.inf}), "possible_values")
    assert not found.passed
    assert f"1 of {4 * N}" in found.text
    assert f"{batch.table.loc[3, 'prompt_id']}/p0" in found.text


@pytest.mark.parametrize("value", [-np.inf, -1e5])
def test_a_target_that_gives_few_of_the_responses_is_not_refused(batch: Batch, value: float) -> None:
    spoiled = with_target(batch, "pi_bad", dict.fromkeys(range(N // 2), value))
    assert refusals(apply(spoiled)) == []
    assert f"rows of weight 0: pi_bad {N // 2}" in finding(spoiled, "overlap").text


def test_zeros_are_refused_from_five_percent_of_a_policy_on(batch: Batch) -> None:
    assert finding(with_target(batch, "pi_bad", dict.fromkeys(range(2), 0.0)), "few_zeros").passed
    found = finding(with_target(batch, "pi_bad", dict.fromkeys(range(3), 0.0)), "few_zeros")
    assert not found.passed
    assert f"3 of {4 * N} (5.0%, must be below 5%)" in found.text
    assert f"first: {batch.table.loc[0, 'prompt_id']}/pi_bad" in found.text


def test_a_zero_of_an_empty_response_is_none(batch: Batch) -> None:
    empty = batch.table.assign(response="", n_response_tokens=0)
    zeros = with_target(replace(batch, table=empty), "pi_bad", dict.fromkeys(range(N), 0.0))
    assert finding(zeros, "few_zeros").passed


def test_missing_values_are_refused_from_five_percent_of_a_policy_on(batch: Batch) -> None:
    assert finding(with_target(batch, "pi_bad", dict.fromkeys(range(2))), "few_missing").passed
    found = finding(with_target(batch, "pi_bad", dict.fromkeys(range(3))), "few_missing")
    assert (found.passed, found.blocking) == (False, True)
    assert "3 of 240 (5.0%, must be below 5%) log-probabilities are missing" in found.text


def test_rejected_values_are_refused_from_five_percent_on(batch: Batch) -> None:
    entry = {"policy": "pi_bad", "value": -1e9, "reason": "too low"}
    for count, passed in ((11, True), (12, False)):
        rejected = [[entry] if number < count else [] for number in range(N)]
        found = finding(replace(batch, table=batch.table.assign(rejected=rejected)), "few_rejected")
        assert found.passed is passed
        assert f"{count} of {4 * N}" in found.text
    assert f"first: {batch.table.loc[0, 'prompt_id']}/pi_bad: too low" in found.text


def test_a_clone_weight_of_other_than_one_is_refused(batch: Batch) -> None:
    own = batch.table["total_logprob"]
    found = finding(with_target(batch, "pi_clone", {7: own[7] - 0.1}), "clone_weights_are_one")
    assert (found.passed, found.blocking) == (False, True)
    assert f"1 of {N} weights of a clone of P0 are not 1" in found.text
    assert f"{batch.table.loc[7, 'prompt_id']}/pi_clone is 0.904837" in found.text
    assert found.figures["largest absolute log ratio"] == pytest.approx(0.1)


@pytest.mark.parametrize(("factor", "passed"), [(0.9, True), (1.2, False)])
def test_the_clones_tolerance_has_an_edge(batch: Batch, factor: float, passed: bool) -> None:
    own = batch.table["total_logprob"]
    near = with_target(batch, "pi_clone", {0: own[0] - factor * CLONE_LOG_RATIO_TOLERANCE})
    assert finding(near, "clone_weights_are_one").passed is passed


def test_without_a_clone_there_is_nothing_to_compare(config_folder: ConfigFolder) -> None:
    experiment = config_folder.load(target_policies=[{"name": "pi_cooler", "temperature": 0.7}])
    found = finding(frames.batch(experiment, "logprobs"), "clone_weights_are_one")
    assert (found.passed, "nothing to compare" in found.text) == (True, True)


def test_replay_must_equal_sampling_to_the_last_bit(batch: Batch) -> None:
    own = float(batch.table.loc[2, "total_logprob"])
    found = finding(with_p0(batch, {2: np.nextafter(own, -np.inf)}), "replay_equals_sampling")
    assert (found.passed, found.blocking) == (False, True)
    assert f"1 of {N} responses score differently" in found.text
    assert batch.table.loc[2, "prompt_id"] in found.text


def test_prefill_only_reports_how_far_it_is_off(config_folder: ConfigFolder) -> None:
    experiment = config_folder.load(prompts=N, batch_size=N, engine={"scoring": "prefill"})
    batch = frames.batch(experiment, "logprobs")
    own = float(batch.table.loc[2, "total_logprob"])
    found = finding(with_p0(batch, {2: own - 0.5}), "replay_equals_sampling")
    assert found.passed
    assert "at most 0.5" in found.text
    assert found.figures["largest deviation"] == pytest.approx(0.5)


def rescored(batch: Batch, experiment: Experiment, off: float = 0.0, rejected: bool = False) -> Batch:
    rows = [(f"p{n}", policy.name, -10.0, -10.0, 8) for n in range(4) for policy in experiment.policies]
    sample = pd.DataFrame(rows, columns=["prompt_id", "policy", "stored", "again", "n_response_tokens"])
    sample.loc[1, "again"] += off
    if rejected:
        sample.loc[2, "stored"] = None
    return replace(batch, experiment=experiment, upstream={**batch.upstream, "rescored": sample})


def test_a_second_scoring_must_give_the_same_in_exact_mode(batch: Batch) -> None:
    assert finding(rescored(batch, batch.experiment), "reproducibility").passed
    found = finding(rescored(batch, batch.experiment, off=0.25), "reproducibility")
    assert (found.passed, found.blocking) == (False, True)
    assert "16 responses scored again" in found.text
    assert "at most 0.25 nats a response and 0.25 a log ratio apart" in found.text
    assert found.figures["largest deviation a token, nats"] == pytest.approx(0.25 / 8)


def test_a_response_that_is_impossible_both_times_is_not_a_difference(batch: Batch) -> None:
    sample = rescored(batch, batch.experiment)
    table = sample.upstream["rescored"].assign(largest_token=0.0)
    table.loc[2, ["stored", "again"]] = -np.inf
    again = replace(sample, upstream={**sample.upstream, "rescored": table})
    assert finding(again, "reproducibility").passed
    table.loc[2, "again"] = -1.0
    assert not finding(again, "reproducibility").passed


def test_a_rejected_value_in_the_sample_is_not_a_difference(batch: Batch) -> None:
    found = finding(rescored(batch, batch.experiment, rejected=True), "reproducibility")
    assert (found.passed, found.figures["responses"]) == (True, 15)


@pytest.mark.parametrize("engine", [{"mode": "throughput"}, {"scoring": "prefill"}])
def test_elsewhere_the_difference_is_reported(
    config_folder: ConfigFolder, batch: Batch, engine: dict[str, str]
) -> None:
    experiment = config_folder.load(prompts=N, batch_size=N, engine=engine)
    found = finding(rescored(batch, experiment, off=0.25), "reproducibility")
    assert (found.passed, "0.25 nats" in found.text) == (True, True)


def test_poor_overlap_is_a_warning_with_the_effective_sample_size(batch: Batch) -> None:
    own = batch.table["total_logprob"]
    heavy = with_target(batch, "pi_bad", {n: own[n] + (own[0] * -0.9 if n == 0 else -50) for n in range(N)})
    found = finding(heavy, "overlap")
    assert (found.passed, found.blocking) == (False, False)
    assert "pi_bad 2%" in found.text
    assert found.figures["ESS/n pi_clone"] == 1.0
    assert refusals(apply(heavy)) == []


def test_a_table_without_any_target_value_is_refused_and_not_a_crash(batch: Batch) -> None:
    empty = batch
    for policy in batch.experiment.target_names:
        empty = with_target(empty, policy, dict.fromkeys(range(N)))
    assert "few_missing" in {found.name for found in refusals(apply(empty))}


def result(estimator: str, policy: str, estimate: float | None, status: str = "ok") -> dict[str, Any]:
    error = None if estimate is None else 0.01
    return {
        "estimator": estimator,
        "reward_calibration": "none",
        "weight_calibration": "none",
        "scoring": "deterministic",
        "policy": policy,
        "estimate": estimate,
        "std_error": error,
        "ci_low": estimate,
        "ci_high": estimate,
        "status": status,
        "reason": None if status == "ok" else "no overlap",
    }


def results(batch: Batch, *rows: dict[str, Any]) -> Batch:
    return Batch(batch.experiment, "ablation_results", pd.DataFrame(rows))


def test_estimates_of_a_clone_agree_with_p0_within_four_standard_errors(batch: Batch) -> None:
    own, spread = result("ips", "p0", 0.5), float(np.hypot(0.01, 0.01))
    near = results(batch, own, result("ips", "pi_clone", 0.5 + 3.9 * spread))
    assert all(found.passed for found in apply(near))
    found = finding(results(batch, own, result("ips", "pi_clone", 0.5 + 4.1 * spread)), "clone_agrees")
    assert (found.passed, found.blocking) == (False, False)
    assert "1 of 1 estimates of a clone differ from P0's own mean (first: ips (0.558 against 0.500))" in found.text


def test_a_finished_estimate_without_an_interval_is_refused(batch: Batch) -> None:
    found = finding(results(batch, result("ips", "pi_bad", 0.5) | {"ci_low": None}), "whole_estimates")
    assert (found.passed, found.blocking) == (False, True)
    assert "1 of 1 finished estimates lack a value or an interval (first: ips/pi_bad)" in found.text


def test_a_failed_method_is_a_warning_with_its_reason(batch: Batch) -> None:
    table = results(batch, result("ips", "pi_bad", None, "failed"), result("snips", "pi_bad", 0.4))
    found = finding(table, "all_estimated")
    assert (found.passed, found.blocking) == (False, False)
    assert "1 of 2 methods gave no estimate (first: ips/pi_bad: no overlap)" in found.text
    assert refusals(apply(table)) == []
