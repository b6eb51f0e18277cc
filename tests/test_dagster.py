"""The asset graph in Dagster, without a model: what is refused, what goes on, what is shown."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow.parquet as pq
import pytest
from scipy.stats import spearmanr

from arena_assets.config import Experiment
from arena_assets.errors import ConfigError
from arena_assets.orchestration.graph import build_assets
from arena_assets.stages.logprobs import Scored
from arena_assets.storage import Store
from tests.conftest import ConfigFolder
from tests.made_up import frames
from tests.prepared import Project, Scorer, checks, metadata, said

# Dagster reads pydantic models in the old way.
pytestmark = [pytest.mark.slow, pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")]


@pytest.fixture
def project(experiment: Experiment, monkeypatch: pytest.MonkeyPatch) -> Iterator[Project]:
    with dg.DagsterInstance.ephemeral() as instance:
        made = Project(experiment, instance)

        def responses(_e: Any, prompts: pd.DataFrame, *_: Any) -> pd.DataFrame:
            return made.prepared("responses", prompts)

        def logprobs(_e: Any, prompts: pd.DataFrame, *_: Any) -> Scored:
            return Scored(made.prepared("logprobs", prompts), ())

        def rescore(*_: Any) -> pd.DataFrame:
            return pd.DataFrame(columns=["prompt_id", "policy", "stored", "again", "n_response_tokens"])

        def scorer(config: Any, **_: Any) -> Scorer:
            asset = "judge_scores" if config is experiment.judge else "oracle_labels"
            tables = [frames.tables(experiment, partition)[asset] for partition in experiment.partitions]
            return Scorer(pd.concat(tables), "judge_score" if asset == "judge_scores" else "oracle_label")

        monkeypatch.setattr("arena_assets.stages.responses.generate_responses", responses)
        monkeypatch.setattr("arena_assets.stages.logprobs.score_logprobs", logprobs)
        monkeypatch.setattr("arena_assets.stages.logprobs.rescore", rescore)
        monkeypatch.setattr("arena_assets.stages.scoring.build_scorer", scorer)
        yield made


def wrong_clone(partition: str, table: pd.DataFrame) -> pd.DataFrame:
    if partition != "0001":
        return table
    first = table["target_logps"][0]
    return table.assign(target_logps=[first | {"pi_clone": first["pi_clone"] - 0.5}, *table["target_logps"][1:]])


def test_everything_good_is_materialised_and_analysed(project: Project) -> None:
    assert [result.success for result in project.run_all()] == [True, True]
    result = project.run("ablation_results")
    assert result.success
    assert metadata(result, "ablation_results")["partitions"] == "2 of 2"
    assert project.store.read("ablation_results")["n"].max() == 40
    assert all(project.store.is_current(project.experiment, "logprobs", key) for key in ("0000", "0001"))


def test_a_batch_with_wrong_clone_weights_is_red_and_the_others_go_on(project: Project) -> None:
    project.spoil["logprobs"] = wrong_clone
    good, bad = project.run_all()
    assert (good.success, bad.success) == (True, False)
    assert "nothing was written: clone_weights_are_one: 1 of 20 weights of a clone of P0 are not 1" in said(bad)
    recorded = checks(bad)
    assert recorded["clone_weights_are_one"] == (False, "ERROR", "0001")
    assert recorded["possible_values"] == (True, "ERROR", "0001")
    assert project.store.partitions("logprobs") == ["0000"]
    keys = project.instance.get_materialized_partitions(dg.AssetKey(["small", "logprobs"]))
    assert keys == {"0000"}
    found = {entry["name"]: entry["passed"] for entry in project.store.read_run("logprobs", "0001").findings}
    assert found["clone_weights_are_one"] is False

    result = project.run("ablation_results")
    assert result.success
    shown = metadata(result, "ablation_results")
    assert (shown["partitions"], shown["partitions missing"]) == ("1 of 2", 0)
    assert "logprobs/0001 was refused: clone_weights_are_one: 1 of 20 weights" in shown["partitions left out"]["0001"]

    project.spoil.clear()
    assert project.run("logprobs", "judge_scores", "oracle_labels", partition="0001").success
    assert metadata(project.run("ablation_results"), "ablation_results")["partitions"] == "2 of 2"


def test_a_refused_batch_is_out_of_the_analysis_although_its_older_file_lies_there(project: Project) -> None:
    project.run_all()
    project.spoil["logprobs"] = wrong_clone
    assert not project.run("logprobs", partition="0001").success
    assert project.store.partitions("logprobs") == ["0000", "0001"]
    shown = metadata(project.run("ablation_results"), "ablation_results")
    assert shown["partitions"] == "1 of 2"
    assert "logprobs/0001 was refused: clone_weights_are_one" in shown["partitions left out"]["0001"]


def test_a_batch_without_any_value_of_a_target_is_refused_with_the_reason(project: Project) -> None:
    def nothing(_: str, table: pd.DataFrame) -> pd.DataFrame:
        return table.assign(target_logps=[row | {"pi_bad": None} for row in table["target_logps"]])

    project.spoil["logprobs"] = nothing
    assert "few_missing: 20 of 80" in said(project.run_all()[0])


def test_a_warning_stops_nothing(project: Project) -> None:
    project.spoil["responses"] = lambda _, table: table.assign(response=table["response"].where(table.index > 0, ""))
    result = project.run_all()[0]
    assert result.success
    assert checks(result)["not_empty"] == (False, "WARN", "0000")


def test_a_left_out_response_gets_no_label(project: Project) -> None:
    def leave_out(_: str, table: pd.DataFrame) -> pd.DataFrame:
        changes = {"response": None, "response_tokens": None, "finish_reason": "left_out", "sampling_logprob": None}
        for column, value in (changes | {"n_response_tokens": 0, "reason": "too long"}).items():
            values = table[column].astype(object).tolist()
            table = table.assign(**{column: [*values[:3], value, *values[4:]]})
        return table

    project.spoil["responses"] = leave_out
    assert project.run_all()[0].success
    key = project.store.read("responses", "0000").loc[3, ["prompt_id", "policy"]].tolist()
    for asset, value in (("judge_scores", "judge_score"), ("oracle_labels", "oracle_label")):
        table = project.store.read(asset, "0000").set_index(["prompt_id", "policy"])
        row = table.loc[tuple(key)]
        assert pd.isna(row[value])
        assert (row["status"], row["reason"]) == ("unscored", "there is no response: too long")


def test_a_table_out_of_contract_leaves_no_file(project: Project) -> None:
    project.spoil["responses"] = lambda _, table: table.assign(seed=-1)
    result = project.run_all()[0]
    assert "responses: seed is below 0 in 80 rows" in said(result)
    assert project.store.partitions("responses") == []


def test_a_disk_that_refuses_is_told_in_one_sentence(project: Project) -> None:
    project.store.path("responses").parent.mkdir(parents=True)
    Path(project.store.root.path, "responses").write_text("in the way")
    assert "cannot be written" in said(project.run_all()[0])


def tamper(store: Store, partition: str) -> None:
    """Change one log-probability in the file and leave all else, the notes included, as it is."""
    path = Path(store.path("logprobs", partition).path)
    table = pq.read_table(path)
    where = table.schema.get_field_index("total_logprob")
    first, *others = table.column(where).to_pylist()
    changed = table.set_column(where, table.schema.field(where), [[first - 1.0, *others]])
    pq.write_table(changed.replace_schema_metadata(table.schema.metadata), path)


def test_a_tampered_file_is_left_out_by_name(project: Project) -> None:
    project.run_all()
    tamper(project.store, "0001")
    result = project.run("ablation_results")
    assert result.success
    left_out = metadata(result, "ablation_results")["partitions left out"]
    assert list(left_out) == ["0001"]
    assert "logprobs breaks clone_weights_are_one" in left_out["0001"]
    assert "1 left out: 0001" in project.store.notes("ablation_results")["rests_on"]


def test_nothing_left_is_a_refusal_that_says_why(project: Project) -> None:
    assert "nothing to analyse for small: 0 partitions analysed, 2 not materialised yet (0000, 0001)" in said(
        project.run("ablation_results")
    )
    project.run_all()
    tamper(project.store, "0000")
    Path(project.store.path("judge_scores", "0001").path).write_bytes(b"broken")
    text = said(project.run("ablation_results"))
    assert "2 left out: 0000: logprobs breaks" in text
    assert "0001: judge_scores/0001 cannot be read, the file is corrupted" in text
    assert not project.store.exists("ablation_results")


def test_an_outdated_upstream_is_named(project: Project, config_folder: ConfigFolder) -> None:
    project.run_all()
    project.experiment = config_folder.load(judge={"kind": "likelihood", "model": "small", "system_prompt": "Other."})
    text = said(project.run("ablation_results"))
    assert "judge_scores/0000 was made with another configuration" in text
    project.experiment = config_folder.load(seed=8)
    result = project.run("prompts", partition="0000")
    assert result.success  # the corpus does not depend on the seed
    assert "responses/0000 was made with another configuration" in said(project.run("logprobs", partition="0000"))


def test_the_same_content_has_the_same_data_version(project: Project) -> None:
    def version(asset: str) -> str:
        entry = project.instance.get_latest_materialization_event(dg.AssetKey(["small", asset]))
        assert entry is not None
        assert entry.asset_materialization is not None
        return str((entry.asset_materialization.tags or {})["dagster/data_version"])

    project.run_all()
    before = {asset: version(asset) for asset in frames.BATCH_ASSETS}
    project.run(*frames.BATCH_ASSETS, partition="0001")
    assert {asset: version(asset) for asset in before} == before
    project.spoil["responses"] = lambda _, table: table.assign(response=table["response"] + "!")
    project.run("responses", partition="0001")
    assert version("responses") != before["responses"]


def test_figures_stand_with_each_batch_so_that_the_ui_plots_them_over_partitions(project: Project) -> None:
    result = project.run_all()[1]
    weights = metadata(result, "logprobs")
    assert weights["ess pi_clone"] == 20.0  # every weight is 1
    assert all(1.0 <= weights[f"ess {policy}"] <= 20.0 for policy in ("pi_cooler", "pi_bad"))
    scores, labels = (project.store.read(asset, "0001") for asset in ("judge_scores", "oracle_labels"))
    both = labels.merge(scores, on=["prompt_id", "policy"])
    expected = spearmanr(both["judge_score"], both["oracle_label"]).statistic
    shown = metadata(result, "oracle_labels")
    assert shown["judge_rank_correlation"] == pytest.approx(expected, abs=1e-4)
    assert shown["judge_rank_correlation_rows"] == len(labels)


def test_estimates_are_shown_as_a_person_reads_them(project: Project) -> None:
    project.run_all()
    shown = metadata(project.run("ablation_results"), "ablation_results")
    assert next(iter(shown)) == "estimates"
    rows = [record.data for record in shown["estimates"].records]
    assert list(rows[0]) == ["policy", "method", "estimate", "interval", "truth", "verdict"]
    ranks = [["supported", "caution", "refused"].index(str(row["verdict"])) for row in rows]
    assert ranks == sorted(ranks)
    results = project.store.read("ablation_results")
    assert len(rows) == int((results["scoring"] == "deterministic").sum())
    first = results[results["estimate"].round(4) == rows[0]["estimate"]].iloc[0]
    assert rows[0]["interval"] == f"{first['ci_low']:.3f}\u00a0to\u00a0{first['ci_high']:.3f}"


def test_unknown_methods_are_a_configuration_error(config_folder: ConfigFolder) -> None:
    (config_folder.path / "ablations" / "odd.yaml").write_text("estimators: [magic]")
    with pytest.raises(ConfigError, match=r"ablations/odd\.yaml.*magic"):
        build_assets(config_folder.load(analysis={"ablation": "odd"}))
