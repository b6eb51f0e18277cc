"""SIMCal: importance weights projected on monotone functions of the judge score (Landesberg 2025, arXiv 2512.11150).

For a reward that is a function of the score, E[w f(S)] = E[E[w | S] f(S)], so only w's mean given the score matters.
One direction is chosen, the one that fits w better: a mix of both that minimises variance flattens all signal away.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np

from arena_assets.estimation._numeric import sums, tally
from arena_assets.estimation._types import Floats, Ints
from arena_assets.estimation.calibration import isotonic

ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Projection:
    """w^ with mean one, its blocks, and `strength`: 1, or less where the variance cap blended w^ toward one."""

    weights: Floats
    block: Ints
    increasing: bool
    strength: float

    def block_means(self, values: Floats) -> Floats:
        """Mean of `values` over each row's block."""
        return (sums(self.block, values) / tally(self.block))[self.block]


def project(scores: Floats, weights: Floats, *, variance_cap: float = 1.0) -> Projection:
    """Project w / mean w on increasing or decreasing step functions of the score, whichever lies closer to w.

    `variance_cap` rho bounds var(w^) by rho var(w): beyond it w^ is blended toward one.
    """
    relative = weights / weights.mean()
    bins, position = np.unique(scores, return_inverse=True)
    totals = sums(position, relative)
    counts = tally(position)
    curves = [isotonic.fit_bins(bins, totals, counts, increasing=up) for up in (True, False)]
    blocks = [curve.block_of(bins)[position] for curve in curves]
    spread = [float(np.var(curve.values[block])) for curve, block in zip(curves, blocks, strict=True)]
    # Both projections have mean one, so the one that explains more of w is the one with more variance.
    # A tie goes to increasing, whatever rounding makes of it.
    best = int(spread[1] > spread[0] * (1 + ROUNDING) + ROUNDING)
    raw = float(np.var(relative))
    strength = (
        1.0
        if spread[best] <= variance_cap * raw or spread[best] == 0
        else float(np.sqrt(variance_cap * raw / spread[best]))
    )
    projected = 1 + strength * (curves[best].values[blocks[best]] - 1)
    return Projection(projected, blocks[best], best == 0, strength)


@dataclass(frozen=True, eq=False)
class RawWeights:
    """Raw weights (n,) of one target beside the judge scores (n,) of the same logged rows.

    All calibrations and methods that use these rows share them, so they are projected once.
    """

    scores: Floats
    values: Floats

    @cached_property
    def projection(self) -> Projection:
        """The SIMCal weights."""
        return project(self.scores, self.values)
