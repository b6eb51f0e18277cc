"""Does P0's calibration hold for each policy: residuals on its own labels, scores out of range, the transport test."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import numpy as np
import pandas as pd
from scipy.stats import pearsonr, spearmanr

from arena_assets.estimation._types import EstimationError, Floats
from arena_assets.estimation.data.clusters import clusters_of, mean_error
from arena_assets.estimation.diagnostics.target import TargetDiagnostics
from arena_assets.estimation.estimators.estimate import critical_value
from arena_assets.estimation.preparation import Preparation
from arena_assets.estimation.reporting.labelled_rows import Fitted, labelled_rows

CALIBRATION_COLUMNS = (
    "policy",
    "scoring",
    "reward_calibration",
    "labels",
    "rank_correlation",
    "correlation",
    "residual",
    "residual_std_error",
    "residual_df",
    "residual_ci_low",
    "residual_ci_high",
    "rmse",
    "range_low",
    "range_high",
    "share_below",
    "share_above",
    "beyond_low",
    "beyond_high",
    "n_labels",
    "label_ess",
    "transport",
    "transport_std_error",
    "reason",
)


def calibration_diagnostics(
    preparation: Preparation, kinds: Iterable[str], fitted: Iterable[Fitted], *, level: float = 0.95
) -> pd.DataFrame:
    """One row for each policy, scoring and calibration; NaN with a `reason` where there is no calibration.

    `residual`: mean by prompt of Y - f(S) on the policy's own labels, the direct test of transport; P0's own by f-,
    out of fold. `transport`: weighted residual on P0's labels, the test that needs no label of the target.
    `share_below`, `share_above`: of its scores beyond the calibrated range, less what the labels themselves show there;
    the truth of the calibrated mean lies at most `beyond_low` below and `beyond_high` above it for their sake.
    """
    data = preparation.data
    there = {(one.scoring, one.kind): one for one in fitted}
    rows = [
        _row(preparation, policy, scoring, kind, there.get((scoring, kind)), level)
        for scoring in data.scorings
        for kind in kinds
        for policy in (data.logging_policy, *data.targets)
    ]
    return pd.DataFrame(rows, columns=list(CALIBRATION_COLUMNS))


def _row(
    preparation: Preparation, policy: str, scoring: str, kind: str, fitted: Fitted | None, level: float
) -> dict[str, object]:
    row: dict[str, object] = dict.fromkeys(CALIBRATION_COLUMNS, np.nan)
    row |= {"policy": policy, "scoring": scoring, "reward_calibration": kind, "labels": 0, "n_labels": 0}
    row |= {"reason": None}
    if fitted is not None:
        row |= _of_labels(labelled_rows(preparation, fitted, policy), preparation.data.clusters, level)
    try:
        seen = preparation.target(scoring, kind, policy).diagnostics
    except EstimationError as error:
        return row | {"reason": str(error)}
    return row | {
        **_range(seen),
        "n_labels": seen.n_labels,
        "label_ess": seen.label_ess,
        "transport": seen.transport,
        "transport_std_error": seen.transport_error,
    }


def _of_labels(rows: pd.DataFrame, clusters: Mapping[str, str], level: float) -> dict[str, object]:
    if rows.empty:
        return {}
    score, label = rows["score"].to_numpy(float), rows["label"].to_numpy(float)
    gap = rows["label"] - rows["calibrated"]
    by_prompt = gap.groupby(rows["prompt_id"]).mean()
    found: dict[str, object] = {
        "labels": len(rows),
        "residual": float(by_prompt.mean()),
        "rmse": float(np.sqrt(np.mean(gap**2))),
        **_correlations(score, label),
    }
    known = clusters_of(by_prompt.index.to_numpy(dtype=object), clusters)
    if known.count > 1:
        df = known.count - 1.0
        error = mean_error(by_prompt.to_numpy(float), known.within(np.arange(by_prompt.size)))
        half = critical_value(level, df) * error
        found |= {"residual_std_error": error, "residual_df": df}
        found |= {"residual_ci_low": by_prompt.mean() - half, "residual_ci_high": by_prompt.mean() + half}
    return found


def _correlations(score: Floats, label: Floats) -> dict[str, object]:
    """Of judge score and oracle label; not defined below three rows, or where either never varies."""
    if score.size < 3 or np.ptp(score) == 0 or np.ptp(label) == 0:
        return {}
    return {
        "rank_correlation": float(spearmanr(score, label).statistic),
        "correlation": float(pearsonr(score, label).statistic),
    }


def _range(seen: TargetDiagnostics) -> dict[str, object]:
    """The calibrated range as the gates know it, and the shares of the policy's scores on either side of it."""
    known, beyond = seen.labelled_range, seen.drawn_beyond
    if known is None or beyond is None:
        return {}
    return {
        "range_low": known.low,
        "range_high": known.high,
        "share_below": beyond.below,
        "share_above": beyond.above,
        "beyond_low": beyond.low,
        "beyond_high": beyond.high,
    }
