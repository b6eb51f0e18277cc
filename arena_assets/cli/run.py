"""`arena run`: materialise what is missing, through Dagster's own instance, so that the UI shows it."""

from __future__ import annotations

import sys
from collections.abc import Callable
from typing import Any

from tqdm import tqdm

from arena_assets import pipeline
from arena_assets.cli.choice import EVERYTHING, Choice
from arena_assets.cli.report import comparison
from arena_assets.config import Experiment
from arena_assets.corpus.sample import require_enough
from arena_assets.llama.expansion import weights_file
from arena_assets.orchestration.in_process import InProcess, in_process
from arena_assets.orchestration.resources import ProgressReports
from arena_assets.pipeline import Step
from arena_assets.progress import Progress
from arena_assets.state import standings
from arena_assets.storage import METHODS, Store
from arena_assets.storage.shipped import identity


class ProgressBars(ProgressReports):
    """Progress as one bar for each asset of a partition."""

    def start(self, say: Callable[[str], None], what: str) -> Progress:
        del say
        bar: tqdm[Any] | None = None

        def report(done: float, total: int, note: str = "") -> None:
            nonlocal bar
            done = round(done, 1) if done < total else total
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


def run(experiment: Experiment, choice: Choice = EVERYTHING) -> int:
    """Run an experiment to its end; 0 where every partition is done, 1 where some were refused."""
    for name in experiment.model_files:
        # What lacks is said before any work, not by the second asset.
        weights_file(name, experiment.models[name], print)
    store = Store.of(experiment)
    with in_process(experiment, ProgressBars()) as runner:
        failed = _batches(experiment, store, runner, choice)
        for step in experiment.steps:
            # Always: they take seconds, and rest on whatever partitions there are now.
            if step.rests_on_batches and not step.on_request:
                runner.require(step)
        for step in choice.studies:
            if _is_there(experiment, store, step):
                continue
            print(f"\n{step.name}", flush=True)
            skipped = runner.require(step)
            if skipped:
                print(f"{step.name} was skipped: {skipped}")
    print("\n" + comparison(experiment, store))
    print(f"The whole report: {store.root / f'{pipeline.SUMMARY.name}.html'}")
    for partition, problem in failed.items():
        print(f"batch {partition} was not finished: {problem}", file=sys.stderr)
    return 1 if failed else 0


def _is_there(experiment: Experiment, store: Store, study: Step) -> bool:
    """Whether a study is current, and of an experiment's one, whether it rests on what the analysis rests on."""
    if study.common:
        common = Store.of(METHODS)
        return common.exists(study.name) and common.notes(study.name).get("fingerprint") == identity()
    if not store.exists(study.name) or not store.is_current(experiment, study.name):
        return False
    return store.notes(study.name).get("rests_on") == store.notes(pipeline.RESULTS.name).get("rests_on")


def _batches(experiment: Experiment, store: Store, runner: InProcess, choice: Choice) -> dict[str, str]:
    """Make what is missing of every batch, and before it what all of them need; what went wrong, by partition."""
    found = standings(experiment, store, experiment.steps)
    for standing in found:
        if not standing.step.upstream and not standing.state.done:
            runner.require(standing.step)
    require_enough(experiment, int(store.notes(pipeline.CORPUS.name)["rows"]))
    failed: dict[str, str] = {}
    left = {standing.partition for standing in found if not standing.state.done}
    left = set(choice.partitions) or left
    for number, partition in enumerate(experiment.partitions, 1):
        # Looked at again when its turn comes: hours later somebody may have made it from the UI.
        steps = choice.steps(experiment, store, partition) if partition in left else []
        if not steps:
            continue
        print(f"\nbatch {partition} ({number} of {len(experiment.partitions)}): {pipeline.names(steps)}", flush=True)
        problem = runner.materialise(steps, partition, redo=choice.redo)
        if problem:
            failed[partition] = problem
            print(f"  {problem}", file=sys.stderr)
    return failed
