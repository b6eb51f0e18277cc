"""How methods are called on screen, in which order, and of which family they are."""

from __future__ import annotations

import pandas as pd

from arena_assets.estimation import ESTIMATORS
from arena_assets.estimation.estimators import registry
from arena_assets.estimation.estimators.methods import METHOD_COLUMNS

METHOD = list(METHOD_COLUMNS)  # the columns that name a method
FAMILIES = tuple(one.title for one in registry.FAMILIES)

REWARD = {"none": "raw scores", "monotone": "monotone", "two_stage": "two-stage"}
WEIGHT = {"none": "raw weights", "simcal": "SIMCal weights"}
SCORING = {"deterministic": "deterministic", "uncertainty_aware": "uncertainty-aware"}
# Axes of more than one chart.
JUDGE_SCORE, ORACLE_LABEL = "Judge score (0 to 1)", "Mean oracle label (0 to 1)"


def family(estimator: str) -> str:
    """Family of an estimator; "Other" for one that this version does not know."""
    return ESTIMATORS[estimator].family.title if estimator in ESTIMATORS else "Other"


def title(estimator: str) -> str:
    """The screen name of an estimator; its own name where this version does not know it."""
    return ESTIMATORS[estimator].title if estimator in ESTIMATORS else estimator.replace("_", " ")


def pretty(kind: dict[str, str], value: str) -> str:
    """The screen name of a value; the value itself where this version has none."""
    return kind.get(value, value.replace("_", " "))


def with_methods(results: pd.DataFrame) -> pd.DataFrame:
    """Results with `family`, `method` (its short name on screen) and `order` (families together, then as defined).

    The short name states the calibrations and the scoring only where the shown rows differ in them.
    """
    frame = results.assign(family=results["estimator"].map(family))
    parts = [frame["estimator"].map(title)]
    for column, kind in (("reward_calibration", REWARD), ("weight_calibration", WEIGHT), ("scoring", SCORING)):
        varied = frame.groupby("estimator", observed=True)[column].transform("nunique") > 1
        parts.append(frame[column].map(lambda value, kind=kind: pretty(kind, value)).where(varied, ""))
    frame["method"] = [
        f"{name} ({', '.join(part for part in rest if part)})" if any(rest) else name
        for name, *rest in zip(*parts, strict=True)
    ]
    order = {name: place for place, name in enumerate(ESTIMATORS)}
    frame["order"] = frame["estimator"].map(lambda name: order.get(name, len(order)))
    keys = ["order", "reward_calibration", "weight_calibration", "scoring"]
    return frame.sort_values(keys, kind="stable", ignore_index=True)


def level_words(values: pd.DataFrame) -> str:
    """The confidence level of `policy_values`, and so of every interval: 95%, 99.9%."""
    return f"{100 * float(values['level'].iloc[0]):g}%"


def percent(share: float) -> str:
    """A share for people: 3.1%, 45%, 0.02%."""
    if share != share:
        return "unknown"
    value = share * 100
    return f"{value:.0f}%" if value >= 9.95 or value == 0 else f"{value:.2g}%"


def count(number: int, one: str, many: str | None = None) -> str:
    """A number with its noun: 1 policy, 3 policies."""
    return f"{number:,} {one if number == 1 else many or one + 's'}"


def listed(names: list[str]) -> str:
    """Names as a phrase: a, b and c."""
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}" if names else "none"
