"""Rows of CSV and TSV, with the line on which each begins."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterator
from typing import TYPE_CHECKING

from arena_assets.config.contents import data_suffix
from arena_assets.errors import FileError
from arena_assets.textfiles.rows import OddRow, Place, Row, Rows
from arena_assets.textfiles.text import TextFile

if TYPE_CHECKING:
    from _csv import Reader

_SEPARATORS = (",", ";", "\t")


def delimited_rows(file: TextFile) -> Rows:
    """The rows of a file whose first line names the columns; tabs separate in `.tsv`, else what its head has most of.

    Raises:
        FileError: the file cannot be read, or a column stands twice.
    """
    separator = "\t" if data_suffix(file.path) == ".tsv" else _separator(file)
    with file.open() as text:
        try:
            header: list[str] = next(_reader(text, separator), [])
        except csv.Error as error:
            raise FileError(f"{file.path} cannot be loaded: its first line names no columns: {error}") from error
    names = tuple(name.strip() for name in header)
    doubled = sorted({name for name in names if name and names.count(name) > 1})
    if doubled:
        raise FileError(f"{file.path} has the columns {', '.join(doubled)} more than once; rename them")
    return Rows(file.name, names, _stream(file, names, separator), "cells")


def _stream(file: TextFile, names: tuple[str, ...], separator: str) -> Iterator[Row | OddRow]:
    with file.open() as text:
        reader = _reader(text, separator)
        next(reader, None)
        while True:
            before = reader.line_num
            place = Place(file.name, before + 1)
            try:
                fields = next(reader)
            except StopIteration:
                return
            except csv.Error as error:
                # A quotation that does not end takes every line to the file's end with it: they count.
                yield OddRow(place, f"its quotation marks do not fit: {error}", max(1, reader.line_num - before))
                continue
            if not fields:
                continue
            if any("\0" in field for field in fields):
                yield OddRow(place, "it holds NUL bytes")
                continue
            if len(fields) < len(names) or any(fields[len(names) :]):
                yield OddRow(place, f"it has {len(fields)} fields, and the file {len(names)} columns")
                continue
            yield Row(place, dict(zip(names, fields, strict=False)))


def _reader(text: Iterator[str], separator: str) -> Reader:
    # A prompt may be longer than the 131,072 characters at which the module stops; the limit is its only one.
    csv.field_size_limit(sys.maxsize)
    return csv.reader(text, delimiter=separator, strict=True)


def _separator(file: TextFile) -> str:
    with file.open() as text:
        head = next(iter(text), "")
    return max(_SEPARATORS, key=head.count)
