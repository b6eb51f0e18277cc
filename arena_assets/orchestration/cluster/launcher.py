"""Launches runs as Ray jobs, with a pause between them, and notices those that die before they begin.

The pause: a backfill has as many runs ready as there are slots. Where slots share cores (a machine with several GPUs
has several), runs that start together are each as slow as all of them, end together, and start together again: on four
slots of two cores a start took 6 s, with the pause 4 to 5 s, since some are at work while others start. The pause costs
the last of N machines N seconds, once, beside batches of minutes and hours.

The watch: Ray needs some ten seconds to notice that a machine is gone, and may place a run on it meanwhile. Dagster
asks only after runs that have started; such a one would wait for `start_timeout_seconds`, which cannot be short, since
a run may also wait for a slot. It goes on while the database or Ray's head is away; any other error ends it, is told in
the run that it was about and by Python, and the next launch begins a new watch.
"""

from __future__ import annotations

import logging
import sys
import threading
import time
from collections.abc import Callable

import dagster as dg
import requests
from dagster._core.events import EngineEventData
from dagster._core.launcher import LaunchRunContext
from dagster._core.launcher.base import CheckRunHealthResult, WorkerStatus
from dagster._utils.error import serializable_error_info_from_exc_info
from dagster_postgres.utils import DagsterPostgresException
from dagster_ray import RayRunLauncher
from sqlalchemy import exc

PAUSE_S = 1.0
_WATCH_S = 5.0
# What says that the database or Ray's head cannot be reached just now; the next look may find them.
AWAY = (
    ConnectionError,
    TimeoutError,
    requests.RequestException,
    DagsterPostgresException,
    exc.OperationalError,
    exc.InterfaceError,
    exc.TimeoutError,
)


class ArenaRayRunLauncher(RayRunLauncher):  # type: ignore[misc]
    """`RayRunLauncher` that launches a run no sooner than `PAUSE_S` after the one before, and watches it start."""

    _not_before = 0.0
    _watch: threading.Thread | None = None

    def launch_run(self, context: LaunchRunContext) -> None:
        if self._watch is None or not self._watch.is_alive():
            self._watch = threading.Thread(target=self._watch_starts, name="watch-starts", daemon=True)
            self._watch.start()
        time.sleep(max(0.0, self._not_before - time.monotonic()))
        super().launch_run(context)
        self._not_before = time.monotonic() + PAUSE_S

    def check_run_worker_health(self, run: dg.DagsterRun) -> CheckRunHealthResult:
        try:
            found: CheckRunHealthResult = super().check_run_worker_health(run)
        except RuntimeError as error:
            # Ray's client has no class of its own for an answer of the head that is an HTTP error.
            if type(error) is not RuntimeError:
                raise
            return CheckRunHealthResult(WorkerStatus.UNKNOWN, str(error))
        return found

    def _watch_starts(self) -> None:
        while True:
            time.sleep(_WATCH_S)
            try:
                fail_lost_starts(self._instance, self.check_run_worker_health)
            except AWAY:
                logging.getLogger("dagster").exception("runs that are starting could not be looked at")


def fail_lost_starts(instance: dg.DagsterInstance, health: Callable[[dg.DagsterRun], CheckRunHealthResult]) -> None:
    """Mark runs as failed whose worker ended before they began; `run_retries` then runs them again.

    Raises:
        Exception: what `health` raises; a run about which nothing can be found out says so in its log.
    """
    for run in instance.get_runs(dg.RunsFilter(statuses=[dg.DagsterRunStatus.STARTING])):
        try:
            found = health(run)
        except AWAY:
            raise
        except Exception:
            told = EngineEventData.engine_error(serializable_error_info_from_exc_info(sys.exc_info()))
            text = "Whether the run's worker still lives cannot be found out; nobody watches it start any more."
            instance.report_engine_event(text, run, told)
            raise
        if found.status != WorkerStatus.FAILED:
            continue
        now = instance.get_run_by_id(run.run_id)
        if now is not None and now.status == dg.DagsterRunStatus.STARTING:  # it has not begun meanwhile
            instance.report_run_failed(run, f"The run's worker ended before the run began. {found.msg or ''}")
