"""Which rows of the analysis are shown: of which policies, one variant of each method, or what a filter names."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from arena_assets.charts.names import family

# One variant of each estimator: calibrated where it can be, with the weights as they are where it takes them.
MAIN, ALL = "main", "all"
_PREFERRED = {"reward_calibration": ("monotone", "none"), "weight_calibration": ("none", "simcal")}


def of_policies(table: pd.DataFrame, policies: Sequence[str]) -> pd.DataFrame:
    """Rows of these policies, in their order."""
    order = {policy: place for place, policy in enumerate(policies)}
    rows = table[table["policy"].isin(order)]
    return rows.sort_values("policy", key=lambda names: names.map(order), kind="stable", ignore_index=True)


def estimates_of_targets(results: pd.DataFrame, targets: Sequence[str]) -> pd.DataFrame:
    """Rows of target policies; the logging policy's own rows have no truth beside them."""
    return results[results["policy"].isin(list(targets))]


def choose_rows(
    results: pd.DataFrame,
    *,
    families: Sequence[str],
    policies: Sequence[str],
    reward: str = MAIN,
    weight: str = MAIN,
    scoring: str = "deterministic",
    hide_refused: bool = False,
) -> pd.DataFrame:
    """Rows that pass every filter. `reward` and `weight` are a value, "main" (one variant of each) or "all"."""
    kept = results["policy"].isin(list(policies)) & results["estimator"].map(family).isin(list(families))
    if scoring != ALL:
        kept &= results["scoring"] == scoring
    for column, wanted in (("reward_calibration", reward), ("weight_calibration", weight)):
        if wanted == MAIN:
            kept &= _is_main(results, column)
        elif wanted != ALL:
            kept &= results[column] == wanted
    if hide_refused:
        kept &= results["support"] != "refused"
    return results[kept]


def _is_main(results: pd.DataFrame, column: str) -> pd.Series:
    """Whether a row has the preferred value among those that its estimator has at all."""
    preferred = _PREFERRED[column]
    rank = results[column].map({value: place for place, value in enumerate(preferred)}).fillna(len(preferred))
    return rank == rank.groupby(results["estimator"]).transform("min")
