"""The fingerprint of a machine: the same whatever the threads, another when one bit of the arithmetic differs."""

from __future__ import annotations

import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from arena_assets.config import Experiment, load_experiment
from arena_assets.journal import Journal
from arena_assets.llama import fingerprint
from arena_assets.llama.batch import Distribution
from arena_assets.llama.pool import ModelPool
from arena_assets.machine import worker_name
from arena_assets.stages.responses import generate_responses
from tests.conftest import ROOT

pytestmark = pytest.mark.model


@pytest.fixture
def pool(monkeypatch: pytest.MonkeyPatch) -> Iterator[ModelPool]:
    monkeypatch.setenv("ARENA_CONFIGS", str(ROOT / "configs"))
    monkeypatch.setattr(fingerprint, "_known", {})
    with ModelPool(load_experiment("demo")) as opened:
        yield opened


def again(pool: ModelPool, monkeypatch: pytest.MonkeyPatch) -> str:
    monkeypatch.setattr(fingerprint, "_known", {})
    return fingerprint.scoring_fingerprint(pool.get("smollm2"))


def test_it_depends_on_nothing_but_the_arithmetic(pool: ModelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    engine = pool.get("smollm2").engine
    first = again(pool, monkeypatch)
    for threads in (1, 3):
        engine.limits = replace(engine.limits, threads=threads)
        assert again(pool, monkeypatch) == first
    logprob = Distribution.logprob
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(Distribution, "logprob", lambda self, token: float(np.nextafter(logprob(self, token), -np.inf)))
        assert again(pool, monkeypatch) != first
    assert again(pool, monkeypatch) == first


def test_on_a_gpu_it_covers_what_shapes_the_batches(pool: ModelPool, monkeypatch: pytest.MonkeyPatch) -> None:
    """On the CPU here, so the log-probabilities are equal: the settings make the difference."""
    loaded = pool.get("smollm2")
    monkeypatch.setattr(fingerprint, "gpu_names", lambda: ("One", "Two"))
    on_cpu = fingerprint.machine_of(loaded)
    monkeypatch.setattr(loaded.model, "n_gpu_layers", -1)
    loaded.engine.limits = replace(loaded.engine.limits, on_gpu=True, max_sequences=4)
    found = {fingerprint.machine_of(loaded)}
    changes: list[dict[str, Any]] = [{"max_sequences": 6}, {"cache_tokens": 8192}]
    for change in changes:
        loaded.engine.limits = replace(loaded.engine.limits, **change)
        found.add(fingerprint.machine_of(loaded))
    assert len({machine.fingerprint for machine in found | {on_cpu}}) == 4
    assert {machine.cpu for machine in found} == {f"{on_cpu.cpu} with One with Two"}


def test_it_is_computed_once_a_process_in_well_under_a_second(pool: ModelPool) -> None:
    pool.get("smollm2")
    said: list[str] = []
    pool.say = said.append
    machine = pool.machine()
    started = time.perf_counter()
    assert pool.machine() == machine
    assert fingerprint.machine_of(pool.get("smollm2")) == machine
    assert time.perf_counter() - started < 0.05
    told = [text for text in said if not text.startswith("waiting")]  # another process may be at work just now
    assert told == [f"machine {worker_name()}: {machine}"]
    assert len(machine.fingerprint) == 16
    assert machine.cpu


def test_a_journal_of_another_kind_of_machine_is_not_gone_on_with(
    pool: ModelPool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else a batch that was refused for mixing two kinds could never be mended: the journal would bring it back."""
    experiment: Experiment = load_experiment("demo")
    prompts = pd.DataFrame({"prompt_id": ["p1"], "prompt": ["Name a colour."]})

    def items(kind: str | None) -> int:
        monkeypatch.setattr(ModelPool, "kind", lambda _: kind)
        with Journal(tmp_path) as journal:
            before = len(journal)
            generate_responses(experiment, prompts, pool, journal)
            return len(journal) - before

    assert items("a") == 5
    assert items("a") == 0
    assert items("b") == 5
