"""10,000 prompts x 5 policies on generated tables: memory and seconds of `arena status`, the analysis and each check.

Each part runs in a process of its own, so that its peak memory is its own.
"""

from __future__ import annotations

import argparse
import json
import os
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.report import Case, report, within_bound

ROOT = Path(__file__).resolve().parents[1]
PROMPTS, BATCH_SIZE, REPETITIONS = 10_000, 100, 5
MEMORY_GB = 2.0
# Seconds: what a person waits for without wondering, on two busy cores.
BOUNDS = {"status": 3.0, "collect": 20.0, "analysis": 20.0, "checks": 2.0, "summary": 30.0, "export": 30.0}


def main() -> int:
    """Generate the tables once, then measure each part several times."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--part", choices=list(BOUNDS), help="measure one part in this process, print JSON")
    parser.add_argument("--repetitions", type=int, default=REPETITIONS)
    options = parser.parse_args()
    if options.part:
        print(json.dumps(_measure(options.part)))
        return 0
    with tempfile.TemporaryDirectory() as folder:
        environment = _generate(Path(folder))
        cases: list[Case] = []
        for part, bound in BOUNDS.items():
            found = [_in_process(part, environment) for _ in range(options.repetitions)]
            seconds: dict[str, list[float]] = {}
            for one in found:
                for name, value in one["seconds"].items():
                    seconds.setdefault(name, []).append(value)
            cases += [within_bound(name, values, bound, unit="s") for name, values in seconds.items()]
            cases.append(within_bound(f"{part}: memory", [one["gigabytes"] for one in found], MEMORY_GB, unit="GB"))
    return report("scale", cases)


def _generate(folder: Path) -> dict[str, str]:
    from arena_assets.config import load_experiment
    from arena_assets.storage import Store
    from tests.made_up.experiment import write_config, write_experiment

    configs = folder / "configs"
    write_config(configs, "scale", prompts=PROMPTS, batch_size=BATCH_SIZE)
    (configs / "ablations").symlink_to(ROOT / "configs" / "ablations")
    os.environ["ARENA_CONFIGS"] = str(configs)
    os.environ["ARENA_STORAGE"] = str(folder / "data")
    experiment = load_experiment("scale")
    started = time.perf_counter()
    write_experiment(experiment, Store.of(experiment), with_results=False)
    _store_results()
    print(f"generated {PROMPTS} prompts x {len(experiment.policies)} policies in {time.perf_counter() - started:.0f} s")
    return dict(os.environ)


def _store_results() -> None:
    """The analysis once, so that what follows from it has something to read."""
    from arena_assets.config import load_experiment
    from arena_assets.stages.analysis import analyse, write_analysis
    from arena_assets.stages.collecting import as_data, collect
    from arena_assets.storage import Store

    experiment = load_experiment("scale")
    store = Store.of(experiment)
    data = as_data(experiment, collect(experiment, store).tables)
    write_analysis(experiment, store, analyse(experiment, data, time.perf_counter))


def _in_process(part: str, environment: dict[str, str]) -> dict[str, Any]:
    command = [sys.executable, "-m", "benchmarks.scale", "--part", part]
    done = subprocess.run(command, cwd=ROOT, env=environment, check=True, capture_output=True, text=True)
    found: dict[str, Any] = json.loads(done.stdout.splitlines()[-1])
    return found


def _measure(part: str) -> dict[str, Any]:
    seconds = PARTS[part]()
    return {"seconds": seconds, "gigabytes": _peak_gigabytes()}


def _peak_gigabytes() -> float:
    """Peak resident memory of this process alone: ru_maxrss would begin with what the parent held at the fork."""
    try:
        lines = Path("/proc/self/status").read_text().splitlines()
    except OSError:
        return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1e9  # bytes on macOS
    return next(float(line.split()[1]) / 1e6 for line in lines if line.startswith("VmHWM"))


def _timed(name: str, work: Callable[[], object]) -> dict[str, float]:
    started = time.perf_counter()
    work()
    return {name: time.perf_counter() - started}


def _status() -> dict[str, float]:
    from arena_assets.cli.status import status
    from arena_assets.config import load_experiment
    from arena_assets.storage import Store

    experiment = load_experiment("scale")
    return _timed("arena status", lambda: status(experiment, Store.of(experiment)))


def _collect() -> dict[str, float]:
    from arena_assets.config import load_experiment
    from arena_assets.stages.collecting import collect
    from arena_assets.storage import Store

    experiment = load_experiment("scale")
    return _timed("read all partitions, apply every check again", lambda: collect(experiment, Store.of(experiment)))


def _analysis() -> dict[str, float]:
    from arena_assets.config import load_experiment
    from arena_assets.stages.analysis import analyse
    from arena_assets.stages.collecting import as_data, collect
    from arena_assets.storage import Store

    experiment = load_experiment("scale")
    tables = collect(experiment, Store.of(experiment)).tables
    return _timed(
        "analysis, default methods", lambda: analyse(experiment, as_data(experiment, tables), time.perf_counter)
    )


def _checks() -> dict[str, float]:
    """Each check on one table of all 10,000 prompts, a hundred times a batch."""
    from arena_assets.config import load_experiment
    from arena_assets.pipeline import BATCH
    from arena_assets.rules import RULES, Batch
    from arena_assets.stages.collecting import collect
    from arena_assets.storage import Store

    experiment = load_experiment("scale")
    tables = collect(experiment, Store.of(experiment)).tables
    whole = experiment.model_copy(update={"batch_size": PROMPTS})
    found: dict[str, float] = {}
    for asset in (step.name for step in BATCH):
        batch = Batch(whole, asset, tables[asset], "0000", tables)
        for rule in RULES[asset]:
            found |= _timed(f"check {asset}/{rule.name}", lambda rule=rule, batch=batch: rule.check(batch))  # type: ignore[misc]
    return found


def _summary() -> dict[str, float]:
    from arena_assets.config import load_experiment
    from arena_assets.pipeline import SUMMARY
    from arena_assets.storage import Store
    from arena_assets.summary import write_report

    experiment = load_experiment("scale")
    return _timed(SUMMARY.name, lambda: write_report(experiment, Store.of(experiment)))


def _export() -> dict[str, float]:
    from arena_assets.config import load_experiment
    from arena_assets.exchange.exporting import export
    from arena_assets.storage import Store

    experiment = load_experiment("scale")
    with tempfile.TemporaryDirectory() as folder:
        return _timed("export cje", lambda: export(experiment, Store.of(experiment), folder, "cje"))


PARTS: dict[str, Callable[[], dict[str, float]]] = {
    "status": _status,
    "collect": _collect,
    "analysis": _analysis,
    "checks": _checks,
    "summary": _summary,
    "export": _export,
}


if __name__ == "__main__":
    raise SystemExit(main())
