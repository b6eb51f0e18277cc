"""The analysis of a generated experiment: estimates as wrong as such methods are, and the tables beside them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
import numpy.typing as npt
import pandas as pd
from scipy import stats

from arena_assets.config import Experiment
from arena_assets.estimation import BASIC, complete_analysis
from arena_assets.estimation.estimators.methods import METHOD_COLUMNS, Method, full_grid
from arena_assets.estimation.estimators.registry import Assumes
from arena_assets.estimation.reporting.accuracy_table import method_accuracy
from arena_assets.estimation.reporting.policy_table import with_headline
from arena_assets.stages.collecting import as_data
from arena_assets.storage import Store

Floats = npt.NDArray[np.float64]


def results(
    labels: Mapping[str, Floats], log_weights: Mapping[str, Floats], *, logging_policy: str, coverage: float, seed: int
) -> pd.DataFrame:
    """One row for each method and target: truth from `labels`, effective sample size from `log_weights`."""
    rng = np.random.default_rng([seed, 99])
    n = labels[logging_policy].size
    n_oracle = round(n * coverage)
    rows = [
        _row(method, policy, labels[policy], np.exp(log_weights[policy]), n_oracle, rng)
        for method in full_grid()
        for policy in log_weights
    ]
    return pd.DataFrame(rows)


def beside(
    experiment: Experiment, store: Store, partitions: Sequence[str], made: pd.DataFrame
) -> dict[str, pd.DataFrame]:
    """The tables beside `made`: of the generated data by a few real methods, and of the generated estimates."""
    tables = {
        asset: pd.concat([store.read(asset, key) for key in partitions], ignore_index=True)
        for asset in ("responses", "logprobs", "judge_scores", "oracle_labels")
    }
    level = experiment.analysis.level
    found = complete_analysis(as_data(experiment, tables), methods=BASIC, level=level)
    del found["ablation_results"]
    values = found["policy_values"].drop(columns=list(METHOD_COLUMNS))
    found["policy_values"] = with_headline(values, made)
    found["method_accuracy"] = method_accuracy(made, values, level=level)
    return found


def _row(
    method: Method, policy: str, labels: Floats, weights: Floats, n_oracle: int, rng: np.random.Generator
) -> dict[str, object]:
    n = weights.size
    ess = float(weights.sum() ** 2 / (weights @ weights))
    truth, truth_error = float(labels.mean()), float(labels.std(ddof=1) / np.sqrt(n))
    spread = float(labels.std(ddof=1))
    weighted = method.uses_weights
    rows_that_count = (ess * (3 if method.weight_calibration == "simcal" else 1)) if weighted else float(n)
    error = spread / np.sqrt(max(min(rows_that_count, n), 1.0)) + spread / np.sqrt(max(n_oracle, 1)) * 0.5
    bias = 0.0 if method.entry.own_labels else 0.4 * error * float(rng.normal())
    bias += -0.12 if method.reward_calibration == "none" and not weighted else 0.0
    estimate = truth + bias + error * float(rng.normal())
    df = float(max(n_oracle - 1, 1))
    half = float(stats.t.ppf(0.975, df)) * error
    total = float(stats.t.ppf(0.975, df) * np.hypot(error, truth_error))
    fraction = ess / n
    support, reason = "supported", None
    if weighted and ess < 15:
        support, reason = "refused", f"effective sample size {ess:.0f} of {n} ({fraction:.1%}), below 15"
    elif weighted and ess < 30:
        support, reason = "caution", f"effective sample size {ess:.0f} of {n} ({fraction:.1%}), below 30"
    elif method.entry.assumes is Assumes.JUDGE:
        support, reason = "caution", "the judge is not calibrated: its level is not the oracle's"
    # The one that fits an outcome model of its own to the labels.
    fits_own_model = method.entry.stacked and "none" not in method.entry.reward.kinds
    failed = fits_own_model and policy == "pi_bad" and method.reward_calibration == "two_stage"
    return {
        "estimator": method.estimator,
        "reward_calibration": method.reward_calibration,
        "weight_calibration": method.weight_calibration,
        "scoring": method.scoring,
        "policy": policy,
        "estimate": None if failed else estimate,
        "std_error": None if failed else error,
        "df": None if failed else df,
        "ci_low": None if failed else estimate - half,
        "ci_high": None if failed else estimate + half,
        "truth": truth,
        "truth_std_error": truth_error,
        "error": None if failed else estimate - truth,
        "covered": None if failed else bool(abs(estimate - truth) <= total),
        "n": n,
        "n_oracle": n_oracle,
        "ess": ess if weighted else None,
        "ess_fraction": fraction if weighted else None,
        "max_weight_share": float(weights.max() / weights.sum()) if weighted else None,
        "seconds": 0.001,
        "status": "failed" if failed else "ok",
        "reason": "the weighted outcome model has no labelled row of weight" if failed else None,
        "support": "refused" if failed else support,
        "support_reason": "no estimate" if failed else reason,
        "support_advice": None if failed else "Made up: more labels would do.",
    }
