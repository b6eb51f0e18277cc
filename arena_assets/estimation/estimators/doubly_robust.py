"""The labelled doubly robust family: fresh draws carry the estimate, labelled logged rows correct it by weighted
residuals.

All take f- cross-fitted by prompt. a = w o / p, o marks labelled rows, p is their share. p is estimated by the share
m / n of the data, so the correction is a mean over the m labelled rows, and its contributions are (o/p) (w (Y - f-) -
correction): unlabelled rows add nothing to its error (Hirano, Imbens & Ridder 2003: weighting by the estimated
probability is the efficient one). The form with p known, a (Y - f-) - correction, would add correction^2 (1 - p) / p
to the variance, which is nothing where f- is calibrated and much where the judge is biased. Where weights are
taken off the correction (switch, shrinkage), f's own error no longer cancels there, and the calibration term c with
the mass taken off is added.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

import numpy as np

from arena_assets.estimation._numeric import dot
from arena_assets.estimation._types import EstimationError, Floats
from arena_assets.estimation.estimators import outcome_models
from arena_assets.estimation.estimators.estimate import Estimate, from_contributions
from arena_assets.estimation.estimators.inputs import Problem
from arena_assets.estimation.estimators.stacking import stack

Change = Callable[[Floats, float | Floats], Floats]


def label_weights(problem: Problem, weights: Floats) -> Floats:
    """a = w o / p: (n,), zero on unlabelled rows."""
    require_two(problem)
    return np.where(problem.labelled, weights * (problem.labels.size / problem.n_labelled), 0.0)


def require_two(problem: Problem) -> None:
    """One labelled row, or one labelled prompt, gives a correction without an error."""
    if problem.n_labelled < 2:
        raise EstimationError(
            f"{problem.n_labelled} of the {problem.labels.size} logged rows are labelled;"
            " the correction needs at least 2"
        )
    if problem.labelled_prompts < 2:
        raise EstimationError(
            f"all {problem.n_labelled} labels are of one prompt; the correction needs labels of at least 2 prompts"
        )


def residuals(problem: Problem, predicted: Floats) -> Floats:
    """Y - f-(S), 0 where unlabelled (such rows have a = 0)."""
    return np.where(problem.labelled, problem.labels - predicted, 0.0)


def mean_over_labels(problem: Problem, summands: Floats) -> tuple[float, Floats]:
    """Mean of `summands` a (Y - f-) (n,), and the contributions (n,) of its rows: 0 where unlabelled."""
    mean = float(summands.mean())
    return mean, np.where(problem.labelled, summands - mean * problem.labels.size / problem.n_labelled, 0.0)


def _combine(
    problem: Problem,
    draw_rewards: Floats,
    summands: Floats,
    correction: float,
    *,
    q: Floats | None = None,
    bias: float = 0.0,
    diagnostics: dict[str, float] | None = None,
) -> Estimate:
    """plugin + correction; `summands` are the correction's row contributions with mean `correction` taken off."""
    plugin = dot(problem.draws.share, draw_rewards)
    sampled = max(problem.row_prompts, problem.draw_prompts)
    corrected = problem.spread_rows(summands) * _small_sample(problem.labelled_prompts, sampled)
    phi = problem.spread_draws(draw_rewards - plugin) + corrected
    phi = phi + problem.calibration_term(q)
    other = problem.other_errors(q)
    if bias:
        other = np.append(np.empty(0) if other is None else other, bias)
    return from_contributions(
        plugin + correction,
        phi,
        n_sampled=sampled,
        other_errors=other,
        diagnostics={"plugin": plugin, "correction": correction, **(diagnostics or {})},
    )


def _small_sample(labelled: int, sampled: int) -> float:
    """Residuals of m labelled prompts lose a degree of freedom to their own mean: variance times m / (m - 1).

    `Estimate` multiplies by k / (k - 1) of the k sampled prompts, which is taken back.
    """
    return float(np.sqrt(labelled / (labelled - 1) * (sampled - 1) / sampled))


def dr_cpo_on(problem: Problem) -> Estimate:
    """mean f-(S') + mean w (o/p) (Y - f-(S)) (Dudik et al. 2014; Landesberg 2025)."""
    each = label_weights(problem, problem.weights) * residuals(problem, problem.logged.rewards_oof)
    correction, summands = mean_over_labels(problem, each)
    return _combine(problem, problem.drawn.rewards_oof, summands, correction)


