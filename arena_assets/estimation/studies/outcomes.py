"""How labels of the simulation arise, with the mean label of a policy in closed form.

Quality Z = (X + 2 e) / sqrt(5) of prompt X ~ N(0, 1) is normal under every policy. U = a + b Z + c h + d noise, and
E Phi(U) = Phi(mean / sqrt(1 + variance)) for normal U.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import exp, sqrt

import numpy as np
from scipy.special import ndtr
from scipy.stats import multivariate_normal

from arena_assets.estimation._types import Floats
from arena_assets.estimation.studies.policies import Answers, Policy


def quality(prompt: Floats, answers: Answers) -> Floats:
    """(n,) Z of answers to prompts X."""
    return (prompt + 2 * answers.features[:, 0]) / sqrt(5)


def quality_law(policy: Policy) -> tuple[float, float]:
    """Mean and variance of Z under a policy."""
    return 2 * policy.seen / sqrt(5), (1 + 4 * policy.spread**2) / 5


@dataclass(frozen=True)
class Smooth:
    """Y = Phi(U)."""

    intercept: float = 0.3
    slope: float = 0.8
    hidden: float = 0.6
    noise: float = 0.5

    def draw(self, z: Floats, answers: Answers, rng: np.random.Generator) -> Floats:
        """(n,) labels of answers of quality z."""
        hidden = self.hidden * answers.features[:, 1]
        index = self.intercept + self.slope * z + hidden + self.noise * rng.standard_normal(z.size)
        return np.asarray(ndtr(index), dtype=np.float64)

    def mean(self, policy: Policy) -> float:
        """The policy's mean label."""
        mean, variance = self._index(policy)
        return float(ndtr(mean / sqrt(variance)))

    def _index(self, policy: Policy) -> tuple[float, float]:
        """Mean and variance of U plus a standard normal."""
        mean, variance = quality_law(policy)
        return (
            self.intercept + self.slope * mean + self.hidden * policy.hidden,
            1 + self.slope**2 * variance + self.hidden**2 + self.noise**2,
        )


@dataclass(frozen=True)
class Votes(Smooth):
    """The mean of one to `most` votes, each 1 with probability Phi(U); binary where `most` is 1."""

    most: int = 1

    def draw(self, z: Floats, answers: Answers, rng: np.random.Generator) -> Floats:
        chance = super().draw(z, answers, rng)
        raters = rng.integers(1, self.most, size=z.size, endpoint=True)
        return rng.binomial(raters, chance) / raters


@dataclass(frozen=True)
class Uneven(Smooth):
    """Heteroscedastic: Phi(U) below the middle of quality, all or nothing with that probability above it."""

    def draw(self, z: Floats, answers: Answers, rng: np.random.Generator) -> Floats:
        chance = super().draw(z, answers, rng)
        return np.where(z > 0, (rng.random(z.size) < chance).astype(np.float64), chance)


@dataclass(frozen=True)
class Cliff(Smooth):
    """Phi(U) above a quality of `edge`, 0 below it: what the labels show breaks off where they end."""

    edge: float = -2.4

    def draw(self, z: Floats, answers: Answers, rng: np.random.Generator) -> Floats:
        return np.where(z > self.edge, super().draw(z, answers, rng), 0.0)

    def mean(self, policy: Policy) -> float:
        """P(V > 0 and Z > edge) of the jointly normal V, U plus a standard normal, and Z."""
        mean, variance = self._index(policy)
        z_mean, z_variance = quality_law(policy)
        together = self.slope * z_variance
        both = multivariate_normal(cov=[[variance, together], [together, z_variance]])
        return float(both.cdf([mean, z_mean - self.edge]))


@dataclass(frozen=True)
class Bump:
    """Not monotone: low + high exp(-(Z - peak)^2 / 2) plus uniform noise; both very low and very high Z are bad."""

    low: float = 0.15
    high: float = 0.65
    peak: float = 0.5
    noise: float = 0.15

    def draw(self, z: Floats, answers: Answers, rng: np.random.Generator) -> Floats:
        """(n,) labels of answers of quality z."""
        del answers  # nothing is hidden
        noise = rng.uniform(-self.noise, self.noise, z.size)
        return self.low + self.high * np.exp(-((z - self.peak) ** 2) / 2) + noise

    def mean(self, policy: Policy) -> float:
        """The policy's mean label."""
        mean, variance = quality_law(policy)
        return self.low + self.high * exp(-((mean - self.peak) ** 2) / (2 * (1 + variance))) / sqrt(1 + variance)


@dataclass(frozen=True)
class Ranked(Smooth):
    """(1 - share) Phi(U) + share (1 - u): labels follow the rank that makes weights heavy; the judge is blind to it."""

    share: float = 0.1

    def draw(self, z: Floats, answers: Answers, rng: np.random.Generator) -> Floats:
        return (1 - self.share) * super().draw(z, answers, rng) + self.share * (1 - answers.rank)

    def mean(self, policy: Policy) -> float:
        """E[1 - u] is tail / (2 tail - 1) under a policy with a tail, 1/2 under one without."""
        ranked = 0.5 if policy.tail is None else policy.tail / (2 * policy.tail - 1)
        return (1 - self.share) * super().mean(policy) + self.share * ranked


Outcome = Smooth | Bump
