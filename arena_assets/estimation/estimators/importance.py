"""Importance weighting on P0's rows alone: IPS, clipped IPS, self-normalised IPS, and SNIPS with calibrated weights.

Each needs overlap and exact log-probabilities. R is the judge score, or f(S) where rewards are calibrated; then the
calibration term c with mass q_B = sum of the used weights in block B (divided by n, or by their sum where
self-normalised) is added.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from types import MappingProxyType

import numpy as np

from arena_assets.estimation._numeric import dot
from arena_assets.estimation._types import Floats
from arena_assets.estimation.data.weights import ess
from arena_assets.estimation.estimators import arrays
from arena_assets.estimation.estimators.estimate import Estimate, from_contributions
from arena_assets.estimation.estimators.inputs import Inputs
from arena_assets.estimation.estimators.registry import WEIGHTED, Assumes, Takes, estimator

__all__ = ["calibrated_ips", "clipped_ips", "ips", "snips"]

RAW = Takes(("none",), "projected weights have mean one, so it would be calibrated_ips again")


def clip_threshold(n: int) -> float:
    """Default M of clipped_ips: sqrt(n), which lets bias and variance vanish together (Ionides 2008)."""
    return float(np.sqrt(n))


@estimator(
    "IPS",
    "mean of weight times reward over the logged rows",
    family=WEIGHTED,
    assumes=Assumes.BOTH,
    arrays=arrays.logged_rows,
    weight=RAW,
    basic=True,
)
def ips(inputs: Inputs) -> Estimate:
    """mean wR; contributions wR - est + c (Horvitz-Thompson)."""
    weighted = inputs.weights * inputs.logged.rewards
    value = float(weighted.mean())
    return _over_rows(inputs, value, weighted - value, inputs.weights / inputs.rows.size)


@estimator(
    "Clipped IPS",
    "IPS with weights cut at the root of the number of rows",
    family=WEIGHTED,
    assumes=Assumes.BOTH,
    arrays=arrays.clipped_rows,
    weight=RAW,
    basic=True,
)
def clipped_ips(inputs: Inputs) -> Estimate:
    """mean min(w, M) R.

    Its bias, -mean (w - M)+ R, is reported as `clipping_bias`, the weight it drops as `clipped_mass`.
    """
    limit = clip_threshold(inputs.rows.size) if inputs.limit is None else inputs.limit
    clipped = np.minimum(inputs.weights, limit)
    excess = inputs.weights - clipped
    diagnostics = {
        "max_weight": limit,
        "clipped_rows": float((excess > 0).sum()),
        "clipped_mass": float(excess.sum() / inputs.weights.sum()),
        "clipping_bias": -float((excess * inputs.logged.rewards).mean()),
    }
    return replace(ips.on(inputs.with_weights(clipped)), diagnostics=MappingProxyType(diagnostics))


@estimator(
    "SNIPS",
    "IPS divided by the mean weight, within the range of the rewards",
    family=WEIGHTED,
    assumes=Assumes.BOTH,
    arrays=arrays.logged_rows,
    weight=RAW,
    basic=True,
    lead=True,
)
def snips(inputs: Inputs) -> Estimate:
    """sum wR / sum w; contributions w (R - est) / mean w + c (Swaminathan & Joachims 2015)."""
    share = inputs.weights / inputs.weights.sum()
    value = dot(share, inputs.logged.rewards)
    return _over_rows(inputs, value, inputs.rows.size * share * (inputs.logged.rewards - value), share)


@estimator(
    "Calibrated IPS",
    "SNIPS with weights projected on monotone functions of the score",
    family=WEIGHTED,
    assumes=Assumes.BOTH,
    arrays=arrays.scored_rows,
    weight=Takes(("simcal",), "calibrated_ips is SNIPS with SIMCal weights; without them it is snips"),
    lead=True,
    variant_of="snips",
)
def calibrated_ips(inputs: Inputs) -> Estimate:
    """SNIPS with weights projected on monotone functions of the score (SIMCal, Landesberg 2025).

    Block averages of w are estimates themselves, so the contributions are those of the product of block means:
    w^ (R - R_B) + w (R_B - est), R_B the mean reward of the row's weight block; with w^ alone the error would look far
    too small.
    """
    projection = inputs.raw.projection
    share = projection.weights / projection.weights.sum()
    value = dot(share, inputs.logged.rewards)
    block_mean = projection.block_means(inputs.logged.rewards)
    raw = inputs.raw.values / inputs.raw.values.mean()
    centred = projection.weights * (inputs.logged.rewards - block_mean)
    centred += (projection.strength * raw + (1 - projection.strength)) * (block_mean - value)
    return _over_rows(
        inputs,
        value,
        centred,
        share,
        diagnostics={"ess_projected": ess(projection.weights), "direction": 1.0 if projection.increasing else -1.0},
    )


def _over_rows(
    inputs: Inputs, value: float, centred: Floats, share: Floats, *, diagnostics: Mapping[str, float] | None = None
) -> Estimate:
    """With contributions `centred` (n,) + c, the calibration being read with the mass of `share` (n,)."""
    mass = inputs.row_mass(share)
    phi = inputs.spread_rows(centred) + inputs.calibration_term(mass)
    return from_contributions(
        value,
        phi,
        n_sampled=inputs.row_clusters,
        shared_errors=inputs.other_errors(mass),
        diagnostics=diagnostics,
    )
