"""A project folder of its own for each test: configurations, data and Dagster's home below tmp_path."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SAMPLE = ROOT.parent / "shared" / "data" / "arena_sample"

needs_sample = pytest.mark.skipif(not SAMPLE.is_dir(), reason="../shared/data/arena_sample is not on this machine")


def set_up(folder: Path, patch: pytest.MonkeyPatch) -> Path:
    """Point the project at `folder`; its configurations are empty but for the methods."""
    (folder / "configs").mkdir(parents=True)
    (folder / "dagster").mkdir()
    (folder / "configs" / "ablations").symlink_to(ROOT / "configs" / "ablations")
    (folder / "dagster" / "dagster.yaml").write_text("telemetry: {enabled: false}\nnux: {enabled: false}\n")
    patch.setenv("ARENA_CONFIGS", str(folder / "configs"))
    patch.setenv("ARENA_STORAGE", str(folder / "data"))
    patch.setenv("DAGSTER_HOME", str(folder / "dagster"))
    return folder


@pytest.fixture
def project(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    return set_up(tmp_path / "project", monkeypatch)


def write_lines(path: Path, rows: Iterable[Mapping[str, Any] | str]) -> Path:
    """JSON Lines; a text stands as it is."""
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join((row if isinstance(row, str) else json.dumps(row)) + "\n" for row in rows))
    return path


def sampler_row(number: int, **changes: Any) -> dict[str, Any]:
    """A PrecomputedSampler row with a target `pi_clone` that is P0 again and a target `pi_new`."""
    row: dict[str, Any] = {
        "prompt_id": f"q{number}",
        "prompt": f"What is {number} and {number}?",
        "response": f"It is {2 * number}.",
        "total_logprob": -2.0 - number / 7,
        "target_logps": {"pi_clone": -2.0 - number / 7, "pi_new": -3.0 - number / 9},
        "judge_score": (number % 10) / 10,
        "oracle_label": (number % 4) / 4,
    }
    return row | changes


def draw_row(number: int, **changes: Any) -> dict[str, Any]:
    row = {"prompt_id": f"q{number}", "response": f"Perhaps {number}?", "judge_score": (number % 7) / 10}
    return row | changes
