"""The estimator comparison of the report: which methods came near the truth, and the estimates of one target."""

from __future__ import annotations

import pandas as pd

from arena_assets.charts.names import METHOD, with_methods
from arena_assets.charts.nearness import Nearness
from arena_assets.tables import rows_of

_SHOWN = ["method", "estimate", "ci_low", "ci_high", "truth", "error", "covered", "support"]
_REASON_LENGTH = 90


def accuracy(table: pd.DataFrame, near: Nearness) -> pd.DataFrame:
    """Error of each method over the targets that all of them estimate, the nearest first; the rest over its own.

    table: `method_accuracy`. Methods that use the target's own labels have no place among them.
    """
    own = table.drop(columns=["rmse", "mean_abs_error"])
    shown = with_methods(near.methods.merge(own[own["policies"] > 0], on=METHOD))
    shown = shown.sort_values("rmse", kind="stable", ignore_index=True)
    columns = {"method": "method", "rmse": "RMSE", "mean_abs_error": "mean |error|", "policies": "targets"}
    columns |= {"covered": "covered", "refused": "refused", "kendall_tau": "Kendall's tau"}
    return shown[list(columns)].rename(columns=columns)


def of_policy(results: pd.DataFrame, policy: str) -> pd.DataFrame:
    """Every method's estimate of a target, the supported first."""
    own = with_methods(results[results["policy"] == policy])
    level = own["support"].map({"supported": 0, "caution": 1, "refused": 2})
    own = own.assign(_level=level).sort_values(["_level", "std_error"], kind="stable")
    shown = own[_SHOWN].copy()
    shown["why"] = [_short(row["support_reason"]) for row in rows_of(own)]
    return shown


def against_logging(contrasts: pd.DataFrame, best: pd.DataFrame, logging_policy: str) -> pd.DataFrame:
    """The difference to P0 of each target's best supported estimate; its interval is the simultaneous one, so that
    several differences can be told at once.
    """
    own, key = contrasts[contrasts["reference"] == logging_policy], ["policy", *METHOD]
    own = own.assign(ci_low=own["simultaneous_ci_low"], ci_high=own["simultaneous_ci_high"])
    return own.merge(best[key], on=key)


def _short(reason: object) -> str | None:
    """The beginning of a reason; `ablation_results` holds all of it."""
    if not isinstance(reason, str):
        return None  # null, as None or as NaN
    if len(reason) <= _REASON_LENGTH:
        return reason
    return reason[:_REASON_LENGTH].rsplit(" ", 1)[0] + " …"
