"""Runs whose machine dies before they begin, with Ray's job interface spoken by a small server on loopback."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import dagster as dg
import pytest

pytest.importorskip("dagster_ray")

import requests
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster_postgres.utils import DagsterPostgresException
from dagster_ray import RayRunLauncher
from sqlalchemy import exc

from arena_assets.orchestration.cluster import launcher as launcher_module
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


def database_away() -> Exception:
    return exc.OperationalError("SELECT 1", {}, Exception("server closed the connection unexpectedly"))


@pytest.mark.parametrize(
    "error",
    [
        ConnectionError("no head"),
        TimeoutError("no head in time"),
        requests.ReadTimeout("no answer"),
        DagsterPostgresException("too many retries for DB connection"),
        database_away(),
    ],
    ids=lambda error: type(error).__name__,
)
def test_the_watch_goes_on_while_the_database_or_the_head_is_away(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = instance.create_run_for_job(_job, status=STARTING)
        with pytest.raises(EnoughError):
            watch(instance, monkeypatch, error)
        assert instance.get_run_by_id(run.run_id).status == FAILURE  # type: ignore[union-attr]


@pytest.mark.parametrize("error", [KeyError("status"), TypeError("no such argument"), NotImplementedError("gone")])
def test_any_other_error_ends_the_watch_and_is_told_in_the_run(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        run = instance.create_run_for_job(_job, status=STARTING)
        with pytest.raises(type(error)):
            watch(instance, monkeypatch, error)
        (told,) = [entry for entry in instance.all_logs(run.run_id) if "nobody watches it start" in str(entry.message)]
        assert type(error).__name__ in str(told.dagster_event.engine_event_data.error)  # type: ignore[union-attr]
        assert instance.get_run_by_id(run.run_id).status == STARTING  # type: ignore[union-attr]  # it may well live


class EnoughError(Exception):
    """The watch was watched for long enough."""


def watch(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, error: Exception) -> None:
    """Watch three times over: Ray's client raises the error, then says that the run's worker ended."""
    pauses = iter(range(3))
    answers: list[Exception] = [error]

    def pause(_: float) -> None:
        if next(pauses, None) is None:
            raise EnoughError

    def health(*_: object) -> CheckRunHealthResult:
        if answers:
            raise answers.pop()
        return CheckRunHealthResult(WorkerStatus.FAILED, LOST)

    monkeypatch.setattr(launcher_module, "time", SimpleNamespace(sleep=pause))
    monkeypatch.setattr(RayRunLauncher, "check_run_worker_health", health)
    launcher = ArenaRayRunLauncher("http://127.0.0.1:1")
    launcher.register_instance(instance)
    launcher._watch_starts()


def test_a_watch_that_ended_is_begun_anew_by_the_next_launch(monkeypatch: pytest.MonkeyPatch) -> None:
    begun, end = [], threading.Event()

    def watching(_: ArenaRayRunLauncher) -> None:
        begun.append(threading.current_thread())
        end.wait(20)

    monkeypatch.setattr(ArenaRayRunLauncher, "_watch_starts", watching)
    monkeypatch.setattr(RayRunLauncher, "launch_run", lambda *_: None)
    monkeypatch.setattr(launcher_module, "PAUSE_S", 0.0)
    launcher = ArenaRayRunLauncher("http://127.0.0.1:1")
    for _ in range(2):
        launcher.launch_run(None)  # type: ignore[arg-type]
    assert len(begun) == 1
    end.set()
    begun[0].join(20)
    launcher.launch_run(None)  # type: ignore[arg-type]
    assert launcher._watch is not begun[0]


def test_a_head_that_answers_with_an_error_leaves_the_run_as_it_is(
    tmp_path: Path, jobs: tuple[str, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Ray's client says RuntimeError of any HTTP error, also between a job's status and its details."""
    address, statuses = jobs
    with dg.DagsterInstance.local_temp(str(tmp_path)) as instance:
        launcher = ArenaRayRunLauncher(address)
        launcher.register_instance(instance)
        run = instance.create_run_for_job(_job, status=STARTING)
        statuses[f"dagster-run-{run.run_id}"] = "FAILED"

        def broken(_: str) -> None:
            raise RuntimeError("Request failed with status code 500: ...")

        monkeypatch.setattr(launcher.client, "get_job_info", broken)
        fail_lost_starts(instance, launcher.check_run_worker_health)
        assert instance.get_run_by_id(run.run_id).status == STARTING  # type: ignore[union-attr]
