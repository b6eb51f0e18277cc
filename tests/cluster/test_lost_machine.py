"""A backfill on two Ray workers, one of which is killed in the middle of a batch; the real model, Postgres and S3.

Everything happens in a network namespace on loopback (`scene.py`); here it is judged.
"""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest

from arena_assets.storage import Store
from tests.cluster.namespace import inside, why_not
from tests.cluster.scene import BATCHES, ITEMS, REFUSED, WORKERS, configure
from tests.cluster.services import PASSWORD
from tests.conftest import ROOT
from tests.made_up.frames import BATCH_ASSETS

pytestmark = pytest.mark.cluster

GOOD = [batch for batch in BATCHES if batch != REFUSED]


@dataclass
class Seen:
    """What the scene saw, the bucket's tables, and those of a laptop run of the same experiment."""

    folder: Path
    observed: dict[str, Any]
    cluster: Store
    laptop: Store

    def runs(self, partition: str) -> list[dict[str, Any]]:
        """All but those that never began after the loss: until Ray knows of it, it may place a run there."""
        lost_at = self.observed["lost"]["at"]
        return [
            run
            for run in self.observed["runs"]
            if run["partition"] == partition and (run["start"] or min(run["launched"], default=0) < lost_at)
        ]


@pytest.fixture(scope="module")
def seen() -> Iterator[Seen]:
    reason = why_not()
    if reason is not None:
        pytest.skip(f"no pretend cluster can run here: {reason}")
    # Ray's sockets lie deep in it, and a socket's path is short: pytest's own folder of a worker leaves no room.
    with tempfile.TemporaryDirectory(prefix="cluster", ignore_cleanup_errors=True) as folder:
        yield _play(Path(folder))


def _play(folder: Path) -> Seen:
    """The laptop's run, then the scene."""
    _laptop_run(folder / "laptop")
    command = [sys.executable, "-m", "tests.cluster.scene", str(folder)]
    done = inside(command, cwd=ROOT, capture_output=True, timeout=400)
    assert done.returncode == 0, f"{done.stdout[-2000:]}\n{done.stderr[-6000:]}"
    observed = json.loads((folder / "observed.json").read_text())
    bucket, laptop = folder / "bucket" / "data" / "small", folder / "laptop" / "data" / "small"
    return Seen(folder, observed, Store(bucket), Store(laptop))


def _laptop_run(folder: Path) -> None:
    """`arena run` with the laptop's instance: SQLite, no server."""
    configure(folder / "configs")
    home = folder / "home"
    home.mkdir()
    (home / "dagster.yaml").write_bytes((ROOT / "dagster_home" / "dagster.yaml").read_bytes())
    own = {
        "ARENA_CONFIGS": str(folder / "configs"),
        "ARENA_STORAGE": str(folder / "data"),
        "DAGSTER_HOME": str(home),
        "PYTHONWARNINGS": "ignore",
    }
    command = [str(Path(sys.executable).with_name("arena")), "run", "small"]
    done = subprocess.run(
        command, cwd=ROOT, env=os.environ | own, capture_output=True, text=True, check=False, timeout=300
    )
    assert done.returncode == 0, done.stderr[-3000:]


def test_the_kill_fell_in_the_middle_of_a_batch(seen: Seen) -> None:
    lost = seen.observed["lost"]
    assert lost["partition"] in GOOD
    assert lost["processes"] >= 3  # raylet, agent, the run
    assert 3 <= lost["journalled"] < ITEMS
    assert seen.observed["both_at_work"] > 0


def test_the_lost_batch_runs_again_on_the_other_machine_and_goes_on_from_the_journal(seen: Seen) -> None:
    lost = seen.observed["lost"]
    first, second = seen.runs(lost["partition"])
    assert (first["id"], first["status"], first["worker"]) == (lost["run"], "FAILURE", lost["worker"])
    assert second["status"] == "SUCCESS"
    assert second["worker"] in set(WORKERS) - {lost["worker"]}
    assert "responses" not in first["materialised"]
    sampled = int(second["materialised"]["responses"]["finished in this run"])
    assert sampled == ITEMS - lost["journalled"]
    assert second["start"] - lost["at"] < 200


def test_the_refused_batch_is_not_tried_again_and_leaves_no_table(seen: Seen) -> None:
    (only,) = seen.runs(REFUSED)
    assert only["status"] == "FAILURE"
    assert only["tags"]["dagster/will_retry"] == "false"
    assert not seen.cluster.exists("logprobs", REFUSED)
    findings = {finding["name"]: finding["passed"] for finding in seen.cluster.read_run("logprobs", REFUSED).findings}
    assert findings["clone_weights_are_one"] is False
    assert seen.observed["backfill"] == "COMPLETED_FAILED"


def test_the_other_batches_were_done_once(seen: Seen) -> None:
    for partition in set(GOOD) - {seen.observed["lost"]["partition"]}:
        (only,) = seen.runs(partition)
        assert only["status"] == "SUCCESS"
        assert int(only["materialised"]["responses"]["finished in this run"]) == ITEMS


