"""The one answer to "is it done?": every state with its reason, and that a look lists folders and opens no more."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import pytest

from arena_assets import pipeline
from arena_assets.config import Experiment
from arena_assets.errors import RefusedError
from arena_assets.stages.collecting import collect
from arena_assets.state import Reader, Standing, State, standings, todo
from arena_assets.storage import Store
from tests.conftest import ConfigFolder
from tests.made_up import frames

BAD = {"name": "unique", "blocking": True, "passed": False, "text": "2 of 20 prompts are doubled", "figures": {}}
WARNING = BAD | {"name": "overlap", "blocking": False}


def file(store: Store, asset: str, partition: str) -> Path:
    return Path(store.path(asset, partition).path)


def by_label(found: list[Standing]) -> dict[str, Standing]:
    return {standing.label: standing for standing in found}


def spoil(store: Store, experiment: Experiment) -> None:
    """One partition of every kind, the others done."""
    frames.write(store, experiment)
    file(store, "prompts", "0001").write_bytes(b"broken")
    file(store, "responses", "0000").unlink()
    store.write("logprobs", store.read("logprobs", "0000"), fingerprint="another", partition="0000")
    store.write_checks("judge_scores", "0000", [BAD, WARNING], run_id="r")
    store.write_checks("judge_scores", "0001", [WARNING], run_id="r")
    file(store, "oracle_labels", "0000").with_name("0000.checks.json").write_text("{")


EXPECTED = {
    "prompts/0001": (State.UNREADABLE, "the file is corrupted"),
    "responses/0000": (State.MISSING, "responses/0000 is not materialised"),
    "logprobs/0000": (State.OUTDATED, "made with another configuration; materialise it again"),
    "judge_scores/0000": (State.REFUSED, "was refused: unique: 2 of 20 prompts are doubled"),
    "judge_scores/0001": (State.WARNED, "overlap: 2 of 20"),
    "oracle_labels/0000": (State.UNREADABLE, "is no list of findings"),
}


def test_every_state_is_told_with_its_reason(store: Store, experiment: Experiment) -> None:
    spoil(store, experiment)
    found = by_label(standings(experiment, store))
    for label, (state, reason) in EXPECTED.items():
        assert found[label].state is state, label
        assert reason in found[label].reason
    assert found["ablation_results"].state is State.MISSING
    others = found.keys() - EXPECTED.keys() - {"ablation_results"}
    assert {found[label].state for label in others} == {State.DONE}
    assert found["prompts/0000"].rows == 20
    assert "ablation_grid" not in found  # it is made on request


def test_what_is_to_do_and_what_is_analysed_follow_from_it(store: Store, experiment: Experiment) -> None:
    spoil(store, experiment)
    assert [step.name for step in todo(experiment, store, "0000")] == [
        "responses",
        "logprobs",
        "judge_scores",
        "oracle_labels",
    ]
    assert [step.name for step in todo(experiment, store, "0001")] == ["prompts"]
    with pytest.raises(RefusedError) as caught:
        collect(experiment, store)
    for label in ("prompts/0001", "logprobs/0000", "judge_scores/0000"):
        assert EXPECTED[label][1] in str(caught.value)


def test_a_refused_batch_is_left_out_although_an_earlier_file_lies_there(store: Store, experiment: Experiment) -> None:
    frames.write(store, experiment)
    store.write_checks("responses", "0001", [BAD], run_id="r")
    collected = collect(experiment, store)
    assert collected.used == ("0000",)
    assert "responses/0001 was refused" in collected.left_out["0001"]


def test_without_a_configuration_what_lies_there_is_current(store: Store, experiment: Experiment) -> None:
    spoil(store, experiment)
    found = by_label(standings(None, store))
    assert found["logprobs/0000"].state is State.DONE
    assert "responses/0000" not in found or found["responses/0000"].state is State.MISSING
    assert found["judge_scores/0000"].state is State.REFUSED


def test_a_disabled_oracle_is_not_missed(config_folder: ConfigFolder) -> None:
    off = config_folder.load(oracle={"kind": "reference", "enabled": False})
    assert not [one for one in standings(off, Store.of(off)) if one.step is pipeline.ORACLE_LABELS]


def test_a_table_that_lacks_what_is_written_beside_it_is_outdated(store: Store, experiment: Experiment) -> None:
    frames.write(store, experiment)
    beside = dataclasses.replace(pipeline.PROMPTS, beside=("logprobs",))
    [whole] = standings(experiment, store, [beside], ["0000"])
    assert whole.state is State.DONE
    file(store, "logprobs", "0000").unlink()
    [half] = standings(experiment, store, [beside], ["0000"])
    assert (half.state, half.reason) == (State.OUTDATED, "logprobs/0000 is not materialised")


def test_a_look_lists_each_folder_once_and_asks_for_no_file(
    config_folder: ConfigFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    import os

    experiment = config_folder.load(prompts=200, batch_size=2)
    store = Store.of(experiment)
    for name in ("prompts", "responses"):
        (Path(store.root.path) / name).mkdir(parents=True)
    listed: list[str] = []
    scan = os.scandir

    def counted(path: Any) -> Any:
        listed.append(str(path))
        return scan(path)

    def no_look(*_: Any) -> Any:
        raise AssertionError("a file was asked for")

    monkeypatch.setattr(os, "scandir", counted)
    monkeypatch.setattr(Store, "exists", no_look)
    found = standings(experiment, store, reader=Reader(no_look, no_look))
    assert len(found) == 5 * 100 + 2
    assert len(listed) == len(set(listed)) == 6
