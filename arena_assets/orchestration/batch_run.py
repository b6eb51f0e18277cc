"""What every asset of a batch begins with: its store, upstream tables, journal, models and progress."""

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass

import dagster as dg
import pandas as pd
from upath import UPath

from arena_assets.config import Experiment
from arena_assets.errors import ArenaError
from arena_assets.journal import Journal
from arena_assets.judging.costs import spent_usd
from arena_assets.llama.pool import ModelPool
from arena_assets.machine import Machine, worker_name
from arena_assets.orchestration.checked_write import failure
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports
from arena_assets.progress import Progress
from arena_assets.rules import Batch
from arena_assets.stages.machines import MADE_BY_MODELS, stated_machines
from arena_assets.storage import Effort, Store


@dataclass(frozen=True)
class Work:
    """One asset's work on one batch."""

    experiment: Experiment
    asset: str
    partition: str
    store: Store
    read: Mapping[str, pd.DataFrame]
    journal: Journal
    pool: ModelPool
    progress: Progress
    started: float

    @property
    def effort(self) -> Effort:
        """What the work took so far; what is never journalled, since it costs nothing, is not counted."""
        items = self.journal.appended if len(self.journal) else None
        return Effort(round(time.monotonic() - self.started, 2), items)

    @property
    def journals(self) -> UPath:
        """The folder of this asset's journals of all partitions."""
        return self.store.root / "journal" / self.asset

    def spent_usd(self) -> float:
        """Dollars that the journals of all partitions record: a budget is the experiment's, not one batch's."""
        return spent_usd(self.journals)

    def batch(self, table: pd.DataFrame, **more: pd.DataFrame) -> Batch:
        """The finished table as the rules see it, with what it was made from."""
        return Batch(self.experiment, self.asset, table, self.partition, {**self.read, **more}, self.machines())

    def made_on(self) -> dict[str, str]:
        """Metadata for people: which worker made the table, and of which kind it is."""
        return {"worker": worker_name(), "machine": str(self.pool.machine())}

    def machines(self) -> dict[str, Machine]:
        """On which machines the batch's responses and log-probabilities were made, by asset, this one's included."""
        read = [name for name in MADE_BY_MODELS if name in self.read]
        stated = stated_machines(self.store, self.partition, read)
        return stated | ({self.asset: self.pool.machine()} if self.asset in MADE_BY_MODELS else {})


@contextmanager
def work_on(
    context: dg.AssetExecutionContext,
    experiment: Experiment,
    asset: str,
    reads: list[str],
    storage: ArenaStorage,
    models: LocalModels,
    progress: ProgressReports,
) -> Iterator[Work]:
    """Open the work on the run's partition; an error of the domain becomes the failure that Dagster shows."""
    store, partition, started = storage.store(experiment), context.partition_key, time.monotonic()
    try:
        read = {name: store.read_current(experiment, name, partition) for name in reads}
        with Journal(store.journal_path(asset, partition)) as journal:
            pool = models.pool(experiment, context.log.info)
            report = progress.start(context.log.info, f"{asset} {partition}")
            yield Work(experiment, asset, partition, store, read, journal, pool, report, started)
    except ArenaError as error:
        raise failure(error) from error
