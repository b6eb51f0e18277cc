"""What every step begins with: its store, upstream tables, journal, models and progress."""

import time
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass

import dagster as dg
import pandas as pd

from arena_assets.config import Experiment
from arena_assets.journal import Journal
from arena_assets.machine import Machine
from arena_assets.orchestration.checked_write import refusing
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports, environment
from arena_assets.pipeline import Step
from arena_assets.rules import Batch
from arena_assets.stages.collecting import collect
from arena_assets.stages.machines import stated_machines
from arena_assets.stages.stage import Made, Work
from arena_assets.storage import Effort, Store


@dataclass(frozen=True)
class Resources:
    """What Dagster gives to every step."""

    storage: ArenaStorage
    models: LocalModels
    progress: ProgressReports


@contextmanager
def work_on(
    context: dg.AssetExecutionContext, experiment: Experiment, step: Step, resources: Resources, *, redo: bool = False
) -> Iterator[Work]:
    """Open a step's work on the run's partition; an error of the domain becomes the failure that Dagster shows.

    redo: what the journal holds is made again.
    """
    store = resources.storage.store(experiment)
    partition = context.partition_key if step.partitioned else None
    label = step.name if partition is None else f"{step.name} {partition}"
    with refusing(), ExitStack() as opened:

        def journal() -> Journal:
            assert partition is not None, f"{step.name} has no partitions, so no journal"
            folder, among = store.journal_path(step.name, partition), store.journals(step.name)
            return opened.enter_context(Journal(folder, among=among, afresh=redo))

        collected = collect(experiment, store, step) if partition is None and _of_batches(step) else None
        yield Work(
            experiment,
            step,
            partition,
            store,
            _read(experiment, step, partition, store) if collected is None else collected.tables,
            resources.progress.start(context.log.info, label),
            environment(),
            journal,
            lambda: resources.models.pool(experiment, context.log.info),
            collected,
        )


def batch_of(work: Work, made: Made) -> Batch:
    """The finished table as the rules see it, with what it was made from and on which machines."""
    machines: Mapping[str, Machine] = {}
    if work.partition is not None:
        exact = [near.name for near in work.experiment.upstream(work.step) if near.exact]
        own = {} if made.machine is None else {work.step.name: made.machine}
        machines = stated_machines(work.store, work.partition, exact) | own
    elif work.collected is not None:
        machines = work.collected.machines
    upstream = {**work.read, **made.compared} if work.partition is not None else made.compared
    return Batch(work.experiment, work.step.name, made.table, work.partition, upstream, machines)


def effort_of(work: Work, started: float) -> Effort | None:
    """What the work took so far; None where it was next to nothing. What is never journalled is not counted."""
    seconds = round(time.monotonic() - started, 2)
    if "journal" in vars(work):
        return Effort(seconds, work.journal.appended if len(work.journal) else None)
    return Effort(seconds) if work.collected is not None else None


def _of_batches(step: Step) -> bool:
    return any(near.partitioned for near in step.upstream)


def _read(experiment: Experiment, step: Step, partition: str | None, store: Store) -> dict[str, pd.DataFrame]:
    return {
        near.name: store.read_current(experiment, near.name, partition if near.partitioned else None)
        for near in experiment.upstream(step)
    }
