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


def test_spent_sums_every_batch_and_counts_a_key_once(tmp_path: Path) -> None:
    for batch in ("0000", "0001"):
        with Journal(tmp_path / batch) as journal:
            journal.append(f"a{batch}", {"cost_usd": 0.5})
            journal.append(f"a{batch}", {"cost_usd": 0.5})
            journal.append(f"b{batch}", {"cost_usd": None})
    with (tmp_path / "0001" / "items.jsonl").open("a") as file:
        file.write('{"key": "torn", "cost_')
    assert spent_usd(UPath(tmp_path)) == 1.0
    assert spent_usd(UPath(tmp_path / "none")) == 0.0


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


def test_rate_limits_set_the_hours() -> None:
    slow = experiment({"tokens_per_minute": 10_000}, {"enabled": False})
    (found,) = forecast(slow, COUNTS)
    assert found.hours == pytest.approx((found.prompt_tokens + 2000 * 64) / 10_000 / 60, rel=0.01)
