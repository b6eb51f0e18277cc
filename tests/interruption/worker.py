"""Runs an experiment with the cheap model in children that a test may kill: imports once, then forks on demand.

Standard input: `run N` forks N children at once; their ids are answered, and their wait statuses when all are done.
"""

from __future__ import annotations

import logging
import os
import random
import resource
import signal
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import dagster as dg

from arena_assets import pipeline
from arena_assets.config import load_experiment
from arena_assets.orchestration import analysis as whole
from arena_assets.orchestration.graph import build_assets
from arena_assets.orchestration.resources import ArenaStorage, ProgressReports
from arena_assets.stages import scoring
from arena_assets.state import standings, todo  # the very decision of `arena run`
from arena_assets.storage import Store
from tests.made_up.cheap_model import PAUSE, CheapModels, CheapScorer, tell

_replace = Path.replace


def main() -> None:
    """Serve until standard input ends."""
    _mark_stages()
    for line in sys.stdin:
        children = [_fork() for _ in range(int(line.split()[1]))]
        print(*children, flush=True)
        print(*(os.waitpid(child, 0)[1] for child in children), flush=True)


def _fork() -> int:
    child = os.fork()
    if child:
        return child
    code = 1
    try:
        _misbehave()
        code = _run()
    finally:
        if sys.exc_info()[0] is not None:
            traceback.print_exc()
        os._exit(code)


def _run() -> int:
    """`arena run` without its instance on disk; 0 done, 2 refused with a text."""
    logging.getLogger("dagster").setLevel(logging.CRITICAL)
    experiment = load_experiment("small")
    store = Store.of(experiment)
    assets = build_assets(experiment)
    resources = {"storage": ArenaStorage(), "models": CheapModels(), "progress": ProgressReports()}
    with dg.DagsterInstance.ephemeral() as instance:

        def materialise(names: list[str], partition: str | None) -> None:
            result = dg.materialize(
                assets,
                selection=[dg.AssetKey([experiment.name, name]) for name in names],
                partition_key=partition,
                instance=instance,
                resources=resources,
                raise_on_error=False,
                run_config={"loggers": {"console": {"config": {"log_level": "CRITICAL"}}}},
            )
            for event in result.filter_events(lambda event: event.is_step_failure):
                data = event.step_failure_data
                told = data.user_failure_data.description if data.user_failure_data else f"UNEXPECTED {data.error}"
                tell(f"error {' '.join(str(told).split())}")
                os._exit(2)

        if not all(standing.state.done for standing in standings(experiment, store, [pipeline.CORPUS])):
            materialise(["arena_corpus"], None)
        for partition in experiment.partitions:
            steps = todo(experiment, store, partition)
            if steps:
                materialise([step.name for step in steps], partition)
        materialise(["ablation_results"], None)
    return 0


def _mark_stages() -> None:
    """Tell the log where a child is, and widen the moments that would be too short to be hit."""
    analyse = whole.analyse

    def slow_analyse(*arguments: Any) -> Any:
        tell("stage analysis")
        return analyse(*arguments)

    def slow_replace(self: Any, target: Any) -> Any:
        tell("stage writing")
        time.sleep(10 * PAUSE)
        return _replace(self, target)

    def scorer(config: Any, **_: Any) -> CheapScorer:
        return CheapScorer("oracle" if config.kind == "reference" else "judge")

    whole.analyse = slow_analyse  # type: ignore[assignment]
    Path.replace = slow_replace  # type: ignore[method-assign]
    scoring.build_scorer = scorer


def _misbehave() -> None:
    """What the test asked the machine to be like, by a file beside the log."""
    wish = os.environ["INTERRUPTION_LOG"] + ".wish"
    if not os.path.exists(wish):  # noqa: PTH110
        return
    with open(wish) as file:  # noqa: PTH123
        asked = file.read().strip()
    if asked.startswith("disk"):
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        size = int(asked.split()[1])
        resource.setrlimit(resource.RLIMIT_FSIZE, (size, size))
    elif asked == "clock":
        real, rng = time.time, random.Random(5)
        time.time = lambda: real() + rng.choice([-1e7, 0.0, 1e7])
    else:
        raise ValueError(asked)


if __name__ == "__main__":
    main()
