"""Loading a corpus: first user turns, of one language, without duplicates."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd

from arena_assets.config import ANY_LANGUAGE, CorpusConfig, FileCorpus, HubCorpus, project_root
from arena_assets.corpus.language import detect_language
from arena_assets.errors import CorpusError
from arena_assets.ids import normalise_text, prompt_id
from arena_assets.tables import ARENA_CORPUS

_BUILDERS = {".parquet": "parquet", ".csv": "csv"}
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
        stated = row["language"]
        if stated is not None and language not in (stated, ANY_LANGUAGE):
            counts["other_language"] += 1
            continue
        prompt = _first_user_turn(row, number)
        if not normalise_text(prompt):
            counts["empty"] += 1
            continue
        if stated is None:
            stated = detect_language(prompt, None if language == ANY_LANGUAGE else language)
            if language not in (stated, ANY_LANGUAGE):
                counts["other_language"] += 1
                continue
        identity = prompt_id(prompt)
        if identity in kept:
            counts["duplicates"] += 1
            continue
        points = _reference_points(row, number)
        kept[identity] = {
            "prompt_id": identity,
            "prompt": prompt,
            "language": stated,
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
            kind = _BUILDERS.get(path.suffix.lower(), "json")
            table = datasets.load_dataset(kind, data_files=str(path), split="train")
    except (DatasetsError, OSError, ValueError) as error:
        where = config.dataset if isinstance(config, HubCorpus) else getattr(config, "path", SHIPPED.name)
        raise CorpusError(
            f"the corpus {where} cannot be loaded: {error}. "
            "Check the name and the network; a gated data set needs HF_TOKEN"
        ) from error
    prompt, language = _columns(config, list(table.column_names))
    names = [name for name in (prompt, language, "reference_points") if name in table.column_names]
    return (_in_schema(row, prompt, language) for row in table.select_columns(names))


def _columns(config: CorpusConfig, there: list[str]) -> tuple[str, str | None]:
    """The columns of the prompt and of its language, None where that has to be detected."""
    chosen = getattr(config, "columns", None)
    if chosen is None:
        prompt = next((name for name in ("conversation_a", "prompt") if name in there), "conversation_a")
        language = "language" if "language" in there else None
    else:
        prompt = chosen.prompt
        language = chosen.language or ("language" if "language" in there else None)
    missing = [name for name in (prompt, language) if name is not None and name not in there]
    if missing:
        raise CorpusError(
            f"the corpus lacks the columns {', '.join(missing)}; it has {', '.join(there)}, and must be in the "
            "Chatbot Arena row schema, have a column prompt, or be described by corpus.columns"
        )
    return prompt, language


def _in_schema(row: Mapping[str, Any], prompt: str, language: str | None) -> dict[str, Any]:
    """A row in the Chatbot Arena schema; a language that a row does not state is detected."""
    value = row[prompt]
    turns = value
    if prompt != "conversation_a" and not isinstance(value, list):
        turns = [{"role": "user", "content": "" if value is None else str(value)}]
    stated = row[language] if language is not None else None
    return {
        "conversation_a": turns,
        "language": None if stated is None else str(stated),
        "reference_points": row.get("reference_points"),
    }


def _file(config: FileCorpus) -> Path:
    path = Path(config.path).expanduser()
    path = path if path.is_absolute() else project_root() / path
    if not path.is_file():
        raise CorpusError(f"the corpus file {path} does not exist; correct corpus.path")
    if not path.stat().st_size:
        raise CorpusError(f"the corpus file {path} cannot be loaded: it is empty")
    return path
