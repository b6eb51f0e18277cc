"""What every run says of itself, whoever launched it: of which experiment, which assets and which partition it is.

Dagster names a run after its job alone, and runs of selected assets all have the same hidden one.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import dagster as dg
from dagster import QueuedRunCoordinator
from dagster._core.run_coordinator import SubmitRunContext
from dagster._core.snap import ExecutionPlanSnapshot
from dagster._core.storage.tags import (
    ASSET_PARTITION_RANGE_END_TAG,
    ASSET_PARTITION_RANGE_START_TAG,
    PARTITION_NAME_TAG,
)

from arena_assets import pipeline

EXPERIMENT, ASSET, PARTITION = "experiment", "asset", "partition"
_WHOLE = "whole batch"
_OF_BATCH = {step.name for step in pipeline.BATCH}
_ALWAYS = {step.name for step in pipeline.BATCH if step.where is None}
_RANGE = (ASSET_PARTITION_RANGE_START_TAG, ASSET_PARTITION_RANGE_END_TAG)


def labels(keys: Iterable[dg.AssetKey], tags: Mapping[str, str]) -> dict[str, str]:
    """Tags of a run that materialises `keys`, by which the list of runs can be read and filtered.

    tags: those that Dagster gave it, which hold its partition.
    """
    order = {step.name: place for place, step in enumerate(pipeline.STEPS)}
    names = sorted({key.path[-1] for key in keys}, key=lambda name: (order.get(name, len(order)), name))
    experiments = sorted({key.path[0] for key in keys})
    partition = tags.get(PARTITION_NAME_TAG) or "...".join(tags[name] for name in _RANGE if name in tags)
    if set(names) >= _ALWAYS:
        names = [_WHOLE, *(name for name in names if name not in _OF_BATCH)]  # five names are cut in the list of runs
    found = {EXPERIMENT: ", ".join(experiments), ASSET: ", ".join(names), PARTITION: partition}
    return {name: value for name, value in found.items() if value}


class LabellingRunCoordinator(QueuedRunCoordinator):
    """The queue of Dagster, which labels a run before it waits."""

    def submit_run(self, context: SubmitRunContext) -> dg.DagsterRun:
        run = context.dagster_run
        if run.execution_plan_snapshot_id is not None:
            plan = self._instance.get_execution_plan_snapshot(run.execution_plan_snapshot_id)
            if found := labels(_assets(plan), run.tags):
                self._instance.add_run_tags(run.run_id, found)
        return super().submit_run(context)


def _assets(plan: ExecutionPlanSnapshot) -> Iterable[dg.AssetKey]:
    """What the steps that the run is to execute materialise; their checks are no assets."""
    steps = [step for step in plan.steps if step.key in plan.step_keys_to_execute]
    told = [output.properties for step in steps for output in step.outputs if output.properties is not None]
    return [one.asset_key for one in told if one.asset_key is not None and one.asset_check_key is None]
