"""Another batch size, another name, through the real graph: what a judge was paid for is found again."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from arena_assets.cli import main
from arena_assets.config import load_experiment
from arena_assets.judging.costs import spent_usd
from arena_assets.orchestration.graph import build_assets
from arena_assets.orchestration.resources import ArenaStorage, ProgressReports
from arena_assets.storage import Store
from tests.judging.fault_server import Body, FaultServer, completion
from tests.made_up.cheap_model import CheapModels
from tests.system.experiments import write_experiment

# Every answer a dollar: five tokens of the prompt are enough to see one that is paid twice.
PRICES = {"prompt": 1000.0, "completion": 0.0}


@pytest.fixture
def server() -> Iterator[FaultServer]:
    def script(body: Body) -> tuple[int, Body]:
        return 200, completion(body, 0, text="Score: 7")

    with FaultServer(script=script).running() as found:
        yield found


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("ARENA_CONFIGS", str(tmp_path / "configs"))
    monkeypatch.setenv("ARENA_STORAGE", str(tmp_path / "data"))
    monkeypatch.setenv("INTERRUPTION_LOG", str(tmp_path / "log"))
    return tmp_path


def judge_with(server: FaultServer, folder: Path, batch_size: int, name: str = "paid", **changes: Any) -> Store:
    """Judge every batch of four prompts."""
    judge = {
        "kind": "openai", "model": "judge", "rubric": "Is it right?", "base_url": server.url, "api_key_env": None,
        "uncertainty": "none", "max_retries": 0, "prices": PRICES,
    }  # fmt: skip
    write_experiment(folder / "configs", name, prompts=4, batch_size=batch_size, judge=judge | changes)
    experiment = load_experiment(name)
    resources = {"storage": ArenaStorage(), "models": CheapModels(), "progress": ProgressReports()}
    with dg.DagsterInstance.ephemeral() as instance:
        for names, partitions in (
            (["arena_corpus"], [None]),
            (["prompts", "responses", "judge_scores"], list(experiment.partitions)),
        ):
            for partition in partitions:
                assert dg.materialize(
                    build_assets(experiment),
                    selection=[dg.AssetKey([name, asset]) for asset in names],
                    partition_key=partition,
                    instance=instance,
                    resources=resources,
                ).success
    return Store.of(experiment)


def test_no_answer_is_paid_twice(server: FaultServer, folder: Path) -> None:
    store = judge_with(server, folder, 2)
    paid, spent = len(server.requests), spent_usd(store.journals("judge_scores"))
    assert paid == len({json.dumps(request["messages"]) for request in server.requests}) > 4
    old = {path.name: path.read_bytes() for path in store.journals("judge_scores").rglob("*.jsonl")}
    for size in (4, 3, 1):
        assert judge_with(server, folder, size).read("judge_scores", "0000")["judge_score"].eq(0.7).all()
        assert len(server.requests) == paid
        assert spent_usd(store.journals("judge_scores")) == pytest.approx(spent)
    assert {
        path.name: path.read_bytes() for path in store.journals("judge_scores").rglob("*.jsonl")
    }.keys() == old.keys()


def test_a_budget_below_what_was_spent_refuses_nothing_that_is_paid(server: FaultServer, folder: Path) -> None:
    store = judge_with(server, folder, 2)
    spent, paid = spent_usd(store.journals("judge_scores")), len(server.requests)
    judge_with(server, folder, 4, max_cost_usd=spent / 2)  # all is paid already, so nothing is asked or refused
    assert len(server.requests) == paid


def test_a_renamed_experiment_pays_nothing_again(server: FaultServer, folder: Path) -> None:
    store = judge_with(server, folder, 2)
    paid = len(server.requests)
    (folder / "configs" / "paid.yaml").rename(folder / "configs" / "renamed.yaml")
    assert main(["adopt", "paid", "renamed"]) == 0
    experiment = load_experiment("renamed")
    assert Store.of(experiment).is_current(experiment, "judge_scores", "0001")
    judge_with(server, folder, 2, name="renamed")
    assert (len(server.requests), store.root.exists()) == (paid, False)
