"""Every export format, field by field, and the way back."""

from __future__ import annotations

import json
import math
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pandas as pd
import pyarrow.parquet as pq
import pytest

from arena_assets.cli import main
from arena_assets.config import Experiment, load_experiment
from arena_assets.exchange.exporting import export
from arena_assets.exchange.importing import read_import
from arena_assets.orchestration.graph import build_assets
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports
from arena_assets.storage import Store
from arena_assets.tables import TABLES
from tests.exchange.conftest import set_up
from tests.made_up.experiment import write_config, write_experiment

PROMPTS = 60


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """Generated tables of one experiment, in the project's own storage."""
    with pytest.MonkeyPatch.context() as patch:
        folder = set_up(tmp_path_factory.mktemp("export") / "project", patch)
        write_config(folder / "configs", "made", prompts=PROMPTS, batch_size=30)
        experiment = load_experiment("made")
        write_experiment(experiment, Store.of(experiment))
        yield folder


@pytest.fixture
def experiment(project: Path) -> Experiment:
    del project
    return load_experiment("made")


def read_rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line, parse_constant=_no_constant) for line in path.read_text().splitlines()]


def _no_constant(name: str) -> float:
    if name == "-Infinity":  # a weight of 0, which is a value
        return -math.inf
    raise ValueError(f"{name} is no JSON")


def whole(experiment: Experiment, asset: str) -> pd.DataFrame:
    store = Store.of(experiment)
    return pd.concat([store.read(asset, partition) for partition in experiment.partitions], ignore_index=True)


def by_key(frame: pd.DataFrame) -> dict[tuple[str, str], pd.Series]:
    return {(row["prompt_id"], row["policy"]): row for _, row in frame.iterrows()}


def test_sampler_rows_hold_these_fields_and_values(experiment: Experiment, tmp_path: Path) -> None:
    exported = export(experiment, Store.of(experiment), str(tmp_path / "out"), "precomputed-sampler")
    rows = read_rows(tmp_path / "out" / "logged_data.jsonl")
    assert len(rows) == exported.files["logged_data.jsonl"] == PROMPTS
    logprobs = whole(experiment, "logprobs").set_index("prompt_id")
    scores, labels = by_key(whole(experiment, "judge_scores")), by_key(whole(experiment, "oracle_labels"))
    for row in rows:
        own, key = logprobs.loc[row["prompt_id"]], (row["prompt_id"], "P0")
        assert row["prompt"] == own["prompt"]
        assert row["response"] == own["response"]
        assert row["total_logprob"] == own["total_logprob"]
        assert row["target_logps"] == own["target_logps"]  # a rejected value is null, and there
        assert row["n_response_tokens"] == own["n_response_tokens"]
        for name in ("judge_score", "judge_mean", "judge_variance"):
            assert row[name] == scores[key][name]
        assert row.get("oracle_label") == (labels[key]["oracle_label"] if key in labels else None)
    assert any(value is None for row in rows for value in row["target_logps"].values())
    for policy in experiment.target_names:
        draws = read_rows(tmp_path / "out" / "fresh_draws" / f"{policy}_responses.jsonl")
        assert len(draws) == PROMPTS
        assert all(row["oracle_label"] == labels[row["prompt_id"], policy]["oracle_label"] for row in draws)
    assert not (tmp_path / "out" / "fresh_draws" / "P0_responses.jsonl").exists()


def test_cje_fields_are_those_that_its_loaders_read(experiment: Experiment, tmp_path: Path) -> None:
    """cje-eval 0.3: DatasetLoader (logged rows) and load_fresh_draws_auto; 0.9: the fresh draws alone."""
    export(experiment, Store.of(experiment), str(tmp_path / "out"), "cje")
    rows = read_rows(tmp_path / "out" / "logged_data.jsonl")
    required = {"prompt_id", "prompt", "response", "base_policy_logprob", "target_policy_logprobs", "judge_score"}
    for row in rows:
        assert required <= set(row)
        assert isinstance(row["prompt_id"], str)
        assert row["base_policy_logprob"] <= 0
        assert set(row["target_policy_logprobs"]) == set(experiment.target_names)
        assert all(value is None or value <= 0 for value in row["target_policy_logprobs"].values())
        assert 0 <= row["judge_score"] <= 1
        assert "total_logprob" not in row
    for policy in (p.name for p in experiment.policies):
        draws = read_rows(tmp_path / "out" / "fresh_draws" / f"{policy}_responses.jsonl")
        assert len(draws) == PROMPTS
        for row in draws:
            assert {"prompt_id", "prompt", "response", "judge_score", "draw_idx"} <= set(row)
            assert 0 <= row["judge_score"] <= 1
            assert row["draw_idx"] == 0
    # A target's own labels are the truth; in this folder cje-eval would calibrate on them.
    targets = [tmp_path / "out" / "fresh_draws" / f"{name}_responses.jsonl" for name in experiment.target_names]
    assert not any("oracle_label" in row for path in targets for row in read_rows(path))
    own = read_rows(tmp_path / "out" / "fresh_draws" / "P0_responses.jsonl")
    labelled = {row["prompt_id"]: row["oracle_label"] for row in own if "oracle_label" in row}
    assert labelled == {row["prompt_id"]: row["oracle_label"] for row in rows if "oracle_label" in row}
    assert labelled


