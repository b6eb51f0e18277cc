"""Are P0's labels a random slice of its rows? Rank sums of labelled against unlabelled rows on what both have.

They cannot see what leaves no trace in score, weight or length: labels that are missing by their own value alone.
"""

from __future__ import annotations

from dataclasses import dataclass
from math import nan

import numpy as np

from arena_assets.estimation._types import Bools, Floats, Ints
from arena_assets.estimation.diagnostics.missing_prompts import rank_sum


@dataclass(frozen=True)
class Selection:
    """The test that shows most: of `what`, with its z, above 0 where labelled rows have more; NaN of none."""

    what: str = ""
    z: float = nan

    def or_stronger(self, other: Selection) -> Selection:
        """The one of two that shows more."""
        return other if np.isnan(self.z) or abs(other.z) > abs(self.z) else self


UNSELECTED = Selection()


def selection(what: str, values: Floats, labelled: Bools, clusters: Ints | None = None) -> Selection:
    """The rank-sum test of values (n,), NaN where unknown, between labelled and other rows; clusters: (n,)."""
    test = rank_sum(values, labelled, clusters)
    return Selection(what) if test is None else Selection(what, test.z)
