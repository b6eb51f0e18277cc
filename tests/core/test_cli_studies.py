"""`arena run --study`: a study of the methods beside the analysis, made once, skipped where the data cannot give it."""

from __future__ import annotations

import shutil
from pathlib import Path

import pandas as pd
import pytest
import yaml

from arena_assets.cli import main
from arena_assets.storage import METHODS, Store
from arena_assets.storage.shipped import shipped
from tests.conftest import ROOT, ConfigFolder
from tests.made_up import frames

# Dagster reads pydantic models in the old way.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")]


@pytest.fixture
def folder(config_folder: ConfigFolder, monkeypatch: pytest.MonkeyPatch) -> ConfigFolder:
    home = config_folder.path.parent / "dagster_home"
    home.mkdir()
    shutil.copy(ROOT / "dagster_home" / "dagster.yaml", home)
    monkeypatch.setattr("arena_assets.cli.run.weights_file", lambda *_: Path())
    return config_folder


def run(folder: ConfigFolder, sizes: list[int], *arguments: str) -> Store:
    methods = {"estimators": ["direct"], "reward_calibration": ["monotone"], "scoring": ["deterministic"]}
    axes = {"sample_sizes": sizes, "oracle_coverages": [0.4], "seeds": 2}
    (folder.path / "ablations" / "own.yaml").write_text(yaml.safe_dump(methods | axes), encoding="utf-8")
    experiment = folder.load(analysis={"ablation": "own"})
    store = Store.of(experiment)
    frames.write(store, experiment)
    assert main(["run", "small", *arguments]) == 0
    return store


def test_a_grid_is_made_once(folder: ConfigFolder, capsys: pytest.CaptureFixture[str]) -> None:
    store = run(folder, [30], "--study", "grid")
    assert store.read("ablation_grid")["sample_size"].tolist() == [30]
    assert "\nablation_grid\n" in capsys.readouterr().out
    assert main(["run", "small", "--study", "grid"]) == 0
    assert "\nablation_grid\n" not in capsys.readouterr().out


def test_a_grid_that_the_data_cannot_give_is_skipped_and_the_run_ends_well(
    folder: ConfigFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    store = run(folder, [1000], "--study", "grid")
    assert "ablation_grid was skipped: the grid of ablations/own.yaml cannot be run" in capsys.readouterr().out
    assert not store.exists("ablation_grid")


def test_the_simulation_is_made_beside_all_experiments(folder: ConfigFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    made: list[pd.DataFrame] = []

    def simulate(*_: object) -> pd.DataFrame:
        made.append(shipped())
        return made[-1]

    monkeypatch.setattr("arena_assets.orchestration.analysis.simulate", simulate)
    run(folder, [30], "--study", "simulation")
    assert len(Store.of(METHODS).read("estimator_simulation")) == len(shipped())
    assert main(["run", "small", "--study", "simulation"]) == 0
    assert len(made) == 1
