"""Loading a corpus: first user turns, of one language, without duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from arena_assets.config import CorpusConfig, FileCorpus, HubCorpus, project_root
from arena_assets.errors import CorpusError
from arena_assets.ids import normalise_text, prompt_id
from arena_assets.tables import ARENA_CORPUS

SHIPPED = Path(__file__).with_name("demo_prompts.jsonl")


@dataclass(frozen=True)
class Corpus:
    """The prompts that remain, and how many rows went where."""

    table: pd.DataFrame
    counts: dict[str, int]


def load_corpus(config: CorpusConfig) -> Corpus:
    """Load a corpus and keep its non-empty, distinct first user turns in the configured language.

    Raises:
        CorpusError: the corpus cannot be read, lacks the Chatbot Arena schema, or holds no prompt of the language.
    """
    return select(_rows(config), config.language)


def select(rows: Iterable[Mapping[str, Any]], language: str) -> Corpus:
    """Filter rows of the Chatbot Arena schema; of equal prompts (after normalisation) the first is kept."""
    kept: dict[str, dict[str, Any]] = {}
    counts = dict.fromkeys(("rows", "other_language", "empty", "duplicates", "kept"), 0)
    for number, row in enumerate(rows):
        counts["rows"] += 1
        if row["language"] != language:
            counts["other_language"] += 1
            continue
        prompt = _first_user_turn(row, number)
        if not normalise_text(prompt):
            counts["empty"] += 1
            continue
        identity = prompt_id(prompt)
        if identity in kept:
            counts["duplicates"] += 1
            continue
        points = _reference_points(row, number)
        kept[identity] = {
            "prompt_id": identity,
            "prompt": prompt,
            "language": row["language"],
            "source_row": number,
            "reference_points": points,
        }
    if not kept:
        raise CorpusError(
            f"the corpus has no {language} prompt: of {counts['rows']} rows {counts['other_language']} are of another "
            f"language and {counts['empty']} are empty; check corpus.language and the data set"
        )
    counts["kept"] = len(kept)
    return Corpus(pd.DataFrame(list(kept.values()), columns=list(ARENA_CORPUS.names)), counts)


def _first_user_turn(row: Mapping[str, Any], number: int) -> str:
    turns = row["conversation_a"]
    for turn in turns if isinstance(turns, list) else []:
        if isinstance(turn, Mapping) and turn.get("role") == "user":
            content = turn.get("content") or ""
            # A lone surrogate cannot be written as UTF-8; the replacement character stands where it was.
            return str(content).encode("utf-8", "replace").decode("utf-8")
    raise CorpusError(
        f"row {number} of the corpus has no user turn in conversation_a; is it in the Chatbot Arena schema?"
    )


def _reference_points(row: Mapping[str, Any], number: int) -> list[list[str]]:
    points = row.get("reference_points") or []
    for point in points:
        if not isinstance(point, list) or not all(isinstance(spelling, str) for spelling in point):
            raise CorpusError(
                f"row {number} of the corpus has reference_points that are not lists of spellings (first: {point!r}); "
                'write [["Paris"], ["seven", "7"]]'
            )
    return [list(point) for point in points]


def _rows(config: CorpusConfig) -> Iterable[Mapping[str, Any]]:
    # Imported here: it takes seconds, and only this function needs it.
    import datasets
    from datasets.exceptions import DatasetsError

    datasets.disable_progress_bars()
    try:
        if isinstance(config, HubCorpus):
            table = datasets.load_dataset(config.dataset, split=config.split, revision=config.revision)
        else:
            path = _file(config) if isinstance(config, FileCorpus) else SHIPPED
            kind = "parquet" if path.suffix == ".parquet" else "json"
            table = datasets.load_dataset(kind, data_files=str(path), split="train")
    except (DatasetsError, OSError, ValueError) as error:
        where = config.dataset if isinstance(config, HubCorpus) else getattr(config, "path", SHIPPED.name)
        raise CorpusError(
            f"the corpus {where} cannot be loaded: {error}. "
            "Check the name and the network; a gated data set needs HF_TOKEN"
        ) from error
    needed = ["conversation_a", "language"]
    missing = [name for name in needed if name not in table.column_names]
    if missing:
        raise CorpusError(
            f"the corpus lacks the columns {', '.join(missing)}; it has {', '.join(table.column_names)}, "
            "and must be in the Chatbot Arena row schema"
        )
    columns = [name for name in (*needed, "reference_points") if name in table.column_names]
    rows: Iterable[Mapping[str, Any]] = table.select_columns(columns)
    return rows


def _file(config: FileCorpus) -> Path:
    path = Path(config.path).expanduser()
    path = path if path.is_absolute() else project_root() / path
    if not path.is_file():
        raise CorpusError(f"the corpus file {path} does not exist; correct corpus.path")
    if not path.stat().st_size:
        raise CorpusError(f"the corpus file {path} cannot be loaded: it is empty")
    return path
