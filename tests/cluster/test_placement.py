"""What a run asks of its machine, from its steps alone, and the queue that tags it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import dagster as dg
import pytest
from dagster._core.run_coordinator import SubmitRunContext

from arena_assets.orchestration.cluster.placement import (
    GPUS_TAG,
    K8S_TAG,
    LLAMA,
    RAY_TAG,
    Request,
    request_of,
    run_tags,
    step_tags,
)
from arena_assets.orchestration.graph import build_assets
from tests.conftest import ConfigFolder

GPU = {"num_gpus": 1, "resources": {"llama": 1}}


def test_a_run_asks_for_the_most_that_one_of_its_steps_asks() -> None:
    assert request_of([]) == request_of([(None, {}), ("other", {})]) == Request()
    assert request_of([(None, {}), (LLAMA, step_tags(0)), (LLAMA, step_tags(0))]) == Request(llama=1)
    assert request_of([(LLAMA, {}), (LLAMA, step_tags(-1)), (None, {GPUS_TAG: "2"})]) == Request(llama=1, gpus=2)


def test_what_the_user_tagged_is_left_alone() -> None:
    both = run_tags(Request(1, 1), {})
    assert json.loads(both[RAY_TAG]) == GPU
    assert json.loads(both[K8S_TAG])["container_config"]["resources"]["limits"] == {"nvidia.com/gpu": "1"}
    assert run_tags(Request(1, 1), {RAY_TAG: "{}"}).keys() == {K8S_TAG}
    assert run_tags(Request(), {}) == {}


@pytest.fixture
def instance(monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """One with the cluster's queue; to enter it a run needs a code location, which test_lost_machine.py has."""
    stored = lambda queue, context: queue._instance.get_run_by_id(context.dagster_run.run_id)  # noqa: E731
    monkeypatch.setattr(dg.QueuedRunCoordinator, "submit_run", stored)
    coordinator = {"module": "arena_assets.orchestration.cluster.coordinator", "class": "RequestingRunCoordinator"}
    overrides = {"run_coordinator": coordinator, "telemetry": {"enabled": False}}
    with dg.DagsterInstance.local_temp(overrides=overrides) as made:
        yield made


def submitted(instance: dg.DagsterInstance, assets: list[Any], names: list[str], **tags: str) -> dict[str, Any]:
    """The Ray tag of a run of these assets after it was queued."""
    keys = [dg.AssetKey(["small", name]) for name in names]
    job = dg.Definitions(
        assets=assets, jobs=[dg.define_asset_job("some", selection=dg.AssetSelection.assets(*keys))]
    ).resolve_job_def("some")
    run = instance.create_run_for_job(job, tags={"dagster/partition": "0000", **tags})
    tagged = instance.run_coordinator.submit_run(SubmitRunContext(run, workspace=None))  # type: ignore[arg-type]
    return dict(json.loads(tagged.tags.get(RAY_TAG, "{}")))


@pytest.mark.parametrize(
    ("layers", "names", "wanted"),
    [
        (0, ["responses", "logprobs"], {"resources": {"llama": 1}}),
        (-1, ["responses", "logprobs"], GPU),
        (20, ["prompts", "judge_scores"], GPU),
        (-1, ["prompts"], {}),  # it would hold a GPU for nothing
        (-1, ["prompts", "oracle_labels"], {}),  # the reference oracle has no model
    ],
)
def test_n_gpu_layers_becomes_the_tag_that_rays_launcher_reads(
    instance: dg.DagsterInstance,
    config_folder: ConfigFolder,
    layers: int,
    names: list[str],
    wanted: dict[str, Any],
) -> None:
    assets = build_assets(config_folder.load(engine={"n_gpu_layers": layers}))
    stubs = {"storage": dg.ResourceDefinition.none_resource()}
    bound = dg.with_resources(assets, stubs | dict.fromkeys(("models", "progress"), stubs["storage"]))
    assert submitted(instance, list(bound), names) == wanted


def test_the_launcher_reads_that_tag() -> None:
    launcher = pytest.importorskip("dagster_ray.core.run_launcher")
    tags = run_tags(Request(1, 1), {})
    read = launcher.RayLauncherConfig.from_tags(tags)
    assert (read.num_gpus, read.resources) == (1, {"llama": 1})
