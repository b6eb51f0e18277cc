"""The labelled doubly robust family: fresh draws carry the estimate, labelled logged rows correct it by weighted
residuals.

All take f- cross-fitted by prompt. a = w o / p, o marks labelled rows, p is their share.
"""

from __future__ import annotations

import numpy as np
import numpy.typing as npt

from ._types import EstimationError, Floats
from .estimate import Estimate, from_contributions
from .problem import Problem, from_arrays


def label_weights(problem: Problem, weights: Floats) -> Floats:
    """a = w o / p: (n,), zero on unlabelled rows."""
    present = ~np.isnan(problem.labels)
    if present.sum() < 2:
        raise EstimationError(
            f"{int(present.sum())} of the {present.size} logged rows are labelled; the correction needs at least 2"
        )
    return np.where(present, weights / present.mean(), 0.0)


def residuals(problem: Problem, predicted: Floats) -> Floats:
    """Y - f-(S), 0 where unlabelled (such rows have a = 0)."""
    return np.where(np.isnan(problem.labels), 0.0, problem.labels - predicted)


def dr_cpo_on(problem: Problem) -> Estimate:
    """mean f-(S') + mean w (o/p) (Y - f-(S)); contributions are the summands minus the estimate."""
    return corrected(problem, problem.weights)


def corrected(problem: Problem, weights: Floats) -> Estimate:
    """The doubly robust mean with any weights in the correction."""
    plugin = float(problem.draws.share @ problem.draw_rewards_oof)
    each = label_weights(problem, weights) * residuals(problem, problem.rewards_oof)
    correction = float(each.mean())
    phi = problem.spread_draws(problem.draw_rewards_oof - plugin) + problem.spread_rows(each - correction)
    return from_contributions(
        plugin + correction,
        phi,
        n_sampled=max(problem.row_prompts, problem.draw_prompts),
        diagnostics={"plugin": plugin, "correction": correction},
    )


def dr_cpo(
    *,
    target_scores: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike,
    folds: npt.ArrayLike | None = None,
    covariates: npt.ArrayLike | None = None,
    target_covariates: npt.ArrayLike | None = None,
    prompt_ids: npt.ArrayLike | None = None,
    target_prompt_ids: npt.ArrayLike | None = None,
) -> Estimate:
    """Cross-fitted doubly robust estimate, mean f-(S') + mean w (o/p) (Y - f-(S)): right if the weights or f are.

    target_scores: (m,) judge scores of the target's fresh draws; scores, weights: (n,) of P0's rows; labels: (n,) NaN
    where unlabelled; folds: (n,) whole numbers, default 5 folds by a hash of the prompt id (the row number without
    ids); rows of one prompt share a fold. Raises EstimationError where labels are too few or lie in one fold. Dudik
    et al. 2014; Landesberg 2025.
    """
    return dr_cpo_on(
        from_arrays(
            target_scores=target_scores,
            scores=scores,
            labels=labels,
            weights=weights,
            folds=folds,
            covariates=covariates,
            target_covariates=target_covariates,
            prompt_ids=prompt_ids,
            target_prompt_ids=target_prompt_ids,
        )
    )
