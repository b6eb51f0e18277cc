"""The one definition of each policy's value beside the estimates: the mean oracle label of its own responses."""

from __future__ import annotations

import numpy as np
import pandas as pd

from arena_assets.estimation._types import Bools, Floats
from arena_assets.estimation.estimators.estimate import critical_value
from arena_assets.estimation.estimators.methods import METHOD_COLUMNS
from arena_assets.estimation.estimators.registry import estimators_that
from arena_assets.estimation.estimators.truth import Truth, truth_of
from arena_assets.estimation.preparation import Preparation
from arena_assets.estimation.ranking import best_supported

VALUE_COLUMNS = (
    "policy",
    "is_logging_policy",
    "level",
    "prompts",
    "value",
    "std_error",
    "df",
    "ci_low",
    "ci_high",
    "minus_logging",
    "minus_logging_ci_low",
    "minus_logging_ci_high",
)


def policy_values(preparation: Preparation, *, level: float = 0.95) -> pd.DataFrame:
    """One row for each policy, P0 first: mean label with its t interval, by prompt or cluster, and the difference to
    P0's.

    NaN where a policy has no labels. The difference is of the prompts that the target's labels stand for. It takes the
    two means for independent (Welch), which is too wide rather than too narrow where they share prompts.
    """
    data = preparation.data
    logging = _logging(preparation, data.labels, level)
    rows = [{"policy": data.logging_policy, "is_logging_policy": True, "level": level} | logging]
    for name, target in data.targets.items():
        prompts = np.unique(target.prompt_ids[~np.isnan(target.labels)].astype(str)).size
        truth = preparation.truth(name)
        own = _interval(truth, prompts, level)
        row = {"policy": name, "is_logging_policy": False, "level": level} | own
        alike = preparation.truth_prompts(name)[: data.n]  # P0's prompts are numbered first
        rows.append(row | _difference(own, _of_prompts(preparation, alike, logging, level), level))
    return pd.DataFrame(rows, columns=list(VALUE_COLUMNS))


def with_headline(values: pd.DataFrame, estimates: pd.DataFrame) -> pd.DataFrame:
    """`policy_values` with the method of each target's best supported estimate; NaN where none is supported.

    Only methods that need no label of the target's own responses: the others are made of the labels that the value
    itself is made of, so beside it they show nothing.
    """
    targets = list(values.loc[~values["is_logging_policy"].astype(bool), "policy"])
    own = estimates["estimator"].isin(estimators_that(lambda one: one.own_labels))
    eligible = estimates[estimates["policy"].isin(targets) & ~own]
    best = best_supported(eligible)[["policy", *METHOD_COLUMNS]]
    return values.merge(best, on="policy", how="left", validate="one_to_one")


def _of_prompts(preparation: Preparation, alike: Bools, whole: dict[str, float], level: float) -> dict[str, float]:
    """P0's value on some of its prompts: `whole` where all its labels are of these."""
    labels = preparation.data.labels
    if alike[~np.isnan(labels)].all():
        return whole
    return _logging(preparation, np.where(alike, labels, np.nan), level)


def _logging(preparation: Preparation, labels: Floats, level: float) -> dict[str, float]:
    """P0's value by these labels (n,) of its rows; it answers each prompt once."""
    truth = truth_of(labels, np.arange(labels.size), preparation.clusters)
    return _interval(truth, int(np.count_nonzero(~np.isnan(labels))), level)


def _interval(truth: Truth, prompts: int, level: float) -> dict[str, float]:
    found = {"value": truth.value, "std_error": truth.std_error, "prompts": float(prompts), "df": np.nan}
    if truth.estimate is None:
        return found
    df = truth.estimate.df
    half = critical_value(level, df) * truth.std_error
    return found | {"df": df, "ci_low": truth.value - half, "ci_high": truth.value + half}


def _difference(one: dict[str, float], other: dict[str, float], level: float) -> dict[str, float]:
    gap = one["value"] - other["value"]
    parts = [(each["std_error"] ** 2, each["df"]) for each in (one, other)]
    total = sum(variance for variance, _ in parts)
    if not total > 0:  # no error on one side, or none that is known
        return {"minus_logging": gap}
    df = total**2 / sum(variance**2 / df for variance, df in parts)
    half = critical_value(level, df) * float(np.sqrt(total))
    return {"minus_logging": gap, "minus_logging_ci_low": gap - half, "minus_logging_ci_high": gap + half}
