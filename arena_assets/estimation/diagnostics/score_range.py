"""The range of scores in which labels carry a calibration, and how much of a target lies beyond it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena_assets.estimation._types import Floats


@dataclass(frozen=True)
class ScoreRange:
    """From `low` to `high`; `chance` is the share beyond it that means nothing."""

    low: float
    high: float
    chance: float

    def outside(self, scores: Floats, share: Floats) -> float:
        """Share of scores (m,) beyond the range, less what is there by chance. share: (m,) sums to one."""
        beyond = float(share[(scores < self.low) | (scores > self.high)].sum())
        return max(0.0, beyond - self.chance)


def calibrated_range(labelled_scores: Floats) -> ScoreRange:
    """The range of a slice, without its outermost 1% of labels on each side: stray ones carry no curve.

    `chance` is twice the share that the slice's own policy shows beyond the range by sampling alone.
    """
    count = labelled_scores.size
    trimmed = count // 100
    ordered = np.sort(labelled_scores)
    return ScoreRange(float(ordered[trimmed]), float(ordered[-1 - trimmed]), 4 * (trimmed + 1) / (count + 1))
