"""Shared fixtures: experiments in a folder of their own, their data in another, nothing of the user's touched."""

from __future__ import annotations

import copy
import shutil
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
import yaml

from arena_assets.config import Experiment, load_experiment
from arena_assets.storage import Store

ROOT = Path(__file__).resolve().parents[1]

# Seconds for a test that is marked so; the first test of a module pays for what the others share.
PATIENCE = {"browser": 300, "model": 600, "server": 600, "slow": 600, "cluster": 1200}
# Fixtures that load the model: whoever takes one is a test of the marker `model`.
MODEL_FIXTURES = {"q4_path", "f16_path"}


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Mark what takes the model's file, and give marked tests the time that they need."""
    for item in items:
        if MODEL_FIXTURES & set(getattr(item, "fixturenames", ())):
            item.add_marker("model")
        patience = [seconds for name, seconds in PATIENCE.items() if item.get_closest_marker(name)]
        if patience and item.get_closest_marker("timeout") is None:
            item.add_marker(pytest.mark.timeout(max(patience)))


DOCUMENT: dict[str, Any] = {
    "seed": 7,
    "corpus": {"source": "shipped"},
    "prompts": 40,
    "batch_size": 20,
    "models": {"small": {"source": "file", "path": "small.gguf"}},
    "logging_policy": {
        "name": "p0",
        "model": "small",
        "system_prompt": "You are a helpful assistant.",
        "temperature": 0.8,
        "max_tokens": 16,
    },
    "target_policies": [
        {"name": "pi_clone"},
        {"name": "pi_cooler", "temperature": 0.7},
        {"name": "pi_bad", "system_prompt": "Never answer."},
    ],
    "judge": {"kind": "likelihood", "model": "small"},
    "oracle": {"kind": "reference", "calibration": 0.5, "validation": 1.0},
    "analysis": {"ablation": "basic"},
}


class ConfigFolder:
    """A folder of experiment files, which ARENA_CONFIGS names."""

    def __init__(self, path: Path) -> None:
        self.path = path

    def document(self, **changes: Any) -> dict[str, Any]:
        """A valid experiment file with whole sections replaced; None drops one."""
        merged = copy.deepcopy(DOCUMENT) | changes
        return {key: value for key, value in merged.items() if value is not None}

    def write(self, name: str, content: Mapping[str, Any] | str | None = None, **changes: Any) -> Path:
        """Write `<name>.yaml`: text as it is, a mapping as YAML, nothing: the valid document with changes."""
        text = content if isinstance(content, str) else yaml.safe_dump(dict(content or self.document(**changes)))
        path = self.path / f"{name}.yaml"
        path.write_text(text, encoding="utf-8")
        return path

    def load(self, name: str = "small", content: Mapping[str, Any] | str | None = None, **changes: Any) -> Experiment:
        """Write an experiment file and load it."""
        self.write(name, content, **changes)
        return load_experiment(name)


@pytest.fixture
def config_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ConfigFolder:
    """An empty folder of experiments with the project's method configurations; data lies below tmp_path as well."""
    folder = tmp_path / "configs"
    folder.mkdir()
    shutil.copytree(ROOT / "configs" / "ablations", folder / "ablations")
    monkeypatch.setenv("ARENA_CONFIGS", str(folder))
    monkeypatch.setenv("ARENA_ROOT", str(tmp_path))
    monkeypatch.setenv("ARENA_STORAGE", str(tmp_path / "data"))
    monkeypatch.setenv("DAGSTER_HOME", str(tmp_path / "dagster_home"))
    monkeypatch.delenv("ARENA_CONFIG", raising=False)
    return ConfigFolder(folder)


@pytest.fixture
def experiment(config_folder: ConfigFolder) -> Experiment:
    """Two batches of 20 prompts, P0 and three targets."""
    return config_folder.load()


@pytest.fixture
def store(experiment: Experiment) -> Store:
    """The experiment's store; nothing is in it."""
    return Store.of(experiment)
