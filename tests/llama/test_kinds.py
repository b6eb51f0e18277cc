"""What the kinds of weights cost and give: sizes as the copies have, speeds that tell the kinds apart."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from types import SimpleNamespace

import psutil
import pytest

from arena_assets.cli import weights
from arena_assets.config import Experiment, LocalModel
from arena_assets.config.sources import Weights
from arena_assets.llama import kinds
from arena_assets.llama.kinds import Choice, choices, fastest


@pytest.fixture(scope="module")
def measured(q4_path: Path) -> list[Choice]:
    return choices(q4_path, threads=2)


def test_every_choice_has_its_size_and_a_measured_speed(
    measured: list[Choice], q4_path: Path, expanded: Callable[[Weights], Path]
) -> None:
    assert [choice.weights for choice in measured] == [None, "f32", "f16", "bf16", "q8_0"]
    assert measured[0].size == q4_path.stat().st_size
    assert measured[2].size == pytest.approx(expanded("f16").stat().st_size, rel=0.02)
    assert all(choice.speed is not None and 1 < choice.speed < 1e5 for choice in measured)


def test_cores_multiply_and_the_files_kind_is_what_it_says(q4_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[int] = []

    def products(kind: int) -> float:
        asked.append(kind)
        return 134.5e6 * (1 + kind)

    monkeypatch.setattr(kinds, "products_a_second", products)
    one, three = (choices(q4_path, threads) for threads in (1, 3))
    assert asked == 2 * [3, 0, 1, 30, 8]  # GGML_TYPE_Q4_1 first
    assert [choice.speed for choice in three] == pytest.approx([3 * (choice.speed or 0) for choice in one])
    assert one[1].speed == pytest.approx(1.0, rel=0.001)
    monkeypatch.setattr(kinds, "_STATED", {})
    assert choices(q4_path)[0].speed is None


def test_the_fastest_is_one_that_fits(monkeypatch: pytest.MonkeyPatch, q4_path: Path) -> None:
    found = [
        Choice(None, 1e8, 100.0, fits=True),
        Choice("f32", 5e8, 300.0, fits=False),
        Choice("f16", 3e8, 200.0, fits=True),
        Choice("q8_0", 2e8, None, fits=True),
    ]
    assert fastest(found) == found[2]
    assert fastest(found[1:2]) is None
    monkeypatch.setattr(psutil, "virtual_memory", lambda: SimpleNamespace(available=4e8))
    assert [choice.fits for choice in choices(q4_path)] == [True, False, True, True, True]


def test_the_plan_says_it_of_each_model(tiny: Experiment, measured: list[Choice], q4_path: Path) -> None:
    model = LocalModel(source="file", path=str(q4_path), weights="f16")
    first, *each = weights.describe(tiny.model_copy(update={"models": {"small": model}}))
    assert first.startswith("small: the fastest that fits is ")
    assert [line.split()[0] for line in each] == ["as", "f32", "f16", "bf16", "q8_0"]
    assert [line.endswith("configured") for line in each] == [choice.weights == "f16" for choice in measured]
    assert each[0].startswith("  as in the file    0.1 GB  below ")
    absent = LocalModel(source="file", path="/nowhere/small.gguf")
    (line,) = weights.describe(tiny.model_copy(update={"models": {"small": absent}}))
    assert "unknown, the model small is not there" in line
    on_gpu = tiny.engine.model_copy(update={"n_gpu_layers": -1})
    assert weights.describe(tiny.model_copy(update={"engine": on_gpu})) == []
