"""A folder of generated experiments, and the environment that makes the dashboard look there."""

from __future__ import annotations

import shutil
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from arena_assets.config import Experiment, load_experiment
from arena_assets.storage import Store
from tests.made_up.experiment import write_config, write_experiment
from tests.made_up.results import results

PROMPTS, BATCH = 120, 40


@dataclass(frozen=True)
class Place:
    """Where a test's configurations and tables lie."""

    configs: Path
    data: Path

    def store(self, name: str = "arena_test") -> Store:
        return Store(self.data / name)

    def experiment(self, name: str = "arena_test") -> Experiment:
        return load_experiment(name)


@pytest.fixture(scope="session")
def generated(tmp_path_factory: pytest.TempPathFactory) -> Place:
    """One complete experiment, written once; nobody may change it."""
    root = tmp_path_factory.mktemp("generated")
    place = Place(root / "configs", root / "data")
    write_config(place.configs, "arena_test", prompts=PROMPTS, batch_size=BATCH)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ARENA_CONFIGS", str(place.configs))
        write_experiment(place.experiment(), place.store())
    return place


@pytest.fixture
def place(generated: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A copy of the experiment that the test may spoil, and the dashboard's environment."""
    own = Place(tmp_path / "configs", tmp_path / "data")
    shutil.copytree(generated.configs, own.configs)
    shutil.copytree(generated.data, own.data)
    _look_at(own, monkeypatch)
    return own


@pytest.fixture
def empty(generated: Place, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """A configured experiment of which nothing is materialised."""
    own = Place(tmp_path / "configs", tmp_path / "data")
    shutil.copytree(generated.configs, own.configs)
    own.data.mkdir()
    _look_at(own, monkeypatch)
    return own


def _look_at(place: Place, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_CONFIGS", str(place.configs))
    monkeypatch.setenv("ARENA_STORAGE", str(place.data))
    monkeypatch.setenv("ARENA_ROOT", str(place.data.parent))


@pytest.fixture
def frame() -> pd.DataFrame:
    """Every method on two targets, one near P0 and one far from it."""
    rng = np.random.default_rng(3)
    labels = {"P0": rng.uniform(size=200), "good": rng.uniform(0.2, 1, 200), "bad": rng.uniform(0, 0.5, 200)}
    logs = {"good": rng.normal(0, 0.3, 200), "bad": rng.normal(0, 4, 200)}
    return results(labels, logs, logging_policy="P0", coverage=0.5, seed=1)
