"""The labelled doubly robust family as functions of arrays. What each computes stands in `doubly_robust`."""

from __future__ import annotations

from typing import TypedDict, Unpack

import numpy.typing as npt

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.estimators.doubly_robust import (
    dr_cpo_on,
    dr_os_on,
    mrdr_on,
    sndr_on,
    stacked_dr_on,
    switch_dr_on,
    tmle_on,
)
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.inputs import from_arrays


class Options(TypedDict, total=False):
    """What every function here takes besides its arrays.

    folds: (n,) whole numbers, rows of one prompt share one; default five folds by a hash of the prompt id (the row
    number without ids). prompt_ids: (n,), target_prompt_ids: (m,): without them, arrays of equal length are paired by
    position. covariates: (n, k), target_covariates: (m, k): two-stage calibration.
    """

    folds: npt.ArrayLike | None
    prompt_ids: npt.ArrayLike | None
    target_prompt_ids: npt.ArrayLike | None
    covariates: npt.ArrayLike | None
    target_covariates: npt.ArrayLike | None


def dr_cpo(
    *,
    target_scores: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike,
    **options: Unpack[Options],
) -> Estimate:
    """Cross-fitted doubly robust estimate, mean f-(S') + mean w (o/p) (Y - f-(S)): right if the weights or f are.

    target_scores: (m,) judge scores of the target's fresh draws; scores, weights: (n,) of P0's rows; labels: (n,) NaN
    where unlabelled. Options: see `Options`. Raises EstimationError where labels are too few or lie in one fold.
    """
    return dr_cpo_on(from_arrays(target_scores=target_scores, scores=scores, labels=labels, weights=weights, **options))


def sndr(
    *,
    target_scores: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike,
    **options: Unpack[Options],
) -> Estimate:
    """Self-normalised `dr_cpo`: its correction is divided by the mean of w (o/p)."""
    return sndr_on(from_arrays(target_scores=target_scores, scores=scores, labels=labels, weights=weights, **options))


def mrdr(
    *,
    target_scores: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike,
    **options: Unpack[Options],
) -> Estimate:
    """More robust doubly robust: `dr_cpo` with the outcome model that minimises the variance of its correction."""
    return mrdr_on(from_arrays(target_scores=target_scores, scores=scores, labels=labels, weights=weights, **options))


def tmle(
    *,
    target_scores: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike,
    **options: Unpack[Options],
) -> Estimate:
    """Targeted maximum likelihood: the outcome model is tilted until its weighted residuals sum to zero.

    Labels within [0, 1].
    """
    return tmle_on(from_arrays(target_scores=target_scores, scores=scores, labels=labels, weights=weights, **options))


def stacked_dr(
    *,
    target_scores: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike,
    **options: Unpack[Options],
) -> Estimate:
    """Convex combination of dr_cpo, sndr, mrdr and tmle with the smallest variance."""
    return stacked_dr_on(
        from_arrays(target_scores=target_scores, scores=scores, labels=labels, weights=weights, **options)
    )


def switch_dr(
    *,
    target_scores: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike,
    threshold: float | None = None,
    **options: Unpack[Options],
) -> Estimate:
    """`dr_cpo` whose correction leaves out rows with w > threshold (default: smallest estimated squared error)."""
    problem = from_arrays(target_scores=target_scores, scores=scores, labels=labels, weights=weights, **options)
    return switch_dr_on(problem, _positive(threshold))


def dr_os(
    *,
    target_scores: npt.ArrayLike,
    scores: npt.ArrayLike,
    labels: npt.ArrayLike,
    weights: npt.ArrayLike,
    threshold: float | None = None,
    **options: Unpack[Options],
) -> Estimate:
    """`dr_cpo` with weights shrunken to threshold^2 w / (w^2 + threshold^2) (default: smallest estimated squared
    error).
    """
    problem = from_arrays(target_scores=target_scores, scores=scores, labels=labels, weights=weights, **options)
    return dr_os_on(problem, _positive(threshold))


def _positive(threshold: float | None) -> float | None:
    if threshold is not None and not threshold > 0:
        raise EstimationError(f"threshold must be positive, got {threshold}")
    return threshold
