"""`deploy/k8s/dagster.yaml` against the real launcher, without a cluster: a run's manifest is read, none is sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from arena_assets.orchestration.cluster.placement import K8S_TAG, RAY_TAG, Request, run_tags
from tests.conftest import ROOT

dagster_k8s = pytest.importorskip("dagster_k8s")
import dagster as dg  # noqa: E402
import kubernetes  # noqa: E402
from dagster_k8s.container_context import K8sContainerContext  # noqa: E402
from dagster_k8s.job import construct_dagster_k8s_job  # noqa: E402

# Nobody listens there, and nothing is sent.
KUBECONFIG = {
    "apiVersion": "v1",
    "kind": "Config",
    "clusters": [{"name": "none", "cluster": {"server": "http://127.0.0.1:9"}}],
    "contexts": [{"name": "none", "context": {"cluster": "none", "user": "none"}}],
    "users": [{"name": "none", "user": {}}],
    "current-context": "none",
}


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """The shipped file, but for the cluster's own address and the database, which needs a server."""
    (tmp_path / "kubeconfig").write_text(yaml.safe_dump(KUBECONFIG))
    shipped = yaml.safe_load((ROOT / "deploy" / "k8s" / "dagster.yaml").read_text())
    on_ray = yaml.safe_load((ROOT / "dagster_home" / "cluster" / "dagster.yaml").read_text())
    storage = shipped.pop("storage")
    assert storage["custom"]["config"]["postgres_db"]["password"] == {"env": "ARENA_PG_PASSWORD"}
    assert storage == on_ray["storage"]  # which the tests on Ray open
    outside = {"load_incluster_config": False, "kubeconfig_file": str(tmp_path / "kubeconfig")}
    shipped["run_launcher"]["config"] |= outside
    (tmp_path / "dagster.yaml").write_text(yaml.safe_dump(shipped))
    return tmp_path


def manifest(home: Path, tags: dict[str, str]) -> dict[str, Any]:
    """The Job that the launcher would send for a run with these tags."""
    with dg.DagsterInstance.from_config(str(home)) as instance:
        launcher = instance.run_launcher
        assert type(launcher).__name__ == "K8sRunLauncher"
        assert launcher.supports_check_run_worker_health
        run = dg.DagsterRun(job_name="__ASSET_JOB", tags=tags)
        context = K8sContainerContext.create_for_run(run, launcher, include_run_tags=True)
        job = construct_dagster_k8s_job(
            job_config=context.get_k8s_job_config(None, launcher),
            args=["dagster", "api", "execute_run"],
            job_name="dagster-run",
            user_defined_k8s_config=context.run_k8s_config,
            pod_name="dagster-run",
            component="run_worker",
            labels={},
        )
    found: dict[str, Any] = kubernetes.client.ApiClient().sanitize_for_serialization(job)
    return found


def test_a_run_with_gpu_layers_gets_a_gpu_and_keeps_what_the_file_requests(home: Path) -> None:
    tags = run_tags(Request(llama=1, gpus=1), {})
    job = manifest(home, tags)
    (container,) = job["spec"]["template"]["spec"]["containers"]
    assert container["resources"] == {
        "requests": {"cpu": "4", "memory": "8Gi"},
        "limits": {"nvidia.com/gpu": "1"},
    }
    assert container["image"] == "registry.example/arena-oracle:latest"
    assert {"secretRef": {"name": "arena-oracle"}} in container["envFrom"]
    assert job["spec"]["ttlSecondsAfterFinished"] == 86400
    assert job["spec"]["backoffLimit"] == 0  # Dagster runs a lost batch again, Kubernetes must not as well
    assert RAY_TAG in tags


def test_a_run_without_gpu_layers_gets_none(home: Path) -> None:
    tags = run_tags(Request(llama=1), {})
    assert K8S_TAG not in tags
    (container,) = manifest(home, tags)["spec"]["template"]["spec"]["containers"]
    assert "limits" not in container["resources"]


def test_a_misspelt_tag_is_refused_by_name(home: Path) -> None:
    wrong = {K8S_TAG: json.dumps({"container_config": {"resources": {"limitz": {"nvidia.com/gpu": "1"}}}})}
    with pytest.raises(Exception, match="limitz"):
        manifest(home, wrong)


def test_a_misspelt_key_of_the_file_is_refused_by_name(home: Path) -> None:
    file = home / "dagster.yaml"
    file.write_text(file.read_text().replace("job_namespace", "job_namespacee"))
    with pytest.raises(dg.DagsterInvalidConfigError, match="job_namespacee"):
        manifest(home, {})
