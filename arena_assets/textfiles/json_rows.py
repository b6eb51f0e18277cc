"""Rows of JSON: Lines, one an object; or a document, which is an array of them or an object that holds one."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from itertools import chain, islice
from pathlib import Path
from typing import Any

from arena_assets.errors import FileError
from arena_assets.estimation.data.foreign import json_object, kind_of
from arena_assets.textfiles.rows import OddRow, Place, Row, Rows
from arena_assets.textfiles.text import TextFile

# Rows of the beginning, whose keys are the columns.
_HEAD = 1000
_SPACE = " \t\r\n"


def json_rows(file: TextFile) -> Rows:
    """The rows of a JSON file; a line that is no JSON object is an odd row.

    Raises:
        FileError: the file cannot be read, or a document breaks off or holds no rows.
    """
    stream = _lines(file) if _is_lines(file) else _document(file)
    head = list(islice(stream, _HEAD))
    columns = dict.fromkeys(name for row in head if isinstance(row, Row) for name in row.data)
    return Rows(file.name, tuple(columns), chain(head, stream), "json")


def _is_lines(file: TextFile) -> bool:
    """Whether each line is a value of its own.

    Decided by the file's beginning: `[` opens an array, whatever the name says; a `.json` of one object, on one line or
    on many, is a document.
    """
    with file.open() as text:
        full = (line for line in text if line.strip(_SPACE))
        first, second = next(full, ""), next(full, "")
    if first.lstrip(_SPACE).startswith("["):
        return False
    if ".json" not in (suffix.lower() for suffix in file.path.suffixes):
        return True
    return bool(second.strip(_SPACE)) and isinstance(json_object(first), dict)


def _lines(file: TextFile) -> Iterator[Row | OddRow]:
    with file.open() as text:
        for number, line in enumerate(text, 1):
            if not line.strip(_SPACE):
                continue
            place, found = Place(file.name, number), json_object(line)
            if isinstance(found, dict):
                yield Row(place, found)
            else:
                yield OddRow(place, f"it is {found if _is_text(line) else 'not UTF-8'}")


def _is_text(line: str) -> bool:
    """Whether every byte of a line was one of its encoding; all but UTF-8 know every byte."""
    return not any("\udc80" <= character <= "\udcff" for character in line)


def _document(file: TextFile) -> Iterator[Row | OddRow]:
    """The rows of a document, which is held in memory as text, not as objects."""
    with file.open() as opened:
        text = opened.read()
    decoder = json.JSONDecoder()
    at, line, counted, rows, above = _skip(text, 0), 1, 0, 0, 0
    one_line = "\n" not in text.strip(_SPACE)
    in_array = text.startswith("[", at)
    at = _skip(text, at + 1) if in_array else at
    while at < len(text) and not (in_array and text[at] == "]"):
        try:
            value, end = decoder.raw_decode(text, at)
        except (ValueError, RecursionError) as error:
            raise _broken(file.path, _said(error)) from error
        line, counted, rows = line + text.count("\n", counted, at), at, rows + 1
        # Where rows share a line, its number would not say which is meant.
        shared = in_array and (one_line or line == above)
        place = Place(file.name, rows, "row") if shared else Place(file.name, line)
        above = line
        yield from _rows_of(place, value, alone=not in_array and _skip(text, end) == len(text))
        at = _skip(text, end)
        if in_array and text.startswith(",", at):
            at = _skip(text, at + 1)
        elif in_array and not text.startswith("]", at):
            raise _broken(file.path, f"the array breaks off in line {line + text.count(chr(10), counted, at)}")
    if in_array and (at >= len(text) or _skip(text, at + 1) != len(text)):
        raise _broken(file.path, "its array never ends, or something follows it")


def _rows_of(place: Place, value: Any, *, alone: bool) -> Iterator[Row | OddRow]:
    """A value as rows: an object that stands alone and holds one list of objects is the frame around its rows."""
    lists = (
        [(name, one) for name, one in value.items() if _is_table(one)] if alone and isinstance(value, Mapping) else []
    )
    if len(lists) == 1 and not _is_conversation(lists[0][1]):
        for number, inner in enumerate(lists[0][1], 1):
            yield _row(Place(f"{place.file} ({lists[0][0]})", number, "row"), inner)
    else:
        yield _row(place, value)


def _is_table(value: Any) -> bool:
    return isinstance(value, list) and bool(value) and all(isinstance(one, dict) for one in value)


def _is_conversation(rows: list[Mapping[str, Any]]) -> bool:
    return all("role" in row or "from" in row for row in rows)


def _row(place: Place, value: Any) -> Row | OddRow:
    return Row(place, value) if isinstance(value, dict) else OddRow(place, f"it is {kind_of(value)}, not an object")


def _skip(text: str, at: int) -> int:
    while at < len(text) and text[at] in _SPACE:
        at += 1
    return at


def _said(error: Exception) -> str:
    return str(error) if isinstance(error, ValueError) else "nested too deeply"


def _broken(path: Path, said: str) -> FileError:
    return FileError(f"{path} cannot be loaded: it is no JSON: {said}; is it whole?")
