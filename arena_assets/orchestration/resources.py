"""Dagster resources: where data lies, and the local models, loaded once a run and freed at its end."""

import os
import time
from collections.abc import Callable

import dagster as dg
from pydantic import PrivateAttr

from arena_assets.config import Experiment
from arena_assets.llama.pool import ModelPool
from arena_assets.progress import Paced, Progress
from arena_assets.storage import Store


class ArenaStorage(dg.ConfigurableResource):  # type: ignore[type-arg]
    """The folder or URL of all experiments' data; empty: each experiment's own, or dagster_home/data."""

    base: str = ""

    def store(self, experiment: Experiment) -> Store:
        return Store.of(experiment, self.base or None)


class LocalModels(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Models of the experiments of a run. Nothing is loaded before an asset asks."""

    _pools: dict[str, ModelPool] = PrivateAttr(default_factory=dict)

    def pool(self, experiment: Experiment, say: Callable[[str], None]) -> ModelPool:
        pool = self._pools.setdefault(experiment.name, ModelPool(experiment))
        pool.say = say
        return pool

    def teardown_after_execution(self, context: dg.InitResourceContext) -> None:
        del context
        for pool in self._pools.values():
            pool.close()
        self._pools.clear()


class ProgressReports(dg.ConfigurableResource):  # type: ignore[type-arg]
    """Progress as lines of the run's log; the command line puts bars in its place."""

    def start(self, say: Callable[[str], None], what: str) -> Progress:
        return Paced(say, what, time.monotonic)


def environment() -> dict[str, str]:
    """The process environment, from which keys are taken; they are bound nowhere else."""
    return dict(os.environ)
