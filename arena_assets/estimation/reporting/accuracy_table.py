"""How near each method came to the truth over the targets that have one, and whether it orders them right."""

from __future__ import annotations

from itertools import combinations

import numpy as np
import pandas as pd

from arena_assets.estimation.diagnostics import gates
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


def method_accuracy(results: pd.DataFrame, values: pd.DataFrame, *, level: float = 0.95) -> pd.DataFrame:
    """One row for each method that `results` (the analysis table) holds, in their order.

    Errors are those of the table's rows; order is that of `values` (`policy_values`), of which a pair is clear where
    the truths differ beyond the `level` interval of their difference. A tie of estimates is no pair in the right
    order.
    """
    truths = values.loc[~values["is_logging_policy"].astype(bool) & values["value"].notna()].set_index("policy")
    own = results[results["policy"].isin(list(truths.index))]
    rows = [
        dict(zip(METHOD_COLUMNS, method, strict=True)) | _accuracy(group, truths, level)
        for method, group in own.groupby(list(METHOD_COLUMNS), sort=False)
    ]
    return pd.DataFrame(rows, columns=list(ACCURACY_COLUMNS))


def _accuracy(group: pd.DataFrame, truths: pd.DataFrame, level: float) -> dict[str, object]:
    found = group[group["estimate"].notna()]
    error = found["error"].dropna().to_numpy(float)
    estimates = dict(zip(found["policy"], found["estimate"].astype(float), strict=True))
    return {
        "policies": len(found),
        "without_estimate": len(group) - len(found),
        "refused": int((found["support"] == gates.REFUSED).sum()),
        "rmse": float(np.sqrt(np.mean(error**2))) if error.size else np.nan,
        "mean_abs_error": float(np.abs(error).mean()) if error.size else np.nan,
        "covered": int(found["covered"].eq(True).sum()),
        **_order(estimates, truths, level),
        "ranking": " > ".join(sorted(estimates, key=lambda name: -estimates[name])) or None,
    }


def _order(estimates: dict[str, float], truths: pd.DataFrame, level: float) -> dict[str, object]:
    known = truths.loc[list(estimates)]
    value, error, df = (known[name].to_numpy(float) for name in ("value", "std_error", "df"))
    guess = np.array(list(estimates.values()))
    whole = rank_agreement(guess, value)
    right, clear = [], []
    for a, b in combinations(range(guess.size), 2):
        gap = value[a] - value[b]
        if gap == 0:
            continue
        right.append(bool(np.sign(guess[a] - guess[b]) == np.sign(gap)))
        both = float(np.hypot(error[a], error[b]))
        clear.append(np.isfinite(both) and abs(gap) > critical_value(level, float(min(df[a], df[b]))) * both)
    return {
        "kendall_tau": whole.kendall_tau,
        "pairs": whole.pairs,
        "pairs_right": sum(right),
        "clear_pairs": sum(clear),
        "clear_pairs_right": sum(one and other for one, other in zip(right, clear, strict=True)),
    }
