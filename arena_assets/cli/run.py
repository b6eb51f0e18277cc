"""`arena run`: materialise what is missing, through Dagster's own instance, so that the UI shows it."""

from __future__ import annotations

import logging
import sys
from collections.abc import Callable
from typing import Any

import dagster as dg
from tqdm import tqdm

from arena_assets.cli.report import comparison
from arena_assets.config import Experiment
from arena_assets.errors import RefusedError, StorageError
from arena_assets.llama.files import model_path
from arena_assets.orchestration.graph import build_assets
from arena_assets.orchestration.recovery import prepare
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports
from arena_assets.progress import Progress
from arena_assets.stages.ablation import configured_assets
from arena_assets.storage import Store


class ProgressBars(ProgressReports):
    """Progress as one bar for each asset of a partition."""

    def start(self, say: Callable[[str], None], what: str) -> Progress:
        del say
        bar: tqdm[Any] | None = None

        def report(done: int, total: int, note: str = "") -> None:
            nonlocal bar
            if bar is None:
                bar = tqdm(
                    total=total, initial=done, desc=f"{what:<22}", unit="", leave=True, file=sys.stdout, mininterval=0.5
                )
            bar.set_postfix_str(note, refresh=False)
            bar.update(done - bar.n)
            if done == total and note != "":
                bar.refresh()
            if done >= total:
                bar.close()

        return report


def run(experiment: Experiment) -> int:
    """Run an experiment to its end; 0 where every partition is done, 1 where some were refused."""
    for name in sorted({policy.model for policy in experiment.policies}):
        if experiment.imported:
            break  # its responses were made elsewhere
        model_path(name, experiment.models[name])  # said before any work, not by the second asset
    store = Store.of(experiment)
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    with dg.DagsterInstance.get() as instance:
        prepare(instance)
        runner = _Runner(experiment, instance)
        if not _current(store, experiment, "arena_corpus"):
            problem = runner.materialise(["arena_corpus"], None)
            if problem:
                raise RefusedError(problem)
        failed: dict[str, str] = {}
        for number, partition in enumerate(experiment.partitions, 1):
            todo = _todo(store, experiment, partition)
            if not todo:
                continue
            print(f"\nbatch {partition} ({number} of {len(experiment.partitions)}): {', '.join(todo)}", flush=True)
            problem = runner.materialise(todo, partition)
            if problem:
                failed[partition] = problem
                print(f"  {problem}", file=sys.stderr)
        problem = runner.materialise(["ablation_results"], None)
        if problem:
            raise RefusedError(problem)
        problem = runner.materialise(["analysis_summary"], None)
        if problem:
            raise RefusedError(problem)
    print("\n" + comparison(experiment, store))
    print(f"The whole report: {store.root / 'analysis_summary.html'}")
    for partition, problem in failed.items():
        print(f"batch {partition} was not finished: {problem}", file=sys.stderr)
    return 1 if failed else 0


class _Runner:
    """Materialises assets in this process."""

    def __init__(self, experiment: Experiment, instance: dg.DagsterInstance) -> None:
        self._experiment, self._instance = experiment, instance
        self._assets = build_assets(experiment)

    def materialise(self, names: list[str], partition: str | None) -> str | None:
        """Materialise assets in one run; returns what went wrong, or None."""
        result = dg.materialize(
            self._assets,
            selection=[dg.AssetKey([self._experiment.name, name]) for name in names],
            partition_key=partition,
            instance=self._instance,
            resources={"storage": ArenaStorage(), "models": LocalModels(), "progress": ProgressBars()},
            raise_on_error=False,
            run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
        )
        return None if result.success else _problem(result)


def _problem(result: dg.ExecuteInProcessResult) -> str:
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


def _current(store: Store, experiment: Experiment, asset: str, partition: str | None = None) -> bool:
    try:
        return store.is_current(experiment, asset, partition)
    except StorageError:
        return False


def _todo(store: Store, experiment: Experiment, partition: str) -> list[str]:
    """Assets of a partition that are missing, outdated, unreadable, or whose findings refuse them."""
    return [
        asset
        for asset in configured_assets(experiment)
        if not _current(store, experiment, asset, partition) or _refused(store, asset, partition)
    ]


def _refused(store: Store, asset: str, partition: str) -> bool:
    """Whether the last try was refused, though an earlier file may lie there."""
    try:
        findings = store.read_checks(asset, partition)
    except StorageError:
        return True
    return any(finding["blocking"] and not finding["passed"] for finding in findings)
