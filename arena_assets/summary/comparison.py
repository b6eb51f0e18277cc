"""The estimator comparison of the report: which methods came near the truth, and the estimates of one target."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from arena_assets.summary.charts import Estimate
from arena_assets.tables import rows_of

_METHOD = ["estimator", "reward_calibration", "weight_calibration", "scoring"]
_SHOWN = ["estimate", "ci_low", "ci_high", "truth", "error", "covered", "support"]
_REASON_LENGTH = 90
# A plot of more lines is no longer read.
_LINES = 24


def method_name(row: Mapping[str, Any]) -> str:
    """A method in words: what is `none` is left out."""
    parts = [row["estimator"]]
    parts += [row[name] for name in ("reward_calibration", "weight_calibration") if row[name] != "none"]
    if row["scoring"] != "deterministic":
        parts.append("uncertainty-aware")
    return " + ".join(parts)


def accuracy(results: pd.DataFrame, logging_policy: str) -> pd.DataFrame:
    """Mean absolute error and coverage of each method over the targets with a truth, the nearest first."""
    known = results[(results["policy"] != logging_policy) & results["error"].notna()]
    if known.empty:
        return pd.DataFrame(columns=["method", "targets", "mean |error|", "share covered", "refused"])
    rows = []
    for _, group in known.groupby(_METHOD, sort=False):
        refused = int((group["support"] == "refused").sum())
        covered = float(group["covered"].astype("float64").mean())
        name = method_name(rows_of(group)[0])
        rows.append((name, len(group), float(group["error"].abs().mean()), covered, refused))
    table = pd.DataFrame(rows, columns=["method", "targets", "mean |error|", "share covered", "refused"])
    return table.sort_values("mean |error|", ignore_index=True)


def of_policy(results: pd.DataFrame, policy: str) -> pd.DataFrame:
    """Every method's estimate of a target, the supported first."""
    own = _ordered(results, policy)
    shown = own[_SHOWN].copy()
    shown.insert(0, "method", [method_name(row) for row in rows_of(own)])
    shown["why"] = [_short(row["support_reason"]) for row in rows_of(own)]
    return shown


def _short(reason: object) -> str | None:
    """The beginning of a reason; `ablation_results` holds all of it."""
    if not isinstance(reason, str):
        return None  # null, as None or as NaN
    if len(reason) <= _REASON_LENGTH:
        return reason
    return reason[:_REASON_LENGTH].rsplit(" ", 1)[0] + " …"


def estimates_of(results: pd.DataFrame, policy: str) -> tuple[list[Estimate], float | None]:
    """The lines of a target's plot, and its truth where there is one."""
    own = _ordered(results, policy)
    done = own[own["status"] == "ok"]
    lines = [
        Estimate(method_name(row), row["estimate"], row["ci_low"], row["ci_high"], row["support"])
        for row in rows_of(done.head(_LINES))
    ]
    known = own["truth"].dropna()
    return lines, float(known.iloc[0]) if len(known) else None


def _ordered(results: pd.DataFrame, policy: str) -> pd.DataFrame:
    own = results[results["policy"] == policy]
    level = own["support"].map({"supported": 0, "caution": 1, "refused": 2})
    return own.assign(_level=level).sort_values(["_level", "std_error"], kind="stable").drop(columns="_level")
