"""Labels from people: the three formats, and what is wrong with a file by line."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from arena_assets.errors import JudgeError
from arena_assets.journal import Journal
from arena_assets.judging.label_file import FileScorer, read_labels
from arena_assets.judging.protocol import Item
from arena_assets.progress import silent

LABELS = {("p1", "pi_a"): 0.25, ("p2", "pi_a"): 1.0}


def write(folder: Path, name: str, text: str) -> Path:
    path = folder / name
    path.write_text(text, encoding="utf-8")
    return path


def test_all_formats_hold_the_same_labels(tmp_path: Path) -> None:
    files = [
        write(tmp_path, "a.csv", "\ufeffprompt_id,policy,label,who\np1,pi_a,0.25,ann\np2,pi_a,1,bob\np3,pi_a,,ann\n"),
        write(
            tmp_path,
            "a.jsonl",
            '{"prompt_id": "p1", "policy": "pi_a", "label": 0.25}\n\n'
            '{"prompt_id": "p2", "policy": "pi_a", "label": 1}\n'
            '{"prompt_id": "p3", "policy": "pi_a", "label": null}\n',
        ),
        tmp_path / "a.parquet",
    ]
    frame = pd.DataFrame({"prompt_id": ["p1", "p2"], "policy": ["pi_a", "pi_a"], "label": [0.25, 1.0]})
    frame.to_parquet(files[2])
    assert [read_labels(file) for file in files] == [LABELS] * 3


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "prompt_id,label\np1,1\n", r"a\.csv lacks policy; it has prompt_id, label"),
        ("a.csv", "", r"lacks prompt_id, policy, label; it has no columns"),
        ("a.csv", "prompt_id,policy,label\np1,pi,1\np2,pi,7\n", r"line 3: the label of p2/pi is '7'"),
        ("a.csv", "prompt_id,policy,label\np1,pi,good\n", r"line 2: .* 'good'"),
        ("a.csv", "prompt_id,policy,label\np1,pi,nan\n", r"line 2: .* 'nan'"),
        ("a.csv", "prompt_id,policy,label\np1,pi,1\np1,pi,0\n", r"line 3: p1/pi has a label already, in line 2"),
        ("a.csv", "prompt_id,policy,label\n,pi,1\n", r"line 2: no prompt_id"),
        ("a.jsonl", '{"prompt_id": "p", "policy": "pi"}\n', r"lacks label in line 1"),
        ("a.jsonl", "{\n", r"line 1 is no JSON"),
        ("a.jsonl", '{"prompt_id": "p", "policy": "pi", "label": true}\n', r"line 1: .* True"),
        ("a.xlsx", "x", r"are read from \.csv, \.jsonl, \.parquet"),
        ("a.parquet", "x", r"cannot be read"),
    ],
)
def test_what_is_wrong_is_said(tmp_path: Path, name: str, text: str, says: str) -> None:
    with pytest.raises(JudgeError, match=says):
        read_labels(write(tmp_path, name, text))


def test_a_missing_file_is_named(tmp_path: Path) -> None:
    with pytest.raises(JudgeError, match=r"none\.csv does not exist"):
        FileScorer(tmp_path / "none.csv")


def test_an_item_without_label_is_unscored(tmp_path: Path) -> None:
    scorer = FileScorer(write(tmp_path, "a.csv", "prompt_id,policy,label\np1,pi_a,0.25\n"))
    items = [Item("p1", "pi_b", "?", "!"), Item("p1", "pi_a", "?", "!")]
    with Journal(tmp_path / "journal") as journal:
        missing, found = scorer.score(items, journal=journal, progress=silent)
    assert (missing.status, missing.score) == ("unscored", None)
    assert "a.csv has no label" in (missing.reason or "")
    assert (found.status, found.score) == ("ok", 0.25)
