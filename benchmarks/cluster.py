"""Past one machine: the overhead of a batch and the speed-up on 1, 2 and 4 Ray workers, and what that means for 10,000
prompts.

Each of 8 batches sleeps for 10 s in the place of its work, so the cores of the one machine that pretends to be several
do not matter; all else is real: Postgres, object storage, Ray, daemon and webserver, in a network namespace.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from itertools import pairwise
from pathlib import Path

import dagster as dg

from benchmarks.report import Case, report, within_bound

ROOT = Path(__file__).resolve().parents[1]
WORK_S, BATCHES = 10.0, 8
MACHINES = (1, 2, 4)
SPEED_UP = {2: 1.8, 4: 3.2}
# Seconds around a batch's work: what a person would not notice beside a batch of minutes.
OVERHEAD_S = 30.0
# The full experiment: batches of 100 of 10,000 prompts, and hours of work a batch on one machine.
FULL_BATCHES = 100
HOURS_A_BATCH = (0.25, 1.0, 4.0)


@dataclass(frozen=True)
class Measured:
    """One backfill: machines, seconds from the first run's start to the last's end, and of each batch its overhead.

    overheads: on each machine, seconds between the end of one batch's work and the beginning of the next one's.
    """

    machines: int
    seconds: float
    overheads: tuple[float, ...]


def main() -> int:
    """Measure in a namespace, then report."""
    parser = argparse.ArgumentParser(description=main.__doc__)
    parser.add_argument("--inside", type=Path, help="measure in this folder: what the benchmark calls for itself")
    parser.add_argument("--repetitions", type=int, default=1, help="backfills on each number of machines")
    options = parser.parse_args()
    if options.inside:
        measured = [one for n in MACHINES for one in _measure(options.inside / str(n), n, options.repetitions)]
        (options.inside / "measured.json").write_text(json.dumps([asdict(one) for one in measured]))
        return 0
    from tests.cluster.namespace import inside, why_not

    reason = why_not()
    if reason is not None:
        print(f"the benchmark cannot run here: {reason}", file=sys.stderr)
        return 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        command = [sys.executable, "-m", "benchmarks.cluster", "--inside", name]
        done = inside([*command, "--repetitions", str(options.repetitions)], cwd=ROOT)
        if done.returncode:
            return done.returncode
        measured = [Measured(**one) for one in json.loads((folder / "measured.json").read_text())]
    status = report("cluster", cases(measured))
    print(estimate(measured))
    return status


def cases(measured: Sequence[Measured]) -> list[Case]:
    """Speed-up over one machine, whose backfill is the peer, and the overhead of a batch on each number of machines."""
    seconds = {n: [one.seconds for one in measured if one.machines == n] for n in MACHINES}
    alone = statistics.median(seconds[1])
    found = []
    for machines, goal in SPEED_UP.items():
        ours = statistics.median(seconds[machines])
        ratio = alone / ours
        name = f"{BATCHES} batches of {WORK_S:.0f} s on {machines} machines, against one"
        spread = f"{min(seconds[machines]):.4g} to {max(seconds[machines]):.4g}, n = {len(seconds[machines])}"
        found.append(Case(name, ours, alone, "s", ratio, goal, ratio >= goal, spread))
    for machines in MACHINES:
        overheads = [value for one in measured if one.machines == machines for value in one.overheads]
        found.append(within_bound(f"overhead of a batch, {machines} machines", overheads, OVERHEAD_S, unit="s"))
    return found


def estimate(measured: Sequence[Measured]) -> str:
    """The full experiment on N machines, from the measured overhead of a batch."""
    overhead = statistics.median(value for one in measured for value in one.overheads)
    lines = [
        f"\nThe full experiment, {FULL_BATCHES} batches, with the measured overhead of {overhead:.0f} s a batch, "
        "if no machine waits for another (hours):",
        f"{'machines':>10}" + "".join(f"{hours:>16.2f} h/batch" for hours in HOURS_A_BATCH),
    ]
    for machines in (1, 2, 4, 10, 25):
        rounds = -(-FULL_BATCHES // machines)  # the last round is as long as the others
        whole = [rounds * (hours + overhead / 3600) for hours in HOURS_A_BATCH]
        lines.append(f"{machines:>10}" + "".join(f"{hours:>24.1f}" for hours in whole))
    return "\n".join(lines)


def _measure(folder: Path, machines: int, repetitions: int) -> list[Measured]:
    """Backfills of all batches on a fresh cluster of so many machines."""
    from tests.cluster.harness import cluster
    from tests.system import servers

    folder.mkdir()
    workers = {f"n{number}": 1 for number in range(3, 3 + machines)}
    own = {"ARENA_BENCHMARK_SECONDS": str(WORK_S)}
    found = []
    with cluster(folder, "tests.cluster.sleeping", workers, own) as made:
        for _ in range(repetitions):
            since = time.time()
            partitions = [f"{number:04d}" for number in range(BATCHES)]
            # Seldom, since each question costs some of the cores that the machines share; the times are Dagster's own.
            ended = servers.backfill(made.url, [["sleeping_batch"]], partitions, timeout=540, every=5)
            if ended != "COMPLETED_SUCCESS":
                raise RuntimeError(f"the backfill on {machines} machines ended as {ended}")
            with made.instance() as instance:
                found.append(_measured(instance, machines, since))
            print(f"{machines} machines: {found[-1].seconds:.1f} s", flush=True)
    return found


def _measured(instance: dg.DagsterInstance, machines: int, since: float) -> Measured:
    """From what Dagster keeps of the runs since then."""
    records = [one for one in instance.get_run_records() if one.create_timestamp.timestamp() >= since]
    spans: dict[str, list[tuple[float, float]]] = {}
    for entry in instance.fetch_materializations(dg.AssetKey("sleeping_batch"), limit=BATCHES).records:
        told = entry.asset_materialization
        assert told is not None
        value = {key: told.metadata[key].value for key in ("worker", "began", "ended")}
        spans.setdefault(str(value["worker"]), []).append((float(str(value["began"])), float(str(value["ended"]))))
    gaps = []
    for own in spans.values():
        own.sort()
        gaps += [later[0] - earlier[1] for earlier, later in pairwise(own)]
    # From the moment when the first run is queued: how often the daemon looks for new backfills is no batch's affair.
    queued = min(one.create_timestamp.timestamp() for one in records)
    return Measured(machines, max(one.end_time or 0.0 for one in records) - queued, tuple(gaps))


if __name__ == "__main__":
    raise SystemExit(main())
