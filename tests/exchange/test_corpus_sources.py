"""Prompts from anywhere: a column of prompts, a column mapping, a corpus that states no language."""

from __future__ import annotations

import csv
import json
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from arena_assets.config import FileCorpus, HubCorpus
from arena_assets.config.sources import Columns
from arena_assets.corpus import Corpus, load_corpus
from arena_assets.corpus.language import UNKNOWN, detect_language
from arena_assets.errors import CorpusError
from tests.exchange.conftest import ROOT, write_lines

QUESTIONS = ["What is the capital of France?", "How do I bake a loaf of bread at home?", "Who wrote this old book?"]
FOREIGN = ["Was ist die Hauptstadt von Frankreich, und warum?", "¿Cómo se prepara una tortilla de patatas en casa?"]


@pytest.fixture(autouse=True)
def offline(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    monkeypatch.setenv("HF_DATASETS_CACHE", str(tmp_path / "cache"))


def load(path: Path, **options: Any) -> Corpus:
    return load_corpus(FileCorpus(source="file", path=str(path), **options))


@pytest.mark.parametrize("suffix", ["jsonl", "csv", "parquet"])
def test_a_column_of_prompts_is_enough(tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"mine.{suffix}"
    rows = [{"prompt": text, "id": n} for n, text in enumerate([*QUESTIONS, *FOREIGN, "", QUESTIONS[0] + " "])]
    if suffix == "jsonl":
        write_lines(path, rows)
    elif suffix == "csv":
        with path.open("w", newline="") as file:
            writer = csv.DictWriter(file, ["prompt", "id"])
            writer.writeheader()
            writer.writerows(rows)
    else:
        pd.DataFrame(rows).to_parquet(path)
    corpus = load(path)
    assert corpus.table["prompt"].tolist() == QUESTIONS
    assert corpus.counts == {"rows": 7, "other_language": 2, "empty": 1, "duplicates": 1, "kept": 3}
    assert set(corpus.table["language"]) == {"English"}


def test_any_language_keeps_all_and_says_which(tmp_path: Path) -> None:
    path = write_lines(tmp_path / "mine.jsonl", [{"prompt": text} for text in [*QUESTIONS, *FOREIGN, "?!"]])
    table = load(path, language="any").table
    assert table["language"].tolist() == ["English"] * 3 + ["German", "Spanish", UNKNOWN]


def test_a_mapping_names_the_columns(tmp_path: Path) -> None:
    rows = [{"frage": text, "sprache": "en" if n < 2 else "de"} for n, text in enumerate(QUESTIONS)]
    path = write_lines(tmp_path / "mine.jsonl", rows)
    corpus = load(path, language="en", columns=Columns(prompt="frage", language="sprache"))
    assert corpus.table["prompt"].tolist() == QUESTIONS[:2]
    with pytest.raises(CorpusError, match="lacks the columns question; it has frage, sprache"):
        load(path, columns=Columns(prompt="question"))


def test_a_mapped_conversation_gives_its_first_user_turn(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "x"}, {"role": "user", "content": QUESTIONS[0]}]
    path = write_lines(tmp_path / "mine.jsonl", [{"messages": turns}])
    assert load(path, columns=Columns(prompt="messages")).table["prompt"].tolist() == [QUESTIONS[0]]


def test_a_row_without_its_language_is_detected(tmp_path: Path) -> None:
    rows: list[dict[str, Any]] = [
        {"prompt": QUESTIONS[0], "language": "English"},
        {"prompt": QUESTIONS[1], "language": None},
        {"prompt": FOREIGN[0], "language": None},
    ]
    corpus = load(write_lines(tmp_path / "mine.jsonl", rows))
    assert corpus.table["prompt"].tolist() == QUESTIONS[:2]


def test_a_data_set_of_a_folder_is_read_as_the_hub_is(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    write_lines(tmp_path / "set" / "train.jsonl", [{"question": text} for text in QUESTIONS])
    config = HubCorpus(source="hub", dataset=str(tmp_path / "set"), columns=Columns(prompt="question"))
    assert load_corpus(config).table["prompt"].tolist() == QUESTIONS


def test_short_and_odd_texts_are_taken_for_the_language_that_is_meant() -> None:
    for text in (
        "hello",
        "Hey",
        "A = 5, B =10, A+B=?",
        "Ｗｈｏ　ｗａｓ　Ｎｅｌｓｏｎ　Ｍａｎｄｅｌａ？",
        "Who was Albert Einstein?",
    ):
        assert detect_language(text, "English") == "English"
    assert detect_language("Salut ! Tu es un très méchant chatbot, n'est-ce pas ?", "English") == "French"
    assert detect_language("东京是日本的首都吗？请用中文回答。", "English") == "Chinese"


def test_most_real_english_prompts_are_kept() -> None:
    path = ROOT.parent / "shared" / "data" / "arena_prompts_5k.jsonl"
    if not path.is_file():
        pytest.skip("../shared/data/arena_prompts_5k.jsonl is not on this machine")
    prompts = [json.loads(line)["prompt"] for line in path.read_text().splitlines()]
    found = [detect_language(prompt, "English") for prompt in prompts]
    assert found.count("English") / len(found) > 0.98


def test_the_shipped_prompts_of_other_languages_are_recognised() -> None:
    rows = [json.loads(line) for line in (ROOT / "arena_assets/corpus/demo_prompts.jsonl").read_text().splitlines()]
    other = [row for row in rows if row["language"] not in ("English", "unknown")]
    detected = [detect_language(row["conversation_a"][0]["content"], "English") for row in other]
    assert len(other) == 15
    assert sum(name != "English" for name in detected) >= 14
