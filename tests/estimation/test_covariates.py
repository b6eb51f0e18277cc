"""Covariates that the data name: what a two-stage calibration reads beside score and length."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from arena_assets import estimation as e
from arena_assets.config import Experiment
from arena_assets.stages.generated import GeneratedOrigin
from tests.made_up import frames

DIRECT = e.Method("direct", "two_stage")


def sampled(seed: int = 0, n: int = 500) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """Rows of P0 and of a target whose tone is one higher: a label gains .1 by it, and the judge does not see it."""
    rng = np.random.default_rng(seed)
    sides: list[list[dict[str, object]]] = []
    for shift in (0.0, 1.0):
        quality, tone = rng.standard_normal(n), rng.standard_normal(n) + shift
        label = 0.5 + 0.1 * quality + 0.1 * tone + 0.05 * rng.standard_normal(n)
        rows = [
            {"prompt_id": str(i), "judge_score": q, "tone": t, "oracle_label": y, "n_response_tokens": 9}
            for i, (q, t, y) in enumerate(zip(quality, tone, label, strict=True))
        ]
        sides.append(list(rows))
    for place, row in enumerate(sides[0]):
        row |= {"total_logprob": -1.0, "target_logps": {"t": None}}
        if place % 3:
            del row["oracle_label"]
    return sides[0], sides[1]


def estimate(data: e.EvaluationData) -> e.Estimate:
    (found,) = (one for one in e.evaluate(data, methods=[DIRECT]) if one.policy == "t")
    assert found.estimate is not None, found.reason
    return found.estimate


def test_a_named_covariate_carries_what_the_score_does_not_show() -> None:
    errors, covered = [], []
    for seed in range(60):
        logged, drawn = sampled(seed)
        one = estimate(e.from_sampler(logged, {"t": drawn}, covariates=["tone"]))
        low, high = one.ci()
        errors.append((one.value - 0.6) / one.std_error)
        covered.append(low <= 0.6 <= high)
        blind = estimate(e.from_sampler(logged, {"t": drawn}))
        assert blind.value < 0.6 - 5 * blind.std_error
    assert np.mean(covered) >= 0.88
    assert 0.7 < np.std(errors) < 1.3


def test_a_covariate_that_is_missing_somewhere_is_told() -> None:
    logged, drawn = sampled(n=60)
    with pytest.raises(e.EstimationError, match="fresh draws of t lack mood"):
        e.from_sampler([row | {"mood": 1.0} for row in logged], {"t": drawn}, covariates=["mood"])
    with pytest.raises(e.EstimationError, match="tone must be numbers"):
        e.from_sampler([row | {"tone": "soft"} for row in logged], {"t": drawn}, covariates=["tone"])
    data = e.from_sampler(logged, {"t": drawn}, covariates=["tone"])
    with pytest.raises(e.EstimationError, match="covariates of the logged rows are none, of t's fresh draws tone"):
        replace(data, covariates={})
    empty = replace(data.targets["t"], covariates={"tone": np.full(60, np.nan)})
    (found,) = (one for one in e.evaluate(replace(data, targets={"t": empty}), methods=[DIRECT]) if one.policy == "t")
    assert found.estimate is None
    assert "needs the covariate tone, and a policy has none" in found.reason


def test_a_length_that_nobody_states_is_no_covariate_where_others_are_named() -> None:
    logged, drawn = ([{k: v for k, v in row.items() if k != "n_response_tokens"} for row in side] for side in sampled())
    assert estimate(e.from_sampler(logged, {"t": drawn}, covariates=["tone"])).value == pytest.approx(0.6, abs=0.05)
    results = e.evaluate(e.from_sampler(logged, {"t": drawn}), methods=[DIRECT])
    assert all("needs the covariate response length" in one.reason for one in results)


def test_rows_without_a_covariate_are_left_out_of_two_stage_alone() -> None:
    logged, drawn = sampled()
    drawn[0] |= {"tone": None}
    data = e.from_sampler(logged, {"t": drawn}, covariates=["tone"])
    methods = [DIRECT, e.Method("direct", "monotone")]
    counts = {one.method: one.n for one in e.evaluate(data, methods=methods) if one.policy == "t"}
    assert [counts[method] for method in methods] == [499, 500]
    some = data.take(np.arange(500) < 100)
    assert some.covariates["tone"].size == 100
    assert some.targets["t"].covariates["tone"].size == 100


def test_an_experiment_names_columns_of_its_tables(experiment: Experiment) -> None:
    tables = frames.tables(experiment, "0000")
    names = ("judge_variance", "n_prompt_tokens", "source_row")
    named = experiment.model_copy(update={"analysis": experiment.analysis.model_copy(update={"covariates": names})})
    data = GeneratedOrigin().data(named, tables)
    assert tuple(data.covariates) == names
    rows = tables["prompts"].set_index("prompt_id")["source_row"]
    assert data.covariates["source_row"].tolist() == [rows[one] for one in data.prompt_ids]
    for target in data.targets.values():
        assert target.covariates["source_row"].tolist() == [rows[one] for one in target.prompt_ids]
    assert named.fingerprint("ablation_results") != experiment.fingerprint("ablation_results")
    for wrong, match in (("mood", "has the covariate mood; columns of numbers: .*source_row"), ("language", "numbers")):
        again = named.model_copy(update={"analysis": named.analysis.model_copy(update={"covariates": (wrong,)})})
        with pytest.raises(e.EstimationError, match=match):
            GeneratedOrigin().data(again, tables)


def test_tables_give_a_covariate_by_prompt_and_policy() -> None:
    ids = ["a", "b", "c"]
    scores = pd.DataFrame(
        [
            {"prompt_id": i, "policy": p, "judge_score": 0.5, "second_judge": place + 10 * (p == "t")}
            for place, i in enumerate(ids)
            for p in ("p0", "t")
        ]
    )
    logprobs = pd.DataFrame({"prompt_id": ids[::-1], "total_logprob": -1.0, "target_logps": [{"t": -1.0}] * 3})
    data = e.evaluation_data(
        logprobs=logprobs,
        judge_scores=scores,
        logging_policy="p0",
        target_policies=["t"],
        covariates=["second_judge"],
    )
    assert data.covariates["second_judge"].tolist() == [2, 1, 0]
    assert data.targets["t"].covariates["second_judge"].tolist() == [10, 11, 12]
