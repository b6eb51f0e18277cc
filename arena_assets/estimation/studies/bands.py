"""Monte Carlo error of the grid's figures: 95% bands over repetitions that may share prompts."""

from __future__ import annotations

from math import nan, sqrt

import numpy as np
from scipy.stats import beta

from arena_assets.estimation._types import Floats
from arena_assets.estimation.estimators.estimate import critical_value

LEVEL = 0.95


def independent(repetitions: int, share: float) -> float:
    """How many independent repetitions so many subsets are worth that each hold this share of the prompts.

    Subsets are disjoint as long as there are prompts for it; no more than all prompts can speak.
    """
    return min(float(repetitions), 1 / share)


def share_band(share: float, trials: float) -> tuple[float, float]:
    """Clopper-Pearson bounds of a share over `trials` independent repetitions: never without width."""
    hits, tail = share * trials, (1 - LEVEL) / 2
    low = float(beta.ppf(tail, hits, trials - hits + 1)) if hits > 0 else 0.0
    high = float(beta.ppf(1 - tail, hits + 1, trials - hits)) if hits < trials else 1.0
    return min(low, share), max(high, share)


def mean_half_width(values: Floats, share: float) -> float:
    """Half the band of a mean over subsets that each hold `share` of the prompts; NaN below two independent ones.

    Subsets that overlap differ less than independent ones would: their variance is 1 - share of that of these.
    """
    worth = independent(values.size, share)
    if worth < 2:
        return nan
    overlap = share if values.size > worth else 0.0
    error = float(values.std(ddof=1)) / sqrt((1 - overlap) * worth)
    return critical_value(LEVEL, worth - 1) * error


def root_mean_square(values: Floats) -> float:
    """Of the roots of mean squares: pooled over repetitions."""
    return float(np.sqrt(np.mean(values**2)))
