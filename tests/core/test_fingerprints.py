"""Fingerprints: what a change of the experiment file marks as outdated, and what it leaves."""

from __future__ import annotations

import copy
import json
from pathlib import Path
from typing import Any

import pytest

from arena_assets.config import Experiment, is_made_with, load_experiment
from tests.conftest import ROOT, ConfigFolder

ASSETS = ("arena_corpus", "prompts", "responses", "logprobs", "judge_scores", "oracle_labels", "ablation_results")
FROM_PROMPTS = set(ASSETS[1:])
FROM_RESPONSES = set(ASSETS[2:])
OPENAI = {"kind": "openai", "model": "gpt", "rubric": "Rate it.", "prices": {"prompt": 1, "completion": 2}}
STRATIFIED = {"kind": "reference", "calibration": 0.5, "validation": 1.0, "stratify": True}

# Each table's last partition, as it was before one description of the pipeline gave them: data of then stay current.
KNOWN: dict[str, dict[str, str]] = json.loads(Path(__file__).with_name("fingerprints.json").read_text())
P0 = {"name": "p0", "model": "small", "system_prompt": "You are.", "temperature": 0.8, "max_tokens": 16}
DOCUMENT = {
    "seed": 7,
    "corpus": {"source": "shipped"},
    "prompts": 50,
    "batch_size": 20,
    "models": {
        "small": {"source": "file", "path": "small.gguf"},
        "hub": {"source": "hub", "repo": "a/b", "file": "b.gguf", "sha256": "0" * 64},
    },
    "logging_policy": P0,
    "target_policies": [{"name": "pi_clone"}, {"name": "pi_bad", "system_prompt": "Never.", "model": "hub"}],
    "judge": {"kind": "likelihood", "model": "small"},
    "oracle": {"kind": "reference", "calibration": 0.5, "validation": 1.0},
}
REMOTE = {"kind": "openai", "model": "gpt", "rubric": "Rate.", "concurrency": 3, "mode": "batch"}
REMOTE |= {"prices": {"prompt": 1, "completion": 2}}
RUBRIC = {"kind": "rubric", "model": "hub", "rubric": "Rate."}
CHANGES: dict[str, dict[str, Any]] = {
    "plain": {},
    "openai": {"judge": REMOTE, "oracle": REMOTE | {"calibration": 40, "mode": "online"}},
    "rubric": {"judge": RUBRIC, "oracle": RUBRIC | {"stratify": True}},
    "file": {"oracle": {"kind": "file", "path": "labels.csv", "enabled": False}},
    "stratified": {
        "oracle": {"kind": "reference", "stratify": True},
        "engine": {"mode": "throughput", "scoring": "prefill", "context_tokens": 512},
    },
    "hub_corpus": {
        "corpus": {"source": "hub", "dataset": "x/y", "columns": {"prompt": "text"}},
        "analysis": {"level": 0.9, "ablation": "basic"},
    },
}
IMPORTED = {
    "seed": 0,
    "corpus": {"source": "imported", "digest": "a" * 64},
    "prompts": 30,
    "batch_size": 20,
    "logging_policy": {"name": "base"},
    "target_policies": [{"name": "clone", "clone": True}, {"name": "other"}],
}


def outdated(experiment: Experiment, known: dict[str, str]) -> set[str]:
    """Tables of which the last partition, which need not be full, is outdated by its fingerprint alone."""
    last = {
        name: None if name in ("arena_corpus", "ablation_results") else experiment.partitions[-1] for name in ASSETS
    }
    return {name for name in ASSETS if not is_made_with(experiment, name, last[name], {"fingerprint": known[name]})}


