"""Files as people have them: every form, encoding and packing, shards; and what is no such file is told in words."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import tarfile
import zipfile
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal

import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from arena_assets.errors import ExchangeError
from arena_assets.exchange.importing import Imported, read_import
from tests.exchange.conftest import draw_row, sampler_row, write_lines

ROWS = [sampler_row(n, prompt=f"Où est le café {n} – à gauche?", response=f"Là {n}") for n in range(6)]
LINES = "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in ROWS)


def logged(imported: Imported) -> list[dict[str, Any]]:
    """What the tables say of each logged prompt, in order."""
    frame = imported.tables["logprobs"].merge(imported.tables["judge_scores"], on="prompt_id")
    return frame[["prompt_id", "prompt", "response", "total_logprob", "target_logps", "judge_score"]].to_dict("records")


@pytest.fixture
def plain(tmp_path: Path) -> list[dict[str, Any]]:
    """The same rows as JSON Lines."""
    folder = tmp_path / "plain"
    folder.mkdir()
    (folder / "log.jsonl").write_text(LINES)
    return logged(read_import(folder / "log.jsonl"))


def table(separator: str) -> str:
    """As pandas writes rows whose objects were flattened."""
    flat = pd.json_normalize(ROWS)
    return flat.to_csv(index=False, sep=separator)


def cells() -> str:
    """As pandas writes rows with objects: Python's own form of a dict."""
    return pd.DataFrame(ROWS).to_csv()


FORMS: dict[str, Callable[[], bytes]] = {
    "log.jsonl": lambda: LINES.encode("utf-8-sig"),
    "log.ndjson": lambda: LINES.replace("\n", "\r\n").encode(),
    "utf16.jsonl": lambda: LINES.encode("utf-16"),
    "big.jsonl": lambda: LINES.encode("utf-16-be"),
    "western.jsonl": lambda: LINES.encode("cp1252"),
    "list.json": lambda: json.dumps(ROWS).encode(),
    "list.jsonl": lambda: json.dumps(ROWS, indent=1).encode(),
    "frame.json": lambda: json.dumps({"version": 1, "rows": ROWS}).encode(),
    "rows.csv": lambda: table(",").encode(),
    "bom.csv": lambda: table(";").encode("utf-8-sig"),
    "western.csv": lambda: table(";").encode("cp1252"),
    "rows.tsv": lambda: table("\t").encode("utf-16"),
    "cells.csv": lambda: cells().encode(),
    "rows.parquet": lambda: pd.DataFrame(ROWS).to_parquet(),
    "flat.parquet": lambda: pd.json_normalize(ROWS).to_parquet(),
    "log.jsonl.gz": lambda: gzip.compress(LINES.encode()),
    "no_suffix": lambda: gzip.compress(LINES.encode()),
    "rows.csv.bz2": lambda: bz2.compress(table(",").encode()),
    "log.jsonl.xz": lambda: lzma.compress(LINES.encode()),
    "log.jsonl.zst": lambda: pa.Codec("zstd").compress(LINES.encode(), asbytes=True),
}


@pytest.mark.parametrize("name", FORMS)
def test_every_form_gives_the_same_rows(tmp_path: Path, plain: list[dict[str, Any]], name: str) -> None:
    path = tmp_path / name
    path.write_bytes(FORMS[name]())
    imported = read_import(path)
    assert logged(imported) == plain
    assert imported.targets == ("pi_clone", "pi_new")


def test_what_is_missing_in_a_table_is_null_and_not_nought(tmp_path: Path) -> None:
    rows = [*ROWS[:4], sampler_row(9, judge_score=None, oracle_label=None, target_logps={"pi_clone": -1.0})]
    for name in ("rows.csv", "rows.parquet"):
        flat = pd.json_normalize(rows)
        (tmp_path / name).write_bytes(flat.to_csv(index=False).encode() if name == "rows.csv" else flat.to_parquet())
        imported = read_import(tmp_path / name)
        assert pd.isna(logged(imported)[4]["judge_score"])
        assert logged(imported)[4]["target_logps"]["pi_new"] is None
        assert len(imported.tables["oracle_labels"]) == 4


