"""The cluster's dagster.yaml, without a server."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml
from dagster._core.instance.ref import InstanceRef

from arena_assets.orchestration.recovery import fail_runs_without_process
from tests.conftest import ROOT

pytest.importorskip("dagster_ray")
pytest.importorskip("dagster_postgres")

FOLDER = ROOT / "dagster_home" / "cluster"


def test_it_launches_on_ray_and_queues_with_requests() -> None:
    reference = InstanceRef.from_dir(str(FOLDER))
    launcher: Any = reference.run_launcher
    assert type(launcher).__name__ == "ArenaRayRunLauncher"
    # A run that asks for nothing must get nothing: not even a zero in its tag would override a value here.
    assert (launcher.address, launcher.num_cpus) == ("http://127.0.0.1:8265", 0)
    assert (launcher.resources, launcher.num_gpus) == (None, None)
    assert type(reference.run_coordinator).__name__ == "RequestingRunCoordinator"
    settings: Any = reference.settings
    assert settings["run_retries"]["retry_on_asset_or_op_failure"] is False


def test_the_password_stands_there_by_name_only() -> None:
    text = (FOLDER / "dagster.yaml").read_text()
    database = yaml.safe_load(text)["storage"]["custom"]["config"]["postgres_db"]
    assert database["password"] == {"env": "ARENA_PG_PASSWORD"}
    history = InstanceRef.from_dir(str(FOLDER)).run_storage_data
    assert history is not None
    assert history.config_yaml.count("ARENA_PG_PASSWORD") == 1


def test_a_start_on_the_head_fails_no_run_of_another_machine(tmp_path: Path) -> None:
    """Runs of a cluster have no process here: `arena ui` on the head must not take them for crashed."""
    shipped = yaml.safe_load((FOLDER / "dagster.yaml").read_text())
    for launched_by_ray in (True, False):
        home = tmp_path / str(launched_by_ray)
        home.mkdir()
        own = {"run_launcher": shipped["run_launcher"]} if launched_by_ray else {}
        (home / "dagster.yaml").write_text(yaml.safe_dump({"telemetry": {"enabled": False}, **own}))
        with dg.DagsterInstance.from_config(str(home)) as instance:
            job = dg.Definitions(jobs=[_job]).resolve_job_def("_job")
            run = instance.create_run_for_job(job, status=dg.DagsterRunStatus.STARTED)
            assert fail_runs_without_process(instance) == ([] if launched_by_ray else [run.run_id])


@dg.job
def _job() -> None:
    """Nothing to do."""
