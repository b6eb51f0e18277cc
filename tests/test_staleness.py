"""What another configuration made is shown as outdated: by a check, and by a sensor when the file changes."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field

import dagster as dg
import pytest
from dagster._core.event_api import PartitionKeyFilter

from arena_assets import pipeline
from arena_assets.config import Experiment, load_experiment
from arena_assets.definitions import build_definitions
from arena_assets.orchestration.in_process import InProcess
from arena_assets.orchestration.resources import ArenaStorage, ProgressReports
from arena_assets.storage import Store
from tests.conftest import ConfigFolder
from tests.made_up import frames

# Dagster reads pydantic models in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")

OTHER_JUDGE = {"kind": "likelihood", "model": "small", "system_prompt": "Another."}


@dataclass
class Shown:
    """An instance, and what it shows of the check."""

    instance: dg.DagsterInstance
    cursor: str | None = None
    definitions: dg.Definitions = field(default_factory=build_definitions)  # loaded once, as the UI does

    def tick(self) -> int:
        """What the daemon does: how many checks failed in the run that the sensor asked for; -1 where it did not."""
        [sensor] = [one for one in self.definitions.sensors or () if one.name == "small_notices_changes"]
        context = dg.build_sensor_context(
            instance=self.instance,
            cursor=self.cursor,
            resources={"storage": ArenaStorage()},
            definitions=self.definitions,
        )
        told = sensor(context)
        assert isinstance(told, dg.SensorResult)
        self.cursor = told.cursor
        if not told.run_requests:
            return -1
        result = self.definitions.resolve_job_def("small_up_to_date").execute_in_process(instance=self.instance)
        return sum(not check.passed for check in result.get_asset_check_evaluations())

    def check(self, asset: str, partition: str | None) -> tuple[bool, str] | None:
        key = dg.AssetCheckKey(dg.AssetKey(["small", asset]), "up_to_date")
        only = None if partition is None else PartitionKeyFilter(key=partition)
        record = self.instance.event_log_storage.get_latest_asset_check_execution_by_key([key], only).get(key)
        if record is None or record.event is None or record.event.dagster_event is None:
            return None
        evaluation = record.event.dagster_event.asset_check_evaluation_data
        return evaluation.passed, str(evaluation.description)


@pytest.fixture
def shown(experiment: Experiment, store: Store) -> Iterator[Shown]:
    frames.write(store, experiment)
    with dg.DagsterInstance.ephemeral() as instance:
        yield Shown(instance)


def test_a_changed_file_outdates_the_partitions_that_depend_on_it_and_those_alone(
    shown: Shown, config_folder: ConfigFolder
) -> None:
    assert shown.tick() == -1
    config_folder.write("small", judge=OTHER_JUDGE)
    assert shown.tick() == 2
    for partition in ("0000", "0001"):
        found = shown.check("judge_scores", partition)
        assert found is not None
        passed, said = found
        assert not passed
        assert said.startswith(f"judge_scores/{partition} was made with another configuration")
        assert "`arena run small`" in said
        assert shown.check("responses", partition) == (True, "up to date")
    assert shown.tick() == -1
    config_folder.write("small")
    assert shown.tick() == 0
    assert shown.check("judge_scores", "0001") == (True, "up to date")


def test_a_batch_that_is_made_again_is_up_to_date(shown: Shown, config_folder: ConfigFolder, store: Store) -> None:
    shown.tick()
    config_folder.write("small", seed=8)
    assert shown.tick() == 2 * len(frames.BATCH_ASSETS)
    assert shown.check("prompts", "0001") == (False, shown.check("prompts", "0001")[1])  # type: ignore[index]
    changed = load_experiment("small")
    runner = InProcess(changed, shown.instance, ProgressReports())
    assert runner.materialise([pipeline.PROMPTS], "0001") is None
    assert shown.check("prompts", "0001") == (True, "up to date")
    assert shown.check("prompts", "0000")[0] is False  # type: ignore[index]
    assert store.is_current(changed, "prompts", "0001")


def test_made_by_definitions_of_an_older_file_it_is_outdated_at_once(
    shown: Shown, config_folder: ConfigFolder, experiment: Experiment
) -> None:
    config_folder.write("small", seed=8)
    assert InProcess(experiment, shown.instance, ProgressReports()).materialise([pipeline.PROMPTS], "0001") is None
    found = shown.check("prompts", "0001")
    assert found is not None
    assert (found[0], "reload the definitions" in found[1]) == (False, True)


def test_a_broken_file_is_said_and_forgets_nothing(shown: Shown, config_folder: ConfigFolder) -> None:
    shown.tick()
    before = shown.cursor
    config_folder.write("small", "seed: [")
    assert shown.tick() == -1
    assert shown.cursor == before


def test_the_sensor_is_on_since_it_runs_nothing(shown: Shown) -> None:
    [sensor] = [one for one in shown.definitions.sensors or () if one.name == "small_notices_changes"]
    assert sensor.default_status == dg.DefaultSensorStatus.RUNNING
