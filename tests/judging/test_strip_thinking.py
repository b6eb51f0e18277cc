"""A policy with `strip_thinking` is judged by what it says; its settings are part of what it is."""

from __future__ import annotations

import copy
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
from pydantic import ValidationError

from arena_assets.config import Experiment
from arena_assets.journal import Journal
from arena_assets.judging.protocol import Item, Verdict
from arena_assets.progress import Progress
from arena_assets.stages.scoring import judge_responses
from tests.conftest import DOCUMENT

ANSWERS = {
    "p0": "<think>Is it 7?</think>\n\nBlue.",
    "pi_clone": "It is 7, I think.\n</think>\nGreen.",
    "pi_cooler": "<think>I never end",
    "pi_bad": "Red.",
}


class Listener:
    """A judge that keeps what it was asked."""

    name = "listener"

    def __init__(self) -> None:
        self.heard: dict[str, Item] = {}

    def score(self, items: Sequence[Item], *, journal: Journal, progress: Progress) -> list[Verdict]:  # noqa: ARG002
        self.heard |= {item.policy: item for item in items}
        return [Verdict("ok", 0.5, 0.5, 0.1, model=self.name, cost_usd=0.0) for _ in items]


def experiment(**settings: Any) -> Experiment:
    document = copy.deepcopy(DOCUMENT) | {"name": "thinking"}
    document["logging_policy"] |= settings
    return Experiment.model_validate(document)


def heard(made: Experiment, folder: Path) -> dict[str, Item]:
    prompts = pd.DataFrame({"prompt_id": ["a"], "prompt": ["Which colour?"]})
    responses = pd.DataFrame(
        [
            {"prompt_id": "a", "policy": policy, "response": text, "response_tokens": [5, 6], "reason": None}
            for policy, text in ANSWERS.items()
        ]
    )
    listener = Listener()
    with Journal(folder / "journal") as journal:
        judge_responses(made, prompts, responses, listener, journal)
    return listener.heard


def test_judges_hear_what_was_said(tmp_path: Path) -> None:
    items = heard(experiment(strip_thinking=True), tmp_path)
    assert {policy: item.response for policy, item in items.items()} == {
        "p0": "Blue.",
        "pi_clone": "Green.",
        "pi_cooler": "",
        "pi_bad": "Red.",
    }
    # The sampled ids would bring the thinking back to a local judge.
    assert {item.tokens for item in items.values()} == {()}


def test_judges_hear_everything_unless_told(tmp_path: Path) -> None:
    items = heard(experiment(), tmp_path)
    assert {policy: item.response for policy, item in items.items()} == ANSWERS
    assert {item.tokens for item in items.values()} == {(5, 6)}


def test_settings_are_part_of_a_policys_identity() -> None:
    plain = experiment()
    assert experiment(strip_thinking=False, chat_template_kwargs={}).policy_identity(plain.logging_policy) == (
        plain.policy_identity(plain.logging_policy)
    )
    for settings in ({"strip_thinking": True}, {"chat_template_kwargs": {"enable_thinking": False}}):
        other = experiment(**settings)
        assert other.clones == plain.clones == ("pi_clone",)
        for step in ("responses", "judge_scores", "oracle_labels"):
            assert other.fingerprint(step, "0000") != plain.fingerprint(step, "0000")


def test_unset_settings_leave_fingerprints_as_they_were() -> None:
    """As they were before there were such settings: the identity holds the five that there always were."""
    identity = experiment().policy_identity(experiment().logging_policy)
    assert sorted(identity) == ["max_tokens", "model", "name", "system_prompt", "temperature"]


def test_another_switch_is_another_distribution() -> None:
    document = copy.deepcopy(DOCUMENT) | {"name": "thinking"}
    document["target_policies"] = [{"name": "pi_quick", "chat_template_kwargs": {"enable_thinking": False}}]
    assert Experiment.model_validate(document).clones == ()
    document["target_policies"] = [{"name": "pi_clone", "chat_template_kwargs": {"enable_thinking": False}}]
    with pytest.raises(ValidationError, match=r"pi_clone must equal the logging policy in .*chat_template_kwargs"):
        Experiment.model_validate(document)


def test_a_switch_cannot_take_the_conversations_place() -> None:
    with pytest.raises(ValidationError, match="bos_token, messages: the conversation itself sets this; leave it out"):
        experiment(chat_template_kwargs={"messages": [], "bos_token": "", "enable_thinking": True})
