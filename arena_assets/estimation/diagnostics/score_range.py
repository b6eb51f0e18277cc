"""The range of scores in which labels carry a calibration, and how far what lies beyond it may move an estimate."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from arena_assets.estimation._types import Floats

OUTER = 0.05  # share of the labels at each end whose mean stands for the end of the curve
OUTER_LABELS = 5  # at least so many


@dataclass(frozen=True)
class Beyond:
    """Mass beyond the two ends of the range, and what it may be worth: truth - estimate lies in [-low, high]."""

    below: float
    above: float
    low: float
    high: float

    @property
    def largest(self) -> float:
        """The larger of the two errors that the mass may hide."""
        return max(self.low, self.high)


@dataclass(frozen=True)
class ScoreRange:
    """From `low` to `high`, with the room that monotone, bounded labels leave beyond either end."""

    low: float
    high: float
    trimmed: float  # share of the labels that lie beyond each end
    room_below: float  # mean of the lowest labels - lowest possible label
    room_above: float  # highest possible label - mean of the highest labels

    def beyond(self, scores: Floats, share: Floats) -> Beyond:
        """What `share` (m,), which sums to one, of the scores (m,) puts beyond the ends, more than the labels did."""
        below = max(0.0, float(share[scores < self.low].sum()) - self.trimmed)
        above = max(0.0, float(share[scores > self.high].sum()) - self.trimmed)
        return Beyond(below, above, below * self.room_below, above * self.room_above)


def calibrated_range(scores: Floats, labels: Floats) -> ScoreRange:
    """The range of labelled scores (m,) with labels (m,), without its outermost 1% on each side: stray ones carry no
    curve.

    Labels lie between 0 and 1, or as far beyond as they are seen.
    """
    count = scores.size
    trimmed = count // 100
    order = np.argsort(scores, kind="stable")
    outer = min(count, max(OUTER_LABELS, int(np.ceil(OUTER * count))))
    lowest, highest = min(0.0, float(labels.min())), max(1.0, float(labels.max()))
    return ScoreRange(
        low=float(scores[order[trimmed]]),
        high=float(scores[order[-1 - trimmed]]),
        trimmed=trimmed / count,
        room_below=float(labels[order[:outer]].mean()) - lowest,
        room_above=highest - float(labels[order[-outer:]].mean()),
    )
