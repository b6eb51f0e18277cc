"""Which function computes which method."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.estimators import direct as direct_method
from arena_assets.estimation.estimators import doubly_robust, importance
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.inputs import Problem
from arena_assets.estimation.estimators.methods import Method
from arena_assets.estimation.preparation import Target

_ON_PROBLEM: Mapping[str, Callable[[Problem], Estimate]] = {
    "naive_direct": direct_method.naive_direct_on,
    "direct": direct_method.direct_on,
    "ips": importance.ips_on,
    "clipped_ips": importance.clipped_ips_on,
    "snips": importance.snips_on,
    "dr_cpo": doubly_robust.dr_cpo_on,
    "sndr": doubly_robust.sndr_on,
    "switch_dr": doubly_robust.switch_dr_on,
    "dr_os": doubly_robust.dr_os_on,
    "mrdr": doubly_robust.mrdr_on,
    "tmle": doubly_robust.tmle_on,
}


def run(method: Method, target: Target) -> Estimate:
    """The method's estimate of this target. Raises where its rows or fresh draws are missing."""
    problem = target.problem
    if method.uses_weights:
        _need("logged rows with a log-probability and a score", problem.rows.size)
        if not problem.weights.any():
            raise EstimationError("all weights are zero: the target never produces a logged response")
    if method.uses_draws:
        _need("fresh draws with a score", problem.draws.share.size)
    if method.estimator == "direct_own":
        return direct_method.direct_own_on(problem, target.own_labels)
    made = target.made[method.weight_calibration]
    used = target.projected if method.weight_calibration == "simcal" else problem
    if method.estimator == "stacked_dr":
        return doubly_robust.stacked_dr_on(used, made)
    if method.estimator == "calibrated_ips":
        return importance.calibrated_ips_on(problem, target.overlap.projection)
    estimate = _ON_PROBLEM[method.estimator](used)
    if method.estimator in doubly_robust.STACKED:
        made[method.estimator] = estimate
    return estimate


def _need(what: str, count: int) -> None:
    if count < 2:
        raise EstimationError(f"{count} {what}, at least 2 are needed")
