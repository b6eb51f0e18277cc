"""The paper's design: sample sizes x oracle coverages x seeds x methods, compared with the truth of the whole data
set.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from itertools import product
from math import hypot, isnan, nan

import numpy as np
import pandas as pd

from arena_assets.estimation._types import Bools, EstimationError
from arena_assets.estimation.analysis import evaluate
from arena_assets.estimation.data.evaluation import EvaluationData, among
from arena_assets.estimation.data.truth import mean_label
from arena_assets.estimation.estimators.estimate import critical_value
from arena_assets.estimation.estimators.methods import METHOD_COLUMNS, Method
from arena_assets.estimation.rank_agreement import rank_agreement
from arena_assets.estimation.studies.spec import AblationSpec

METRICS = (
    "rmse",
    "bias",
    "coverage",
    "interval_width",
    "pairwise_accuracy",
    "kendall_tau",
    "best_found",
    "supported",
)
RUN_COLUMNS = ("sample_size", "oracle_coverage", "seed", *METHOD_COLUMNS, "policies", "failed", *METRICS)


@dataclass(frozen=True, eq=False)
class GridResult:
    """runs: one row per experiment (size, coverage, seed, method). summary: means over seeds with 95% bands.

    left_out: what of the design the data cannot give, in words.
    """

    runs: pd.DataFrame
    summary: pd.DataFrame
    left_out: tuple[str, ...]


def ablation_grid(
    data: EvaluationData,
    spec: AblationSpec,
    *,
    seed: int = 0,
    level: float = 0.95,
    progress: Callable[[int, int], None] | None = None,
) -> GridResult:
    """Run `spec` on random subsets of the prompts.

    Each (size, seed) draws prompts, each coverage keeps that share of P0's labels among them; all methods see the
    same subset. The truth of a target is the mean of all its labels. Prompts that lack a part for some policy are left
    out of all. `progress(done, total)` is called after each subset. Metrics are over the targets of one experiment:
    RMSE, mean error, share of intervals that hold the truth (its own error included), mean width, share of pairs in
    the right order, Kendall's tau, whether the best target was found, share of `supported` results. Raises
    EstimationError where the design is empty, no prompt has every part, or no target has labels.
    """
    whole, given = _whole_prompts(data), data.n
    if not whole.any():
        raise EstimationError("no prompt has a score, draw and log-probability of every policy: leave a policy out")
    if not whole.all():
        data = data.take(whole)
    truths = _truths(data)
    if not truths:
        raise EstimationError("no target has oracle labels of its own, so there is no truth to compare with")
    if not (spec.sample_sizes and spec.oracle_coverages and spec.seeds):
        raise EstimationError("a grid needs sample_sizes, oracle_coverages and seeds")
    sizes = [size for size in spec.sample_sizes if size <= data.n]
    left_out = [f"sample size {size}: only {data.n} prompts" for size in spec.sample_sizes if size > data.n]
    if data.n < given:
        left_out.append(f"{given - data.n} of {given} prompts: a policy has no draw, score or log-probability there")
    methods = [one for one in spec.chosen if one.scoring in data.scorings and not one.entry.own_labels]
    left_out += [
        f"{one.label}: the data have no such scores" for one in spec.chosen if one.scoring not in data.scorings
    ]
    own = dict.fromkeys(one.estimator for one in spec.chosen if one.entry.own_labels)
    left_out += [f"{name}: it uses the target's labels, which are the truth here" for name in own]
    labelled = float((~np.isnan(data.labels)).mean())
    left_out += [
        f"oracle coverage {share:.0%}: only {labelled:.0%} of the prompts are labelled"
        for share in spec.oracle_coverages
        if share > labelled
    ]
    shares = [share for share in spec.oracle_coverages if share <= labelled]
    if not sizes or not methods or not shares:
        raise EstimationError(f"nothing of the grid can be run: {'; '.join(left_out)}")
    total = len(sizes) * len(spec.seeds) * len(shares)
    rows: list[dict[str, object]] = []
    done = 0
    for size, repetition in product(sizes, spec.seeds):
        rng = np.random.default_rng([seed, repetition, size])
        prompts = np.sort(rng.choice(data.n, size, replace=False))
        subset = data.take(prompts)
        order = rng.permutation(np.flatnonzero(~np.isnan(subset.labels)))
        for share in shares:
            labels = np.full(size, np.nan)
            kept = order[: round(share * size)]
            labels[kept] = subset.labels[kept]
            key = {"sample_size": size, "oracle_coverage": share, "seed": repetition}
            rows += _experiments(subset.with_labels(labels), methods, truths, key, seed, level)
            done += 1
            if progress is not None:
                progress(done, total)
    runs = pd.DataFrame(rows, columns=list(RUN_COLUMNS))
    return GridResult(runs, summarise(runs), tuple(left_out))


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean of every metric over seeds, with `<metric>_low` and `<metric>_high`: its 95% band (t over seeds)."""
    rows = []
    keys = ["sample_size", "oracle_coverage", *METHOD_COLUMNS]
    for key, group in runs.groupby(keys, sort=False):
        row: dict[str, object] = dict(zip(keys, key if isinstance(key, tuple) else (key,), strict=True))
        row |= {"seeds": len(group), "failed": int(group["failed"].sum())}
        for metric in METRICS:
            row |= _band(metric, group[metric].dropna().to_numpy(dtype=np.float64))
        rows.append(row)
    return pd.DataFrame(rows)