@pytest.mark.parametrize("asset", BATCH_ASSETS)
def test_tables_equal_those_of_a_laptop_run_to_the_last_bit(seen: Seen, asset: str) -> None:
    for partition in GOOD:
        assert seen.cluster.path(asset, partition).read_bytes() == seen.laptop.path(asset, partition).read_bytes()
    # The laptop's scorer is not faulty, so equality is no artefact of comparing a run with itself.
    assert seen.laptop.exists("logprobs", REFUSED)


def test_a_machine_never_had_two_runs_at_once(seen: Seen) -> None:
    assert seen.observed["most_at_once"] == dict.fromkeys(WORKERS, 1)
    lost = seen.observed["lost"]
    for worker in WORKERS:
        # A killed run ended when its machine did; Dagster learned of it later.
        spans = sorted(
            (run["start"], lost["at"] if run["id"] == lost["run"] else run["end"])
            for run in seen.observed["runs"]
            if run["worker"] == worker and "dagster-ray/config" in run["tags"]
        )
        assert spans
        assert all(earlier[1] <= later[0] for earlier, later in pairwise(spans))


def test_runs_are_launched_with_a_pause_between_them(seen: Seen) -> None:
    times = sorted(time for run in seen.observed["runs"] for time in run["launched"])
    assert len(times) == len(seen.observed["runs"])
    assert all(later - earlier >= seen.observed["pause"] for earlier, later in pairwise(times))


def test_the_need_of_every_step_reaches_the_run_however_it_was_launched(seen: Seen) -> None:
    runs = {run["partition"] or "-".join(run["materialised"]): run for run in seen.observed["runs"]}
    assert json.loads(runs["0002"]["tags"]["dagster-ray/config"]) == {"resources": {"llama": 1}}  # by the backfill
    retried = seen.runs(seen.observed["lost"]["partition"])[1]
    assert json.loads(retried["tags"]["dagster-ray/config"]) == {"resources": {"llama": 1}}
    probe = runs["gpu_probe"]
    assert json.loads(probe["tags"]["dagster-ray/config"]) == {"num_gpus": 1, "resources": {"llama": 1}}
    assert probe["materialised"]["gpu_probe"] == {"worker": list(WORKERS)[-1], "gpus": "0"}
    assert "dagster-ray/config" not in runs["arena_corpus"]["tags"]
    assert seen.observed["corpus"] == "SUCCESS"


def test_the_ui_shows_what_both_machines_log(seen: Seen) -> None:
    told = set()
    for run in seen.observed["runs"]:
        for line in run["log"]:
            named = re.match(r"LogMessageEvent: machine (\w+): .*fingerprint [0-9a-f]{16}$", line)
            if named:
                assert named[1] == run["worker"]
                told.add(named[1])
    assert told == set(WORKERS)
    assert any(f"{ITEMS}/{ITEMS}" in line for run in seen.observed["runs"] for line in run["log"])


def test_status_and_dashboard_read_the_shared_storage(seen: Seen) -> None:
    shown = {asset["asset"]: asset for asset in seen.observed["seen"]["status"]["assets"]}
    assert shown["responses"]["done"] == len(BATCHES)
    assert shown["logprobs"]["done"] == len(GOOD)
    failed = {(found["partition"], found["check"]) for found in shown["logprobs"]["failed_checks"]}
    assert {partition for partition, _ in failed} == {REFUSED}
    # The wrong value breaks `reproducibility` as well, where its prompt is of the sample that is scored again.
    assert (REFUSED, "clone_weights_are_one") in failed
    states = {(row["asset"], row["partition"]): row["state"] for row in seen.observed["seen"]["dashboard"]}
    assert seen.observed["seen"]["problems"] == []
    assert len({states["logprobs", partition] for partition in GOOD}) == 1
    assert states["logprobs", REFUSED] != states["logprobs", GOOD[0]]


def test_cluster_check_accepts_the_whole_cluster_and_says_what_is_wrong_with_a_broken_one(seen: Seen) -> None:
    healthy, broken = seen.observed["check"]["healthy"], seen.observed["check"]["broken"]
    assert healthy["code"] == 0, healthy
    assert "the cluster can do the job" in healthy["out"]
    assert all(f"127.0.0.{number} " in healthy["out"] for number in (2, 3, 4))
    assert broken["code"] == 1
    assert re.search(r"PROBLEM  127\.0\.0\.5: .*python: not found.*activate the project's environment", broken["out"])
    assert re.search(r"PROBLEM  pool llama: 2 runs may .*`dagster instance concurrency set llama 1`", broken["out"])


def test_the_database_password_is_in_no_log(seen: Seen) -> None:
    """A run's command line carries the instance's configuration, which Ray and the daemon log."""
    logs = [*seen.folder.glob("*.log"), *(seen.folder / "ray").rglob("*.log"), *(seen.folder / "ray").rglob("*.out")]
    texts = [path.read_text(errors="replace") for path in logs if path.is_file()]
    assert any("ARENA_PG_PASSWORD" in text for text in texts)  # the command line was seen
    assert not any(PASSWORD in text for text in texts)
    assert PASSWORD not in json.dumps(seen.observed)
