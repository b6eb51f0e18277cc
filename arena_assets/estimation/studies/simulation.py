"""Monte Carlo study with known truth: do the intervals cover, and does the gate refuse where they do not?"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from itertools import groupby
from typing import Any

import numpy as np
import pandas as pd

from arena_assets.estimation._types import EstimationError
from arena_assets.estimation.analysis import DEFAULT, Result, evaluate, table
from arena_assets.estimation.estimators.methods import Method
from arena_assets.estimation.estimators.registry import estimators_that
from arena_assets.estimation.ranking import best_supported, contrasts
from arena_assets.estimation.studies.catalog import WORLDS
from arena_assets.estimation.studies.scenarios import Scenario
from arena_assets.estimation.studies.tallies import (
    BEST,
    CELL_COLUMNS,
    CONTRAST,
    UNAIDED,
    VALUE,
    Key,
    Outcome,
    cell,
)
from arena_assets.estimation.studies.worlds import LOGGING, TARGET, World

CHUNK = 25  # replications of one task: some seconds

Seen = dict[Key, list[Outcome]]


@dataclass(frozen=True)
class Task:
    """Some replications of one scenario. It can be sent to another process."""

    world: World
    methods: tuple[Method, ...]
    replications: range
    level: float
    seed: int


# Runs tasks in any way that keeps their order: `map`, or that of a pool of processes.
Runner = Callable[[Callable[[Task], Seen], Sequence[Task]], Iterable[Seen]]


def estimator_simulation(
    cells: Iterable[World | Scenario] | None = None,
    *,
    methods: Sequence[Method] = DEFAULT,
    replications: int = 1000,
    level: float = 0.95,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
    runner: Runner = map,
) -> pd.DataFrame:
    """The four questions for every scenario, estimand and method; columns `CELL_COLUMNS`. Default: all of `WORLDS`.

    Replication r of a scenario draws from its own stream, derived from seed, the scenario's name and r: neither order,
    selection nor `runner` changes a number. `progress(done, total)` counts replications. Coverage is of the known
    truth itself; a result is gross where its error exceeds 3 standard errors.
    """
    if replications < 1:
        raise EstimationError(f"replications must be at least 1, got {replications}")
    worlds = [one.world if isinstance(one, Scenario) else one for one in (WORLDS if cells is None else cells)]
    tasks = [
        Task(world, tuple(methods), range(start, min(start + CHUNK, replications)), level, seed)
        for world in worlds
        for start in range(0, replications, CHUNK)
    ]
    total, done = len(worlds) * replications, 0
    rows: list[dict[str, object]] = []
    answered = zip(tasks, runner(run_task, tasks), strict=True)
    for world, group in groupby(answered, key=lambda pair: pair[0].world):
        seen: Seen = {}
        for task, part in group:
            for key, outcomes in part.items():
                seen.setdefault(key, []).extend(outcomes)
            done += len(task.replications)
            if progress is not None:
                progress(done, total)
        rows += [cell(world, key, outcomes) for key, outcomes in seen.items()]
    return pd.DataFrame(rows, columns=list(CELL_COLUMNS))


def run_task(task: Task) -> Seen:
    """What the replications of a task show, by row of the table."""
    seen: Seen = {}
    for repetition in task.replications:
        rng = np.random.default_rng([task.seed, *task.world.name.encode(), repetition])
        results = evaluate(task.world.draw(rng), methods=task.methods)
        for key, outcome in _outcomes(results, task.level):
            seen.setdefault(key, []).append(outcome)
    return seen


def _outcomes(results: Sequence[Result], level: float) -> Iterator[tuple[Key, Outcome]]:
    """Of every method its value and contrast, and what is picked as best supported, with own labels and without: one of
    each key, always.
    """
    compared = contrasts(results, logging_policy=LOGGING, level=level)
    differences = {
        _names(row): _outcome(row, "difference") for row in compared.to_dict("records") if row["policy"] == TARGET
    }
    of_target = [result for result in results if result.policy == TARGET]
    rows = table(of_target, level=level)
    values = {_names(row): _outcome(row, "estimate") for row in rows.to_dict("records") if row["status"] == "ok"}
    for result in of_target:
        names = _names(result.method.columns)
        yield Key(VALUE, *names), values.get(names, Outcome())
        yield Key(CONTRAST, *names), differences.get(names, Outcome())
    own = rows["estimator"].isin(estimators_that(lambda one: one.own_labels))
    for estimand, eligible in ((BEST, rows), (UNAIDED, rows[~own])):
        picked = [_outcome(row, "estimate") for row in best_supported(eligible).to_dict("records")]
        yield Key(estimand), picked[0] if picked else Outcome()


def _names(row: Mapping[Any, Any]) -> tuple[str, str, str]:
    return str(row["estimator"]), str(row["reward_calibration"]), str(row["weight_calibration"])


def _outcome(row: Mapping[Any, Any], value: str) -> Outcome:
    return Outcome(row[value], row["std_error"], row["ci_low"], row["ci_high"], row["support"])
