"""Corpora of a few rows, written to a file and read through the real loader."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from arena_assets.config import FileCorpus
from arena_assets.corpus import Corpus, load_corpus

Load = Callable[..., Corpus]


def lines(rows: Sequence[Any]) -> str:
    """JSON Lines; a text stands as it is, so that a line can be no JSON."""
    return "".join((row if isinstance(row, str) else json.dumps(row, ensure_ascii=False)) + "\n" for row in rows)


def turn(content: Any, **more: Any) -> dict[str, Any]:
    return {"role": "user", "content": content} | more


@pytest.fixture
def load(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Load:
    """Write rows (or bytes) to a file of that name and load it, English unless stated."""
    monkeypatch.setenv("ARENA_ROOT", str(tmp_path))

    def loading(rows: Sequence[Any] | bytes, name: str = "rows.jsonl", **options: Any) -> Corpus:
        data = rows if isinstance(rows, bytes) else lines(rows).encode("utf-8", "surrogatepass")
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(data)
        return load_corpus(FileCorpus(source="file", **{"path": name, "language": "any"} | options))

    return loading


def prompts(corpus: Corpus) -> list[str]:
    found: list[str] = corpus.table["prompt"].tolist()
    return found
