"""The command `arena`: what it says of tables on disk, what it asks, and its exit codes."""

from __future__ import annotations

import io
import json
import os
import re
import subprocess
import sys
import time
from importlib.metadata import version
from pathlib import Path
from typing import Any

import pytest

from arena_assets.cli import main
from arena_assets.cli.models import configured_models
from arena_assets.config import Experiment
from arena_assets.stages.analysis import analyse, write_analysis
from arena_assets.stages.collecting import as_data, collect
from arena_assets.state import todo
from arena_assets.storage import Store
from tests.conftest import ROOT, ConfigFolder
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
    assert [asset["done"] for asset in report["assets"]] == [0] * 7
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


@pytest.mark.parametrize("command", ["run", "status", "clean"])
def test_an_unknown_experiment_lists_the_known(
    config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    config_folder.write("one")
    config_folder.write("two")
    assert main([command, "three"]) == 1
    output = capsys.readouterr()
    assert "error: three.yaml does not exist" in output.err
    assert "there are: one, two" in output.err
    assert output.out == ""


@pytest.mark.parametrize("command", ["run", "status", "clean", "export"])
def test_a_mistyped_experiment_is_guessed(
    config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str], command: str
) -> None:
    config_folder.write("demo")
    config_folder.write("other")
    assert main([command, "dmeo", *(["--to", "out"] if command == "export" else [])]) == 1
    (line,) = capsys.readouterr().err.splitlines()
    assert line.startswith("error: dmeo.yaml does not exist")
    assert "did you mean demo?" in line


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "Usage: arena"),
        (["fly"], "No such command 'fly'"),
        (["rnu"], "Did you mean 'run'?"),
        (["run", "--dryrun"], "Did you mean '--dry-run'?"),
        (["run", "--prompts", "0"], "'0' is no whole number of at least 1, such as 50."),
        (["run", "--prompts", "abc"], "'abc' is no whole number of at least 1, such as 50."),
        (["clean"], "Missing argument 'EXPERIMENT'"),
        (["cluster"], "Usage: arena cluster"),
    ],
)
def test_wrong_usage_is_explained_and_exits_with_2(
    arguments: list[str], said: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(arguments) == 2
    output = capsys.readouterr().err
    assert "Usage: arena" in output
    assert said in output


def test_the_version_is_that_of_the_project(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--version"]) == 0
    assert capsys.readouterr().out == f"arena {version('arena-oracle')}\n"


def test_help_lists_the_commands_in_the_order_of_work(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--help"]) == 0
    listed = re.findall(r"^  ([a-z-]+)  ", capsys.readouterr().out.split("Commands:")[1], re.MULTILINE)
    assert listed == [
        "run",
        "status",
        "import",
        "export",
        "clean",
        "adopt",
        "fetch-model",
        "cluster",
        "ui",
        "completion",
    ]


def test_help_brings_nothing_that_is_slow_to_import() -> None:
    slow = "{'dagster', 'streamlit', 'pandas', 'numpy', 'pyarrow', 'llama_cpp', 'openai', 'datasets', 'ray'}"
    code = f"import sys; from arena_assets.cli import main; main(['--help']); sys.exit(str({slow} & set(sys.modules)))"
    done = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    assert done.stderr.strip() == "set()"
    assert "Commands:" in done.stdout


@pytest.mark.parametrize(
    ("words", "offered"),
    [
        ("arena st", {"status"}),
        ("arena run o", {"one", "other"}),
        ("arena export o", {"one", "other"}),
        ("arena cluster check one t", {"two"}),
        ("arena run one --dr", {"--dry-run"}),
    ],
)
def test_a_shell_completes_commands_options_and_experiments(
    config_folder: ConfigFolder, words: str, offered: set[str]
) -> None:
    for name in ("one", "other", "two"):
        config_folder.write(name)
    place = {"_ARENA_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    command = [sys.executable, "-m", "arena_assets.cli"]
    done = subprocess.run(command, cwd=ROOT, env=os.environ | place, capture_output=True, text=True, check=True)
    assert {line.removeprefix("plain,") for line in done.stdout.splitlines()} == offered


@pytest.mark.parametrize(
    ("shell", "words"), [("bash", "complete -o"), ("zsh", "#compdef arena"), ("fish", "complete --no-files")]
)
def test_each_shell_is_told_how_to_complete(shell: str, words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["completion", shell]) == 0
    script = capsys.readouterr().out
    assert words in script
    assert f"_ARENA_COMPLETE={shell}_complete" in script


def test_run_names_the_command_for_a_missing_model_before_any_work(
    config_folder: ConfigFolder, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["run", "small"]) == 1
    assert "run `arena fetch-model small`" in capsys.readouterr().err
    assert not Path(store.root.path).exists()
    assert not (config_folder.path.parent / "dagster_home").exists()


@pytest.mark.parametrize("answer", ["n\n", "\n", "maybe\n", ""])
def test_clean_asks_first(
    store: Store,
    experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    answer: str,
) -> None:
    frames.write(store, experiment)
    monkeypatch.setattr("sys.stdin", io.StringIO(answer))
    assert main(["clean", "small"]) == 1
    assert "nothing was removed" in capsys.readouterr().out
    assert store.partitions("prompts") == ["0000", "0001"]


@pytest.mark.parametrize("arguments", [["clean", "small", "--yes"], ["clean", "small"]])
def test_clean_removes_this_experiment_alone(
    config_folder: ConfigFolder,
    store: Store,
    experiment: Experiment,
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    other = config_folder.load("other")
    frames.write(store, experiment)
    frames.write(Store.of(other), other)
    monkeypatch.setattr("sys.stdin", io.StringIO("yes\n"))
    assert main(arguments) == 0
    assert not Path(store.root.path).exists()
    assert Store.of(other).partitions("prompts") == ["0000", "0001"]
    assert main(["clean", "small", "--yes"]) == 0  # nothing to remove is no error


def test_an_interrupt_is_said_and_exits_with_130(
    experiment: Experiment, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    def interrupt(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("arena_assets.cli.status.show", interrupt)
    assert main(["status", experiment.name]) == 130
    assert "the same command goes on from there" in capsys.readouterr().err


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


def test_models_of_broken_experiments_do_not_hide_others(config_folder: ConfigFolder) -> None:
    config_folder.write("good")
    config_folder.write("broken", "seed: [")
    assert set(configured_models()) == {"small"}
