"""What verdicts mean, once for all methods of a policy to which the same is said."""

from __future__ import annotations

import pandas as pd

from arena_assets.charts.names import count, listed
from arena_assets.estimation.diagnostics.support import LEVELS
from arena_assets.tables import rows_of

_NAMED = 3  # methods that a line names


def verdicts(rows: pd.DataFrame) -> list[str]:
    """Level, advice and for which methods, the best level first; of one policy's estimates, `with_methods`."""
    known = rows[rows["support_advice"].notna() & rows["support_advice"].ne("")]
    groups: dict[tuple[str, str], list[str]] = {}
    for row in rows_of(known):
        groups.setdefault((row["support"], row["support_advice"]), []).append(row["method"])
    ordered = sorted(groups.items(), key=lambda group: LEVELS.index(group[0][0]))
    return [f"{level}: {advice} ({_methods(names)})" for (level, advice), names in ordered]


def _methods(names: list[str]) -> str:
    more = len(names) - _NAMED
    return listed([*names[:_NAMED], count(more, "more method")]) if more > 1 else listed(names)
