"""What judging costs: prices, what journals hold, and the estimate before anything is spent."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from upath import UPath

from arena_assets.config import Experiment
from arena_assets.config.judges import Prices
from arena_assets.journal import Journal
from arena_assets.judging.costs import cost_usd, spent_usd
from arena_assets.judging.forecast import TokenCounts, forecast

PRICES = {"prompt": 2.0, "completion": 8.0}
COUNTS = TokenCounts(prompt=50, responses={"P0": 200, "pi_a": 100})


def experiment(judge: dict[str, Any], oracle: dict[str, Any]) -> Experiment:
    remote = {"kind": "openai", "model": "m", "rubric": "r" * 400}
    local = {"model": "m"}
    return Experiment.model_validate(
        {
            "name": "x",
            "seed": 7,
            "corpus": {"source": "shipped"},
            "prompts": 1000,
            "batch_size": 100,
            "models": {"m": {"source": "file", "path": "m.gguf"}},
            "logging_policy": {"name": "P0", "model": "m", "system_prompt": "", "temperature": 1, "max_tokens": 8},
            "target_policies": [{"name": "pi_a", "temperature": 0.5}],
            "judge": (local if "kind" in judge else remote) | judge,
            "oracle": (remote if "kind" not in oracle else {}) | oracle,
        }
    )


def test_dollars() -> None:
    prices = Prices(prompt=2, completion=8)
    assert cost_usd(prices, 1_000_000, 500_000) == 6.0
    assert cost_usd(prices, 1_000_000, 500_000, batch=True) == 3.0


def test_spent_sums_every_batch_and_counts_a_record_once(tmp_path: Path) -> None:
    for batch in ("0000", "0001"):
        with Journal(tmp_path / batch) as journal:
            journal.append(f"a{batch}", {"cost_usd": 0.5})
            journal.append(f"a{batch}", {"cost_usd": 0.5})
            journal.append(f"b{batch}", {"cost_usd": None})
    with (tmp_path / "0001" / "items.jsonl").open("a") as file:
        file.write('{"key": "torn", "cost_')
    assert spent_usd(UPath(tmp_path)) == 1.0
    assert spent_usd(UPath(tmp_path / "none")) == 0.0


@pytest.mark.parametrize("place", ["disk", "object storage"])
def test_every_answer_that_was_paid_for_is_spent_and_the_last_is_the_item(tmp_path: Path, place: str) -> None:
    """The first alone, as the budget once had it, lets a second try go unpaid; the last alone, the first."""
    root = UPath(tmp_path) if place == "disk" else UPath(f"memory://costs/{tmp_path.name}")
    answers = [{"text": "hm", "cost_usd": 0.25}, {"text": "8", "cost_usd": 0.5}, {"text": "8", "cost_usd": 0.125}]
    for answer in answers:  # each in a run of its own
        with Journal(root / "0000") as journal:
            journal.append("a", answer)
            journal.append("b", {"text": "7", "cost_usd": 1.0})
    with Journal(root / "0001") as journal:
        journal.append("a", answers[0])  # another batch paid for the same call as well
        assert journal.get("a") == answers[0]
    with Journal(root / "0000") as journal:
        assert journal.get("a") == answers[-1]
        assert list(journal.records("a")) == answers
        assert list(journal.records("b")) == [{"text": "7", "cost_usd": 1.0}]
        assert journal.records("c") == ()
        assert len(journal) == 2
    assert spent_usd(root) == 0.25 + 0.5 + 0.125 + 1.0 + 0.25


def test_an_answer_that_came_back_is_the_item_again(tmp_path: Path) -> None:
    with Journal(tmp_path / "0000") as journal:
        for text in ("8", "hm", "8"):
            journal.append("a", {"text": text, "cost_usd": 0.5})
        assert journal.get("a") == {"text": "8", "cost_usd": 0.5}
    with Journal(tmp_path / "0000") as journal:
        assert journal.get("a") == {"text": "8", "cost_usd": 0.5}
    assert spent_usd(UPath(tmp_path)) == 1.0


def test_estimate_counts_rows_samples_and_slices() -> None:
    config = experiment(
        {"prices": PRICES, "requests_per_minute": 500},
        {"prices": PRICES, "calibration": 0.25, "validation": 100, "uncertainty": "samples", "temperature": 1.0},
    )
    judge, oracle = forecast(config, COUNTS)
    assert (judge.role, judge.calls) == ("judge", 2000)
    assert (oracle.role, oracle.calls) == ("oracle", 5 * 350)
    frame = (judge.prompt_tokens - 1000 * (50 + 200) - 1000 * (50 + 100)) / 2000
    assert 200 < frame < 500  # 100 tokens of rubric and the words around
    assert judge.cost_usd == pytest.approx((2 * judge.prompt_tokens + 8 * judge.completion_tokens) / 1e6, rel=1e-6)
    assert judge.max_cost_usd == pytest.approx((2 * judge.prompt_tokens + 8 * 2000 * 64) / 1e6, rel=1e-6)
    assert judge.hours == pytest.approx(2000 / 500 / 60)


def test_estimate_in_batch_mode_without_prices_and_of_local_parts() -> None:
    batch = experiment({"prices": PRICES, "mode": "batch"}, {"kind": "reference"})
    online = experiment({"prices": PRICES}, {"enabled": False})
    (half,), (full,) = forecast(batch, COUNTS), forecast(online, COUNTS)
    assert half.cost_usd == pytest.approx((full.cost_usd or 0) / 2)
    assert half.hours is None
    (unpriced,) = forecast(experiment({}, {"enabled": False}), COUNTS)
    assert unpriced.cost_usd is unpriced.max_cost_usd is None
    assert forecast(experiment({"kind": "likelihood"}, {"kind": "reference"}), COUNTS) == []


def test_only_what_is_to_be_made_is_counted() -> None:
    config = experiment({"prices": PRICES}, {"prices": PRICES, "calibration": 0.25, "validation": 150})
    judge, oracle = forecast(config, COUNTS, {"judge_scores": ["0000"], "oracle_labels": ["0001", "0009"]})
    assert judge.calls == 2 * 100
    assert oracle.calls == 2 * 25 + 50  # of the numbered slice only the second batch has any left
    (judge,) = forecast(config, COUNTS, {"judge_scores": ["0000"]})
    assert judge.calls == 200
    assert forecast(config, COUNTS, {}) == []


def test_rate_limits_set_the_hours() -> None:
    slow = experiment({"tokens_per_minute": 10_000}, {"enabled": False})
    (found,) = forecast(slow, COUNTS)
    assert found.hours == pytest.approx((found.prompt_tokens + 2000 * 64) / 10_000 / 60, rel=0.01)
