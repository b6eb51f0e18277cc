"""The estimator comparison of the report: which methods came near the truth, and the estimates of one target."""

from __future__ import annotations

import pandas as pd

from arena_assets.charts.names import METHOD, with_methods
from arena_assets.tables import rows_of

_SHOWN = ["method", "estimate", "ci_low", "ci_high", "truth", "error", "covered", "support"]
_REASON_LENGTH = 90


def accuracy(table: pd.DataFrame) -> pd.DataFrame:
    """Error and coverage of each method over the targets with a truth: most targets first, then the nearest."""
    known = with_methods(table[table["policies"] > 0])
    ordered = known.sort_values(["policies", "rmse"], ascending=[False, True], kind="stable", ignore_index=True)
    shown = ["method", "policies", "rmse", "mean_abs_error", "covered", "refused", "kendall_tau"]
    return ordered[shown].rename(
        columns={
            "policies": "targets",
            "rmse": "RMSE",
            "mean_abs_error": "mean |error|",
            "kendall_tau": "Kendall's tau",
        }
    )


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
