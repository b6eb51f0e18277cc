"""Judges of the simulation: from an answer's quality, or from its label, to a score of 0 to 1."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from scipy.special import ndtr

from arena_assets.estimation._types import Floats

# (quality (n,), labels (n,), generator) -> scores (n,)
Judge = Callable[[Floats, Floats, np.random.Generator], Floats]


def fine(z: Floats, labels: Floats, rng: np.random.Generator) -> Floats:
    """Phi(Z): all that the judge can see, without rounding."""
    del labels, rng
    return np.asarray(ndtr(z), dtype=np.float64)


def oracle(z: Floats, labels: Floats, rng: np.random.Generator) -> Floats:
    """The judge is the oracle."""
    del z, rng
    return labels.copy()


@dataclass(frozen=True)
class Nearly:
    """The oracle, but for a little noise: almost every label is a block of its own."""

    noise: float

    def __call__(self, z: Floats, labels: Floats, rng: np.random.Generator) -> Floats:
        """Scores of answers."""
        del z
        return labels + self.noise * rng.standard_normal(labels.size)


def blind(z: Floats, labels: Floats, rng: np.random.Generator) -> Floats:
    """Scores without any signal."""
    del labels
    return rng.random(z.size)


@dataclass(frozen=True)
class Levels:
    """Phi(Z) rounded to so many levels, as of a judge that answers 1 to 5 or 0 to 10."""

    count: int

    def __call__(self, z: Floats, labels: Floats, rng: np.random.Generator) -> Floats:
        """Scores of answers."""
        steps = self.count - 1
        return np.round(fine(z, labels, rng) * steps) / steps
