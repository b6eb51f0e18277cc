"""Overlap of each target with P0, from the raw weights of all logged rows that have one."""

from __future__ import annotations

import numpy as np
import pandas as pd
from scipy.special import ndtr

from arena_assets.estimation._types import Floats
from arena_assets.estimation.data.clusters import clusters_of, mean_error
from arena_assets.estimation.data.evaluation import EvaluationData
from arena_assets.estimation.data.weights import MAX_LOG_WEIGHT, ess, from_log
from arena_assets.estimation.diagnostics.weights import diagnose

WEIGHT_COLUMNS = (
    "policy",
    "n",
    "without_weight",
    "ess",
    "ess_fraction",
    "max_weight_share",
    "top5_weight_share",
    "pareto_k",
    "affinity",
    "mean_weight",
    "mean_weight_std_error",
    "mean_weight_p",
    "ttc",
    "cle",
    "median_log_weight",
    "sd_log_weight",
    "largest_abs_log_weight",
    "exactly_one",
    "zero",
    "log_weight_cap",
    "capped",
)
CURVE_COLUMNS = ("policy", "rank", "share_of_rows", "log_weight", "carried")

TARGET_MASS = 0.9  # of the target that counts as typical for it (Landesberg 2025)
CURVE_POINTS = 120  # a line on a screen shows no more


def weight_diagnostics(data: EvaluationData) -> pd.DataFrame:
    """One row for each target: how much P0's rows say about it. NaN where it has no weight at all.

    `ttc`: share of logged rows inside the region that holds 90% of the target's mass by surprisal per token; from .70
    it is good, and it says nothing when the effective sample size is a handful. `cle`: factor by which limited
    coverage raises the standard error of any estimate from logged rows alone.
    """
    rows = [_row(data, policy) for policy in data.targets]
    return pd.DataFrame(rows, columns=list(WEIGHT_COLUMNS))


def weight_curve(data: EvaluationData, *, points: int = CURVE_POINTS) -> pd.DataFrame:
    """Each target's sorted weights, thinned evenly on the log scale of the rank: who carries the weight, and the tail.

    `rank` 1 is the heaviest row; `carried` is the share of all weight that the rows up to it carry.
    """
    parts = []
    for policy, target in data.targets.items():
        logs = np.sort(_present(target.log_weights))[::-1]
        if not logs.size or np.isneginf(logs[0]):
            continue  # no weight that anything could carry
        carried = np.cumsum(np.exp(logs - logs[0]))
        rank = np.unique(np.geomspace(1, logs.size, points).round().astype(np.int64))
        share = carried[rank - 1] / carried[-1]
        columns = (policy, rank, rank / logs.size, logs[rank - 1], share)
        parts.append(pd.DataFrame(dict(zip(CURVE_COLUMNS, columns, strict=True))))
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=list(CURVE_COLUMNS))


def coverage(log_weights: Floats, target_logprobs: Floats, tokens: Floats) -> tuple[float, float]:
    """(TTC, CLE factor) of the rows that have values; NaN where none has any weight.

    T holds the rows whose target surprisal per token is at most its weighted .9 quantile. TTC beta is P0's mass of T;
    the factor is alpha / sqrt(beta) sqrt(1 + chi^2_T), alpha the target's mass of T, chi^2_T the spread of weights
    inside it. Rows that the target cannot give (a log weight of minus infinity) are P0's, and lie outside T.
    """
    kept = ~np.isnan(log_weights) & ~np.isnan(target_logprobs) & (tokens > 0)
    if not np.isfinite(log_weights[kept]).any():
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


def _present(log_weights: Floats) -> Floats:
    return log_weights[~np.isnan(log_weights)]


def _row(data: EvaluationData, policy: str) -> dict[str, object]:
    log_weights = data.targets[policy].log_weights
    logs = _present(log_weights)
    row: dict[str, object] = dict.fromkeys(WEIGHT_COLUMNS, np.nan)
    row |= {"policy": policy, "n": logs.size, "without_weight": data.n - logs.size, "log_weight_cap": MAX_LOG_WEIGHT}
    row |= {"exactly_one": int((logs == 0).sum()), "capped": int((logs > MAX_LOG_WEIGHT).sum()), "zero": 0}
    if not logs.size:
        return row
    weights = from_log(logs)
    clusters = clusters_of(data.prompt_ids, data.clusters).within(np.flatnonzero(~np.isnan(log_weights)))
    seen = diagnose(weights, clusters)
    row["zero"] = int((weights == 0).sum())
    ttc, cle = coverage(log_weights, data.logprobs + log_weights, np.expm1(data.response_length))
    return row | {
        "ess": seen.ess,
        "ess_fraction": seen.ess_fraction,
        "max_weight_share": seen.max_share,
        "top5_weight_share": seen.top5_share,
        "pareto_k": seen.pareto_k,
        "affinity": seen.affinity,
        "mean_weight": seen.mean,
        "mean_weight_std_error": mean_error(weights, clusters),
        "mean_weight_p": float(2 * ndtr(-abs(seen.mean_z))),
        "ttc": ttc,
        "cle": cle,
        "median_log_weight": float(np.median(logs)),
        "sd_log_weight": float(logs[weights > 0].std()) if weights.any() else np.nan,
        "largest_abs_log_weight": float(np.abs(logs).max()),
    }