@pytest.mark.parametrize("name", ["demo", "arena_100", "arena_10k"])
def test_data_of_the_shipped_experiments_stay_current(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("ARENA_CONFIGS", str(ROOT / "configs"))
    assert outdated(load_experiment(name), KNOWN[name]) == set()


@pytest.mark.parametrize("name", [*CHANGES, "imported"])
def test_data_of_every_kind_of_judge_and_oracle_stay_current(config_folder: ConfigFolder, name: str) -> None:
    (config_folder.path.parent / "labels.csv").write_text("prompt_id,policy,label\n")
    document = IMPORTED if name == "imported" else DOCUMENT | CHANGES[name]
    assert outdated(config_folder.load(name, document), KNOWN[name]) == set()


def test_a_study_of_the_same_sections_is_as_current_as_the_analysis(config_folder: ConfigFolder) -> None:
    experiment = config_folder.load()
    for name in ("ablation_grid", "analysis_summary", "export"):
        assert experiment.code_version(name) == experiment.code_version("ablation_results")


def changed(folder: ConfigFolder, before: dict[str, Any], after: dict[str, Any]) -> set[str]:
    """Assets whose first, full batch is outdated by the change of the file."""
    first, second = folder.load("x", before), folder.load("x", after)
    partition = {name: None if name in ("arena_corpus", "ablation_results") else "0000" for name in ASSETS}
    return {
        name for name in ASSETS if first.fingerprint(name, partition[name]) != second.fingerprint(name, partition[name])
    }


@pytest.mark.parametrize(
    ("path", "value", "outdated"),
    [
        (("logging_policy", "system_prompt"), "Be brief.", FROM_RESPONSES),
        (("logging_policy", "max_tokens"), 17, FROM_RESPONSES),
        (("target_policies", 1, "temperature"), 0.6, FROM_RESPONSES),
        (("models", "small", "path"), "other.gguf", FROM_RESPONSES),
        (("models", "small", "sha256"), "0" * 64, FROM_RESPONSES),
        (("models", "small", "weights"), "f16", FROM_RESPONSES),
        (("engine",), {"context_tokens": 512}, FROM_RESPONSES),
        (("engine",), {"mode": "throughput"}, FROM_RESPONSES),
        (("engine",), {"scoring": "prefill"}, {"logprobs", "ablation_results"}),
        (("judge",), {"kind": "likelihood", "model": "small", "system_prompt": "x"}, {"judge_scores"}),
        (("oracle", "calibration"), 0.6, {"oracle_labels"}),
        (("oracle", "stratify"), True, {"oracle_labels"}),
        (("analysis",), {"ablation": "default"}, {"ablation_results"}),
        (("analysis", "level"), 0.9, {"ablation_results"}),
        (("prompts",), 60, {"ablation_results"}),
        (("batch_size",), 40, FROM_PROMPTS),
        (("seed",), 8, FROM_PROMPTS),
        (("corpus", "language"), "German", set(ASSETS)),
        (("engine",), {"threads": 1, "max_sequences": 2, "cache_tokens": 512, "reproducibility_sample": 1}, set()),
        (("description",), "words", set()),
        (("storage",), "elsewhere", set()),
        (("models", "small", "size_bytes"), 5, set()),
        (("models", "unused"), {"source": "file", "path": "u.gguf"}, set()),
    ],
)
def test_a_change_outdates_what_it_determines(
    config_folder: ConfigFolder, path: tuple[Any, ...], value: Any, outdated: set[str]
) -> None:
    before = config_folder.document()
    after = copy.deepcopy(before)
    place: Any = after
    for key in path[:-1]:
        place = place[key]
    place[path[-1]] = value
    assert changed(config_folder, before, after) - {"ablation_results"} == outdated - {"ablation_results"}
    assert bool(outdated) == ("ablation_results" in changed(config_folder, before, after))


@pytest.mark.parametrize(
    "transport",
    [
        {"concurrency": 3},
        {"requests_per_minute": 10},
        {"tokens_per_minute": 10},
        {"timeout_s": 5},
        {"max_retries": 1},
        {"max_cost_usd": 1.0},
        {"prices": {"prompt": 3, "completion": 3}},
        {"api_key_env": "OTHER_KEY"},
        {"mode": "batch"},
        {"batch_poll_s": 5},
    ],
)
def test_transport_outdates_nothing(config_folder: ConfigFolder, transport: dict[str, Any]) -> None:
    before = config_folder.document(judge=OPENAI, oracle=OPENAI | {"calibration": 0.5})
    for section in ("judge", "oracle"):
        assert changed(config_folder, before, before | {section: before[section] | transport}) == set()


@pytest.mark.parametrize(
    "answer",
    [{"model": "b"}, {"rubric": "x"}, {"max_score": 5}, {"uncertainty": "interval"}, {"base_url": "http://a"}],
)
def test_what_is_asked_outdates_the_judge_alone(config_folder: ConfigFolder, answer: dict[str, Any]) -> None:
    before = config_folder.document(judge=OPENAI)
    assert changed(config_folder, before, before | {"judge": OPENAI | answer}) == {"judge_scores", "ablation_results"}


def test_labels_are_known_by_their_bytes_and_not_by_their_name(config_folder: ConfigFolder) -> None:
    project = config_folder.path.parent
    for name, label in (("one.csv", 0.5), ("same.csv", 0.5), ("other.csv", 0.6)):
        (project / name).write_text(f"prompt_id,policy,label\np1,p0,{label}\n")

    def version(path: str) -> str:
        return config_folder.load(oracle={"kind": "file", "path": path}).code_version("oracle_labels")

    first = version("one.csv")
    assert version("same.csv") == version(str(project / "one.csv")) == first
    assert version("other.csv") != first
    assert version("gone.csv") != first
    (project / "one.csv").write_text("prompt_id,policy,label\np1,p0,0.6\n")
    assert version("one.csv") == version("other.csv")


def test_a_stratified_slice_rests_on_the_judge(config_folder: ConfigFolder) -> None:
    before = config_folder.document(oracle=STRATIFIED)
    judge = {"kind": "likelihood", "model": "small", "system_prompt": "x"}
    assert "oracle_labels" in changed(config_folder, before, before | {"judge": judge})


def test_more_prompts_keep_full_batches_and_outdate_the_last_short_one(config_folder: ConfigFolder) -> None:
    fewer, more = config_folder.load(prompts=30), config_folder.load(prompts=50)
    for asset in ASSETS[1:-1]:
        assert fewer.fingerprint(asset, "0000") == more.fingerprint(asset, "0000")
        assert fewer.fingerprint(asset, "0001") != more.fingerprint(asset, "0001")


def test_a_disabled_oracle_outdates_only_the_analysis(config_folder: ConfigFolder) -> None:
    before = config_folder.document()
    after = before | {"oracle": before["oracle"] | {"enabled": False}}
    assert changed(config_folder, before, after) <= {"oracle_labels", "ablation_results"}
