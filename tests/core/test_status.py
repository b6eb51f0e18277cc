"""`arena status`: what is done, what is not and why, of one experiment and of all; and what that leaves to do."""

from __future__ import annotations

import json
import time
from pathlib import Path
from typing import Any

import pytest

from arena_assets.cli import main
from arena_assets.config import Experiment
from arena_assets.stages.analysis import analyse, write_analysis
from arena_assets.stages.collecting import as_data, collect
from arena_assets.state import todo
from arena_assets.storage import Store
from arena_assets.summary import write_report
from tests.conftest import ConfigFolder
from tests.made_up import frames

BAD = {"name": "unique", "blocking": True, "passed": False, "text": "2 of 20 prompts are duplicates", "figures": {}}
WARNING = BAD | {"name": "overlap", "blocking": False}


def status(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    assert main(["status", *arguments, "--json"]) == 0
    return json.loads(capsys.readouterr().out)


def by_asset(report: dict[str, Any]) -> dict[str, dict[str, Any]]:
    return {asset["asset"]: asset for asset in report["assets"]}


def file(store: Store, asset: str, partition: str | None) -> Path:
    return Path(store.path(asset, partition).path)


def test_nothing_is_done_yet(experiment: Experiment, capsys: pytest.CaptureFixture[str]) -> None:
    report = status(capsys, experiment.name)
    assert [asset["done"] for asset in report["assets"]] == [0] * 8
    assert by_asset(report)["logprobs"]["partitions"] == 2
    assert report["next"] == "run `arena run small`: it does what is missing or outdated"


def test_done_outdated_unreadable_and_refused_are_told_apart(
    config_folder: ConfigFolder, store: Store, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    frames.write(store, experiment)
    file(store, "prompts", "0001").write_bytes(b"broken")
    file(store, "responses", "0000").unlink()
    store.write_checks("logprobs", "0000", [BAD, WARNING], run_id="r")
    config_folder.write("small", judge={"kind": "likelihood", "model": "small", "system_prompt": "Another."})
    report = status(capsys, "small")
    assets = by_asset(report)
    assert (assets["arena_corpus"]["done"], assets["arena_corpus"]["rows"]) == (1, 43)
    assert list(assets["prompts"]["unreadable"]) == ["0001"]
    assert "corrupted" in assets["prompts"]["unreadable"]["0001"]
    assert (assets["responses"]["done"], assets["responses"]["rows"]) == (1, 80)
    assert list(assets["judge_scores"]["outdated"]) == ["0000", "0001"]
    assert assets["logprobs"]["failed_checks"] == [{"partition": "0000", "check": "unique", "text": BAD["text"]}]
    assert (assets["logprobs"]["done"], assets["logprobs"]["refused"]) == (1, ["0000"])
    assert report["next"].startswith("see the failed checks, mend their cause")

    assert main(["status", "small"]) == 0
    text = capsys.readouterr().out
    assert "2 outdated\n" in text
    assert "judge_scores/0001 was made with another configuration" in text
    assert "1 unreadable" in text
    assert "0000 unique: 2 of 20 prompts are duplicates" in text


def test_results_that_lack_a_table_beside_them_say_so_and_blame_no_configuration(
    store: Store, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    frames.write(store, experiment)
    data = as_data(experiment, collect(experiment, store).tables)
    write_analysis(experiment, store, analyse(experiment, data, time.perf_counter))
    assert by_asset(status(capsys, "small"))["ablation_results"]["done"] == 1
    file(store, "policy_values", None).unlink()
    assert main(["status", "small"]) == 0
    text = capsys.readouterr().out
    assert "policy_values is not materialised" in text
    assert "configuration" not in text


def test_the_report_is_of_the_results_that_are_there_or_outdated(
    store: Store, experiment: Experiment, config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    def summary(text: str) -> None:
        assert main(["status", "small"]) == 0
        assert text in capsys.readouterr().out

    frames.write(store, experiment)
    analysis = analyse(experiment, as_data(experiment, collect(experiment, store).tables), time.perf_counter)
    write_analysis(experiment, store, analysis)
    summary("  analysis_summary        0/1 done\n")
    write_report(experiment, store)
    summary("  analysis_summary        1/1 done\n")
    summary("next: nothing is missing")
    write_analysis(experiment, store, analysis)
    summary("analysis_summary.html is of other results than those that are there")
    write_report(experiment, store)
    config_folder.write("small", analysis={"ablation": "basic", "level": 0.8})
    summary("analysis_summary.html is of outdated results")


def test_warnings_are_told_whole_and_each_once(
    experiment: Experiment, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    frames.write(store, experiment)
    for partition in experiment.partitions:
        store.write_checks("logprobs", partition, [WARNING], run_id="r")
    assert main(["status", "small"]) == 0
    text = capsys.readouterr().out
    assert "      warning, overlap: 2 of 20 prompts are duplicates (and in 1 more batches)\n" in text
    assert "2 warnings\n" in text


def test_broken_findings_are_said_and_not_a_crash(
    store: Store, experiment: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    frames.write(store, experiment)
    file(store, "prompts", "0000").with_name("0000.checks.json").write_text('{"findings": [1]}')
    failed = by_asset(status(capsys, "small"))["prompts"]["failed_checks"]
    assert [entry["check"] for entry in failed] == ["readable"]


def test_a_disabled_oracle_is_no_missing_asset(config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str]) -> None:
    config_folder.write("small", oracle={"kind": "reference", "enabled": False})
    assert "oracle_labels" not in by_asset(status(capsys, "small"))


def test_all_experiments_are_a_list_and_a_broken_one_hides_none(
    config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    config_folder.write("good")
    assert [report["experiment"] for report in status(capsys)] == ["good"]
    config_folder.write("broken", "seed: [")
    assert main(["status", "--json"]) == 1
    broken, good = json.loads(capsys.readouterr().out)
    assert (good["experiment"], broken["experiment"]) == ("good", "broken")
    assert "no valid YAML" in broken["problem"]
    assert broken["next"] == "correct configs/broken.yaml"
    assert main(["status"]) == 1
    assert "no valid YAML" in capsys.readouterr().out


def test_no_experiment_at_all_is_said(config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str]) -> None:
    for arguments in (["status"], ["status", "--json"]):
        assert main(arguments) == 1
        assert f"there is no experiment in {config_folder.path}" in capsys.readouterr().err


def test_what_is_missing_outdated_unreadable_or_refused_is_done_again(
    config_folder: ConfigFolder, store: Store, experiment: Experiment
) -> None:
    def names(of: Experiment, partition: str) -> list[str]:
        return [step.name for step in todo(of, store, partition)]

    assert names(experiment, "0000") == list(frames.BATCH_ASSETS)
    frames.write(store, experiment)
    assert names(experiment, "0000") == []
    file(store, "responses", "0000").write_bytes(b"broken")
    store.write_checks("logprobs", "0000", [BAD], run_id="r")
    store.write_checks("judge_scores", "0000", [WARNING], run_id="r")
    assert names(experiment, "0000") == ["responses", "logprobs"]
    assert names(config_folder.load(analysis={"ablation": "default"}), "0001") == []
    assert names(config_folder.load(engine={"scoring": "prefill"}), "0001") == ["logprobs"]
