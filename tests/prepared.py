"""An experiment in Dagster whose model parts return prepared tables, and what a run of it says."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any

import dagster as dg
import pandas as pd

from arena_assets.config import Experiment
from arena_assets.judging.protocol import Item, Verdict
from arena_assets.machine import Machine
from arena_assets.orchestration.graph import build_assets
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports
from arena_assets.storage import Store
from tests.made_up import frames

Spoil = Callable[[str, pd.DataFrame], pd.DataFrame]


class NoModel(LocalModels):
    """A pool that nothing may load from; it only says what machine it is on."""

    def pool(self, *_: Any) -> Any:
        return SimpleNamespace(machine=lambda: Machine("a CPU", "0", "0" * 16))


class Scorer:
    """Speaks the judges' protocol; takes its verdicts from a prepared table."""

    name = "prepared"

    def __init__(self, table: pd.DataFrame, column: str) -> None:
        self._values = table.set_index(["prompt_id", "policy"])[column]

    def score(self, items: list[Item], **_: Any) -> list[Verdict]:
        scores = [float(self._values[item.prompt_id, item.policy]) for item in items]
        return [Verdict("ok", score, score, 0.0, model=self.name, cost_usd=0.0) for score in scores]


@dataclass
class Project:
    """An experiment whose model parts return prepared tables; `spoil` changes one before it is returned."""

    experiment: Experiment
    instance: dg.DagsterInstance
    spoil: dict[str, Spoil] = field(default_factory=dict)

    @property
    def store(self) -> Store:
        return Store.of(self.experiment)

    def prepared(self, asset: str, prompts: pd.DataFrame) -> pd.DataFrame:
        for partition in self.experiment.partitions:
            tables = frames.tables(self.experiment, partition)
            if set(tables["prompts"]["prompt_id"]) == set(prompts["prompt_id"]):
                return self.spoil.get(asset, lambda _, table: table)(partition, tables[asset])
        raise AssertionError("no batch has these prompts")

    def run(self, *assets: str, partition: str | None = None) -> dg.ExecuteInProcessResult:
        return dg.materialize(
            build_assets(self.experiment),
            selection=[dg.AssetKey([self.experiment.name, asset]) for asset in assets],
            partition_key=partition,
            instance=self.instance,
            resources={"storage": ArenaStorage(), "models": NoModel(), "progress": ProgressReports()},
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )

    def run_all(self) -> list[dg.ExecuteInProcessResult]:
        self.store.write(
            "arena_corpus", frames.corpus(self.experiment), fingerprint=self.experiment.fingerprint("arena_corpus")
        )
        return [self.run(*frames.BATCH_ASSETS, partition=partition) for partition in self.experiment.partitions]


def said(result: dg.ExecuteInProcessResult) -> str:
    """What the failed step says to a person."""
    failures = result.filter_events(lambda event: event.is_step_failure)
    return str(failures[0].step_failure_data.user_failure_data.description)  # type: ignore[union-attr]


def checks(result: dg.ExecuteInProcessResult) -> dict[str, tuple[bool, str, str | None]]:
    """Every recorded check: passed, severity, partition."""
    return {
        found.check_name: (found.passed, found.severity.value, found.partition)
        for found in result.get_asset_check_evaluations()
    }


def metadata(result: dg.ExecuteInProcessResult, asset: str) -> dict[str, Any]:
    node = result.asset_materializations_for_node(f"small__{asset}")[0]
    return {label: value.value for label, value in node.metadata.items()}
