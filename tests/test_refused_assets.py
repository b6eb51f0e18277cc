"""Bad data as Dagster shows them: a refusal in words for every asset, no trace, no retry, and no file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from arena_assets.config import Experiment
from arena_assets.estimation import EstimationError
from arena_assets.orchestration import analysis, reports
from arena_assets.orchestration.graph import build_assets
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports
from arena_assets.storage import Store
from tests.conftest import ConfigFolder
from tests.made_up import frames
from tests.made_up.experiment import write_experiment

# Dagster reads pydantic models in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")


def run(experiment: Experiment, asset: str) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            build_assets(experiment),
            selection=[dg.AssetKey([experiment.name, asset])],
            instance=instance,
            resources={"storage": ArenaStorage(), "models": LocalModels(), "progress": ProgressReports()},
            raise_on_error=False,
        )


def refusal(experiment: Experiment, asset: str) -> str:
    """The text with which an asset is refused, which is all that is shown of it."""
    result = run(experiment, asset)
    assert not result.success
    [event] = result.get_step_failure_events()
    told = event.step_failure_data.user_failure_data
    assert told is not None, event.step_failure_data.error
    assert told.metadata["stops the run"].value is False
    assert not result.asset_materializations_for_node(f"{experiment.name}__{asset}")
    return str(told.description)


ORACLE = {"kind": "reference", "calibration": 0.5, "validation": 1.0}
AXES = {"sample_sizes": [20], "oracle_coverages": [0.5], "seeds": 2}
NO_GRID: dict[str, tuple[dict[str, Any], dict[str, Any], str]] = {
    "a design without axes": ({}, {}, "a grid needs sample_sizes, oracle_coverages and seeds"),
    "a design beyond the data": (AXES | {"sample_sizes": [1000]}, {}, "nothing of the grid can be run"),
    "targets without labels": (AXES, {"oracle": ORACLE | {"validation": 0.0}}, "no truth to compare with"),
    "no labels at all": (AXES, {"oracle": ORACLE | {"enabled": False}}, "no truth to compare with"),
}


@pytest.mark.parametrize("case", NO_GRID)
def test_a_grid_that_the_data_cannot_give_is_skipped_with_its_reason(config_folder: ConfigFolder, case: str) -> None:
    axes, changes, says = NO_GRID[case]
    methods = {"estimators": ["direct"], "reward_calibration": ["monotone"], "scoring": ["deterministic"]}
    (config_folder.path / "ablations" / "own.yaml").write_text(yaml.safe_dump(methods | axes), encoding="utf-8")
    experiment = config_folder.load(analysis={"ablation": "own"}, **changes)
    store = Store.of(experiment)
    frames.write(store, experiment)
    result = run(experiment, "ablation_grid")
    assert result.success  # so that all of an experiment can be materialised together
    [event] = result.filter_events(lambda event: event.is_asset_observation)
    observed = event.asset_observation_data.asset_observation
    text = str(observed.metadata["skipped"].value)
    assert text == observed.description
    assert text.startswith("the grid of ablations/own.yaml cannot be run: ")
    assert says in text
    assert not result.asset_materializations_for_node("small__ablation_grid")
    assert not store.exists("ablation_grid")


@pytest.mark.parametrize("asset", ["ablation_results", "ablation_grid"])
def test_scores_that_are_all_missing_are_refused_in_words(experiment: Experiment, store: Store, asset: str) -> None:
    frames.write(store, experiment)
    for partition in experiment.partitions:
        scores = frames.tables(experiment, partition)["judge_scores"]
        scores = scores.assign(status="unscored", reason="no answer", judge_score=float("nan"))
        scores[["judge_mean", "judge_variance"]] = float("nan")
        fingerprint = experiment.fingerprint("judge_scores", partition)
        store.write("judge_scores", scores, fingerprint=fingerprint, partition=partition)
    assert "judge_scores" in refusal(experiment, asset)
    assert not store.exists(asset)


def test_a_report_is_refused_without_results(experiment: Experiment, store: Store) -> None:
    frames.write(store, experiment)
    assert "ablation_results is not materialised" in refusal(experiment, "analysis_summary")


def test_a_report_on_results_without_a_table_beside_them_is_refused(experiment: Experiment, store: Store) -> None:
    write_experiment(experiment, store)
    Path(store.path("policy_values").path).unlink()
    assert "policy_values is not there" in refusal(experiment, "analysis_summary")


def test_data_that_allow_no_estimate_are_no_trace_in_any_asset(
    experiment: Experiment, store: Store, monkeypatch: pytest.MonkeyPatch
) -> None:
    def none(*_: object) -> None:
        raise EstimationError("the labels of pi_bad are all equal")

    frames.write(store, experiment)
    for module, name, asset in (
        (reports, "write_report", "analysis_summary"),
        (reports, "export", "export"),
        (analysis, "analyse", "ablation_results"),
    ):
        monkeypatch.setattr(module, name, none)
        assert refusal(experiment, asset) == "the labels of pi_bad are all equal"
