"""The labelled doubly robust family: fresh draws carry the estimate, labelled logged rows correct it by weighted
residuals.

All take f- cross-fitted by prompt. a = w o / p, o marks labelled rows, p is their share: see `correction`.
"""

from __future__ import annotations

import numpy as np

from arena_assets.estimation._numeric import dot
from arena_assets.estimation.estimators import arrays, outcome_models
from arena_assets.estimation.estimators.correction import (
    combine,
    label_weights,
    mean_over_labels,
    normalised,
    residuals,
)
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.inputs import Inputs
from arena_assets.estimation.estimators.registry import DOUBLY_ROBUST, ESTIMATORS, Assumes, Takes, estimator
from arena_assets.estimation.estimators.stacking import stack
from arena_assets.estimation.estimators.weight_limits import limited

__all__ = ["dr_cpo", "dr_os", "mrdr", "sndr", "stacked_dr", "switch_dr", "tmle"]

LABEL_FITTED = Takes(
    ("monotone", "two_stage"), "it fits its outcome model to the labels, so rewards cannot stay uncalibrated"
)


@estimator(
    "DR-CPO",
    "mean cross-fitted score of the fresh draws, plus the mean weighted residual of the labels",
    family=DOUBLY_ROBUST,
    assumes=Assumes.EITHER,
    arrays=arrays.corrected,
    stacked=True,
    basic=True,
    lead=True,
)
def dr_cpo(inputs: Inputs) -> Estimate:
    """mean f-(S') + mean w (o/p) (Y - f-(S)) (Dudik et al. 2014; Landesberg 2025)."""
    each = label_weights(inputs, inputs.weights) * residuals(inputs, inputs.logged.rewards_oof)
    correction, summands = mean_over_labels(inputs, each)
    return combine(inputs, inputs.drawn.rewards_oof, summands, correction)


@estimator(
    "SNDR",
    "DR-CPO with its correction divided by the mean weight",
    family=DOUBLY_ROBUST,
    assumes=Assumes.EITHER,
    arrays=arrays.corrected,
    stacked=True,
)
def sndr(inputs: Inputs) -> Estimate:
    """dr_cpo with its correction divided by mean w (o/p): bounded by the residuals whatever the weights."""
    a = label_weights(inputs, inputs.weights)
    share = normalised(a, sndr.name)
    each = residuals(inputs, inputs.logged.rewards_oof)
    correction = dot(share, each)
    return combine(inputs, inputs.drawn.rewards_oof, a.size * share * (each - correction), correction)


@estimator(
    "Switch-DR",
    "DR-CPO whose correction leaves out rows with a weight beyond a threshold",
    family=DOUBLY_ROBUST,
    assumes=Assumes.LITTLE,
    arrays=arrays.corrected_to_threshold,
)
def switch_dr(inputs: Inputs) -> Estimate:
    """dr_cpo with w 1{w <= threshold}: beyond it the plug-in is trusted alone (Wang et al. 2017)."""
    return limited(inputs, lambda w, limit: np.where(w <= limit, w, 0.0))


@estimator(
    "DRos",
    "DR-CPO with weights shrunken smoothly towards zero beyond a threshold",
    family=DOUBLY_ROBUST,
    assumes=Assumes.LITTLE,
    arrays=arrays.corrected_to_threshold,
    reward=Takes(
        ("monotone", "two_stage"),
        "shrunken weights leave part of the judge's own bias in (simulated coverage .84 to .93 instead of .95)",
    ),
)
def dr_os(inputs: Inputs) -> Estimate:
    """dr_cpo with lambda w / (w^2 + lambda), lambda = threshold^2: optimistic shrinkage (Su et al. 2020)."""
    return limited(inputs, lambda w, limit: w / (1 + (w / limit) ** 2))


@estimator(
    "MRDR",
    "DR-CPO with the outcome model that minimises the variance of its correction",
    family=DOUBLY_ROBUST,
    assumes=Assumes.EITHER,
    arrays=arrays.corrected,
    reward=LABEL_FITTED,
    stacked=True,
)
def mrdr(inputs: Inputs) -> Estimate:
    """dr_cpo with the outcome model fitted with weights w^2 (Farajtabar et al. 2018)."""
    rows, draws = outcome_models.variance_minimising(inputs, mrdr.name)
    each = label_weights(inputs, inputs.weights) * residuals(inputs, rows)
    correction, summands = mean_over_labels(inputs, each)
    return combine(inputs, draws, summands, correction)


@estimator(
    "TMLE",
    "mean outcome model, tilted until its weighted residuals vanish",
    family=DOUBLY_ROBUST,
    assumes=Assumes.EITHER,
    arrays=arrays.corrected,
    stacked=True,
)
def tmle(inputs: Inputs) -> Estimate:
    """mean Q*(S'), the outcome model tilted until its weighted residuals vanish (van der Laan & Rubin 2006)."""
    a = label_weights(inputs, inputs.weights)
    rows, draws, eps = outcome_models.tilted(inputs, a, tmle.name)
    each = a.size * normalised(a, tmle.name) * residuals(inputs, rows)
    return combine(inputs, draws, each - each.mean(), 0.0, diagnostics={"eps": eps})


@estimator(
    "Stacked DR",
    "the mix of the doubly robust estimates with the smallest variance",
    family=DOUBLY_ROBUST,
    assumes=Assumes.EITHER,
    arrays=arrays.corrected,
    reward=LABEL_FITTED,
    lead=True,
)
def stacked_dr(inputs: Inputs) -> Estimate:
    """Smallest-variance convex combination of the estimators whose entry says `stacked`."""
    parts = {name: one.on(inputs) for name, one in ESTIMATORS.items() if one.stacked}
    return stack(list(parts.values()), list(parts))
