"""From rows to prompts: first user turns, of one language, without duplicates; what is left out is counted."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from itertools import chain, islice
from typing import Any

import pandas as pd

from arena_assets.config import ANY_LANGUAGE
from arena_assets.config.languages import language_name
from arena_assets.corpus.columns import PICTURES, TOOLS, Chosen
from arena_assets.corpus.conversation import FirstTurn, NoPromptError, Without, first_turn
from arena_assets.corpus.dress import Tally, tally, undress
from arena_assets.corpus.filters import Filters
from arena_assets.corpus.language import detect_language
from arena_assets.corpus.odd_rows import OddRows
from arena_assets.errors import CorpusError
from arena_assets.estimation.data.foreign import id_text, kind_of
from arena_assets.ids import normalise_text, prompt_id
from arena_assets.tables import ARENA_CORPUS
from arena_assets.textfiles import OddRow, Row, Rows

# Rows of the beginning by which the form of a column's texts is decided, and that are held in memory for it.
_HEAD = 1000
_ALWAYS_COUNTED = ("rows", "other_language", "empty", "duplicates", "kept")


@dataclass(frozen=True)
class Corpus:
    """The prompts that remain, and how many rows went where.

    odd: the first rows that could not be read, by place. notes: what the rows were read from, for the table's file.
    """

    table: pd.DataFrame
    counts: dict[str, int]
    odd: tuple[str, ...] = ()
    notes: Mapping[str, str] = field(default_factory=dict)

    @property
    def metadata(self) -> dict[str, int | str | list[str]]:
        """What people are told of the corpus."""
        odd: dict[str, list[str]] = {"rows that cannot be read": list(self.odd)} if self.odd else {}
        return {**self.counts, **odd, **self.notes}


def select(rows: Rows, chosen: Chosen, language: str, filters: Filters) -> Corpus:
    """Filter rows; of equal prompts (after normalisation) the first is kept.

    Raises:
        CorpusError: too many rows cannot be read, texts and JSON are mixed, or no prompt is left.
    """
    head = list(islice(rows.stream, _HEAD))
    texts, seen = chosen.texts, tally(row.data.get(chosen.prompt) for row in head if isinstance(row, Row))
    judged = texts == "auto"
    if judged:
        texts = seen.verdict(chosen.prompt, rows.name)
    selection = _Selection(replace(chosen, texts=texts), language, filters)
    for number, row in enumerate(chain(head, rows.stream)):
        if number >= len(head) and judged and isinstance(row, Row):
            seen.add(row.data.get(chosen.prompt))
        selection.take(row)
    if judged:
        _require_same(seen, texts, chosen.prompt, rows.name)
    return selection.corpus(rows.name)


class _Selection:
    """The prompts kept so far, column by column: as objects, a million of them would not fit into a laptop."""

    def __init__(self, chosen: Chosen, language: str, filters: Filters) -> None:
        self._chosen, self._language, self._filters = chosen, language, filters
        self._kept: dict[str, list[Any]] = {name: [] for name in ARENA_CORPUS.names}
        self._ids: set[str] = set()
        self._odd = OddRows()
        self._counts = dict.fromkeys((*_ALWAYS_COUNTED[:-1], *filters.names), 0)

    def take(self, row: Row | OddRow) -> None:
        """Keep a row's prompt, or count why not."""
        number = self._counts["rows"]
        self._counts["rows"] += row.cost if isinstance(row, OddRow) else 1
        try:
            reason = "unreadable" if isinstance(row, OddRow) else self._left_out(row.data, number)
        except NoPromptError as error:
            row, reason = OddRow(row.place, str(error)), "unreadable"
        if isinstance(row, OddRow):
            self._odd.add(row)
        elif reason is not None:
            self._counts[reason] = self._counts.get(reason, 0) + 1

    def corpus(self, source: str) -> Corpus:
        """What was kept, with all counts."""
        rows, kept = self._counts["rows"], len(self._ids)
        counts = self._counts | ({"unreadable": self._odd.count} if self._odd.count else {}) | {"kept": kept}
        self._odd.judge(rows, source)
        if not kept:
            raise CorpusError(_nothing_left(counts, self._language, source, self._odd.texts))
        return Corpus(pd.DataFrame(self._kept, columns=list(ARENA_CORPUS.names)), counts, tuple(self._odd.texts))

    def _left_out(self, row: Mapping[str, Any], number: int) -> str | None:
        """Keep the row's prompt; else the reason why it is left out.

        Raises:
            NoPromptError: the row cannot be read.
        """
        stated = _stated_language(row, self._chosen.language)
        if stated is not None and self._is_other(stated):
            return "other_language"
        turn = _turn(row, self._chosen)
        needs = turn.needs or _needs(row, self._chosen)
        if needs is not None:
            return needs
        if not normalise_text(turn.text):
            return "empty"
        reason = self._filters.by_row(row, turn) or self._filters.by_text(turn.text)
        if reason is not None:
            return reason
        if stated is None:
            stated = detect_language(turn.text, None if self._language == ANY_LANGUAGE else self._language)
            if self._is_other(stated):
                return "other_language"
        identity = prompt_id(turn.text)
        if identity in self._ids:
            return "duplicates"
        values = (identity, turn.text, stated, number, _reference_points(row), _cluster(row, self._chosen.cluster))
        self._ids.add(identity)
        for column, value in zip(self._kept.values(), values, strict=True):
            column.append(value)
        return None

    def _is_other(self, language: str) -> bool:
        return self._language not in (language, ANY_LANGUAGE)


