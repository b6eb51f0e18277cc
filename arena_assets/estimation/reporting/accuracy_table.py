"""How near each method came to the truth over the targets that have one, and whether it orders them right."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import numpy as np
import pandas as pd

from arena_assets.estimation._types import Bools
from arena_assets.estimation.diagnostics.support import REFUSED
from arena_assets.estimation.estimators.estimate import critical_value
from arena_assets.estimation.estimators.methods import METHOD_COLUMNS
from arena_assets.estimation.rank_agreement import rank_agreement

ACCURACY_COLUMNS = (
    *METHOD_COLUMNS,
    "policies",
    "without_estimate",
    "refused",
    "rmse",
    "mean_abs_error",
    "covered",
    "kendall_tau",
    "pairs",
    "pairs_right",
    "clear_pairs",
    "clear_pairs_right",
    "ranking",
)


def method_accuracy(
    results: pd.DataFrame, values: pd.DataFrame, *, level: float = 0.95, prompts: Mapping[str, Bools] | None = None
) -> pd.DataFrame:
    """One row for each method that `results` (the analysis table) holds, in their order.

    Errors are those of the table's rows, each on the prompts that estimate and truth both rest on. Order is that of
    `values` (`policy_values`) with and without these errors, so that no missing prompt looks like a wrong order; a pair
    is clear where the truths differ beyond the `level` interval of their difference. `prompts`: (n_prompts,) for which
    ones each policy's truth stands; truths of different prompts have no order. A tie of estimates is no pair in the
    right order.
    """
    truths = values.loc[~values["is_logging_policy"].astype(bool) & values["value"].notna()].set_index("policy")
    own = results[results["policy"].isin(list(truths.index))]
    rows = [
        dict(zip(METHOD_COLUMNS, method, strict=True)) | _accuracy(group, truths, level, prompts)
        for method, group in own.groupby(list(METHOD_COLUMNS), sort=False)
    ]
    return pd.DataFrame(rows, columns=list(ACCURACY_COLUMNS))


def _accuracy(
    group: pd.DataFrame, truths: pd.DataFrame, level: float, prompts: Mapping[str, Bools] | None
) -> dict[str, object]:
    estimated, compared = group[group["estimate"].notna()], group[group["error"].notna()]
    error = compared["error"].to_numpy(float)
    by_value = estimated.sort_values("estimate", ascending=False, kind="stable")
    return {
        "policies": len(compared),
        "without_estimate": len(group) - len(compared),
        "refused": int((estimated["support"] == REFUSED).sum()),
        "rmse": float(np.sqrt(np.mean(error**2))) if error.size else np.nan,
        "mean_abs_error": float(np.abs(error).mean()) if error.size else np.nan,
        "covered": int(compared["covered"].eq(True).sum()),
        **_order(dict(zip(compared["policy"], error, strict=True)), truths, level, prompts),
        "ranking": " > ".join(by_value["policy"]) or None,
    }


def _order(
    errors: Mapping[str, float], truths: pd.DataFrame, level: float, prompts: Mapping[str, Bools] | None
) -> dict[str, object]:
    names = list(errors)
    value, std_error, df = (truths.loc[names, name].to_numpy(float) for name in ("value", "std_error", "df"))
    guess = value + np.array(list(errors.values()))
    comparable = np.array([[prompts is None or (prompts[a] == prompts[b]).all() for b in names] for a in names], bool)
    whole = rank_agreement(guess, value, comparable)
    right, clear = [], []
    for a, b in combinations(range(guess.size), 2):
        gap = value[a] - value[b]
        if gap == 0 or not comparable[a, b]:
            continue
        right.append(bool(np.sign(guess[a] - guess[b]) == np.sign(gap)))
        both = float(np.hypot(std_error[a], std_error[b]))
        clear.append(np.isfinite(both) and abs(gap) > critical_value(level, float(min(df[a], df[b]))) * both)
    return {
        "kendall_tau": whole.kendall_tau,
        "pairs": whole.pairs,
        "pairs_right": sum(right),
        "clear_pairs": sum(clear),
        "clear_pairs_right": sum(one and other for one, other in zip(right, clear, strict=True)),
    }
