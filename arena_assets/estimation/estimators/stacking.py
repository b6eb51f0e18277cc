"""Stacking: the convex combination of estimates with the smallest variance."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations

import numpy as np

from arena_assets.estimation._types import Floats
from arena_assets.estimation.estimators.estimate import Estimate, from_contributions

# Share of the mean variance added to the diagonal: components that are nearly the same share their weight instead of
# one of them taking all by luck.
RIDGE = 0.2


def simplex_weights(covariance: Floats) -> Floats:
    """argmin alpha' Sigma alpha with alpha >= 0, sum alpha = 1; exact, over the faces of the simplex (few
    components).
    """
    size = covariance.shape[0]
    scale = float(np.trace(covariance)) / size
    if scale == 0:
        return np.full(size, 1 / size)
    ridged = covariance / scale + RIDGE * np.eye(size)
    best: Floats = np.eye(size)[0]
    best_value = np.inf
    for count in range(size, 0, -1):
        for face in combinations(range(size), count):
            solved: Floats = np.linalg.solve(ridged[np.ix_(face, face)], np.ones(count))
            if (solved < 0).any():
                continue
            alpha: Floats = np.zeros(size)
            alpha[list(face)] = solved / solved.sum()
            value = float(alpha @ ridged @ alpha)
            if value < best_value:
                best, best_value = alpha, value
        if count == size and best_value < np.inf:
            break  # the whole simplex holds every face, and the optimum lies inside it
    return best


def stack(estimates: Sequence[Estimate], names: Sequence[str]) -> Estimate:
    """sum_k alpha_k est_k with contributions sum_k alpha_k phi_k; alpha from the covariance of the contributions."""
    phi = np.stack([one.contributions for one in estimates])
    alpha = simplex_weights(phi @ phi.T / phi.shape[1])
    value = float(alpha @ np.array([one.value for one in estimates]))
    diagnostics = {f"weight_{name}": float(share) for name, share in zip(names, alpha, strict=True)}
    return from_contributions(
        value, alpha @ phi, n_sampled=min(one.n_sampled for one in estimates), diagnostics=diagnostics
    )