def test_nan_in_a_typed_column_is_missing(tmp_path: Path) -> None:
    """Tools that write Parquet without pandas have no null in a column of numbers."""
    columns = pa.Table.from_pylist(ROWS)
    scores = pa.array([float("nan"), *(row["judge_score"] for row in ROWS[1:])], from_pandas=False)
    pq.write_table(
        columns.set_column(columns.schema.get_field_index("judge_score"), "judge_score", scores), tmp_path / "n.parquet"
    )
    assert pd.isna(logged(read_import(tmp_path / "n.parquet"))[0]["judge_score"])


@pytest.mark.parametrize("pattern", ["shards", "shards/*.gz", "shards/part-000[01].jsonl.gz", "files"])
def test_shards_are_one_log_with_their_draws(tmp_path: Path, plain: list[dict[str, Any]], pattern: str) -> None:
    folder = tmp_path / "shards"
    for number in range(2):
        write_lines(folder / f"part-000{number}.jsonl", ROWS[3 * number : 3 * number + 3])
        packed = folder / f"part-000{number}.jsonl.gz"
        packed.write_bytes(gzip.compress((folder / f"part-000{number}.jsonl").read_bytes()))
        (folder / f"part-000{number}.jsonl").unlink()
        draws = folder / "fresh_draws" / f"pi_new_responses-0000{number}-of-00002.csv"
        draws.parent.mkdir(exist_ok=True)
        draws.write_text(pd.DataFrame([draw_row(n) for n in range(3 * number, 3 * number + 3)]).to_csv(index=False))
    (folder / "README.md").write_text("What this is.")
    paths = sorted(folder.glob("*.gz")) if pattern == "files" else [tmp_path / pattern]
    imported = read_import(*paths)
    scores = imported.tables["judge_scores"]
    assert imported.tables["logprobs"]["prompt_id"].tolist() == [row["prompt_id"] for row in plain]
    assert scores[scores["policy"] == "pi_new"]["judge_score"].tolist() == [
        draw_row(n)["judge_score"] for n in range(6)
    ]


