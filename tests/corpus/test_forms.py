"""A prompt is a text, whatever a data set dresses it in; what is none is refused with its row, or counted."""

from __future__ import annotations

import csv
import io
import json
from typing import Any

import pandas as pd
import pytest

from arena_assets.corpus.conversation import NoPromptError, first_turn
from arena_assets.corpus.dress import undress
from arena_assets.errors import CorpusError
from tests.corpus.conftest import Load, prompts, turn

RIVERS = "Name three rivers of Peru."


def part(text: str | None, kind: str = "text", **more: Any) -> dict[str, Any]:
    return {"type": kind, "text": text} | more


def table(rows: list[dict[str, Any]]) -> bytes:
    """CSV in which every value that is no text stands as JSON."""
    written = io.StringIO()
    writer = csv.DictWriter(written, list(rows[0]))
    writer.writeheader()
    writer.writerows({k: v if isinstance(v, str) else json.dumps(v) for k, v in row.items()} for row in rows)
    return written.getvalue().encode()


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": RIVERS},
        {"prompt": [RIVERS, "And of Chile?"]},
        {"prompt": [RIVERS, None]},
        {"prompt": [part(RIVERS)]},
        {"prompt": turn(RIVERS)},
        {"prompt": [{"role": "system", "content": "Be brief."}, turn(RIVERS)]},
        {"conversation_a": [turn(RIVERS), {"role": "assistant", "content": "No."}, turn("Please!")]},
        {"conversation_a": [turn([part(RIVERS, image=None, mimeType=None)])]},
        {"conversation_a": [turn([part("Name three"), part("rivers of Peru.")])]},
        {"conversation_a": [turn(part(RIVERS))]},
        {"conversation_a": [turn([{"type": "input_text", "text": RIVERS}])]},
        {"conversation_a": [{"role": "User", "parts": [{"text": RIVERS}]}]},
        {"conversation_a": json.dumps([turn(RIVERS)])},
        {"messages": [turn(RIVERS)]},
        {"messages": {"messages": [turn(RIVERS)]}},
        {"conversation": [turn(RIVERS, turn_identifier=7, redacted=False)]},
        {"conversations": [{"from": "system", "value": "x"}, {"from": "human", "value": RIVERS}]},
        {"conversations": [{"from": "human", "value": RIVERS, "content": None}]},
    ],
    ids=lambda row: json.dumps(row)[:60],
)
def test_the_first_user_turn_is_found_in_every_form(load: Load, row: dict[str, Any]) -> None:
    (prompt,) = prompts(load([row]))
    assert prompt.replace("\n", " ") == RIVERS


@pytest.mark.parametrize(
    ("value", "problem"),
    [
        (5, "it is a number"),
        (True, "it is true or false"),
        ([], "the conversation is empty"),
        ([1, 2], "a list of a number"),
        (["Hello", turn("Hello")], "a list of a text and an object"),
        ([turn("Hello"), "Hello"], "a list of an object and a text"),
        ({"question": "Hello"}, "an object of question, and no conversation"),
        ([{"role": "assistant", "content": "Hello"}], "its messages are of assistant"),
        ([{"role": "user"}], "has no content"),
        ([turn(5)], "content is a number"),
        ([turn({"a": "b"})], "part of a that is no text"),
        ([turn([part("Hello"), "Hello"])], "content is a list of an object and a text"),
        ([turn([part("Hello"), {"type": "poll"}])], "part of type that is no text"),
        ([turn([{"type": "text", "text": {"value": "x"}}])], "that is no text"),
    ],
)
def test_what_is_no_prompt_is_refused_with_its_row(load: Load, value: Any, problem: str) -> None:
    with pytest.raises(NoPromptError, match=problem):
        first_turn(value)
    with pytest.raises(CorpusError, match=rf"rows\.jsonl, line 1: .*{problem}"):
        load([{"prompt": value}])


@pytest.mark.parametrize(
    ("row", "count"),
    [
        ({"prompt": [turn([part("What is this?"), {"type": "image_url", "image_url": {"url": "x"}}])]}, "images"),
        ({"prompt": [turn([part("What is this?", image="data:x")])]}, "images"),
        ({"prompt": [turn([part(None, "image", image={"bytes": "x"}), part("What?")])]}, "images"),
        ({"prompt": [turn([part("Hear!"), {"type": "input_audio"}])]}, "images"),
        ({"prompt": [turn("What is this?", images=["x"])]}, "images"),
        ({"conversations": [{"from": "human", "value": "<image>\nWhat?"}], "image": "x.jpg"}, "images"),
        ({"prompt": [turn([{"type": "tool_result", "content": "5"}])]}, "tools"),
        ({"messages": [turn("Weather?")], "tools": [{"type": "function"}]}, "tools"),
        ({"prompt": {"messages": [turn("Weather?")], "tools": [{"type": "function"}]}}, "tools"),
        ({"messages": [turn("Weather?"), {"role": "assistant", "tool_calls": [{"id": 1}]}]}, "tools"),
        ({"conversations": [{"from": "human", "value": "x"}, {"from": "function_call", "value": "{}"}]}, "tools"),
    ],
)
def test_pictures_and_tools_are_counted_and_left_out(load: Load, row: dict[str, Any], count: str) -> None:
    column = next(iter(row))
    corpus = load([row, {column: [turn(RIVERS)]}])
    assert prompts(corpus) == [RIVERS]
    assert corpus.counts[count] == 1


