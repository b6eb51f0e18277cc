"""The settings that a file of results keeps: all that changes a result, no secret, and what has changed since."""

from __future__ import annotations

from arena_assets.config import Experiment, changes, noted_settings, settings, settings_note
from tests.conftest import ConfigFolder


def other(experiment: Experiment, **fields: object) -> Experiment:
    return experiment.model_copy(update=fields)


def test_settings_come_back_from_the_note(experiment: Experiment) -> None:
    assert noted_settings(settings_note(experiment)) == settings(experiment)
    for notes in ({}, {"settings": "{"}, {"settings": "[1]"}, {"settings": "{}"}):
        assert noted_settings(notes) is None


def test_an_imported_experiment_has_settings_too(config_folder: ConfigFolder) -> None:
    corpus = {"source": "imported", "digest": "0" * 64}
    policies = {"logging_policy": {"name": "old"}, "target_policies": [{"name": "new"}]}
    document = {"seed": 1, "prompts": 2, "batch_size": 2, "corpus": corpus, **policies}
    imported = config_folder.load("imported", document)
    assert changes(settings(imported), settings(other(imported, prompts=3))) == ["prompts 2, now 3"]


def test_how_an_answer_is_fetched_is_no_setting_of_a_result(config_folder: ConfigFolder) -> None:
    judge = {"kind": "openai", "model": "m", "rubric": "good?", "extra_headers": {"X-Key": "a secret"}}
    stated = settings_note(config_folder.load(judge=judge))["settings"]
    assert "a secret" not in stated
    assert '"rubric":"good?"' in stated


def test_each_change_is_a_phrase(experiment: Experiment) -> None:
    clone, cooler, _ = experiment.target_policies
    changed = other(
        experiment,
        prompts=20,
        target_policies=(clone, cooler.model_copy(update={"temperature": 0.9})),
        analysis=experiment.analysis.model_copy(update={"level": 0.9}),
    )
    assert changes(settings(experiment), settings(changed)) == [
        "pi_bad is no longer a policy",
        "pi_cooler: temperature 0.7, now 0.9",
        "prompts 40, now 20",
        "analysis.level 0.95, now 0.9",
    ]
    assert changes(settings(changed), settings(experiment))[0] == "pi_bad is a new policy"
    assert changes(settings(experiment), settings(other(experiment, description="x", storage="/y"))) == []


def test_long_texts_that_begin_alike_are_said_to_differ(experiment: Experiment) -> None:
    def asking(end: str) -> Experiment:
        policy = experiment.logging_policy.model_copy(update={"system_prompt": "word " * 30 + end})
        return other(experiment, logging_policy=policy)

    assert changes(settings(asking("a")), settings(asking("b"))) == ["p0: system_prompt is another"]
