"""The cluster's run queue: every run is tagged with what its steps ask of a machine, however it was launched.

Run launchers read a run's tags, never a step's. Materialize, a backfill, a retry and the command line all submit their
runs here, and the tag is seen in the UI while the run still waits.
"""

from __future__ import annotations

import dagster as dg
from dagster._core.run_coordinator import SubmitRunContext

from arena_assets.orchestration.cluster.placement import request_of, run_tags
from arena_assets.orchestration.run_labels import LabellingRunCoordinator


class RequestingRunCoordinator(LabellingRunCoordinator):
    """The queue of one machine, which tags a run with its request as well."""

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        run = context.dagster_run
        tags = run_tags(request_of(_steps(self._instance, run)), run.tags)
        if tags:
            self._instance.add_run_tags(run.run_id, tags)
        return super().submit_run(context)


def _steps(instance: dg.DagsterInstance, run: dg.DagsterRun) -> list[tuple[str | None, dict[str, str]]]:
    """Pool and tags of the steps that the run is to execute."""
    if run.execution_plan_snapshot_id is None:
        return []
    plan = instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
    return [(step.pool, dict(step.tags or {})) for step in plan.steps if step.key in plan.step_keys_to_execute]
