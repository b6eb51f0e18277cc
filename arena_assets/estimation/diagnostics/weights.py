"""What raw importance weights say about the overlap of two policies."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena_assets.estimation._types import Floats
from arena_assets.estimation.data.weights import ess

ROUNDING = 1e-9  # of a mean of weights


@dataclass(frozen=True)
class WeightDiagnostics:
    """Overlap seen in raw weights (never in calibrated ones)."""

    n: int
    mean: float
    ess: float
    ess_fraction: float
    max_share: float
    top5_share: float
    hill: float  # tail index; below 2 the variance of the weights is infinite, below 1 their mean
    affinity: float  # mean sqrt(w / mean w): 1 for identical policies, 0 for disjoint ones
    mean_z: float  # (mean w - 1) / standard error: exact weights have mean one


def diagnose(weights: Floats) -> WeightDiagnostics:
    """Diagnostics of raw weights (n,), those of 0 included: they count as rows, and no tail index can rest on them.

    Hill: k / sum log(w_(i) / w_(k+1)) over the k = 5% largest (at least 5, and fewer than there are weights above 0).
    """
    n = weights.size
    total = float(weights.sum())
    if n == 0 or total == 0:
        nan = float("nan")
        return WeightDiagnostics(
            n=n,
            mean=0.0 if n else nan,
            ess=0.0,
            ess_fraction=0.0,
            max_share=nan,
            top5_share=nan,
            hill=nan,
            affinity=0.0,
            mean_z=nan,
        )
    ordered = np.sort(weights)[::-1]
    share = ordered / ordered[0]
    share = share / share.sum()
    size = ess(weights)
    top = max(1, int(np.ceil(0.05 * n)))
    k = min(max(top, 5), int(np.count_nonzero(weights)) - 1)
    hill = float("inf")
    if k >= 1:
        excess = float((np.log(ordered[:k]) - np.log(ordered[k])).sum())
        hill = k / excess if excess > 0 else float("inf")
    mean = total / n
    sd = float(weights.std(ddof=1)) if n > 1 else float("nan")
    error = sd / np.sqrt(n)
    # Weights of a clone are 1 up to rounding; others that are all equal are further from 1 than any error explains.
    spread = not np.isnan(error) and sd > ROUNDING * mean
    mean_z = 0.0 if abs(mean - 1) < ROUNDING else (mean - 1) / error if spread else float(np.copysign(np.inf, mean - 1))
    affinity = float(np.sqrt(share).sum() / np.sqrt(n))
    return WeightDiagnostics(
        n=n,
        mean=mean,
        ess=size,
        ess_fraction=size / n,
        max_share=float(share[0]),
        top5_share=float(share[:top].sum()),
        hill=hill,
        affinity=affinity,
        mean_z=float(mean_z),
    )
