"""Policies of the simulation: how their answers differ from P0's, with importance weights in closed form.

An answer has features e (the judge sees it), h (hidden from the judge), g (irrelevant), independent N(0, 1) under P0,
and, where a policy has a tail, a rank u, uniform under P0. Policies shift the means, may narrow e, and prefer low u.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, inf, log, sqrt

import numpy as np

from arena_assets.estimation._types import EstimationError, Floats


@dataclass(frozen=True, eq=False)
class Answers:
    """features: (n, 3) e, h, g; rank: (n,) u, where any policy has a tail, else empty."""

    features: Floats
    rank: Floats


@dataclass(frozen=True)
class Policy:
    """Means of e, h and g; `spread` of e (below 1 as of a lower temperature); `tail`: the weights' Pareto index."""

    seen: float = 0.0
    hidden: float = 0.0
    irrelevant: float = 0.0
    spread: float = 1.0
    tail: float | None = None

    def __post_init__(self) -> None:
        if not 0 < self.spread < sqrt(2):
            raise EstimationError(f"spread is {self.spread}: from sqrt(2) on, weights have no variance")
        if self.tail is not None and self.tail <= 1:
            raise EstimationError(f"tail is {self.tail}: at 1 and below, weights have no mean")

    def answers(self, n: int, rng: np.random.Generator, *, ranked: bool = False) -> Answers:
        """n answers; `ranked`: with u."""
        features = rng.standard_normal((n, 3))
        features[:, 0] *= self.spread
        features += [self.seen, self.hidden, self.irrelevant]
        rank: Floats = np.empty(0)
        if ranked:
            rank = 1.0 - rng.random(n)  # above 0
            if self.tail is not None:
                # w = c u^(-1/tail) gives u the distribution function u^(1 - 1/tail) under the policy.
                rank = rank ** (self.tail / (self.tail - 1))
        return Answers(features, rank)

    def log_weights(self, logged: Answers) -> Floats:
        """(n,) natural log of pi'(A) / pi0(A) for answers of P0."""
        shift = np.array([self.seen, self.hidden, self.irrelevant])
        found: Floats = logged.features @ shift - shift @ shift / 2
        if self.spread != 1:
            away = logged.features[:, 0] - self.seen
            found += -log(self.spread) - away**2 / 2 * (1 / self.spread**2 - 1)
        if self.tail is not None:
            found += log((self.tail - 1) / self.tail) - np.log(logged.rank) / self.tail
        return found

    @property
    def ess_fraction(self) -> float:
        """ESS/n in the limit, 1 / E[w^2]; 0 where the weights have no variance."""
        narrow = 2 - self.spread**2
        square = exp(self.seen**2 / narrow + self.hidden**2 + self.irrelevant**2) / (self.spread * sqrt(narrow))
        if self.tail is not None:
            tail = self.tail
            square *= ((tail - 1) / tail) ** 2 * tail / (tail - 2) if tail > 2 else inf
        return 1 / square


P0 = Policy()
