"""Runs that a crash left open: failed at start-up, so that they hold the llama pool no longer; live ones stay."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import psutil
import pytest
from dagster import DagsterEvent, DagsterEventType
from dagster._core.events import EngineEventData
from dagster._core.test_utils import create_run_for_test

from arena_assets.orchestration.recovery import fail_runs_without_process

OPEN = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


@pytest.fixture
def instance() -> Iterator[dg.DagsterInstance]:
    with dg.DagsterInstance.ephemeral() as made:
        yield made


def open_run(instance: dg.DagsterInstance, status: dg.DagsterRunStatus, pid: int | None) -> str:
    run = create_run_for_test(instance, job_name="job", status=status)
    if pid is not None:
        instance.report_engine_event("Executing steps in process", run, EngineEventData.in_process(pid))
    return run.run_id


def status(instance: dg.DagsterInstance, run_id: str) -> dg.DagsterRunStatus:
    run = instance.get_run_by_id(run_id)
    assert run is not None
    return run.status


def pid_of_the_dead() -> int:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        process.wait()
    return process.pid


@pytest.mark.parametrize("open_status", OPEN)
def test_a_run_whose_process_is_gone_is_failed(instance: dg.DagsterInstance, open_status: dg.DagsterRunStatus) -> None:
    run_id = open_run(instance, open_status, pid_of_the_dead())
    assert fail_runs_without_process(instance) == [run_id]
    assert status(instance, run_id) == dg.DagsterRunStatus.FAILURE
    events = instance.all_logs(run_id, of_type=DagsterEventType.RUN_FAILURE)
    assert isinstance(events[0].dagster_event, DagsterEvent)
    assert "the run's process is gone" in str(events[0].user_message + str(events[0].dagster_event.message))
    assert fail_runs_without_process(instance) == []


def test_a_run_that_never_told_its_process_is_failed(instance: dg.DagsterInstance) -> None:
    run_id = open_run(instance, dg.DagsterRunStatus.STARTED, None)
    assert fail_runs_without_process(instance) == [run_id]


def test_a_run_whose_process_lives_stays(instance: dg.DagsterInstance) -> None:
    run_id = open_run(instance, dg.DagsterRunStatus.STARTED, os.getpid())
    assert fail_runs_without_process(instance) == []
    assert status(instance, run_id) == dg.DagsterRunStatus.STARTED


def test_a_pid_that_was_given_again_is_no_run(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a restart the pid of a dead run may be that of our own web server: Python as well, but younger."""
    run_id = open_run(instance, dg.DagsterRunStatus.STARTED, os.getpid())
    entries = instance.all_logs(run_id)
    older = [entry._replace(timestamp=entry.timestamp - 86_400) for entry in entries]
    monkeypatch.setattr(instance, "all_logs", lambda *_, **__: older)
    assert fail_runs_without_process(instance) == [run_id]


@pytest.fixture
def no_proc(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A system without /proc, as macOS is to what reads it, and as a container may be that does not mount one."""
    (tmp_path / "proc").mkdir()
    monkeypatch.setattr(psutil, "PROCFS_PATH", str(tmp_path / "proc"))
    read = Path.read_text
    gone = FileNotFoundError(2, "No such file or directory")

    def without_proc(self: Path, *arguments: Any, **options: Any) -> str:
        if self.is_relative_to("/proc"):
            raise gone
        return read(self, *arguments, **options)

    monkeypatch.setattr(Path, "read_text", without_proc)


@pytest.mark.usefixtures("no_proc")
def test_without_proc_a_live_run_stays_and_a_dead_one_is_failed(instance: dg.DagsterInstance) -> None:
    with pytest.raises(psutil.Error):
        psutil.Process(os.getpid()).create_time()
    alive = open_run(instance, dg.DagsterRunStatus.STARTED, os.getpid())
    dead = open_run(instance, dg.DagsterRunStatus.STARTED, pid_of_the_dead())
    assert fail_runs_without_process(instance) == [dead]
    assert status(instance, alive) == dg.DagsterRunStatus.STARTED


@pytest.mark.parametrize(
    "error", [psutil.AccessDenied(1), PermissionError(13, "denied"), NotImplementedError("no such call here")]
)
def test_what_cannot_be_looked_up_is_not_declared_dead(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch, error: Exception
) -> None:
    def refuse(_: psutil.Process) -> float:
        raise error

    monkeypatch.setattr(psutil.Process, "create_time", refuse)
    run_id = open_run(instance, dg.DagsterRunStatus.STARTED, os.getpid())
    assert fail_runs_without_process(instance) == []
    assert status(instance, run_id) == dg.DagsterRunStatus.STARTED


def test_a_process_of_another_user_is_one(instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(_pid: int, _signal: int) -> None:
        raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(os, "kill", forbidden)
    open_run(instance, dg.DagsterRunStatus.STARTED, pid_of_the_dead())
    assert fail_runs_without_process(instance) == []


def test_a_process_that_ended_and_was_not_waited_for_is_gone(instance: dg.DagsterInstance) -> None:
    with subprocess.Popen([sys.executable, "-c", ""]) as process:
        while psutil.Process(process.pid).status() != psutil.STATUS_ZOMBIE:
            time.sleep(0.01)
        run_id = open_run(instance, dg.DagsterRunStatus.STARTED, process.pid)
        assert fail_runs_without_process(instance) == [run_id]


def test_a_run_that_was_launched_just_now_has_time_to_tell_its_process(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """`arena run` in one terminal must not fail what a backfill in the UI is launching."""
    run_id = open_run(instance, dg.DagsterRunStatus.STARTING, None)
    assert fail_runs_without_process(instance) == []
    now = time.time
    monkeypatch.setattr(time, "time", lambda: now() + 600)
    assert fail_runs_without_process(instance) == [run_id]


@pytest.mark.parametrize(
    "done", [dg.DagsterRunStatus.SUCCESS, dg.DagsterRunStatus.FAILURE, dg.DagsterRunStatus.NOT_STARTED]
)
def test_runs_that_are_not_open_are_left_alone(instance: dg.DagsterInstance, done: dg.DagsterRunStatus) -> None:
    run_id = open_run(instance, done, None)
    assert fail_runs_without_process(instance) == []
    assert status(instance, run_id) == done


def test_a_run_of_this_very_command_is_known_as_alive(instance: dg.DagsterInstance) -> None:
    """`arena run` materialises in its own process: a second command must not fail the run of the first."""
    inside, leave = threading.Event(), threading.Event()
    failed: list[list[str]] = []

    @dg.asset
    def slow() -> None:
        failed.append(fail_runs_without_process(instance))
        inside.set()
        leave.wait(0)

    assert dg.materialize([slow], instance=instance).success
    assert inside.is_set()
    assert failed == [[]]
