"""Jobs of an experiment, and the labels by which a list of runs can be read."""

from __future__ import annotations

import dagster as dg
import pytest
from dagster._core.run_coordinator import SubmitRunContext

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.definitions import build_definitions
from arena_assets.orchestration.in_process import InProcess
from arena_assets.orchestration.resources import ProgressReports
from arena_assets.orchestration.run_labels import LabellingRunCoordinator, labels
from arena_assets.storage import Store
from tests.conftest import ROOT, ConfigFolder
from tests.made_up import frames

# Dagster reads pydantic models in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")


def assets(definitions: dg.Definitions, job: str) -> set[str]:
    return {key.path[-1] for key in definitions.resolve_job_def(job).asset_layer.executable_asset_keys}


def test_an_experiment_has_a_job_for_batches_one_for_the_analysis_and_one_for_all(config_folder: ConfigFolder) -> None:
    for name in ("one", "type"):  # a word that Dagster reserves, too
        config_folder.write(name)
    config_folder.write("broken", "seed: [")
    definitions = build_definitions()
    dg.Definitions.validate_loadable(definitions)
    assert {job.name for job in definitions.resolve_all_job_defs() if not job.name.startswith("__")} == {
        "methods_simulation",
        *(f"{name}_{kind}" for name in ("one", "type") for kind in ("batches", "analysis", "all", "up_to_date")),
    }
    batches = definitions.resolve_job_def("one_batches")
    assert batches.partitions_def is not None
    assert batches.partitions_def.get_partition_keys() == ["0000", "0001"]
    assert definitions.resolve_job_def("one_analysis").partitions_def is None
    assert assets(definitions, "one_batches") == set(frames.BATCH_ASSETS)
    assert assets(definitions, "one_analysis") == {"ablation_results", "analysis_summary"}
    assert assets(definitions, "one_all") > {"arena_corpus", "responses", "ablation_grid", "export"}


@pytest.mark.slow
def test_a_run_of_the_command_bears_the_name_of_a_job_and_says_what_it_is(experiment: Experiment, store: Store) -> None:
    frames.write(store, experiment)
    with dg.DagsterInstance.ephemeral() as instance:
        runner = InProcess(experiment, instance, ProgressReports())
        assert runner.materialise([pipeline.PROMPTS], "0001") is None
        runner.require(pipeline.RESULTS)
        analysis, batch = (record.dagster_run for record in instance.get_run_records())
    assert (batch.job_name, analysis.job_name) == ("small_batches", "small_analysis")
    own = {"experiment": "small", "asset": "prompts", "partition": "0001", "dagster/partition": "0001"}
    assert own.items() <= batch.tags.items()
    assert {"experiment": "small", "asset": "ablation_results"}.items() <= analysis.tags.items()
    assert "partition" not in analysis.tags
    # By these the UI finds the code, so that the run can be repeated there.
    assert batch.remote_job_origin is not None
    location = batch.remote_job_origin.repository_origin.code_location_origin.location_name
    assert f"location_name: {location}\n" in (ROOT / "workspace.yaml").read_text()


def test_what_is_wrong_with_a_run_of_the_command_is_said(experiment: Experiment, store: Store) -> None:
    frames.write(store, experiment, "0000")
    store.path("arena_corpus").unlink()
    with dg.DagsterInstance.ephemeral() as instance:
        said = InProcess(experiment, instance, ProgressReports()).materialise([pipeline.PROMPTS], "0001")
    assert said is not None
    assert said.startswith("arena_corpus is not materialised")


def test_labels_name_the_assets_in_the_order_of_the_pipeline() -> None:
    keys = [dg.AssetKey(["small", name]) for name in ("logprobs", "prompts", "responses")]
    assert labels(keys, {"dagster/partition": "0003"}) == {
        "experiment": "small", "asset": "prompts, responses, logprobs", "partition": "0003",
    }  # fmt: skip
    whole = [dg.AssetKey(["small", step.name]) for step in pipeline.BATCH]
    for batch in (whole, whole[:-1]):  # without an oracle there are no labels
        assert labels(batch, {})["asset"] == "whole batch"
    more = [*whole, dg.AssetKey(["small", "ablation_results"])]
    assert labels(more, {})["asset"] == "whole batch, ablation_results"
    assert labels(whole[1:], {})["asset"] == "responses, logprobs, judge_scores, oracle_labels"
    several = [*keys[:1], dg.AssetKey(["demo", "configuration_error"])]
    span = {"dagster/asset_partition_range_start": "0000", "dagster/asset_partition_range_end": "0002"}
    assert labels(several, span) == {
        "experiment": "demo, small", "asset": "logprobs, configuration_error", "partition": "0000...0002",
    }  # fmt: skip


def test_a_run_is_labelled_when_it_is_launched_from_the_ui(
    config_folder: ConfigFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    config_folder.write("small")
    monkeypatch.setattr(dg.QueuedRunCoordinator, "submit_run", lambda _, context: context.dagster_run)
    with dg.DagsterInstance.ephemeral() as instance:
        coordinator = LabellingRunCoordinator()
        coordinator.register_instance(instance)
        run = instance.create_run_for_job(
            job_def=build_definitions().resolve_implicit_global_asset_job_def(),
            asset_selection={dg.AssetKey(["small", name]) for name in ("responses", "logprobs")},
            tags={"dagster/partition": "0001"},
        )
        coordinator.submit_run(SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]
        found = instance.get_run_by_id(run.run_id)
    assert found is not None
    own = {"experiment": "small", "asset": "responses, logprobs", "partition": "0001"}
    assert own.items() <= found.tags.items()
