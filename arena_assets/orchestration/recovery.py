"""Runs that a crash of the whole machine left open are failed at start-up: else they hold the llama pool for ever.

A run that lives is never failed: what cannot be looked up, on this system or by this user, counts as alive.
"""

from __future__ import annotations

import os
import time

import dagster as dg
import psutil

# A run that was launched just now has told no process yet: it first loads the definitions, some ten seconds.
_FIRST_WORD_S = 120.0
# A process is younger than what it told; the clocks of both are compared to whole seconds.
_CLOCK_S = 2.0
_OPEN = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]


def prepare(instance: dg.DagsterInstance) -> list[str]:
    """Ready an instance for use: make its tables, fail runs without a process; returns these runs' ids.

    On a fresh DAGSTER_HOME webserver and daemon would both make the tables at once, and one of them would die of it.
    """
    for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
        assert storage is not None  # made, tables and all, when it is first asked for
    return fail_runs_without_process(instance)


def fail_runs_without_process(instance: dg.DagsterInstance) -> list[str]:
    """Mark as failed every open run whose process is gone; returns their ids.

    A cluster's runs have no process on this machine: there run monitoring asks the launcher, and nothing is done here.
    """
    if instance.run_launcher.supports_check_run_worker_health:
        return []
    failed = []
    for record in instance.get_run_records(dg.RunsFilter(statuses=_OPEN)):
        run, age = record.dagster_run, time.time() - record.update_timestamp.timestamp()
        told = _told_processes(instance, run.run_id)
        starts = run.status == dg.DagsterRunStatus.STARTING and not told and age < _FIRST_WORD_S
        if not starts and all(_is_gone(pid, when) for pid, when in told):
            instance.report_run_failed(run, "the run's process is gone (was the machine restarted?)")
            failed.append(run.run_id)
    return failed


def _told_processes(instance: dg.DagsterInstance, run_id: str) -> list[tuple[int, float]]:
    """The process ids that a run told, each with the time (seconds since 1970)."""
    events = instance.all_logs(run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
    told = [(e.timestamp, e.dagster_event.engine_event_data.metadata) for e in events if e.dagster_event is not None]
    return [(int(str(entry["pid"].value)), when) for when, entry in told if "pid" in entry]


def _is_gone(pid: int, when: float) -> bool:
    """Whether it is certain that the process which had the pid at that time runs no more."""
    try:
        os.kill(pid, 0)  # asks only; unlike a look into /proc it needs neither Linux nor a mounted one
    except ProcessLookupError:
        return True
    except OSError:
        return False  # another user's, so there is one
    try:
        process = psutil.Process(pid)
        # A pid is given again, after a restart above all; whoever has it then is younger than what was told.
        return process.status() == psutil.STATUS_ZOMBIE or process.create_time() > when + _CLOCK_S
    except (psutil.Error, OSError, NotImplementedError):
        return False
