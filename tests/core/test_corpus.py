"""The corpus: the shipped prompts through the real loader, and what broken corpora are told."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from arena_assets.config import Experiment, FileCorpus, ShippedCorpus
from arena_assets.corpus import Corpus, load_corpus, sample_batch
from arena_assets.corpus.load import SHIPPED
from arena_assets.errors import CorpusError
from arena_assets.ids import prompt_id
from arena_assets.tables import ARENA_CORPUS, PROMPTS
from tests.conftest import ROOT, ConfigFolder
from tests.made_up import frames


def row(prompt: str | None, language: str = "English", **more: Any) -> dict[str, Any]:
    turns = [{"content": prompt, "role": "user"}, {"content": "An answer.", "role": "assistant"}]
    return {"conversation_a": turns, "language": language} | more


def from_file(folder: Path, rows: list[Mapping[str, Any]] | str, language: str = "English") -> Corpus:
    text = rows if isinstance(rows, str) else "".join(json.dumps(entry) + "\n" for entry in rows)
    (folder / "rows.jsonl").write_text(text, encoding="utf-8")
    return load_corpus(FileCorpus(source="file", path=str(folder / "rows.jsonl"), language=language))


@pytest.fixture(scope="module")
def shipped() -> Corpus:
    return load_corpus(ShippedCorpus(source="shipped"))


def test_the_shipped_prompts_are_counted_as_their_readme_says(shipped: Corpus) -> None:
    assert shipped.counts == {"rows": 317, "other_language": 16, "empty": 4, "duplicates": 9, "kept": 288}
    assert len(shipped.table) == 288
    ARENA_CORPUS.validate(shipped.table)


def test_the_shipped_rows_are_in_the_arena_schema() -> None:
    rows = [json.loads(line) for line in SHIPPED.read_text(encoding="utf-8").splitlines()]
    assert len(rows) == 317
    needed = {"question_id", "model_a", "model_b", "winner", "conversation_a", "conversation_b", "turn", "language"}
    assert all(needed | {"reference_points"} <= set(entry) for entry in rows)
    assert len({json.dumps(sorted(entry)) for entry in rows}) == 1


def test_every_shipped_prompt_has_two_to_four_points_with_spellings(shipped: Corpus) -> None:
    for points in shipped.table["reference_points"]:
        assert 2 <= len(points) <= 4
        assert all(spelling.strip() for point in points for spelling in point)
        assert all(point for point in points)


def test_every_kept_prompt_has_the_id_of_its_text(shipped: Corpus) -> None:
    assert shipped.table["prompt_id"].tolist() == [prompt_id(text) for text in shipped.table["prompt"]]
    assert shipped.table["prompt_id"].is_unique


def test_special_token_text_is_kept_as_text(shipped: Corpus) -> None:
    special = shipped.table["prompt"].str.contains("<|im_", regex=False)
    assert special.sum() == 3


def test_another_language_can_be_asked_for() -> None:
    counts = load_corpus(ShippedCorpus(source="shipped", language="German")).counts
    assert 1 <= counts["kept"] <= 16


def test_the_first_of_equal_prompts_is_kept(tmp_path: Path) -> None:
    corpus = from_file(tmp_path, [row("Café?"), row(" Cafe\u0301?\n"), row("", "English"), row("Hallo", "German")])
    assert corpus.counts == {"rows": 4, "other_language": 1, "empty": 1, "duplicates": 1, "kept": 1}
    assert corpus.table.loc[0, ["prompt", "source_row"]].tolist() == ["Café?", 0]


def test_only_the_first_user_turn_counts(tmp_path: Path) -> None:
    turns = [{"role": "system", "content": "x"}, {"role": "user", "content": "First"}, {"role": "user", "content": "2"}]
    corpus = from_file(tmp_path, [{"conversation_a": turns, "language": "English"}])
    assert corpus.table["prompt"].tolist() == ["First"]


def test_no_prompt_of_the_language_is_an_error_with_counts(tmp_path: Path) -> None:
    with pytest.raises(CorpusError, match="no English prompt: of 3 rows 2 are of another language and 1 are empty"):
        from_file(tmp_path, [row("Hallo", "German"), row("Salut", "French"), row("  ")])


@pytest.mark.parametrize(
    ("rows", "problem"),
    [
        ([{"conversation_a": [], "language": "English"}], "rows.jsonl, line 1: it has no user turn"),
        ([{"conversation_a": "Hello", "language": "English"}], "line 1: its text is no conversation written as JSON"),
        ([{"conversation_a": [{"text": 5}], "language": "English"}], "line 1: it has no user turn"),
        ([{"text": "Hello", "language": "English"}], "lacks the columns conversation_a; it has text, language"),
        ([row("Hello", reference_points=["points", "as words"])], "line 1: .*reference_points"),
        ([row("Hello", reference_points=[[1, 2]])], "line 1: .*reference_points"),
        ("", "cannot be loaded"),
        ('{"conversation_a": [', "cannot be loaded"),
        ("no JSON at all\n", "cannot be loaded"),
    ],
)
def test_a_corpus_of_another_shape_is_an_error(tmp_path: Path, rows: Any, problem: str) -> None:
    with pytest.raises(CorpusError, match=problem):
        from_file(tmp_path, rows)


def test_a_missing_file_is_named(config_folder: ConfigFolder) -> None:
    del config_folder
    with pytest.raises(CorpusError, match=r"nowhere\.jsonl does not exist; correct corpus\.path"):
        load_corpus(FileCorpus(source="file", path="nowhere.jsonl"))


def test_parquet_is_read_too(tmp_path: Path) -> None:
    pd.DataFrame([row("One"), row("Two")]).to_parquet(tmp_path / "rows.parquet")
    corpus = load_corpus(FileCorpus(source="file", path=str(tmp_path / "rows.parquet")))
    assert corpus.table["prompt"].tolist() == ["One", "Two"]
    assert [list(points) for points in corpus.table["reference_points"]] == [[], []]


UNREACHABLE = """
from arena_assets.config import HubCorpus
from arena_assets.corpus import load_corpus
from arena_assets.errors import CorpusError
try:
    load_corpus(HubCorpus(source="hub", dataset="someone/prompts"))
