"""What was made with another configuration is shown as outdated, though its file lies there and its partition is green.

A check of each partition says so. It is evaluated whenever the partition is made, and by a job, on demand or as soon as
a sensor sees that the experiment's file says something else: Dagster itself looks at no configuration, and at no file.
"""

import json

import dagster as dg

from arena_assets.config import Experiment, load_experiment
from arena_assets.errors import ArenaError
from arena_assets.ids import content_key
from arena_assets.orchestration.resources import ArenaStorage
from arena_assets.orchestration.run_labels import EXPERIMENT
from arena_assets.pipeline import Step
from arena_assets.state import Standing, State, standings

CHECK = "up_to_date"
_SECONDS = 30


def steps_of(experiment: Experiment) -> list[Step]:
    """The steps whose tables can be outdated, and are missed where they are."""
    return [step for step in experiment.steps if step.table is not None and not step.on_request]


def checks_of(experiment: Experiment) -> list[dg.AssetChecksDefinition]:
    """The check of each such step."""
    return [_check(experiment, step) for step in steps_of(experiment)]


def job_of(experiment: Experiment) -> dg.JobDefinition:
    """Evaluates all of them at once, and says what is outdated and which command mends it."""
    name = experiment.name

    @dg.op(name=f"{name}__{CHECK}")
    def evaluate(context: dg.OpExecutionContext, storage: ArenaStorage) -> None:
        present = load_experiment(name)
        found = standings(present, storage.store(present), steps_of(present))
        # An evaluation outside of a run could be recorded once for each partition, and never again.
        for one in found:
            if one.state is not State.MISSING:
                context.log_event(_evaluation(present, one))  # type: ignore[arg-type]  # it takes them, unannotated
        outdated = {one.label: one.reason for one in found if one.state is State.OUTDATED}
        told = {"outdated": len(outdated), "which and why": outdated, "mended by": f"arena run {name}"}
        context.add_output_metadata(told if outdated else {"outdated": 0})

    @dg.job(
        name=f"{name}_{CHECK}",
        tags={EXPERIMENT: name},
        description=f"Says of each partition whether {name}.yaml still asks for it, and what mends what is outdated.",
    )
    def job() -> None:
        evaluate()

    return job


def sensor_of(experiment: Experiment, job: dg.JobDefinition) -> dg.SensorDefinition:
    """Runs the job when what the experiment's file asks for has changed, and something is outdated, or was."""
    name = experiment.name

    @dg.sensor(
        name=f"{name}_notices_changes",
        job=job,
        minimum_interval_seconds=_SECONDS,
        default_status=dg.DefaultSensorStatus.RUNNING,  # it reads files, and makes none
        description=f"Has the checks evaluated anew when {name}.yaml has changed.",
    )
    def sensor(context: dg.SensorEvaluationContext, storage: ArenaStorage) -> dg.SensorResult:
        try:
            present = load_experiment(name)  # read anew: the definitions that are loaded may be of an older file
            steps, before = steps_of(present), json.loads(context.cursor or "{}")
            versions = {step.name: present.code_version(step.name) for step in steps}
            asked = content_key(versions=versions, prompts=present.prompts)
            if before.get("asked") == asked:
                return dg.SensorResult(skip_reason=f"{name}.yaml asks for what it asked for", cursor=context.cursor)
            found = standings(present, storage.store(present), steps)
        except ArenaError as error:
            return dg.SensorResult(skip_reason=str(error), cursor=context.cursor)
        outdated = any(one.state is State.OUTDATED for one in found)
        requests = [dg.RunRequest()] if outdated or before.get("outdated") else []
        return dg.SensorResult(requests, cursor=json.dumps({"asked": asked, "outdated": outdated}))

    return sensor


def _check(experiment: Experiment, step: Step) -> dg.AssetChecksDefinition:
    partitions = dg.StaticPartitionsDefinition(list(experiment.partitions)) if step.partitioned else None

    @dg.asset_check(
        asset=dg.AssetKey([experiment.name, step.name]),
        name=CHECK,
        partitions_def=partitions,
        description=f"It was made with what {experiment.name}.yaml asks for.",
    )
    def up_to_date(context: dg.AssetCheckExecutionContext, storage: ArenaStorage) -> dg.AssetCheckResult:
        partition = context.partition_key if step.partitioned else None
        present = load_experiment(experiment.name)
        [found] = standings(present, storage.store(present), [step], None if partition is None else [partition])
        return dg.AssetCheckResult(
            passed=found.state is not State.OUTDATED,
            severity=dg.AssetCheckSeverity.WARN,
            description=_text(present, found),
        )

    return up_to_date


def _evaluation(experiment: Experiment, found: Standing) -> dg.AssetCheckEvaluation:
    return dg.AssetCheckEvaluation(
        asset_key=dg.AssetKey([experiment.name, found.step.name]),
        check_name=CHECK,
        passed=found.state is not State.OUTDATED,
        severity=dg.AssetCheckSeverity.WARN,
        description=_text(experiment, found),
        partition=found.partition,
    )


def _text(experiment: Experiment, found: Standing) -> str:
    if found.state is State.OUTDATED:
        return f"{found.reason} (`arena run {experiment.name}`; in the UI, reload the definitions first)"
    return "up to date" if found.state.done else found.reason
