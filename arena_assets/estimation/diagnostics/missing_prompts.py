"""Prompts that lack what an estimate needs: is that a random few, or those of another kind?"""

from __future__ import annotations

from dataclasses import dataclass
from math import inf, nan, sqrt

import numpy as np
from scipy.stats import rankdata

from arena_assets.estimation._numeric import dot
from arena_assets.estimation._types import Bools, Floats, Ints
from arena_assets.estimation.data.clusters import summed

# Missing is shown to be unrelated to a score where the rank sums differ by no more than chance at 5%, and the 90%
# interval of A lies within .5 +- .1 (a difference of a third of a standard deviation): two one-sided tests, so that a
# sample too small to tell shows nothing (Schuirmann 1987).
UNRELATED_Z = 1.96
UNRELATED_MARGIN, ONE_SIDED_Z = 0.10, 1.645


@dataclass(frozen=True)
class RankSum:
    """The rank-sum test of Mann and Whitney (1947) of a score between missing and other prompts."""

    chance: float  # A: that a missing prompt has the higher score of two, ties half
    std_error: float  # of A without any relation, as if there were no ties
    z: float  # of A - .5, with ties; NaN where all scores are equal
    missing: int  # missing prompts that have the score

    @property
    def shows_no_relation(self) -> bool:
        """Whether a relation of any importance would have been seen, and none was."""
        reach = abs(self.chance - 0.5) + ONE_SIDED_Z * self.std_error
        return abs(self.z) <= UNRELATED_Z and reach <= UNRELATED_MARGIN  # False of NaN


@dataclass(frozen=True)
class MissingPrompts:
    """How many of all prompts lack something, and the tests by the scores that are known of them."""

    what: str
    missing: int
    total: int
    tests: tuple[RankSum, ...] = ()

    @property
    def share(self) -> float:
        return self.missing / self.total if self.total else 0.0

    @property
    def strongest(self) -> float:
        """z of the test that shows most; NaN where none says anything."""
        known = [one.z for one in self.tests if one.z == one.z]
        return max(known, key=abs) if known else nan

    def unrelated(self, unknown: float) -> bool:
        """Whether missing is shown to have nothing to do with the score, but for an `unknown` share of all prompts."""
        showing = max((one.missing for one in self.tests if one.shows_no_relation), default=-inf)
        return (self.missing - showing) < unknown * self.total and not abs(self.strongest) > UNRELATED_Z


NONE_MISSING = MissingPrompts("", 0, 0)


def rank_sum(scores: Floats, missing: Bools, clusters: Ints | None = None) -> RankSum | None:
    """The test of scores (k,), NaN where not known; None where one of the two groups is empty.

    clusters: (k,) where scores of one cluster go together, and so may what is missing: the error is then that of sums
    over clusters of (missing - share) times (rank - mean rank), which needs neither to be independent within one.
    """
    known = ~np.isnan(scores)
    count, total = int(np.count_nonzero(missing & known)), int(np.count_nonzero(known))
    others = total - count
    if count == 0 or others == 0:
        return None
    ranks = rankdata(scores[known])
    chance = float((ranks[missing[known]].sum() - count * (count + 1) / 2) / (count * others))
    ties = np.unique(ranks, return_counts=True)[1].astype(np.float64)
    tied = float((ties**3 - ties).sum()) / (total * (total - 1))
    variance, error = (total + 1 - tied) / (12 * count * others), sqrt((total + 1) / (12 * count * others))
    if clusters is not None:
        apart = (missing[known] - count / total) * (ranks - (total + 1) / 2)
        sums = summed(apart, clusters[known])
        variance = dot(sums, sums) / (count * others) ** 2
        error = max(error, sqrt(variance))
    z = (chance - 0.5) / sqrt(variance) if variance > 0 else nan
    return RankSum(chance, error, z, count)


def missing_prompts(
    what: str, present: Bools, every: Bools, *scores: Floats, clusters: Ints | None = None
) -> MissingPrompts:
    """What of `every` prompt is not `present`; all (k,) by prompt, scores NaN where not known."""
    missing = every & ~present
    count = int(np.count_nonzero(missing))
    own = None if clusters is None else clusters[every]
    found = [rank_sum(score[every], missing[every], own) for score in scores] if count else []
    return MissingPrompts(what, count, int(np.count_nonzero(every)), tuple(one for one in found if one is not None))
