"""The command `arena`: its help and completion, what it asks, and its exit codes."""

from __future__ import annotations

import io
import os
import re
import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import pytest

from arena_assets.cli import main
from arena_assets.cli.models import configured_models
from arena_assets.config import Experiment
from arena_assets.storage import Store
from tests.conftest import ROOT, ConfigFolder
from tests.made_up import frames


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
        "new",
        "validate",
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
        ("arena run one --partition 000", {"0000", "0001"}),
        ("arena run one --partition 0000,", {"0000,0000", "0000,0001"}),
        ("arena run one --redo responses,l", {"responses,logprobs"}),
        ("arena run nowhere --partition 0", set()),
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
    assert {line.removeprefix("plain,") for line in done.stdout.splitlines() if line} == offered


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


def test_models_of_broken_experiments_do_not_hide_others(config_folder: ConfigFolder) -> None:
    config_folder.write("good")
    config_folder.write("broken", "seed: [")
    assert set(configured_models()) == {"small"}
