"""Small results and charts for the tests of the views."""

from __future__ import annotations

from typing import Any

import altair as alt
import numpy as np
import pandas as pd

from arena_assets.charts import style
from arena_assets.estimation.reporting.policy_table import with_headline

TARGETS = ("good", "bad")
COLOURS = style.policy_scale("P0", TARGETS)


def row(**changes: object) -> dict[str, object]:
    return {
        "estimator": "direct", "reward_calibration": "monotone", "weight_calibration": "none",
        "scoring": "deterministic", "policy": "good", "estimate": 0.6, "std_error": 0.02, "ci_low": 0.56,
        "ci_high": 0.64, "truth": 0.61, "truth_std_error": 0.01, "error": -0.01, "covered": True, "n": 100,
        "n_oracle": 50, "ess": None, "ess_fraction": None, "status": "ok", "reason": None, "support": "supported",
        "support_reason": None,
        "support_advice": None,
    } | changes  # fmt: skip


def values(frame: pd.DataFrame, p0: float | None = 0.9, level: float = 0.95) -> pd.DataFrame:
    """`policy_values` of rows: their truths, headlines as the gates name them, P0's mean label."""
    known = frame.drop_duplicates("policy")[["policy", "truth", "truth_std_error"]]
    table = known.rename(columns={"truth": "value", "truth_std_error": "std_error"})
    table = table.assign(is_logging_policy=False, level=level, df=1e6).astype({"value": float, "std_error": float})
    half = 1.96 * table["std_error"]
    table = table.assign(ci_low=table["value"] - half, ci_high=table["value"] + half)
    gap = table["value"] - (np.nan if p0 is None else p0)
    table = table.assign(minus_logging=gap, minus_logging_ci_low=gap - half, minus_logging_ci_high=gap + half)
    logging = pd.DataFrame([{"policy": "P0", "is_logging_policy": True, "level": level, "value": p0}])
    return with_headline(pd.concat([logging.astype({"value": float}), table], ignore_index=True), frame)


def weights(**fractions: float) -> pd.DataFrame:
    """`weight_diagnostics` of 100 rows by policy and effective share."""
    rows = [{"policy": name, "n": 100, "ess": 100 * share, "ess_fraction": share} for name, share in fractions.items()]
    return pd.DataFrame(rows, columns=["policy", "n", "ess", "ess_fraction"])


def compiled(chart: alt.TopLevelMixin) -> dict[str, Any]:
    return chart.to_dict()
