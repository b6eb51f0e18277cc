"""Which responses are labelled: known to a batch alone, extended by more prompts, never reshuffled."""

from __future__ import annotations

from collections import Counter
from typing import Any

import pytest
from pydantic import ValidationError

from arena_assets.config import Experiment
from arena_assets.ids import prompt_id, sampling_rank
from arena_assets.slices import choose, expected_labels

CORPUS = [prompt_id(f"prompt {number}") for number in range(2000)]


def experiment(prompts: int = 1000, **oracle: Any) -> Experiment:
    return Experiment.model_validate(
        {
            "name": "x",
            "seed": 7,
            "corpus": {"source": "shipped"},
            "prompts": prompts,
            "batch_size": 100,
            "models": {"m": {"source": "file", "path": "m.gguf"}},
            "logging_policy": {"name": "P0", "model": "m", "system_prompt": "", "temperature": 1, "max_tokens": 8},
            "target_policies": [{"name": "pi_a", "temperature": 0.5}, {"name": "pi_b", "temperature": 0.7}],
            "judge": {"kind": "likelihood", "model": "m"},
            "oracle": {"kind": "reference", **oracle},
        }
    )


def slices(config: Experiment, scores: Any = None) -> dict[str, set[str]]:
    """Labelled prompt_ids by policy, chosen batch by batch."""
    order = sorted(CORPUS, key=lambda name: sampling_rank(config.seed, name))
    chosen: dict[str, set[str]] = {policy.name: set() for policy in config.policies}
    for partition in config.partitions:
        first, last = config.batch_bounds(partition)
        for one in choose(config, partition, reversed(order[first:last]), judge_scores=scores):
            assert one.slice == ("calibration" if one.policy == "P0" else "validation")
            chosen[one.policy].add(one.prompt_id)
    return chosen


@pytest.mark.parametrize(("size", "stratify"), [(0.3, False), (250, False), (0.3, True)])
def test_more_prompts_extend_and_never_reshuffle(size: float | int, stratify: bool) -> None:
    scores = {(name, policy): (int(name[-4:], 16) % 100) / 100 for name in CORPUS for policy in ("P0", "pi_a", "pi_b")}
    small, large = (
        slices(experiment(prompts, calibration=size, validation=size, stratify=stratify), scores)
        for prompts in (950, 2000)
    )
    order = sorted(CORPUS, key=lambda name: sampling_rank(7, name))
    for policy in small:
        assert small[policy] == large[policy] & set(order[:950])


def test_a_number_is_met_exactly_across_batches() -> None:
    chosen = slices(experiment(calibration=250, validation=30))
    assert {policy: len(own) for policy, own in chosen.items()} == {"P0": 250, "pi_a": 30, "pi_b": 30}
    assert chosen["pi_a"] == chosen["pi_b"]


def test_a_fraction_is_met_in_the_mean_and_whole_and_none_exactly() -> None:
    chosen = slices(experiment(calibration=0.5, validation=1.0))
    assert 440 <= len(chosen["P0"]) <= 560
    assert len(chosen["pi_a"]) == len(chosen["pi_b"]) == 1000
    assert not slices(experiment(calibration=0.0, validation=0.0))["P0"]


def test_disabled_labels_nothing() -> None:
    assert not any(slices(experiment(enabled=False)).values())
    assert expected_labels(experiment(enabled=False).oracle, "validation", 0, 10) == 0.0


def test_a_stratified_slice_holds_each_score_in_its_share() -> None:
    scores = {(name, policy): (int(name[-4:], 16) % 10) / 10 for name in CORPUS for policy in ("P0", "pi_a", "pi_b")}
    config = experiment(calibration=0.2, validation=0.2, stratify=True)
    chosen = slices(config, scores)
    everyone = slices(experiment(calibration=1.0))["P0"]
    got = Counter(scores[name, "P0"] for name in chosen["P0"])
    had = Counter(scores[name, "P0"] for name in everyone)
    for score, count in had.items():
        # Each of the 10 batches may be off by one; plain hashing strays further.
        assert abs(got[score] - 0.2 * count) <= 10
    with pytest.raises(ValueError, match="judge's scores"):
        slices(config)


@pytest.mark.parametrize(
    ("oracle", "says"),
    [
        ({"calibration": 1}, "write 1.0 for all"),
        ({"validation": True}, "validation"),
        ({"validation": 1.5}, "within 0 and 1"),
        ({"calibration": -3}, "must not be negative"),
        ({"calibration": 300, "stratify": True}, "write a fraction"),
    ],
)
def test_sizes_that_are_refused(oracle: dict[str, Any], says: str) -> None:
    with pytest.raises(ValidationError, match=says):
        experiment(**oracle)


def test_expected_labels() -> None:
    oracle = experiment(calibration=250, validation=0.5).oracle
    assert expected_labels(oracle, "calibration", 0, 1000) == 250
    assert [expected_labels(oracle, "calibration", first, first + 100) for first in (0, 200, 300)] == [100, 50, 0]
    assert expected_labels(oracle, "validation", 90, 100) == 5.0
