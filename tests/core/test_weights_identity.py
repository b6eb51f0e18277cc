"""Expanded weights make another model of the same file, before it is here as after."""

from __future__ import annotations

import hashlib
import json
from pathlib import Path

import pytest

from arena_assets.config import Experiment, is_made_with, made_with
from arena_assets.config.made_with import former_identity, why_outdated
from tests.conftest import ConfigFolder

DIGEST = hashlib.sha256(b"GGUF small").hexdigest()


@pytest.fixture(params=["file", "no file", "no file, stated"])
def model(request: pytest.FixtureRequest, config_folder: ConfigFolder) -> dict[str, str]:
    """A model without the kind of its weights, whose file is here or not."""
    if request.param == "file":
        (config_folder.path.parent / "small.gguf").write_bytes(b"GGUF small")
    stated = {"sha256": DIGEST} if request.param == "no file, stated" else {}
    return {"source": "file", "path": "small.gguf"} | stated


def of(config_folder: ConfigFolder, model: dict[str, str], weights: str | None) -> Experiment:
    return config_folder.load(models={"small": model | ({"weights": weights} if weights else {})})


def test_expanded_weights_are_another_model(config_folder: ConfigFolder, model: dict[str, str]) -> None:
    every = [of(config_folder, model, kind) for kind in (None, "f32", "f16", "bf16", "q8_0")]
    for what in (
        {one.model_identity("small") for one in every},
        {one.fingerprint("responses", "0000") for one in every},
        {json.dumps(one.policy_identity(one.logging_policy)) for one in every},
    ):
        assert len(what) == len(every)
    assert len({one.fingerprint("prompts", "0000") for one in every}) == 1
    # Journals of earlier versions, which had no such weights, are of the file as it is.
    assert [former_identity(one, "small") for one in every[1:]] == [None] * 4


def test_tables_of_other_weights_are_outdated_and_say_so(config_folder: ConfigFolder, model: dict[str, str]) -> None:
    as_it_is, f16, q8 = (of(config_folder, model, kind) for kind in (None, "f16", "q8_0"))
    known = (config_folder.path.parent / "small.gguf").exists() or "sha256" in model
    for then, now, words in (
        (as_it_is, f16, "as they are in the file then, f16 now"),
        (f16, q8, "f16 then, q8_0 now"),
        (f16, as_it_is, "f16 then, as they are in the file now"),
    ):
        notes = made_with(then, "responses", "0000")
        assert is_made_with(then, "responses", "0000", notes)
        assert not is_made_with(now, "responses", "0000", notes)
        if known:
            assert why_outdated(now, notes) == f"made with other weights of the model small ({words})"


def test_a_machine_without_the_file_takes_the_tables_word_for_the_same_kind_alone(config_folder: ConfigFolder) -> None:
    path: Path = config_folder.path.parent / "small.gguf"
    path.write_bytes(b"GGUF small")
    model = {"source": "file", "path": "small.gguf"}
    notes = made_with(of(config_folder, model, "f16"), "responses", "0000")
    assert json.loads(notes["models"]) == {"small": f"{DIGEST}:f16"}
    path.unlink()
    assert is_made_with(of(config_folder, model, "f16"), "responses", "0000", notes)


def test_two_kinds_of_weights_of_one_file_are_two_policies(config_folder: ConfigFolder) -> None:
    model = {"source": "file", "path": "small.gguf"}
    targets = [{"name": "pi_clone"}, {"name": "pi_wide", "model": "wide"}]
    both = config_folder.load(models={"small": model, "wide": model | {"weights": "f32"}}, target_policies=targets)
    assert both.policies_by_model.keys() == {"small", "wide"}
    assert both.model_identity("wide") == f"{both.model_identity('small')}:f32"
    assert both.clones == ("pi_clone",)
