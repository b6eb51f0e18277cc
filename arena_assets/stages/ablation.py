"""What the analysis rests on: the partitions that exist and hold, as one set of tables."""

from __future__ import annotations

from dataclasses import dataclass, field

import pandas as pd

from arena_assets.config import Experiment
from arena_assets.errors import RefusedError, StorageError, TableError
from arena_assets.estimation import EvaluationData, evaluation_data
from arena_assets.machine import Machine
from arena_assets.rules import Batch, apply, refusals
from arena_assets.stages.imported import imported_data
from arena_assets.stages.machines import stated_machines
from arena_assets.storage import Store
from arena_assets.tables import TABLES

BATCH_ASSETS = ("prompts", "responses", "logprobs", "judge_scores", "oracle_labels")


@dataclass(frozen=True)
class Collected:
    """The tables of all partitions that hold, by asset, and what was left out and why.

    `machines`: which machine scored a partition, of those whose files state it.
    """

    tables: dict[str, pd.DataFrame]
    used: tuple[str, ...]
    missing: tuple[str, ...]
    left_out: dict[str, str]
    machines: dict[str, Machine] = field(default_factory=dict)

    @property
    def summary(self) -> str:
        """What the analysis rests on, in words."""
        parts = [f"{len(self.used)} partitions analysed"]
        if self.missing:
            parts.append(f"{len(self.missing)} not materialised yet ({_first(self.missing)})")
        if self.left_out:
            parts.append(f"{len(self.left_out)} left out: " + "; ".join(f"{k}: {v}" for k, v in self.left_out.items()))
        return ", ".join(parts)


def configured_assets(experiment: Experiment) -> list[str]:
    """The assets that a batch of the experiment has, in the order in which they are made."""
    return [asset for asset in BATCH_ASSETS if asset != "oracle_labels" or experiment.oracle.enabled]


def collect(experiment: Experiment, store: Store) -> Collected:
    """Read every partition, apply the rules to it again, and keep those of which all tables hold.

    Raises:
        RefusedError: nothing is left to analyse; the text says what was found.
    """
    assets = configured_assets(experiment)
    parts: dict[str, list[pd.DataFrame]] = {asset: [] for asset in assets}
    used, missing, left_out = [], [], {}
    machines: dict[str, Machine] = {}
    there = {asset: set(store.partitions(asset)) for asset in assets}
    for partition in experiment.partitions:
        absent = [asset for asset in assets if partition not in there[asset]]
        if absent:
            missing.append(partition)
            continue
        try:
            tables = {asset: store.read_current(experiment, asset, partition) for asset in assets}
            made_on = stated_machines(store, partition)
            _require_rules(experiment, partition, tables, made_on)
        except (StorageError, TableError, RefusedError) as error:
            left_out[partition] = str(error)
            continue
        used.append(partition)
        machines |= {partition: made_on["logprobs"]} if "logprobs" in made_on else {}
        for asset, table in tables.items():
            parts[asset].append(table)
    collected = Collected({}, tuple(used), tuple(missing), left_out)
    if not used:
        raise RefusedError(
            f"nothing to analyse for {experiment.name}: {collected.summary}; materialise the batches first"
        )
    # Sorted by key, so that sums run in one order and the last digit does not depend on the batches' size.
    whole = {
        asset: pd.concat(frames).sort_values(list(TABLES[asset].key), ignore_index=True)
        for asset, frames in parts.items()
    }
    return Collected(whole, tuple(used), tuple(missing), left_out, machines)


def as_data(experiment: Experiment, tables: dict[str, pd.DataFrame]) -> EvaluationData:
    """What the estimators see."""
    if experiment.imported:
        return imported_data(experiment, tables)
    return evaluation_data(
        logprobs=tables["logprobs"],
        judge_scores=tables["judge_scores"],
        responses=tables["responses"],
        oracle_labels=tables.get("oracle_labels"),
        logging_policy=experiment.logging_policy.name,
        target_policies=list(experiment.target_names),
    )


def _require_rules(
    experiment: Experiment, partition: str, tables: dict[str, pd.DataFrame], machines: dict[str, Machine]
) -> None:
    for asset, table in tables.items():
        TABLES[asset].validate(table)
        findings = apply(Batch(experiment, asset, table, partition, tables, machines))
        refused = refusals(findings)
        if refused:
            raise RefusedError(f"{asset} breaks " + "; ".join(f"{f.name}: {f.text}" for f in refused))


def _first(partitions: tuple[str, ...], most: int = 3) -> str:
    return ", ".join(partitions[:most]) + (", ..." if len(partitions) > most else "")
