"""The analysis: every method on every target, beside the truth where there is one, each with the gate's verdict."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, fields
from math import isnan, nan

import numpy as np
import pandas as pd

from arena_assets.estimation._types import Bools, EstimationError
from arena_assets.estimation.data.evaluation import EvaluationData
from arena_assets.estimation.data.from_sampler import from_sampler
from arena_assets.estimation.data.rows import Rows
from arena_assets.estimation.diagnostics import gates
from arena_assets.estimation.diagnostics.advice import advice
from arena_assets.estimation.diagnostics.stated import stated
from arena_assets.estimation.diagnostics.support import REFUSED, Support
from arena_assets.estimation.estimators.estimate import Estimate, critical_value
from arena_assets.estimation.estimators.methods import Method, full_grid
from arena_assets.estimation.estimators.run import labels_used, rows_used, run
from arena_assets.estimation.estimators.truth import UNKNOWN, Truth
from arena_assets.estimation.preparation import Preparation, Target

# Every possible method on one kind of score.
DEFAULT: tuple[Method, ...] = full_grid(scorings=("deterministic",))


@dataclass(frozen=True)
class Row:
    """One row of the analysis table, in the order of its columns; the table's contract states their meaning."""

    estimator: str
    reward_calibration: str
    weight_calibration: str
    scoring: str
    policy: str
    estimate: float
    std_error: float
    df: float
    ci_low: float
    ci_high: float
    truth: float
    truth_std_error: float
    error: float
    covered: bool | None
    n: int
    n_oracle: int
    ess: float
    ess_fraction: float
    max_weight_share: float
    seconds: float
    status: str
    reason: str
    support: str
    support_reason: str
    support_advice: str


COLUMNS = tuple(field.name for field in fields(Row))


@dataclass(frozen=True, eq=False)
class Comparison:
    """An estimate beside the truth, both of the same `prompts` (n_prompts,).

    `narrowed`: these are not all that either rests on. `estimate` is None where there is none to compare; the truth
    is then that of all labels.
    """

    estimate: Estimate | None
    truth: Truth
    prompts: Bools | None = None
    narrowed: bool = False

    @property
    def note(self) -> str:
        """On how many prompts the two are compared, where that is not all that either rests on."""
        if not self.narrowed or self.prompts is None:
            return ""
        return f"compared with the truth on the {np.count_nonzero(self.prompts)} prompts that both rest on"

    def same_prompts(self, other: Comparison) -> bool:
        """Whether the truths of two policies, and the estimates as they stand, are of the same prompts."""
        if self.narrowed or other.narrowed or self.prompts is None or other.prompts is None:
            return False
        return bool((self.prompts == other.prompts).all())


@dataclass(frozen=True, eq=False)
class Result:
    """One estimate of one method on one policy, or why there is none."""

    method: Method
    policy: str
    estimate: Estimate | None
    reason: str
    compared: Comparison
    n: int
    n_oracle: int
    support: Support
    advice: str
    target: Target | None
    seconds: float
    preparation: Preparation


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
    the target's own labels; `clock` (seconds) fills the timing column. An estimate that is not possible has status
    `failed`, its reason, and NaN.
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
    """The results behind `analyze`, with their contributions, by method and then by policy."""
    if methods is None:
        methods = [method for scoring in data.scorings for method in full_grid(scorings=(scoring,))]
    chosen = list(methods)
    if not chosen:
        raise EstimationError("no methods to run")
    return results_of(Preparation(data, seed=seed), chosen, clock)


def results_of(preparation: Preparation, methods: Iterable[Method], clock: Callable[[], float] | None) -> list[Result]:
    """The results of `methods` on data that are prepared already, by method and then by policy."""
    data, results = preparation.data, []
    for method in methods:
        for policy in (data.logging_policy, *data.targets):
            if policy == data.logging_policy and (method.uses_weights or method.entry.own_labels):
                continue
            results.append(result_of(preparation, method, policy, clock))
    return results


def table(results: Iterable[Result], *, level: float = 0.95) -> pd.DataFrame:
    """Results as the `ablation_results` table."""
    return pd.DataFrame([vars(_row(result, level)) for result in results], columns=list(COLUMNS))


def result_of(
    preparation: Preparation, method: Method, policy: str, clock: Callable[[], float] | None = None
) -> Result:
    """One method on one policy. Of P0 itself every weight is 1, and its draws are the logged responses."""
    own = method.entry.own_labels
    started = clock() if clock else nan
    target: Target | None = None
    try:
        target = preparation.target(method.scoring, method.reward_calibration, policy, own=own)
        estimate = run(method, target.inputs)
        reason = ""
    except EstimationError as error:
        estimate, reason = None, str(error)
    seconds = (clock() if clock else nan) - started
    n = n_oracle = 0
    said = ""
    support = Support(REFUSED, reason)
    if target is not None and estimate is not None:
        n, n_oracle = rows_used(method, target.inputs), labels_used(method, target.inputs)
        facts = stated(method, target.inputs, estimate)
        support = gates.judge(method, target.diagnostics, facts)
        said = advice(method, target.diagnostics, facts, support.level)
    return Result(
        method=method,
        policy=policy,
        estimate=estimate,
        reason=reason,
        compared=_comparison(preparation, method, policy, target, estimate),
        n=n,
        n_oracle=n_oracle,
        support=support,
        advice=said,
        target=target,
        seconds=seconds,
        preparation=preparation,
    )


def _comparison(
    preparation: Preparation, method: Method, policy: str, target: Target | None, estimate: Estimate | None
) -> Comparison:
    """On all prompts that both rest on: of an estimate of others the difference would be that of the prompts."""
    half = method.entry.own_labels
    truth = preparation.truth(policy, half=half)
    if target is None or estimate is None or isnan(truth.value):
        return Comparison(None, truth)
    rests, stands = preparation.estimate_prompts(method, policy), preparation.truth_prompts(policy)
    if (rests == stands).all():
        return Comparison(estimate, truth, stands)
    shared = rests & stands
    truth = preparation.truth(policy, half=half, shared=shared)
    try:
        return Comparison(run(method, target.inputs.of_prompts(shared)), truth, shared, narrowed=True)
    except EstimationError:
        return Comparison(None, UNKNOWN, shared, narrowed=True)


def _row(result: Result, level: float) -> Row:
    estimate, weights = result.estimate, result.target.diagnostics.weights if result.target else None
    truth, other = result.compared.truth, result.compared.estimate
    value, std_error, df = (estimate.value, estimate.std_error, estimate.df) if estimate else (nan, nan, nan)
    low, high = estimate.ci(level) if estimate else (nan, nan)
    return Row(
        **result.method.columns,
        policy=result.policy,
        estimate=value,
        std_error=std_error,
        df=df,
        ci_low=low,
        ci_high=high,
        truth=truth.value,
        truth_std_error=truth.std_error,
        error=other.value - truth.value if other else nan,
        covered=truth.covered_by(other, level=level) if other else None,
        n=result.n,
        n_oracle=result.n_oracle,
        ess=weights.ess if weights else nan,
        ess_fraction=weights.ess_fraction if weights else nan,
        max_weight_share=weights.max_share if weights else nan,
        seconds=result.seconds,
        status="ok" if estimate else "failed",
        reason=result.reason,
        support=result.support.level,
        support_reason="; ".join(filter(None, (result.support.reason, result.compared.note))),
        support_advice=result.advice,
    )
