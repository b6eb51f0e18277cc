"""Runs that a crash of the whole machine left open are failed at start-up: else they hold the llama pool for ever."""

from __future__ import annotations

import os
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
    """Mark as failed every open run whose process is gone; returns their ids.

    A cluster's runs have no process on this machine: there run monitoring asks the launcher, and nothing is done here.
    """
    if instance.run_launcher.supports_check_run_worker_health:
        return []
    open_ = [dg.DagsterRunStatus.STARTING, dg.DagsterRunStatus.STARTED, dg.DagsterRunStatus.CANCELING]
    failed = []
    for run in instance.get_runs(dg.RunsFilter(statuses=open_)):
        events = instance.all_logs(run.run_id, of_type=dg.DagsterEventType.ENGINE_EVENT)
        told = [
            (e.timestamp, e.dagster_event.engine_event_data.metadata) for e in events if e.dagster_event is not None
        ]
        pids = [(int(str(entry["pid"].value)), when) for when, entry in told if "pid" in entry]
        if not any(_lives(pid, when) for pid, when in pids):
            instance.report_run_failed(run, "the run's process is gone (was the machine restarted?)")
            failed.append(run.run_id)
    return failed


def _lives(pid: int, when: float) -> bool:
    """Whether the process that had the pid at that time (seconds since 1970) still runs."""
    try:
        # Fields after the command's name, which is in brackets and may hold anything; the 20th of them is the start.
        ticks = int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[19])
        boot = next(line for line in Path("/proc/stat").read_text().splitlines() if line.startswith("btime"))
    except OSError:
        return False
    started = int(boot.split()[1]) + ticks / os.sysconf("SC_CLK_TCK")
    # A pid is given again after a restart. The time of boot is stated in whole seconds.
    return started < when + 2
