"""Why an estimate of a policy that equals P0 may be withheld: what every newcomer asks."""

from __future__ import annotations

import pandas as pd

from arena_assets.charts.names import count, listed
from arena_assets.tables import rows_of

_NAMED = 3  # methods that a sentence names


def sentence(rows: pd.DataFrame, logging: str) -> str:
    """What the gates say of a clone's estimates, and why weights of 1 do not settle it. rows: of one, with `method`."""
    policy = str(rows["policy"].iloc[0])
    withheld = rows_of(rows[rows["support"] != "supported"])
    first = f"{policy} is {logging} itself under another name, so all its weights are 1"
    if not withheld:
        return f"{first}, and the gates support all {count(len(rows), 'estimate')} of it."
    said = [f"{row['method']} ({row['support']}{_because(row['support_reason'])})" for row in withheld[:_NAMED]]
    more = len(withheld) - _NAMED
    said += [count(more, "more estimate")] if more > 0 else []
    return (
        f"{first}. That proves the log-probabilities, not the judge: an estimate that rests on the judge's scores must "
        f"show that these are worth labels, for {logging} too. Withheld: {listed(said)}."
    )


def _because(reason: object) -> str:
    return f": {reason.split('; ')[0]}" if isinstance(reason, str) and reason else ""