def test_parquet_files_hold_every_table_with_its_meanings(experiment: Experiment, tmp_path: Path) -> None:
    exported = export(experiment, Store.of(experiment), str(tmp_path / "out"), "parquet")
    assert set(exported.files) == {
        f"{name}.parquet"
        for name in ("prompts", "responses", "logprobs", "judge_scores", "oracle_labels", "ablation_results")
    }
    for name, rows in exported.files.items():
        table = pq.read_table(tmp_path / "out" / name)
        contract = TABLES[name.removesuffix(".parquet")]
        assert (table.num_rows, tuple(table.column_names)) == (rows, contract.names)
        assert all(field.metadata[b"meaning"] for field in table.schema)


def test_the_hub_folder_loads_with_datasets(
    experiment: Experiment, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    datasets = pytest.importorskip("datasets")
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    export(experiment, Store.of(experiment), str(tmp_path / "out"), "hf")
    card = (tmp_path / "out" / "README.md").read_text()
    for table in ("logprobs", "responses", "judge_scores"):
        assert f"## {table}" in card
        assert all(f"| {column.name} |" in card for column in TABLES[table].columns)
    loaded = datasets.load_dataset(str(tmp_path / "out"), "judge_scores", split="train", cache_dir=str(tmp_path / "c"))
    assert len(loaded) == PROMPTS * 5
    assert set(loaded.column_names) == set(TABLES["judge_scores"].names)


@pytest.mark.parametrize("form", ["precomputed-sampler", "cje"])
def test_what_is_exported_is_imported_again(experiment: Experiment, tmp_path: Path, form: str) -> None:
    export(experiment, Store.of(experiment), str(tmp_path / "out"), form)
    imported = read_import(tmp_path / "out", logging_policy="P0")
    assert (imported.form, imported.logging, set(imported.targets)) == (form, "P0", set(experiment.target_names))
    keys = {
        "logprobs": ["prompt_id"],
        "judge_scores": ["prompt_id", "policy"],
        "oracle_labels": ["prompt_id", "policy"],
    }
    columns = {
        "logprobs": ["prompt", "response", "total_logprob", "target_logps", "n_response_tokens"],
        "judge_scores": ["judge_score", "judge_mean", "judge_variance"],
        "oracle_labels": ["oracle_label", "slice"],
    }
    for asset, key in keys.items():
        before = whole(experiment, asset)
        if form == "cje" and asset == "oracle_labels":
            before = before[before["slice"] == "calibration"]
        before = before.sort_values(key, ignore_index=True)[key + columns[asset]]
        after = imported.tables[asset].sort_values(key, ignore_index=True)[key + columns[asset]]
        pd.testing.assert_frame_equal(before, after, check_dtype=False, check_exact=True)


def test_an_export_replaces_its_own_files_and_no_others(
    experiment: Experiment, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    target = tmp_path / "out"
    assert main(["export", experiment.name, "--to", str(target), "--format", "cje"]) == 0
    assert "logged_data.jsonl" in capsys.readouterr().out
    assert main(["export", experiment.name, "--to", str(target), "--format", "parquet"]) == 0
    assert not (target / "logged_data.jsonl").exists()
    foreign = tmp_path / "mine"
    foreign.mkdir()
    (foreign / "thesis.txt").write_text("dear")
    assert main(["export", experiment.name, "--to", str(foreign)]) == 1
    assert "holds files that no export wrote (thesis.txt)" in capsys.readouterr().err
    assert [path.name for path in foreign.iterdir()] == ["thesis.txt"]


def test_a_missing_partition_is_named_in_the_manifest(project: Path, tmp_path: Path) -> None:
    experiment = load_experiment("made", prompts=PROMPTS + 30)
    del project
    exported = export(experiment, Store.of(experiment), str(tmp_path / "out"), "parquet")
    assert "1 not materialised yet (0002)" in exported.rests_on
    assert json.loads((tmp_path / "out" / "export.json").read_text())["rests_on"] == exported.rests_on


def test_both_products_are_assets_after_the_results(experiment: Experiment) -> None:
    result = dg.materialize(
        build_assets(experiment),
        selection=[dg.AssetKey([experiment.name, name]) for name in ("analysis_summary", "export")],
        instance=dg.DagsterInstance.ephemeral(),
        resources={"storage": ArenaStorage(), "models": LocalModels(), "progress": ProgressReports()},
        run_config={"ops": {f"{experiment.name}__export": {"config": {"format": "cje"}}}},
    )
    assert result.success
    root = Path(Store.of(experiment).root.path)
    assert (root / "export" / "cje" / "logged_data.jsonl").is_file()
    page, text = (root / "analysis_summary.html").read_text(), (root / "analysis_summary.md").read_text()
    for chapter in (
        "In plain words",
        "Estimators compared",
        "Overlap",
        "Policies that equal P0",
        "Judge and calibration",
        "Data quality",
        "Cost and time",
        "How to do it again",
    ):
        assert f"<h2>{chapter}</h2>" in page
        assert f"## {chapter}".replace("_", "\\_") in text
    assert "judge\\_scores: 15 s" in text
    assert page.count("<svg") == 2 * (1 + 4 + 2)  # best estimates, each target, overlap, calibration; wide and narrow
    # A namespace is a name, and nothing is loaded from it.
    assert "http://" not in re.sub(r"http://www\.w3\.org/(2000/svg|1999/xlink)", "", page)
    assert "https://" not in page
    assert "<script" not in page
    for name in experiment.target_names:
        assert f"{name}: " in page
    assert experiment.code_version("ablation_results") in page
