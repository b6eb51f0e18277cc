"""Does E[Y | S] carry over to a target? The test on P0's labels: weighted out-of-fold residuals have mean zero if so.

The residuals' mean is also what the doubly robust correction adds to the direct estimate, so this is a test of
Hausman (1978): an estimate that is efficient under transport against one that needs none.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena_assets.estimation._numeric import dot, tally
from arena_assets.estimation._types import Bools, Floats, Ints
from arena_assets.estimation.calibration.cross_fit import CrossFit
from arena_assets.estimation.calibration.isotonic import Split
from arena_assets.estimation.data.clusters import summed


@dataclass(frozen=True, eq=False)
class _Fold:
    """One fold's labels, and the block averages of the other folds' labels that they are compared with."""

    own: Bools  # (m,) the labels of this fold
    split: Split  # how these read the fold's curve
    others: Ints  # positions of the labels that made the curve
    block: Ints  # block of each of these
    counts: Floats  # labels in each block


class OutOfFold:
    """Residuals r = Y - f-(S) of a calibration's m labels, and how the labels enter them.

    f- is a block average of labels, so for given blocks a weighted sum of residuals is linear in the labels: sum_i
    v_i r_i = sum_j d_j Y_j, d = v minus the mass that v puts on the curves, spread over the labels that made them.
    """

    def __init__(
        self, prepared: Floats, labels: Floats, folds: Ints, outside: CrossFit, clusters: Ints | None = None
    ) -> None:
        """prepared: (m, p) the labelled rows; labels, folds, clusters: (m,); outside: the f- that they made."""
        position = outside.positions(prepared, folds)
        self.labels = labels
        self.residuals = labels - outside.read(position, folds, outside.curves)
        self._clusters = clusters
        self._folds = []
        for fold, model in enumerate(outside.models):
            own = folds == fold
            if not own.any():
                continue
            others = np.flatnonzero(~own)
            block = model.curve.block_of(model.position(prepared[others]))
            split = model.curve.split(position[own])
            self._folds.append(_Fold(own, split, others, block, tally(block, model.curve.values.size)))

    def coefficients(self, shares: Floats) -> Floats:
        """d (m,) for shares v (m,); sums to zero."""
        found = shares.copy()
        for fold in self._folds:
            mass = fold.split.mass(shares[fold.own], fold.counts.size)
            found[fold.others] -= (mass / fold.counts)[fold.block]
        return found

    def error(self, shares: Floats) -> float:
        """Standard error of sum v r for shares v (m,): sqrt(sum d^2 r^2), d r summed within each cluster first.

        That of independent residuals, sqrt(sum v^2 r^2), ignores that f- was fitted to the same labels: f- takes up
        all of v but what varies given the score, so it is two to five times too large at good overlap.
        """
        noise = summed(self.coefficients(shares) * self.residuals, self._clusters)
        return float(np.sqrt(dot(noise, noise)))

    def mean(self, weights: Floats) -> tuple[float, float]:
        """Weighted mean residual and its standard error. weights: (m,), not all zero."""
        return self.weighted(weights / weights.sum())

    def weighted(self, shares: Floats) -> tuple[float, float]:
        """sum v r and its standard error. shares v: (m,)."""
        return dot(shares, self.residuals), self.error(shares)
