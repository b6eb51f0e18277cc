"""First stage of two-stage calibration: a smooth index of the judge score and covariates, then its rank.

The index T is a ridge regression of the label on cubic splines of every feature; the second stage calibrates rank(T).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

from arena_assets.estimation._types import Floats

INNER_KNOTS = 3  # quartiles: enough for a bend at both ends; the ridge penalty does the rest
RIDGE_PENALTIES = np.logspace(-3, 3, 13)  # the one with the smallest leave-one-out error is taken
RANK_POINTS = 512  # of the reference's distribution function; more would not move a rank by 0.1%
_DEGREE = 3


@dataclass(frozen=True, eq=False)
class Basis:
    """Cubic B-splines of every feature that varies, side by side; flat outside the range of the rows they were made
    from.

    Knots are quantiles of the features alone, so one basis serves all folds without leaking a label.
    """

    columns: tuple[int, ...]
    knots: tuple[Floats, ...]

    def __call__(self, features: Floats) -> Floats:
        """(r, 1 + k) features to their (r, p) design."""
        if features.shape[0] == 0:
            return np.empty((0, sum(knots.size - _DEGREE - 1 for knots in self.knots)))
        parts: list[Floats] = []
        for column, knots in zip(self.columns, self.knots, strict=True):
            inside = features[:, column].clip(knots[0], knots[-1])
            parts.append(BSpline.design_matrix(inside, knots, _DEGREE).toarray())
        return np.hstack(parts)


@dataclass(frozen=True, eq=False)
class RankIndex:
    """rank(T) within the reference rows, in [0, 1]."""

    coefficients: Floats
    reference: Floats  # distinct T of the reference rows, ascending
    ranks: Floats
    inverse: Floats  # (p, p) of the ridge regression, (C'C + lambda)^-1 with the centred design C
    penalty: float  # lambda

    def __call__(self, design: Floats) -> Floats:
        position: Floats = np.einsum("ij,j->i", design, self.coefficients)
        return np.interp(position, self.reference, self.ranks)


def fit_basis(features: Floats) -> Basis:
    """The basis for these rows; features that do not vary take no part."""
    columns = tuple(int(j) for j in np.flatnonzero(np.ptp(features, axis=0) > 0))
    return Basis(columns, tuple(_knots(features[:, j]) for j in columns))


def fit_index(design: Floats, outcomes: Floats, reference: Floats, penalty: float | None = None) -> RankIndex:
    """Ridge regression of `outcomes` (m,) on `design` (m, p); ranks are taken among the `reference` rows (n, p).

    Without a penalty the one of RIDGE_PENALTIES with the smallest leave-one-out error is taken: one eigendecomposition
    of the p x p Gram matrix gives every penalty and its error in closed form.
    einsum instead of BLAS: its threads cost more than they save on matrices this small.
    """
    mean = float(outcomes.mean())
    centred = design - design.mean(axis=0)
    values, vectors = np.linalg.eigh(np.einsum("ij,ik->jk", centred, centred))
    values = values.clip(min=0)
    moments = np.einsum("ij,i->j", centred, outcomes - mean) @ vectors
    rotated = np.einsum("ij,jk->ik", centred, vectors)  # (m, p), orthogonal columns
    penalties = RIDGE_PENALTIES if penalty is None else np.array([penalty])
    shrunk = 1 / (values + penalties[:, None])
    fitted = mean + np.einsum("ij,kj->ki", rotated, shrunk * moments)
    leverage = (np.einsum("ij,kj->ki", rotated * rotated, shrunk) + 1 / outcomes.size).clip(max=1 - 1e-9)
    errors = (((outcomes - fitted) / (1 - leverage)) ** 2).sum(axis=1)
    best = int(errors.argmin())
    chosen = shrunk[best]
    coefficients = vectors @ (chosen * moments)
    levels, counts = np.unique(np.einsum("ij,j->i", reference, coefficients), return_counts=True)
    last = np.cumsum(counts)
    ranks = (last - (counts - 1) / 2) / (last[-1] + 1)
    if levels.size > RANK_POINTS:
        kept = np.linspace(0, levels.size - 1, RANK_POINTS).round().astype(np.int64)
        levels, ranks = levels[kept], ranks[kept]
    inverse = np.einsum("ij,j,kj->ik", vectors, chosen, vectors)
    return RankIndex(coefficients, levels, ranks, inverse, float(penalties[best]))


def _knots(values: Floats) -> Floats:
    low, high = float(values.min()), float(values.max())
    inner = np.unique(np.quantile(values, np.linspace(0, 1, INNER_KNOTS + 2)[1:-1]))
    inner = inner[(inner > low) & (inner < high)]
    return np.concatenate([np.full(_DEGREE + 1, low), inner, np.full(_DEGREE + 1, high)])