def _turn(row: Mapping[str, Any], chosen: Chosen) -> FirstTurn:
    if chosen.prompt not in row:
        raise NoPromptError(f"it has no {chosen.prompt}; it has {', '.join(map(str, row)) or 'nothing'}")
    value = row[chosen.prompt]
    turn = undress(value) if chosen.texts == "json" and isinstance(value, str) else first_turn(value)
    try:
        turn.text.encode("utf-8")
    except UnicodeEncodeError as error:
        raise NoPromptError(
            f"its prompt holds what is no text at character {error.start + 1}: a byte that is not of the file's "
            "encoding, or half of a character"
        ) from error
    return turn


def _needs(row: Mapping[str, Any], chosen: Chosen) -> Without | None:
    if any(row.get(name) not in (None, "", "[]", [], {}) for name in PICTURES if name != chosen.prompt):
        return "images"
    conversation = not isinstance(row[chosen.prompt], str) or chosen.texts == "json"
    if conversation and any(row.get(name) not in (None, "", "[]", [], {}) for name in TOOLS):
        return "tools"
    return None


def _stated_language(row: Mapping[str, Any], column: str | None) -> str | None:
    """The language that the row states, by its English name; None where it states none."""
    value = None if column is None else row.get(column)
    return language_name(str(value)) or None if value is not None else None


def _cluster(row: Mapping[str, Any], column: str | None) -> str | None:
    """The cluster that the row states; None where it states none, and the prompt stands alone."""
    value = None if column is None else row.get(column)
    if value is None or value == "" or value != value:
        return None
    name = id_text(value)
    if name is None:
        raise NoPromptError(f"its {column} is {kind_of(value)}, not a text or a whole number")
    return name


def _reference_points(row: Mapping[str, Any]) -> list[list[str]]:
    points = row.get("reference_points") or []
    if isinstance(points, str):
        try:
            points = json.loads(points)
        except ValueError as error:
            raise NoPromptError(f"its reference_points are no JSON: {error}") from error
    for point in points if isinstance(points, list) else [points]:
        if not isinstance(point, list) or not all(isinstance(spelling, str) for spelling in point):
            raise NoPromptError(
                f'its reference_points are not lists of spellings (first: {point!r}); write [["Paris"], ["seven", "7"]]'
            )
    return [list(point) for point in points]


def _require_same(seen: Tally, texts: str, column: str, source: str) -> None:
    if seen.verdict(column, source) != texts:
        raise CorpusError(
            f"the corpus {source} cannot be loaded: the first {_HEAD} texts of its column {column} are {texts}, and "
            f"{seen.dressed} of all {seen.texts} are JSON; say corpus.columns.texts: plain or json"
        )


def _nothing_left(counts: Mapping[str, int], language: str, source: str, odd: list[str]) -> str:
    if odd and counts["unreadable"] == counts["rows"]:
        return f"the corpus {source} cannot be loaded: {'; '.join(odd)}"
    others = [
        f"{count} {name.replace('_', ' ')}" for name, count in counts.items() if name not in _ALWAYS_COUNTED and count
    ]
    return (
        f"the corpus has no {language} prompt: of {counts['rows']} rows {counts['other_language']} are of another "
        f"language and {counts['empty']} are empty{''.join(f', {one}' for one in others)}"
        f"{f' ({odd[0]})' if odd else ''}; check corpus.language and the data set"
    )
