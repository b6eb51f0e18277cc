"""An import end to end: tables, checks and analysis stand in Dagster, `arena status` and the dashboard."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import dagster as dg
import pytest
import yaml

from arena_assets.cli import main
from arena_assets.config import load_experiment
from arena_assets.errors import ConfigError
from arena_assets.exchange.importing import read_import
from arena_assets.storage import Store
from tests.exchange.conftest import ROOT, SAMPLE, draw_row, needs_sample, sampler_row, set_up, write_lines
from tests.made_up.frames import BATCH_ASSETS

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Path]:
    """`../shared/data/arena_sample`, imported once by the command."""
    with pytest.MonkeyPatch.context() as patch:
        folder = set_up(tmp_path_factory.mktemp("sample") / "project", patch)
        assert main(["import", str(SAMPLE), "--experiment", "sample", "--batch-size", "500"]) == 0
        yield folder


def status_of(name: str, capsys: pytest.CaptureFixture[str]) -> dict[str, Any]:
    assert main(["status", name, "--json"]) == 0
    report: dict[str, Any] = json.loads(capsys.readouterr().out)
    return report


@needs_sample
def test_the_sample_is_whole_and_nothing_is_missing(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del sample
    report = status_of("sample", capsys)
    rows = {asset["asset"]: asset["rows"] for asset in report["assets"]}
    assert rows["responses"] == rows["judge_scores"] == 4000
    assert (rows["logprobs"], rows["oracle_labels"]) == (1000, 480)
    assert all(asset["done"] == asset["partitions"] for asset in report["assets"])
    assert report["next"].startswith("nothing is missing")


@needs_sample
def test_the_clone_check_warns_and_refuses_nothing(sample: Path, capsys: pytest.CaptureFixture[str]) -> None:
    del sample
    report = status_of("sample", capsys)
    assert all(asset["failed_checks"] == [] for asset in report["assets"])
    warnings = next(asset["warnings"] for asset in report["assets"] if asset["asset"] == "logprobs")
    clone = [warning["text"] for warning in warnings if warning["check"] == "clone_weights_are_one"]
    # 898 of 1,000 rows are equal (the data set's own README); the rest is told.
    assert sum(int(text.split(" of ")[0]) for text in clone) == 102
    assert all("imported data: a warning" in text for text in clone)


@needs_sample
def test_dagster_shows_every_asset_materialised_with_its_checks(sample: Path) -> None:
    del sample
    experiment = load_experiment("sample")
    with dg.DagsterInstance.get() as instance:
        for name in BATCH_ASSETS:
            key = dg.AssetKey(["sample", name])
            assert instance.get_materialized_partitions(key) == set(experiment.partitions)
        check = dg.AssetCheckKey(dg.AssetKey(["sample", "logprobs"]), "clone_weights_are_one")
        records = instance.event_log_storage.get_asset_check_execution_history(check, limit=10)
        assert len(records) == len(experiment.partitions)
        evaluations = [
            record.event.dagster_event.asset_check_evaluation_data
            for record in records
            if record.event is not None and record.event.dagster_event is not None
        ]
        assert all(not e.passed and e.severity == dg.AssetCheckSeverity.WARN for e in evaluations)


@needs_sample
def test_the_analysis_holds_for_every_target(sample: Path) -> None:
    del sample
    experiment = load_experiment("sample")
    results = Store.of(experiment).read("ablation_results")
    direct = results[(results["estimator"] == "direct") & (results["reward_calibration"] == "monotone")]
    estimates = direct.set_index("policy")["estimate"]
    assert estimates["clone"] == pytest.approx(estimates["base"], abs=0.02)
    assert estimates["unhelpful"] < estimates["clone"] - 0.2
    assert set(results["scoring"]) == {"deterministic"}
    two_stage = results[(results["reward_calibration"] == "two_stage") & (results["status"] == "ok")]
    assert not two_stage.empty  # the length of the texts stands in for the tokens that nobody stated


@needs_sample
def test_the_dashboard_shows_it_without_model_or_key(sample: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    app_test = pytest.importorskip("streamlit.testing.v1")
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    monkeypatch.setenv("ARENA_STORAGE", str(sample / "data"))
    app = app_test.AppTest.from_file(str(ROOT / "dashboard" / "app.py"), default_timeout=120)
    app.run()
    assert not app.exception


def test_an_import_states_names_only_and_refuses_what_nothing_would_read(project: Path) -> None:
    write_lines(project / "log.jsonl", [sampler_row(n) for n in range(12)])
    assert main(["import", str(project / "log.jsonl"), "--experiment", "mine"]) == 0
    path = project / "configs" / "mine.yaml"
    document = yaml.safe_load(path.read_text())
    assert document["target_policies"] == [{"name": "pi_clone", "clone": True}, {"name": "pi_new"}]
    assert load_experiment("mine").clones == ("pi_clone",)
    for change, text in (
        ({"judge": {"kind": "imported"}}, "judge: an imported experiment runs no model"),
        ({"logging_policy": {"name": "p0", "temperature": 0.3}}, "temperature: an imported policy has a name"),
    ):
        path.write_text(yaml.safe_dump(document | change))
        with pytest.raises(ConfigError, match=text):
            load_experiment("mine")


def test_the_same_import_again_is_the_same_and_another_needs_a_word(
    project: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = write_lines(project / "log.jsonl", [sampler_row(n) for n in range(12)])
    command = ["import", str(path), "--experiment", "mine", "--batch-size", "6"]
    assert main(command) == 0
    store = Store.of("mine")
    before = store.path("logprobs", "0001").read_bytes()
    assert main(command) == 0
    assert store.path("logprobs", "0001").read_bytes() == before
    write_lines(path, [sampler_row(n) for n in range(9)])
    assert main(command) == 1
    assert "mine.yaml is there and holds other data; --replace" in capsys.readouterr().err
    assert main([*command, "--replace"]) == 0
    assert len(store.read("logprobs", "0001")) == 3
    (project / "configs" / "own.yaml").write_text((ROOT / "configs" / "demo.yaml").read_text())
    assert main(["import", str(path), "--experiment", "own", "--replace"]) == 1
    assert "holds an experiment of its own" in capsys.readouterr().err


def test_a_target_without_draws_or_without_log_probabilities_keeps_what_is_possible(project: Path) -> None:
    write_lines(project / "data" / "log.jsonl", [sampler_row(n) for n in range(40)])
    write_lines(project / "data" / "pi_free_responses.jsonl", [draw_row(n) for n in range(40)])
    assert main(["import", str(project / "data"), "--experiment", "mixed"]) == 0
    results = Store.of("mixed").read("ablation_results")
    done = results[results["status"] == "ok"]
    assert {"snips", "ips"} <= set(done.loc[done["policy"] == "pi_new", "estimator"])
    assert "direct" not in set(done.loc[done["policy"] == "pi_new", "estimator"])
    assert "direct" in set(done.loc[done["policy"] == "pi_free", "estimator"])
    assert "snips" not in set(done.loc[done["policy"] == "pi_free", "estimator"])
    failed = results[results["status"] != "ok"]
    assert failed["reason"].notna().all()


def test_clusters_come_with_an_import_widen_the_intervals_and_leave_with_an_export(project: Path) -> None:
    """Twelve users ask five times each, and what a user asks is scored alike."""
    rows = [sampler_row(n, judge_score=(n // 5) / 12, oracle_label=(n // 5) / 12) for n in range(60)]
    errors = {}
    for name, users in (("plain", {}), ("users", {n: {"cluster": f"user {n // 5}"} for n in range(60)})):
        write_lines(project / name / "log.jsonl", [row | users.get(n, {}) for n, row in enumerate(rows)])
        assert main(["import", str(project / name), "--experiment", name, "--batch-size", "30"]) == 0
        results = Store.of(name).read("ablation_results").set_index(["estimator", "reward_calibration", "policy"])
        errors[name] = results.loc[("snips", "none", "pi_clone"), "std_error"]
    assert errors["users"] > 2 * errors["plain"]
    for form in ("precomputed-sampler", "cje"):
        assert main(["export", "users", "--to", str(project / form), "--format", form]) == 0
        again = read_import(project / form / "logged_data.jsonl").tables["arena_corpus"]
        assert again.set_index("prompt_id").loc["q59", "cluster"] == "user 11"


def test_a_defective_line_imports_nothing(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = write_lines(project / "log.jsonl", [sampler_row(0), "{", sampler_row(2)])
    assert main(["import", str(path), "--experiment", "mine"]) == 1
    assert "log.jsonl, line 2: it is no JSON" in capsys.readouterr().err
    assert not (project / "configs" / "mine.yaml").exists()
    assert not (project / "data").exists()


def test_lines_that_are_skipped_are_counted_and_named(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    rows = [sampler_row(n) | ({"judge_score": "good"} if n in (3, 4) else {}) for n in range(12)]
    path = write_lines(project / "log.jsonl", [*rows, "{"])
    assert main(["import", str(path), "--experiment", "mine", "--skip-defective"]) == 0
    said = capsys.readouterr().out
    assert "3 defective lines are left out:" in said
    assert "log.jsonl, lines 4-5: judge_score is a text, not a number: 'good'" in said
    assert "log.jsonl, line 13: it is no JSON: " in said
    report = json.loads((Store.of("mine").root / "imported" / "import.json").read_text())
    assert (report["n_skipped"], len(report["skipped"])) == (3, 2)


def test_an_import_prints_what_its_checks_warn_of(project: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """40% of the prompts have no draw of the target; both batches break the same check, which is said once."""
    write_lines(project / "data" / "log.jsonl", [sampler_row(n) for n in range(40)])
    write_lines(project / "data" / "pi_new_responses.jsonl", [draw_row(n) for n in range(40) if n % 5 > 1])
    assert main(["import", str(project / "data"), "--experiment", "part", "--batch-size", "20"]) == 0
    said = [line for line in capsys.readouterr().out.splitlines() if line.startswith("warning: ")]
    responses = [line for line in said if line.startswith("warning: responses, every_policy: ")]
    assert len(responses) == 1
    assert "responses are missing" in responses[0]
    assert responses[0].endswith("(and in 1 more batches)")
    results = Store.of("part").read("ablation_results")
    direct = results[(results["estimator"] == "direct") & (results["policy"] == "pi_new")]
    assert direct["support_reason"].str.contains("16 of 40 prompts (40%) have no fresh draw", regex=False).all()
