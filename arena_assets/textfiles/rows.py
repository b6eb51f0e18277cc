"""Rows on their way from a file, each with its place; one that cannot be read is told, never dropped."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

# What the values of a row are: those of JSON; texts, as of CSV; those of typed columns, where NaN may say "missing".
Kind = Literal["json", "cells", "columns"]


@dataclass(frozen=True, slots=True)
class Place:
    """Where a row stands; the first line, or row where a file has no lines, is 1."""

    file: str
    number: int
    unit: str = "line"

    def __str__(self) -> str:
        return f"{self.file}, {self.unit} {self.number}"


@dataclass(frozen=True, slots=True)
class Row:
    """One row that was read, with the columns that are there."""

    place: Place
    data: Mapping[str, Any]


@dataclass(frozen=True, slots=True)
class OddRow:
    """What could not be read as a row, why, and how many rows or lines it may have cost."""

    place: Place
    text: str
    cost: int = 1


@dataclass(frozen=True)
class Rows:
    """The rows of a file or data set, to be read once; `columns` are all that it has, in their order."""

    name: str
    columns: tuple[str, ...]
    stream: Iterator[Row | OddRow]
    kind: Kind = "columns"