except CorpusError as error:
    print(error)
"""


def test_a_hub_that_cannot_be_reached_is_an_error_with_advice(tmp_path: Path) -> None:
    # Offline, because the client tries an address that refuses for half a minute.
    environment = os.environ | {"HF_HUB_OFFLINE": "1", "HF_HOME": str(tmp_path)}
    command = [sys.executable, "-c", UNREACHABLE]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, cwd=ROOT, check=False)
    assert "the corpus someone/prompts cannot be loaded" in done.stdout, done.stderr
    assert "HF_TOKEN" in done.stdout


def test_batches_are_a_prefix_of_more_batches(config_folder: ConfigFolder) -> None:
    few, many = config_folder.load(prompts=30, batch_size=10), config_folder.load(prompts=60, batch_size=10)
    corpus = frames.corpus(many)
    for partition in few.partitions:
        pd.testing.assert_frame_equal(sample_batch(corpus, few, partition), sample_batch(corpus, many, partition))


def test_a_short_last_batch_is_the_head_of_the_full_one(config_folder: ConfigFolder) -> None:
    few, many = config_folder.load(prompts=13, batch_size=10), config_folder.load(prompts=20, batch_size=10)
    corpus = frames.corpus(many)
    short, full = sample_batch(corpus, few, "0001"), sample_batch(corpus, many, "0001")
    pd.testing.assert_frame_equal(short, full.head(3))


def test_the_sample_depends_on_the_seed_and_not_on_the_order_of_rows(config_folder: ConfigFolder) -> None:
    first = config_folder.load(seed=1)
    corpus = frames.corpus(first)
    shuffled = corpus.sample(frac=1, random_state=3, ignore_index=True)
    pd.testing.assert_frame_equal(sample_batch(corpus, first, "0000"), sample_batch(shuffled, first, "0000"))
    second = config_folder.load(seed=2)
    assert set(sample_batch(corpus, second, "0000")["prompt_id"]) != set(
        sample_batch(corpus, first, "0000")["prompt_id"]
    )


def test_batches_share_no_prompt(experiment: Experiment) -> None:
    corpus = frames.corpus(experiment)
    sampled = [sample_batch(corpus, experiment, partition) for partition in experiment.partitions]
    assert len({identity for batch in sampled for identity in batch["prompt_id"]}) == experiment.prompts
    for batch in sampled:
        PROMPTS.validate(batch)


def test_fewer_prompts_than_asked_for_is_an_error(experiment: Experiment) -> None:
    corpus = frames.corpus(experiment).head(39)
    with pytest.raises(CorpusError, match="39 distinct English prompts, small asks for 40: lower `prompts`"):
        sample_batch(corpus, experiment, "0000")
