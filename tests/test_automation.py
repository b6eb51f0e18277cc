"""The analysis follows the batches: evaluated tick by tick, as the daemon does."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import dagster as dg
import pytest

from arena_assets.config import Experiment
from arena_assets.definitions import build_definitions
from tests.made_up.frames import BATCH_ASSETS

# Dagster reads pydantic models in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")

FOLLOWS = {"ablation_results", "analysis_summary"}


@dataclass
class Daemon:
    """Evaluates the conditions; what would run is told, not run."""

    instance: dg.DagsterInstance
    cursor: object = None

    def tick(self) -> set[str]:
        found = dg.evaluate_automation_conditions(build_definitions(), self.instance, cursor=self.cursor)  # type: ignore[arg-type]
        self.cursor = found.cursor
        return {result.key.path[-1] for result in found.results if result.true_subset.size}

    def land(self, *names: str, partition: str | None = None) -> None:
        for name in names:
            key = dg.AssetKey(["small", name])
            self.instance.report_runless_asset_event(dg.AssetMaterialization(key, partition=partition))

    def fail(self, name: str, partition: str) -> None:
        """A run of one asset of a batch that goes wrong: here there is no corpus, which it reads."""
        result = (
            build_definitions()
            .resolve_job_def("small_batches")
            .execute_in_process(
                instance=self.instance,
                partition_key=partition,
                asset_selection=[dg.AssetKey(["small", name])],
                raise_on_error=False,
            )
        )
        assert not result.success


@pytest.fixture
def daemon(experiment: Experiment) -> Iterator[Daemon]:
    assert experiment.name == "small"
    with dg.DagsterInstance.ephemeral() as instance:
        yield Daemon(instance)


@pytest.mark.slow
def test_the_analysis_follows_each_batch_once_and_those_that_failed(daemon: Daemon) -> None:
    assert daemon.tick() == set()
    daemon.fail("prompts", "0000")
    assert daemon.tick() == set()  # nothing is there to analyse
    daemon.land(*BATCH_ASSETS[:-1], partition="0000")
    assert daemon.tick() == set()  # and no whole batch
    daemon.land(BATCH_ASSETS[-1], partition="0000")
    assert daemon.tick() == FOLLOWS
    daemon.land(*FOLLOWS)
    assert daemon.tick() == set()
    daemon.land("logprobs", partition="0000")
    assert daemon.tick() == FOLLOWS
    assert daemon.tick() == set()  # requested is requested, whatever becomes of it
    daemon.fail("prompts", "0001")
    assert daemon.tick() == FOLLOWS
    assert daemon.tick() == set()
    daemon.land("ablation_results")
    assert daemon.tick() == {"analysis_summary"}  # also where the analysis was made by hand


def test_while_a_batch_runs_nothing_follows_and_nothing_is_forgotten(daemon: Daemon) -> None:
    assert daemon.tick() == set()
    daemon.land(*BATCH_ASSETS, partition="0000")
    run = daemon.instance.create_run_for_job(
        job_def=build_definitions().resolve_job_def("small_batches"),
        asset_selection={dg.AssetKey(["small", "logprobs"])},
        tags={"dagster/partition": "0001"},
        status=dg.DagsterRunStatus.STARTED,
    )
    assert daemon.tick() == set()
    assert daemon.tick() == set()
    daemon.instance.report_run_canceled(run)
    assert daemon.tick() == FOLLOWS


def test_it_is_off_until_it_is_switched_on(experiment: Experiment) -> None:
    del experiment
    sensors = {sensor.name: sensor for sensor in build_definitions().sensors or ()}
    follows = sensors["small_analysis_follows"]
    assert follows.default_status == dg.DefaultSensorStatus.STOPPED
    assert isinstance(follows, dg.AutomationConditionSensorDefinition)
