"""Runs that a crash of the whole machine left open are failed at start-up: else they hold the llama pool for ever."""

from __future__ import annotations

from pathlib import Path

import dagster as dg


def prepare(instance: dg.DagsterInstance) -> list[str]:
    """Ready an instance for use: make its tables, fail runs without a process; returns these runs' ids.

    On a fresh DAGSTER_HOME webserver and daemon would both make the tables at once, and one of them would die of it.
    """
    for storage in (instance.run_storage, instance.event_log_storage, instance.schedule_storage):
        assert storage is not None  # made, tables and all, when it is first asked for
    return fail_runs_without_process(instance)


def fail_runs_without_process(instance: dg.DagsterInstance) -> list[str]:
    """Mark as failed every open run whose process is gone; returns their ids."""
    open_ = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    failed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=open_)):
        events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        metadata = [e.dagster_event.engine_event_data.metadata for e in events if e.dagster_event is not None]
        pids = [int(str(entry["pid"].value)) for entry in metadata if "pid" in entry]
        if not any(_runs_python(pid) for pid in pids):
            instance.report_run_failed(run, "the run's process is gone (was the machine restarted?)")
            failed.append(run.run_id)
    return failed


def _runs_python(pid: int) -> bool:
    # A pid can be given again to another program after a restart.
    try:
        return b"python" in Path(f"/proc/{pid}/cmdline").read_bytes()
    except OSError:
        return False
