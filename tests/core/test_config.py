"""Experiment files: what is refused, and with which words."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from arena_assets.config import Experiment, experiment_names, load_experiment
from arena_assets.errors import ConfigError
from arena_assets.stages.analysis import ablation_spec
from tests.conftest import ROOT, ConfigFolder

SHIPPED = sorted(path.stem for path in (ROOT / "configs").glob("*.yaml"))


def policy(**changes: Any) -> dict[str, Any]:
    base = {"name": "p0", "model": "small", "system_prompt": "Help.", "temperature": 0.8, "max_tokens": 16}
    return base | changes


@pytest.mark.parametrize("name", SHIPPED)
def test_a_shipped_experiment_validates_with_its_methods(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("ARENA_CONFIGS", raising=False)
    monkeypatch.delenv("ARENA_ROOT", raising=False)
    experiment = load_experiment(name)
    assert "pi_clone" in experiment.clones
    assert len(ablation_spec(experiment).chosen) >= 6
    assert load_experiment(name, prompts=5).prompts == 5


def test_the_full_experiment_is_the_one_that_was_asked_for() -> None:
    experiment = load_experiment("arena_10k")
    assert experiment.prompts == 10_000
    assert experiment.target_names == ("pi_clone", "pi_cot", "pi_concise", "pi_bad")
    assert experiment.engine.n_gpu_layers == -1
    assert (experiment.judge.kind, experiment.oracle.kind) == ("openai", "openai")


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("seed: [1, 2", "no valid YAML"),
        ("seed: 1\nseed: 2", "'seed' stands twice"),
        ("judge: {kind: rubric, kind: openai}", "'kind' stands twice"),
        ("just words", "must be a mapping"),
        ("", "must be a mapping"),
        ("a: !!python/object:os.system x", "no valid YAML"),
        ("seed: 2024-13-45", "no valid YAML"),
        ("name: other", "the file's own name names the experiment"),
        ("extends: nowhere", "nowhere.yaml does not exist"),
        ("extends: self", "extends self, which itself extends"),
    ],
)
def test_a_broken_file_says_what_is_broken(config_folder: ConfigFolder, text: str, problem: str) -> None:
    config_folder.write("self", text)
    with pytest.raises(ConfigError, match=r"(self|nowhere)\.yaml") as caught:
        load_experiment("self")
    assert problem in str(caught.value)


def test_a_file_that_is_no_text_is_a_config_error(config_folder: ConfigFolder) -> None:
    (config_folder.path / "binary.yaml").write_bytes(b"\xff\xfe\x00\xd8")
    with pytest.raises(ConfigError, match=r"binary\.yaml cannot be read"):
        load_experiment("binary")


def test_an_unknown_experiment_lists_the_known(config_folder: ConfigFolder) -> None:
    config_folder.write("one")
    config_folder.write("two")
    with pytest.raises(ConfigError, match=r"three\.yaml does not exist.*there are: one, two"):
        load_experiment("three")
    assert experiment_names() == ["one", "two"]


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"promts": 3}, "promts: unknown key"),
        ({"engine": {"threads": 2, "gpu": 1}}, "engine.gpu: unknown key"),
        ({"target_policies": [{"name": "x", "top_p": 0.9}]}, "target_policies.0.top_p: unknown key"),
        ({"target_policies": [{"name": "a"}, {"name": "a"}]}, "must be unique; named more than once: a"),
        ({"target_policies": [{"name": "p0"}]}, "p0 is logging and target policy"),
        ({"target_policies": []}, "target_policies"),
        ({"logging_policy": policy(model="big")}, "policy p0 names the unknown model 'big'; models has: small"),
        ({"judge": {"kind": "likelihood", "model": "big"}}, "judge names the unknown model 'big'"),
        ({"judge": {"kind": "oracle of Delphi"}}, "judge"),
        ({"target_policies": [{"name": "pi_clone", "temperature": 0.7}]}, "pi_clone must equal the logging policy"),
        ({"target_policies": [{"name": "pi_clone", "system_prompt": ""}]}, "pi_clone must equal the logging policy"),
        ({"logging_policy": policy(temperature=0)}, "logging_policy.temperature"),
        ({"logging_policy": policy(name="p 0")}, "logging_policy.name"),
        ({"prompts": 0}, "prompts"),
        ({"batch_size": -1}, "batch_size"),
        ({"seed": None}, "seed: Field required"),
        ({"oracle": {"kind": "reference", "calibration": 1}}, "1 could mean one response or all"),
        ({"oracle": {"kind": "reference", "calibration": 1.5}}, "within 0 and 1"),
    ],
)
def test_a_rule_that_is_broken_is_named(config_folder: ConfigFolder, changes: dict[str, Any], problem: str) -> None:
    with pytest.raises(ConfigError) as caught:
        config_folder.load("small", **changes)
    assert "small.yaml: " in str(caught.value)
    assert problem in str(caught.value)


def test_all_problems_are_told_at_once(config_folder: ConfigFolder) -> None:
    with pytest.raises(ConfigError, match=r"3 problems: .*prompts.*batch_size.*colour: unknown key"):
        config_folder.load("small", prompts=0, batch_size=0, colour="red")


def test_a_clone_may_be_cut_elsewhere_but_is_still_a_clone(config_folder: ConfigFolder) -> None:
    targets = [{"name": "pi_clone", "max_tokens": 4}, {"name": "twin"}, {"name": "other", "temperature": 0.1}]
    assert config_folder.load(target_policies=targets).clones == ("pi_clone", "twin")


def test_a_target_inherits_everything_but_the_name(experiment: Experiment) -> None:
    first, clone, cooler, _ = experiment.policies
    assert clone.model_dump(exclude={"name"}) == first.model_dump(exclude={"name"})
    assert cooler.model_dump(exclude={"name", "temperature"}) == first.model_dump(exclude={"name", "temperature"})
    assert cooler.temperature == 0.7


def test_extends_takes_whole_sections_from_the_other_file(config_folder: ConfigFolder) -> None:
    config_folder.write("base")
    config_folder.write("child", {"extends": "base", "prompts": 6, "judge": {"kind": "likelihood", "model": "small"}})
    child = load_experiment("child")
    assert (child.name, child.prompts, child.batch_size, child.seed) == ("child", 6, 20, 7)
    config_folder.write("grandchild", {"extends": "child"})
    with pytest.raises(ConfigError, match="extends child, which itself extends"):
        load_experiment("grandchild")


def test_yaml_anchors_and_merge_keys_work(config_folder: ConfigFolder) -> None:
    text = (
        config_folder.write("merged")
        .read_text()
        .replace("- name: pi_clone", "- &clone {name: pi_clone}\n- {<<: *clone, name: twin, max_tokens: 3}")
    )
    merged = config_folder.load("merged", text)
    assert merged.target_names[:2] == ("pi_clone", "twin")
    assert merged.target_policies[1].max_tokens == 3


@pytest.mark.parametrize(
    ("prompts", "size", "partitions"),
    [(40, 20, ("0000", "0001")), (41, 20, ("0000", "0001", "0002")), (1, 20, ("0000",)), (20, 20, ("0000",))],
)
def test_partitions_cover_the_prompts_once(
    config_folder: ConfigFolder, prompts: int, size: int, partitions: tuple[str, ...]
) -> None:
    experiment = config_folder.load(prompts=prompts, batch_size=size)
    assert experiment.partitions == partitions
    bounds = [experiment.batch_bounds(partition) for partition in partitions]
    assert [rank for start, stop in bounds for rank in range(start, stop)] == list(range(prompts))


def test_the_number_of_prompts_can_be_overridden(config_folder: ConfigFolder) -> None:
    config_folder.write("small")
    assert load_experiment("small", prompts=3).partitions == ("0000",)
    with pytest.raises(ConfigError, match="prompts"):
        load_experiment("small", prompts=0)


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("estimators: [ips, magic]", "magic"),
        ("estimators: [ips]\nreward_calibration: [sigmoid]", "sigmoid"),
        ("estimator: [ips]", "estimator"),
        ("estimators: 3", "list"),
        ("estimators: [ips", "no valid YAML"),
        ("methods: [{estimator: snips, colour: red}]", "colour"),
        (None, "does not exist"),
    ],
)
def test_broken_methods_are_a_config_error(config_folder: ConfigFolder, text: str | None, problem: str) -> None:
    path: Path = config_folder.path / "ablations" / "mine.yaml"
    if text is not None:
        path.write_text(text)
    experiment = config_folder.load(analysis={"ablation": "mine"})
    with pytest.raises(ConfigError, match=r"mine\.yaml") as caught:
        ablation_spec(experiment)
    assert problem in str(caught.value)
