"""A backfill on two machines, one of which is killed in the middle of a batch. Run within a namespace, it writes down
what it saw (`observed.json`) and copies the tables out of the bucket, for the tests to judge.
"""

from __future__ import annotations

import json
import subprocess
import sys
import time
from pathlib import Path
from typing import Any

import boto3

from arena_assets.cli.status import status
from arena_assets.config import load_experiment
from arena_assets.storage import Store
from dashboard.data import status as dashboard_status
from dashboard.data.catalog import choose
from tests.cluster import nodes, services
from tests.cluster.harness import Cluster, cluster
from tests.made_up.frames import BATCH_ASSETS
from tests.system import servers
from tests.system.experiments import write_experiment

WORKERS = {"n3": 1, "n4": 1}
BATCHES = ["0000", "0001", "0002", "0003"]
REFUSED = "0001"  # tests/system/faulty_definitions.py scores it wrongly
POLICIES, BATCH_SIZE = 5, 3
ITEMS = POLICIES * BATCH_SIZE
# Few sequences at once, so that items end one after the other and the kill finds some done and some not.
ENGINE = {"max_sequences": 4, "threads": 1, "reproducibility_sample": 1}
SECONDS = 300.0


def configure(folder: Path) -> None:
    """The experiment of the scene: four batches of the real model."""
    write_experiment(folder, prompts=BATCH_SIZE * len(BATCHES), batch_size=BATCH_SIZE, engine=ENGINE)


def journalled(partition: str) -> set[str]:
    """Keys of the responses that the journal holds for a batch."""
    client = boto3.client("s3")
    found = client.list_objects_v2(Bucket=services.BUCKET, Prefix=f"data/small/journal/responses/{partition}/")
    keys = set()
    for entry in found.get("Contents", []):
        text = client.get_object(Bucket=services.BUCKET, Key=entry["Key"])["Body"].read().decode()
        keys |= {json.loads(line)["key"] for line in text.splitlines()}
    return keys


class Watch:
    """What the machines execute, looked at over and over: who ran which run, and how many at once."""

    def __init__(self) -> None:
        self.worker_of: dict[str, str] = {}
        self.most_at_once = dict.fromkeys(WORKERS, 0)
        self.both_at_work = 0

    def look(self) -> dict[str, set[str]]:
        running = nodes.running()
        for worker, runs in running.items():
            self.most_at_once[worker] = max(self.most_at_once[worker], len(runs))
            self.worker_of |= dict.fromkeys(runs, worker)
        self.both_at_work += len(running) == len(WORKERS)
        return running


def kill_in_mid_run(made: Cluster, watch: Watch, deadline: float) -> dict[str, Any]:
    """Kill the machine of a good batch as soon as some of its responses are journalled and most are not."""
    with made.instance() as instance:
        while time.monotonic() < deadline:
            for worker, runs in watch.look().items():
                for run_id in runs:
                    run = instance.get_run_by_id(run_id)
                    partition = run.tags.get("dagster/partition", "") if run else ""
                    if partition not in BATCHES or partition == REFUSED:
                        continue
                    if 3 <= len(journalled(partition)) <= ITEMS // 2:
                        killed = nodes.kill(worker)
                        return {
                            "worker": worker,
                            "run": run_id,
                            "partition": partition,
                            "processes": killed,
                            "journalled": len(journalled(partition)),
                        }
            time.sleep(0.05)
    raise TimeoutError(f"no batch was found in the middle of its responses; runs: {watch.worker_of}")


def check(environment: dict[str, str]) -> dict[str, Any]:
    """`arena cluster check` as a user runs it on the head."""
    command = [str(Path(sys.executable).with_name("arena")), "cluster", "check", "small"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=False, timeout=120)
    return {"code": done.returncode, "out": done.stdout, "err": done.stderr}


