"""A filter of prompts by one number of one policy: those of a bar of a histogram, or of a calibration bin."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from arena_assets.charts.names import SCORING

WEIGHT, LABELLED = "log_weight", {"deterministic": "judge_score", "uncertainty_aware": "judge_mean"}
_WORDS = {WEIGHT: "log weight", **{column: f"{SCORING[mode]} judge score" for mode, column in LABELLED.items()}}


@dataclass(frozen=True)
class Only:
    """Prompts whose `column` of `policy` lies within `low` and `high`, ends included; scores only where labelled."""

    column: str
    policy: str
    low: float
    high: float

    @property
    def address(self) -> str:
        return f"{self.column}:{self.policy}:{self.low!r}:{self.high!r}"

    @property
    def words(self) -> str:
        """Which prompts these are."""
        if self.high == -math.inf:
            return f"Only prompts whose weight of {self.policy} is 0"
        what = f"Only prompts whose {_WORDS[self.column]} of {self.policy}"
        if math.isinf(self.low):
            return f"{what} is at most {self.high:.3f}"
        if math.isinf(self.high):
            return f"{what} is at least {self.low:.3f}"
        return f"{what} lies within {self.low:.3f} and {self.high:.3f}"

    def prompts(self, tables: Mapping[str, pd.DataFrame]) -> set[str]:
        """Their ids. tables: `weights` (prompt_id, policy, log_weight) and `scored` (with the scores and the label)."""
        rows = tables["weights" if self.column == WEIGHT else "scored"]
        rows = rows[rows["policy"] == self.policy]
        kept = rows[self.column].between(self.low, self.high)
        if self.column != WEIGHT:
            kept &= rows["oracle_label"].notna()
        return set(rows.loc[kept, "prompt_id"])


def parse(address: str) -> Only | None:
    """The filter that an address states; None where it states none that is known."""
    parts = address.split(":")
    if len(parts) != 4 or parts[0] not in _WORDS:
        return None
    try:
        low, high = float(parts[2]), float(parts[3])
    except ValueError:
        return None
    return None if math.isnan(low) or math.isnan(high) else Only(parts[0], parts[1], low, high)
