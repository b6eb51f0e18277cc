"""Runs whose machine dies before they begin, with Ray's job interface spoken by a small server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import dagster as dg
import pytest

pytest.importorskip("dagster_ray")

from arena_assets.orchestration.cluster.launcher import ArenaRayRunLauncher, fail_lost_starts

STARTING, STARTED, FAILURE = (getattr(dg.DagsterRunStatus, name) for name in ("STARTING", "STARTED", "FAILURE"))
LOST = "Job supervisor actor died: The actor died because its node has died."


@dg.job
def _job() -> None:
    """Nothing to do."""


@pytest.fixture
def jobs() -> Iterator[tuple[str, dict[str, str]]]:
    """The address of a server that answers as Ray's head does, and the status of each job that it knows."""
    statuses: dict[str, str] = {}

    class Head(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            name = self.path.rpartition("/")[2]
            if name == "version":
                self._answer(200, {"version": "4", "ray_version": "2", "ray_commit": "", "session_name": ""})
            elif name in statuses:
                own = {"type": "SUBMISSION", "entrypoint": "", "submission_id": name, "message": LOST}
                self._answer(200, own | {"status": statuses[name]})
            else:
                self._answer(404, {})

        def _answer(self, code: int, body: dict[str, str]) -> None:
            self.send_response(code)
            self.send_header("Content-Type", "application/json")
            self.end_headers()
            self.wfile.write(json.dumps(body).encode())

        def log_message(self, *_: object) -> None:
            """Silent."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Head)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_address[1]}", statuses
    server.shutdown()
    server.server_close()


def test_a_run_whose_job_failed_before_it_began_is_failed_and_no_other(
    tmp_path: Path, jobs: tuple[str, dict[str, str]]
) -> None:
    address, statuses = jobs
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        launcher = ArenaRayRunLauncher(address)
        launcher.register_instance(instance)
        runs = {}
        for ray, before in (("FAILED", STARTING), ("STOPPED", STARTING), ("PENDING", STARTING), ("FAILED", STARTED)):
            run = instance.create_run_for_job(_job, status=before)
            runs[ray, before] = run.run_id
            statuses[f"dagster-run-{run.run_id}"] = ray
        submitting = instance.create_run_for_job(_job, status=STARTING).run_id  # Ray does not know it yet
        fail_lost_starts(instance, launcher.check_run_worker_health)
        found = {key: instance.get_run_by_id(run_id).status for key, run_id in runs.items()}  # type: ignore[union-attr]
        assert found == {
            ("FAILED", STARTING): FAILURE,
            ("STOPPED", STARTING): FAILURE,
            ("PENDING", STARTING): STARTING,
            ("FAILED", STARTED): STARTED,  # Dagster's own monitoring sees to it
        }
        assert instance.get_run_by_id(submitting).status == STARTING  # type: ignore[union-attr]
        told = [entry.message for entry in instance.all_logs(runs["FAILED", STARTING])]
        assert any("before the run began" in text and LOST in text for text in told)