def play(made: Cluster) -> dict[str, Any]:
    """Run the corpus and the backfill, lose a machine, wait for the end; what was seen."""
    from arena_assets.orchestration.cluster.launcher import PAUSE_S  # imports Ray's launcher, which only a cluster has

    watch, deadline = Watch(), time.monotonic() + SECONDS
    probe = servers.start_run(made.url, [["gpu_probe"]])
    corpus = servers.launch_run(made.url, [["small", "arena_corpus"]])
    assert servers.wait_for_run(made.url, probe) == "SUCCESS"
    backfill = servers.launch_backfill(made.url, [["small", name] for name in BATCH_ASSETS], BATCHES)
    healthy = check(made.environment)  # while the daemon takes the backfill up
    lost = kill_in_mid_run(made, watch, deadline)
    lost_at = time.time()
    while (ended := servers.backfill_status(made.url, backfill)) not in servers.FINISHED:
        if time.monotonic() > deadline:
            raise TimeoutError(f"the backfill is still {ended}")
        watch.look()
        time.sleep(0.1)
    # A machine where the environment was not activated, and one slot more in the pool than there are.
    bare = made.environment | {"PATH": "/usr/bin:/bin"}
    nodes.start_worker("n5", len(WORKERS) + 3, bare, made.folder, slots=0)
    return {
        "check": {"healthy": healthy, "broken": check(made.environment)},
        "seen": outside(),
        "corpus": corpus,
        "backfill": ended,
        "lost": lost | {"at": lost_at},
        "most_at_once": watch.most_at_once,
        "both_at_work": watch.both_at_work,
        "runs": runs(made, watch),
        "pause": PAUSE_S,
        "started": made.started,
    }


def runs(made: Cluster, watch: Watch) -> list[dict[str, Any]]:
    """Every run, oldest first: partition, status, machine, tags, times (seconds since 1970), what it materialised."""
    found = []
    with made.instance() as instance:
        for record in reversed(instance.get_run_records()):
            run = record.dagster_run
            events = instance.all_logs(run.run_id)
            facts: dict[str, dict[str, Any]] = {}
            launched: list[float] = []
            for event in events:
                told = event.dagster_event
                if told is not None and (told.message or "").endswith("Creating Ray run job"):
                    launched.append(event.timestamp)
                if told is not None and told.is_step_materialization:
                    entry = told.step_materialization_data.materialization
                    facts[entry.asset_key.path[-1]] = {k: str(v.value) for k, v in entry.metadata.items()}
            found.append(
                {
                    "id": run.run_id,
                    "partition": run.tags.get("dagster/partition"),
                    "status": run.status.value,
                    "worker": watch.worker_of.get(run.run_id),
                    "tags": dict(run.tags),
                    "launched": launched,
                    "created": record.create_timestamp.timestamp(),
                    "start": record.start_time,
                    "end": record.end_time,
                    "materialised": facts,
                    "log": servers.log_of(made.url, run.run_id),
                }
            )
    return found


def outside() -> dict[str, Any]:
    """How far `arena status` and the dashboard say that the experiment is, from the bucket alone."""
    experiment = load_experiment("small")
    shown = dashboard_status.status(choose("small"))
    columns = ["asset", "partition", "state"]
    return {
        "status": status(experiment, Store.of(experiment)),
        "dashboard": shown.partitions[columns].to_dict("records"),
        "problems": [str(problem) for problem in shown.problems],
    }


def fetch(folder: Path) -> None:
    """Copy every object of the bucket into a folder."""
    client = boto3.client("s3")
    for page in client.get_paginator("list_objects_v2").paginate(Bucket=services.BUCKET):
        for entry in page.get("Contents", []):
            target = folder / entry["Key"]
            target.parent.mkdir(parents=True, exist_ok=True)
            client.download_file(services.BUCKET, entry["Key"], str(target))


def main() -> None:
    folder = Path(sys.argv[1])
    configure(folder / "configs")
    environment = {"ARENA_CONFIGS": str(folder / "configs")}
    with cluster(folder, "tests.cluster.definitions", WORKERS, environment, gpus=1) as made:
        observed = play(made)
        fetch(folder / "bucket")
    (folder / "observed.json").write_text(json.dumps(observed, indent=1))


if __name__ == "__main__":
    main()
