"""`kill -9` of `arena run` itself while SmolLM2 generates, scores and judges: a second run ends the same."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from arena_assets.config import load_experiment
from arena_assets.errors import ModelError
from arena_assets.llama.files import model_path
from arena_assets.storage import Store
from tests.interruption.harness import SECONDS, contents, differences
from tests.system.experiments import write_experiment

pytestmark = pytest.mark.model

# The journals that grow while the model works, and how many items each holds in the end.
MOMENTS = {"responses": 15, "logprobs": 15, "judge_scores": 15}


def arena(folder: Path, data: str) -> subprocess.Popen[bytes]:
    """`arena run small` with a Dagster home and data of its own."""
    home = folder / f"home-{data}"
    home.mkdir(exist_ok=True)
    (home / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    environment = os.environ | {"DAGSTER_HOME": str(home), "ARENA_STORAGE": str(folder / data)}
    with (folder / f"{data}.log").open("ab") as log:
        command = [sys.executable, "-c", "from arena_assets.cli import main; raise SystemExit(main())", "run", "small"]
        return subprocess.Popen(command, env=environment, stdout=log, stderr=log)


def test_a_killed_run_on_the_real_model_goes_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_experiment(tmp_path / "configs", prompts=3, batch_size=3)
    monkeypatch.setenv("ARENA_CONFIGS", str(tmp_path / "configs"))
    experiment = load_experiment("small")
    try:
        model_path("smollm2", experiment.models["smollm2"])
    except ModelError as error:
        pytest.skip(str(error))
    assert arena(tmp_path, "whole").wait(timeout=SECONDS) == 0, (tmp_path / "whole.log").read_text()[-2000:]
    store, rng = Store(tmp_path / "killed" / "small"), random.Random(11)
    kept: dict[str, int] = {}
    for asset, items in MOMENTS.items():
        path = Path(store.journal_path(asset, "0000").path) / "items.jsonl"
        wanted = rng.randrange(1, items)
        process = arena(tmp_path, "killed")
        deadline = time.monotonic() + SECONDS
        while _count(path) < wanted and process.poll() is None:
            assert time.monotonic() < deadline
            time.sleep(0.001)
        process.send_signal(signal.SIGKILL)
        process.wait()
        kept[asset] = _count(path)
    assert all(count > 0 for count in kept.values())
    assert arena(tmp_path, "killed").wait(timeout=SECONDS) == 0, (tmp_path / "killed.log").read_text()[-2000:]
    for asset, items in MOMENTS.items():
        path = Path(store.journal_path(asset, "0000").path) / "items.jsonl"
        keys = [json.loads(line)["key"] for line in path.read_bytes().splitlines()]
        # What was journalled before the kill was not computed again.
        assert len(keys) == len(set(keys)) == items, asset
    reference = contents(Store(tmp_path / "whole" / "small"))
    assert differences(contents(store), reference) == []


def _count(path: Path) -> int:
    try:
        return path.read_bytes().count(b"\n")
    except FileNotFoundError:
        return 0
