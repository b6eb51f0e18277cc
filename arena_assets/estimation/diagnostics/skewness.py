"""Skewness of importance weights: how many rows a mean of them takes to be normal.

Where a sample happens to miss the heaviest weights, its standard error is too small, its degrees of freedom look ample
and its own skewness is small, too. So the skewness that the upper quantiles promise is asked as well: they are there in
every sample.
"""

from __future__ import annotations

from math import exp, inf, sqrt

import numpy as np
from scipy.special import ndtri

from arena_assets.estimation._types import Floats

UPPER = (0.8, 0.975)  # quantiles whose distance gives the spread of log w; the lower tail says nothing of a mean
_LARGEST_LOG_VARIANCE = 50.0
_ROUNDING = 1e-9
_LARGEST_SHOWN = 100.0  # a skewness beyond it is that of no mean anybody could take, and its digits say nothing


def skewness(weights: Floats) -> float:
    """The larger of the weights' own (n,) and that of the lognormal distribution with their upper quantiles."""
    relative = weights / weights.mean()
    spread = float(relative.std())
    if spread <= _ROUNDING:
        return 0.0
    own = float(np.mean((relative - 1) ** 3)) / spread**3
    low, high = np.quantile(relative, UPPER)
    if low <= 0:
        return inf
    variance = (np.log(high / low) / float(ndtri(UPPER[1]) - ndtri(UPPER[0]))) ** 2
    growth = exp(min(float(variance), _LARGEST_LOG_VARIANCE))
    return max(own, (growth + 2) * sqrt(growth - 1))


def in_words(value: float) -> str:
    """A skewness for people."""
    return f"{value:.1f}" if value <= _LARGEST_SHOWN else f"above {_LARGEST_SHOWN:.0f}"