def test_shards_may_be_named_in_full_and_from_where_one_stands(
    tmp_path: Path, plain: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    lines = LINES.splitlines(keepends=True)
    for name, half in (("one.jsonl", lines[:3]), ("two.jsonl", lines[3:])):
        (tmp_path / name).write_text("".join(half))
    assert logged(read_import(tmp_path / "one.jsonl", Path("two.jsonl"))) == plain


def test_shards_of_one_name_in_several_folders_are_told_apart(tmp_path: Path) -> None:
    write_lines(tmp_path / "set" / "part-0" / "rows.jsonl", ROWS[:3])
    write_lines(tmp_path / "set" / "part-1" / "rows.jsonl", [*ROWS[3:], "{"])
    with pytest.raises(ExchangeError, match=r"part-1/rows\.jsonl, line 4: it is no JSON"):
        read_import(tmp_path / "set")
    assert len(read_import(tmp_path / "set", skip_defective=True).tables["logprobs"]) == 6


def archive(kind: str) -> bytes:
    written = io.BytesIO()
    if kind == "zip":
        with zipfile.ZipFile(written, "w") as file:
            file.writestr("log.jsonl", LINES)
    else:
        mode: Literal["w:gz", "w:"] = "w:gz" if kind == "gz" else "w:"
        with tarfile.open(fileobj=written, mode=mode) as file:
            entry = tarfile.TarInfo("log.jsonl")
            entry.size = len(LINES.encode())
            file.addfile(entry, io.BytesIO(LINES.encode()))
    return written.getvalue()


UNREADABLE: dict[str, tuple[bytes, str]] = {
    "cut.jsonl.gz": (gzip.compress(LINES.encode())[:-20], r"cut\.jsonl\.gz cannot be loaded: .*is it whole"),
    "cut.parquet": (pd.DataFrame(ROWS).to_parquet()[:-9], r"cut\.parquet cannot be loaded: .*Parquet"),
    "cut.json": (json.dumps(ROWS)[:-5].encode(), r"cut\.json cannot be loaded: it is no JSON.*is it whole"),
    "empty.jsonl": (b"", r"empty\.jsonl holds no row"),
    "empty.csv": (b"", r"empty\.csv holds no row"),
    "header.csv": (b"prompt_id,prompt\n", r"header\.csv holds no row"),
    "blank.jsonl": (b"\n\n  \n", r"blank\.jsonl holds no row"),
    "empty.json": (b"[]", r"empty\.json holds no row"),
    "empty.jsonl.gz": (gzip.compress(b""), r"empty\.jsonl\.gz holds no row"),
    "nul.jsonl": (b"\0" * 4096, r"nul\.jsonl, line 1: it is no JSON: it holds NUL bytes"),
    "table.jsonl": (b"prompt_id,prompt\n1,Q\n", r"table\.jsonl, line 1: it is no JSON: .* character 1"),
    "rows.xlsx": (archive("zip"), r"rows\.xlsx cannot be loaded: it is a zip archive or a spreadsheet"),
    "rows.tar": (archive(""), r"rows\.tar cannot be loaded: it is a tar archive"),
    "rows.tar.gz": (archive("gz"), r"rows\.tar\.gz cannot be loaded: it is a tar archive"),
    "rows.csv": (b"prompt,prompt\n1,2\n", r"rows\.csv has the columns prompt more than once"),
}


@pytest.mark.parametrize("name", UNREADABLE)
@pytest.mark.parametrize("skip", [False, True])
def test_a_file_that_holds_no_rows_says_why_and_nothing_is_skipped(tmp_path: Path, name: str, skip: bool) -> None:
    data, said = UNREADABLE[name]
    (tmp_path / name).write_bytes(data)
    with pytest.raises(ExchangeError, match=said):
        read_import(tmp_path / name, skip_defective=skip)


@pytest.mark.parametrize("data", [b"", gzip.compress(LINES.encode())[:-20], b"\n"])
def test_draws_that_hold_no_rows_are_refused_too(tmp_path: Path, data: bytes) -> None:
    write_lines(tmp_path / "log.jsonl", ROWS)
    (tmp_path / "pi_new_responses.jsonl").write_bytes(data)
    with pytest.raises(ExchangeError, match=r"pi_new_responses\.jsonl (holds no row|cannot be loaded)"):
        read_import(tmp_path, skip_defective=True)


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (table(",").replace("Là 3", "L\0 3"), "line 5: it holds NUL bytes"),
        (table(",") + "q9,only two\n", "line 8: it has 2 fields, and the file 8 columns"),
        (table(",").replace(",-2.0,", ",minus two,", 1), "line 2: total_logprob is a text, not a number: 'minus two'"),
        (table(",") + '"q9,never ends\nand more\n', "lines 8-9: its quotation marks do not fit"),
        ("prompt_id,prompt,response\n1,Q,A\n", "target_logps is missing: .*one column target_logps.POLICY for each"),
    ],
)
def test_a_defect_of_a_table_is_told_by_line(tmp_path: Path, text: str, said: str) -> None:
    (tmp_path / "rows.csv").write_text(text)
    with pytest.raises(ExchangeError, match=said):
        read_import(tmp_path / "rows.csv")


def test_rows_of_a_list_on_one_line_are_told_by_row(tmp_path: Path) -> None:
    rows = [*ROWS[:2], ROWS[2] | {"judge_score": 7}, 5]
    (tmp_path / "list.json").write_text(json.dumps(rows))
    with pytest.raises(ExchangeError, match="2 lines are defective") as caught:
        read_import(tmp_path / "list.json")
    assert "list.json, row 3: judge_score is 7, outside 0 to 1" in str(caught.value)
    assert "list.json, row 4: it is a number, not an object" in str(caught.value)
