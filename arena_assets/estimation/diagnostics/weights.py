"""What raw importance weights say about the overlap of two policies."""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from arena_assets.estimation._types import Floats, Ints
from arena_assets.estimation.data.clusters import mean_error, summed
from arena_assets.estimation.data.weights import ess
from arena_assets.estimation.diagnostics.pareto_tail import pareto_k
from arena_assets.estimation.diagnostics.skewness import skewness

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
    skewness: float  # of the weights, or what their upper quantiles promise
    pareto_k: float  # shape of the tail: from .5 on the variance of the weights is infinite, from 1 on their mean
    affinity: float  # mean sqrt(w / mean w): 1 for identical policies, 0 for disjoint ones
    mean_z: float  # (mean w - 1) / standard error: exact weights have mean one
    clusters: int | None = None  # that the rows are of; None where every prompt stands alone
    cluster_ess: float = nan  # effective number of them, by the sums of their weights

    @property
    def independent(self) -> int:
        """What is drawn independently: clusters, or rows."""
        return self.n if self.clusters is None else self.clusters

    @property
    def independent_ess(self) -> float:
        """The effective number of that."""
        return self.ess if self.clusters is None else self.cluster_ess


def diagnose(weights: Floats, clusters: Ints | None = None) -> WeightDiagnostics:
    """Diagnostics of raw weights (n,), those of 0 included: they count as rows. clusters: (n,) of the rows' prompts.

    Skewness, and the error of the mean weight, are of the sums over clusters; tail and affinity are of the policies,
    and so of rows.
    """
    n = weights.size
    total = float(weights.sum())
    if n == 0 or total == 0:
        return WeightDiagnostics(
            n=n,
            mean=0.0 if n else nan,
            ess=0.0,
            ess_fraction=0.0,
            max_share=nan,
            top5_share=nan,
            skewness=nan,
            pareto_k=nan,
            affinity=0.0,
            mean_z=nan,
            clusters=None if clusters is None else np.unique(clusters).size,
            cluster_ess=0.0,
        )
    ordered = np.sort(weights)[::-1]
    share = ordered / ordered[0]
    share = share / share.sum()
    size, together = ess(weights), summed(weights, clusters)
    top = max(1, int(np.ceil(0.05 * n)))
    mean = total / n
    sd = float(weights.std(ddof=1)) if n > 1 else nan
    error = mean_error(weights, clusters)
    # Weights of a clone are 1 up to rounding; others that are all equal are further from 1 than any error explains.
    spread = error > 0 and sd > ROUNDING * mean
    mean_z = 0.0 if abs(mean - 1) < ROUNDING else (mean - 1) / error if spread else float(np.copysign(np.inf, mean - 1))
    affinity = float(np.sqrt(share).sum() / np.sqrt(n))
    return WeightDiagnostics(
        n=n,
        mean=mean,
        ess=size,
        ess_fraction=size / n,
        max_share=float(share[0]),
        top5_share=float(share[:top].sum()),
        skewness=skewness(together),
        pareto_k=pareto_k(weights),
        affinity=affinity,
        mean_z=float(mean_z),
        clusters=None if clusters is None else together.size,
        cluster_ess=ess(together),
    )
