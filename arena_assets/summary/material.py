"""What the report is written from: the tables of the analysis, the runs' findings and the configuration. Only read."""

from __future__ import annotations

import platform
from collections.abc import Mapping
from dataclasses import dataclass
from importlib.metadata import PackageNotFoundError, version

import pandas as pd

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.storage import Store
from arena_assets.storage.analysed import read_beside
from arena_assets.summary.runs import Runs, read_runs
from arena_assets.tables import (
    ABLATION_RESULTS,
    CALIBRATION_BINS,
    CALIBRATION_CURVE,
    CALIBRATION_DIAGNOSTICS,
    METHOD_ACCURACY,
    POLICY_CONTRASTS,
    POLICY_VALUES,
    WEIGHT_DIAGNOSTICS,
)

PACKAGES = (
    "arena-oracle",
    "llama-cpp-python",
    "dagster",
    "numpy",
    "scipy",
    "pandas",
    "pyarrow",
    "openai",
)


@dataclass(frozen=True, eq=False, kw_only=True)
class Material:
    """Everything that the report is written from; `rests_on` and `prompts`: of the analysis, in words and in number."""

    experiment: Experiment
    results: pd.DataFrame
    values: pd.DataFrame
    accuracy: pd.DataFrame
    contrasts: pd.DataFrame
    weights: pd.DataFrame
    curve: pd.DataFrame
    bins: pd.DataFrame
    calibration: pd.DataFrame
    rests_on: str
    prompts: str
    runs: Runs
    fingerprints: Mapping[str, str]
    versions: Mapping[str, str]


def gather(experiment: Experiment, store: Store) -> Material:
    """Read what the report needs.

    Raises:
        StorageError: a table is missing, corrupted, or of another configuration or analysis.
    """
    results = store.read_current(experiment, ABLATION_RESULTS.name)
    notes = store.notes(ABLATION_RESULTS.name)
    beside = {name: read_beside(store, name) for name in pipeline.RESULTS.beside}
    runs = read_runs(experiment, store)
    return Material(
        experiment=experiment,
        results=results,
        values=beside[POLICY_VALUES.name],
        accuracy=beside[METHOD_ACCURACY.name],
        contrasts=beside[POLICY_CONTRASTS.name],
        weights=beside[WEIGHT_DIAGNOSTICS.name],
        curve=beside[CALIBRATION_CURVE.name],
        bins=beside[CALIBRATION_BINS.name],
        calibration=beside[CALIBRATION_DIAGNOSTICS.name],
        rests_on=notes.get("rests_on", "an unknown number of partitions"),
        prompts=notes.get("prompts", "unknown"),
        runs=runs,
        fingerprints={asset: experiment.code_version(asset) for asset in [*runs.tables, ABLATION_RESULTS.name]},
        versions=_versions(),
    )


def _versions() -> dict[str, str]:
    found = {"python": platform.python_version()}
    for package in PACKAGES:
        try:
            found[package] = version(package)
        except PackageNotFoundError:
            continue  # an import is analysed without llama.cpp or openai
    return found
