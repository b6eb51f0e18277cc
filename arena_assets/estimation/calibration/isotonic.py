"""Isotonic regression by blocks: the calibration curve f, and how an estimate's mass spreads over its blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.optimize import isotonic_regression

from arena_assets.estimation._numeric import sums
from arena_assets.estimation._types import Bools, Floats, Ints


@dataclass(frozen=True, eq=False)
class Split:
    """How rows read a curve: share `inside` from block `upper`, the rest from block `lower`."""

    lower: Ints
    upper: Ints
    inside: Floats

    def read(self, values: Floats) -> Floats:
        """The curve with these block values at every row."""
        low = values[self.lower]
        return low + self.inside * (values[self.upper] - low)

    def take(self, rows: Bools) -> Split:
        """The same for some of the rows."""
        return Split(self.lower[rows], self.upper[rows], self.inside[rows])

    def mass(self, shares: Floats, n_blocks: int) -> Floats:
        """q: the mass that rows with `shares` put on each block."""
        upper = sums(self.upper, shares * self.inside, n_blocks)
        return upper + sums(self.lower, shares * (1 - self.inside), n_blocks)


@dataclass(frozen=True, eq=False)
class Curve:
    """A monotone curve: constant on each block, linear between blocks, flat outside (as scikit-learn's with clipping).

    It is linear in the block values, so an estimate sum_r v_r f(s_r) equals sum_B q_B f_B with q the mass of the
    rows' split.
    """

    knots: Floats  # ascending, the first and last labelled score of each block
    block: Ints  # block of each knot
    values: Floats  # value of each block

    def __call__(self, scores: Floats) -> Floats:
        return np.interp(scores, self.knots, self.values[self.block])

    def split(self, scores: Floats) -> Split:
        """Where each score lies between two blocks."""
        right = np.searchsorted(self.knots, scores, side="left").clip(0, self.knots.size - 1)
        left = np.maximum(right - 1, 0)
        span = self.knots[right] - self.knots[left]
        inside = np.divide(scores - self.knots[left], span, out=np.ones_like(scores), where=span > 0).clip(0, 1)
        return Split(self.block[left], self.block[right], inside)

    def block_of(self, labelled_scores: Floats) -> Ints:
        """Block of each score that took part in the fit."""
        return self.block[np.searchsorted(self.knots, labelled_scores, side="left")]


def fit_bins(bins: Floats, totals: Floats, weights: Floats, *, increasing: bool = True) -> Curve:
    """Weighted isotonic regression on ascending distinct scores.

    bins: (k,) scores; totals: (k,) weighted sums of the outcome; weights: (k,) sums of weights. Bins of weight 0 take
    no part.
    """
    used = weights > 0
    bins, totals, weights = bins[used], totals[used], weights[used]
    fit = isotonic_regression(totals / weights, weights=weights, increasing=increasing)
    starts = fit.blocks[:-1]
    # Neighbouring blocks of equal value are one block: their labels share a variance.
    starts = starts[_changes(fit.x[starts])]
    ends = np.append(starts[1:], bins.size) - 1
    values = np.add.reduceat(totals, starts) / np.add.reduceat(weights, starts)
    doubled = np.repeat(np.arange(starts.size), 2)
    knots = np.stack([bins[starts], bins[ends]], axis=1).ravel()
    keep = _changes(knots)
    return Curve(knots[keep], doubled[keep], values)


def _changes(values: Floats) -> Bools:
    """Where a value differs from the one before it; the first one does."""
    found = np.ones(values.size, dtype=np.bool_)
    np.not_equal(values[1:], values[:-1], out=found[1:])
    return found


def fit(scores: Floats, outcomes: Floats, weights: Floats | None = None, *, increasing: bool = True) -> Curve:
    """Weighted isotonic regression of `outcomes` on `scores` (ties in the score share one value)."""
    bins, position = np.unique(scores, return_inverse=True)
    each = np.ones_like(scores) if weights is None else weights
    return fit_bins(bins, sums(position, each * outcomes), sums(position, each), increasing=increasing)


def fit_values(scores: Floats, outcomes: Floats, weights: Floats) -> Curve:
    """The same curve with a block for each distinct score: where only its values are read, joining them is idle."""
    bins, position = np.unique(scores, return_inverse=True)
    totals = sums(position, weights)
    fitted = isotonic_regression(sums(position, weights * outcomes) / totals, weights=totals)
    return Curve(bins, np.arange(bins.size), fitted.x)
