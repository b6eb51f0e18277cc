"""A new step is one entry, one stage function, one table contract and one list of rules: everything else follows."""

from __future__ import annotations

import json
from importlib import import_module

import dagster as dg
import pandas as pd
import pytest

from arena_assets import pipeline
from arena_assets.cli import main
from arena_assets.config import Experiment
from arena_assets.orchestration.graph import build_assets
from arena_assets.orchestration.resources import ArenaStorage, LocalModels, ProgressReports
from arena_assets.pipeline import Step
from arena_assets.rules import RULES, Batch, Rule
from arena_assets.rules.finding import Outcome
from arena_assets.stages.stage import Made, Work
from arena_assets.state import State, standings, todo
from arena_assets.storage import Store
from arena_assets.tables import PROMPTS, TABLES, Column, Table
from arena_assets.tables.contract import INT
from dashboard.data import catalog
from dashboard.data.status import status
from tests.conftest import ConfigFolder
from tests.made_up import frames

# Dagster reads pydantic models in the old way.
pytestmark = pytest.mark.filterwarnings("ignore:The `__fields__` attribute is deprecated")

LENGTHS = Table(
    "lengths",
    "how long each prompt is",
    ("prompt_id",),
    (PROMPTS.columns[0], Column("characters", INT, "of the prompt", minimum=0)),
)
TOTALS = Table("totals", "all of it", ("policy",), (Column("policy", TABLES["responses"].columns[1].type, "x"),), False)


def lengths(work: Work) -> Made:
    """The stage of the thrown-away step."""
    prompts = work.read["prompts"]
    return Made(prompts[["prompt_id"]].assign(characters=prompts["prompt"].str.len()), shown={"seen": len(prompts)})


def totals(work: Work) -> Made:
    """The stage of a step over all partitions."""
    return Made(work.read["responses"][["policy"]].drop_duplicates())


def short(batch: Batch) -> Outcome:
    longest = int(batch.table["characters"].max())
    return Outcome(longest < 100, f"the longest prompt has {longest} characters", {"longest": longest})


ENTRY = Step(
    "lengths",
    role="lengths",
    stage="tests.test_pipeline_steps:lengths",
    description="How long each prompt is.",
    upstream=(pipeline.PROMPTS,),
    made_with={"level": "analysis.level"},
)
WHOLE = Step(
    "totals",
    role="totals",
    stage="tests.test_pipeline_steps:totals",
    description="Over all partitions.",
    upstream=(pipeline.RESPONSES,),
    on_request=True,
)


@pytest.fixture
def with_lengths(monkeypatch: pytest.MonkeyPatch, config_folder: ConfigFolder) -> Experiment:
    """An experiment of a pipeline that has two steps more."""
    monkeypatch.setattr(pipeline, "STEPS", (*pipeline.STEPS, ENTRY, WHOLE))
    monkeypatch.setitem(TABLES, LENGTHS.name, LENGTHS)
    monkeypatch.setitem(TABLES, TOTALS.name, TOTALS)
    monkeypatch.setitem(RULES, LENGTHS.name, (Rule("short", "no prompt is long", short),))
    return config_folder.load()


def run(experiment: Experiment, name: str, partition: str | None) -> dg.ExecuteInProcessResult:
    with dg.DagsterInstance.ephemeral() as instance:
        return dg.materialize(
            build_assets(experiment),
            selection=[dg.AssetKey([experiment.name, name])],
            partition_key=partition,
            instance=instance,
            resources={"storage": ArenaStorage(), "models": LocalModels(), "progress": ProgressReports()},
            raise_on_error=False,
        )


def test_a_new_step_is_made_checked_and_shown_everywhere(
    with_lengths: Experiment, capsys: pytest.CaptureFixture[str]
) -> None:
    store = Store.of(with_lengths)
    frames.write(store, with_lengths)
    assert [step.name for step in todo(with_lengths, store, "0000")] == ["lengths"]
    result = run(with_lengths, "lengths", "0000")
    assert result.success
    [made] = result.asset_materializations_for_node("small__lengths")
    assert made.metadata["seen"].value == 20
    assert [check.check_name for check in result.get_asset_check_evaluations()] == ["short"]
    assert store.read("lengths", "0000")["characters"].min() > 0
    assert todo(with_lengths, store, "0000") == []

    assert main(["status", "small", "--json"]) == 0
    [shown] = [one for one in json.loads(capsys.readouterr().out)["assets"] if one["asset"] == "lengths"]
    assert (shown["partitions"], shown["done"], shown["rows"]) == (2, 1, 20)
    seen = status(catalog.choose("small")).partitions
    assert seen.loc[seen["asset"] == "lengths", "state"].tolist() == ["done", "missing"]


def test_a_new_step_is_refused_by_its_rules(with_lengths: Experiment, monkeypatch: pytest.MonkeyPatch) -> None:
    frames.write(Store.of(with_lengths), with_lengths)
    monkeypatch.setitem(RULES, "lengths", (Rule("short", "none", lambda _: Outcome(False, "too long")),))
    assert not run(with_lengths, "lengths", "0000").success
    found = standings(with_lengths, Store.of(with_lengths), [ENTRY], ["0000"])
    assert [one.state for one in found] == [State.REFUSED]


def test_a_new_step_is_outdated_by_its_own_sections_alone(
    with_lengths: Experiment, config_folder: ConfigFolder
) -> None:
    other = config_folder.load(analysis={"ablation": "basic", "level": 0.8})
    assert other.fingerprint("lengths", "0000") != with_lengths.fingerprint("lengths", "0000")
    assert other.fingerprint("responses", "0000") == with_lengths.fingerprint("responses", "0000")
    assert config_folder.load(engine={"scoring": "prefill"}).code_version("lengths") == with_lengths.code_version(
        "lengths"
    )
    assert config_folder.load(seed=8).code_version("lengths") != with_lengths.code_version("lengths")


def test_a_step_over_all_partitions_rests_on_those_that_hold(with_lengths: Experiment) -> None:
    store = Store.of(with_lengths)
    frames.write(store, with_lengths, "0001")
    assert run(with_lengths, "totals", None).success
    assert sorted(store.read("totals")["policy"]) == ["p0", "pi_bad", "pi_clone", "pi_cooler"]
    assert store.notes("totals")["rests_on"] == "1 partitions analysed, 1 not materialised yet (0000)"


def test_every_entry_names_what_there_is() -> None:
    assert len({step.role for step in pipeline.STEPS}) == len({step.name for step in pipeline.STEPS})
    for step in pipeline.STEPS:
        if step.stage:
            module, _, name = step.stage.partition(":")
            assert callable(getattr(import_module(module), name))
        assert step.files or isinstance(step.table, Table)
        assert all(name in TABLES for name in step.beside)
    written = {name for step in pipeline.STEPS for name in (step.name, *step.beside) if not step.files}
    assert written == set(TABLES)
    assert pd.Series(sorted(RULES)).isin([step.name for step in pipeline.STEPS]).all()