def sndr_on(problem: Problem) -> Estimate:
    """dr_cpo with its correction divided by mean w (o/p): bounded by the residuals whatever the weights."""
    a = label_weights(problem, problem.weights)
    share = _normalised(a, "sndr")
    each = residuals(problem, problem.logged.rewards_oof)
    correction = dot(share, each)
    return _combine(problem, problem.drawn.rewards_oof, a.size * share * (each - correction), correction)


def mrdr_on(problem: Problem) -> Estimate:
    """dr_cpo with the outcome model fitted with weights w^2 (Farajtabar et al. 2018)."""
    rows, draws = outcome_models.variance_minimising(problem)
    each = label_weights(problem, problem.weights) * residuals(problem, rows)
    correction, summands = mean_over_labels(problem, each)
    return _combine(problem, draws, summands, correction)


def tmle_on(problem: Problem) -> Estimate:
    """mean Q*(S'), the outcome model tilted until its weighted residuals vanish (van der Laan & Rubin 2006)."""
    a = label_weights(problem, problem.weights)
    rows, draws, eps = outcome_models.tilted(problem, a)
    each = a.size * _normalised(a, "tmle") * residuals(problem, rows)
    return _combine(problem, draws, each - each.mean(), 0.0, diagnostics={"eps": eps})


def switch_dr_on(problem: Problem, threshold: float | None = None) -> Estimate:
    """dr_cpo with w 1{w <= threshold}: beyond it the plug-in is trusted alone (Wang et al. 2017)."""
    return _changed(problem, lambda w, limit: np.where(w <= limit, w, 0.0), threshold)


def dr_os_on(problem: Problem, threshold: float | None = None) -> Estimate:
    """dr_cpo with lambda w / (w^2 + lambda), lambda = threshold^2: optimistic shrinkage (Su et al. 2020)."""
    return _changed(problem, lambda w, limit: w / (1 + (w / limit) ** 2), threshold)


def stacked_dr_on(problem: Problem, made: Mapping[str, Estimate] | None = None) -> Estimate:
    """Smallest-variance convex combination of `STACKED`; `made` holds parts that already exist."""
    known = made or {}
    parts = {name: known[name] if name in known else estimate(problem) for name, estimate in STACKED.items()}
    return stack(list(parts.values()), list(parts))


STACKED: Mapping[str, Callable[[Problem], Estimate]] = {
    "dr_cpo": dr_cpo_on,
    "sndr": sndr_on,
    "mrdr": mrdr_on,
    "tmle": tmle_on,
}


def _normalised(a: Floats, name: str) -> Floats:
    total = float(a.sum())
    if total == 0:
        raise EstimationError(f"{name}: all labelled rows have weight zero")
    return a / total


def _changed(problem: Problem, change: Change, threshold: float | None) -> Estimate:
    limit = _threshold(problem, change) if threshold is None else threshold
    full, a = (label_weights(problem, w) for w in (problem.weights, change(problem.weights, limit)))
    residual = residuals(problem, problem.logged.rewards_oof)
    correction, summands = mean_over_labels(problem, a * residual)
    # What the threshold takes off the correction is bias as far as anyone can tell, known no better than its own
    # standard error: both count as error.
    taken = (full - a) / a.size
    lost, error, q = 0.0, 0.0, None
    if taken.any():
        lost, error = -dot(taken, residual), problem.residual_error(taken)
        # f's error cancels where fresh draws and correction carry the same mass: all but what was taken off.
        q = problem.row_mass(taken)
    return _combine(
        problem,
        problem.drawn.rewards_oof,
        summands,
        correction,
        q=q,
        bias=float(np.hypot(lost, error)),
        diagnostics={"threshold": limit, "kept_mass": float(a.sum() / full.sum()) if full.any() else 0.0, "lost": lost},
    )


def _threshold(problem: Problem, change: Change) -> float:
    """The candidate with the smallest estimated squared error: variance, plus the square of an upper bound of the bias.

    The bias is what the candidate takes off the correction; the bound adds its standard error, as Su et al. 2020 choose
    with an upper bound: the rows that would show the bias are the ones left out, and of many candidates the one whose
    loss looks small by luck would be chosen.
    """
    require_two(problem)
    labelled, count = problem.labelled, problem.n_labelled
    w = problem.weights[labelled]
    each = problem.labels[labelled] - problem.logged.rewards_oof[labelled]
    limits = problem.thresholds
    if limits.size == 0:
        raise EstimationError("all labelled rows have weight zero")
    terms = change(w, limits[:, None]) * each
    lost = terms - w * each
    bound = np.abs(lost.mean(axis=1)) + np.sqrt(lost.var(axis=1) / count)
    risk = terms.var(axis=1) / count + bound**2
    return float(limits[int(risk.argmin())])
