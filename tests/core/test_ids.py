"""Ids: equal texts have equal ids, and nothing else has."""

from __future__ import annotations

import subprocess
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from arena_assets.ids import content_key, normalise_text, prompt_id, sampling_rank, slice_rank, stream_seed


def test_the_same_text_in_other_white_space_or_unicode_form_is_the_same_prompt() -> None:
    assert prompt_id("  café\u00a0 au\nlait ") == prompt_id("cafe\u0301 au lait")
    assert prompt_id("Ｈｅｌｌｏ") == prompt_id("Hello")
    assert prompt_id("Hello") != prompt_id("hello")


def test_ids_are_pinned_because_data_on_disk_carries_them() -> None:
    assert prompt_id("What is 1 + 1?") == "p47317bd38db73d36"
    assert stream_seed(7, "p0", "pi_clone") == 4472239811177295902


@given(st.text())
def test_normalising_twice_changes_nothing_more(text: str) -> None:
    once = normalise_text(text)
    assert normalise_text(once) == once
    assert prompt_id(once) == prompt_id(text)


@given(st.text(), st.integers(0, 2**63 - 1), st.text())
def test_numbers_stay_in_their_ranges(identity: str, seed: int, policy: str) -> None:
    assert 0 <= stream_seed(seed, identity, policy) < 2**63
    assert 0 <= slice_rank(seed, policy, identity) < 1


def test_a_lone_surrogate_has_an_id() -> None:
    assert prompt_id("\ud800") != prompt_id("\ud801")
    assert content_key(text="\ud800") != content_key(text="\ud801")


def test_parts_cannot_run_into_each_other() -> None:
    assert sampling_rank(1, "2x") != sampling_rank(12, "x")
    assert stream_seed(1, "ab", "c") != stream_seed(1, "a", "bc")


@pytest.mark.parametrize("change", [{"a": 2}, {"a": 1, "b": None}, {"a": "1"}, {"a": [1]}])
def test_a_content_key_changes_with_every_part(change: dict[str, object]) -> None:
    assert content_key(a=1) != content_key(**change)


def test_a_content_key_ignores_the_order_of_keys() -> None:
    assert content_key(a=1, b={"c": 1, "d": 2}) == content_key(b={"d": 2, "c": 1}, a=1)


def test_another_process_gives_the_same_ids() -> None:
    code = "from arena_assets.ids import *; print(prompt_id('x'), stream_seed(1, 'x', 'y'), content_key(a=1))"
    command = [sys.executable, "-c", code]
    outputs = {
        subprocess.run(command, env={"PYTHONHASHSEED": seed}, capture_output=True, text=True, check=True).stdout
        for seed in ("1", "2")
    }
    assert outputs == {f"{prompt_id('x')} {stream_seed(1, 'x', 'y')} {content_key(a=1)}\n"}
