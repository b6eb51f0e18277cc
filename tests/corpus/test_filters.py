"""Languages by any name, and rows that a corpus marks itself: every key has an effect or is refused."""

from __future__ import annotations

import json
from typing import Any

import pytest

from arena_assets.config import FileCorpus
from arena_assets.config.languages import language_name
from arena_assets.errors import CorpusError
from tests.corpus.conftest import Load, prompts, turn


@pytest.mark.parametrize("spelling", ["English", "english", "en", "EN", "en-US", "en_GB", "eng", "eng_Latn", " en "])
def test_a_language_has_one_name(load: Load, spelling: str) -> None:
    rows = [{"prompt": "Why?", "language": spelling}, {"prompt": "Warum?", "language": "de"}]
    for asked in ("English", "en", spelling):
        corpus = load(rows, language=asked)
        assert corpus.table[["prompt", "language"]].to_numpy().tolist() == [["Why?", "English"]]
        assert corpus.counts["other_language"] == 1


def test_what_is_no_language_known_here_stays_as_it_is() -> None:
    assert [language_name(one) for one in ("Klingon", "xx", "de-AT", "ger", "GERMAN", "")] == [
        "Klingon",
        "xx",
        "German",
        "German",
        "German",
        "",
    ]
    assert FileCorpus(source="file", path="x", language="ANY").language == "any"


def test_a_row_of_an_empty_language_is_detected(load: Load) -> None:
    corpus = load(b"prompt,language\nWhat is the capital of France?,\n", "rows.csv", language="en")
    assert corpus.table["language"].tolist() == ["English"]


def flagged(yes: bool) -> list[dict[str, Any]]:
    """The marks of Chatbot Arena, LMSYS-Chat-1M and WildChat."""
    tag = {"roberta-large": {"flagged": False, "probability": 0.1}, "t5-large": {"flagged": yes, "score": 0.9}}
    return [
        {"toxic": yes},
        {"toxic": str(yes)},
        {"toxic": int(yes)},
        {"toxic_chat_tag": tag},
        {"toxic_chat_tag": json.dumps(tag)},
        {"openai_moderation": {"flagged": yes, "categories": {"hate": yes}}},
        {"openai_moderation": [{"flagged": False}, {"flagged": yes}]},
    ]


@pytest.mark.parametrize(("bad", "good"), list(zip(flagged(True), flagged(False), strict=True)), ids=str)
def test_what_the_corpus_marks_as_toxic_can_be_left_out(load: Load, bad: Any, good: Any) -> None:
    rows = [{"prompt": "Bad?"} | bad, {"prompt": "Good?"} | good, {"prompt": "Not marked?"}]
    corpus = load(rows, toxic=False)
    assert (prompts(corpus), corpus.counts["toxic"]) == (["Good?", "Not marked?"], 1)
    assert "toxic" not in load(rows).counts


def test_redacted_rows_can_be_left_out(load: Load) -> None:
    corpus = load(b"prompt,redacted\nI am NAME_1?,True\nWhy?,False\n", "rows.csv", redacted=False)
    assert (prompts(corpus), corpus.counts["redacted"]) == (["Why?"], 1)


def test_a_mark_that_says_neither_yes_nor_no_is_an_odd_row(load: Load) -> None:
    corpus = load([{"prompt": "Why?", "toxic": False}, {"prompt": "How?", "toxic": 0.93}], toxic=False)
    assert corpus.odd == ("rows.jsonl, line 2: its toxic is '0.93' (a number), which says neither yes nor no",)


@pytest.mark.parametrize("key", ["toxic", "redacted"])
def test_a_filter_without_its_column_is_refused(load: Load, key: str) -> None:
    with pytest.raises(CorpusError, match=rf"corpus\.{key} is false, and the corpus rows\.jsonl does not say"):
        load([{"prompt": "Why?"}], **{key: False})


def test_conversations_of_more_turns_can_be_left_out(load: Load) -> None:
    rows = [
        {"conversation": [turn("One?"), {"role": "assistant", "content": "1"}]},
        {"conversation": [turn("Two?"), {"role": "assistant", "content": "1"}, turn("And?")]},
        {"conversation": [turn("Three?")], "turn": 3},
    ]
    for most, left in ((1, ["One?"]), (2, ["One?", "Two?"]), (3, ["One?", "Two?", "Three?"])):
        corpus = load(rows, turns=most)
        assert (prompts(corpus), corpus.counts["more_turns"]) == (left, 3 - len(left))


def test_long_prompts_can_be_left_out(load: Load) -> None:
    corpus = load([{"prompt": "four"}, {"prompt": "fives"}], max_characters=4)
    assert (prompts(corpus), corpus.counts["too_many_characters"]) == (["four"], 1)


def test_nothing_left_says_where_every_row_went(load: Load) -> None:
    rows = [{"prompt": "long enough", "toxic": False}, {"prompt": "bad", "toxic": True}, {"prompt": "", "toxic": True}]
    with pytest.raises(CorpusError, match=r"of 3 rows .* 1 are empty, 1 toxic, 1 too many characters"):
        load(rows, toxic=False, max_characters=5)