def _band(metric: str, values: np.ndarray) -> dict[str, object]:
    if values.size == 0:
        return {metric: nan, f"{metric}_low": nan, f"{metric}_high": nan}
    mean = float(values.mean())
    if metric == "rmse":  # pooled over seeds: the root of the mean square, not the mean of roots
        mean = float(np.sqrt(np.mean(values**2)))
    half = nan
    if values.size > 1:
        half = critical_value(0.95, values.size - 1.0) * float(values.std(ddof=1)) / np.sqrt(values.size)
    return {metric: mean, f"{metric}_low": mean - half, f"{metric}_high": mean + half}


def _whole_prompts(data: EvaluationData) -> Bools:
    """(n,) prompts of which every policy has what it has at all: only on these are methods and truths comparable."""
    whole = np.ones(data.n, dtype=np.bool_)
    for scoring, scores in data.scores.items():
        whole &= ~np.isnan(scores)
        for target in data.targets.values():
            known = ~np.isnan(target.scores[scoring]) if scoring in target.scores else np.zeros(0, dtype=np.bool_)
            whole &= among(data.prompt_ids, target.prompt_ids[known]) if known.any() else True
    for target in data.targets.values():
        weighted = ~np.isnan(target.log_weights)
        whole &= weighted if weighted.any() else True
    return whole


def _truths(data: EvaluationData) -> dict[str, tuple[float, float]]:
    """Mean label and its error of every target that has labels of two prompts or more."""
    found = {}
    for name, target in data.targets.items():
        mean, error = mean_label(target.labels, pd.factorize(target.prompt_ids)[0].astype(np.int64))
        if not isnan(error):
            found[name] = mean, error
    return found


def _experiments(
    data: EvaluationData,
    methods: list[Method],
    truths: Mapping[str, tuple[float, float]],
    key: Mapping[str, object],
    seed: int,
    level: float,
) -> list[dict[str, object]]:
    by_method: dict[Method, dict[str, tuple[float, float, bool, bool]]] = {method: {} for method in methods}
    for result in evaluate(data, methods=methods, seed=seed):
        if result.policy not in truths or result.estimate is None:
            continue
        truth, truth_error = truths[result.policy]
        estimate = result.estimate
        critical = critical_value(level, estimate.df)
        covered = abs(estimate.value - truth) <= critical * hypot(estimate.std_error, truth_error)
        width = 2 * critical * estimate.std_error
        by_method[result.method][result.policy] = (
            estimate.value,
            width,
            bool(covered),
            result.support.level == "supported",
        )
    rows = []
    for method, found in by_method.items():
        row: dict[str, object] = {
            **key,
            **method.columns,
            "policies": len(found),
            "failed": len(truths) - len(found),
        }
        rows.append(row | _metrics(found, {policy: truths[policy][0] for policy in found}))
    return rows


def _metrics(found: Mapping[str, tuple[float, float, bool, bool]], truth: Mapping[str, float]) -> dict[str, object]:
    if not found:
        return dict.fromkeys(METRICS, nan)
    values = np.array([one[0] for one in found.values()])
    target = np.array([truth[policy] for policy in found])
    error = values - target
    order = rank_agreement(values, target)
    return {
        "rmse": float(np.sqrt(np.mean(error**2))),
        "bias": float(error.mean()),
        "coverage": float(np.mean([one[2] for one in found.values()])),
        "interval_width": float(np.mean([one[1] for one in found.values()])),
        "pairwise_accuracy": order.accuracy,
        "kendall_tau": order.kendall_tau,
        "best_found": float(values.argmax() == target.argmax()) if values.size > 1 else nan,
        "supported": float(np.mean([one[3] for one in found.values()])),
    }
