"""What making the tables found, took and cost, from what the runs left beside them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import pandas as pd

from arena_assets.config import Experiment
from arena_assets.storage import LastRun, Store
from arena_assets.tables import JUDGE_SCORES, ORACLE_LABELS, RESPONSES, TABLES

_COST = ["model", "prompt_tokens", "completion_tokens", "cost_usd"]


@dataclass(frozen=True, eq=False, kw_only=True)
class Runs:
    """`tables`: the assets of the batches that there are. `failed`: checks that did not pass, a row for each.

    `costs`: a row for each table that a judge or oracle made. `seconds`: of the last runs, by asset, where recorded.
    """

    tables: tuple[str, ...]
    failed: pd.DataFrame
    costs: pd.DataFrame
    seconds: Mapping[str, float]
    response_tokens: int

    @property
    def refused(self) -> pd.DataFrame:
        """The failed checks that keep a batch from being written."""
        return self.failed[self.failed["blocking"].astype(bool)]


def read_runs(experiment: Experiment, store: Store) -> Runs:
    """Read the findings and costs of every partition.

    Raises:
        StorageError: a file is corrupted.
    """
    partitioned = [name for name, table in TABLES.items() if table.partitioned]
    there = {name: [key for key in store.partitions(name) if key in experiment.partitions] for name in partitioned}
    found: dict[tuple[str, str | None], LastRun] = {}
    for name, table in TABLES.items():
        keys: list[str | None] = [*experiment.partitions] if table.partitioned else [None]
        found |= {(name, key): store.read_run(name, key) for key in keys}
    lengths = _read(store, RESPONSES.name, there[RESPONSES.name], ["n_response_tokens"])
    return Runs(
        tables=tuple(name for name, keys in there.items() if keys),
        failed=_failed(found),
        costs=_costs(
            {name: _read(store, name, there[name], _COST) for name in (JUDGE_SCORES.name, ORACLE_LABELS.name)}
        ),
        seconds=_seconds(found),
        response_tokens=int(lengths["n_response_tokens"].sum()),
    )


def _read(store: Store, name: str, partitions: list[str], columns: list[str]) -> pd.DataFrame:
    parts = [store.read(name, key, columns) for key in partitions]
    return pd.concat(parts, ignore_index=True) if parts else TABLES[name].empty()[columns]


def _failed(runs: Mapping[tuple[str, str | None], LastRun]) -> pd.DataFrame:
    rows = [
        (asset, finding["name"], finding["blocking"], partition or "whole", finding["text"])
        for (asset, partition), run in runs.items()
        for finding in run.findings
        if not finding["passed"]
    ]
    frame = pd.DataFrame(rows, columns=["asset", "check", "blocking", "partition", "finding"])
    grouped = frame.groupby(["asset", "check", "blocking"], sort=False)
    return grouped.agg(partitions=("partition", "size"), first=("finding", "first")).reset_index()


def _seconds(runs: Mapping[tuple[str, str | None], LastRun]) -> dict[str, float]:
    """How long the last runs of an asset's partitions took together, for each asset of which that is recorded."""
    found: dict[str, float] = {}
    for (asset, _), run in runs.items():
        if run.effort is not None:
            found[asset] = found.get(asset, 0.0) + run.effort.seconds
    return found


def _costs(tables: Mapping[str, pd.DataFrame]) -> pd.DataFrame:
    rows = []
    for asset, frame in tables.items():
        if len(frame):
            cost = float(frame["cost_usd"].sum(min_count=1))  # of no known price at all: null
            tokens = int(frame["prompt_tokens"].sum()), int(frame["completion_tokens"].sum())
            rows.append((asset, len(frame), ", ".join(sorted(frame["model"].unique())), *tokens, cost))
    return pd.DataFrame(rows, columns=["table", "rows", "model", "prompt tokens", "completion tokens", "dollars"])
