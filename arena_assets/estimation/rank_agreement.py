"""Do estimates order policies as the truth does? One definition of pairwise accuracy and of Kendall's tau."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from math import comb, nan

import numpy as np

from arena_assets.estimation._types import Floats


@dataclass(frozen=True)
class RankAgreement:
    """Of the pairs of policies."""

    pairs: int  # whose truths differ
    right: float  # of these, in the order of the truth; a tie of the estimates counts half
    kendall_tau: float  # tau-a: (concordant - discordant) / all pairs, so a tie on either side counts as no agreement

    @property
    def accuracy(self) -> float:
        """Share of the pairs in the right order; NaN where all truths are equal."""
        return self.right / self.pairs if self.pairs else nan


def rank_agreement(estimates: Floats, truths: Floats) -> RankAgreement:
    """Agreement of two orders of the same k policies; tau is NaN for fewer than two. estimates, truths: (k,)."""
    signs = [
        float(np.sign(estimates[a] - estimates[b]) * np.sign(truths[a] - truths[b]))
        for a, b in combinations(range(estimates.size), 2)
        if truths[a] != truths[b]
    ]
    every = comb(estimates.size, 2)
    return RankAgreement(
        pairs=len(signs),
        right=sum((1 + sign) / 2 for sign in signs),
        kendall_tau=sum(signs) / every if every else nan,
    )
