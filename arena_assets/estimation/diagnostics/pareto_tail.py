"""The tail of importance weights: the shape k of the generalised Pareto distribution that fits the largest of them.

Below .5 their variance is finite; from .7 on a mean of weights converges too slowly to be of use (Vehtari, Simpson,
Gelman, Yao & Gabry 2024). The fit is that of Zhang & Stephens 2009, with the prior of the former.
"""

from __future__ import annotations

from math import nan, sqrt

import numpy as np

from arena_assets.estimation._types import Floats

PRIOR_K, PRIOR_ROWS = 0.5, 10  # of k, and the rows that the prior counts as
FEWEST = 5  # exceedances below which there is no tail to fit
_ROUNDING = 1e-9  # of the largest weight: what does not exceed the threshold by it equals it


def pareto_k(weights: Floats) -> float:
    """k of the largest min(n / 5, 3 sqrt n) weights (n,); NaN where fewer than 5 exceed the next one."""
    n = weights.size
    size = int(np.ceil(min(0.2 * n, 3 * sqrt(n))))
    if n == 0 or size + 1 > n:
        return nan
    ordered = np.sort(weights)[::-1]
    excess = (ordered[:size] - ordered[size])[::-1]
    excess = excess[excess > _ROUNDING * ordered[0]]
    return _shape(excess / excess[-1]) if excess.size >= FEWEST else nan


def _shape(excess: Floats) -> float:
    """k of ascending exceedances (m,) above 0: the posterior mean over a grid of the profile likelihood."""
    m = excess.size
    points = 30 + int(sqrt(m))
    quartile = excess[int(m / 4 + 0.5) - 1]
    grid = (1 - np.sqrt(points / (np.arange(1, points + 1) - 0.5))) / (3 * quartile) + 1 / excess[-1]
    shapes = np.log1p(-grid[:, None] * excess).mean(axis=1)
    likelihood = m * (np.log(-grid / shapes) - shapes - 1)
    posterior = np.exp(likelihood - likelihood.max())
    theta = float((grid * posterior).sum() / posterior.sum())
    k = float(np.log1p(-theta * excess).mean())
    return (k * m + PRIOR_K * PRIOR_ROWS) / (m + PRIOR_ROWS)
