"""A batch whose journal holds what its checks refuse: refused for ever, until its items are made anew."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.orchestration import in_process
from arena_assets.orchestration.in_process import InProcess
from arena_assets.orchestration.resources import ProgressReports
from arena_assets.storage import Store
from tests.made_up import frames
from tests.made_up.cheap_model import CheapModels

# Dagster reads pydantic models in the old way.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")]

STEPS = (pipeline.PROMPTS, pipeline.RESPONSES, pipeline.LOGPROBS)


@pytest.fixture
def runner(experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[InProcess]:
    monkeypatch.setenv("INTERRUPTION_LOG", str(tmp_path / "log"))
    monkeypatch.setattr(in_process, "LocalModels", CheapModels)
    Store.of(experiment).write(
        "arena_corpus", frames.corpus(experiment), fingerprint=experiment.fingerprint("arena_corpus")
    )
    with dg.DagsterInstance.ephemeral() as instance:
        yield InProcess(experiment, instance, ProgressReports())


def falsify(store: Store, partition: str) -> None:
    """The first scored item, which is P0's, becomes another one: a scorer's fault that the journal kept."""
    items = Path(store.journal_path("logprobs", partition).path) / "items.jsonl"
    first, *others = items.read_text(encoding="utf-8").splitlines(keepends=True)
    record: dict[str, Any] = json.loads(first)
    record["logprob"] -= 0.5
    items.write_text(json.dumps(record, separators=(",", ":")) + "\n" + "".join(others), encoding="utf-8")


def done_items(tmp_path: Path) -> list[str]:
    return [line for line in (tmp_path / "log").read_text().splitlines() if line.startswith("item")]


def test_a_refused_batch_is_healed_by_what_its_message_says(
    experiment: Experiment, store: Store, runner: InProcess, tmp_path: Path
) -> None:
    assert runner.materialise(STEPS, "0001") is None
    good = store.path("logprobs", "0001").read_bytes()
    falsify(store, "0001")
    for _ in range(2):  # again and again: the items are taken from the journal
        said = runner.materialise([pipeline.LOGPROBS], "0001")
        assert said is not None
        assert "clone_weights_are_one" in said
        assert "`arena run small --partition 0001 --redo logprobs`, or `redo: true` in the launchpad" in said
    before = len(done_items(tmp_path))
    assert runner.materialise([pipeline.LOGPROBS], "0001", redo=[pipeline.LOGPROBS]) is None
    redone = done_items(tmp_path)[before:]
    assert len(redone) > 20 * len(experiment.policies)  # each once, and the sample of the reproducibility check
    assert {line.split()[1] for line in redone} == {"Force"}  # the responses were not sampled again
    assert store.path("logprobs", "0001").read_bytes() == good
    Path(store.path("logprobs", "0001").path).unlink()
    assert runner.materialise([pipeline.LOGPROBS], "0001") is None  # the new items are those of every later run


def test_the_launchpad_offers_to_make_anew_what_a_journal_keeps(experiment: Experiment) -> None:
    from arena_assets.definitions import build_definitions

    definitions = build_definitions()

    def fields(name: str) -> set[str]:
        schema = definitions.resolve_assets_def(dg.AssetKey([experiment.name, name])).op.config_schema
        return set(getattr(schema.config_type, "fields", {}))

    for step in experiment.batch_steps:
        assert fields(step.name) == (set() if step is pipeline.PROMPTS else {"redo"})
