"""`arena new` and `arena validate`: the files of experiments, written and checked."""

from __future__ import annotations

import shutil

import pytest

from arena_assets.cli import main
from arena_assets.config import load_experiment
from tests.conftest import ROOT, ConfigFolder


@pytest.fixture
def shipped(config_folder: ConfigFolder) -> ConfigFolder:
    for name in ("demo", "arena_100", "arena_10k"):
        shutil.copy(ROOT / "configs" / f"{name}.yaml", config_folder.path)
    return config_folder


@pytest.mark.parametrize("base", ["demo", "arena_10k", "arena_100"])
def test_a_new_experiment_is_the_other_one_with_its_comments(shipped: ConfigFolder, base: str) -> None:
    assert main(["new", "mine", "--from", base]) == 0
    mine, other = load_experiment("mine"), load_experiment(base)
    assert mine.model_dump(exclude={"name"}) == other.model_dump(exclude={"name"})
    text = (shipped.path / "mine.yaml").read_text(encoding="utf-8")
    assert text.startswith("# mine: begun from")
    assert text.endswith((ROOT / "configs" / f"{base}.yaml").read_text(encoding="utf-8"))
    assert main(["validate", "mine"]) == 0


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (["demo"], "is there already"),
        (["my-exp"], "Name it my_exp: `arena new my_exp`"),
        (["mine", "--from", "dmeo"], "did you mean demo?"),
        (["mine", "--from", "broken"], "no valid YAML"),
    ],
)
def test_what_cannot_be_begun_is_refused(
    shipped: ConfigFolder, capsys: pytest.CaptureFixture[str], arguments: list[str], said: str
) -> None:
    shipped.write("broken", "seed: [")
    before = {path: path.read_bytes() for path in shipped.path.glob("*.yaml")}
    assert main(["new", *arguments]) == 1
    assert said in capsys.readouterr().err
    assert {path: path.read_bytes() for path in shipped.path.glob("*.yaml")} == before


def test_every_broken_file_is_said_and_fails_the_check(
    config_folder: ConfigFolder, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["validate"]) == 1
    assert "there is no experiment" in capsys.readouterr().err
    config_folder.write("good")
    assert main(["validate"]) == 0
    assert capsys.readouterr().out == "good: 40 prompts in 2 batches, 4 policies, 20 methods\n"
    config_folder.write("odd", analysis={"ablation": "nowhere"})
    config_folder.write("unknown", config_folder.document(colour="red"))
    assert main(["validate"]) == 1
    output = capsys.readouterr()
    assert output.out.startswith("good: ")
    assert "nowhere.yaml does not exist" in output.err
    assert "unknown.yaml: 1 problem: colour: unknown key" in output.err
    assert main(["validate", "good"]) == 0