def test_a_picture_or_tool_of_a_later_turn_is_no_part_of_the_prompt(load: Load) -> None:
    answer = {"role": "assistant", "content": "The Amazon."}
    later = [turn(RIVERS), answer, turn([part("And this?"), {"type": "image"}]), {"role": "tool", "content": "x"}]
    assert prompts(load([{"messages": later}])) == [RIVERS]


def test_an_empty_list_of_pictures_or_tools_is_none(load: Load) -> None:
    row = {"messages": [turn(RIVERS, images=[], tool_calls=None)], "images": [], "tools": None}
    assert prompts(load([row])) == [RIVERS]


def test_parts_in_parquet_have_every_field(load: Load) -> None:
    written = io.BytesIO()
    rows = [[turn([part(RIVERS, image=None)])], [turn([part(None, "image", image="x")])]]
    pd.DataFrame({"conversation_a": rows}).to_parquet(written)
    corpus = load(written.getvalue(), "rows.parquet")
    assert (prompts(corpus), corpus.counts["images"]) == ([RIVERS], 1)


@pytest.mark.parametrize("value", [[RIVERS, "And?"], [RIVERS, None], [turn(RIVERS)], {"messages": [turn(RIVERS)]}])
def test_a_column_of_json_is_undressed(load: Load, value: Any) -> None:
    corpus = load(table([{"id": "1", "prompt": value}, {"id": "2", "prompt": ["What is 1 + 1?"]}]), "rows.csv")
    assert prompts(corpus) == [RIVERS, "What is 1 + 1?"]


def test_lists_as_python_writes_them_are_undressed(load: Load) -> None:
    corpus = load(table([{"id": "1", "prompt": repr([RIVERS, None])}, {"id": "2", "prompt": "['It\\'s 5?']"}]), "r.csv")
    assert prompts(corpus) == [RIVERS, "It's 5?"]


JSON_TEXTS = ['["a"]', '{"role": "user", "content": "Hello"}', "[1, 2, 3]", '{"a": 1}', "[citation needed] Why?"]


@pytest.mark.parametrize("asked", JSON_TEXTS)
def test_who_asks_about_json_among_texts_is_asked_about_json(load: Load, asked: str) -> None:
    assert prompts(load([{"prompt": asked}, {"prompt": RIVERS}])) == [asked, RIVERS]
    assert prompts(load([{"prompt": RIVERS}, {"prompt": ""}, {"prompt": asked}])) == [RIVERS, asked]


def test_a_text_that_is_no_json_in_a_column_of_json_is_an_odd_row(load: Load) -> None:
    rows = [{"prompt": json.dumps([f"Question {number}?"])} for number in range(40)]
    corpus = load([*rows, {"prompt": "No list."}])
    assert (len(corpus.table), corpus.counts["unreadable"]) == (40, 1)
    assert corpus.odd == ("rows.jsonl, line 41: its text is no conversation written as JSON: 'No list.'",)


def test_a_column_of_both_is_refused_unless_it_is_said_what_it_is(load: Load) -> None:
    rows = [{"prompt": json.dumps([f"Question {number}?"])} for number in range(3)] + [{"prompt": "No list."}]
    with pytest.raises(CorpusError, match=r"of 4 texts of its column prompt 3 are .*corpus\.columns\.texts"):
        load(rows)
    assert prompts(load(rows, columns={"texts": "plain"}))[0] == '["Question 0?"]'
    assert load(rows, columns={"texts": "json"}).counts["unreadable"] == 1


def test_a_column_that_turns_to_json_after_a_thousand_texts_is_refused(load: Load) -> None:
    rows = [{"prompt": f"Text {n}"} for n in range(1000)] + [
        {"prompt": json.dumps([f"List {n}"])} for n in range(11000)
    ]
    with pytest.raises(
        CorpusError, match="the first 1000 texts of its column prompt are plain, and 11000 of all 12000"
    ):
        load(rows)


def test_a_single_text_that_is_a_list_can_be_stated_plain(load: Load) -> None:
    assert prompts(load([{"prompt": '["a"]'}])) == ["a"]
    assert prompts(load([{"prompt": '["a"]'}], columns={"texts": "plain"})) == ['["a"]']


def test_code_in_a_text_is_never_run() -> None:
    with pytest.raises(NoPromptError):
        undress("[__import__('os').getcwd()]")
