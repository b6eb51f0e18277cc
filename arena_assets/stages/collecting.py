"""What the analysis rests on: the partitions that exist and hold, as one set of tables."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.errors import RefusedError, StorageError, TableError
from arena_assets.estimation import EstimationError, EvaluationData
from arena_assets.machine import Machine
from arena_assets.pipeline import Step
from arena_assets.rules import Batch, apply, refusals
from arena_assets.stages.collected import Collected
from arena_assets.stages.machines import stated_machines
from arena_assets.stages.origin import origin_of
from arena_assets.state import Standing, State, standings
from arena_assets.storage import Store
from arena_assets.tables import TABLES


def collect(experiment: Experiment, store: Store, step: Step = pipeline.RESULTS) -> Collected:
    """Read what `step` is made of from every partition that is done, apply the rules again, and keep what holds.

    Raises:
        RefusedError: nothing is left; the text says what was found.
    """
    # What these were made of, too: their rules look at it.
    read = experiment.upstream(step)
    made_of = {far.name for near in read for far in (near, *near.all_upstream, *experiment.upstream(near))}
    upstream = [near for near in experiment.batch_steps if near.name in made_of]
    parts: dict[str, list[pd.DataFrame]] = {near.name: [] for near in upstream}
    used: list[str] = []
    missing: list[str] = []
    left_out: dict[str, str] = {}
    machines: dict[str, Machine] = {}
    for partition, found in _by_partition(experiment, store, upstream).items():
        undone = [standing for standing in found if not standing.state.done]
        reasons = [standing.reason for standing in undone if standing.state is not State.MISSING]
        if undone:
            # What comes after a refused table is missing because of that: the refusal is what to tell.
            left_out |= {partition: "; ".join(reasons)} if reasons else {}
            missing += [] if reasons else [partition]
            continue
        try:
            tables = {near.name: store.read_current(experiment, near.name, partition) for near in upstream}
            made_on = stated_machines(store, partition)
            _require_rules(experiment, partition, tables, made_on)
        except (StorageError, TableError, RefusedError) as error:
            left_out[partition] = str(error)
            continue
        used.append(partition)
        scored = made_on.get(pipeline.LOGPROBS.name)
        machines |= {partition: scored} if scored is not None else {}
        for name, table in tables.items():
            parts[name].append(table)
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


def _by_partition(experiment: Experiment, store: Store, steps: Sequence[Step]) -> dict[str, list[Standing]]:
    """Where each partition stands, in the experiment's order: that of its earlier steps first."""
    found: dict[str, list[Standing]] = {partition: [] for partition in experiment.partitions}
    for standing in standings(experiment, store, steps):
        if standing.partition is not None:
            found[standing.partition].append(standing)
    return found


def as_data(experiment: Experiment, tables: dict[str, pd.DataFrame]) -> EvaluationData:
    """What the estimators see.

    Raises:
        RefusedError: the tables allow no evaluation; the text says why.
    """
    try:
        return origin_of(experiment).data(experiment, tables)
    except EstimationError as error:
        raise RefusedError(f"the tables of {experiment.name} allow no evaluation: {error}") from error


def _require_rules(
    experiment: Experiment, partition: str, tables: dict[str, pd.DataFrame], machines: dict[str, Machine]
) -> None:
    for asset, table in tables.items():
        TABLES[asset].validate(table)
        findings = apply(Batch(experiment, asset, table, partition, tables, machines))
        refused = refusals(findings)
        if refused:
            raise RefusedError(f"{asset} breaks " + "; ".join(f"{f.name}: {f.text}" for f in refused))
