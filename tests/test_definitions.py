"""The code location: every experiment loads, and a broken file never takes the others with it."""

from __future__ import annotations

import tomllib

import dagster as dg
import pytest
import yaml

from arena_assets.definitions import build_definitions
from arena_assets.orchestration.ui_origin import LOCATION, MODULE
from tests.conftest import ROOT, ConfigFolder

# Dagster reads pydantic models in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")


def keys(definitions: dg.Definitions) -> set[str]:
    return {key.to_user_string() for key in definitions.resolve_asset_graph().get_all_asset_keys()}


def test_the_shipped_experiments_load_side_by_side(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_CONFIGS", str(ROOT / "configs"))
    definitions = build_definitions()
    dg.Definitions.validate_loadable(definitions)
    found = keys(definitions)
    for experiment in ("demo", "arena_100", "arena_10k"):
        assert {f"{experiment}/{asset}" for asset in ("prompts", "logprobs", "ablation_results")} <= found
        assert f"{experiment}/configuration_error" not in found


BROKEN = {
    "broken_yaml": ("seed: [", "no valid YAML"),
    "unknown_key": ("colour: red", "colour: unknown key"),
    "with-dash and blank": ("seed: 1", "Field required"),
    "übung": ("seed: 1", "Field required"),
    "type": ("seed: 1", "Field required"),
    "class": ("seed: 1", "Field required"),
    "1": ("seed: 1", "Field required"),
}


def test_broken_files_become_assets_that_show_why(config_folder: ConfigFolder) -> None:
    config_folder.write("good")
    for name, (text, _) in BROKEN.items():
        config_folder.write(name, text)
    config_folder.write("odd", analysis={"ablation": "nowhere"})
    definitions = build_definitions()
    dg.Definitions.validate_loadable(definitions)
    found = keys(definitions)
    assert {"good/prompts", "good/ablation_results"} <= found
    graph = definitions.resolve_asset_graph()
    for name, problem in {**{key: value[1] for key, value in BROKEN.items()}, "odd": "nowhere.yaml"}.items():
        assert {key for key in found if key.startswith(f"{name}/")} == {f"{name}/configuration_error"}
        description = graph.get(dg.AssetKey([name, "configuration_error"])).description
        assert description is not None
        assert problem in description
        assert f"{name}.yaml cannot be used" in description


def test_materialising_the_error_shows_the_same_reason(config_folder: ConfigFolder) -> None:
    config_folder.write("unknown_key", config_folder.document(colour="red"))
    definitions = build_definitions()
    with dg.DagsterInstance.ephemeral() as instance:
        assets = [definitions.resolve_assets_def(dg.AssetKey(["unknown_key", "configuration_error"]))]
        result = dg.materialize(assets, instance=instance, raise_on_error=False)
    failure = result.filter_events(lambda event: event.is_step_failure)[0].step_failure_data.user_failure_data
    assert failure is not None
    assert "1 problem: colour: unknown key" in str(failure.description)
    assert failure.metadata["file"].value == "unknown_key.yaml"


@pytest.mark.parametrize("name", ["type", "class", "input", "config"])
def test_a_word_that_dagster_reserves_names_an_experiment_all_the_same(config_folder: ConfigFolder, name: str) -> None:
    config_folder.write(name)
    definitions = build_definitions()
    dg.Definitions.validate_loadable(definitions)
    assert f"{name}/logprobs" in keys(definitions)


def test_the_one_code_location_has_one_name_for_all_who_load_it() -> None:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["dg"]["project"]
    [entry] = yaml.safe_load((ROOT / "workspace.yaml").read_text(encoding="utf-8"))["load_from"]
    named = {"module_name": MODULE, "location_name": LOCATION}
    assert entry["python_module"] == named
    assert project["code_location_target_module"] == MODULE
    assert project["code_location_name"] == LOCATION


def test_one_experiment_can_be_picked(config_folder: ConfigFolder, monkeypatch: pytest.MonkeyPatch) -> None:
    config_folder.write("one")
    config_folder.write("two")
    monkeypatch.setenv("ARENA_CONFIG", "two")
    assert {key.split("/")[0] for key in keys(build_definitions())} - {"methods"} == {"two"}
    monkeypatch.setenv("ARENA_CONFIG", "three")
    assert "three/configuration_error" in keys(build_definitions())


def test_an_asset_says_what_its_columns_are_whose_it_is_and_where_it_is_shown(
    config_folder: ConfigFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("ARENA_DASHBOARD_URL", "http://desk:1234/")
    openai = {"kind": "openai", "model": "m", "rubric": "r"}
    experiment = config_folder.load("one", judge=openai)
    definitions = build_definitions()
    specs = {spec.key.path[-1]: spec for spec in definitions.resolve_all_asset_specs() if spec.key.path[0] == "one"}
    assert set(specs) == {step.name for step in experiment.steps}
    for step in experiment.steps:
        spec = specs[step.name]
        assert spec.description
        assert "\n" not in spec.description
        assert len(spec.owners) == 1
        assert spec.kinds
        if step.table is not None:
            columns = {column.name: column for column in spec.metadata["dagster/column_schema"].columns}
            assert list(columns) == list(step.table.names)
            assert all(column.description for column in columns.values())
    label = {one.name: one for one in specs["oracle_labels"].metadata["dagster/column_schema"].columns}["oracle_label"]
    assert (label.type, label.constraints.nullable) == ("double", True)
    assert label.constraints.other == ["at least 0", "at most 1"]
    assert specs["judge_scores"].kinds == {"parquet", "openai"}
    assert specs["logprobs"].kinds == {"parquet", "llamacpp"}
    assert specs["ablation_results"].metadata["dashboard"].url == "http://desk:1234/estimators?experiment=one"


def test_local_models_share_one_pool_and_checks_are_partitioned(config_folder: ConfigFolder) -> None:
    config_folder.write("one")
    definitions = build_definitions()
    pools = {
        name: definitions.resolve_assets_def(dg.AssetKey(["one", name])).op.pool
        for name in ("prompts", "responses", "logprobs", "judge_scores", "oracle_labels")
    }
    llama = {"responses", "logprobs", "judge_scores"}
    assert {name for name, pool in pools.items() if pool == "llama"} == llama
    specs = definitions.resolve_assets_def(dg.AssetKey(["one", "logprobs"])).check_specs
    blocking = {spec.name: spec.blocking for spec in specs}
    assert blocking["clone_weights_are_one"]
    assert not blocking["overlap"]
    assert all(spec.partitions_def is not None for spec in specs)
