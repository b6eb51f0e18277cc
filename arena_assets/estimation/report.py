"""Diagnostics for people: what the data of each target allow. Nothing here changes an estimate."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr
from scipy.stats import spearmanr

from arena_assets.estimation._types import EstimationError, Floats
from arena_assets.estimation.data.evaluation import EvaluationData
from arena_assets.estimation.data.weights import ess
from arena_assets.estimation.diagnostics.target import TargetDiagnostics
from arena_assets.estimation.preparation import Preparation

DIAGNOSTIC_COLUMNS = (
    "policy",
    "scoring",
    "reward_calibration",
    "n",
    "ess",
    "ess_fraction",
    "max_weight_share",
    "top5_weight_share",
    "hill",
    "affinity",
    "mean_weight",
    "mean_weight_p",
    "ttc",
    "cle",
    "n_labels",
    "label_ess",
    "outside_share",
    "transport",
    "transport_std_error",
    "own_labels",
    "own_residual",
    "own_residual_std_error",
    "rmse",
    "rmse_out_of_fold",
    "judge_oracle_rank_correlation",
    "reason",
)

TARGET_MASS = 0.9  # of the target that counts as typical for it (Landesberg 2025)


def diagnostics(data: EvaluationData, *, reward_calibration: str = "monotone", seed: int = 0) -> pd.DataFrame:
    """One row per (policy, scoring): overlap in raw weights, score support, transport, calibration error.

    `ttc`: share of logged rows inside the region that holds 90% of the target's mass by surprisal per token; from .70
    it is good, and it says nothing when the effective sample size is a handful. `cle`: factor by which limited
    coverage raises the standard error of any estimate from logged rows alone. `transport`: weighted residual of the
    calibration on logged labels. `own_residual`: mean of Y - f(S) on the target's own labels, the direct test of
    transport, where such labels exist.
    """
    preparation = Preparation(data, seed=seed)
    rows = [
        _row(preparation, policy, scoring, reward_calibration) for scoring in data.scorings for policy in data.targets
    ]
    return pd.DataFrame(rows, columns=list(DIAGNOSTIC_COLUMNS))


def coverage(log_weights: Floats, target_logprobs: Floats, tokens: Floats) -> tuple[float, float]:
    """(TTC, CLE factor) of rows with finite values; NaN where there are none.

    T holds the rows whose target surprisal per token is at most its weighted .9 quantile. TTC beta is P0's mass of T;
    the factor is alpha / sqrt(beta) sqrt(1 + chi^2_T), alpha the target's mass of T, chi^2_T the spread of weights
    inside it.
    """
    kept = np.isfinite(log_weights) & np.isfinite(target_logprobs) & (tokens > 0)
    if not kept.any():
        return np.nan, np.nan
    weights = np.exp(log_weights[kept] - log_weights[kept].max())
    surprisal = -target_logprobs[kept] / tokens[kept]
    order = np.argsort(surprisal, kind="stable")
    mass = np.cumsum(weights[order]) / weights.sum()
    limit = surprisal[order[min(int(np.searchsorted(mass, TARGET_MASS)), mass.size - 1)]]
    typical = surprisal <= limit
    beta = float(typical.mean())
    alpha = float(weights[typical].sum() / weights.sum())
    spread = int(typical.sum()) / ess(weights[typical])
    return beta, float(alpha / np.sqrt(beta) * np.sqrt(spread))


def residuals_by_variance(data: EvaluationData, *, bins: int = 5, seed: int = 0) -> pd.DataFrame:
    """Out-of-fold residuals Y - f(S) on P0's labels in bins of the judge's variance: does its doubt tell where it errs?

    Columns: variance_low, variance_high, labels, mean_residual, std_error, mean_squared_residual. Empty without judge
    variance.
    """
    columns = ["variance_low", "variance_high", "labels", "mean_residual", "std_error", "mean_squared_residual"]
    if "uncertainty_aware" not in data.scores:
        return pd.DataFrame(columns=columns)
    preparation = Preparation(data, seed=seed)
    calibration = preparation.calibration("uncertainty_aware", "monotone")
    assert calibration is not None
    residual = calibration.out_of_fold.residuals
    present = ~np.isnan(data.scores["uncertainty_aware"]) & ~np.isnan(data.labels)
    variance = data.variance[present]
    frame = pd.DataFrame({"variance": variance, "residual": residual}).dropna()
    if frame.empty:
        return pd.DataFrame(columns=columns)
    groups = frame.groupby(pd.qcut(frame["variance"], bins, duplicates="drop"), observed=True)
    return pd.DataFrame(
        {
            "variance_low": groups["variance"].min(),
            "variance_high": groups["variance"].max(),
            "labels": groups.size(),
            "mean_residual": groups["residual"].mean(),
            "std_error": groups["residual"].sem(),
            "mean_squared_residual": groups["residual"].agg(lambda values: float((values**2).mean())),
        }
    ).reset_index(drop=True)


def judge_oracle_correlation(data: EvaluationData, scoring: str) -> float:
    """Spearman correlation of judge score and oracle label on P0's labelled rows; NaN where it is not defined."""
    present = ~np.isnan(data.labels) & ~np.isnan(data.scores[scoring])
    scores, labels = data.scores[scoring][present], data.labels[present]
    if scores.size < 3 or np.ptp(scores) == 0 or np.ptp(labels) == 0:
        return float("nan")
    return float(spearmanr(scores, labels).statistic)


def _row(preparation: Preparation, policy: str, scoring: str, kind: str) -> dict[str, object]:
    data = preparation.data
    log_weights = data.targets[policy].log_weights
    row: dict[str, object] = dict.fromkeys(DIAGNOSTIC_COLUMNS, np.nan)
    row |= {"policy": policy, "scoring": scoring, "reward_calibration": kind, "reason": ""}
    tokens = np.expm1(data.response_length)
    row["ttc"], row["cle"] = coverage(log_weights, data.logprobs + log_weights, tokens)
    row["judge_oracle_rank_correlation"] = judge_oracle_correlation(data, scoring)
    try:
        target = preparation.target(scoring, kind, policy)
    except EstimationError as error:
        row["reason"] = str(error)
        try:
            target = preparation.target(scoring, "none", policy)
        except EstimationError:
            return row
    row |= _target_row(target.diagnostics)
    calibration = target.inputs.calibration
    if calibration is not None:
        row["rmse"], row["rmse_out_of_fold"] = calibration.rmse()
        row |= _own_row(preparation, scoring, kind, policy)
    return row


def _target_row(seen: TargetDiagnostics) -> dict[str, object]:
    weights = seen.weights
    return {
        "n": weights.n,
        "ess": weights.ess,
        "ess_fraction": weights.ess_fraction,
        "max_weight_share": weights.max_share,
        "top5_weight_share": weights.top5_share,
        "hill": weights.hill,
        "affinity": weights.affinity,
        "mean_weight": weights.mean,
        "mean_weight_p": float(2 * ndtr(-abs(weights.mean_z))),
        "n_labels": seen.n_labels,
        "label_ess": seen.label_ess,
        "outside_share": seen.outside,
        "transport": seen.transport,
        "transport_std_error": seen.transport_error,
    }


def _own_row(preparation: Preparation, scoring: str, kind: str, policy: str) -> dict[str, object]:
    residual = preparation.own_residuals(scoring, kind, policy)
    count = residual.size
    if count == 0:
        return {"own_labels": 0}
    error = float(residual.std(ddof=1) / np.sqrt(count)) if count > 1 else np.nan
    return {"own_labels": count, "own_residual": float(residual.mean()), "own_residual_std_error": error}
