"""Do estimates order policies as the truth does? One definition of pairwise accuracy and of Kendall's tau."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import isnan, nan

import numpy as np

from arena_assets.estimation._types import Bools, Floats


@dataclass(frozen=True)
class RankAgreement:
    """Of the pairs of policies whose truths differ; ties of the truth, which have no order, are left out of both."""

    pairs: int
    right: float  # in the order of the truth; a tie of the estimates counts half, a pair without an estimate not at all

    @property
    def accuracy(self) -> float:
        """Share of the pairs in the right order; NaN where all truths are equal."""
        return self.right / self.pairs if self.pairs else nan

    @property
    def kendall_tau(self) -> float:
        """(right - wrong) / pairs; NaN where all truths are equal."""
        return 2 * self.accuracy - 1


def rank_agreement(estimates: Floats, truths: Floats, comparable: Bools | None = None) -> RankAgreement:
    """Agreement of two orders of the same k policies. estimates: (k,) NaN where there is none; truths: (k,).

    comparable: (k, k) pairs that have an order; all where None.
    """
    shares = [
        _right(estimates[a] - estimates[b], truths[a] - truths[b])
        for a, b in combinations(range(estimates.size), 2)
        if truths[a] != truths[b] and (comparable is None or comparable[a, b])
    ]
    return RankAgreement(len(shares), sum(shares))


def _right(estimated: float, true: float) -> float:
    return 0.0 if isnan(estimated) else float(1 + np.sign(estimated) * np.sign(true)) / 2
