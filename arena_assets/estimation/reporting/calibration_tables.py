"""The calibration as it was fitted on P0's labels: its curve, and the labels of every policy in bins beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from arena_assets.estimation._types import Floats
from arena_assets.estimation.calibration.reward import RewardCalibration
from arena_assets.estimation.estimators.estimate import critical_value
from arena_assets.estimation.preparation import Preparation
from arena_assets.estimation.reporting.labelled_rows import Fitted, labelled_rows

CURVE_COLUMNS = ("scoring", "reward_calibration", "point", "position", "value")
BIN_COLUMNS = (
    "scoring",
    "reward_calibration",
    "policy",
    "bin",
    "labels",
    "score_low",
    "score_high",
    "score",
    "label",
    "std_error",
    "ci_low",
    "ci_high",
    "calibrated",
    "residual",
)

CURVE_POINTS = 200
MOST_BINS = LEAST_LABELS = 12  # at least so many labels in a bin, so small samples get fewer bins


def calibration_curve(fitted: Sequence[Fitted]) -> pd.DataFrame:
    """f over the labelled range, at `CURVE_POINTS` equal steps of what it reads.

    `position` is the judge score under monotone calibration, and the row's place on the two-stage index, 0 to 1,
    under two-stage.
    """
    parts = [
        pd.DataFrame(
            {
                "scoring": one.scoring,
                "reward_calibration": one.kind,
                "point": np.arange(CURVE_POINTS),
                "position": (position := _positions(one.calibration)),
                "value": one.calibration.model.curve(position),
            }
        )
        for one in fitted
    ]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(CURVE_COLUMNS))


def calibration_bins(preparation: Preparation, fitted: Sequence[Fitted], *, level: float = 0.95) -> pd.DataFrame:
    """Mean label and mean f in quantile bins of the judge score, for each policy with labels.

    The interval is that of the mean label (t, `level`); NaN for a single label. `residual` is label minus calibrated.
    """
    policies = (preparation.data.logging_policy, *preparation.data.targets)
    parts = []
    for one in fitted:
        for policy in policies:
            rows = labelled_rows(preparation, one, policy)
            if len(rows):
                found = _bins(rows, level)
                parts.append(found.assign(scoring=one.scoring, reward_calibration=one.kind, policy=policy))
    return pd.concat(parts, ignore_index=True)[list(BIN_COLUMNS)] if parts else pd.DataFrame(columns=list(BIN_COLUMNS))


def _positions(calibration: RewardCalibration) -> Floats:
    seen = calibration.model.position(calibration.prepared)
    return np.linspace(seen.min(), seen.max(), CURVE_POINTS)


def _bins(rows: pd.DataFrame, level: float) -> pd.DataFrame:
    number = int(np.clip(len(rows) // LEAST_LABELS, 1, MOST_BINS))
    place = pd.qcut(rows["score"].rank(method="average"), number, duplicates="drop", labels=False)
    grouped = rows.groupby(pd.factorize(place, sort=True)[0])
    size, error = grouped.size(), grouped["label"].sem()
    half = np.array([critical_value(level, n - 1.0) if n > 1 else np.nan for n in size]) * error
    label, calibrated = grouped["label"].mean(), grouped["calibrated"].mean()
    return pd.DataFrame(
        {
            "bin": size.index,
            "labels": size,
            "score_low": grouped["score"].min(),
            "score_high": grouped["score"].max(),
            "score": grouped["score"].mean(),
            "label": label,
            "std_error": error,
            "ci_low": label - half,
            "ci_high": label + half,
            "calibrated": calibrated,
            "residual": label - calibrated,
        }
    )
