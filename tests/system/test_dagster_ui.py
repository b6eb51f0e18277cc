"""What the Dagster UI shows and does, asked of a real webserver and daemon; no model is loaded."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import dagster as dg
import pytest

from arena_assets import pipeline
from arena_assets.orchestration.in_process import in_process
from arena_assets.orchestration.resources import ProgressReports
from arena_assets.orchestration.ui_origin import LOCATION
from arena_assets.storage import Store
from tests.conftest import ConfigFolder
from tests.made_up import frames
from tests.system import servers
from tests.system.experiments import write_experiment

# Dagster reads pydantic models in the old way.
pytestmark = [pytest.mark.server, pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")]

RUNS = """query { runsOrError { ... on Runs { results { runId jobName status tags { key value }
  repositoryOrigin { repositoryLocationName repositoryName } assetSelection { path } } } } }"""
AGAIN = """mutation($p: ReexecutionParams!) { launchRunReexecution(reexecutionParams: $p) { __typename
  ... on LaunchRunSuccess { run { runId jobName } } ... on PythonError { message } } }"""
START = """mutation($s: SensorSelector!) { startSensor(sensorSelector: $s) { __typename
  ... on Sensor { sensorState { status } } ... on PythonError { message } } }"""
SENSORS = """query($r: RepositorySelector!) { sensorsOrError(repositorySelector: $r) {
  ... on Sensors { results { name sensorState { status } } } } }"""
CODE = {"repositoryLocationName": LOCATION, "repositoryName": "__repository__"}
MATERIALISED = """query($k: AssetKeyInput!) { assetNodeOrError(assetKey: $k) { ... on AssetNode {
  assetMaterializations(limit: 1) { runId metadataEntries { label } } } } }"""


@dataclass(frozen=True)
class Ui:
    """A real UI over an experiment whose batches lie there."""

    url: str
    configs: ConfigFolder

    def runs(self) -> list[dict[str, Any]]:
        """Every run, the newest first, its tags as a mapping."""
        found = servers.ask(self.url, RUNS)["runsOrError"]["results"]
        return [run | {"tags": {tag["key"]: tag["value"] for tag in run["tags"]}} for run in found]

    def materialisation(self, asset: str) -> dict[str, Any] | None:
        """The newest one of an asset."""
        node = servers.ask(self.url, MATERIALISED, k={"path": ["small", asset]})["assetNodeOrError"]
        return next(iter(node["assetMaterializations"]), None)


@pytest.fixture(scope="module")
def ui(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ui]:
    folder = tmp_path_factory.mktemp("ui")
    write_experiment(folder / "configs", "other")  # for the folder of the methods
    (folder / "configs" / "other.yaml").unlink()
    (folder / "home").mkdir()
    (folder / "home" / "dagster.yaml").write_bytes((servers.ROOT / "dagster_home" / "dagster.yaml").read_bytes())
    places = {"ARENA_CONFIGS": "configs", "ARENA_STORAGE": "data", "DAGSTER_HOME": "home"}
    environment = {name: str(folder / place) for name, place in places.items()}
    with pytest.MonkeyPatch.context() as patch:
        for name, place in environment.items():
            patch.setenv(name, place)
        configs = ConfigFolder(folder / "configs")
        experiment = configs.load("small")
        frames.write(Store.of(experiment), experiment)
        with in_process(experiment, ProgressReports()) as runner:
            assert runner.materialise([pipeline.PROMPTS], "0001") is None
        with servers.dagster_servers(None, environment, folder) as url:
            yield Ui(url, configs)


def wait_for(found: Callable[[], Any], seconds: float = 150) -> Any:
    """What is found as soon as it is; the daemon looks every 30 seconds."""
    deadline = time.monotonic() + seconds
    while not (there := found()):
        assert time.monotonic() < deadline, "it did not happen"
        time.sleep(1)
    return there


def test_a_run_of_the_command_is_known_to_the_ui_and_can_be_repeated_there(ui: Ui) -> None:
    own = {"experiment": "small", "asset": "prompts", "partition": "0001"}
    [run] = [run for run in ui.runs() if run["jobName"] == "small_batches"]
    assert own.items() <= run["tags"].items()
    assert run["repositoryOrigin"] == CODE
    parameters = {"parentRunId": run["runId"], "strategy": "ALL_STEPS"}
    again = servers.ask(ui.url, AGAIN, p=parameters)["launchRunReexecution"]
    assert again["__typename"] == "LaunchRunSuccess", again
    assert again["run"]["jobName"] == "small_batches"
    assert servers.wait_for_run(ui.url, again["run"]["runId"]) == "SUCCESS"
    [repeated] = [run for run in ui.runs() if run["runId"] == again["run"]["runId"]]
    assert own.items() <= repeated["tags"].items()


def test_a_run_of_selected_assets_says_what_it_is(ui: Ui) -> None:
    run_id = servers.start_run(ui.url, [["small", "prompts"]], "0000")
    assert servers.wait_for_run(ui.url, run_id) == "SUCCESS"
    [run] = [run for run in ui.runs() if run["runId"] == run_id]
    assert {"experiment": "small", "asset": "prompts", "partition": "0000"}.items() <= run["tags"].items()


def test_the_analysis_follows_a_batch_once_that_is_switched_on(ui: Ui) -> None:
    sensors = servers.ask(ui.url, SENSORS, r=CODE)["sensorsOrError"]["results"]
    states = {one["name"]: one["sensorState"]["status"] for one in sensors}
    assert states == {"small_analysis_follows": "STOPPED", "small_notices_changes": "RUNNING"}
    with dg.DagsterInstance.from_config(os.environ["DAGSTER_HOME"]) as instance:
        for asset in frames.BATCH_ASSETS:  # their files lie there; Dagster has not made them
            event = dg.AssetMaterialization(dg.AssetKey(["small", asset]), partition="0000")
            instance.report_runless_asset_event(event)
    started = servers.ask(ui.url, START, s=CODE | {"sensorName": "small_analysis_follows"})["startSensor"]
    assert started["sensorState"]["status"] == "RUNNING", started
    time.sleep(35)  # the first look takes what is there as it is
    assert servers.launch_run(ui.url, [["small", "prompts"]], "0001") == "SUCCESS"
    made = wait_for(lambda: ui.materialisation("analysis_summary"))
    [run] = [run for run in ui.runs() if run["runId"] == made["runId"]]
    assert {"experiment": "small", "asset": "ablation_results, analysis_summary"}.items() <= run["tags"].items()


def test_a_changed_file_is_seen_and_told_for_each_partition(ui: Ui) -> None:
    other = {"kind": "likelihood", "model": "small", "system_prompt": "Another."}
    ui.configs.write("small", judge=other)
    run = wait_for(
        lambda: [run for run in ui.runs() if run["jobName"] == "small_up_to_date" and run["status"] == "SUCCESS"]
    )
    assert run[0]["tags"]["experiment"] == "small"

    def check(asset: str, partition: str) -> dict[str, Any]:
        key = {"path": ["small", asset]}
        found = servers.ask(ui.url, servers.CHECK, k=key, n="up_to_date", p=partition)["assetCheckExecutions"]
        return dict(found[0]["evaluation"])

    for partition in ("0000", "0001"):
        outdated = check("judge_scores", partition)
        assert outdated["success"] is False
        assert f"judge_scores/{partition} was made with another configuration" in outdated["description"]
        assert check("responses", partition)["success"] is True
