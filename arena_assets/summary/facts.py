"""What the report says: gathered from the tables, the findings and the configuration, and nowhere else."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import numpy as np
import pandas as pd

from arena_assets.config import Experiment
from arena_assets.estimation import EvaluationData, Method, best_supported, contrasts, diagnostics, evaluate
from arena_assets.estimation.ranking import p0_method
from arena_assets.rules.logprobs import log_ratios
from arena_assets.stages.analysis import judge_signal
from arena_assets.stages.collected import Collected
from arena_assets.stages.collecting import as_data, collect
from arena_assets.storage import LastRun, Store
from arena_assets.tables import TABLES, rows_of

PACKAGES = (
    "arena-oracle",
    "llama-cpp-python",
    "dagster",
    "numpy",
    "scipy",
    "scikit-learn",
    "pandas",
    "pyarrow",
    "openai",
)
METHOD = ("estimator", "reward_calibration", "weight_calibration", "scoring")


@dataclass(frozen=True, eq=False)
class Facts:
    """Everything that the report is written from."""

    experiment: Experiment
    collected: Collected
    results: pd.DataFrame
    best: pd.DataFrame
    against_p0: pd.DataFrame
    overlap: pd.DataFrame
    signal: pd.DataFrame
    bins: list[tuple[float, float, int]]
    failed_checks: pd.DataFrame
    clones: pd.DataFrame
    costs: pd.DataFrame
    seconds: Mapping[str, float]
    versions: Mapping[str, str]
    fingerprints: Mapping[str, str]


def gather(experiment: Experiment, store: Store) -> Facts:
    """Gather the facts.

    Raises:
        StorageError: `ablation_results` is missing or of another configuration. RefusedError: no partition holds.
    """
    results = store.read_current(experiment, "ablation_results")
    collected = collect(experiment, store)
    data = as_data(experiment, collected.tables)
    best = best_supported(results[results["policy"] != experiment.logging_policy.name])
    runs = _last_runs(experiment, store)
    return Facts(
        experiment,
        collected,
        results,
        best,
        _against_p0(experiment, data, best),
        diagnostics(data, seed=experiment.seed),
        judge_signal(collected.tables),
        _bins(experiment, collected.tables),
        _failed(runs),
        _clones(experiment, collected.tables["logprobs"]),
        _costs(collected.tables),
        _seconds(runs),
        _versions(),
        {asset: experiment.code_version(asset) for asset in [*collected.tables, "ablation_results"]},
    )


def _against_p0(experiment: Experiment, data: EvaluationData, best: pd.DataFrame) -> pd.DataFrame:
    """The difference to P0 of each policy's best supported estimate, paired by prompt."""
    chosen = {row["policy"]: Method(*(row[name] for name in METHOD)) for row in rows_of(best)}
    if not chosen:
        return contrasts([])
    base = [p0_method(method) for method in chosen.values()]
    found = evaluate(data, methods=list(dict.fromkeys([*chosen.values(), *base])), seed=experiment.seed)
    p0 = experiment.logging_policy.name
    table = contrasts(found, logging_policy=p0, level=experiment.analysis.level)
    table = table[table["reference"] == p0]
    kept = [chosen.get(row["policy"]) == Method(*(row[name] for name in METHOD)) for row in rows_of(table)]
    return table[np.array(kept, dtype=bool)].reset_index(drop=True)


def _bins(experiment: Experiment, tables: Mapping[str, pd.DataFrame]) -> list[tuple[float, float, int]]:
    labels = tables.get("oracle_labels")
    if labels is None:
        return []
    own = tables["judge_scores"].merge(labels[["prompt_id", "policy", "oracle_label"]], on=["prompt_id", "policy"])
    own = own[own["policy"] == experiment.logging_policy.name]
    own = own.assign(score=own["judge_mean"].fillna(own["judge_score"])).dropna(subset=["score", "oracle_label"])
    if own["score"].nunique() < 2:
        return []
    groups = own.groupby(pd.qcut(own["score"], 8, duplicates="drop"), observed=True)
    return [(float(g["score"].mean()), float(g["oracle_label"].mean()), len(g)) for _, g in groups]


def _last_runs(experiment: Experiment, store: Store) -> dict[tuple[str, str | None], LastRun]:
    """What the last run of every table found and spent, by asset and partition; None for a whole asset."""
    found: dict[tuple[str, str | None], LastRun] = {}
    for asset, table in TABLES.items():
        keys: list[str | None] = [*experiment.partitions] if table.partitioned else [None]
        found |= {(asset, partition): store.read_run(asset, partition) for partition in keys}
    return found


def _failed(runs: Mapping[tuple[str, str | None], LastRun]) -> pd.DataFrame:
    rows = []
    for (asset, partition), run in runs.items():
        for finding in run.findings:
            if not finding["passed"]:
                rows.append((asset, finding["name"], finding["blocking"], partition or "whole", finding["text"]))
    frame = pd.DataFrame(rows, columns=["asset", "check", "blocking", "partition", "finding"])
    if frame.empty:
        return frame
    grouped = frame.groupby(["asset", "check", "blocking"], sort=False)
    return grouped.agg(partitions=("partition", "size"), first=("finding", "first")).reset_index()


def _seconds(runs: Mapping[tuple[str, str | None], LastRun]) -> dict[str, float]:
    """How long the last runs of an asset's partitions took together, for each asset of which that is recorded."""
    found: dict[str, float] = {}
    for (asset, _), run in runs.items():
        if run.effort is not None:
            found[asset] = found.get(asset, 0.0) + run.effort.seconds
    return found


def _clones(experiment: Experiment, logprobs: pd.DataFrame) -> pd.DataFrame:
    ratios = log_ratios(logprobs, experiment.clones)
    rows = []
    for policy in ratios:
        values = ratios[policy].dropna()
        largest = float(values.abs().max()) if len(values) else float("nan")
        rows.append((policy, len(values), int((values == 0).sum()), largest))
    return pd.DataFrame(rows, columns=["policy", "rows", "weights of exactly 1", "largest |log weight|, nats"])


def _costs(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    rows = []
    for asset in ("judge_scores", "oracle_labels"):
        frame = tables.get(asset)
        if frame is not None:
            cost = float(frame["cost_usd"].sum()) if frame["cost_usd"].notna().any() else float("nan")
            models = ", ".join(sorted(frame["model"].unique()))
            tokens = int(frame["prompt_tokens"].sum()), int(frame["completion_tokens"].sum())
            rows.append((asset, len(frame), models, *tokens, cost))
    return pd.DataFrame(rows, columns=["asset", "rows", "model", "prompt tokens", "completion tokens", "dollars"])


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue  # an import is analysed without llama.cpp or openai
    return found
