"""Importance weights of logged rows: from log-probabilities to log ratios, weights, and their effective sample size."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np

from arena_assets.estimation._numeric import dot
from arena_assets.estimation._types import Bools, Floats

# A cap of the log weight, nats: the fourth power of a larger weight is infinite in float64. A sample that holds such a
# weight has an effective size of one or two whatever its exact value, and is refused.
MAX_LOG_WEIGHT = 160.0
ROUNDING = 1e-9  # nats: a log-probability is at most 0, up to rounding


def target_logprobs(rows: Sequence[Any], policy: str) -> Floats:
    """(n,) log pi'(A|X) of one policy, NaN where null or absent.

    rows: (n,) `target_logps`, each a mapping policy -> log-probability, a list of such pairs (as Parquet gives a map
    back), or null.
    """
    named = [row if isinstance(row, Mapping) else dict(row) if isinstance(row, list) else {} for row in rows]
    given = [row.get(policy) for row in named]
    return np.array([np.nan if value is None else float(value) for value in given], dtype=np.float64)


def impossible(target: Floats, base: Floats) -> Bools:
    """(n,) where one of the two log-probabilities is above 0."""
    return (target > ROUNDING) | (base > ROUNDING)


def log_ratios(target: Floats, base: Floats) -> Floats:
    """(n,) log pi'(A|X) - log pi0(A|X), nats.

    Minus infinity where the target cannot give A: a weight of 0. NaN where one is missing or above 0, or where P0's own
    is infinite: it did give A.
    """
    usable = np.isfinite(base) & ~np.isnan(target) & ~impossible(target, base)
    with np.errstate(invalid="ignore"):
        return np.where(usable, target - base, np.nan)


def from_log(log_weights: Floats) -> Floats:
    """w = exp(log ratio), at most exp(160), and 0 below exp(-160)."""
    return np.where(log_weights < -MAX_LOG_WEIGHT, 0.0, np.exp(np.minimum(log_weights, MAX_LOG_WEIGHT)))


def ess(weights: Floats) -> float:
    """Effective sample size (sum w)^2 / sum w^2 (Kish 1965); 0 where all weights are 0.

    Scaled by the largest weight first, so nothing overflows.
    """
    top = float(weights.max(initial=0.0))
    if top == 0:
        return 0.0
    scaled = weights / top
    return float(scaled.sum() ** 2 / dot(scaled, scaled))
