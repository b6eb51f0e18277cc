"""The analysis: every method on every target, beside the truth where there is one, each with the gate's verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from math import hypot, nan

import numpy as np
import pandas as pd

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.data.evaluation import EvaluationData
from arena_assets.estimation.data.from_sampler import from_sampler
from arena_assets.estimation.data.rows import Rows
from arena_assets.estimation.diagnostics import gates
from arena_assets.estimation.estimators.estimate import Estimate, critical_value
from arena_assets.estimation.estimators.methods import Method, full_grid
from arena_assets.estimation.estimators.registry import run
from arena_assets.estimation.preparation import Preparation, Target

COLUMNS = (
    "estimator",
    "reward_calibration",
    "weight_calibration",
    "scoring",
    "policy",
    "estimate",
    "std_error",
    "df",
    "ci_low",
    "ci_high",
    "truth",
    "truth_std_error",
    "error",
    "covered",
    "n",
    "n_oracle",
    "ess",
    "ess_fraction",
    "max_weight_share",
    "seconds",
    "status",
    "reason",
    "support",
    "support_reason",
)

DEFAULT: tuple[Method, ...] = full_grid(scorings=("deterministic",))
OWN_TRUTH = "the other half of the target's labels"


@dataclass(frozen=True, eq=False)
class Result:
    """One estimate of one method on one policy, or why there is none."""

    method: Method
    policy: str
    estimate: Estimate | None
    reason: str
    truth: tuple[float, float]
    n: int
    n_oracle: int
    support: gates.Support
    target: Target | None
    seconds: float


def analyze(
    data: EvaluationData | Rows,
    fresh_draws: Mapping[str, Rows] | None = None,
    *,
    methods: Iterable[Method] | None = None,
    level: float = 0.95,
    seed: int = 0,
    clock: Callable[[], float] | None = None,
) -> pd.DataFrame:
    """Estimate every target's mean oracle label by every method.

    `data`: `EvaluationData`, or PrecomputedSampler rows (frame, dicts, JSON Lines path) with the targets'
    `fresh_draws`: see `from_sampler`.

    One row per (method, policy) with the columns `COLUMNS`. The logging policy has rows of its own for the methods
    without weights: its labels calibrate, so it has no independent truth. `seed` moves folds and the halves of
    `direct_own`; `clock` (seconds) fills the timing column. An estimate that is not possible has status `failed`, its
    reason, and NaN.
    """
    critical_value(level, 1.0)
    if not isinstance(data, EvaluationData):
        data = from_sampler(data, fresh_draws)
    elif fresh_draws is not None:
        raise EstimationError("fresh_draws belong to rows; EvaluationData already holds its own")
    return table(evaluate(data, methods=methods, seed=seed, clock=clock), level=level)


def evaluate(
    data: EvaluationData,
    *,
    methods: Iterable[Method] | None = None,
    seed: int = 0,
    clock: Callable[[], float] | None = None,
) -> list[Result]:
    """The results behind `analyze`, with their contributions, by policy and then by method."""
    chosen = list(DEFAULT if methods is None else methods)
    if methods is None:
        chosen = [
            Method(m.estimator, m.reward_calibration, m.weight_calibration, scoring)
            for scoring in data.scorings
            for m in chosen
        ]
    if not chosen:
        raise EstimationError("no methods to run")
    preparation = Preparation(data, seed=seed)
    results = []
    for method in chosen:
        for policy in (data.logging_policy, *data.targets):
            if policy == data.logging_policy and (method.uses_weights or method.estimator == "direct_own"):
                continue
            results.append(_one(preparation, method, policy, clock))
    return results


def table(results: Iterable[Result], *, level: float = 0.95) -> pd.DataFrame:
    """Results as the `ablation_results` table."""
    return pd.DataFrame([_row(result, level) for result in results], columns=list(COLUMNS))


def _one(preparation: Preparation, method: Method, policy: str, clock: Callable[[], float] | None) -> Result:
    own = method.estimator == "direct_own"
    truth = preparation.truth(policy, half=own)
    started = clock() if clock else nan
    target: Target | None = None
    try:
        target = preparation.target(method.scoring, method.reward_calibration, policy, own=own)
        estimate = run(method, target)
        reason = ""
    except EstimationError as error:
        estimate, reason = None, str(error)
    seconds = (clock() if clock else nan) - started
    if target is None or estimate is None:
        return Result(method, policy, None, reason, truth, 0, 0, gates.Support(gates.REFUSED, reason), target, seconds)
    problem = target.problem
    n = problem.rows.size if method.uses_weights else target.n_draw_prompts
    n_oracle = target.labels_used(method)
    support = gates.judge(method, target.evidence, df=estimate.df, std_error=estimate.std_error, own_labels=n_oracle)
    return Result(method, policy, estimate, reason, truth, n, n_oracle, support, target, seconds)


def _row(result: Result, level: float) -> dict[str, object]:
    method, estimate = result.method, result.estimate
    weights = result.target.evidence.weights if result.target else None
    truth, truth_error = result.truth
    row: dict[str, object] = {
        "estimator": method.estimator,
        "reward_calibration": method.reward_calibration,
        "weight_calibration": method.weight_calibration,
        "scoring": method.scoring,
        "policy": result.policy,
        "truth": truth,
        "truth_std_error": truth_error,
        "covered": None,
        "n": result.n,
        "n_oracle": result.n_oracle,
        "ess": weights.ess if weights else nan,
        "ess_fraction": weights.ess_fraction if weights else nan,
        "max_weight_share": weights.max_share if weights else nan,
        "seconds": result.seconds,
        "status": "ok" if estimate else "failed",
        "reason": result.reason,
        "support": result.support.level,
        "support_reason": result.support.reason,
    }
    if estimate is None:
        return row | dict.fromkeys(["estimate", "std_error", "df", "ci_low", "ci_high", "error"], nan)
    low, high = estimate.ci(level)
    error = estimate.value - truth
    covered = None
    if not np.isnan(error):
        covered = abs(error) <= critical_value(level, estimate.df) * hypot(estimate.std_error, truth_error)
    return row | {
        "estimate": estimate.value,
        "std_error": estimate.std_error,
        "df": estimate.df,
        "ci_low": low,
        "ci_high": high,
        "error": error,
        "covered": covered,
    }
