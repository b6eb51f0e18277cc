"""The paper's design: sample sizes x oracle coverages x seeds x methods, compared with the truth of the whole data
set.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import product
from math import isnan, nan

import numpy as np
import pandas as pd

from arena_assets.estimation._numeric import tally
from arena_assets.estimation._types import Bools, EstimationError, Floats, Ints
from arena_assets.estimation.analysis import Result, evaluate
from arena_assets.estimation.data.clusters import Clusters, clusters_of
from arena_assets.estimation.data.evaluation import EvaluationData, among
from arena_assets.estimation.diagnostics.support import SUPPORTED
from arena_assets.estimation.estimators.estimate import Estimate
from arena_assets.estimation.estimators.methods import METHOD_COLUMNS, Method
from arena_assets.estimation.estimators.truth import Truth, truth_of
from arena_assets.estimation.rank_agreement import rank_agreement
from arena_assets.estimation.studies import bands
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
SHARES = ("coverage", "pairwise_accuracy", "best_found", "supported")
RUN_COLUMNS = ("sample_size", "oracle_coverage", "seed", "share", *METHOD_COLUMNS, "policies", "failed", *METRICS)


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

    Each (size, seed) draws prompts, disjoint ones for as many seeds as there are prompts for, whole clusters of them up
    to the size; each coverage keeps that share of P0's labels among them; all methods see the same subset. The truth of
    a target is the mean of all its labels. Prompts that lack a part for some policy are left out of all.
    `progress(done, total)` is called after each subset. Metrics are over the targets of one experiment: RMSE, mean
    error, share of intervals that hold the truth (paired with it), mean width, share of pairs in the right order,
    Kendall's tau, whether the best target was found, share of `supported` results. What could not be estimated counts
    as not covered, in the wrong order, not found and not supported. Raises EstimationError where the design is empty,
    no prompt has every part, or no target has labels.
    """
    whole, given = _whole_prompts(data), data.n
    if not whole.any():
        raise EstimationError("no prompt has a score, draw and log-probability of every policy: leave a policy out")
    data = data.take(whole)
    clusters = clusters_of(data.prompt_ids, data.clusters)
    truths = _truths(data, clusters)
    if not truths:
        raise EstimationError("no target has oracle labels of its own, so there is no truth to compare with")
    if not (spec.sample_sizes and spec.oracle_coverages and spec.seeds):
        raise EstimationError("a grid needs sample_sizes, oracle_coverages and seeds")
    sizes = [size for size in spec.sample_sizes if size <= data.n]
    left_out = [f"sample size {size}: only {data.n} prompts" for size in spec.sample_sizes if size > data.n]
    largest = int(tally(clusters.of).max())
    left_out += [f"sample size {size}: a cluster has {largest} prompts" for size in sizes if size < largest]
    sizes = [size for size in sizes if size >= largest]
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
        prompts, rng = _subset(clusters, size, repetition, seed)
        subset = data.take(prompts)
        order = rng.permutation(np.flatnonzero(~np.isnan(subset.labels)))
        for share in shares:
            labels = np.full(subset.n, np.nan)
            kept = order[: round(share * subset.n)]
            labels[kept] = subset.labels[kept]
            key = {"sample_size": size, "oracle_coverage": share, "seed": repetition, "share": size / data.n}
            results = evaluate(subset.with_labels(labels), methods=methods, seed=seed)
            rows += _experiments(results, methods, truths, np.unique(clusters.of[prompts]), key, level)
            done += 1
            if progress is not None:
                progress(done, total)
    runs = pd.DataFrame(rows, columns=list(RUN_COLUMNS))
    return GridResult(runs, summarise(runs), tuple(left_out))


def summarise(runs: pd.DataFrame) -> pd.DataFrame:
    """Mean of every metric over seeds, with `<metric>_low` and `<metric>_high`, its 95% Monte Carlo band (`bands`)."""
    rows = []
    keys = ["sample_size", "oracle_coverage", *METHOD_COLUMNS]
    for key, group in runs.groupby(keys, sort=False):
        row: dict[str, object] = dict(zip(keys, key if isinstance(key, tuple) else (key,), strict=True))
        share = float(group["share"].iloc[0])
        row |= {
            "seeds": len(group),
            "independent": bands.independent(len(group), share),
            "failed": int(group["failed"].sum()),
        }
        for metric in METRICS:
            row |= _band(metric, group[metric].dropna().to_numpy(dtype=np.float64), share)
        rows.append(row)
    return pd.DataFrame(rows)


