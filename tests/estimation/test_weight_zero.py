"""A target that cannot give a logged response has a weight of 0 there: the row counts."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arena_assets.estimation import Method, analyze, diagnose, evaluation_data
from arena_assets.estimation.reporting.overlap_tables import coverage, weight_curve, weight_diagnostics
from arena_assets.estimation.studies.scenarios import Scenario, draw
from arena_assets.estimation.studies.worlds import TARGET

N, NEVER = 600, 0.4
METHODS = [Method("ips", "monotone"), Method("snips", "monotone"), Method("dr_cpo", "monotone")]
Rows = list[dict[str, Any]]


@pytest.fixture(scope="module")
def drawn() -> Callable[[float | None], tuple[Rows, Rows]]:
    """Rows of P0, of which the target gives only some, with that `zero` on the others; and the target's own draws."""
    rng = np.random.default_rng(7)
    never = rng.uniform(size=N) < NEVER
    scores = rng.uniform(size=(2, N))
    labels = np.clip(0.1 + 0.7 * scores + rng.normal(0, 0.08, (2, N)), 0, 1)

    def row(i: int, side: int) -> dict[str, Any]:
        judged = {"judge_score": scores[side, i], "oracle_label": labels[side, i], "n_response_tokens": 9}
        return {"prompt_id": f"q{i}", **judged}

    def rows(zero: float | None) -> tuple[Rows, Rows]:
        given = [zero if never[i] else -300 - math.log(1 - NEVER) for i in range(N)]
        logged = [
            row(i, 0) | {"total_logprob": -300.0, "target_logps": {"top_k": value}} for i, value in enumerate(given)
        ]
        return logged, [row(i, 1) for i in range(N)]

    return rows


def of_target(found: pd.DataFrame) -> pd.DataFrame:
    return found[found["policy"] == "top_k"].set_index("estimator")


@pytest.mark.parametrize("zero", [-math.inf, -2000.0, -1e5, -1e308])
def test_rows_of_weight_0_count(drawn: Callable[[float | None], tuple[Rows, Rows]], zero: float) -> None:
    logged, fresh = drawn(zero)
    found = of_target(analyze(logged, {"top_k": fresh}, methods=METHODS))
    assert found["n"].tolist() == [N] * 3
    assert found["covered"].all()
    assert found["support"].tolist() == ["supported"] * 3
    assert found["ess_fraction"].to_numpy() == pytest.approx(1 - NEVER, abs=0.05)
    exact = of_target(analyze(drawn(-math.inf)[0], {"top_k": fresh}, methods=METHODS))
    assert found["estimate"].equals(exact["estimate"])


def test_null_is_missing_and_not_a_weight_of_0(drawn: Callable[[float | None], tuple[Rows, Rows]]) -> None:
    logged, fresh = drawn(None)
    found = of_target(analyze(logged, {"top_k": fresh}, methods=METHODS))
    assert (found["n"] < N).all()


def test_tables_and_rows_agree(drawn: Callable[[float | None], tuple[Rows, Rows]]) -> None:
    logged, fresh = drawn(-math.inf)
    both = [pd.DataFrame(rows).assign(policy=policy) for policy, rows in (("p0", logged), ("top_k", fresh))]
    frame = pd.concat(both, ignore_index=True)
    data = evaluation_data(
        logprobs=frame[frame["policy"] == "p0"],
        judge_scores=frame,
        oracle_labels=frame,
        logging_policy="p0",
        target_policies=["top_k"],
    )
    rows = of_target(analyze(logged, {"top_k": fresh}, methods=METHODS))
    assert of_target(analyze(data, methods=METHODS))["estimate"].equals(rows["estimate"])


def test_p0s_own_minus_infinity_is_no_value(drawn: Callable[[float | None], tuple[Rows, Rows]]) -> None:
    logged, fresh = drawn(-math.inf)
    for row in logged[:5]:
        row["total_logprob"] = -math.inf
    assert of_target(analyze(logged, {"top_k": fresh}, methods=METHODS))["n"].tolist() == [N - 5] * 3


def test_weights_that_are_all_0_are_refused_with_words() -> None:
    data = draw(Scenario("good", True, 50, n=200), np.random.default_rng(0))
    data.targets[TARGET].log_weights[:] = -math.inf
    found = analyze(data, methods=METHODS).query("policy == @TARGET")
    assert set(found["status"]) == {"failed"}
    assert found["reason"].str.contains("all weights are zero").all()
    row = weight_diagnostics(data).iloc[0]
    assert row[["n", "zero", "without_weight", "ess"]].tolist() == [200, 200, 0, 0]
    assert weight_curve(data).empty
    assert np.isnan(coverage(data.targets[TARGET].log_weights, np.full(200, -1.0), np.ones(200))).all()


@pytest.mark.parametrize("estimator", ["dr_cpo", "sndr", "switch_dr", "tmle"])
def test_labels_on_rows_of_weight_0_alone_correct_nothing(estimator: str) -> None:
    """dr_cpo was the plain mean of f(S') without the error of f, `supported`."""
    data = draw(Scenario("clone", True, 80, n=400), np.random.default_rng(0))
    data.targets[TARGET].log_weights[~np.isnan(data.labels)] = -math.inf
    row = analyze(data, methods=[Method(estimator, "monotone")]).set_index("policy").loc[TARGET]
    assert row["status"] == "failed"
    assert "all 80 labelled rows have weight 0" in row["reason"]


def test_diagnostics_by_hand_with_zeros() -> None:
    seen = diagnose(np.r_[np.full(60, 1 / 0.6), np.zeros(40)])
    assert (seen.mean, seen.ess_fraction) == (pytest.approx(1), pytest.approx(0.6))
    assert seen.mean_z == 0
    assert np.isnan(seen.pareto_k)
    assert seen.affinity == pytest.approx(0.6**0.5)
    assert np.isnan(diagnose(np.r_[8.0, 4.0, 2.0, np.zeros(97)]).pareto_k)  # three rows above 0 are no tail
    assert abs(diagnose(np.r_[np.full(50, 1.7), np.full(50, 1.7 + 1e-15)]).mean_z) == np.inf


def test_target_typical_coverage_counts_what_the_target_cannot_give() -> None:
    """P0 gives ten responses alike, the target the first five of them alike."""
    log_weights = np.r_[np.full(5, math.log(2)), np.full(5, -math.inf)]
    target = np.r_[-np.arange(1.0, 6.0), np.full(5, -math.inf)]
    beta, cle = coverage(log_weights, target, np.ones(10))
    assert beta == 0.5
    assert cle == pytest.approx(1 / math.sqrt(0.5))
