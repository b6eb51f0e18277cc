"""Runs that a crash left open: failed at start-up, so that they hold the llama pool no longer; live ones stay."""

from __future__ import annotations

import os
import subprocess
import sys
import threading
from collections.abc import Iterator

import dagster as dg
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
