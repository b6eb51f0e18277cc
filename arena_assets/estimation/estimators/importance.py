"""Importance weighting on P0's rows alone: IPS, clipped IPS, self-normalised IPS, and SNIPS with calibrated weights.

Each needs overlap and exact log-probabilities. R is the judge score, or f(S) where rewards are calibrated; then the
calibration term c with mass q_B = sum of the used weights in block B (divided by n, or by their sum where
self-normalised) is added.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import numpy.typing as npt

from arena_assets.estimation._numeric import dot
from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.calibration import simcal
from arena_assets.estimation.calibration.reading import read
from arena_assets.estimation.data import validate as _validate
from arena_assets.estimation.diagnostics.weights import ess
from arena_assets.estimation.estimators.estimate import Estimate, from_contributions
from arena_assets.estimation.estimators.inputs import Draws, Problem


def clip_threshold(n: int) -> float:
    """Default M of clipped_ips: sqrt(n), which lets bias and variance vanish together (Ionides 2008)."""
    return float(np.sqrt(n))


def ips_on(problem: Problem) -> Estimate:
    """mean wR; contributions wR - est + c."""
    weighted = problem.weights * problem.logged.rewards
    value = float(weighted.mean())
    q = problem.row_mass(problem.weights / problem.rows.size)
    phi = problem.spread_rows(weighted - value) + problem.calibration_term(q)
    return from_contributions(value, phi, n_sampled=problem.row_prompts, other_errors=problem.other_errors(q))


def clipped_ips_on(problem: Problem, max_weight: float | None = None) -> Estimate:
    """mean min(w, M) R.

    Its bias, -mean (w - M)+ R, is reported as `clipping_bias`, the weight it drops as `clipped_mass`.
    """
    limit = clip_threshold(problem.rows.size) if max_weight is None else max_weight
    clipped = np.minimum(problem.weights, limit)
    base = ips_on(problem.with_weights(clipped))
    excess = problem.weights - clipped
    return from_contributions(
        base.value,
        base.contributions,
        other_errors=base.other_errors,
        n_sampled=problem.row_prompts,
        diagnostics={
            "max_weight": limit,
            "clipped_rows": float((excess > 0).sum()),
            "clipped_mass": float(excess.sum() / problem.weights.sum()),
            "clipping_bias": -float((excess * problem.logged.rewards).mean()),
        },
    )


def snips_on(problem: Problem) -> Estimate:
    """sum wR / sum w; contributions w (R - est) / mean w + c (Swaminathan & Joachims 2015)."""
    share = problem.weights / problem.weights.sum()
    value = dot(share, problem.logged.rewards)
    q = problem.row_mass(share)
    centred = problem.rows.size * share * (problem.logged.rewards - value)
    phi = problem.spread_rows(centred) + problem.calibration_term(q)
    return from_contributions(value, phi, n_sampled=problem.row_prompts, other_errors=problem.other_errors(q))


def calibrated_ips_on(problem: Problem, made: simcal.Projection | None = None) -> Estimate:
    """SNIPS with weights projected on monotone functions of the score (SIMCal, Landesberg 2025).

    Block averages of w are estimates themselves, so the contributions are those of the product of block means:
    w^ (R - R_B) + w (R_B - est), R_B the mean reward of the row's weight block (`made`: the projection, where it
    exists); with w^ alone the error would look far too small.
    """
    projection = simcal.project(problem.logged.features[:, 0], problem.weights) if made is None else made
    share = projection.weights / projection.weights.sum()
    value = dot(share, problem.logged.rewards)
    block_mean = projection.block_means(problem.logged.rewards)
    raw = problem.weights / problem.weights.mean()
    phi = projection.weights * (problem.logged.rewards - block_mean)
    phi += (projection.strength * raw + (1 - projection.strength)) * (block_mean - value)
    q = problem.row_mass(share)
    phi = problem.spread_rows(phi) + problem.calibration_term(q)
    return from_contributions(
        value,
        phi,
        n_sampled=problem.row_prompts,
        other_errors=problem.other_errors(q),
        diagnostics={"ess_projected": ess(projection.weights), "direction": 1.0 if projection.increasing else -1.0},
    )


def ips(*, rewards: npt.ArrayLike, weights: npt.ArrayLike, prompt_ids: npt.ArrayLike | None = None) -> Estimate:
    """Importance sampling, mean of w R (Horvitz-Thompson).

    rewards: (n,) R; weights: (n,) w = pi'(A|X) / pi0(A|X), not negative; prompt_ids: (n,) rows of one prompt are one
    cluster. Raises EstimationError on NaN or infinite values, one row, or weights that are all zero.
    """
    return ips_on(_rows(rewards, weights, prompt_ids))


def clipped_ips(
    *,
    rewards: npt.ArrayLike,
    weights: npt.ArrayLike,
    max_weight: float | None = None,
    prompt_ids: npt.ArrayLike | None = None,
) -> Estimate:
    """Mean of min(w, max_weight) R;

    biased by the mean of (w - max_weight)+ R, which diagnostics report. Default: sqrt(n).
    """
    if max_weight is not None and not max_weight > 0:
        raise EstimationError(f"max_weight must be positive, got {max_weight}")
    return clipped_ips_on(_rows(rewards, weights, prompt_ids), max_weight)


def snips(*, rewards: npt.ArrayLike, weights: npt.ArrayLike, prompt_ids: npt.ArrayLike | None = None) -> Estimate:
    """Self-normalised importance sampling, sum w R / sum w: within the range of the rewards (Swaminathan & Joachims
    2015).
    """
    return snips_on(_rows(rewards, weights, prompt_ids))


def calibrated_ips(
    *,
    rewards: npt.ArrayLike,
    weights: npt.ArrayLike,
    scores: npt.ArrayLike | None = None,
    prompt_ids: npt.ArrayLike | None = None,
) -> Estimate:
    """SNIPS with SIMCal weights: w projected on monotone functions of `scores` (default: the rewards), mean one."""
    problem = _rows(rewards, weights, prompt_ids, scores)
    return calibrated_ips_on(problem)


def _rows(
    rewards: npt.ArrayLike,
    weights: npt.ArrayLike,
    prompt_ids: npt.ArrayLike | None,
    scores: npt.ArrayLike | None = None,
) -> Problem:
    """Logged rows alone as a problem: no fresh draws, no calibration."""
    reward = _validate.vector("rewards", rewards)
    _validate.two_rows("rewards", reward.size)
    weight = _validate.weight_vector(weights, length=reward.size)
    score = reward if scores is None else _validate.vector("scores", scores, length=reward.size)
    ids = _validate.codes(prompt_ids, length=reward.size, name="prompt_ids")
    distinct, rows = np.unique(ids.astype(str), return_inverse=True)
    none = np.empty(0, dtype=np.int64)
    logged = read(score[:, None], none, None)
    return Problem(
        n_prompts=distinct.size,
        rows=rows.astype(np.int64),
        logged=replace(logged, rewards=reward),
        weights=weight,
        labels=np.full(reward.size, np.nan),
        draws=Draws.of(none),
        drawn=read(np.empty((0, 1)), none, None),
        calibration=None,
        folds=np.zeros(distinct.size, dtype=np.int64),
    )
