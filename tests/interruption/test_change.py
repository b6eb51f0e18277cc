"""A change of the configuration outdates exactly what depends on it, and re-computes nothing else."""

from __future__ import annotations

import json

import pytest

from arena_assets.cli import main
from tests.interruption.conftest import Place

pytestmark = pytest.mark.slow


def outdated(capsys: pytest.CaptureFixture[str]) -> dict[str, int]:
    capsys.readouterr()
    assert main(["status", "small", "--json"]) == 0
    assets = json.loads(capsys.readouterr().out)["assets"]
    # The worker writes no report.
    return {asset["asset"]: len(asset["outdated"]) for asset in assets if asset["asset"] != "analysis_summary"}


def test_a_changed_prompt_of_one_policy(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    assert place.worker.run() == 0, place.worker.errors()
    assert set(outdated(capsys).values()) == {0}
    *others, bad = place.document["target_policies"]
    assert bad["name"] == "pi_bad"
    place.configure(target_policies=[*others, bad | {"system_prompt": "You are a parrot."}])
    found = outdated(capsys)
    assert {name for name, count in found.items() if count == 0} == {"arena_corpus", "prompts"}
    assert {name for name, count in found.items() if count == 2} == {
        "responses", "logprobs", "judge_scores", "oracle_labels",
    }  # fmt: skip
    assert found["ablation_results"] == 1
    place.worker.log.write_text("")
    assert place.worker.run() == 0, place.worker.errors()
    redone = [item for item in place.worker.items() if not item.startswith("item Force")]
    # A response drawn from the same random stream may come out the same; then its score is known already.
    assert redone
    assert all(item.endswith("/pi_bad") for item in redone)
    assert sum(item.startswith("item Generate") for item in redone) == 12
    assert set(outdated(capsys).values()) == {0}


def test_more_prompts_keep_what_is_done(place: Place) -> None:
    assert place.worker.run() == 0, place.worker.errors()
    before = place.contents()
    done = {item for item in place.worker.items() if item.startswith("item Generate")}
    place.worker.log.write_text("")
    place.configure(prompts=18)
    assert place.worker.run() == 0, place.worker.errors()
    fresh = {item for item in place.worker.items() if item.startswith("item Generate")}
    assert len(fresh) == 6 * 5
    assert not fresh & done
    after = place.contents()
    assert {name: data for name, data in after.items() if name in before and isinstance(data, bytes)} == {
        name: data for name, data in before.items() if isinstance(data, bytes)
    }


@pytest.mark.parametrize("batch_sizes", [(12,), (5, 4)])
def test_batches_of_another_size_compute_nothing_again(place: Place, batch_sizes: tuple[int, ...]) -> None:
    assert place.worker.run() == 0, place.worker.errors()
    for size in batch_sizes:
        place.worker.log.write_text("")
        place.configure(batch_size=size)
        assert place.worker.run() == 0, place.worker.errors()
        # All that a batch does anew is to score its sample a second time, which proves that scoring repeats.
        assert {item.split()[1] for item in place.worker.items()} <= {"Force"}
        sample = sum(min(2, size, 12 - start) for start in range(0, 12, size))
        assert len(place.worker.items()) == sample * 5
