"""`arena run --dry-run`, `--partition`, `--redo` and `--prompts`: what is missing, what is refused."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from arena_assets.cli import main
from arena_assets.cli.choice import Choice
from arena_assets.config import Experiment
from arena_assets.storage import Store
from tests.conftest import ROOT, ConfigFolder
from tests.made_up import frames

OPENAI = {"kind": "openai", "model": "m", "rubric": "r", "prices": {"prompt": 1.0, "completion": 2.0}}


@pytest.fixture(autouse=True)
def home(config_folder: ConfigFolder) -> None:
    home = config_folder.path.parent / "dagster_home"
    home.mkdir()
    shutil.copy(ROOT / "dagster_home" / "dagster.yaml", home)


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert main(["run", "small", "--dry-run", *arguments]) == 0
    text = capsys.readouterr().out
    assert "nan" not in text
    return text


def test_a_plan_counts_what_is_missing_alone(config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str]) -> None:
    experiment = config_folder.load(judge=OPENAI)
    store = Store.of(experiment)
    everything = planned(capsys)
    assert "responses     2 of 2 batches are to be made" in everything
    assert "judge         160 calls to m" in everything
    assert f"{40 * 4 * 16:,} tokens sampled, {40 * 3 * 16:,} scored" in everything
    frames.write(store, experiment)
    assert "nothing is missing" in planned(capsys)
    Path(store.path("judge_scores", "0001").path).unlink()
    text = planned(capsys)
    assert "judge_scores  1 of 2 batches are to be made" in text
    assert "judge         80 calls to m" in text
    assert "responses" not in text
    assert "llama.cpp" not in text


def test_a_plan_is_of_the_batches_that_are_named_and_of_what_is_made_anew(
    experiment: Experiment, store: Store, capsys: pytest.CaptureFixture[str]
) -> None:
    frames.write(store, experiment)
    text = planned(capsys, "--partition", "0001", "--redo", "responses")
    for asset in ("responses", "logprobs", "judge_scores", "oracle_labels"):  # and all that follows from responses
        assert f"{asset:<14}1 of 2 batches are to be made" in text
    assert "prompts     " not in text
    assert "nothing is missing" in planned(capsys, "--partition", "0001")


@pytest.mark.parametrize("arguments", [["--dry-run"], []])
def test_more_prompts_than_the_corpus_has_are_refused_before_any_work(
    experiment: Experiment,
    store: Store,
    capsys: pytest.CaptureFixture[str],
    monkeypatch: pytest.MonkeyPatch,
    arguments: list[str],
) -> None:
    frames.write(store, experiment)
    monkeypatch.setattr("arena_assets.cli.run.weights_file", lambda *_: Path())
    before = {path: path.stat().st_mtime_ns for path in Path(store.root.path).rglob("*")}
    assert main(["run", "small", "--prompts", "400", *arguments]) == 1
    assert "the corpus has 43 distinct English prompts, small asks for 400" in capsys.readouterr().err
    assert {path: path.stat().st_mtime_ns for path in Path(store.root.path).rglob("*")} == before


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["--partition", "0007"], "small has no partition 0007; it has 0000 to 0001"),
        (
            ["--partition", "0000", "--redo", "prompts"],
            "prompts cannot be made anew; small keeps journals of: responses",
        ),
        (["--redo", "responses"], "name the batches with --partition"),
    ],
)
def test_a_choice_that_the_experiment_does_not_have_is_refused(
    experiment: Experiment, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    assert main(["run", experiment.name, "--dry-run", *arguments]) == 1
    assert said in capsys.readouterr().err


def test_what_follows_from_what_is_made_anew_is_made_again(experiment: Experiment, store: Store) -> None:
    frames.write(store, experiment)

    def names(*redo: str) -> list[str]:
        return [step.name for step in Choice.of(experiment, ("0001",), redo).steps(experiment, store, "0001")]

    assert names("logprobs") == ["logprobs"]
    assert names("judge_scores") == ["judge_scores"]
    assert names("responses") == ["responses", "logprobs", "judge_scores", "oracle_labels"]
