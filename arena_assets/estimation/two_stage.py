"""First stage of two-stage calibration: a smooth index of the judge score and covariates, then its rank.

The index T is a ridge regression of the label on cubic splines of every feature; the second stage calibrates rank(T).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.interpolate import BSpline

from ._types import Floats

INNER_KNOTS = 3  # quartiles: enough for a bend at both ends; the ridge penalty does the rest
RIDGE_PENALTIES = np.logspace(-3, 3, 13)  # the one with the smallest leave-one-out error is taken
_DEGREE = 3


@dataclass(frozen=True, eq=False)
class SplineBasis:
    """Cubic B-spline basis of one feature, flat outside the range of the labelled rows."""

    knots: Floats
    low: float
    high: float

    def __call__(self, values: Floats) -> Floats:
        inside = values.clip(self.low, self.high)
        return np.asarray(BSpline.design_matrix(inside, self.knots, _DEGREE).toarray(), dtype=np.float64)


@dataclass(frozen=True, eq=False)
class RankIndex:
    """rank(T(features)) within the reference rows, in [0, 1]."""

    columns: tuple[int, ...]  # features that vary among the labelled rows
    bases: tuple[SplineBasis, ...]
    coefficients: Floats
    reference: Floats  # sorted T of the reference rows
    ranks: Floats

    def __call__(self, features: Floats) -> Floats:
        return np.interp(_design(self.bases, features[:, self.columns]) @ self.coefficients, self.reference, self.ranks)


def fit_index(features: Floats, outcomes: Floats, reference: Floats) -> RankIndex | None:
    """Fit on labelled `features` (m, 1 + k) with `outcomes` (m,); ranks are taken among `reference` rows (n, 1 + k).

    Ridge by SVD: one decomposition gives every penalty and its leave-one-out error in closed form. None where no
    feature varies.
    """
    columns = tuple(int(j) for j in np.flatnonzero(np.ptp(features, axis=0) > 0))
    if not columns:
        return None
    bases = tuple(_basis(features[:, j]) for j in columns)
    design = _design(bases, features[:, columns])
    mean = float(outcomes.mean())
    u, d, vt = np.linalg.svd(design - design.mean(axis=0), full_matrices=False)
    projected = u.T @ (outcomes - mean)
    shrink = d * d / (d * d + RIDGE_PENALTIES[:, None])
    fitted = mean + (shrink * projected) @ u.T
    leverage = (shrink @ (u * u).T + 1 / outcomes.size).clip(max=1 - 1e-9)
    errors = (((outcomes - fitted) / (1 - leverage)) ** 2).sum(axis=1)
    penalty = RIDGE_PENALTIES[int(errors.argmin())]
    coefficients = vt.T @ (d / (d * d + penalty) * projected)
    ordered = np.sort(_design(bases, reference[:, columns]) @ coefficients)
    levels, first, counts = np.unique(ordered, return_index=True, return_counts=True)
    return RankIndex(columns, bases, coefficients, levels, (first + (counts + 1) / 2) / (ordered.size + 1))


def _basis(values: Floats) -> SplineBasis:
    low, high = float(values.min()), float(values.max())
    inner = np.unique(np.quantile(values, np.linspace(0, 1, INNER_KNOTS + 2)[1:-1]))
    inner = inner[(inner > low) & (inner < high)]
    knots = np.r_[[low] * (_DEGREE + 1), inner, [high] * (_DEGREE + 1)]
    return SplineBasis(knots, low, high)


def _design(bases: tuple[SplineBasis, ...], features: Floats) -> Floats:
    return np.hstack([basis(features[:, j]) for j, basis in enumerate(bases)])
