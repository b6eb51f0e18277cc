"""Runs in this process, through Dagster's own instance, so that the UI shows them."""

import logging
from collections.abc import Iterable, Iterator
from contextlib import contextmanager

import dagster as dg
from dagster._core.definitions.job_base import InMemoryJob
from dagster._core.execution.api import execute_run
from dagster._core.execution.execution_result import ExecutionResult
from dagster._core.storage.tags import MAX_RETRIES_TAG, PARTITION_NAME_TAG

from arena_assets.config import Experiment
from arena_assets.errors import JudgeStoppedError, RefusedError
from arena_assets.orchestration.batches import SKIPPED
from arena_assets.orchestration.checked_write import STOPS
from arena_assets.orchestration.graph import common_definitions, experiment_definitions
from arena_assets.orchestration.jobs import job_name, key_of
from arena_assets.orchestration.recovery import prepare
from arena_assets.orchestration.redo import redo_config
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports
from arena_assets.orchestration.run_labels import labels
from arena_assets.orchestration.ui_origin import origin_in_ui
from arena_assets.pipeline import Step

# The caller says what happens.
_QUIET = {"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}}


@contextmanager
def in_process(experiment: Experiment, progress: ProgressReports) -> Iterator["InProcess"]:
    """Open Dagster's instance for runs of an experiment; its log is silenced, since the caller says what happens."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with dg.DagsterInstance.get() as instance:
        prepare(instance)
        yield InProcess(experiment, instance, progress)


class InProcess:
    """Materialises steps of one experiment in this process."""

    def __init__(self, experiment: Experiment, instance: dg.DagsterInstance, progress: ProgressReports) -> None:
        self._experiment, self._instance = experiment, instance
        resources = {"storage": ArenaStorage(), "models": LocalModels(), "progress": progress}
        own = dg.Definitions(resources=resources, executor=dg.in_process_executor)
        self._definitions = dg.Definitions.merge(experiment_definitions(experiment), common_definitions(), own)

    def require(self, step: Step) -> str | None:
        """Materialise a step that has no partitions; returns why it was skipped, where these data cannot give it.

        Raises:
            RefusedError: it went wrong.
        """
        result = self._execute([step], None, [])
        if not result.success:
            raise RefusedError(_problem(result))
        return _skipped(result)

    def materialise(self, steps: Iterable[Step], partition: str | None, *, redo: Iterable[Step] = ()) -> str | None:
        """Materialise steps in one run, the items of `redo` anew; returns what went wrong, or None.

        Raises:
            JudgeStoppedError: what went wrong would go wrong for every other partition, at a price.
        """
        result = self._execute(list(steps), partition, list(redo))
        if result.success:
            return None
        if _stops(result):
            raise JudgeStoppedError(_problem(result))
        return _problem(result)

    def _execute(self, steps: list[Step], partition: str | None, redo: list[Step]) -> ExecutionResult:
        """Run steps under the name of a job that the UI has, so that it can show, find and repeat the run."""
        job = self._definitions.resolve_job_def(job_name(self._experiment, steps))
        keys = {key_of(self._experiment, step) for step in steps}
        tags = {} if partition is None else {PARTITION_NAME_TAG: partition}
        run = self._instance.create_run_for_job(
            job_def=job,
            asset_selection=keys,
            # Whoever typed the command repeats it: a daemon must not.
            tags={**job.run_tags, **tags, **labels(keys, tags), MAX_RETRIES_TAG: "0"},
            run_config=_QUIET | redo_config(self._experiment, redo),
            remote_job_origin=origin_in_ui(job.name),
        )
        return execute_run(InMemoryJob(job), run, self._instance)


def _stops(result: ExecutionResult) -> bool:
    failures = [event.step_failure_data for event in result.filter_events(lambda event: event.is_step_failure)]
    stated = [data.user_failure_data.metadata.get(STOPS) for data in failures if data.user_failure_data]
    return any(one is not None and one.value for one in stated)


def _skipped(result: ExecutionResult) -> str | None:
    """Why a study was left out."""
    for event in result.filter_events(lambda event: event.is_asset_observation):
        told = event.asset_observation_data.asset_observation.metadata.get(SKIPPED)
        if told is not None:
            return str(told.value)
    return None


def _problem(result: ExecutionResult) -> str:
    """What the first failed step says: an error of the domain by its text, another by its innermost cause."""
    for event in result.filter_events(lambda event: event.is_step_failure):
        data = event.step_failure_data
        if data.user_failure_data and data.user_failure_data.description:
            return str(data.user_failure_data.description)
        error = data.error
        while error is not None and error.cause is not None:
            error = error.cause
        if error is not None and error.cls_name == "DagsterExecutionInterruptedError":
            raise KeyboardInterrupt
        if error is not None:
            return f"unexpected error, see the run in the Dagster UI: {error.message.strip()}"
    return "the run failed; see it in the Dagster UI"
