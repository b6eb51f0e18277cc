"""Files as people have them: every encoding and packing, shards, and a row that cannot be read here and there."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arena_assets.config import FileCorpus
from arena_assets.corpus import load_corpus
from arena_assets.corpus.columns import choose_columns
from arena_assets.errors import CorpusError
from tests.corpus.conftest import Load, lines, prompts, turn

TEXTS = ["Who wrote Faust, “a tragedy”?", "Où est la gare – à gauche?", "Was kostet das in €?"]
ROWS = [{"prompt": text} for text in TEXTS]
CSV = "id,prompt\r\n" + "".join(f'{n},"{text}"\r\n' for n, text in enumerate(TEXTS))
PLAIN = [{"prompt": f"Question {number}?"} for number in range(300)]


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "cp1252"])
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv"])
def test_the_encoding_is_found_out(load: Load, encoding: str, name: str) -> None:
    text = lines(ROWS) if name == "rows.jsonl" else CSV
    assert prompts(load(text.encode(encoding), name)) == TEXTS


def test_an_encoding_can_be_stated(load: Load) -> None:
    asked = "Сколько это стоит?"
    assert prompts(load(lines([{"prompt": asked}]).encode("cp1251"), encoding="windows-1251")) == [asked]
    with pytest.raises(ValueError, match="'klingon' is no encoding"):
        FileCorpus(source="file", path="x", encoding="klingon")


def test_one_byte_that_is_no_utf_8_spoils_its_own_row_alone(load: Load) -> None:
    good = lines(ROWS).encode()
    corpus = load(good + b'{"prompt": "caf\xe9"}\n')
    assert (prompts(corpus), corpus.counts["unreadable"]) == (TEXTS, 1)
    assert corpus.odd[0].startswith("rows.jsonl, line 4: its prompt holds what is no text at character 4")
    assert "unreadable" not in load(good + b'{"prompt": "Why?", "note": "caf\xe9"}\n').counts


@pytest.mark.parametrize(
    ("suffix", "pack"),
    [
        (".gz", gzip.compress),
        (".bz2", bz2.compress),
        (".xz", lzma.compress),
        (".zst", lambda data: pa.Codec("zstd").compress(data, asbytes=True)),
        ("", gzip.compress),
    ],
)
@pytest.mark.parametrize("name", ["rows.jsonl", "rows.csv", "rows.json"])
def test_packed_files_are_unpacked(load: Load, suffix: str, pack: Any, name: str) -> None:
    text = {"rows.jsonl": lines(ROWS), "rows.csv": CSV, "rows.json": json.dumps(ROWS)}[name]
    assert prompts(load(pack(text.encode()), name + suffix)) == TEXTS


@pytest.mark.parametrize("pack", [gzip.compress, lzma.compress, bz2.compress])
def test_half_a_packed_file_is_refused(load: Load, pack: Any) -> None:
    packed = pack(lines(PLAIN).encode())
    with pytest.raises(CorpusError, match=r"rows\.jsonl cannot be loaded: .*is it whole"):
        load(packed[: len(packed) // 2])


def test_tabs_semicolons_and_quotations_separate(load: Load) -> None:
    tsv = "id\tprompt\n1\tOne, two; three?\n2\tFour?\n"
    assert prompts(load(tsv.encode(), "rows.tsv")) == ["One, two; three?", "Four?"]
    assert prompts(load(tsv.encode("utf-16"), "rows.tsv.gz")) == ["One, two; three?", "Four?"]
    assert prompts(load(b'id;prompt\n1;"One, two, three?"\n', "rows.csv")) == ["One, two, three?"]
    assert prompts(load(b'prompt\n"Two\nlines, ""quoted""?"\n', "rows.csv")) == ['Two\nlines, "quoted"?']


def test_a_prompt_longer_than_csv_fields_are_by_default(load: Load) -> None:
    assert len(prompts(load(b"prompt\n" + b"word " * 50_000 + b"\n", "rows.csv"))[0]) == 250_000


def test_a_csv_row_is_told_by_the_line_on_which_it_begins(load: Load) -> None:
    rows = "".join(f"{n},Question {n}?\n" for n in range(200))
    corpus = load(f'id,prompt\n1,"Two\nlines?"\n{rows}7\n'.encode(), "rows.csv")
    assert corpus.odd == ("rows.csv, line 204: it has 1 fields, and the file 2 columns",)


def test_a_quotation_without_an_end_counts_every_line_that_it_takes(load: Load) -> None:
    rows = "".join(f"{n},Question {n}?\n" for n in range(200))
    with pytest.raises(CorpusError, match="101 of 201 rows cannot be read"):
        load(f'id,prompt\n{rows[: rows.index("100,")]}5,"begins\n{rows[rows.index("100,") :]}'.encode(), "rows.csv")


def test_a_column_that_stands_twice_is_refused(load: Load) -> None:
    with pytest.raises(CorpusError, match="has the columns prompt more than once"):
        load(b"prompt,prompt\nOne?,Two?\n", "rows.csv")


@pytest.mark.parametrize(
    "text",
    [
        json.dumps(ROWS),
        json.dumps(ROWS, indent=2),
        json.dumps({"version": 1, "data": ROWS}),
        json.dumps({"data": ROWS}, indent=1),
        "\n".join(json.dumps(row, indent=1) for row in ROWS),
        "\n" + lines(ROWS),
    ],
)
def test_json_documents_are_read(load: Load, text: str) -> None:
    assert prompts(load(text.encode(), "rows.json")) == TEXTS
    if text.startswith("["):
        assert prompts(load(text.encode(), "rows.jsonl")) == TEXTS


def test_one_object_with_a_conversation_is_a_row_not_a_table(load: Load) -> None:
    assert prompts(load(json.dumps({"messages": [turn("Why?")]}, indent=1).encode(), "rows.json")) == ["Why?"]


@pytest.mark.parametrize(
    "text", ['[{"prompt": "a"}, {"prompt": "b"', '[{"prompt": "a"} {"prompt": "b"}]', "[{}", "[] x"]
)
def test_a_json_document_that_breaks_off_is_refused(load: Load, text: str) -> None:
    with pytest.raises(CorpusError, match="cannot be loaded: it is no JSON"):
        load(text.encode(), "rows.json")


ODD = [
    ('{"prompt": "half', "no JSON"),
    ("[1, 2]", "it is a list, not an object"),
    ('"a text"', "it is a text, not an object"),
    ('{"question": "x"}', "it has no prompt; it has question"),
    ('{"prompt": 5}', "it is a number"),
    ('{"prompt": "half \\ud83d"}', "no text at character 6"),
    ('{"prompt": []}', "the conversation is empty"),
    ("[" * 100_000, "nested too deeply"),
]


@pytest.mark.parametrize(("odd", "said"), ODD, ids=[said for _, said in ODD])
@pytest.mark.parametrize("good", [3, 300])
def test_an_odd_row_is_counted_and_left_out_with_its_line(load: Load, odd: str, said: str, good: int) -> None:
    corpus = load([*PLAIN[: good - 1], odd, PLAIN[good - 1]])
    assert (len(corpus.table), corpus.counts["unreadable"], corpus.counts["rows"]) == (good, 1, good + 1)
    assert corpus.odd[0].startswith(f"rows.jsonl, line {good}: ")
    assert said in corpus.odd[0]
    assert corpus.metadata["rows that cannot be read"] == list(corpus.odd)


def test_up_to_one_percent_is_left_out_and_more_is_refused(load: Load) -> None:
    odd = "no JSON at all"
    assert load([*PLAIN[:297], odd, odd, odd]).counts["unreadable"] == 3
    with pytest.raises(CorpusError, match=r"4 of 300 rows cannot be read, and up to 1% .*rows\.jsonl, line 297"):
        load([*PLAIN[:296], odd, odd, odd, odd])


def test_a_text_late_in_a_column_that_nobody_reads_changes_nothing(load: Load) -> None:
    rows = [{**row, "votes": 1 if n < 299 else "many"} for n, row in enumerate(PLAIN)]
    assert load(rows).counts["kept"] == 300


def test_rows_keep_their_number_in_the_source(load: Load) -> None:
    corpus = load([PLAIN[0], "odd", PLAIN[1]])
    assert corpus.table["source_row"].tolist() == [0, 2]


def test_a_parquet_text_that_is_no_utf_8_spoils_its_own_row_alone(load: Load) -> None:
    data = [row["prompt"].encode() for row in PLAIN]
    data[5] = b"caf\xe9"
    column = pa.Array.from_buffers(pa.string(), 300, pa.array(data, pa.binary()).buffers())
    written = io.BytesIO()
    pq.write_table(pa.table({"prompt": column}), written)
    corpus = load(written.getvalue(), "rows.parquet")
    assert (corpus.counts["kept"], corpus.counts["unreadable"]) == (299, 1)
    assert corpus.odd[0].startswith("rows.parquet, row 6: a text of it is no UTF-8")


def test_a_broken_parquet_file_says_what_its_reader_said(load: Load) -> None:
    with pytest.raises(CorpusError, match=r"rows\.parquet cannot be loaded: .*Parquet") as told:
        load(b"PAR1 and nothing else", "rows.parquet")
    assert "network" not in str(told.value)


def shards(folder: Path) -> None:
    for number, text in enumerate(TEXTS):
        target = folder / "shards" / f"part-{number}"
        target.mkdir(parents=True)
        if number == 1:
            pd.DataFrame([{"prompt": text}]).to_parquet(target / "rows.parquet")
        else:
            (target / "rows.jsonl.gz").write_bytes(gzip.compress(lines([{"prompt": text}]).encode()))
    (folder / "shards" / "README.md").write_text("What this is.")
    (folder / "shards" / "dataset_info.json").write_text("{}")
    (folder / "shards" / ".rows.jsonl").write_text("half a download")


@pytest.mark.parametrize(
    "path", ["shards", "shards/**/rows.*", "shards/part-?/*", "{root}/shards", "{root}/shards/*/*"]
)
def test_a_folder_and_a_pattern_of_shards_are_one_corpus(load: Load, tmp_path: Path, path: str) -> None:
    shards(tmp_path)
    corpus = load([], "unused.jsonl", path=path.format(root=tmp_path))
    assert prompts(corpus) == TEXTS
    assert corpus.table["source_row"].tolist() == [0, 1, 2]


def test_a_name_with_brackets_is_a_name(load: Load) -> None:
    assert prompts(load(ROWS, "rows [final].jsonl")) == TEXTS


def test_an_odd_row_of_a_shard_is_told_by_its_shard(load: Load, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "a.jsonl").write_text(lines(PLAIN[:200]))
    (tmp_path / "set" / "b.jsonl").write_text(lines([*PLAIN[200:], "odd"]))
    assert load([], "unused.jsonl", path="set").odd[0].startswith("b.jsonl, line 101: it is no JSON")


def test_an_empty_shard_and_an_empty_folder_are_refused(load: Load, tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    for path in ("set", "set/*.jsonl"):
        with pytest.raises(CorpusError, match=r"does not exist; correct corpus\.path"):
            load([], "unused.jsonl", path=path)
    (tmp_path / "set" / "a.jsonl").write_text(lines(ROWS))
    (tmp_path / "set" / "b.jsonl.gz").write_bytes(gzip.compress(b""))
    with pytest.raises(CorpusError, match=r"b\.jsonl\.gz cannot be loaded: it is empty"):
        load([], "unused.jsonl", path="set")


def test_a_corpus_that_changes_while_it_is_read_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text(lines(ROWS))

    def choose_and_edit(*given: Any) -> Any:
        path.write_text(lines([*ROWS, {"prompt": "New?"}]))
        return choose_columns(*given)

    monkeypatch.setattr("arena_assets.corpus.load.choose_columns", choose_and_edit)
    with pytest.raises(CorpusError, match="was changed while it was read"):
        load_corpus(FileCorpus(source="file", path=str(path), language="any"))


def test_a_column_names_the_prompts_clusters(load: Load) -> None:
    users = ["ann", 7, None, "", {"name": "bob"}]
    rows = [{"prompt": f"Question {number}?", "user": user} for number, user in enumerate(users)]
    corpus = load([*rows, {"prompt": "Question 0?", "user": "eve"}], columns={"cluster": "user"})
    assert corpus.table["cluster"].fillna("alone").tolist() == ["ann", "7", "alone", "alone"]
    assert (corpus.counts["unreadable"], corpus.counts["duplicates"]) == (1, 1)
    assert "its user is an object, not a text or a whole number" in corpus.odd[0]
    cells = load(b"prompt,user\nWhy?,12\nHow?,12\n", "rows.csv", columns={"cluster": "user"})
    assert cells.table["cluster"].tolist() == ["12", "12"]
    assert load(rows).table["cluster"].isna().all()
    with pytest.raises(CorpusError, match="lacks the columns users"):
        load(rows, columns={"cluster": "users"})
