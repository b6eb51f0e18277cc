"""Direct methods: the mean of (calibrated) judge scores over the target's own fresh draws. They use no weights.

`direct` holds if labels are at random and calibration transports: E[Y | S] under the target equals f(S). `direct_own`
uses labels of the target itself and holds whatever f is.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from arena_assets.estimation._numeric import dot, sums, tally
from arena_assets.estimation._types import EstimationError, Floats
from arena_assets.estimation.data import validate as _validate
from arena_assets.estimation.estimators.estimate import Estimate, from_contributions
from arena_assets.estimation.estimators.inputs import Problem, from_arrays


def naive_direct_on(problem: Problem) -> Estimate:
    """mean S'; contributions S' - est."""
    scores = problem.drawn.features[:, 0]
    value = dot(problem.draws.share, scores)
    phi = problem.spread_draws(scores - value)
    return from_contributions(value, phi, n_sampled=problem.draw_prompts)


def direct_on(problem: Problem) -> Estimate:
    """mean f(S'); contributions f(S') - est + c, t with Welch-Satterthwaite degrees of freedom ("IF+WS")."""
    if problem.draw_prompts < 2:
        raise EstimationError("fresh draws of one prompt give no standard error; draws of at least two are needed")
    value = dot(problem.draws.share, problem.drawn.rewards)
    drawn = problem.spread_draws(problem.drawn.rewards - value)
    q = problem.draw_mass()
    phi = drawn + problem.calibration_term(q)
    if problem.calibration is None or q is None:
        return from_contributions(value, phi, n_sampled=problem.draw_prompts)
    draw_df = problem.draw_prompts - 1.0
    sampling = dot(drawn, drawn) * (1 + 1 / draw_df) / problem.n_prompts**2
    added, denominator = problem.calibration.variance(q)
    total = sampling + added
    denominator += sampling**2 / draw_df
    df = total * total / denominator if denominator > 0 else draw_df
    return from_contributions(
        value,
        phi,
        n_sampled=problem.draw_prompts,
        df=max(1.0, df),
        other_errors=problem.other_errors(q),
        diagnostics={"calibration_share": added / total if total > 0 else 0.0},
    )


def direct_own_on(problem: Problem, target_labels: Floats) -> Estimate:
    """mean lambda f(S') + mean over own labels of (Y' - lambda f(S')); lambda minimises the variance (PPI++)."""
    present = ~np.isnan(target_labels)
    own, count = int(present.sum()), present.size
    if own < 2:
        raise EstimationError(f"target_labels: {own} of {count} fresh draws are labelled, at least 2 are needed")
    f, share = problem.drawn.rewards, problem.draws.share
    y = target_labels[present]
    unlabelled = count - own
    own_prompts = int(np.unique(problem.draws.prompts[present]).size)
    spread = float(np.var(f, ddof=1))
    shared = float(np.mean((y - y.mean()) * (f[present] - f[present].mean())))
    # Angelopoulos et al. 2023, clipped as there: between no use of f and full use of it.
    tuned = float(np.clip(shared / spread, 0.0, count / unlabelled)) if spread > 0 and unlabelled > 0 else 0.0
    own_share = share * present / float(share[present].sum())
    filled = np.where(present, target_labels, 0.0)
    residual = np.where(present, filled - tuned * f, 0.0)
    plain, corrected = dot(share, f) * tuned, dot(own_share, residual)
    each = share * tuned * f - share * plain + own_share * np.where(present, residual - corrected, 0.0)
    phi = sums(problem.draws.prompts, each, problem.n_prompts) * problem.n_prompts
    return from_contributions(
        plain + corrected, phi, n_sampled=own_prompts, diagnostics={"lambda": tuned, "own_labels": float(own)}
    )


def naive_direct(*, scores: npt.ArrayLike, prompt_ids: npt.ArrayLike | None = None) -> Estimate:
    """Mean judge score of the target's fresh draws; unbiased only if the judge is.

    scores: (m,) judge scores of the target's own responses. Draws of one prompt (equal ids) are averaged first.
    """
    array = _validate.vector("scores", scores)
    _validate.two_rows("scores", array.size)
    ids = _validate.codes(prompt_ids, length=array.size, name="prompt_ids")
    distinct, code = np.unique(ids.astype(str), return_inverse=True)
    _validate.two_rows("scores (prompts)", distinct.size)
    each = sums(code, array) / tally(code)
    value = float(each.mean())
    return from_contributions(value, each - value, n_sampled=distinct.size)


def direct(
    *,
    target_scores: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    covariates: npt.ArrayLike | None = None,
    target_covariates: npt.ArrayLike | None = None,
    prompt_ids: npt.ArrayLike | None = None,
    target_prompt_ids: npt.ArrayLike | None = None,
) -> Estimate:
    """Mean calibrated score of the target's fresh draws (Landesberg 2025, arXiv 2512.11150).

    target_scores: (m,) judge scores of the target's responses; scores: (n,) of P0's; labels: (n,) P0's oracle labels,
    NaN where unlabelled; covariates: (n, k) and (m, k) make the calibration two-stage. Without ids, arrays of equal
    length are paired by position. V = var(f(S')) / n + sum_B q_B^2 s_B^2 / m_B over the calibration's blocks B.
    Raises EstimationError without two labels on two different scores.
    """
    problem = from_arrays(
        target_scores=target_scores,
        scores=scores,
        labels=labels,
        covariates=covariates,
        target_covariates=target_covariates,
        prompt_ids=prompt_ids,
        target_prompt_ids=target_prompt_ids,
        cross_fit=False,
    )
    return direct_on(problem)


def direct_own(
    *,
    target_scores: npt.ArrayLike,
    target_labels: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    prompt_ids: npt.ArrayLike | None = None,
    target_prompt_ids: npt.ArrayLike | None = None,
) -> Estimate:
    """Power-tuned prediction-powered mean on the target's own labels (AIPW / PPI++, Angelopoulos et al. 2023).

    target_labels: (m,) oracle labels of the target's responses, NaN where unlabelled; the rest as in `direct`. f
    comes from P0's labels, so it is fixed given them; whatever it is, the estimate is unbiased.
    """
    problem = from_arrays(
        target_scores=target_scores,
        scores=scores,
        labels=labels,
        prompt_ids=prompt_ids,
        target_prompt_ids=target_prompt_ids,
        cross_fit=False,
    )
    own = _validate.vector("target_labels", target_labels, length=problem.draws.share.size, allow_nan=True)
    return direct_own_on(problem, own)