def _band(metric: str, values: Floats, share: float) -> dict[str, object]:
    if values.size == 0:
        return {metric: nan, f"{metric}_low": nan, f"{metric}_high": nan}
    mean = bands.root_mean_square(values) if metric == "rmse" else float(values.mean())
    if metric in SHARES:
        low, high = bands.share_band(mean, bands.independent(values.size, share))
    else:
        half = bands.mean_half_width(values, share)
        low, high = mean - half, mean + half
    return {metric: mean, f"{metric}_low": low, f"{metric}_high": high}


def _subset(clusters: Clusters, size: int, repetition: int, seed: int) -> tuple[Ints, np.random.Generator]:
    """Prompts of a repetition, and its generator for labels.

    One order of all clusters serves as many repetitions as it has disjoint subsets for; the next get another order. A
    subset takes clusters from where the last one ended until the next would exceed the size.
    """
    fits = clusters.of.size // size
    order = np.random.default_rng([seed, repetition // fits, size]).permutation(clusters.count)
    ends = np.cumsum(tally(clusters.of)[order])
    start = stop = 0
    for _ in range(repetition % fits + 1):
        start = stop
        taken = ends[start - 1] if start else 0.0
        stop = int(np.searchsorted(ends, taken + size, side="right"))
    chosen = np.zeros(clusters.count, dtype=np.bool_)
    chosen[order[start:stop]] = True
    return np.flatnonzero(chosen[clusters.of]), np.random.default_rng([seed, repetition, size, 1])


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


def _truths(data: EvaluationData, clusters: Clusters) -> dict[str, Truth]:
    """Of every target that has labels of two prompts, or clusters, or more, with its contributions."""
    found = {}
    for name, target in data.targets.items():
        rows = pd.Index(data.prompt_ids, dtype=object).get_indexer(pd.Index(target.prompt_ids, dtype=object))
        truth = truth_of(target.labels, rows.astype(np.int64), clusters)
        if truth.estimate is not None:
            found[name] = truth
    return found


@dataclass(frozen=True)
class _Seen:
    """One estimate beside its truth; all but the truth is NaN or False where there is none."""

    truth: float
    value: float = nan
    width: float = nan
    covered: bool = False
    supported: bool = False


def _experiments(
    results: Iterable[Result],
    methods: Iterable[Method],
    truths: Mapping[str, Truth],
    clusters: Ints,
    key: Mapping[str, object],
    level: float,
) -> list[dict[str, object]]:
    by_method = {method: {policy: _Seen(truth.value) for policy, truth in truths.items()} for method in methods}
    for result in results:
        if result.policy in truths and result.estimate is not None:
            by_method[result.method][result.policy] = _seen(
                result, result.estimate, truths[result.policy], clusters, level
            )
    rows = []
    for method, found in by_method.items():
        failed = sum(isnan(one.value) for one in found.values())
        row: dict[str, object] = {**key, **method.columns, "policies": len(found) - failed, "failed": failed}
        rows.append(row | _metrics(list(found.values())))
    return rows


def _seen(result: Result, estimate: Estimate, truth: Truth, clusters: Ints, level: float) -> _Seen:
    """The estimate beside the truth of all N clusters, paired: it contributes N/n phi on its n, 0 elsewhere.

    clusters: (n,) ascending, which is their order in the subset, too: its prompts keep theirs.
    """
    assert truth.estimate is not None
    every = np.zeros(truth.estimate.contributions.size)
    every[clusters] = estimate.contributions * (every.size / clusters.size)
    low, high = estimate.ci(level)
    return _Seen(
        truth.value,
        estimate.value,
        high - low,
        bool(truth.covered_by(replace(estimate, contributions=every), level=level)),
        result.support.level == SUPPORTED,
    )


def _metrics(found: Sequence[_Seen]) -> dict[str, object]:
    """Over the targets. What could not be estimated covers nothing, is ordered wrong, not found best, not supported."""
    values = np.array([one.value for one in found])
    truth = np.array([one.truth for one in found])
    made = ~np.isnan(values)
    error, order = (values - truth)[made], rank_agreement(values, truth)
    best = float(made.all() and values.argmax() == truth.argmax())
    return {
        "rmse": bands.root_mean_square(error) if error.size else nan,
        "bias": float(error.mean()) if error.size else nan,
        "coverage": float(np.mean([one.covered for one in found])),
        "interval_width": float(np.mean([one.width for one in found if not isnan(one.width)])) if error.size else nan,
        "pairwise_accuracy": order.accuracy,
        "kendall_tau": order.kendall_tau,
        "best_found": best if values.size > 1 else nan,
        "supported": float(np.mean([one.supported for one in found])),
    }
