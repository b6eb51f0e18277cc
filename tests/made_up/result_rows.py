"""Small results and charts for the tests of the views."""

from __future__ import annotations

import altair as alt

from arena_assets.charts import style

TARGETS = ("good", "bad")
COLOURS = style.policy_scale("P0", TARGETS)


def row(**changes: object) -> dict[str, object]:
    return {
        "estimator": "direct", "reward_calibration": "monotone", "weight_calibration": "none",
        "scoring": "deterministic", "policy": "good", "estimate": 0.6, "std_error": 0.02, "ci_low": 0.56,
        "ci_high": 0.64, "truth": 0.61, "truth_std_error": 0.01, "error": -0.01, "covered": True, "n": 100,
        "n_oracle": 50, "ess": None, "ess_fraction": None, "status": "ok", "reason": None, "support": "supported",
        "support_reason": None,
    } | changes  # fmt: skip


def compiled(chart: alt.TopLevelMixin) -> dict[str, object]:
    return chart.to_dict()
