"""The asset of any step that is made of tables: fetch them, call its stage, apply its rules, write or refuse."""

import time
from typing import Any

import dagster as dg

from arena_assets.config import Experiment
from arena_assets.errors import InfeasibleError
from arena_assets.orchestration import metadata as figures
from arena_assets.orchestration.automation import condition
from arena_assets.orchestration.batch_run import Resources, batch_of, effort_of, work_on
from arena_assets.orchestration.checked_write import Yields, check_specs, finish
from arena_assets.orchestration.cluster.placement import LLAMA, step_tags
from arena_assets.orchestration.described import described
from arena_assets.orchestration.redo import REDO, redo_schema
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports
from arena_assets.pipeline import Step
from arena_assets.stages.origin import origin_of

# Metadata of an observation in the place of a study that these data cannot give.
SKIPPED = "skipped"


def options(experiment: Experiment, step: Step) -> dict[str, Any]:
    """What Dagster is told of a step."""
    key = dg.AssetKey([experiment.name, step.name])
    partitions = dg.StaticPartitionsDefinition(list(experiment.partitions)) if step.partitioned else None
    runs_llama = experiment.runs_llama(step)
    return {
        "key": key,
        "deps": [dg.AssetKey([experiment.name, near.name]) for near in experiment.upstream(step)],
        "group_name": experiment.name,
        "partitions_def": partitions,
        "check_specs": check_specs(experiment, key, partitions),
        "code_version": experiment.code_version(step.name),
        "automation_condition": condition(experiment, step),
        "description": origin_of(experiment).description(step),
        **described(experiment, step),
        "pool": LLAMA if runs_llama else None,
        "output_required": not step.on_request,
        "op_tags": step_tags(experiment.engine.n_gpu_layers) if runs_llama else {},
    }


def skip(context: dg.AssetExecutionContext, reason: str) -> None:
    """Leave a study out: its run ends well without it, and the reason stands among the asset's events."""
    context.log.warning(f"skipped: {reason}")
    context.log_event(dg.AssetObservation(context.asset_key, description=reason, metadata={SKIPPED: reason}))


def table_asset(experiment: Experiment, step: Step) -> dg.AssetsDefinition:
    """The asset of a step whose stage makes one table."""
    stage = origin_of(experiment).stage
    schema = redo_schema() if experiment.journals(step) else None

    @dg.asset(**options(experiment, step), config_schema=schema)  # type: ignore[untyped-decorator]
    def asset(
        context: dg.AssetExecutionContext, storage: ArenaStorage, models: LocalModels, progress: ProgressReports
    ) -> Yields:
        started, given = time.monotonic(), context.op_execution_context.op_config or {}
        resources = Resources(storage, models, progress)
        with work_on(context, experiment, step, resources, redo=bool(given.get(REDO))) as work:
            try:
                made = stage(step)(work)
            except InfeasibleError as error:
                if not step.on_request:
                    raise
                skip(context, str(error))
                return
            batch = batch_of(work, made)
        effort = effort_of(work, started)
        notes = dict(made.notes) | ({} if made.machine is None else made.machine.notes)
        if work.collected is not None:
            notes["rests_on"] = work.collected.summary
        yield from finish(context, work.store, batch, figures.of(work, made, effort), effort, notes=notes)

    found: dg.AssetsDefinition = asset
    return found
